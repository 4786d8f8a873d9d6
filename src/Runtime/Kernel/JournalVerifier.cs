using System.IO.Hashing;
using Loyalty.Domain.Encoding;
using Loyalty.Domain.Ledger;
using Loyalty.Runtime.Journal;

namespace Loyalty.Runtime.Kernel;

/// <summary>What a verification found.</summary>
/// <param name="Actors">Actors with at least one event.</param>
/// <param name="Events">Events read.</param>
/// <param name="Bad">Damages found.</param>
/// <param name="Damages">The first of them, at most <see cref="JournalVerifier.MaxDamages"/>.</param>
/// <param name="Sums">Every measure, computed again from the events.</param>
public sealed record VerifyResult(long Actors, long Events, long Bad, IReadOnlyList<JournalDamage> Damages, IReadOnlyDictionary<string, long> Sums)
{
    /// <summary>The largest absolute sum over all accounts of a unit; 0: the books balance.</summary>
    public long TrialBalance => Sums
        .Select(sum => (Account: MeasureNames.ParseAccount(sum.Key), sum.Value))
        .Where(sum => sum.Account is not null)
        .GroupBy(sum => sum.Account!.Value.Unit, StringComparer.Ordinal)
        .Select(unit => Math.Abs(unit.Sum(account => account.Value)))
        .DefaultIfEmpty(0)
        .Max();
}

/// <summary>
/// Reads all the books again: checksums (by the archive), each actor's versions and hash chain, a replay of every actor against its snapshot, and the sums that the
/// journal carries against the sums of the events.
/// </summary>
public sealed class JournalVerifier(IReadOnlyList<ActorKind> kinds)
{
    /// <summary>Damages that are described; all are counted.</summary>
    public const int MaxDamages = 20;

    /// <summary>Actors held in memory at a time; more are checked in several passes over the journal.</summary>
    public const int ActorsPerPass = 3_000_000;

    private readonly Dictionary<string, ActorKind> _kinds = kinds.ToDictionary(kind => kind.Name, StringComparer.Ordinal);
    private readonly List<JournalDamage> _damages = [];
    private readonly Ledger _ledger = new();
    private readonly ByteWriter _writer = new();
    private readonly ByteWriter _scratch = new();
    private long _bad;
    private long _actors;
    private long _events;

    /// <summary>Verifies.</summary>
    /// <param name="archive">The books.</param>
    /// <param name="onActor">Is told the final state of every sound actor.</param>
    /// <param name="onProgress">Is told events read and events there are (of all passes), now and then.</param>
    public VerifyResult Run(IJournalArchive archive, Action<ActorId, object>? onActor = null, Action<long, long>? onProgress = null)
    {
        var totals = ReadTotals(archive);
        var snapshots = new Dictionary<ActorId, (long Version, Hash128 Chain, ulong State)>();
        foreach (var snapshot in archive.ReadSnapshots(Report))
        {
            if (StateOf(snapshot) is { } state)
            {
                snapshots[snapshot.Actor] = (snapshot.Version, snapshot.Hash, state);
            }
        }

        var passes = Math.Max(1, (int)((snapshots.Count / ActorsPerPass) + 1));
        long records = 0;
        for (var pass = 0; pass < passes; pass++)
        {
            records = Pass(archive, snapshots, pass, passes, totals, onActor, onProgress);
        }

        if (totals is not null)
        {
            Compare(totals, records);
        }

        return new(_actors, _events, _bad, _damages, _ledger.Sums);
    }

    /// <summary>Null when the journal's end is damaged: everything else is read all the same, and shows where.</summary>
    private JournalTotals? ReadTotals(IJournalArchive archive)
    {
        try
        {
            return archive.Totals();
        }
        catch (JournalCorruptException e)
        {
            Report(new(0, null, e.Message));
            return null;
        }
    }

    /// <summary>The snapshot as today's engine would write it: an older form of the same state is no damage. Null: it cannot be read.</summary>
    private ulong? StateOf(Snapshot snapshot)
    {
        if (!_kinds.TryGetValue(snapshot.Actor.Kind, out var kind))
        {
            Report(new(0, snapshot.Actor, "is of a kind that this engine does not know"));
            return null;
        }

        try
        {
            var state = ActorState.Of(kind, snapshot.Actor, new(snapshot, []));
            return XxHash3.HashToUInt64(state.ToSnapshot(_writer, _scratch, 0).State.Span);
        }
        catch (JournalCorruptException e)
        {
            Report(new(0, snapshot.Actor, e.Message));
            return null;
        }
    }

