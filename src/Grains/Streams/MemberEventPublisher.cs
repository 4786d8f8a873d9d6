using System.Diagnostics.Metrics;
using Loyalty.Runtime;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Streams;

namespace Loyalty.Grains.Streams;

/// <summary>How the publishing of member events goes in this silo.</summary>
/// <param name="Events">Published since the start, repeated ones counted again.</param>
/// <param name="Failures">Messages that the provider did not take, since the start.</param>
/// <param name="RecordsBehind">Records of the journal, of any actor, that are newer than what was published of all shards of this silo; 0: up to date, or no shards.</param>
public sealed record MemberEventFigures(long Events, long Failures, long RecordsBehind);

/// <summary>
/// Publishes what happened to the members of this silo's shards. It reads the journal in commit order, so only what is durable is told, and nothing is told that the
/// journal does not tell again: after a crash, or when a shard moves here, it goes on from the progress noted in the books.
/// </summary>
/// <remarks>
/// Why no consumer that drops what it has seen can miss an event when two silos publish a shard for a moment: each of them publishes a member's records in order and
/// without a gap, from a progress up to which everything had been published. So whatever position is seen first, all before it were sent before it.
/// </remarks>
public sealed class MemberEventPublisher : BackgroundService
{
    /// <summary>The name of the feed and of the meter's gauge.</summary>
    public const string Feed = LoyaltyStreams.MemberEvents;

    /// <summary>A shard whose members do nothing has its progress noted after so many records, so that a restart does not read them all again.</summary>
    private const long QuietRecords = 10_000;

    private readonly SiloActors _actors;
    private readonly OrleansHost _host;
    private readonly ISiloList _silos;
    private readonly SiloAddress _here;
    private readonly IServiceProvider _services;
    private readonly LoyaltyStreamOptions _options;
    private readonly ILogger _logger;
    private readonly Meter _meter = new("Loyalty.Streams");

    /// <summary>This silo's shards; null where another silo's.</summary>
    private readonly Shard?[] _shards = new Shard?[ShardMap.Shards];

    private ShardMap? _map;
    private bool _isComplete;
    private long _notedAtMs = Environment.TickCount64;
    private long _sinceNoted;
    private long _events;
    private long _failures;
    private long _recordsDone = -1;

    /// <param name="actors">Has the journal.</param>
    /// <param name="host">Reaches the feeds.</param>
    /// <param name="silos">Says whose the shards are.</param>
    /// <param name="silo">This silo.</param>
    /// <param name="services">Have the stream provider.</param>
    /// <param name="options">Bounds.</param>
    /// <param name="logger">For failures.</param>
    public MemberEventPublisher(
        SiloActors actors, OrleansHost host, ISiloList silos, ILocalSiloDetails silo, IServiceProvider services, LoyaltyStreamOptions options,
        ILogger<MemberEventPublisher> logger)
    {
        ArgumentNullException.ThrowIfNull(silo);
        (_actors, _host, _silos, _here, _services, _options, _logger) = (actors, host, silos, silo.SiloAddress, services, options, logger);
        _meter.CreateObservableGauge("loyalty.streams.records_behind", () => ReadFigures().RecordsBehind, "{record}", "Records of the journal not published yet");
        _meter.CreateObservableCounter("loyalty.streams.events", () => Volatile.Read(ref _events), "{event}", "Member events published");
        _meter.CreateObservableCounter("loyalty.streams.failures", () => Volatile.Read(ref _failures), "{message}", "Messages that the stream provider did not take");
    }

    /// <summary>How it goes. With a journal that is shared this asks its server.</summary>
    /// <exception cref="JournalUnavailableException">The store cannot be read now.</exception>
    public MemberEventFigures ReadFigures()
    {
        var done = Volatile.Read(ref _recordsDone);
        return new(Volatile.Read(ref _events), Volatile.Read(ref _failures), done < 0 ? 0 : Math.Max(0, _actors.Journal.Totals().Records - done));
    }

    /// <inheritdoc />
    public override void Dispose()
    {
        _meter.Dispose();
        base.Dispose();
    }

