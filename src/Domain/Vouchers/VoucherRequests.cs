using Loyalty.Domain.Requests;
using NodaTime;

namespace Loyalty.Domain.Vouchers;

/// <summary>A request about vouchers. Codes are not in it: who takes it from the sender turns them into <see cref="VoucherId"/>.</summary>
public abstract record VoucherRequest : Request;

/// <summary>Makes a batch.</summary>
public sealed record BatchCreation : VoucherRequest
{
    /// <summary>What its vouchers have in common.</summary>
    public required VoucherTerms Terms { get; init; }

    /// <summary>Who decided.</summary>
    public required string Author { get; init; }
}

/// <summary>Issues one voucher of a bound batch to a member.</summary>
public sealed record VoucherIssue : VoucherRequest
{
    /// <summary>Id of the batch.</summary>
    public required string Batch { get; init; }

    /// <summary>Whose it is.</summary>
    public required string Member { get; init; }
}

/// <summary>Ends a whole batch.</summary>
public sealed record BatchVoid : VoucherRequest
{
    /// <summary>Id of the batch.</summary>
    public required string Batch { get; init; }

    /// <summary>Why.</summary>
    public required string Reason { get; init; }

    /// <summary>Who decided.</summary>
    public required string Author { get; init; }
}

/// <summary>Keeps a use of a voucher for somebody who is about to redeem it.</summary>
public sealed record VoucherHold : VoucherRequest
{
    /// <summary>Which voucher.</summary>
    public required VoucherId Voucher { get; init; }

    /// <summary>Who has it; null: not known.</summary>
    public string? Member { get; init; }

    /// <summary>Where.</summary>
    public required string Store { get; init; }

    /// <summary>The basket, minor units; null: not known yet.</summary>
    public long? Basket { get; init; }

    /// <summary>For how long, 1 to <see cref="VoucherLimits.HoldSeconds"/>.</summary>
    public required int Seconds { get; init; }
}

/// <summary>Uses a voucher once.</summary>
public sealed record VoucherRedemption : VoucherRequest
{
    /// <summary>Which voucher.</summary>
    public required VoucherId Voucher { get; init; }

    /// <summary>The hold that is redeemed; null: none, in one step.</summary>
    public string? Hold { get; init; }

    /// <summary>Who has it; null: not known.</summary>
    public string? Member { get; init; }

    /// <summary>Where.</summary>
    public required string Store { get; init; }

    /// <summary>The basket, minor units; null: not known.</summary>
    public long? Basket { get; init; }

    /// <summary>A till without connection accepted it at that time: it is counted, whatever became of the voucher; null: asked beforehand.</summary>
    public Instant? AcceptedAt { get; init; }
}

/// <summary>Gives a hold up.</summary>
public sealed record VoucherHoldCancel : VoucherRequest
{
    /// <summary>Which voucher.</summary>
    public required VoucherId Voucher { get; init; }

    /// <summary>Which hold.</summary>
    public required string Hold { get; init; }
}

/// <summary>Ends a voucher: what is left of it cannot be used.</summary>
public sealed record VoucherVoid : VoucherRequest
{
    /// <summary>Which voucher.</summary>
    public required VoucherId Voucher { get; init; }

    /// <summary>Why.</summary>
    public required string Reason { get; init; }

    /// <summary>Who decided.</summary>
    public required string Author { get; init; }
}

/// <summary>Says what a store's tills may accept without connection until they are reconciled.</summary>
public sealed record StoreAllowance : VoucherRequest
{
    /// <summary>Which store.</summary>
    public required string Store { get; init; }

    /// <summary>Uses; 0: none.</summary>
    public required long Uses { get; init; }

    /// <summary>Minor units of money; 0: none.</summary>
    public required long Money { get; init; }

    /// <summary>Who decided.</summary>
    public required string Author { get; init; }
}

/// <summary>What a store's tills accepted without connection, as its entries came out.</summary>
public sealed record StoreReconciliation : VoucherRequest
{
    /// <summary>Which store.</summary>
    public required string Store { get; init; }

    /// <summary>XxHash128 over the entries as they were sent.</summary>
    public required UInt128 Entries { get; init; }

    /// <summary>How many were sent.</summary>
    public required int Sent { get; init; }

    /// <summary>How many were accepted rightly. Not part of the request's content: the engine counts.</summary>
    public int Accepted { get; init; }

    /// <summary>Money of those, minor units.</summary>
    public long AcceptedMoney { get; init; }

    /// <summary>How many should not have been accepted.</summary>
    public int Overdrawn { get; init; }

    /// <summary>Money of those, minor units.</summary>
    public long OverdrawnMoney { get; init; }

    /// <summary>How many are no vouchers.</summary>
    public int Unknown { get; init; }
}
