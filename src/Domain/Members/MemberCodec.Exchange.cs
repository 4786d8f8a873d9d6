using Loyalty.Domain.Encoding;
using Loyalty.Domain.Exchange;

namespace Loyalty.Domain.Members;

/// <summary>The stored form of exchanges at the member: events 40 to 49, and section 4 of snapshots.</summary>
public static partial class MemberCodec
{
    /// <summary>Writes an event of this file; false: it is none.</summary>
    private static bool WriteExchange(ByteWriter writer, MemberEvent fact)
    {
        switch (fact)
        {
            case ExchangeOpened e:
                Frame(writer, Kind.ExchangeOpened, e, static (w, e) => { Write(w, e.Exchange); w.Flag(e.IsCounted); });
                return true;
            case ExchangeEnded e:
                Frame(writer, Kind.ExchangeEnded, e, static (w, e) => { Write(w, e.Exchange); w.Flag(e.IsDone); w.Day(e.Day); WriteLot(w, e); });
                return true;
            default:
                return false;
        }

        static void WriteLot(ByteWriter writer, ExchangeEnded e)
        {
            if (e.IsDone && e.Exchange.Direction != ExchangeDirection.Out)
            {
                Write(writer, e.Lot);
            }
        }
    }

    /// <summary>Reads an event of this file, or returns null: it is none.</summary>
    private static MemberEvent? ReadExchange(Kind kind, ref ByteReader body)
    {
        switch (kind)
        {
            case Kind.ExchangeOpened:
                return new ExchangeOpened(ReadOpenExchange(ref body), body.Flag());
            case Kind.ExchangeEnded:
                var (exchange, isDone, day) = (ReadOpenExchange(ref body), body.Flag(), body.SomeDay());
                return new ExchangeEnded(exchange, isDone, isDone && exchange.Direction != ExchangeDirection.Out ? ReadLotId(ref body) : default, day);
            default:
                return null;
        }
    }

    private static void WriteExchanges(ByteWriter writer, ExchangeBook exchanges)
    {
        writer.Count(exchanges.Open.Count);
        foreach (var open in exchanges.Open)
        {
            Write(writer, open);
        }

        writer.Count(exchanges.Today.Count);
        foreach (var today in exchanges.Today)
        {
            writer.Text(today.Pool);
            writer.Byte((byte)today.Direction);
            writer.Day(today.Day);
            writer.VarInt(today.Points);
        }

        writer.Day(exchanges.LastDay);
    }

    private static void ReadExchanges(ref ByteReader reader, ExchangeBook exchanges)
    {
        for (var count = reader.Count(); count > 0; count--)
        {
            exchanges.Add(ReadOpenExchange(ref reader), isCounted: false);
        }

        for (var count = reader.Count(); count > 0; count--)
        {
            exchanges.Restore(new(reader.Text()!, (ExchangeDirection)reader.Byte(), reader.SomeDay(), reader.VarInt()));
        }

        exchanges.LastDay = reader.Day();
    }

    private static void Write(ByteWriter writer, OpenExchange exchange)
    {
        writer.Text(exchange.Id);
        writer.Text(exchange.Pool);
        writer.Byte((byte)exchange.Direction);
        writer.Text(exchange.Unit);
        writer.VarInt(exchange.Points);
        writer.Day(exchange.Day);
    }

    private static OpenExchange ReadOpenExchange(ref ByteReader reader) =>
        new(reader.Text()!, reader.Text()!, (ExchangeDirection)reader.Byte(), reader.Text()!, reader.VarInt(), reader.SomeDay());
}
