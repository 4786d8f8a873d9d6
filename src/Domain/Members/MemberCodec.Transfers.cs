using Loyalty.Domain.Encoding;
using Loyalty.Domain.Requests;

namespace Loyalty.Domain.Members;

/// <summary>The stored form of transfers: events 30 to 32, and section 3 of snapshots.</summary>
public static partial class MemberCodec
{
    /// <summary>A form of section 3.</summary>
    private const byte TransfersOnly = 1;

    /// <summary>A form of section 3: transfers, then the place in a household and what was asked of it.</summary>
    private const byte WithHousehold = 2;

    private static bool HasTransfers(MemberState state) => state.Transfers is { IsEmpty: false } || HasHousehold(state);

    /// <summary>Writes lots as the events do.</summary>
    public static void WriteLots(ByteWriter writer, ReadOnlySpan<Lot> lots) => Write(writer, lots);

    /// <summary>Reads what <see cref="WriteLots"/> wrote.</summary>
    public static Lot[] ReadLotsOf(ref ByteReader reader) => ReadLots(ref reader);

    /// <summary>Writes a refusal, or that there is none.</summary>
    public static void WriteRefusal(ByteWriter writer, Refusal? refusal)
    {
        writer.Flag(refusal is not null);
        if (refusal is not null)
        {
            writer.Text(refusal.Code);
            writer.Text(refusal.Field);
            writer.Text(refusal.Detail);
        }
    }

    /// <summary>Reads what <see cref="WriteRefusal"/> wrote.</summary>
    public static Refusal? ReadRefusal(ref ByteReader reader) => reader.Flag() ? new(reader.Text()!, reader.Text()!, reader.Text()!) : null;

    /// <summary>Writes an event of this file; false: it is none.</summary>
    private static bool WriteTransfer(ByteWriter writer, MemberEvent fact)
    {
        switch (fact)
        {
            case TransferSent e: Frame(writer, Kind.TransferSent, e, static (w, e) => Write(w, e.Transfer, e.Lots, e.Fee, e.Day)); return true;
            case TransferReceived e: Frame(writer, Kind.TransferReceived, e, Write); return true;
            case TransferEnded e: Frame(writer, Kind.TransferEnded, e, Write); return true;
            default: return false;
        }
    }

    /// <summary>Reads an event of this file, or returns null: it is none.</summary>
    private static MemberEvent? ReadTransfer(Kind kind, ref ByteReader body) => kind switch
    {
        Kind.TransferSent => new TransferSent(TransferCodec.ReadTransfer(ref body), ReadLots(ref body), body.VarInt(), body.SomeDay()),
        Kind.TransferReceived => new TransferReceived(body.Text()!, body.Text()!, body.Text()!, ReadLots(ref body), body.VarInt(), body.Text()),
        Kind.TransferEnded => new TransferEnded(
            TransferCodec.ReadTransfer(ref body), body.VarInt(), body.SomeDay(), ReadRefusal(ref body), ReadLots(ref body), body.VarInt()),
        _ => null,
    };

    private static void WriteTransfers(ByteWriter writer, MemberState state)
    {
        var transfers = state.Transfers ?? new();
        writer.Byte(HasHousehold(state) ? WithHousehold : TransfersOnly);
        writer.Count(transfers.Open.Count);
        foreach (var open in transfers.Open)
        {
            Write(writer, open.Transfer, open.Lots, open.Fee, open.Day);
        }

        writer.Count(transfers.Given.Count);
        foreach (var given in transfers.Given)
        {
            writer.Text(given.Unit);
            writer.Day(given.Day);
            writer.VarInt(given.OnDay);
            writer.VarInt(given.InYear);
        }

        if (HasHousehold(state))
        {
            WriteSeat(writer, state);
        }
    }

    private static void ReadTransfers(ref ByteReader reader, MemberState state)
    {
        var form = reader.Byte();
        if (form is not (TransfersOnly or WithHousehold))
        {
            throw new FormatException($"form {form} of transfers is not known here: a newer engine wrote it");
        }

        var transfers = state.MakeTransfers();
        for (var count = reader.Count(); count > 0; count--)
        {
            transfers.Add(new(TransferCodec.ReadTransfer(ref reader), ReadLots(ref reader), reader.VarInt(), reader.SomeDay()));
        }

        for (var count = reader.Count(); count > 0; count--)
        {
            transfers.Restore(new(reader.Text()!, reader.SomeDay(), reader.VarInt(), reader.VarInt()));
        }

        if (form == WithHousehold)
        {
            ReadSeat(ref reader, state);
        }
    }

    private static void Write(ByteWriter writer, Transfer transfer, Lot[] lots, long fee, NodaTime.LocalDate day)
    {
        TransferCodec.Write(writer, transfer);
        Write(writer, lots);
        writer.VarInt(fee);
        writer.Day(day);
    }

    private static void Write(ByteWriter writer, TransferReceived e)
    {
        writer.Text(e.Transfer);
        writer.Text(e.From);
        writer.Text(e.Unit);
        Write(writer, e.Lots);
        writer.VarInt(e.Repaid);
        writer.Text(e.Message);
    }

    private static void Write(ByteWriter writer, TransferEnded e)
    {
        TransferCodec.Write(writer, e.Transfer);
        writer.VarInt(e.Fee);
        writer.Day(e.Day);
        WriteRefusal(writer, e.Refusal);
        Write(writer, e.Freed);
        writer.VarInt(e.Repaid);
    }
}