    private long Pass(
        IJournalArchive archive, Dictionary<ActorId, (long Version, Hash128 Chain, ulong State)> snapshots, int pass, int passes, JournalTotals? totals,
        Action<ActorId, object>? onActor, Action<long, long>? onProgress)
    {
        var states = new Dictionary<ActorId, ActorState?>();
        long records = 0;
        long read = 0;
        foreach (var record in archive.ReadAll(pass == 0 ? Report : static _ => { }))
        {
            // What a running engine appends meanwhile is for the next verification.
            if (record.Position > (totals?.Position ?? long.MaxValue))
            {
                break;
            }

            records++;
            read += record.EventCount;
            if ((records & 0x3fff) == 0)
            {
                onProgress?.Invoke(read + (pass * (totals?.Events ?? 0)), (totals?.Events ?? 0) * passes);
            }

            if (passes > 1 && record.Actor.StableHash() % (ulong)passes != (ulong)pass)
            {
                continue;
            }

            _events += record.EventCount;
            Check(record, states, snapshots);
        }

        foreach (var (actor, state) in states)
        {
            _actors++;
            if (state is not null)
            {
                onActor?.Invoke(actor, state.Value);
            }
        }

        foreach (var (actor, snapshot) in snapshots.Where(snapshot => passes == 1 || snapshot.Key.StableHash() % (ulong)passes == (ulong)pass))
        {
            if (!states.TryGetValue(actor, out var state) || (state is not null && state.Version < snapshot.Version))
            {
                Report(new(0, actor, $"has a snapshot of version {snapshot.Version}, and its events end at {state?.Version ?? 0}"));
            }
        }

        return records;
    }

    private void Check(
        JournalRecord record, Dictionary<ActorId, ActorState?> states, Dictionary<ActorId, (long Version, Hash128 Chain, ulong State)> snapshots)
    {
        if (!states.TryGetValue(record.Actor, out var state))
        {
            if (!_kinds.TryGetValue(record.Actor.Kind, out var kind))
            {
                Report(new(record.Position, record.Actor, "is of a kind that this engine does not know"));
                states[record.Actor] = null;
                return;
            }

            states[record.Actor] = state = ActorState.Empty(kind, record.Actor);
        }

        if (state is null)
        {
            // Broken before: what follows on a break cannot be judged.
            return;
        }

        try
        {
            state.Apply(record);
            state.Kind.Post(ActorState.KindPart(record.Events.Span, out _), _ledger);
        }
        catch (JournalCorruptException e)
        {
            Report(new(record.Position, record.Actor, e.Message));
            states[record.Actor] = null;
            return;
        }

        if (snapshots.TryGetValue(record.Actor, out var snapshot) && snapshot.Version == state.Version)
        {
            var replayed = state.ToSnapshot(_writer, _scratch, 0);
            if (snapshot.Chain != state.Hash || XxHash3.HashToUInt64(replayed.State.Span) != snapshot.State)
            {
                Report(new(record.Position, record.Actor, $"has a snapshot of version {snapshot.Version} that its events do not lead to"));
            }
        }
    }

    private void Compare(JournalTotals totals, long records)
    {
        if (records != totals.Records || _events != totals.Events)
        {
            Report(new(totals.Position, null, $"the journal carries {totals.Records} records with {totals.Events} events; {records} with {_events} are there"));
        }

        foreach (var name in totals.Sums.Keys.Union(_ledger.Sums.Keys, StringComparer.Ordinal))
        {
            var (carried, counted) = (totals.Sums.GetValueOrDefault(name), _ledger.Sums.GetValueOrDefault(name));
            if (carried != counted)
            {
                Report(new(totals.Position, null, $"the journal carries {carried} as {name}; its events add up to {counted}"));
            }
        }
    }

    private void Report(JournalDamage damage)
    {
        _bad++;
        if (_damages.Count < MaxDamages)
        {
            _damages.Add(damage);
        }
    }

    private sealed class Ledger : ILedgerSink
    {
        public Dictionary<string, long> Sums { get; } = new(StringComparer.Ordinal);

        public void Post(string unit, string from, string to, long points)
        {
            Add(MeasureNames.Account(unit, from), -points);
            Add(MeasureNames.Account(unit, to), points);
        }

        public void Count(string counter, long delta) => Add(MeasureNames.Counter(counter), delta);

        private void Add(string name, long delta)
        {
            if (delta != 0)
            {
                Sums[name] = Sums.GetValueOrDefault(name) + delta;
            }
        }
    }
}
