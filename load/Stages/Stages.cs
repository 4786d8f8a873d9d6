using System.Text;
using BenchmarkDotNet.Attributes;
using Loyalty.Domain.Encoding;
using Loyalty.Domain.Members;
using Loyalty.Domain.Programs;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Validation;
using Loyalty.Gateway.Http;
using Loyalty.Runtime;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Loyalty.Storage;
using Microsoft.Extensions.Logging.Abstractions;
using NodaTime;

namespace Loyalty.Stages;

/// <summary>
/// The stages of a purchase on the stream path, each alone and on one thread, and the engine as a whole (without sockets). A run of each handles <see cref="Purchases"/> purchases of three lines by
/// 100,000 members, so that what is shown is the time and the memory of one purchase.
/// </summary>
[MemoryDiagnoser]
public class Stages : IDisposable
{
    /// <summary>Purchases a run.</summary>
    public const int Purchases = 4096;

    private const int Members = 100_000;
    private static readonly Instant Now = Instant.FromUtc(2026, 3, 1, 12, 0);

    private readonly ProgramCatalog _programs = Program();
    private readonly SaleReader _reader = new();
    private readonly byte[][] _json = new byte[Purchases][];
    private readonly Purchase[] _purchases = new Purchase[Purchases];
    private readonly MemberState[] _members = new MemberState[Members];
    private readonly List<MemberEvent> _raised = [];
    private readonly PurchaseRecorded[] _facts = new PurchaseRecorded[Purchases];
    private readonly RequestAnswered[] _answers = new RequestAnswered[Purchases];
    private readonly ByteWriter _writer = new();
    private readonly AnswerText _answer = new();
    private readonly ActorId[] _actors = new ActorId[Members];
    private readonly Random _random = new(1);
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("loyalty-stages-");
    private RecordPurchase[] _commands = [];
    private byte[] _stored = [];
    private long _next;
    private JournalLoad? _journalLoad;
    private SqliteJournal? _journal;
    private EmbeddedHost? _host;

    /// <summary>Makes purchases, members and, for the stages that need them, books on disk.</summary>
    [GlobalSetup]
    public void Setup()
    {
        for (var i = 0; i < Members; i++)
        {
            _members[i] = new($"M{i:0000000}");
            _actors[i] = ActorIds.Member(_members[i].Id);
        }

        for (var i = 0; i < Purchases; i++)
        {
            _purchases[i] = NewPurchase();
            _json[i] = Encoding.UTF8.GetBytes(
                $$"""{"id":"{{_purchases[i].Id}}","member":"{{_purchases[i].Member}}","store":"S042","at":"2026-03-01T11:58:07+00:00","currency":"GBP","lines":[{"sku":"22138","category":"toys","quantity":3,"amount":1485},{"sku":"84029E","quantity":1,"amount":339},{"sku":"71053","category":"home","quantity":6,"amount":2034}]}""");
        }

        Decide();
        _commands = [.. _purchases.Select((purchase, i) => new RecordPurchase(ActorIds.Member(purchase.Member!), purchase)
        {
            Reply = new RequestOutcome(OutcomeKind.Recorded, _facts[i], _answers[i], null, false),
        })];
        _writer.Clear();
        MemberCodec.Write(_writer, _facts[0]);
        MemberCodec.Write(_writer, _answers[0]);
        _stored = _writer.Written.ToArray();
    }

    /// <summary>JSON to a purchase.</summary>
    [Benchmark(OperationsPerInvoke = Purchases)]
    public int Parse()
    {
        var lines = 0;
        foreach (var json in _json)
        {
            lines += ((Purchase)_reader.Read(json, isReturn: false, mixed: true)!).Lines.Length;
        }

        return lines;
    }

    /// <summary>Rules: what the purchase earns, lots, tier, balances.</summary>
    [Benchmark(OperationsPerInvoke = Purchases)]
    public int Decide()
    {
        var context = new TurnContext(Now, _programs);
        for (var i = 0; i < Purchases; i++)
        {
            _raised.Clear();
            var decider = new MemberDecider(_members[_random.Next(Members)], context, _raised);
            if (decider.Record(_purchases[i]) is { } refusal)
            {
                throw new InvalidOperationException(refusal.Detail);
            }

            foreach (var fact in _raised)
            {
                _facts[i] = fact as PurchaseRecorded ?? _facts[i];
            }

            _answers[i] = decider.Answer();
        }

        return _raised.Count;
    }

