using System.Buffers;
using System.Runtime.InteropServices;
using Loyalty.Domain.Encoding;
using Loyalty.Domain.Ledger;
using Loyalty.Runtime.Journal;

namespace Loyalty.Runtime.Kernel;

/// <summary>
/// Brings an export into empty books: the same records in the same order, with the same chains, keys and sums. Only positions are new. Everything is proved on the way: the lines by the reader,
/// versions, chains and unique keys by the journal, and at the end the sums, computed again from the events, against those of the export.
/// </summary>
/// <remarks>Memory: <see cref="BatchesInFlight"/> batches of <see cref="BatchBytes"/>, and what the journal keeps between two checkpoints, which are made here.</remarks>
public sealed class JournalImport(IJournal journal, IReadOnlyList<ActorKind> kinds)
{
    /// <summary>Bytes of a batch.</summary>
    public const int BatchBytes = 1 << 20;

    /// <summary>Records of a batch.</summary>
    public const int BatchRecords = 2000;

    /// <summary>Batches that wait for the journal; then reading pauses.</summary>
    public const int BatchesInFlight = 8;

    private const int CheckpointSlice = 512;

    private readonly Dictionary<string, ActorKind> _kinds = kinds.ToDictionary(kind => kind.Name, StringComparer.Ordinal);
    private readonly Lock _gate = new();
    private readonly ByteWriter _writer = new();
    private readonly ByteWriter _scratch = new();
    private ExportDamagedException? _failure;
    private JournalUnavailableException? _unavailable;

    /// <summary>Records after which snapshots are taken, so that neither the journal's memory nor the next start grows with the books.</summary>
    public long CheckpointRecords { get; init; } = 500_000;

    /// <summary>Brings everything in.</summary>
    /// <param name="input">The lines.</param>
    /// <param name="onProgress">Is told records brought in, now and then.</param>
    /// <exception cref="InvalidOperationException">The books are not empty, or have another key seed.</exception>
    /// <exception cref="ExportDamagedException">The export is damaged, or the journal refuses a record of it. Records before it may be in the books by then.</exception>
    /// <exception cref="JournalUnavailableException">The store cannot take it now.</exception>
    public async Task<ExportEnd> RunAsync(Stream input, Action<long>? onProgress = null)
    {
        if (journal.Totals().Records != 0)
        {
            throw new InvalidOperationException($"{journal.Description} is not empty; an export is brought into empty books only");
        }

        using var slots = new SemaphoreSlim(BatchesInFlight);
        try
        {
            var end = await AppendAllAsync(input, slots, onProgress).ConfigureAwait(false);
            Compare(end);
            await CheckpointAsync().ConfigureAwait(false);
            return end;
        }
        finally
        {
            // Whatever happened: what is under way ends before its slot goes.
            for (var i = 0; i < BatchesInFlight; i++)
            {
                await slots.WaitAsync().ConfigureAwait(false);
            }
        }
    }

    private async Task<ExportEnd> AppendAllAsync(Stream input, SemaphoreSlim slots, Action<long>? onProgress)
    {
        ExportEnd? end = null;
        var batch = NewBatch(slots);
        long records = 0, sinceCheckpoint = 0;
        foreach (var line in ExportReader.Read(input))
        {
            if (line.Head is { } head && head.KeySeed != journal.KeySeed)
            {
                throw new InvalidOperationException($"{journal.Description} has another key seed than the export: its requests would not be found");
            }

            end = line.End ?? end;
            if (line.Whole is not { } whole)
            {
                continue;
            }

            Add(batch, whole, line.Line);
            records++;
            var isCheckpoint = ++sinceCheckpoint >= CheckpointRecords;
            if (isCheckpoint || batch.Entries.Count >= BatchRecords || batch.Payload.WrittenCount >= BatchBytes)
            {
                await SendAsync(batch, slots).ConfigureAwait(false);
                batch = NewBatch(slots);
                onProgress?.Invoke(records);
            }

            if (isCheckpoint)
            {
                sinceCheckpoint = 0;
                await DrainAsync(slots).ConfigureAwait(false);
                await CheckpointAsync().ConfigureAwait(false);
            }
        }

        await SendAsync(batch, slots).ConfigureAwait(false);
        await DrainAsync(slots).ConfigureAwait(false);
        return end!;
    }

