using Loyalty.Domain.Encoding;
using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using NodaTime;

namespace Loyalty.Domain.Rewards;

/// <summary>
/// One entry of the catalogue and its stock. docs/SPENDING.md, "Rewards". At every moment free + reserved + redeemed is what was put in. Changed by <see cref="Apply"/> alone.
/// </summary>
public sealed class RewardState
{
    /// <summary>Reservations that may be open.</summary>
    public const int MaxReservations = 65_536;

    private readonly SortedDictionary<string, int> _reservations = new(StringComparer.Ordinal);

    /// <summary>The entry; null: it was never put.</summary>
    public RewardDefinition? Definition { get; private set; }

    /// <summary>Ended for new holds.</summary>
    public bool IsWithdrawn { get; private set; }

    /// <summary>In stock and not reserved; 0 without a stock.</summary>
    public long Free { get; private set; }

    /// <summary>Reserved by holds.</summary>
    public long Reserved { get; private set; }

    /// <summary>Redeemed, less what was reversed.</summary>
    public long Redeemed { get; private set; }

    /// <summary>Open reservations.</summary>
    public int Reservations => _reservations.Count;

    /// <summary>Puts an entry, or another revision of it.</summary>
    /// <param name="definition">Its revision does not matter.</param>
    /// <param name="raised">Takes the facts; none when nothing changes.</param>
    public Refusal? Put(RewardDefinition definition, List<RewardEvent> raised)
    {
        if (Definition is { } known)
        {
            if (known.LimitedStock != definition.LimitedStock)
            {
                return new("stock-kind", "limitedStock", $"was {(known.LimitedStock ? "true" : "false")} when {known.Id} was put, and cannot change: what is reserved would be counted wrongly");
            }

            if (known.Says(definition) && !IsWithdrawn)
            {
                return null;
            }
        }

        Raise(new RewardPut(definition with { Revision = (Definition?.Revision ?? 0) + 1 }), raised);
        return null;
    }

    /// <summary>Ends the entry for new holds.</summary>
    public void Withdraw(string reason, string author, List<RewardEvent> raised)
    {
        if (!IsWithdrawn)
        {
            Raise(new RewardWithdrawn(reason, author), raised);
        }
    }

    /// <summary>Puts in stock or takes out, or refuses.</summary>
    public Refusal? Change(StockChange change, List<RewardEvent> raised)
    {
        if (!Definition!.LimitedStock)
        {
            return new("no-stock", "reward", $"{Definition.Id} has no stock: it is there without limit");
        }

        if (change.Change < -Free)
        {
            return new("not-enough-stock", "change", $"is {change.Change}; {Free} are free");
        }

        if (Free + change.Change > RequestLimits.Amount)
        {
            return new("too-much-stock", "change", $"is {change.Change}; {Free} are free, and at most {RequestLimits.Amount} are possible");
        }

        Raise(new StockChanged(change, Free + change.Change), raised);
        return null;
    }

    /// <summary>Reserves for a hold, or refuses.</summary>
    public Refusal? Reserve(string hold, int quantity, Instant now, List<RewardEvent> raised)
    {
        if (Definition is not { } definition)
        {
            return new("unknown-reward", "reward", "there is no such reward");
        }

        if (_reservations.ContainsKey(hold))
        {
            return null;
        }

        var refusal = IsWithdrawn ? new("reward-withdrawn", "reward", $"{definition.Id} is withdrawn")
            : !definition.IsValidAt(now) ? new("reward-not-valid", "reward", $"{definition.Id} is to be had {Span(definition)}; the engine's clock says {now}")
            : definition.LimitedStock && Free < quantity ? new("out-of-stock", "quantity", $"is {quantity}; {Free} of {definition.Id} are free")
            : _reservations.Count >= MaxReservations ? new("too-many-reservations", "reward", $"{MaxReservations} reservations of {definition.Id} are open already; send a new request later")
            : (Refusal?)null;
        if (refusal is null)
        {
            Raise(new RewardReserved(hold, quantity), raised);
        }

        return refusal;
    }

    /// <summary>The hold was committed.</summary>
    public void Confirm(string hold, List<RewardEvent> raised) => End(hold, isConfirmed: true, raised);

