using Loyalty.Domain.Campaigns;
using Loyalty.Domain.Encoding;
using Loyalty.Domain.Programs;

namespace Loyalty.Domain.Members;

/// <summary>The stored form of what campaigns did.</summary>
public static partial class MemberCodec
{
    private static void Write(ByteWriter writer, CampaignFacts facts)
    {
        writer.Flag(facts.Left is not null);
        if (facts.Left is { } left)
        {
            writer.Text(left.Store);
            writer.Count(left.Judged.Length);
            foreach (ref readonly var judged in left.Judged.AsSpan())
            {
                writer.Text(judged.Campaign);
                writer.Count(judged.Version);
                writer.Byte((byte)judged.Roles);
                writer.VarInt(judged.Room == long.MaxValue ? -1 : judged.Room);
                writer.VarInt(judged.Spent);
            }

            Write(writer, left.Donations);
            Write(writer, left.Credit);
        }

        Write(writer, facts.Donations);
        Write(writer, facts.Credit);
        writer.Count(facts.Tallies.Length);
        foreach (ref readonly var tally in facts.Tallies.AsSpan())
        {
            writer.Text(tally.Campaign);
            writer.Byte((byte)tally.Count);
            writer.Day(tally.Day);
            writer.VarInt(tally.By);
        }

        writer.Count(facts.Done.Length);
        foreach (var done in facts.Done)
        {
            Write(writer, done);
        }

        Write(writer, facts.Stamps);
        writer.Count(facts.Undone.Length);
        foreach (ref readonly var undone in facts.Undone.AsSpan())
        {
            writer.Text(undone.Campaign);
            writer.Day(undone.Day);
        }

        writer.Count(facts.Spends.Length);
        foreach (ref readonly var spend in facts.Spends.AsSpan())
        {
            writer.Text(spend.Campaign);
            writer.VarInt(spend.Lease);
            writer.VarInt(spend.Amount);
        }
    }

    private static CampaignFacts ReadCampaigns(ref ByteReader reader)
    {
        PurchaseCampaigns? left = null;
        if (reader.Flag())
        {
            var store = reader.Text()!;
            var judged = new JudgedCampaign[reader.Count()];
            for (var i = 0; i < judged.Length; i++)
            {
                var (id, version, roles, room) = (reader.Text()!, (int)reader.VarUInt(), (CampaignRoles)reader.Byte(), reader.VarInt());
                judged[i] = new(id, version, roles, room < 0 ? long.MaxValue : room, reader.VarInt());
            }

            left = new(store, judged, ReadDonations(ref reader), ReadCredit(ref reader));
        }

        var (donations, credit) = (ReadDonations(ref reader), ReadCredit(ref reader));
        var tallies = new TallyChange[reader.Count()];
        for (var i = 0; i < tallies.Length; i++)
        {
            tallies[i] = new(reader.Text()!, (TallyKind)reader.Byte(), reader.SomeDay(), reader.VarInt());
        }

        var done = new CampaignDone[reader.Count()];
        for (var i = 0; i < done.Length; i++)
        {
            done[i] = ReadDone(ref reader);
        }

        var stamps = ReadPostings(ref reader);
        var undone = new UndoneCampaign[reader.Count()];
        for (var i = 0; i < undone.Length; i++)
        {
            undone[i] = new(reader.Text()!, reader.SomeDay());
        }

        var spends = new BudgetSpend[reader.Count()];
        for (var i = 0; i < spends.Length; i++)
        {
            spends[i] = new(reader.Text()!, reader.VarInt(), reader.VarInt());
        }

        return new() { Left = left, Donations = donations, Credit = credit, Tallies = tallies, Done = done, Stamps = stamps, Undone = undone, Spends = spends };
    }

    private static void Write(ByteWriter writer, Donation[] donations)
    {
        writer.Count(donations.Length);
        foreach (ref readonly var donation in donations.AsSpan())
        {
            writer.Text(donation.Rule);
            writer.Text(donation.Unit);
            writer.Text(donation.Cause);
            writer.VarInt(donation.Points);
        }
    }

