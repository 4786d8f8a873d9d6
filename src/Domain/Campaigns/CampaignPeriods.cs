using NodaTime;

namespace Loyalty.Domain.Campaigns;

/// <summary>Spans of days, and who is held out.</summary>
public static class CampaignPeriods
{
    /// <summary>First day of the period that holds the day; of <see cref="CampaignPeriod.Campaign"/> the earliest day there is.</summary>
    public static LocalDate StartOf(CampaignPeriod period, LocalDate day) => period switch
    {
        CampaignPeriod.Day => day,
        CampaignPeriod.Week => day.PlusDays(1 - (int)day.DayOfWeek),
        CampaignPeriod.Month => new(day.Year, day.Month, 1),
        _ => LocalDate.MinIsoValue,
    };

    /// <summary>First day of the period behind the one that begins then.</summary>
    public static LocalDate Next(CampaignPeriod period, LocalDate start) => period switch
    {
        CampaignPeriod.Day => start.PlusDays(1),
        CampaignPeriod.Week => start.PlusDays(7),
        CampaignPeriod.Month => start.PlusMonths(1),
        _ => LocalDate.MaxIsoValue,
    };

    /// <summary>
    /// Whether the member is one of those who never get the campaign: FNV-1a (64 bits) of the UTF-8 bytes of <c>campaign|member</c>, mixed by the finalizer of MurmurHash3, modulo 10,000, is below
    /// the share. The same for ever, and independent between campaigns.
    /// </summary>
    public static bool IsHeldOut(string campaign, string member, int perTenThousand) => perTenThousand > 0 && Bucket(campaign, member) < (uint)perTenThousand;

    /// <summary>0 to 9,999.</summary>
    private static uint Bucket(string campaign, string member)
    {
        Span<byte> bytes = stackalloc byte[1024];
        var hash = Add(14695981039346656037, campaign, bytes);
        hash = (hash ^ (byte)'|') * 1099511628211;
        hash = Add(hash, member, bytes);
        hash ^= hash >> 33;
        hash *= 0xff51afd7ed558ccd;
        hash ^= hash >> 33;
        hash *= 0xc4ceb9fe1a85ec53;
        hash ^= hash >> 33;
        return (uint)(hash % 10_000);
    }

    private static ulong Add(ulong hash, string text, Span<byte> bytes)
    {
        // Ids have at most 128 characters.
        var length = System.Text.Encoding.UTF8.GetBytes(text.AsSpan(0, Math.Min(text.Length, 256)), bytes);
        foreach (var one in bytes[..length])
        {
            hash = (hash ^ one) * 1099511628211;
        }

        return hash;
    }
}
