using Loyalty.Domain.Requests;
using Loyalty.Runtime;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Loyalty.Runtime.Tests;
using Loyalty.Runtime.Tests.Loyalty;
using Loyalty.Storage;
using Microsoft.Extensions.Logging.Abstractions;
using NodaTime;

namespace Loyalty.Grains.Tests;

/// <summary>Two activations of one member at the same time, as can happen for a moment when a silo is lost: never do both write.</summary>
public sealed class TwoActivationsTests : IAsyncDisposable
{
    private readonly MemoryJournal _books = new(new() { CompleteInline = true });
    private readonly ManualClock _clock = new(Instant.FromUtc(2026, 3, 2, 10, 0));

    public ValueTask DisposeAsync() => _books.DisposeAsync();

    [Fact]
    public async Task The_second_writer_is_fenced_thrown_away_and_finds_what_the_first_wrote_when_it_is_loaded_again()
    {
        var (first, second) = (await SiloAsync(), await SiloAsync());
        var (here, there) = (await first.ActivateAsync("anna"), await second.ActivateAsync("anna"));
        Assert.Equal(CommandStatus.Done, (await SendAsync(here, "p1")).Status);

        // The other one was loaded before that purchase and decides on what it saw.
        var fenced = await SendAsync(there, "p2");
        Assert.Equal(CommandStatus.Unavailable, fenced.Status);
        Assert.True(second.IsPoisoned);
        Assert.False(there.Send(new GetMember("anna")));
        Assert.Equal(1, await BalanceAsync(here));

        var again = await second.ActivateAsync("anna");
        Assert.Equal(1, await BalanceAsync(again));
        Assert.Equal(CommandStatus.Done, (await SendAsync(again, "p2")).Status);
        Assert.True((await SendAsync(again, "p1")).Outcome.Replayed);
        Assert.Equal(2, Members());
    }

    [Fact]
    public async Task However_their_turns_interleave_every_purchase_is_in_the_books_once()
    {
        var silos = new[] { await SiloAsync(), await SiloAsync() };
        var acknowledged = 0;
        await Parallel.ForEachAsync(Enumerable.Range(0, 200), new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (i, _) =>
        {
            // Each is sent to both until somebody says that it is durable.
            for (var attempt = 0; ; attempt++)
            {
                var silo = silos[(i + attempt) % 2];
                var command = await SendAsync(await silo.CurrentAsync("anna"), $"p{i}");
                if (command.Status == CommandStatus.Done)
                {
                    Interlocked.Increment(ref acknowledged);
                    return;
                }

                Assert.True(attempt < 1000, "nobody ever writes");
            }
        });

        Assert.Equal(200, acknowledged);
        Assert.Equal(200, Members());
        Assert.Equal(200, _books.Totals().Sums[MeasureNames.Counter(Domain.Ledger.Counters.MemberPurchases)]);
    }

    private static Task<RecordPurchase> SendAsync(HostedActor actor, string id)
    {
        var ear = new Ear<RecordPurchase>();
        var command = new RecordPurchase(actor.Id, new Purchase
        {
            Id = id,
            Member = actor.Id.Key,
            Store = "s1",
            At = Instant.FromUtc(2026, 3, 2, 9, 0),
            Currency = "GBP",
            Lines = [new("tea", null, null, 1, 1_00)],
        })
        {
            Observer = ear,
        };
        if (!actor.Send(command))
        {
            command.Complete(CommandStatus.Unavailable, "thrown away");
        }

        return ear.Task;
    }

    private static async Task<long> BalanceAsync(HostedActor actor)
    {
        var ear = new Ear<GetMember>();
        Assert.True(actor.Send(new GetMember(actor.Id.Key) { Observer = ear }));
        return ((MemberReply)(await ear.Task).Reply!).View!.Balances[0].Available;
    }

    private long Members() => _books.Totals().Sums[MeasureNames.Account("points", Domain.Ledger.Accounts.Member)];

    private async Task<Silo> SiloAsync()
    {
        var programs = new ProgramSource();
        await using var host = new EmbeddedHost(
            _books, LoyaltyEngine.Kinds(programs), new(), _clock, new ThreadPoolScheduler(), NullLogger<EmbeddedHost>.Instance);
        Assert.Empty(await new LoyaltyEngine(host, new JournalBooks(_books), programs, _clock).StartAsync(Programs.First));
        return new Silo(_books, programs, _clock);
    }

    /// <summary>A silo's kernel, with a test in the place of Orleans: it decides when an actor is in memory.</summary>
    private sealed class Silo : IActorOwner
    {
        private readonly HostedActors _actors;
        private readonly Lock _gate = new();
        private Task<HostedActor>? _current;

        public Silo(IJournal books, ProgramSource programs, IClock clock) => _actors = new(
            books, LoyaltyEngine.Kinds(programs), new() { Shards = 2 }, clock, new Nobody(), new ThreadPoolScheduler(), NullLogger<HostedActors>.Instance);

        public bool IsPoisoned { get; private set; }

        public async Task<HostedActor> ActivateAsync(string member)
        {
            var actor = _actors.Open(ActorIds.Member(member), this);
            await actor.Loaded;
            return actor;
        }

        /// <summary>The activation that is there, or a new one.</summary>
        public Task<HostedActor> CurrentAsync(string member)
        {
            lock (_gate)
            {
                return _current ??= ActivateAsync(member);
            }
        }

        public void OnPoisoned()
        {
            IsPoisoned = true;
            Volatile.Write(ref _current, null);
        }

        public void OnPassivated()
        {
        }
    }

    /// <summary>Takes nothing on to anybody: what is sent again ends unavailable.</summary>
    private sealed class Nobody : IActorHost
    {
        public string Description => "nobody";

        public bool IsOrleans => false;

        public ValueTask<IReadOnlyList<SiloFigures>> ReadFiguresAsync() => new([]);

        public void Send(Command command) => command.Complete(CommandStatus.Unavailable, "nobody is there");

        public void Send(ReadOnlySpan<Command> commands)
        {
            foreach (var command in commands)
            {
                Send(command);
            }
        }
    }

    private sealed class Ear<T>() : TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously), ICommandObserver
        where T : Command
    {
        public void OnCompleted(Command command) => SetResult((T)command);
    }
}
