using Loyalty.Domain.Encoding;

namespace Loyalty.Domain.Members;

/// <summary>
/// Sections: what only some purchases, returns and members have. Behind the first form of the body (schema version 2) or of the snapshot (version 2): how many there are, then for each a number
/// and its framed bytes, in the order of their numbers. Numbers are stored for ever. To add one: its number, a line in the count, in the writer and in the reader.
/// </summary>
public static partial class MemberCodec
{
    /// <summary>Of a purchase or return: campaigns.</summary>
    private const byte CampaignsSection = 1;

    private static byte SchemaOf(int sections) => sections == 0 ? (byte)1 : (byte)2;

    private static int Sections(PurchaseRecorded e) => e.Campaigns is null ? 0 : 1;

    private static int Sections(ReturnRecorded e) => e.Campaigns is null ? 0 : 1;

    private static int Sections(MemberState state) => 0;

    private static void WriteSections(ByteWriter writer, PurchaseRecorded e, int sections)
    {
        writer.Count(sections);
        if (e.Campaigns is { } campaigns)
        {
            WriteSection(writer, CampaignsSection, campaigns, Write);
        }
    }

    private static PurchaseRecorded ReadSections(ref ByteReader reader, PurchaseRecorded e)
    {
        for (var sections = reader.Count(); sections > 0; sections--)
        {
            var number = reader.Byte();
            var body = new ByteReader(reader.Bytes());
            e = number switch
            {
                CampaignsSection => e with { Campaigns = ReadCampaigns(ref body) },
                _ => throw UnknownSection(number, "a purchase"),
            };
        }

        return e;
    }

    private static void WriteSections(ByteWriter writer, ReturnRecorded e, int sections)
    {
        writer.Count(sections);
        if (e.Campaigns is { } campaigns)
        {
            WriteSection(writer, CampaignsSection, campaigns, Write);
        }
    }

    private static ReturnRecorded ReadSections(ref ByteReader reader, ReturnRecorded e)
    {
        for (var sections = reader.Count(); sections > 0; sections--)
        {
            var number = reader.Byte();
            var body = new ByteReader(reader.Bytes());
            switch (number)
            {
                case CampaignsSection:
                    var campaigns = ReadCampaigns(ref body);
                    e = e with { Campaigns = campaigns, After = e.After is { } after ? after with { Campaigns = campaigns.Left } : null };
                    break;
                default:
                    throw UnknownSection(number, "a return");
            }
        }

        return e;
    }

    private static void WriteSections(ByteWriter writer, MemberState state, int sections)
    {
        writer.Count(sections);
    }

    /// <returns>False: there is a section that this version of the engine does not know; the member is built from its events.</returns>
    private static bool ReadSections(ref ByteReader reader, MemberState state)
    {
        for (var sections = reader.Count(); sections > 0; sections--)
        {
            var number = reader.Byte();
            var body = new ByteReader(reader.Bytes());
            if (!ReadSection(number, ref body, state))
            {
                return false;
            }
        }

        return true;
    }

    private static bool ReadSection(byte number, ref ByteReader body, MemberState state)
    {
        switch (number)
        {
            default:
                return false;
        }
    }

    private static void WriteSection<T>(ByteWriter writer, byte number, T section, Action<ByteWriter, T> body)
    {
        writer.Byte(number);
        writer.Framed(section, body);
    }

    private static FormatException UnknownSection(byte number, string of) => new($"section {number} of {of} is not known: a newer engine wrote it");
}
