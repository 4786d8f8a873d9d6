using Loyalty.Domain.Encoding;
using Loyalty.Domain.Requests;

namespace Loyalty.Domain.Members;

/// <summary>The stored form of holds and redemptions: events 20 to 29, and section 2 of snapshots.</summary>
public static partial class MemberCodec
{
    private const byte PlainReward = 1;

    /// <summary>Writes an event of this file; false: it is none.</summary>
    private static bool WriteSpending(ByteWriter writer, MemberEvent fact)
    {
        switch (fact)
        {
            case HoldOpened e: Frame(writer, Kind.HoldOpened, e, Write); return true;
            case HoldGranted e: Frame(writer, Kind.HoldGranted, e, static (w, e) => w.Text(e.Hold)); return true;
            case HoldCommitted e: Frame(writer, Kind.HoldCommitted, e, Write); return true;
            case HoldReleased e: Frame(writer, Kind.HoldReleased, e, Write); return true;
            case PointsRedeemed e: Frame(writer, Kind.Redeemed, e, Write); return true;
            case RedemptionReversed e: Frame(writer, Kind.Reversed, e, Write); return true;
            default: return false;
        }
    }

    /// <summary>Reads an event of this file, or returns null: it is none.</summary>
    private static MemberEvent? ReadSpending(Kind kind, ref ByteReader body) => kind switch
    {
        Kind.HoldOpened => new HoldOpened(
            body.Text()!, (HoldPurpose)body.Byte(), body.Flag() ? SpendingCodec.ReadSpending(ref body) : null, body.Text()!, ReadLots(ref body),
            body.Flag() ? body.Time() : null, ReadReward(ref body)),
        Kind.HoldGranted => new HoldGranted(body.Text()!),
        Kind.HoldCommitted => new HoldCommitted(
            body.Text()!, body.Flag() ? SpendingCodec.ReadCommit(ref body) : null, body.Text()!, ReadLots(ref body), ReadLots(ref body), body.VarInt(), body.Text()!,
            ReadReward(ref body)),
        Kind.HoldReleased => new HoldReleased(
            body.Text()!, body.Flag() ? SpendingCodec.ReadCancel(ref body) : null, body.Text()!, ReadLots(ref body), body.VarInt(), (HoldEnd)body.Byte(), body.Time(),
            body.Flag() ? new(body.Text()!, body.Text()!, body.Text()!) : null, ReadReward(ref body)),
        Kind.Redeemed => new PointsRedeemed(
            SpendingCodec.ReadSpending(ref body) as Redemption ?? throw new FormatException("points were redeemed by what is no redemption"), body.Text()!, ReadLots(ref body)),
        Kind.Reversed => new RedemptionReversed(
            SpendingCodec.ReadReversal(ref body), new(body.Text()!, body.Text()!, ReadLots(ref body), ReadReward(ref body)), ReadLots(ref body), body.VarInt()),
        _ => null,
    };

    /// <summary>Writes open holds and counts of rewards.</summary>
    private static void WriteHolds(ByteWriter writer, HoldBook holds)
    {
        writer.Count(holds.Open.Count);
        foreach (var hold in holds.Open)
        {
            writer.Text(hold.Id);
            writer.Byte((byte)hold.Purpose);
            writer.Text(hold.Unit);
            Write(writer, hold.Lots);
            WriteTime(writer, hold.ExpiresAt);
            Write(writer, hold.Reward);
            writer.Flag(hold.IsGranted);
        }

        writer.Count(holds.Counts.Count);
        foreach (var count in holds.Counts)
        {
            writer.Text(count.Reward);
            writer.Day(count.From);
            writer.Day(count.Through);
            writer.VarInt(count.Quantity);
        }
    }

    private static void ReadHolds(ref ByteReader reader, HoldBook holds)
    {
        for (var count = reader.Count(); count > 0; count--)
        {
            holds.Add(new(
                reader.Text()!, (HoldPurpose)reader.Byte(), reader.Text()!, ReadLots(ref reader), reader.Flag() ? reader.Time() : null, ReadReward(ref reader), reader.Flag()));
        }

        for (var count = reader.Count(); count > 0; count--)
        {
            holds.Restore(new(reader.Text()!, reader.SomeDay(), reader.Day(), reader.VarInt()));
        }
    }

    private static void Write(ByteWriter writer, HoldOpened e)
    {
        writer.Text(e.Hold);
        writer.Byte((byte)e.Purpose);
        writer.Flag(e.Request is not null);
        if (e.Request is not null)
        {
            SpendingCodec.Write(writer, e.Request);
        }

        writer.Text(e.Unit);
        Write(writer, e.Lots);
        WriteTime(writer, e.ExpiresAt);
        Write(writer, e.Reward);
    }

