using Loyalty.Domain.Encoding;
using NodaTime;

namespace Loyalty.Domain.Campaigns;

/// <summary>The stored form of campaigns' facts and snapshots. A kind and a schema version in front; fields are only ever added behind the others.</summary>
public static class CampaignCodec
{
    private const byte Schema = 1;

    private enum Kind : byte
    {
        DraftSaved = 1,
        DraftApproved = 2,
        VersionPublished = 3,
        StatusSet = 4,
        Began = 5,
        LeaseGranted = 10,
        LeaseMoved = 11,
        LeaseSettled = 12,
        PursesFolded = 13,
    }

    /// <summary>Writes a fact.</summary>
    public static void Write(ByteWriter writer, CampaignEvent fact)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.Byte((byte)KindOf(fact));
        writer.Byte(Schema);
        writer.Framed(fact, WriteBody);
    }

    /// <summary>Reads a fact.</summary>
    /// <exception cref="FormatException">A newer engine wrote it, or it is damaged.</exception>
    public static CampaignEvent Read(ref ByteReader reader)
    {
        var (kind, schema) = ((Kind)reader.Byte(), reader.Byte());
        if (schema != Schema)
        {
            throw new FormatException($"campaign event type {(byte)kind} with schema version {schema} is not known: a newer engine wrote it");
        }

        var body = new ByteReader(reader.Bytes());
        return kind switch
        {
            Kind.DraftSaved => new DraftSaved(body.Bytes().ToArray(), body.Text()!, body.Time()),
            Kind.DraftApproved => new DraftApproved(body.Text()!, body.Time()),
            Kind.VersionPublished => new VersionPublished(body.Count(), body.Time(), body.Bytes().ToArray(), body.Text()!, body.Text(), body.Time()),
            Kind.StatusSet => new CampaignStatusSet((CampaignStatus)body.Byte(), body.Time(), body.Text()!, body.Text()!),
            Kind.Began => new CampaignBegan(body.Time()),
            Kind.LeaseGranted => new LeaseGranted(body.VarInt(), ReadPurse(ref body), body.Text()!, body.VarInt(), body.VarInt(), (int)body.VarInt()),
            Kind.LeaseMoved => new LeaseMoved(body.VarInt(), body.VarInt(), body.VarInt(), body.VarInt()),
            Kind.LeaseSettled => new LeaseSettled(body.VarInt(), body.VarInt(), body.Flag()),
            Kind.PursesFolded => new PursesFolded(body.SomeDay()),
            _ => throw new FormatException($"campaign event type {(byte)kind} is not known: a newer engine wrote it"),
        };
    }

    /// <summary>Writes a purse's key.</summary>
    public static void Write(ByteWriter writer, in PurseKey purse)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.Byte((byte)purse.In);
        writer.Byte((byte)purse.Period);
        writer.Text(purse.Store);
        writer.Day(purse.Period == CampaignPeriod.Campaign ? null : purse.Start);
    }

    /// <summary>Reads a purse's key.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public static PurseKey ReadPurse(ref ByteReader reader)
    {
        var (measure, period, store, start) = ((BudgetMeasure)reader.Byte(), (CampaignPeriod)reader.Byte(), reader.Text(), reader.Day());
        return new(measure, period, store, period == CampaignPeriod.Campaign ? LocalDate.MinIsoValue : start ?? throw new FormatException("a purse's period is missing"));
    }

    internal static void WriteBody(ByteWriter writer, CampaignEvent fact)
    {
        switch (fact)
        {
            case DraftSaved e:
                writer.Bytes(e.Json.Span);
                writer.Text(e.Author);
                writer.Time(e.At);
                break;
            case DraftApproved e:
                writer.Text(e.Author);
                writer.Time(e.At);
                break;
            case VersionPublished e:
                writer.Count(e.Version);
                writer.Time(e.From);
                writer.Bytes(e.Json.Span);
                writer.Text(e.Author);
                writer.Text(e.ApprovedBy);
                writer.Time(e.At);
                break;
            case CampaignStatusSet e:
                writer.Byte((byte)e.Status);
                writer.Time(e.At);
                writer.Text(e.Author);
                writer.Text(e.Reason);
                break;
            case CampaignBegan e:
                writer.Time(e.At);
                break;
            case LeaseGranted e:
                writer.VarInt(e.Lease);
                Write(writer, e.Purse);
                writer.Text(e.Holder);
                writer.VarInt(e.Nonce);
                writer.VarInt(e.Granted);
                writer.VarInt(e.Slots);
                break;
            case LeaseMoved e:
                writer.VarInt(e.Lease);
                writer.VarInt(e.Granted);
                writer.VarInt(e.Spent);
                writer.VarInt(e.Sequence);
                break;
            case LeaseSettled e:
                writer.VarInt(e.Lease);
                writer.VarInt(e.Spent);
                writer.Flag(e.FromJournal);
                break;
            case PursesFolded e:
                writer.Day(e.Through);
                break;
        }
    }

    private static Kind KindOf(CampaignEvent fact) => fact switch
    {
        DraftSaved => Kind.DraftSaved,
        DraftApproved => Kind.DraftApproved,
        VersionPublished => Kind.VersionPublished,
        CampaignStatusSet => Kind.StatusSet,
        CampaignBegan => Kind.Began,
        LeaseGranted => Kind.LeaseGranted,
        LeaseMoved => Kind.LeaseMoved,
        LeaseSettled => Kind.LeaseSettled,
        PursesFolded => Kind.PursesFolded,
        _ => throw new ArgumentException($"no stored form for {fact.GetType().Name}", nameof(fact)),
    };
}
