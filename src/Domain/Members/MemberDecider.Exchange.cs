using Loyalty.Domain.Exchange;

namespace Loyalty.Domain.Members;

/// <summary>The member's steps of an exchange with a partner. docs/EXCHANGE.md, "The member's part".</summary>
public readonly ref partial struct MemberDecider
{
    /// <summary>Holds what the member pays, or makes room for what it gets; or refuses. What is held or expected here is never refused later.</summary>
    public Refusal? Begin(Reservation reservation)
    {
        ArgumentNullException.ThrowIfNull(reservation);
        BringUpToDate();
        if (_state.Status == MemberStatus.Unknown)
        {
            return new("unknown-member", "member", $"there is no member '{_state.Id}'");
        }

        var refusal = CheckStatus();
        if (refusal is not null)
        {
            return refusal;
        }

        if (_state.Exchanges is { Open.Count: >= ExchangeBook.MaxOpen })
        {
            return new("too-many-exchanges", "member", $"{ExchangeBook.MaxOpen} exchanges of member {_state.Id} are under way already");
        }

        var (points, unit, direction) = (reservation.MemberPoints, reservation.Unit, reservation.Direction);
        var today = _state.Exchanges?.On(_context.Today, reservation.Pool, direction) ?? 0;
        if (reservation.MemberDay is { } limit && today > limit - points)
        {
            return new("member-day-limit", "member", $"{Math.Max(0, limit - today)} of {limit} {unit} are left for member {_state.Id} today");
        }

        if (direction == ExchangeDirection.Out)
        {
            refusal = OpenHold(reservation.Exchange, HoldPurpose.Exchange, unit, points);
        }
        else if ((_state.FindBook(unit)?.Balance ?? 0) + _state.Held(unit) > MaxBalance - points - (_state.Exchanges?.Incoming(unit) ?? 0))
        {
            refusal = new("balance-limit", "", $"the balance of {unit} would pass {MaxBalance}, the most a member can have");
        }

        if (refusal is null)
        {
            Raise(new ExchangeOpened(new(reservation.Exchange, reservation.Pool, direction, unit, points, _context.Today), reservation.MemberDay is not null));
        }

        return refusal;
    }

    /// <summary>Completes an exchange; one that is not under way was ended before, and nothing happens.</summary>
    public void Complete(string exchange)
    {
        BringUpToDate();
        if (_state.Exchanges?.Find(exchange) is not { } open)
        {
            return;
        }

        if (_state.FindHold(exchange) is { } hold)
        {
            CommitHold(hold, null, hold.Points, PoolLedger.InTransit);
        }

        Raise(new ExchangeEnded(open, IsDone: true, LotOf(_context.Program.FindUnit(open.Unit)!, _context.Today), _context.Today));
        BringUpToDate();
    }

    /// <summary>Undoes an exchange: held points go back to their lots. One that is not under way was ended before, and nothing happens.</summary>
    public void Undo(string exchange)
    {
        BringUpToDate();
        if (_state.Exchanges?.Find(exchange) is not { } open)
        {
            return;
        }

        if (_state.FindHold(exchange) is { } hold)
        {
            ReleaseHold(hold, HoldEnd.Cancelled, _context.Now);
        }

        Raise(new ExchangeEnded(open, IsDone: false, default, _context.Today));
        BringUpToDate();
    }

    /// <summary>Why the member cannot be closed, or null.</summary>
    private Refusal? CheckExchanges() => _state.Exchanges is { Open: [var first, ..] }
        ? new("exchange-open", "", $"exchange {first.Id} of member {_state.Id} with {first.Pool} is under way; close the member a little later")
        : null;
}
