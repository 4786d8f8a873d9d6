using Loyalty.Domain.Requests;
using NodaTime;

namespace Loyalty.Domain.Members;

/// <summary>Points left for another member. docs/HOUSEHOLDS.md.</summary>
/// <param name="Transfer">As it was sent.</param>
/// <param name="Lots">What left, the fee included, in the order of spending; the fee is the end of it.</param>
/// <param name="Fee">Points of them that are the fee; 0 or more.</param>
/// <param name="Day">The day for whose limit they count.</param>
public sealed record TransferSent(Transfer Transfer, Lot[] Lots, long Fee, LocalDate Day) : MemberEvent
{
    /// <summary>What the receiver gets.</summary>
    public Lot[] Sent => Fee == 0 ? Lots : MemberDecider.Split(Lots, Transfer.Points).First;

    /// <summary>What the transfer costs.</summary>
    public Lot[] FeeLots => Fee == 0 ? [] : MemberDecider.Split(Lots, Transfer.Points).Left;
}

/// <summary>Points of another member arrived.</summary>
/// <param name="Transfer">Id of the transfer.</param>
/// <param name="From">Who gave.</param>
/// <param name="Unit">Of which unit.</param>
/// <param name="Lots">What is in lots now, with their own dates.</param>
/// <param name="Repaid">What repaid debt.</param>
/// <param name="Message">Words of a gift, or null.</param>
public sealed record TransferReceived(string Transfer, string From, string Unit, Lot[] Lots, long Repaid, string? Message) : MemberEvent;

/// <summary>The receiver has decided about a transfer.</summary>
/// <param name="Transfer">As it was sent.</param>
/// <param name="Fee">What it cost; of a refused one it came back.</param>
/// <param name="Day">The day for whose limit it counted.</param>
/// <param name="Refusal">Why it was not taken; null: it arrived.</param>
/// <param name="Freed">Of a refused one: what is in lots again.</param>
/// <param name="Repaid">Of a refused one: what repaid debt.</param>
public sealed record TransferEnded(Transfer Transfer, long Fee, LocalDate Day, Refusal? Refusal, Lot[] Freed, long Repaid) : MemberEvent;

/// <summary>A transfer whose receiver has not decided yet.</summary>
/// <param name="Transfer">As it was sent.</param>
/// <param name="Lots">What left, the fee included.</param>
/// <param name="Fee">Points of them that are the fee.</param>
/// <param name="Day">The day for whose limit they count.</param>
public sealed record OpenTransfer(Transfer Transfer, Lot[] Lots, long Fee, LocalDate Day);

/// <summary>What a member gave of a unit lately, for the limits.</summary>
/// <param name="Unit">Which unit.</param>
/// <param name="Day">The latest day.</param>
/// <param name="OnDay">Given on it.</param>
/// <param name="InYear">Given in its year.</param>
public readonly record struct GivenPoints(string Unit, LocalDate Day, long OnDay, long InYear)
{
    /// <summary>What counts on a day: of another day or year nothing.</summary>
    public GivenPoints At(LocalDate day) => day <= Day ? this : new(Unit, day, 0, day.Year == Day.Year ? InYear : 0);
}

/// <summary>Transfers of a member that are under way, and what it gave lately. Most members have none.</summary>
public sealed class TransferBook
{
    /// <summary>Transfers that may be under way.</summary>
    public const int MaxOpen = 64;

    private readonly List<OpenTransfer> _open = [];
    private readonly List<GivenPoints> _given = [];

    /// <summary>In the order in which they were sent.</summary>
    public IReadOnlyList<OpenTransfer> Open => _open;

    /// <summary>One for each unit that was ever given.</summary>
    public IReadOnlyList<GivenPoints> Given => _given;

    /// <summary>Nothing is kept here.</summary>
    public bool IsEmpty => _open.Count == 0 && _given.Count == 0;

    /// <summary>The transfer of that id that is under way, or null.</summary>
    public OpenTransfer? Find(string id) => _open.Find(transfer => string.Equals(transfer.Transfer.Id, id, StringComparison.Ordinal));

    /// <summary>What was given of a unit, as it counts on a day.</summary>
    public GivenPoints GivenOn(string unit, LocalDate day) =>
        _given.FindIndex(given => given.Unit == unit) is var index and >= 0 ? _given[index].At(day) : new(unit, day, 0, 0);

    internal void Add(OpenTransfer transfer) => _open.Add(transfer);

    internal void Remove(string id) => _open.Remove(Find(id) ?? throw new InvalidOperationException($"transfer {id} is not under way"));

    internal void Restore(GivenPoints given) => _given.Add(given);

    /// <summary>Counts points that were given on a day, or (below 0) that came back.</summary>
    internal void Count(string unit, LocalDate day, long points)
    {
        var index = _given.FindIndex(given => given.Unit == unit);
        var given = (index >= 0 ? _given[index] : new(unit, day, 0, 0)).At(day);
        var isSameDay = given.Day == day;
        var isSameYear = given.Day.Year == day.Year;
        given = given with { OnDay = given.OnDay + (isSameDay ? points : 0), InYear = given.InYear + (isSameYear ? points : 0) };
        if (index < 0)
        {
            _given.Add(given);
        }
        else
        {
            _given[index] = given;
        }
    }
}