    /// <inheritdoc />
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // Reading the journal is synchronous: not on the thread that starts the silo.
        await Task.Yield();
        var failures = 0;
        while (!stoppingToken.IsCancellationRequested)
        {
            var pause = _options.PollInterval;
            try
            {
                if (await PassAsync(stoppingToken).ConfigureAwait(false))
                {
                    pause = TimeSpan.Zero;
                }

                failures = 0;
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                pause = _options.PauseAfter(++failures);
                _logger.LogWarning(e, "Member events cannot be published now; again in {Pause}", pause);
            }
            catch (OperationCanceledException)
            {
                return;
            }

            await Task.Delay(pause, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Publishes the next batch and notes the progress when it is time.</summary>
    /// <returns>Whether there may be more at once.</returns>
    private async Task<bool> PassAsync(CancellationToken stopping)
    {
        await TakeShardsAsync(stopping).ConfigureAwait(false);
        var mine = _shards.OfType<Shard>().ToArray();
        if (mine.Length == 0)
        {
            Volatile.Write(ref _recordsDone, -1);
            return false;
        }

        var from = mine.MinBy(shard => shard.Done.Position)!.Done;
        Volatile.Write(ref _recordsDone, from.Records);
        var more = false;
        if (_actors.Journal.Checkpoint.Position > from.Position)
        {
            var batch = Read(from);
            more = batch.Records == _options.BatchRecords;
            if (!await PublishAsync(batch, stopping).ConfigureAwait(false))
            {
                return true;
            }

            foreach (var shard in mine)
            {
                if (batch.UpTo.Position > shard.Done.Position)
                {
                    shard.Done = batch.UpTo;
                    shard.HasNews |= batch.Shards.Contains(shard.Number);
                }
            }

            Volatile.Write(ref _recordsDone, mine.Min(shard => shard.Done.Records));
        }

        if (_sinceNoted >= _options.ProgressEvents || Environment.TickCount64 - _notedAtMs >= _options.ProgressInterval.TotalMilliseconds)
        {
            await NoteAsync(mine, stopping).ConfigureAwait(false);
        }

        return more;
    }

    /// <summary>Learns which shards are this silo's now, and how far the new ones came.</summary>
    private async Task TakeShardsAsync(CancellationToken stopping)
    {
        if (_silos.Map is not { } map || (ReferenceEquals(map, _map) && _isComplete))
        {
            return;
        }

        var wanted = new List<int>();
        for (var number = 0; number < ShardMap.Shards; number++)
        {
            if (!map.OwnerOf(number).Equals(_here))
            {
                _shards[number] = null;
            }
            else if (_shards[number] is null)
            {
                wanted.Add(number);
            }
        }

        _map = map;
        _isComplete = wanted.Count == 0 || await BeginAsync(wanted, stopping).ConfigureAwait(false);
    }

    /// <summary>Takes shards on from the progress that is noted of them.</summary>
    /// <returns>False: it has to be tried again later.</returns>
    private async Task<bool> BeginAsync(List<int> wanted, CancellationToken stopping)
    {
        var noted = await AskFeedsAsync(wanted, number => new GetFeed(IdOf(number)), stopping).ConfigureAwait(false);
        if (!_options.PublishHistory && wanted.FindAll(number => noted[number].Position == 0) is { Count: > 0 } never)
        {
            // The beginning is noted before anything is published: after a crash it is still the same.
            var totals = _actors.Journal.Totals();
            if (totals.Position == 0)
            {
                return false;
            }

            var end = new FeedProgress(totals.Position, totals.Records);
            foreach (var (number, begin) in await AskFeedsAsync(never, number => new AdvanceFeed(IdOf(number), end), stopping).ConfigureAwait(false))
            {
                noted[number] = begin;
            }
        }

        foreach (var (number, progress) in noted)
        {
            _shards[number] = new(number) { Noted = progress, Done = progress };
        }

        return true;
    }

    /// <exception cref="JournalUnavailableException">A feed does not answer.</exception>
    private async Task<Dictionary<int, FeedProgress>> AskFeedsAsync(List<int> shards, Func<int, Command> ask, CancellationToken stopping)
    {
        var answers = await _host.AskAllAsync(shards.ConvertAll(number => ask(number)).ToArray()).WaitAsync(stopping).ConfigureAwait(false);
        return shards.Zip(answers).ToDictionary(
            it => it.First,
            it => it.Second.Reply is FeedProgress progress
                ? progress
                : throw new JournalUnavailableException($"the progress of shard {it.First} cannot be read: {it.Second.Problem}"));
    }

    private static ActorId IdOf(int shard) => ActorIds.Feed(Feed, shard);

    /// <summary>The next records, and which members of this silo they are about.</summary>
    private Batch Read(FeedProgress from)
    {
        var members = new Dictionary<ActorId, Queue<JournalRecord>>();
        var shards = new HashSet<int>();
        var (records, position) = (0, from.Position);
        foreach (var record in _actors.Journal.ReadAll(from.Position))
        {
            position = record.Position;
            if (record.Actor.Kind == ActorIds.MemberKind && ShardMap.ShardOf(record.Actor) is var shard && _shards[shard] is { } mine
                && record.Position > mine.Done.Position)
            {
                shards.Add(shard);
                if (!members.TryGetValue(record.Actor, out var queue))
                {
                    members[record.Actor] = queue = new();
                }

                queue.Enqueue(record);
            }

            if (++records == _options.BatchRecords)
            {
                break;
            }
        }

        return new(records, new(position, from.Records + records), [.. members.Values], shards);
    }

    /// <summary>Publishes a batch, each member's records in order, and tries again what fails for as long as the shards stay here.</summary>
    /// <returns>False: shards have moved meanwhile; nothing is settled, and the batch is read anew.</returns>
    private async Task<bool> PublishAsync(Batch batch, CancellationToken stopping)
    {
        for (var failures = 0; ;)
        {
            Exception? problem = null;
            var parallel = new ParallelOptions { MaxDegreeOfParallelism = _options.Concurrency, CancellationToken = stopping };
            await Parallel.ForEachAsync(batch.Members.Where(member => member.Count > 0), parallel, async (member, token) =>
            {
                try
                {
                    for (; member.TryPeek(out var record); member.Dequeue())
                    {
                        await PublishAsync(record, token).ConfigureAwait(false);
                    }
                }
                catch (Exception e) when (!stopping.IsCancellationRequested)
                {
                    Interlocked.Increment(ref _failures);
                    problem = e;
                }
            }).ConfigureAwait(false);
            if (problem is null)
            {
                return true;
            }

            var pause = _options.PauseAfter(++failures);
            _logger.LogWarning(
                problem, "Events of {Members} members could not be published; again in {Pause}", batch.Members.Count(member => member.Count > 0), pause);
            await Task.Delay(pause, stopping).ConfigureAwait(false);
            if (!ReferenceEquals(_silos.Map, _map))
            {
                return false;
            }
        }
    }

    private async Task PublishAsync(JournalRecord record, CancellationToken stopping)
    {
        var events = MemberEventReader.Of(record);
        if (events.Count == 0)
        {
            return;
        }

        var provider = _services.GetRequiredKeyedService<IStreamProvider>(_options.Provider);
        var stream = provider.GetStream<MemberStreamEvent>(StreamId.Create(LoyaltyStreams.MemberEvents, record.Actor.Key));
        await stream.OnNextBatchAsync(events).WaitAsync(_options.SendTimeout, stopping).ConfigureAwait(false);
        Interlocked.Add(ref _events, events.Count);
        Interlocked.Add(ref _sinceNoted, events.Count);
    }

    /// <summary>
    /// Notes the progress of shards that published something, or for which much was read. Others are left: noting is itself a record, and would be noted next.
    /// </summary>
    private async Task NoteAsync(Shard[] mine, CancellationToken stopping)
    {
        _notedAtMs = Environment.TickCount64;
        Interlocked.Exchange(ref _sinceNoted, 0);
        var shards = Array.FindAll(mine, shard => shard.HasNews || shard.Done.Records - shard.Noted.Records >= QuietRecords);
        var noted = await _host.AskAllAsync(Array.ConvertAll(shards, shard => new AdvanceFeed(IdOf(shard.Number), shard.Done)))
            .WaitAsync(stopping).ConfigureAwait(false);
        for (var i = 0; i < noted.Length; i++)
        {
            if (noted[i].Reply is FeedProgress)
            {
                shards[i].Noted = noted[i].Progress;
                shards[i].HasNews = false;
            }
            else
            {
                _logger.LogWarning("The progress of shard {Shard} could not be noted: {Problem}; again later", shards[i].Number, noted[i].Problem);
            }
        }
    }

    /// <summary>A shard of this silo: what of it is published, and what of that is noted in the books.</summary>
    private sealed class Shard(int number)
    {
        public int Number { get; } = number;

        public FeedProgress Done { get; set; }

        public FeedProgress Noted { get; set; }

        public bool HasNews { get; set; }
    }

    /// <summary>Records that are published together, each member's in order.</summary>
    private sealed record Batch(int Records, FeedProgress UpTo, Queue<JournalRecord>[] Members, HashSet<int> Shards);
}
