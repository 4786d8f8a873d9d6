using Loyalty.Domain.Encoding;
using Loyalty.Domain.Exchange;
using Loyalty.Domain.Ledger;
using Loyalty.Domain.Members;
using Loyalty.Domain.Programs;
using NodaTime;
using Xunit;

namespace Loyalty.Domain.Tests.Exchange;

/// <summary>A pool under test: decides by the engine's code, keeps every fact, and adds up what was posted.</summary>
internal sealed class PoolBooks : ILedgerSink
{
    private readonly ProgramCatalog _programs;
    private readonly List<PoolEvent> _raised = [];

    public PoolBooks(string zone = "Europe/London")
    {
        var errors = new List<Validation.FieldError>();
        var json = $$"""{ "name": "P", "currency": "GBP", "timeZone": "{{zone}}", "units": [ { "id": "points" } ], "earn": [ { "unit": "points", "points": 1, "per": 100 } ] }""";
        _programs = new([ProgramParser.Parse(System.Text.Encoding.UTF8.GetBytes(json), 1, Instant.FromUtc(2020, 1, 1, 0, 0), null, errors)!]);
        Assert.Empty(errors);
    }

    public PoolState State { get; private set; } = new("sky");

    public Instant Now { get; set; } = Instant.FromUtc(2026, 3, 2, 10, 0);

    public LocalDate Today => _programs.Latest.Calendar.DayOf(Now);

    public List<PoolEvent> Facts { get; } = [];

    public Dictionary<(string Unit, string Account), long> Accounts { get; } = [];

    public Dictionary<string, long> Counters { get; } = [];

    public IReadOnlyList<StatementLine> Lines => [.. Facts.Select(StatementLine.Of).OfType<StatementLine>()];

    private PoolDecider Decider => new(State, new TurnContext(Now, _programs), _raised);

    public List<Validation.FieldError> Publish(byte[] json)
    {
        var errors = Decider.Publish(json);
        Keep();
        return errors;
    }

    public string? Fund(string unit, long amount, string id = "f")
    {
        var refusal = Decider.Fund(new() { Id = id, Pool = "sky", Unit = unit, Amount = amount, Reason = "r", Author = "a" });
        Keep();
        return refusal?.Code;
    }

    public string? Reserve(string id, ExchangeDirection direction, long amount, out Reservation? reservation, string? account = "SK1", string member = "M1")
    {
        var request = new ExchangeRequest { Id = id, Pool = "sky", Member = member, Direction = direction, Amount = amount, Account = account };
        var refusal = Decider.Reserve(request, out reservation);
        Keep();
        return refusal?.Code;
    }

    public void Commit(string id, string? reference = null)
    {
        Decider.Commit(id, reference);
        Keep();
    }

    public void Release(string id)
    {
        Decider.Release(id);
        Keep();
    }

    public void Park(string id, bool parked)
    {
        Decider.Park(id, parked);
        Keep();
    }

    public void Wake()
    {
        Decider.BringUpToDate();
        Keep();
    }

    public long Balance(string unit, string account) => Accounts.GetValueOrDefault((unit, account));

    public void Post(string unit, string from, string to, long points)
    {
        Assert.True(points >= 0);
        Accounts[(unit, from)] = Balance(unit, from) - points;
        Accounts[(unit, to)] = Balance(unit, to) + points;
    }

    public void Count(string counter, long delta) => Counters[counter] = Counters.GetValueOrDefault(counter) + delta;

    /// <summary>The state written and read again, and the state that all facts give when they are read from their stored form: both must be this state.</summary>
    public void RequireRebuilt()
    {
        var now = Snapshot(State);
        var again = PoolCodec.ReadSnapshot("sky", now)!;
        Assert.Equal(now, Snapshot(again));
        var replayed = new PoolState("sky");
        var writer = new ByteWriter();
        foreach (var fact in Facts)
        {
            writer.Clear();
            PoolCodec.Write(writer, fact);
            var reader = new ByteReader(writer.Written);
            replayed.Apply(PoolCodec.Read(ref reader));
            Assert.True(reader.AtEnd);
        }

        Assert.Equal(now, Snapshot(replayed));
        State = again;
    }

    private static byte[] Snapshot(PoolState state)
    {
        var writer = new ByteWriter();
        PoolCodec.Write(writer, state);
        return writer.Written.ToArray();
    }

    private void Keep()
    {
        foreach (var fact in _raised)
        {
            Facts.Add(fact);
            PoolLedger.Post(fact, this);
        }

        _raised.Clear();
    }
}
