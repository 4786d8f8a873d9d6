using System.Numerics;
using Loyalty.Domain.Exchange;
using NodaTime;

namespace Loyalty.Domain.Tests.Exchange;

/// <summary>A pool as docs/EXCHANGE.md says it, written from that page alone: it keeps everything that ever happened and adds it up anew for every answer.</summary>
internal sealed class ModelPool(PoolPlan plan)
{
    private readonly List<(string Id, LocalDate Day, ExchangeDirection Direction, BigInteger Points, BigInteger Fee, BigInteger Units, BigInteger Service, string End)> _exchanges = [];
    private readonly List<(bool Points, BigInteger Amount)> _fundings = [];

    public PoolPlan Plan { get; set; } = plan;

    public BigInteger FreePoints =>
        Sum(_fundings.Where(f => f.Points).Select(f => f.Amount))
        + Sum(_exchanges.Where(e => e.Direction == ExchangeDirection.Out && e.End == "committed").Select(e => e.Points - e.Fee))
        - Sum(_exchanges.Where(e => e.Direction != ExchangeDirection.Out && e.End != "released").Select(e => e.Points));

    public BigInteger FreeUnits =>
        Sum(_fundings.Where(f => !f.Points).Select(f => f.Amount))
        + Sum(_exchanges.Where(e => e.Direction == ExchangeDirection.In && e.End == "committed").Select(e => e.Units))
        - Sum(_exchanges.Where(e => e.Direction == ExchangeDirection.Out && e.End != "released").Select(e => e.Units));

    public BigInteger ReservedPoints => Sum(_exchanges.Where(e => e.Direction != ExchangeDirection.Out && e.End == "open").Select(e => e.Points));

    public BigInteger ReservedUnits => Sum(_exchanges.Where(e => e.Direction == ExchangeDirection.Out && e.End == "open").Select(e => e.Units));

    public (BigInteger Count, BigInteger Points, BigInteger Fees, BigInteger Units, BigInteger Service) Committed(ExchangeDirection direction)
    {
        var all = _exchanges.Where(e => e.Direction == direction && e.End == "committed").ToArray();
        return (all.Length, Sum(all.Select(e => e.Points)), Sum(all.Select(e => e.Fee)), Sum(all.Select(e => e.Units)), Sum(all.Select(e => e.Service)));
    }

    public IEnumerable<string> OpenIds => _exchanges.Where(e => e.End == "open").Select(e => e.Id);

    public string? Fund(bool points, long amount)
    {
        if (amount < 0 && (points ? FreePoints : FreeUnits) + amount < 0)
        {
            return "pool-liquidity";
        }

        _fundings.Add((points, amount));
        return null;
    }

    /// <summary>The refusal's code, or null with what it moves.</summary>
    public string? Reserve(string id, ExchangeDirection direction, long amount, bool hasAccount, LocalDate today, out (BigInteger Points, BigInteger Fee, BigInteger Units, BigInteger Service) moves)
    {
        moves = default;
        var limits = direction switch { ExchangeDirection.Out => Plan.Out, ExchangeDirection.In => Plan.In, _ => Plan.Earn };
        if (Plan.Paused)
        {
            return "pool-paused";
        }

        if (limits is null)
        {
            return "not-offered";
        }

        if (Plan.HasConnector && direction != ExchangeDirection.Earn && !hasAccount)
        {
            return "account-needed";
        }

        if (amount < limits.Min)
        {
            return "below-minimum";
        }

        if (amount > limits.Max)
        {
            return "above-maximum";
        }

        if (amount % limits.Step != 0)
        {
            return "wrong-step";
        }

        (BigInteger N, BigInteger D)? rate = null;
        foreach (var entry in Plan.Rates.Where(r => r.From <= today).OrderBy(r => r.From))
        {
            // The newest entry counts, also when it does not offer the direction.
            var ratio = direction == ExchangeDirection.Out ? entry.Out : entry.In;
            rate = ratio is { } r ? (r.N, r.D) : null;
        }

        if (direction != ExchangeDirection.Earn && rate is null)
        {
            return "no-rate";
        }

        BigInteger points = direction == ExchangeDirection.In ? amount * rate!.Value.N / rate.Value.D : amount;
        BigInteger fee = direction == ExchangeDirection.Earn ? 0 : Plan.FeeFlat + Ceiling(points * Plan.FeeRate.N, Plan.FeeRate.D);
        var net = points - fee;
        BigInteger units = direction switch
        {
            ExchangeDirection.Out => net <= 0 ? 0 : net * rate!.Value.N / rate.Value.D,
            ExchangeDirection.In => amount,
            _ => 0,
        };
        if (net < 1 || (direction != ExchangeDirection.Earn && units < 1))
        {
            return "too-little";
        }

        var used = Sum(_exchanges.Where(e => e.Day == today && e.Direction == direction && e.End != "released").Select(e => e.Points));
        if (limits.Day is { } day && used + points > day)
        {
            return "pool-day-limit";
        }

        if (direction == ExchangeDirection.Out ? FreeUnits + Plan.UnitsCredit < units : FreePoints + Plan.PointsCredit < points)
        {
            return "pool-liquidity";
        }

        moves = (points, fee, units, Plan.ServiceFlat + (points * Plan.ServiceRate.N / Plan.ServiceRate.D));
        _exchanges.Add((id, today, direction, moves.Points, moves.Fee, moves.Units, moves.Service, "open"));
        return null;
    }