    /// <summary>The hold ended without a redemption.</summary>
    public void Release(string hold, List<RewardEvent> raised) => End(hold, isConfirmed: false, raised);

    /// <summary>A redemption was reversed.</summary>
    public void Restock(string hold, int quantity, List<RewardEvent> raised)
    {
        if (Definition is not null)
        {
            Raise(new RewardRestocked(hold, quantity), raised);
        }
    }

    /// <summary>Remembers a refusal as the outcome of a request.</summary>
    public void Refuse(string requestId, UInt128 fingerprint, Refusal refusal, List<RewardEvent> raised) =>
        Raise(new StockChangeRefused(new(requestId, fingerprint, refusal)), raised);

    /// <summary>Changes the state by a fact.</summary>
    /// <exception cref="InvalidOperationException">The fact does not fit: the books are damaged.</exception>
    public void Apply(RewardEvent fact)
    {
        switch (fact)
        {
            case RewardPut e:
                (Definition, IsWithdrawn) = (e.Definition, false);
                break;
            case RewardWithdrawn:
                IsWithdrawn = true;
                break;
            case StockChanged e:
                Free = e.FreeAfter;
                break;
            case RewardReserved e:
                _reservations.Add(e.Hold, e.Quantity);
                Reserved += e.Quantity;
                TakeFree(e.Quantity);
                break;
            case RewardEnded e:
                if (!_reservations.Remove(e.Hold, out var quantity))
                {
                    throw new InvalidOperationException($"hold {e.Hold} has no reservation");
                }

                Reserved -= quantity;
                Redeemed += e.IsConfirmed ? quantity : 0;
                TakeFree(e.IsConfirmed ? 0 : -quantity);
                break;
            case RewardRestocked e:
                Redeemed -= e.Quantity;
                TakeFree(-e.Quantity);
                break;
        }
    }

    /// <summary>About how many bytes of memory this takes.</summary>
    public int EstimateBytes() => 500 + (_reservations.Count * 120);

    /// <summary>Writes a snapshot.</summary>
    public void Write(ByteWriter writer)
    {
        writer.Flag(Definition is not null);
        if (Definition is not null)
        {
            RewardCodec.Write(writer, Definition);
        }

        writer.Flag(IsWithdrawn);
        writer.VarInt(Free);
        writer.VarInt(Redeemed);
        writer.Count(_reservations.Count);
        foreach (var (hold, quantity) in _reservations)
        {
            writer.Text(hold);
            writer.VarInt(quantity);
        }
    }

    /// <summary>Reads a snapshot.</summary>
    public static RewardState Read(ref ByteReader reader)
    {
        var state = new RewardState
        {
            Definition = reader.Flag() ? RewardCodec.ReadDefinition(ref reader) : null,
            IsWithdrawn = reader.Flag(),
            Free = reader.VarInt(),
            Redeemed = reader.VarInt(),
        };
        for (var count = reader.Count(); count > 0; count--)
        {
            var (hold, quantity) = (reader.Text()!, (int)reader.VarInt());
            state.Reserved += quantity;
            if (!state._reservations.TryAdd(hold, quantity))
            {
                throw new FormatException($"hold {hold} has two reservations");
            }
        }

        return state;
    }

    private static string Span(RewardDefinition definition) =>
        $"{(definition.ValidFrom is { } from ? $"from {from}" : "")}{(definition.ValidUntil is { } until ? $" until {until}" : "")}".Trim();

    private void End(string hold, bool isConfirmed, List<RewardEvent> raised)
    {
        if (_reservations.ContainsKey(hold))
        {
            Raise(new RewardEnded(hold, isConfirmed), raised);
        }
    }

    private void TakeFree(int quantity)
    {
        if (Definition!.LimitedStock)
        {
            Free -= quantity;
            if (Free < 0)
            {
                throw new InvalidOperationException($"the stock of {Definition.Id} is {Free}");
            }
        }
    }

    private void Raise(RewardEvent fact, List<RewardEvent> raised)
    {
        Apply(fact);
        raised.Add(fact);
    }
}