    private static void Write(ByteWriter writer, HoldCommitted e)
    {
        writer.Text(e.Hold);
        writer.Flag(e.Request is not null);
        if (e.Request is not null)
        {
            SpendingCodec.Write(writer, e.Request);
        }

        writer.Text(e.Unit);
        Write(writer, e.Redeemed);
        Write(writer, e.Freed);
        writer.VarInt(e.Repaid);
        writer.Text(e.Account);
        Write(writer, e.Reward);
    }

    private static void Write(ByteWriter writer, HoldReleased e)
    {
        writer.Text(e.Hold);
        writer.Flag(e.Request is not null);
        if (e.Request is not null)
        {
            SpendingCodec.Write(writer, e.Request);
        }

        writer.Text(e.Unit);
        Write(writer, e.Freed);
        writer.VarInt(e.Repaid);
        writer.Byte((byte)e.End);
        writer.Time(e.At);
        writer.Flag(e.Refusal is not null);
        if (e.Refusal is { } refusal)
        {
            writer.Text(refusal.Code);
            writer.Text(refusal.Field);
            writer.Text(refusal.Detail);
        }

        Write(writer, e.Reward);
    }

    private static void Write(ByteWriter writer, PointsRedeemed e)
    {
        SpendingCodec.Write(writer, e.Request);
        writer.Text(e.Unit);
        Write(writer, e.Lots);
    }

    private static void Write(ByteWriter writer, RedemptionReversed e)
    {
        SpendingCodec.Write(writer, e.Request);
        writer.Text(e.After.Id);
        writer.Text(e.After.Unit);
        Write(writer, e.After.Lots);
        Write(writer, e.After.Reward);
        Write(writer, e.Freed);
        writer.VarInt(e.Repaid);
    }

    private static void Write(ByteWriter writer, HeldReward? reward)
    {
        if (reward is null)
        {
            writer.Byte(0);
            return;
        }

        writer.Byte(PlainReward);
        writer.Text(reward.Reward);
        writer.VarInt(reward.Quantity);
        writer.VarInt(reward.Money);
        writer.Day(reward.CountedFrom);
        writer.Day(reward.CountedThrough);
    }

    private static HeldReward? ReadReward(ref ByteReader reader) => reader.Byte() switch
    {
        0 => null,
        PlainReward => new(reader.Text()!, (int)reader.VarInt(), reader.VarInt(), reader.Day(), reader.Day()),
        var other => throw new FormatException($"form {other} of a reward is not known: a newer engine wrote it"),
    };

    private static void WriteTime(ByteWriter writer, NodaTime.Instant? time)
    {
        writer.Flag(time is not null);
        if (time is { } at)
        {
            writer.Time(at);
        }
    }

    /// <summary>Section 2 of purchases: a tender.</summary>
    private static void WriteTender(ByteWriter writer, TenderTaken tender)
    {
        SpendingCodec.Write(writer, tender.Tender);
        Write(writer, tender.Lots);
    }

    private static TenderTaken ReadTender(ref ByteReader reader) => new(SpendingCodec.ReadTender(ref reader), ReadLots(ref reader));

    /// <summary>Section 2 of returns: what is left of the tender, and what came back.</summary>
    private static void WriteTender(ByteWriter writer, PurchaseTender left, TenderReturned returned)
    {
        SpendingCodec.Write(writer, left.Tender);
        writer.Count(left.Amounts.Length);
        foreach (var amount in left.Amounts)
        {
            writer.VarInt(amount);
        }

        Write(writer, left.Lots);
        writer.VarInt(returned.Points);
        writer.VarInt(returned.Amount);
        writer.VarInt(returned.Money);
        Write(writer, returned.Freed);
        writer.VarInt(returned.Repaid);
    }

    private static (PurchaseTender Left, TenderReturned Returned) ReadTenderReturned(ref ByteReader reader)
    {
        var tender = SpendingCodec.ReadTender(ref reader);
        var amounts = new long[reader.Count()];
        for (var i = 0; i < amounts.Length; i++)
        {
            amounts[i] = reader.VarInt();
        }

        return (new(tender, amounts, ReadLots(ref reader)), new(tender.Unit, reader.VarInt(), reader.VarInt(), reader.VarInt(), ReadLots(ref reader), reader.VarInt()));
    }
}
