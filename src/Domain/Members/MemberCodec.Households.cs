using Loyalty.Domain.Encoding;
using Loyalty.Domain.Requests;

namespace Loyalty.Domain.Members;

/// <summary>The stored form of what members have to do with households: events 33 to 35, and the rest of section 3 of snapshots.</summary>
public static partial class MemberCodec
{
    /// <summary>Writes an event of this file; false: it is none.</summary>
    private static bool WriteHousehold(ByteWriter writer, MemberEvent fact)
    {
        switch (fact)
        {
            case HouseholdAsked e: Frame(writer, Kind.HouseholdAsked, e, Write); return true;
            case HouseholdAnswered e: Frame(writer, Kind.HouseholdAnswered, e, Write); return true;
            case EarningsShared e: Frame(writer, Kind.EarningsShared, e, Write); return true;
            default: return false;
        }
    }

    /// <summary>Reads an event of this file, or returns null: it is none.</summary>
    private static MemberEvent? ReadHousehold(Kind kind, ref ByteReader body) => kind switch
    {
        Kind.HouseholdAsked => ReadAsked(ref body),
        Kind.HouseholdAnswered => new HouseholdAnswered(HouseholdRequestCodec.Read(ref body), ReadRefusal(ref body), ReadBack(ref body)),
        Kind.EarningsShared => new EarningsShared(body.Text()!, body.Text()!, body.Text()!, ReadLots(ref body)),
        _ => null,
    };

    private static void Write(ByteWriter writer, HouseholdAsked e)
    {
        HouseholdRequestCodec.Write(writer, e.Request);
        Write(writer, e.Lots);
        writer.Count(e.Debts.Length);
        foreach (var (unit, points) in e.Debts)
        {
            writer.Text(unit);
            writer.VarInt(points);
        }
    }

    private static HouseholdAsked ReadAsked(ref ByteReader reader)
    {
        var request = HouseholdRequestCodec.Read(ref reader);
        var lots = ReadLots(ref reader);
        var debts = new (string, long)[reader.Count()];
        for (var i = 0; i < debts.Length; i++)
        {
            debts[i] = (reader.Text()!, reader.VarInt());
        }

        return new(request, lots, debts);
    }

    private static void Write(ByteWriter writer, HouseholdAnswered e)
    {
        HouseholdRequestCodec.Write(writer, e.Request);
        WriteRefusal(writer, e.Refusal);
        writer.Count(e.Back.Length);
        foreach (var back in e.Back)
        {
            writer.Text(back.Unit);
            Write(writer, back.Lots);
            writer.VarInt(back.Repaid);
        }
    }

    private static PointsBack[] ReadBack(ref ByteReader reader)
    {
        var back = new PointsBack[reader.Count()];
        for (var i = 0; i < back.Length; i++)
        {
            back[i] = new(reader.Text()!, ReadLots(ref reader), reader.VarInt());
        }

        return back;
    }

    private static void Write(ByteWriter writer, EarningsShared e)
    {
        writer.Text(e.Purchase);
        writer.Text(e.Household);
        writer.Text(e.Unit);
        Write(writer, e.Lots);
    }

    private static bool HasHousehold(MemberState state) => state.Seat is not null || state.HouseholdAsks.Count > 0;

    private static void WriteSeat(ByteWriter writer, MemberState state)
    {
        writer.Text(state.Seat?.Household);
        writer.Byte((byte)(state.Seat?.Role ?? default));
        writer.VarInt(state.Seat?.Share ?? 0);
        writer.Count(state.HouseholdAsks.Count);
        foreach (var ask in state.HouseholdAsks)
        {
            Write(writer, ask);
        }
    }

    private static void ReadSeat(ref ByteReader reader, MemberState state)
    {
        var (household, role, share) = (reader.Text(), (HouseholdRole)reader.Byte(), (int)reader.VarInt());
        state.Seat = household is null ? null : new(household, role, share);
        for (var count = reader.Count(); count > 0; count--)
        {
            state.Restore(ReadAsked(ref reader));
        }
    }
}