    /// <summary>Facts to their stored form.</summary>
    [Benchmark(OperationsPerInvoke = Purchases)]
    public int Encode()
    {
        var bytes = 0;
        for (var i = 0; i < Purchases; i++)
        {
            _writer.Clear();
            MemberCodec.Write(_writer, _facts[i]);
            MemberCodec.Write(_writer, _answers[i]);
            bytes += _writer.Length;
        }

        return bytes;
    }

    /// <summary>One link of the hash chain (SHA-256).</summary>
    [Benchmark(OperationsPerInvoke = Purchases)]
    public ulong Chain()
    {
        var chain = default(Hash128);
        for (var i = 0; i < Purchases; i++)
        {
            chain = Hash128.Next(chain, _actors[i], i + 1, 1_700_000_000_000, _stored);
        }

        return chain.High;
    }

    /// <summary>The outcome to JSON.</summary>
    [Benchmark(OperationsPerInvoke = Purchases)]
    public int Reply()
    {
        _answer.Clear();
        foreach (var command in _commands)
        {
            ReplyWriter.Write(_answer, command, _programs);
        }

        return _answer.Written.Length;
    }

    /// <summary>The SQLite journal: keys, sums, blocks, one synced commit for all (several in flight).</summary>
    [Benchmark(OperationsPerInvoke = Purchases)]
    public long Append()
    {
        _journalLoad ??= new(SqliteJournal.Open(new() { Path = Path.Combine(_folder.FullName, "append.db") }), _actors, _stored);
        return _journalLoad.Append(Purchases);
    }

    /// <summary>Kernel, rules, encoding and journal together: what the engine does without HTTP.</summary>
    [Benchmark(OperationsPerInvoke = Purchases)]
    public int Engine()
    {
        if (_host is null)
        {
            _journal = SqliteJournal.Open(new() { Path = Path.Combine(_folder.FullName, "engine.db") });
            var programs = new ProgramSource { Current = _programs };
            _host = new(_journal, LoyaltyEngine.Kinds(programs), new KernelOptions(), new FixedClock(), new ThreadPoolScheduler(), NullLogger<EmbeddedHost>.Instance);
        }

        var commands = new Command[Purchases];
        for (var i = 0; i < Purchases; i++)
        {
            var purchase = NewPurchase();
            commands[i] = new RecordPurchase(ActorIds.Member(purchase.Member!), purchase);
        }

        _host.AskAllAsync(commands).GetAwaiter().GetResult();
        return commands.Count(command => command.Status == CommandStatus.Done) == Purchases
            ? Purchases
            : throw new InvalidOperationException(commands.First(command => command.Status != CommandStatus.Done).Problem);
    }

    /// <inheritdoc />
    [GlobalCleanup]
    public void Dispose()
    {
        _host?.DisposeAsync().AsTask().GetAwaiter().GetResult();
        _journal?.DisposeAsync().AsTask().GetAwaiter().GetResult();
        _journalLoad?.Dispose();
        _folder.Delete(recursive: true);
        GC.SuppressFinalize(this);
    }

    private Purchase NewPurchase() => new()
    {
        Id = $"POS-{++_next:000000000}",
        Member = _actors[_random.Next(Members)].Key,
        Store = "S042",
        At = Instant.FromUtc(2026, 3, 1, 11, 58, 7),
        Currency = "GBP",
        Lines = [new("22138", "toys", null, 3m, 1485), new("84029E", null, null, 1m, 339), new("71053", "home", null, 6m, 2034)],
    };

    private static ProgramCatalog Program()
    {
        var errors = new List<FieldError>();
        var program = ProgramParser.Parse(OperationsEndpoint.ReadResource("sample-program.json"), 1, Instant.MinValue, null, errors);
        return new([program ?? throw new InvalidOperationException(errors[0].Message)]);
    }

    private sealed class FixedClock : IClock
    {
        public Instant GetCurrentInstant() => Now;
    }
}
