using Loyalty.Domain.Encoding;
using Loyalty.Domain.Requests;

namespace Loyalty.Domain.Members;

/// <summary>The stored form of members from another system: event 60.</summary>
public static partial class MemberCodec
{
    /// <summary>Writes an import: part of its event, and what its fingerprint is taken of.</summary>
    public static void Write(ByteWriter writer, MemberImport import)
    {
        writer.Text(import.Id);
        writer.Text(import.Import);
        writer.Text(import.Member);
        Write(writer, import.AlternativeIds);
        writer.Flag(import.EnrolledAt is not null);
        if (import.EnrolledAt is { } at)
        {
            writer.Time(at);
        }

        writer.Flag(import.Tier is not null);
        if (import.Tier is { } tier)
        {
            writer.Text(tier.Level);
            writer.Day(tier.Since);
            writer.Day(tier.Through);
        }

        writer.Count(import.Lots.Length);
        foreach (var lot in import.Lots)
        {
            writer.Text(lot.Unit);
            writer.VarInt(lot.Points);
            writer.Day(lot.EarnedOn);
            writer.Day(lot.AvailableOn);
            writer.Day(lot.LastDay);
            writer.Flag(lot.NeverLapses);
        }

        writer.Count(import.Debts.Length);
        foreach (var debt in import.Debts)
        {
            writer.Text(debt.Unit);
            writer.VarInt(debt.Points);
        }

        writer.Count(import.Days.Length);
        foreach (var day in import.Days)
        {
            writer.Day(day.Day);
            writer.VarInt(day.Spend);
            writer.VarInt(day.Points);
            writer.VarInt(day.Visits);
        }
    }

    /// <summary>Reads what <see cref="Write(ByteWriter, MemberImport)"/> wrote.</summary>
    public static MemberImport ReadImport(ref ByteReader reader)
    {
        var (id, name, member, alternativeIds) = (reader.Text()!, reader.Text()!, reader.Text()!, ReadAlternativeIds(ref reader));
        NodaTime.Instant? enrolledAt = reader.Flag() ? reader.Time() : null;
        var tier = reader.Flag() ? new ImportedTier(reader.Text()!, reader.SomeDay(), reader.Day()) : null;
        var lots = new ImportedLot[reader.Count()];
        for (var i = 0; i < lots.Length; i++)
        {
            lots[i] = new(reader.Text()!, reader.VarInt(), reader.SomeDay(), reader.Day(), reader.Day(), reader.Flag());
        }

        var debts = new ImportedDebt[reader.Count()];
        for (var i = 0; i < debts.Length; i++)
        {
            debts[i] = new(reader.Text()!, reader.VarInt());
        }

        var days = new ImportedDay[reader.Count()];
        for (var i = 0; i < days.Length; i++)
        {
            days[i] = new(reader.SomeDay(), reader.VarInt(), reader.VarInt(), reader.VarInt());
        }

        return new()
        {
            Id = id, Import = name, Member = member, AlternativeIds = alternativeIds, EnrolledAt = enrolledAt, Tier = tier, Lots = lots, Debts = debts, Days = days,
        };
    }

    private static void Write(ByteWriter writer, MemberImported e)
    {
        Write(writer, e.Request);
        writer.Time(e.EnrolledAt);
        writer.Day(e.EnrolledOn);
        writer.Day(e.Day);
        Write(writer, e.Tier);
        Write(writer, e.Postings);
    }

    private static MemberImported ReadImported(ref ByteReader reader) =>
        new(ReadImport(ref reader), reader.Time(), reader.SomeDay(), reader.SomeDay(), ReadTier(ref reader), ReadPostings(ref reader));
}