    private void Add(AppendBatch batch, ArchivedRecord whole, long line)
    {
        var record = whole.Record;
        if (!_kinds.TryGetValue(record.Actor.Kind, out var kind))
        {
            throw new ExportDamagedException(line, $"{record.Actor} is of a kind that this engine does not know: a newer engine wrote it");
        }

        var entry = new AppendEntry
        {
            Actor = record.Actor,
            ExpectedVersion = record.FirstVersion - 1,
            ExpectedHash = whole.Before,
            EventCount = record.EventCount,
            PayloadStart = batch.Payload.WrittenCount,
            PayloadLength = record.Events.Length,
            KeyStart = batch.Keys.Count,
            KeyCount = whole.Keys.Count,
            MeasureStart = batch.Measures.Count,
            Hash = record.Hash,
            RecordedAtMs = record.RecordedAtMs,
            WakeAtMs = record.WakeAtMs,
            Tag = line,
        };
        batch.Payload.Write(record.Events.Span);
        batch.Keys.AddRange(whole.Keys);
        try
        {
            kind.Post(ActorState.KindPart(record.Events.Span, out _), new Measures(batch.Measures));
        }
        catch (FormatException e)
        {
            throw new ExportDamagedException(line, $"{record.Actor}, version {record.FirstVersion}: {e.Message}");
        }

        entry.MeasureCount = batch.Measures.Count - entry.MeasureStart;
        batch.Entries.Add(entry);
    }

    private AppendBatch NewBatch(SemaphoreSlim slots) => new()
    {
        Completed = done =>
        {
            lock (_gate)
            {
                foreach (ref readonly var entry in CollectionsMarshal.AsSpan(done.Entries))
                {
                    if (entry.Outcome != AppendOutcome.Appended)
                    {
                        Note(entry);
                    }
                }
            }

            slots.Release();
        },
    };

    private void Note(in AppendEntry entry)
    {
        var line = (long)entry.Tag!;
        switch (entry.Outcome)
        {
            case AppendOutcome.Stale when _failure is null:
                _failure = new(line, $"{entry.Actor} does not follow on the record before it (version {entry.ExpectedVersion + 1})");
                break;
            case AppendOutcome.Duplicate when _failure is null:
                _failure = new(line, $"{entry.Actor} brings a request that another record has already");
                break;
            case AppendOutcome.Failed or AppendOutcome.Unknown:
                _unavailable ??= new($"the store did not take line {line}; bring the export into new, empty books once it is well");
                break;
        }
    }

    private async Task SendAsync(AppendBatch batch, SemaphoreSlim slots)
    {
        ThrowIfFailed();
        if (batch.Entries.Count > 0)
        {
            await slots.WaitAsync().ConfigureAwait(false);
            journal.Append(batch);
        }
    }

    private async Task DrainAsync(SemaphoreSlim slots)
    {
        for (var i = 0; i < BatchesInFlight; i++)
        {
            await slots.WaitAsync().ConfigureAwait(false);
        }

        slots.Release(BatchesInFlight);
        ThrowIfFailed();
    }

    private void ThrowIfFailed()
    {
        lock (_gate)
        {
            if (((Exception?)_unavailable ?? _failure) is { } failure)
            {
                throw failure;
            }
        }
    }

    private void Compare(ExportEnd end)
    {
        var totals = journal.Totals();
        foreach (var name in totals.Sums.Keys.Union(end.Sums.Keys, StringComparer.Ordinal))
        {
            var (here, there) = (totals.Sums.GetValueOrDefault(name), end.Sums.GetValueOrDefault(name));
            if (here != there)
            {
                throw new ExportDamagedException(end.Records + 2, $"says that {name} is {there}; the records add up to {here}");
            }
        }

        if ((totals.Records, totals.Events) != (end.Records, end.Events))
        {
            throw new InvalidOperationException($"{journal.Description} has {totals.Records} records; {end.Records} were brought in: somebody else writes these books");
        }
    }

    /// <summary>Takes snapshots of all actors of the tail, each as its records lead to it.</summary>
    private async Task CheckpointAsync()
    {
        var position = journal.Checkpoint.Position;
        position = Math.Max(position, journal.Totals().Position);
        ActorId? last = null;
        while (journal.UnsavedActors(position, CheckpointSlice) is { Count: > 0 } actors)
        {
            if (actors[0] == last)
            {
                // The store did not take the snapshot. Nothing is lost by that: the engine takes its own.
                return;
            }

            last = actors[0];
            var snapshots = new List<Snapshot>(actors.Count);
            foreach (var actor in actors)
            {
                var loaded = await journal.LoadAsync(actor).ConfigureAwait(false);
                var wakeAtMs = loaded.Later.Count > 0 ? loaded.Later[^1].WakeAtMs : loaded.Snapshot?.WakeAtMs ?? 0;
                snapshots.Add(ActorState.Of(_kinds[actor.Kind], actor, loaded).ToSnapshot(_writer, _scratch, wakeAtMs));
            }

            await journal.SaveSnapshotsAsync(snapshots).ConfigureAwait(false);
        }

        await journal.CompleteCheckpointAsync(position).ConfigureAwait(false);
    }

    private sealed class Measures(List<Measure> measures) : ILedgerSink
    {
        public void Post(string unit, string from, string to, long points)
        {
            if (points != 0)
            {
                measures.Add(new(MeasureNames.Account(unit, from), -points));
                measures.Add(new(MeasureNames.Account(unit, to), points));
            }
        }

        public void Count(string counter, long delta)
        {
            if (delta != 0)
            {
                measures.Add(new(MeasureNames.Counter(counter), delta));
            }
        }
    }
}
