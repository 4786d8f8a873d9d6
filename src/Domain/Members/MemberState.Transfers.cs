namespace Loyalty.Domain.Members;

public sealed partial class MemberState
{
    /// <summary>Transfers under way and what was given lately; null: there never were any.</summary>
    public TransferBook? Transfers { get; private set; }

    internal TransferBook MakeTransfers() => Transfers ??= new();

    /// <summary>Applies a fact about transfers; false: it is about something else.</summary>
    private bool ApplyTransfer(MemberEvent fact)
    {
        switch (fact)
        {
            case TransferSent e:
                Book(e.Transfer.Unit).TakeMany(e.Lots);
                MakeTransfers().Add(new(e.Transfer, e.Lots, e.Fee, e.Day));
                Transfers!.Count(e.Transfer.Unit, e.Day, e.Transfer.Points);
                return true;
            case TransferReceived e:
                PutBack(e.Unit, e.Lots, e.Repaid);
                return true;
            case TransferEnded e:
                MakeTransfers().Remove(e.Transfer.Id);
                if (e.Refusal is not null)
                {
                    Transfers!.Count(e.Transfer.Unit, e.Day, -e.Transfer.Points);
                    PutBack(e.Transfer.Unit, e.Freed, e.Repaid);
                }

                return true;
            default:
                return false;
        }
    }
}