    public void End(string id, string end)
    {
        var at = _exchanges.FindIndex(e => e.Id == id);
        if (_exchanges[at].End == "open")
        {
            _exchanges[at] = _exchanges[at] with { End = end };
        }
    }

    private static BigInteger Sum(IEnumerable<BigInteger> all) => all.Aggregate(BigInteger.Zero, (sum, one) => sum + one);

    private static BigInteger Ceiling(BigInteger number, BigInteger divisor) => (number + divisor - 1) / divisor;
}

/// <summary>A pool's definition as plain figures, and as the JSON that says the same.</summary>
internal sealed record PoolPlan
{
    public bool Paused { get; init; }

    public bool HasConnector { get; init; } = true;

    public long PointsCredit { get; init; }

    public long UnitsCredit { get; init; }

    public (LocalDate From, (long N, long D)? Out, (long N, long D)? In)[] Rates { get; init; } = [(new(2026, 1, 1), (1, 2), (3, 2))];

    public PlanLimits? Out { get; init; } = new();

    public PlanLimits? In { get; init; } = new();

    public PlanLimits? Earn { get; init; } = new();

    public long FeeFlat { get; init; }

    public (long N, long D) FeeRate { get; init; } = (0, 1);

    public long ServiceFlat { get; init; }

    public (long N, long D) ServiceRate { get; init; } = (0, 1);

    public string Settlement { get; init; } = "month";

    public string More { get; init; } = "";

    public byte[] ToJson() => System.Text.Encoding.UTF8.GetBytes($$"""
        { "unit": "points", "partnerUnit": "skymiles", "status": "{{(Paused ? "paused" : "open")}}", {{(HasConnector ? "\"connector\": \"sky\"," : "")}}
          "funding": "{{(PointsCredit + UnitsCredit > 0 ? "postpaid" : "prepaid")}}",
          {{(PointsCredit + UnitsCredit > 0 ? $"\"credit\": {{ \"points\": {PointsCredit}, \"partnerUnits\": {UnitsCredit} }}," : "")}}
          "rates": [{{string.Join(",", Rates.Select(rate => $"{{ \"from\": \"{rate.From:uuuu'-'MM'-'dd}\"{Ratio("out", rate.Out)}{Ratio("in", rate.In)} }}"))}}],
          {{Limits("out", Out)}} {{Limits("in", In)}} {{Limits("earn", Earn)}}
          "fee": { "flat": {{FeeFlat}}{{(FeeRate.N > 0 ? Ratio("rate", FeeRate) : "")}} },
          "serviceFee": { "flat": {{ServiceFlat}}{{(ServiceRate.N > 0 ? Ratio("rate", ServiceRate) : "")}} },
          {{More}} "settlement": "{{Settlement}}" }
        """);

    private static string Ratio(string name, (long N, long D)? ratio) => ratio is { } r ? $", \"{name}\": \"{r.N}/{r.D}\"" : "";

    private static string Limits(string name, PlanLimits? limits) => limits is null
        ? ""
        : $"\"{name}\": {{ \"min\": {limits.Min}, \"max\": {limits.Max}, \"step\": {limits.Step}{(limits.Day is { } day ? $", \"day\": {day}" : "")} }},";
}

internal sealed record PlanLimits(long Min = 1, long Max = 1_000_000_000_000, long Step = 1, long? Day = null);
