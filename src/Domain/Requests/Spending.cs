namespace Loyalty.Domain.Requests;

/// <summary>Points of a member to be set aside or spent: so many of a unit, or the price of a reward.</summary>
public abstract record Spending : Request
{
    /// <summary>Whose points.</summary>
    public required string Member { get; init; }

    /// <summary>Of which unit; null with a reward, which has its own.</summary>
    public string? Unit { get; init; }

    /// <summary>How many, 1 to <see cref="RequestLimits.Amount"/>; 0 with a reward, which has its price.</summary>
    public long Points { get; init; }

    /// <summary>Id of the reward, or null: points alone.</summary>
    public string? Reward { get; init; }

    /// <summary>How many of the reward, 1 to <see cref="RequestLimits.RewardQuantity"/>.</summary>
    public int Quantity { get; init; } = 1;

    /// <summary>For the sender's own use, at most <see cref="RequestLimits.IdLength"/> characters; may be absent.</summary>
    public string? Reference { get; init; }
}

/// <summary>Sets points aside until they are committed, cancelled, or its time is over.</summary>
public sealed record Hold : Spending
{
    /// <summary>How long, in seconds; null: as the program says.</summary>
    public int? Seconds { get; init; }
}

/// <summary>Spends points in one step.</summary>
public sealed record Redemption : Spending;

/// <summary>Redeems a hold, or part of it; the rest is free again.</summary>
public sealed record HoldCommit : Request
{
    /// <summary>Whose hold.</summary>
    public required string Member { get; init; }

    /// <summary>Id of the hold.</summary>
    public required string Hold { get; init; }

    /// <summary>How many points, 1 or more; null: all.</summary>
    public long? Points { get; init; }
}

/// <summary>Gives a hold up.</summary>
public sealed record HoldCancel : Request
{
    /// <summary>Whose hold.</summary>
    public required string Member { get; init; }

    /// <summary>Id of the hold.</summary>
    public required string Hold { get; init; }
}

/// <summary>Gives redeemed points back.</summary>
public sealed record Reversal : Request
{
    /// <summary>Whose redemption.</summary>
    public required string Member { get; init; }

    /// <summary>Id of a single-step redemption, or of a hold that was committed.</summary>
    public required string Redemption { get; init; }

    /// <summary>How many points, 1 or more; null: all that is left of it.</summary>
    public long? Points { get; init; }

    /// <summary>Of a reward: whether its stock grows again.</summary>
    public bool Restock { get; init; } = true;

    /// <summary>Why, for the auditor.</summary>
    public required string Reason { get; init; }

    /// <summary>Who decided.</summary>
    public required string Author { get; init; }
}

/// <summary>Points that pay for a part of a purchase.</summary>
/// <param name="Unit">Of which unit.</param>
/// <param name="Points">How many, 1 to <see cref="RequestLimits.Amount"/>.</param>
/// <param name="Amount">What they pay, minor units of money, 1 to <see cref="RequestLimits.Amount"/>.</param>
public sealed record Tender(string Unit, long Points, long Amount);

/// <summary>Puts more of a reward in stock, or takes some out.</summary>
public sealed record StockChange : Request
{
    /// <summary>Which reward.</summary>
    public required string Reward { get; init; }

    /// <summary>Above 0: put in; below: taken out; not 0; at most <see cref="RequestLimits.Amount"/> either way.</summary>
    public required long Change { get; init; }

    /// <summary>Why, for the auditor.</summary>
    public required string Reason { get; init; }

    /// <summary>Who decided.</summary>
    public required string Author { get; init; }
}
