using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Loyalty.Storage;
using Microsoft.Extensions.Logging;
using NodaTime;

namespace Loyalty.Runtime.Tests.Kernel;

/// <summary>A host of toy accounts whose every step a test decides: the order of shards, the store's faults, the clock, crashes.</summary>
internal sealed class Stage
{
    public static readonly Instant Start = Instant.FromUtc(2026, 3, 1, 9, 0);

    private readonly KernelOptions _options;
    private readonly Dictionary<int, (MemoryFaultKind Kind, Task? Until)> _planned = [];
    private int _batch;

    public Stage(KernelOptions? options = null)
    {
        _options = options ?? new() { Shards = 1 };
        Memory = new(new() { CompleteInline = true, Fault = FaultOf });
        (Journal, Scheduler, Host) = Boot();
    }

    public ManualClock Clock { get; } = new(Start);

    public MemoryJournal Memory { get; private set; }

    public HookedJournal Journal { get; private set; }

    public StepScheduler Scheduler { get; private set; }

    public EmbeddedHost Host { get; private set; }

    /// <summary>Asked for every batch that nothing else is planned for.</summary>
    public Func<AppendBatch, MemoryFault>? Faults { get; set; }

    /// <summary>What happens to the next batch.</summary>
    public void NextBatch(MemoryFaultKind kind, Task? until = null) => BatchAfter(0, kind, until);

    /// <summary>What happens to the batch after so many others.</summary>
    public void BatchAfter(int others, MemoryFaultKind kind, Task? until = null) => _planned[_batch + others] = (kind, until);

    /// <summary>Holds the next batch until the source is set.</summary>
    public Gate HoldNextBatch(MemoryFaultKind kind = MemoryFaultKind.None)
    {
        var source = new Gate();
        NextBatch(kind, source.Task);
        return source;
    }

    /// <summary>Sends without running anything.</summary>
    public T Send<T>(T command)
        where T : Command
    {
        command.Observer = new Ear(this);
        Host.Send(command);
        return command;
    }

    /// <summary>Sends in one message without running anything.</summary>
    public void SendTogether(params Command[] commands)
    {
        var ear = new Ear(this);
        foreach (var command in commands)
        {
            command.Observer = ear;
        }

        Host.Send(commands);
    }

    /// <summary>Sends, runs until all is quiet, and expects that the command has ended.</summary>
    public T Ask<T>(T command)
        where T : Command
    {
        Send(command);
        Run();
        Assert.NotEqual(CommandStatus.Pending, command.Status);
        return command;
    }

    /// <summary>Asks and expects that it was done.</summary>
    public AccountReply Done(AccountCommand command)
    {
        Ask(command);
        Assert.True(command.Status == CommandStatus.Done, $"{command.GetType().Name}: {command.Status}, {command.Problem}");
        return command.Answer;
    }

    public long BalanceOf(string key) => Done(new GetBalance(key)).Balance;

    public void Run() => Scheduler.RunAll();

    /// <summary>Runs shards until the task has ended.</summary>
    public async Task<T> Drive<T>(Task<T> task)
    {
        while (!task.IsCompleted)
        {
            Run();
            await Task.WhenAny(task, Scheduler.Arrival);
        }

        Run();
        return await task;
    }

    public Task<int> WakeDue() => Drive(Host.WakeDueAsync());

    /// <summary>The process dies: nothing of the old host runs any more; a new one starts on what is durable.</summary>
    public void Crash()
    {
        Memory = Memory.Crash();
        (Journal, Scheduler, Host) = Boot();
    }

    /// <summary>What happened, in order: "done pay-1".</summary>
    public List<string> Heard { get; } = [];

    /// <summary>What the host logged.</summary>
    public List<string> Logged { get; } = [];

    /// <summary>How often each command was answered.</summary>
    public Dictionary<Command, int> Answers { get; } = [];

    /// <summary>Balances that a replay of the whole journal gives, without the kernel.</summary>
    public Dictionary<string, long> Replayed()
    {
        var accounts = new Dictionary<string, Account>();
        foreach (var record in Memory.ReadAll(0))
        {
            if (!accounts.TryGetValue(record.Actor.Key, out var account))
            {
                accounts[record.Actor.Key] = account = new();
            }

            AccountKind.FactsOf(record).ForEach(account.Apply);
        }

        return accounts.ToDictionary(pair => pair.Key, pair => pair.Value.Balance);
    }

    /// <summary>What does not follow on what: the chain of each actor from its first record.</summary>
    public string ChainBreaks()
    {
        var heads = new Dictionary<ActorId, (long Version, Hash128 Hash)>();
        var breaks = "";
        foreach (var record in Memory.ReadAll(0))
        {
            var (version, hash) = heads.GetValueOrDefault(record.Actor);
            var next = Hash128.Next(hash, record.Actor, record.FirstVersion, record.RecordedAtMs, record.Events.Span);
            if (record.FirstVersion != version + 1 || next != record.Hash)
            {
                breaks += $"{record.Actor} at {record.Position}: version {record.FirstVersion} behind {version}; ";
            }

            heads[record.Actor] = (record.LastVersion, record.Hash);
        }

        return breaks;
    }

    /// <summary>How many durable facts carry the request.</summary>
    public int TimesApplied(string request) => Memory.ReadAll(0).Sum(record => AccountKind.FactsOf(record).Count(fact => fact.Request == request));

    private (HookedJournal Journal, StepScheduler Scheduler, EmbeddedHost Host) Boot()
    {
        var journal = new HookedJournal(Memory);
        var scheduler = new StepScheduler();
        return (journal, scheduler, new(journal, [new AccountKind()], _options, Clock, scheduler, new LogBook(Logged)));
    }

    private MemoryFault FaultOf(AppendBatch batch) =>
        _planned.Remove(_batch++, out var planned) ? new(planned.Kind, planned.Until) : Faults?.Invoke(batch) ?? MemoryFault.None;

    private sealed class LogBook(List<string> lines) : ILogger<EmbeddedHost>
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            lock (lines)
            {
                lines.Add($"{formatter(state, exception)}: {exception?.Message}");
            }
        }
    }

    private sealed class Ear(Stage stage) : ICommandObserver
    {
        public void OnCompleted(Command command)
        {
            lock (stage.Heard)
            {
                stage.Heard.Add($"{command.Status} {command.RequestId ?? command.GetType().Name}");
                stage.Answers[command] = stage.Answers.GetValueOrDefault(command) + 1;
            }
        }
    }
}
