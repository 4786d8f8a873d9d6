using Loyalty.Domain.Tests.Model;
using Loyalty.Runtime;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Loyalty.Simulator.Checks;
using Loyalty.Simulator.Engine;
using Loyalty.Simulator.Store;
using Loyalty.Simulator.Work;
using NodaTime;

namespace Loyalty.Simulator;

/// <summary>How a run ended.</summary>
/// <param name="Seed">Which.</param>
/// <param name="Violation">What broke; null: nothing.</param>
/// <param name="Digest">Of everything that happened.</param>
/// <param name="Steps">Things that happened.</param>
/// <param name="Records">Records that became durable.</param>
/// <param name="Crashes">Processes that died.</param>
/// <param name="Trace">What happened, when asked for.</param>
internal sealed record SimulationResult(ulong Seed, string? Violation, ulong Digest, long Steps, int Records, int Crashes, IReadOnlyList<string>? Trace);

/// <summary>
/// One seed: the whole engine on a simulated clock, scheduler, network and store, with clients and faults; then peace, in which everything must come to its end; then all checks.
/// </summary>
internal sealed class Simulation
{
    private const int EventsPerOp = 1000;

    private readonly ulong _seed;
    private readonly World _world;
    private readonly Workload _work;
    private readonly SimulatedStore _store;
    private readonly Auditor _auditor;
    private readonly Clients _clients;
    private readonly KernelOptions _options;
    private readonly SimulatedProcess?[] _processes;
    private readonly int _atOnce;
    private Faults _faults;
    private int _crashes;

    private Simulation(ulong seed, Workload work, Faults? faults, Defects defects, bool traces)
    {
        (_seed, _work) = (seed, work);
        _world = new(seed, traces);
        _world.Clock.NowMs = work.StartMs;
        var dice = _world.Dice;
        var chosen = Faults.Of(dice);
        _faults = faults ?? chosen;
        _store = new() { Defects = defects };
        var several = dice.Next(4) == 0 ? dice.Next(2, 4) : 1;
        _processes = new SimulatedProcess?[several];
        _atOnce = dice.Pick(1, 4, 16, 40);
        _options = new()
        {
            Shards = dice.Next(1, 4),
            MaxActorBytes = dice.Next(2) == 0 ? 1 : 1 << 24,
            MaxBatch = dice.Pick(1, 3, 100),
            MaxInFlightPerShard = dice.Pick(2, 10, 1000),
            MaxQueuedPerShard = dice.Pick(10, 1000),
            MaxWaitingPerActor = dice.Pick(3, 100),
            CheckpointSlice = dice.Pick(2, 50),
            WakeBatch = dice.Pick(2, 50),
        };
        _auditor = new(_world, _store, new Plan(work.Zone, [work.Versions[0]]), work.Versions);
        _clients = new(_world, _auditor, () => _faults, Route) { ProgramOf = ProgramOf, ReadsOwnWrites = several == 1 };
    }

    /// <summary>Runs a seed.</summary>
    /// <param name="seed">Which.</param>
    /// <param name="ops">How many operations.</param>
    /// <param name="faults">Other faults than the seed's own.</param>
    /// <param name="defects">Planted mistakes.</param>
    /// <param name="traces">Whether to note what happens in words.</param>
    public static SimulationResult Run(ulong seed, int ops, Faults? faults = null, Defects defects = Defects.None, bool traces = false) =>
        Run(seed, Workload.Of(seed, ops), faults, defects, traces);

    /// <summary>Runs a seed with other operations.</summary>
    public static SimulationResult Run(ulong seed, Workload work, Faults? faults = null, Defects defects = Defects.None, bool traces = false)
    {
        var simulation = new Simulation(seed, work, faults, defects, traces);

        // With a context of its own (test runners have one) the thread would not run continuations itself.
        var context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            simulation.Run();
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(context);
        }

