using Loyalty.Domain.Encoding;
using NodaTime;

namespace Loyalty.Domain.Members;

/// <summary>A voucher gave points.</summary>
/// <param name="Redemption">Id of the request that redeemed it.</param>
/// <param name="Unit">Of which unit.</param>
/// <param name="Points">Above 0.</param>
/// <param name="Lot">Where they lie, unless they repaid debt.</param>
/// <param name="Day">When; counts as activity.</param>
public sealed record VoucherPointsGiven(string Redemption, string Unit, long Points, LotId Lot, LocalDate Day) : MemberEvent;

public readonly ref partial struct MemberDecider
{
    /// <summary>
    /// Gives what a voucher is worth: it is redeemed, so nothing is refused here. Only a member that was closed between the redemption and this gets nothing, and one whose balance is full.
    /// </summary>
    public void GiveVoucherPoints(string redemption, string unit, long points)
    {
        BringUpToDate();
        EnrolIfUnknown(_context.Now, _context.Today);
        if (_state.Status == MemberStatus.Closed || _context.Program.FindUnit(unit) is not { } definition || (_state.FindBook(unit)?.Balance ?? 0) > MaxBalance - points)
        {
            return;
        }

        Raise(new VoucherPointsGiven(redemption, unit, points, LotOf(definition, _context.Today), _context.Today));
        BringUpToDate();
    }
}

/// <summary>The stored form of vouchers at the member: events 50 to 59.</summary>
public static partial class MemberCodec
{
    private static bool WriteVouchers(ByteWriter writer, MemberEvent fact)
    {
        if (fact is not VoucherPointsGiven given)
        {
            return false;
        }

        Frame(writer, Kind.VoucherPoints, given, static (w, e) =>
        {
            w.Text(e.Redemption);
            w.Text(e.Unit);
            w.VarInt(e.Points);
            Write(w, e.Lot);
            w.Day(e.Day);
        });
        return true;
    }

    private static VoucherPointsGiven? ReadVouchers(Kind kind, ref ByteReader body) =>
        kind == Kind.VoucherPoints ? new(body.Text()!, body.Text()!, body.VarInt(), ReadLotId(ref body), body.SomeDay()) : null;
}
