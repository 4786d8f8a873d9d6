using System.Globalization;
using System.Text;
using Loyalty.Load.Gateway;

namespace Loyalty.Load.Bench;

/// <summary>
/// Campaigns as a large chain has them at one time, for the goods of the load's shelf: of ten, six are for certain goods (two for skus, two for brands, one for a category, one for a category above an amount), and one each for
/// certain members by tag, by level, by visit, and for another channel. All are in force all the time, and about one purchase in four is given something by ten of them, nearly all by a hundred.
/// </summary>
internal static class CampaignMix
{
    private const int Skus = 20;

    /// <summary>Publishes so many.</summary>
    /// <exception cref="UserError">The engine does not take them.</exception>
    public static void Publish(GatewayTarget target, int count)
    {
        for (int i = 0; i < count; i++)
        {
            string id = string.Create(CultureInfo.InvariantCulture, $"bench-{i:D3}");
            Assure(GatewayQueries.Put(target, $"/v1/campaigns/{id}?author=bench", Encoding.UTF8.GetBytes(Definition(i))), "save");
            Assure(GatewayQueries.Post(target, $"/v1/campaigns/{id}/publish", "{\"author\":\"bench\"}"u8), "publish");
        }
    }

    public static string Definition(int i)
    {
        string condition = (i % 10) switch
        {
            0 or 1 => $$""" "what": {"skus": [{{string.Join(", ", Enumerable.Range(0, Skus).Select(sku => $"\"{20000 + (((i * Skus) + sku) * 37 % 4096)}\""))}}]} """,
            2 or 3 => $$""" "what": {"brands": ["b{{i * 7 % 120:D3}}"]} """,
            4 => $$""" "what": {"categories": ["c{{i * 5 % 24:D2}}"]} """,
            5 => $$""" "what": {"categories": ["c{{i * 5 % 24:D2}}"], "minimumAmount": 2000} """,
            6 => $$""" "who": {"tags": ["segment-{{i}}"]} """,
            7 => """ "who": {"tiers": ["gold"]}, "what": {"basketAmount": 20000} """,
            8 => """ "who": {"visit": {"every": 50}} """,
            _ => """ "where": {"channels": ["web"]} """,
        };
        string gives = (i % 3) switch
        {
            0 => """{"type": "multiplier", "unit": "points", "factor": 2}""",
            1 => """{"type": "bonus", "unit": "points", "points": 25}""",
            _ => """{"type": "rate", "unit": "points", "points": 1, "per": 50}""",
        };
        return $$"""{"name": "bench {{i}}", {{condition}}, "gives": [{{gives}}]}""";
    }

    private static void Assure((int Status, byte[] Body) answer, string what)
    {
        if (answer.Status != 200)
        {
            throw new UserError($"The engine does not {what} a campaign ({answer.Status}): {Encoding.UTF8.GetString(answer.Body)}");
        }
    }
}