        var world = simulation._world;
        return new(seed, world.Violation, world.Digest, world.Happened, simulation._store.Records.Count, simulation._crashes, world.Trace);
    }

    private void Run()
    {
        var dice = _world.Dice;
        for (var next = 0; next < _work.Ops.Length && _world.Violation is null;)
        {
            Boot();
            if (_clients.Open < _atOnce && dice.Chance(0.1))
            {
                var op = _work.Ops[next++];
                _world.Clock.NowMs += op.AdvanceMs;
                _clients.Start(op);
                if (next % 64 == 0)
                {
                    _auditor.CheckSums();
                }
            }
            else
            {
                _world.RunOne();
            }

            GoWrong();
            if (_world.Happened > EventsPerOp * (_work.Ops.Length + 100L))
            {
                _world.Fail($"{_clients.Open} requests never end: {_clients.FirstOpen}");
            }
        }

        if (_world.Violation is null)
        {
            MakePeace();
        }
    }

    /// <summary>Faults that are not of the store or the network.</summary>
    private void GoWrong()
    {
        var dice = _world.Dice;
        if (dice.Chance(_faults.Crash))
        {
            var dying = _processes[dice.Next(_processes.Length)];
            if (dying is { IsAlive: true })
            {
                _crashes++;
                dying.Die();
            }
        }

        if (dice.Chance(_faults.BitFlip) && _store.Records.Count > 0 && _store.Repair is null)
        {
            FlipBit();
        }

        if (dice.Chance(_faults.ClockStep))
        {
            _world.Clock.NowMs += dice.Pick(-5_000L, -1_000, -100, 1_000, 60_000);
        }

        if (_processes.Length > 1 && dice.Chance(_faults.Pause) && _processes[dice.Next(_processes.Length)] is { } paused)
        {
            paused.PausedUntil = _world.Step + dice.Next(50, 1000);
        }
    }

    /// <summary>Something at rest goes bad; after a while somebody restores it from a copy. Meanwhile it is never served.</summary>
    private void FlipBit()
    {
        var dice = _world.Dice;
        var record = _store.Records[dice.Next(_store.Records.Count)];
        var snapshot = _store.Find(record.Written.Actor)?.Snapshot;
        var bit = dice.Next(1 << 20);
        if (snapshot is not null && dice.Next(2) == 0)
        {
            snapshot.Flip(bit);
            _store.Repair = snapshot.Restore;
        }
        else
        {
            record.Flip(bit);
            _store.Repair = record.Restore;
        }

        _world.Note("bit flip", record.Written.Position);
        _world.Post(null, Repair, dice.Next(100, 1000));
    }

    private void Repair()
    {
        _store.Repair?.Invoke();
        _store.Repair = null;
    }

    /// <summary>Dead processes are started again.</summary>
    private void Boot()
    {
        for (var i = 0; i < _processes.Length; i++)
        {
            if (_processes[i] is { IsAlive: true })
            {
                continue;
            }

            var process = _processes[i] = new($"process {i}", _world, _store, () => _faults, _options, isExclusive: _processes.Length == 1);
            _ = process.StartAsync(_work.Versions[0].ToJson(_work.Zone));
            if (_processes.Length > 1)
            {
                LookForPrograms(process);
            }
        }
    }

    private void LookForPrograms(SimulatedProcess process) => _world.Post(process, () =>
    {
        if (process.KnownPrograms < _auditor.Published)
        {
            _ = process.LookForProgramsAsync();
        }

        if (!_isSettled)
        {
            LookForPrograms(process);
        }
    }, 200);

    private bool _isSettled;

    private SimulatedProcess? Route(ActorId actor)
    {
        var dice = _world.Dice;
        var owner = (int)(actor.StableHash() % (ulong)_processes.Length);
        var chosen = _processes.Length > 1 && dice.Chance(_faults.Misrouted) ? dice.Next(_processes.Length) : owner;
        return _processes[chosen];
    }

    private byte[] ProgramOf(int version, long inMs)
    {
        // Whole seconds, as programs are written.
        var from = Instant.FromUnixTimeSeconds(((_world.Clock.NowMs + inMs) / 1000) + 1);
        var sent = _work.Versions[version] with { From = from };
        _auditor.Written.Add(sent);
        return sent.ToJson(_work.Zone);
    }

    /// <summary>Faults end; everything that is under way must come to its end, and then everything must fit.</summary>
    private void MakePeace()
    {
        _faults = Faults.None;
        _store.FullUntil = 0;
        Repair();
        Boot();
        Settle("what clients want");
        if (_world.Violation is null)
        {
            foreach (var process in _processes)
            {
                _ = process!.LookForProgramsAsync();
            }

            Settle("looking for programs");
            Wake();
            _world.Clock.NowMs += 3 * 86_400_000L;
            Wake();
        }

        if (_world.Violation is null)
        {
            CheckEnd();
            _auditor.CheckNothingDue();
            foreach (var process in _processes)
            {
                process!.Die();
            }

            _isSettled = false;
            Boot();
            Settle("the last start");
        }

        if (_world.Violation is null)
        {
            CheckMemory();
        }
    }

    private void Settle(string what)
    {
        var until = _world.Happened + 100_000;
        _isSettled = _clients.Open == 0;
        while (_world.Violation is null && _world.RunOne())
        {
            _isSettled = _clients.Open == 0;
            if (_world.Happened > until)
            {
                _world.Fail($"{what} never comes to an end without faults: {_clients.Open} open, {_clients.FirstOpen}");
            }
        }

        _world.Require(_clients.Open == 0, $"nothing happens any more, and {_clients.Open} requests are not answered: {_clients.FirstOpen}");
    }

    /// <summary>Wakes until nothing is due: no message between actors may be left.</summary>
    private void Wake()
    {
        for (var round = 0; round < 50 && _world.Violation is null; round++)
        {
            _world.Clock.NowMs += 10_000;
            var woken = 0;
            foreach (var process in _processes)
            {
                _ = WakeAsync(process!);
            }

            Settle("waking");
            if (woken == 0)
            {
                return;
            }

            async Task WakeAsync(SimulatedProcess process) => woken += await process.Host.WakeDueAsync().ConfigureAwait(false);
        }

        _world.Fail("somebody is due for ever");
    }

    private void CheckEnd()
    {
        _auditor.CheckSums();
        _auditor.CheckCards(readsAreFresh: _processes.Length == 1);
        foreach (var state in _auditor.States.Values)
        {
            _world.Require(state.Correspondence is null or { Outbox.Count: 0 }, $"{state.Id} has {state.Correspondence?.Outbox.Count} messages that were never delivered");
        }
    }

    /// <summary>What a process has in memory is what the journal gives, byte for byte.</summary>
    private void CheckMemory()
    {
        var asked = new List<SnapshotCommand>();
        foreach (var process in _processes)
        {
            foreach (var actor in _auditor.States.Keys)
            {
                var command = new SnapshotCommand(actor);
                asked.Add(command);
                process!.Host.Send(command);
            }

            Settle("asking for snapshots");
        }

        var (writer, scratch) = (new Loyalty.Domain.Encoding.ByteWriter(), new Loyalty.Domain.Encoding.ByteWriter());
        foreach (var command in asked)
        {
            if (command.Status == CommandStatus.Busy)
            {
                continue;
            }

            var state = _auditor.Find(command.Target)!;
            var expected = state.ToSnapshot(writer, scratch, 0);
            _world.Require(
                command.Reply is Snapshot snapshot && snapshot.Version == expected.Version && snapshot.Hash == expected.Hash && snapshot.State.Span.SequenceEqual(expected.State.Span),
                $"{command.Target} in memory is not what its records give ({command.Status}, {command.Problem})");
        }

        _auditor.CheckSums();
    }
}
