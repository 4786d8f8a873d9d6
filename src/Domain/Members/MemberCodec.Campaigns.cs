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
        writer.Text(done.Store);
        Write(writer, done.Awards);
        Write(writer, done.Stamps);
        writer.VarInt(done.Spent);
    }

    private static CampaignDone ReadDone(ref ByteReader reader) =>
        new(reader.Text()!, (int)reader.VarUInt(), reader.SomeDay(), reader.Text(), ReadAwards(ref reader), ReadLots(ref reader), reader.VarInt());
}
