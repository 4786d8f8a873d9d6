using Loyalty.Domain.Requests;

namespace Loyalty.Domain.Members;

/// <summary>Transfers between members. docs/HOUSEHOLDS.md is the specification.</summary>
public readonly ref partial struct MemberDecider
{
    /// <summary>Sends points to another member, or refuses. They are on their way until the receiver has decided (<see cref="EndTransfer"/>).</summary>
    public Refusal? Record(Transfer transfer)
    {
        BringUpToDate();
        if (CheckTransfer(transfer, out var fee) is { } refusal)
        {
            return refusal;
        }

        if (Spendable(transfer.Unit, transfer.Points + fee, out refusal) is not { } lots)
        {
            return refusal;
        }

        Raise(new TransferSent(transfer, lots, fee, _context.Today));
        return null;
    }

    /// <summary>Takes points that another member sent, or refuses them.</summary>
    /// <param name="transfer">As it was sent.</param>
    /// <param name="lots">What arrives.</param>
    public Refusal? Receive(Transfer transfer, Lot[] lots)
    {
        BringUpToDate();
        if (_state.Status != MemberStatus.Active)
        {
            return new("receiver-not-active", "to", $"is '{_state.Id}', who takes no points: {(_state.Status == MemberStatus.Unknown ? "not enrolled" : _state.Status.ToString().ToLowerInvariant())}");
        }

        if ((_state.FindBook(transfer.Unit)?.Balance ?? 0) > MaxBalance - transfer.Points)
        {
            return new("balance-limit", "points", $"is {transfer.Points}; the balance of {_state.Id} would pass {MaxBalance}, the most a member can have");
        }

        var (freed, repaid) = RepayFirst(transfer.Unit, lots);
        Raise(new TransferReceived(transfer.Id, transfer.From, transfer.Unit, freed, repaid, transfer.Message));
        BringUpToDate();
        return null;
    }

    /// <summary>The receiver of a transfer has decided. What was not taken comes back.</summary>
    /// <param name="id">Of the transfer.</param>
    /// <param name="refusal">Why it was not taken; null: it arrived.</param>
    public void EndTransfer(string id, Refusal? refusal)
    {
        BringUpToDate();
        if (_state.Transfers?.Find(id) is not { } open)
        {
            return;
        }

        var (freed, repaid) = refusal is null ? ([], 0) : RepayFirst(open.Transfer.Unit, open.Lots);
        Raise(new TransferEnded(open.Transfer, open.Fee, open.Day, refusal, freed, repaid));
        BringUpToDate();
        Answer();
    }

    /// <summary>A member is closed when all that it sent has arrived or come back.</summary>
    private Refusal? CheckTransfersEnded() => _state.Transfers is { Open: [var first, ..] }
        ? new("transfers-open", "", $"transfer {first.Transfer.Id} of member {_state.Id} is under way; close the member a little later")
        : null;

    private Refusal? CheckTransfer(Transfer transfer, out long fee)
    {
        fee = 0;
        if (CheckStatus() is { } refusal)
        {
            return refusal;
        }

        if (transfer.To == transfer.From)
        {
            return new("to-self", "to", $"is '{transfer.To}', the sender; another member is needed");
        }

        var unit = transfer.Unit;
        if (_context.Program.FindUnit(unit) is null)
        {
            return new("unknown-unit", "unit", $"is '{unit}'; the program has {string.Join(", ", _context.Program.Units.Select(u => u.Id))}");
        }

        if (_context.Program.Transfers.Of(unit) is not { } rule)
        {
            return new("transfers-not-allowed", "unit", $"is '{unit}', which the program does not let members give away");
        }

        fee = rule.Fee;
        var points = transfer.Points;
        var given = _state.Transfers?.GivenOn(unit, _context.Today) ?? default;
        return points < rule.Minimum ? new("below-minimum", "points", $"is {points}; at least {rule.Minimum} {unit} are given at once")
            : points > rule.Maximum ? new("above-maximum", "points", $"is {points}; at most {rule.Maximum} {unit} are given at once")
            : points > rule.PerDay - given.OnDay ? new("above-daily-limit", "points", $"is {points}; {given.OnDay} {unit} were given today, and {rule.PerDay} a day are possible")
            : points > rule.PerYear - given.InYear ? new("above-yearly-limit", "points", $"is {points}; {given.InYear} {unit} were given this year, and {rule.PerYear} a year are possible")
            : _state.Transfers is { Open.Count: >= TransferBook.MaxOpen }
                ? new("too-many-transfers", "", $"{TransferBook.MaxOpen} transfers of member {_state.Id} are under way already; ask again a little later with a new id")
                : null;
    }
}
