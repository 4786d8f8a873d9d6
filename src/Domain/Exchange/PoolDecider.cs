using Loyalty.Domain.Members;
using Loyalty.Domain.Programs;
using Loyalty.Domain.Validation;
using NodaTime;

namespace Loyalty.Domain.Exchange;

/// <summary>
/// Decides what a pool says. docs/EXCHANGE.md is the specification. Facts are applied to the state as they are raised; nothing else changes it.
/// </summary>
/// <param name="state">The pool.</param>
/// <param name="context">Clock and program.</param>
/// <param name="raised">Takes the facts, in order.</param>
public readonly ref partial struct PoolDecider(PoolState state, TurnContext context, List<PoolEvent> raised)
{
    /// <summary>Periods that are closed in one turn, at most; the rest with the next.</summary>
    public const int MaxClosedAtOnce = 400;

    private readonly PoolState _state = state;
    private readonly TurnContext _context = context;
    private readonly List<PoolEvent> _raised = raised;
    private readonly int _shard = state.Shard;

    /// <summary>When the running period ends, or a shard's lease; null: never published.</summary>
    public static Instant? WakeAt(PoolState state, BusinessCalendar calendar)
    {
        if (state is not { Period: { } period, Definition: { } definition })
        {
            return null;
        }

        var end = calendar.StartOf(SettlementCalendar.NextOf(definition.Settlement, period.Start));
        return state.Shard > 0 && LeaseEnd(state) is { } leaseEnd ? Instant.Min(leaseEnd, end) : end;
    }

    /// <summary>Closes the periods that are over.</summary>
    public void BringUpToDate()
    {
        if (_state.Definition is not { } definition)
        {
            return;
        }

        var calendar = _context.Program.Calendar;
        for (var closed = 0; closed < MaxClosedAtOnce; closed++)
        {
            var period = _state.PeriodNow();
            var next = SettlementCalendar.NextOf(definition.Settlement, period.Start);
            if (next > _context.Today)
            {
                return;
            }

            Raise(new PoolPeriodClosed(period, calendar.StartOf(period.Start), calendar.StartOf(next), SettlementCalendar.NameOf(definition.Settlement, period.Start)));
        }
    }

    /// <summary>Publishes a version; the same text as the newest changes nothing.</summary>
    /// <returns>What is wrong; empty: it is in force.</returns>
    public List<FieldError> Publish(ReadOnlyMemory<byte> json)
    {
        BringUpToDate();
        var errors = new List<FieldError>();
        if (_state.Definition is { } newest && newest.Source.Span.SequenceEqual(json.Span))
        {
            return errors;
        }

        var definition = PoolParser.Parse(json, _state.Id, (_state.Definition?.Version ?? 0) + 1, _context.Program, _state.Definition, errors);
        if (definition is { Version: > PoolState.MaxVersions })
        {
            errors.Add(new("", $"{PoolState.MaxVersions} versions exist; no more are kept"));
        }

        if (definition is not null && errors.Count == 0)
        {
            Raise(new PoolDefined(definition, _context.Now, _context.Today));
            Alert();
        }

        return errors;
    }

    /// <summary>Puts liquidity in or takes it out, or refuses.</summary>
    public Refusal? Fund(PoolFunding funding)
    {
        BringUpToDate();
        var definition = _state.Definition!;
        var isPoints = funding.Unit == definition.Unit;
        if (!isPoints && funding.Unit != definition.PartnerUnit)
        {
            return new("unknown-unit", "unit", $"is '{funding.Unit}'; pool {_state.Id} holds {definition.Unit} and {definition.PartnerUnit}");
        }

        var (free, has) = isPoints ? (_state.Free.Points, _state.Position.Points) : (_state.Free.Units, _state.Position.Units);
        if (funding.Amount < 0 && free < -funding.Amount)
        {
            return new("pool-liquidity", "amount", $"is {funding.Amount}; {Math.Max(0, free)} {funding.Unit} are free");
        }

        if (funding.Amount > 0 && has > PoolState.MaxPosition - funding.Amount)
        {
            return new("pool-full", "amount", $"is {funding.Amount}; the pool would pass {PoolState.MaxPosition}, the most it can have");
        }

        Raise(new PoolFunded(funding, isPoints, _context.Now, _state.Lines + 1));
        Alert();
        return null;
    }

    /// <summary>Reserves what an exchange will move, or refuses.</summary>
    /// <param name="request">The exchange.</param>
    /// <param name="reservation">What is reserved; null: refused.</param>
    public Refusal? Reserve(ExchangeRequest request, out Reservation? reservation)
    {
        BringUpToDate();
        reservation = null;
        if (_state.Definition is not { } definition)
        {
            return new("unknown-pool", "pool", $"there is no pool '{_state.Id}'");
        }

        if (definition.IsPaused)
        {
            return new("pool-paused", "pool", $"pool {_state.Id} takes no exchanges now");
        }

        if (_state.Open.ContainsKey(request.Id))
        {
            throw new InvalidOperationException($"exchange {request.Id} is reserved already");
        }

        var direction = StatementLine.NameOf(request.Direction);
        if (definition.LimitsOf(request.Direction) is not { } limits)
        {
            return new("not-offered", "direction", $"is '{direction}', which pool {_state.Id} does not offer");
        }

        if (definition.Connector is not null && request.Direction != ExchangeDirection.Earn && request.Account is null)
        {
            return new("account-needed", "account", "is missing; the member's account at the partner is needed");
        }

        if (Check(request, limits, request.Direction == ExchangeDirection.In ? "units" : "points") is { } wrong)
        {
            return wrong;
        }

        var today = _context.Today;
        var rate = request.Direction switch
        {
            ExchangeDirection.Out => definition.RateOn(today)?.Out,
            ExchangeDirection.In => definition.RateOn(today)?.In,
            _ => null,
        };
        if (rate is null && request.Direction != ExchangeDirection.Earn)
        {
            return new("no-rate", "pool", $"pool {_state.Id} has no rate for '{direction}' on {today:uuuu'-'MM'-'dd}");
        }

        var points = request.Direction == ExchangeDirection.In ? rate!.Value.Down(request.Amount) : request.Amount;
        var fee = request.Direction == ExchangeDirection.Earn ? 0 : definition.MemberFee.Up(points);
        var units = request.Direction switch
        {
            ExchangeDirection.Out => rate!.Value.Down(Math.Max(0, points - fee)),
            ExchangeDirection.In => request.Amount,
            _ => 0,
        };
        if (points - fee < 1 || (units < 1 && request.Direction != ExchangeDirection.Earn))
        {
            return new("too-little", request.Direction == ExchangeDirection.In ? "units" : "points", $"is {request.Amount}, which comes to nothing{(fee > 0 ? $" after a fee of {fee}" : "")}");
        }

        if (points > PoolState.MaxFunding || units > PoolState.MaxFunding)
        {
            return new("above-maximum", request.Direction == ExchangeDirection.In ? "units" : "points", $"is {request.Amount}, which comes to more than {PoolState.MaxFunding}");
        }

        // Each actor of a pool has an equal share of the day: never more is exchanged than the limit, and sometimes less.
        if (limits.Day / (definition.Shards > 1 ? definition.Shards + 1 : 1) is { } day && _state.UsedOn(today, request.Direction) > day - points)
        {
            return new("pool-day-limit", "points", $"{Math.Max(0, day - _state.UsedOn(today, request.Direction))} of {day} {definition.Unit} are left for '{direction}' today");
        }

        var reserved = new Reservation
        {
            Exchange = request.Id,
            Pool = _state.Id,
            Member = request.Member,
            Account = request.Account,
            Direction = request.Direction,
            Unit = definition.Unit,
            PartnerUnit = definition.PartnerUnit,
            Points = points,
            Fee = fee,
            Units = units,
            Rate = rate,
            ServiceFee = definition.ServiceFee.Down(points),
            Day = today,
            Version = definition.Version,
            Shard = _shard,
            Connector = request.Direction == ExchangeDirection.Earn ? null : definition.Connector,
            Retry = definition.Retry,
            MemberDay = limits.MemberDay,
        };
        if (CheckLiquidity(reserved, definition) is { } refusal)
        {
            return refusal;
        }

        Raise(new PoolReserved(reserved));
        Alert();
        reservation = reserved;
        return null;
    }

    /// <summary>Completes an exchange as to the pool; one that is not open has been before, and nothing happens.</summary>
    public void Commit(string exchange, string? reference)
    {
        BringUpToDate();
        if (_state.Open.TryGetValue(exchange, out var reservation))
        {
            Park(exchange, isParked: false);
            Raise(new PoolCommitted(reservation, _context.Now, reference, _state.Lines + 1));
            Alert();
        }
    }

    /// <summary>Frees a reservation; one that is not open has been before, and nothing happens.</summary>
    public void Release(string exchange)
    {
        BringUpToDate();
        if (_state.Open.TryGetValue(exchange, out var reservation))
        {
            Park(exchange, isParked: false);
            Raise(new PoolReleased(reservation));
            Alert();
        }
    }

    /// <summary>Notes that an exchange needs an operator, or does not any more; of one that is not open nothing is noted.</summary>
    public void Park(string exchange, bool isParked)
    {
        BringUpToDate();
        if (_state.Open.ContainsKey(exchange) && _state.Parked.Contains(exchange) != isParked)
        {
            Raise(new PoolParked(exchange, isParked));
        }
    }

    /// <summary>Remembers a refusal as the outcome of a request.</summary>
    public void Refuse(string requestId, UInt128 fingerprint, Refusal refusal) => Raise(new PoolRefused(new(requestId, fingerprint, refusal)));

    private static Refusal? Check(ExchangeRequest request, ExchangeLimits limits, string field) =>
        request.Amount < limits.Min ? new("below-minimum", field, $"is {request.Amount}; at least {limits.Min} are exchanged")
        : request.Amount > limits.Max ? new("above-maximum", field, $"is {request.Amount}; at most {limits.Max} are exchanged at once")
        : request.Amount % limits.Step != 0 ? new("wrong-step", field, $"is {request.Amount}; a multiple of {limits.Step} is needed")
        : null;

    private Refusal? CheckLiquidity(Reservation reserved, PoolDefinition definition)
    {
        // Credit is the main actor's to give.
        var (pointsCredit, unitsCredit) = _shard == 0 ? (definition.PointsCredit, definition.UnitsCredit) : (0, 0);

        // Only what goes out counts: the other side may be below a credit that was lowered.
        var (unit, needed, free) = reserved.ReservedPoints > 0
            ? (definition.Unit, reserved.ReservedPoints, _state.Free.Points + pointsCredit)
            : (definition.PartnerUnit, reserved.ReservedUnits, _state.Free.Units + unitsCredit);
        if (free < needed)
        {
            return new("pool-liquidity", "pool", $"pool {_state.Id} has {Math.Max(0, free)} {unit} left; {needed} are needed");
        }

        if (_state.Position.Points > PoolState.MaxPosition - Math.Max(0, reserved.PointsChange) || _state.Position.Units > PoolState.MaxPosition - Math.Max(0, reserved.UnitsChange))
        {
            return new("pool-full", "pool", $"pool {_state.Id} would pass {PoolState.MaxPosition}, the most it can have");
        }

        return _state.Open.Count >= PoolState.MaxOpen
            ? new("pool-busy", "pool", $"{PoolState.MaxOpen} exchanges of pool {_state.Id} are under way; no more are taken until some end")
            : null;
    }

    private void Alert()
    {
        if (_shard > 0)
        {
            return;
        }

        var definition = _state.Definition!;
        if (definition.LowPoints is { } points && _state.Free.Points < points != _state.IsLowOnPoints)
        {
            Raise(new PoolAlerted(IsPoints: true, !_state.IsLowOnPoints, _state.Free.Points));
        }

        if (definition.LowUnits is { } units && _state.Free.Units < units != _state.IsLowOnUnits)
        {
            Raise(new PoolAlerted(IsPoints: false, !_state.IsLowOnUnits, _state.Free.Units));
        }
    }

    private void Raise(PoolEvent fact)
    {
        _state.Apply(fact);
        _raised.Add(fact);
    }
}
