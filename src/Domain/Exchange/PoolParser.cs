using System.Text.Json;
using System.Text.Unicode;
using Loyalty.Domain.Programs;
using Loyalty.Domain.Validation;
using NodaTime;
using NodaTime.Text;

namespace Loyalty.Domain.Exchange;

/// <summary>Reads and checks the definition of a pool. docs/EXCHANGE.md lists every field.</summary>
public static class PoolParser
{
    /// <summary>Largest definition that is read, bytes.</summary>
    public const int MaxBytes = 64 * 1024;

    /// <summary>Characters of a pool's id.</summary>
    public const int IdLength = 32;

    private const long MaxAmount = Requests.RequestLimits.Amount;
    private static readonly string[] Statuses = ["open", "paused"];
    private static readonly string[] Fundings = ["prepaid", "postpaid"];
    private static readonly string[] Periods = ["day", "week", "month"];

    /// <summary>Whether it can be a pool's id: lower-case letters, digits, <c>-</c>, at most <see cref="IdLength"/>.</summary>
    public static bool IsId(string id) => id.Length is > 0 and <= IdLength && id.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-');

    /// <summary>Parses a definition.</summary>
    /// <param name="json">UTF-8 JSON.</param>
    /// <param name="id">The pool's id.</param>
    /// <param name="version">The version it will be.</param>
    /// <param name="program">The program in force, or null: it was checked before.</param>
    /// <param name="previous">The version before, or null: units and settlement cannot change.</param>
    /// <param name="errors">Everything that is wrong.</param>
    /// <returns>The definition, or null when there are errors.</returns>
    public static PoolDefinition? Parse(
        ReadOnlyMemory<byte> json, string id, int version, ProgramDefinition? program, PoolDefinition? previous, List<FieldError> errors)
    {
        ArgumentNullException.ThrowIfNull(errors);
        if (!IsId(id))
        {
            errors.Add(new("id", $"is '{id}'; 1 to {IdLength} lower-case letters, digits and - are needed"));
        }

        if (json.Length > MaxBytes)
        {
            errors.Add(new("", $"is {json.Length} bytes long; at most {MaxBytes} are read"));
            return null;
        }

        if (!Utf8.IsValid(json.Span))
        {
            errors.Add(new("", "is not JSON: it is not valid UTF-8"));
            return null;
        }

        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 16, CommentHandling = JsonCommentHandling.Disallow });
        }
        catch (JsonException e)
        {
            errors.Add(new("", $"is not JSON: {e.Message}"));
            return null;
        }

        using (document)
        {
            var fields = new JsonFields(document.RootElement, "", errors);
            if (errors.Count > 0)
            {
                return null;
            }

            var pool = Read(fields, json, id, version, errors);
            Check(fields, pool, program, previous);
            return errors.Count == 0 ? pool : null;
        }
    }

    private static PoolDefinition Read(JsonFields fields, ReadOnlyMemory<byte> json, string id, int version, List<FieldError> errors)
    {
        var rates = ReadRates(fields, errors);
        var postpaid = fields.Choice("funding", Fundings, 0) == 1;
        var credit = Amounts(fields, "credit", 0, PoolState.MaxFunding);
        var low = Amounts(fields, "lowLiquidity", 1, PoolState.MaxFunding);
        if (!postpaid && fields.Has("credit"))
        {
            fields.Error("credit", "is possible with \"funding\": \"postpaid\" only");
        }

        var pool = new PoolDefinition
        {
            Id = id,
            Version = version,
            Name = fields.Text("name", 100, id.Length == 0 ? "pool" : id),
            Unit = Unit(fields, "unit"),
            PartnerUnit = Unit(fields, "partnerUnit"),
            IsPaused = fields.Choice("status", Statuses, 0) == 1,
            Connector = Unit(fields, "connector", "-") is var connector && fields.Has("connector") ? connector : null,
            IsPostpaid = postpaid,
            PointsCredit = credit.Points ?? 0,
            UnitsCredit = credit.Units ?? 0,
            Rates = rates,
            Out = ReadLimits(fields, "out"),
            In = ReadLimits(fields, "in"),
            Earn = ReadLimits(fields, "earn"),
            MemberFee = ReadFee(fields, "fee"),
            ServiceFee = ReadFee(fields, "serviceFee"),
            LowPoints = low.Points,
            LowUnits = low.Units,
            Settlement = (SettlementPeriod)fields.Choice("settlement", Periods, (int)SettlementPeriod.Month),
            Retry = ReadRetry(fields),
            Shards = (int)fields.Whole("shards", 1, PoolState.MaxShards, 1),
            Source = json.ToArray(),
        };
        fields.RefuseUnknown();
        return pool;
    }

    private static void Check(JsonFields fields, PoolDefinition pool, ProgramDefinition? program, PoolDefinition? previous)
    {
        if (program is not null && program.FindUnit(pool.Unit) is null)
        {
            fields.Error("unit", $"is '{pool.Unit}'; the program has {string.Join(", ", program.Units.Select(unit => unit.Id))}");
        }

        if (program?.FindUnit(pool.PartnerUnit) is not null || pool.PartnerUnit == pool.Unit)
        {
            fields.Error("partnerUnit", $"is '{pool.PartnerUnit}', a unit of the program; the partner's needs a name of its own");
        }

        if (pool.Out is null && pool.In is null && pool.Earn is null)
        {
            fields.Error("", "offers nothing: out, in or earn is needed (an empty object has no limits)");
        }

        if (pool.Out is not null && !pool.Rates.Any(rate => rate.Out is not null))
        {
            fields.Error("out", "is offered, and no rate has an 'out'");
        }

        if (pool.In is not null && !pool.Rates.Any(rate => rate.In is not null))
        {
            fields.Error("in", "is offered, and no rate has an 'in'");
        }

        if (previous is null)
        {
            return;
        }

        if (pool.Unit != previous.Unit)
        {
            fields.Error("unit", $"is '{pool.Unit}'; the pool holds {previous.Unit}, and that cannot change");
        }

        if (pool.PartnerUnit != previous.PartnerUnit)
        {
            fields.Error("partnerUnit", $"is '{pool.PartnerUnit}'; the pool holds {previous.PartnerUnit}, and that cannot change");
        }

        if (pool.Settlement != previous.Settlement)
        {
            fields.Error("settlement", $"cannot change; it is '{Periods[(int)previous.Settlement]}'");
        }

        if (pool.Shards < previous.Shards)
        {
            fields.Error("shards", $"is {pool.Shards}; the pool has {previous.Shards}, and they cannot become fewer");
        }
    }

    private static List<PoolRate> ReadRates(JsonFields fields, List<FieldError> errors)
    {
        var rates = new List<PoolRate>();
        foreach (var (element, path) in fields.List("rates", 0, 200))
        {
            var rate = new JsonFields(element, path, errors);
            var text = rate.Text("from", 10);
            var from = LocalDatePattern.Iso.Parse(text);
            if (!from.Success)
            {
                rate.Error("from", $"is '{text}'; a day is needed, for example 2026-03-01");
            }

            var read = new PoolRate(from.Success ? from.Value : default, ReadRatio(rate, "out"), ReadRatio(rate, "in"));
            if (read.Out is null && read.In is null && !rate.Has("out") && !rate.Has("in"))
            {
                rate.Error("", "has neither 'out' nor 'in'");
            }

            if (rates.Count > 0 && from.Success && read.From <= rates[^1].From)
            {
                rate.Error("from", $"is {text}, not after the rate before it; rates are listed by rising day");
            }

            rate.RefuseUnknown();
            rates.Add(read);
        }

        return rates;
    }

    private static Ratio? ReadRatio(JsonFields fields, string name)
    {
        var text = fields.Text(name, 21, "-");
        if (!fields.Has(name))
        {
            return null;
        }

        if (Ratio.Parse(text) is { } ratio)
        {
            return ratio;
        }

        fields.Error(name, $"is '{text}'; a fraction like 1/2 or a whole number is needed, numerator and denominator 1 to {Ratio.Max}");
        return null;
    }

    private static ExchangeLimits? ReadLimits(JsonFields fields, string name)
    {
        if (fields.Nested(name, required: false) is not { } limits)
        {
            return null;
        }

        var min = limits.Whole("min", 1, MaxAmount, 1);
        var max = limits.Whole("max", 1, MaxAmount, MaxAmount);
        var step = limits.Whole("step", 1, MaxAmount, 1);
        var memberDay = limits.Whole("memberDay", 1, PoolState.MaxFunding, long.MaxValue);
        var day = limits.Whole("day", 1, PoolState.MaxFunding, long.MaxValue);
        if (min > max)
        {
            limits.Error("min", $"is {min}, more than max, {max}");
        }

        limits.RefuseUnknown();
        return new(min, max, step, memberDay == long.MaxValue ? null : memberDay, day == long.MaxValue ? null : day);
    }

    private static Fee ReadFee(JsonFields fields, string name)
    {
        if (fields.Nested(name, required: false) is not { } fee)
        {
            return default;
        }

        var read = new Fee(fee.Whole("flat", 0, MaxAmount, 0), ReadRatio(fee, "rate"));
        if (read.Rate is { } rate && rate.Numerator > rate.Denominator)
        {
            fee.Error("rate", $"is {rate}; at most 1 is possible");
        }

        fee.RefuseUnknown();
        return read;
    }

    private static RetryPolicy ReadRetry(JsonFields fields)
    {
        if (fields.Nested("retry", required: false) is not { } retry)
        {
            return RetryPolicy.Default;
        }

        var read = new RetryPolicy(
            (int)retry.Whole("attempts", 1, 100, RetryPolicy.Default.Attempts),
            (int)retry.Whole("firstSeconds", 1, 3600, RetryPolicy.Default.FirstSeconds),
            (int)retry.Whole("maxSeconds", 1, 86_400, RetryPolicy.Default.MaxSeconds));
        retry.RefuseUnknown();
        return read;
    }

    private static (long? Points, long? Units) Amounts(JsonFields fields, string name, long min, long max)
    {
        if (fields.Nested(name, required: false) is not { } amounts)
        {
            return default;
        }

        var (points, units) = (amounts.Whole("points", min, max, min), amounts.Whole("partnerUnits", min, max, min));
        amounts.RefuseUnknown();
        return (amounts.Has("points") ? points : null, amounts.Has("partnerUnits") ? units : null);
    }

    private static string Unit(JsonFields fields, string name, string? fallback = null)
    {
        var id = fields.Text(name, 32, fallback);
        if (!id.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_'))
        {
            fields.Error(name, $"is '{id}'; letters, digits, - and _ are allowed");
        }

        return id;
    }
}