    private static Donation[] ReadDonations(ref ByteReader reader)
    {
        var donations = new Donation[reader.Count()];
        for (var i = 0; i < donations.Length; i++)
        {
            donations[i] = new(reader.Text()!, reader.Text()!, reader.Text()!, reader.VarInt());
        }

        return donations;
    }

    private static void Write(ByteWriter writer, CreditedProgress? credit)
    {
        writer.Flag(credit is not null);
        if (credit is { } given)
        {
            writer.Byte((byte)given.Basis);
            writer.VarInt(given.Amount);
        }
    }

    private static CreditedProgress? ReadCredit(ref ByteReader reader) => reader.Flag() ? new CreditedProgress((TierBasis)reader.Byte(), reader.VarInt()) : null;

    private static void Write(ByteWriter writer, CampaignDone done)
    {
        writer.Text(done.Campaign);
        writer.Count(done.Version);
        writer.Day(done.Day);
        Write(writer, done.Awards);
        writer.Text(done.StampUnit);
        Write(writer, done.Stamps);
    }

    private static CampaignDone ReadDone(ref ByteReader reader) =>
        new(reader.Text()!, (int)reader.VarUInt(), reader.SomeDay(), ReadAwards(ref reader), reader.Text(), ReadLots(ref reader));

    private static void Write(ByteWriter writer, ActivityRecorded e)
    {
        ActivityCodec.Write(writer, e.Activity);
        writer.Count(e.ProgramVersion);
        writer.Text(e.Tier);
        writer.Day(e.Day);
        Write(writer, e.Awards);
        writer.Flag(e.Campaigns is not null);
        if (e.Campaigns is { } campaigns)
        {
            Write(writer, campaigns);
        }
    }

    private static ActivityRecorded ReadActivity(ref ByteReader reader) =>
        new(ActivityCodec.Read(ref reader), (int)reader.VarUInt(), reader.Text(), reader.SomeDay(), ReadAwards(ref reader))
        {
            Campaigns = reader.Flag() ? ReadCampaigns(ref reader) : null,
        };

    private static void Write(ByteWriter writer, MemberEngagement engagement)
    {
        ActivityCodec.Write(writer, engagement.Attributes);
        Write(writer, engagement.Activities);
        Write(writer, engagement.Campaigns);
    }

    private static void Write(ByteWriter writer, IReadOnlyList<MemberTally> tallies)
    {
        writer.Count(tallies.Count);
        foreach (var tally in tallies)
        {
            writer.Text(tally.Owner);
            writer.Count(tally.Entries.Length);
            foreach (ref readonly var entry in tally.Entries)
            {
                writer.Byte((byte)entry.Kind);
                writer.Day(entry.Day);
                writer.VarInt(entry.Value);
            }

            writer.Count(tally.Done.Length);
            foreach (var done in tally.Done)
            {
                Write(writer, done);
            }
        }
    }

    private static void Read(ref ByteReader reader, MemberEngagement engagement)
    {
        engagement.Attributes = ActivityCodec.ReadAttributes(ref reader);
        for (var count = reader.Count(); count > 0; count--)
        {
            Read(ref reader, engagement.Activity(reader.Text() ?? throw new FormatException("a type of activity is missing")));
        }

        for (var count = reader.Count(); count > 0; count--)
        {
            Read(ref reader, engagement.Campaign(reader.Text() ?? throw new FormatException("the id of a campaign is missing")));
        }
    }

    private static void Read(ref ByteReader reader, MemberTally tally)
    {
        for (var entries = reader.Count(); entries > 0; entries--)
        {
            tally.Add((TallyKind)reader.Byte(), reader.SomeDay(), reader.VarInt());
        }

        for (var done = reader.Count(); done > 0; done--)
        {
            tally.Add(ReadDone(ref reader));
        }
    }
}
