using Loyalty.Domain.Ledger;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;

namespace Loyalty.Runtime.Loyalty;

/// <summary>What the books hold of a request: the record in which it was decided, its facts and what it posted.</summary>
/// <param name="Record">Who decided, when, where in the journal; its chain.</param>
/// <param name="Before">The actor's chain before it.</param>
/// <param name="Facts">In their order, as objects of the domain; empty: the kind of actor does not tell.</param>
/// <param name="Postings">Everything that was posted, in order.</param>
/// <param name="Counts">Every counter that changed.</param>
public sealed record RequestTrace(JournalRecord Record, Hash128 Before, IReadOnlyList<object> Facts, IReadOnlyList<TracedPosting> Postings, IReadOnlyList<Measure> Counts)
{
    /// <summary>Version of the first fact: the kernel's own entries are counted in front of it.</summary>
    public long FirstFact => Record.LastVersion - Facts.Count + 1;
}

/// <summary>A posting.</summary>
/// <param name="Unit">Of which unit.</param>
/// <param name="From">Account.</param>
/// <param name="To">Account.</param>
/// <param name="Points">Minor units; above 0.</param>
public readonly record struct TracedPosting(string Unit, string From, string To, long Points);

public sealed partial class LoyaltyEngine
{
    private Dictionary<string, ActorKind>? _kinds;

    /// <summary>Finds what was decided about a request, whoever decided it; null: no request of that id is in the books.</summary>
    /// <exception cref="JournalUnavailableException">The store cannot be read now.</exception>
    public async ValueTask<RequestTrace?> TraceAsync(string requestId)
    {
        if (await Books.FindAsync(requestId).ConfigureAwait(false) is not { } record)
        {
            return null;
        }

        var before = Hash128.Zero;
        if (record.FirstVersion > 1)
        {
            var earlier = await Books.ReadHistoryAsync(record.Actor, record.Position, 1).ConfigureAwait(false);
            before = earlier[0].Hash;
        }

        var kind = (_kinds ??= Kinds(Programs).ToDictionary(one => one.Name, StringComparer.Ordinal)).GetValueOrDefault(record.Actor.Kind);
        var postings = new Postings();
        IReadOnlyList<object> facts = [];
        if (kind is not null)
        {
            var events = ActorState.KindPart(record.Events.Span, out _);
            kind.Post(events, postings);
            facts = kind.ReadFacts(events);
        }

        return new(record, before, facts, postings.All, postings.Counts);
    }

    private sealed class Postings : ILedgerSink
    {
        public List<TracedPosting> All { get; } = [];

        public List<Measure> Counts { get; } = [];

        public void Post(string unit, string from, string to, long points)
        {
            if (points != 0)
            {
                All.Add(new(unit, from, to, points));
            }
        }

        public void Count(string counter, long delta)
        {
            if (delta != 0)
            {
                Counts.Add(new(counter, delta));
            }
        }
    }
}
