using Loyalty.Domain.Members;
using NodaTime;

namespace Loyalty.Domain.Vouchers;

/// <summary>A fact about vouchers. Facts carry results: applying them needs no terms and no clock.</summary>
public abstract record VoucherEvent;

/// <summary>A batch was made; of bearer vouchers all are issued with it.</summary>
/// <param name="Request">As it was sent.</param>
/// <param name="Secret">Of its codes: <see cref="VoucherCode.SecretBytes"/> random bytes.</param>
public sealed record BatchCreated(BatchCreation Request, byte[] Secret) : VoucherEvent;

/// <summary>A voucher of a bound batch was issued; its book is told by an effect.</summary>
/// <param name="Request">As it was sent.</param>
/// <param name="Serial">Its number.</param>
/// <param name="Nominal">Minor units of money it stands for, all uses.</param>
/// <param name="Uses">How many.</param>
public sealed record VoucherIssued(VoucherIssue Request, int Serial, long Nominal, int Uses) : VoucherEvent;

/// <summary>A batch ended: its time was over, or somebody ended it; its books are told by effects.</summary>
/// <param name="Request">Who ended it; null: its time was over.</param>
public sealed record BatchEnded(BatchVoid? Request) : VoucherEvent;

/// <summary>A voucher of this book belongs to a member.</summary>
public sealed record VoucherBound(int Serial, string Member) : VoucherEvent;

/// <summary>A use of a voucher is kept.</summary>
/// <param name="Request">As it was sent.</param>
/// <param name="ExpiresAt">The first instant at which the hold is over.</param>
/// <param name="Nominal">Minor units of money that the use stands for.</param>
public sealed record VoucherHeld(VoucherHold Request, Instant ExpiresAt, long Nominal) : VoucherEvent;

/// <summary>A hold ended without a redemption.</summary>
/// <param name="Request">Who gave it up; null: its time was over.</param>
/// <param name="Serial">Of which voucher.</param>
/// <param name="Hold">Which hold.</param>
/// <param name="Nominal">Minor units of money that come back.</param>
/// <param name="Into">Where to: <see cref="VoucherAccounts.Open"/>, or where the rest of the voucher went meanwhile.</param>
public sealed record VoucherHoldEnded(VoucherHoldCancel? Request, int Serial, string Hold, long Nominal, string Into) : VoucherEvent;

/// <summary>A voucher was used once.</summary>
/// <param name="Request">As it was sent.</param>
/// <param name="Member">Who has it, by the request or by its hold; null: not known.</param>
/// <param name="Money">Minor units that it took off.</param>
/// <param name="Nominal">Minor units that the use stood for; of percent 0.</param>
/// <param name="Value">What it was worth.</param>
/// <param name="UsesLeft">Uses left, held ones not counted.</param>
/// <param name="From">The account that the use came from: open, held, or (of a till without connection) expired, voided, overdrawn.</param>
/// <param name="Overdraft">Why it should not have been accepted by a till without connection; null: rightly, or asked beforehand.</param>
public sealed record VoucherRedeemed(
    VoucherRedemption Request, string? Member, long Money, long Nominal, VoucherValue Value, int UsesLeft, string From, string? Overdraft) : VoucherEvent;

/// <summary>A voucher was ended.</summary>
/// <param name="Request">As it was sent.</param>
/// <param name="Uses">Uses that are gone with it.</param>
/// <param name="Nominal">Minor units of money that are gone with it.</param>
public sealed record VoucherVoided(VoucherVoid Request, int Uses, long Nominal) : VoucherEvent;

/// <summary>All vouchers of the book ended with their batch; what is held stays held.</summary>
/// <param name="Into"><see cref="VoucherAccounts.Expired"/> or <see cref="VoucherAccounts.Voided"/>.</param>
/// <param name="Uses">Uses that are gone.</param>
/// <param name="Nominal">Minor units of money that are gone.</param>
public sealed record VoucherBookEnded(string Into, long Uses, long Nominal) : VoucherEvent;

/// <summary>What a store's tills may accept without connection.</summary>
public sealed record AllowanceSet(StoreAllowance Request) : VoucherEvent;

/// <summary>A store was reconciled.</summary>
/// <param name="Request">As it was counted.</param>
/// <param name="UsesOver">Uses beyond the allowance.</param>
/// <param name="MoneyOver">Minor units beyond the allowance.</param>
public sealed record StoreReconciled(StoreReconciliation Request, long UsesOver, long MoneyOver) : VoucherEvent;

/// <summary>A request was refused by a rule.</summary>
public sealed record VoucherRefused(RequestRefused Refused) : VoucherEvent;

/// <summary>The accounts of vouchers, in two units: <see cref="UsesUnit"/> and <see cref="MoneyUnit"/>.</summary>
public static class VoucherAccounts
{
    /// <summary>The unit in which uses are counted.</summary>
    public const string UsesUnit = "voucher-uses";

    /// <summary>The unit of money, minor units of the program's currency.</summary>
    public const string MoneyUnit = "voucher-money";

    /// <summary>Given out; below 0.</summary>
    public const string Issued = "voucher-issued";

    /// <summary>Can be used, or could if somebody came: the liability.</summary>
    public const string Open = "voucher-open";

    /// <summary>In holds.</summary>
    public const string Held = "voucher-held";

    /// <summary>Used.</summary>
    public const string Redeemed = "voucher-redeemed";

    /// <summary>Not used in time.</summary>
    public const string Expired = "voucher-expired";

    /// <summary>Ended by hand.</summary>
    public const string Voided = "voucher-voided";

    /// <summary>Accepted without connection, and should not have been; below 0.</summary>
    public const string Overdrawn = "voucher-overdrawn";

    /// <summary>Value of a use that was not needed: money off more than the basket had.</summary>
    public const string Unspent = "voucher-unspent";
}
