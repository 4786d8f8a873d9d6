using Loyalty.Domain.Requests;

namespace Loyalty.Domain.Members;

public sealed partial class MemberState
{
    /// <summary>What the member may ask of its household at the same time.</summary>
    public const int MaxHouseholdAsks = 16;

    private List<HouseholdAsked>? _asks;

    /// <summary>The member's place in a household; null: it is in none.</summary>
    public HouseholdSeat? Seat { get; internal set; }

    /// <summary>What was asked of a household that has not answered yet.</summary>
    public IReadOnlyList<HouseholdAsked> HouseholdAsks => _asks ?? (IReadOnlyList<HouseholdAsked>)[];

    internal void Restore(HouseholdAsked ask) => (_asks ??= []).Add(ask);

    /// <summary>Applies a fact about households; false: it is about something else.</summary>
    private bool ApplyHousehold(MemberEvent fact)
    {
        switch (fact)
        {
            case HouseholdAsked e:
                if (e.Lots.Length > 0)
                {
                    Book(e.Request.Unit!).TakeMany(e.Lots);
                }

                Restore(e);
                return true;
            case HouseholdAnswered e:
                _asks?.RemoveAll(ask => ask.Request.Id == e.Request.Id);
                foreach (var back in e.Back)
                {
                    PutBack(back.Unit, back.Lots, back.Repaid);
                }

                if (e.Refusal is null)
                {
                    Seat = e.Request.Ask switch
                    {
                        HouseholdAsk.Join => new(e.Request.Household, e.Request.Role, e.Request.Share),
                        HouseholdAsk.Leave => null,
                        _ => Seat,
                    };
                }

                return true;
            case EarningsShared e:
                Book(e.Unit).TakeMany(e.Lots);
                return true;
            default:
                return false;
        }
    }
}
