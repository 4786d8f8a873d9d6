using System.Globalization;
using System.Text.RegularExpressions;
using NodaTime;

namespace Loyalty.Runtime.Tests.Examples;

/// <summary>A line of a story: who does what, or what must be true then.</summary>
/// <param name="Line">Number in the file, for messages.</param>
internal abstract record StoryLine(int Line);

/// <summary>The clock goes to a time of the program's zone; requests come from that store and channel.</summary>
internal sealed record Scene(int Line, LocalDateTime Time, string Store, string? Channel) : StoryLine(Line);

internal sealed record Joins(int Line, string Member, AnnualDate? Birthday, string[] Tags) : StoryLine(Line);

internal sealed record IsTagged(int Line, string Member, string[] Tags) : StoryLine(Line);

internal sealed record Buys(int Line, string Member, string Id, StoryGoods[] Goods) : StoryLine(Line);

internal sealed record Returns(int Line, string Member, string Id, string Purchase, StoryGoods[] Goods) : StoryLine(Line);

internal sealed record Does(int Line, string Member, string Id, string Type, Dictionary<string, string> Details) : StoryLine(Line);

/// <summary>Points are redeemed.</summary>
internal sealed record Spends(int Line, string Member, string Id, string Unit, long Points) : StoryLine(Line);

/// <summary>What the request before was given, whole; null awards: it was refused with the code.</summary>
internal sealed record Gets(int Line, StoryAward[]? Awards, string? Refusal) : StoryLine(Line);

/// <summary>What somebody, or a cause, has now; the tier is null when the line does not speak of it.</summary>
internal sealed record Has(int Line, string Who, (string Unit, long Points, bool Pending)[] Balances, string? Tier) : StoryLine(Line);

internal sealed record StoryGoods(string Sku, string? Category, string? Brand, decimal Quantity, long Amount);

internal sealed record StoryAward(string Rule, string Unit, long Points, string? Cause);

/// <summary>
/// A story.txt of examples/: what members do, and what they get. One line each; lines that begin with # are for readers.
/// <code>
/// at 2026-03-02 08:10 in CORNER by till
/// ana joins, birthday 03-12, tags vegan regular
/// ana buys R1: 1 latte (coffee, house) 3.20, 1 croissant 2.40
///   gets 5 beans (base), 1 stamps (campaign:punch-card)
/// ana returns B1 of R1: 1 latte 3.20
/// ana does T1: trade-in, amount 150.00
/// ana redeems X1: 1 free-coffee
/// ana has 5 beans, 1 stamps, 3 points pending, tier silver
/// </code>
/// </summary>
internal static partial class Story
{
    public static List<StoryLine> Read(string file)
    {
        var story = new List<StoryLine>();
        var number = 0;
        foreach (var text in File.ReadLines(file))
        {
            number++;
            var line = text.Trim();
            if (line.Length > 0 && line[0] != '#')
            {
                story.Add(Parse(line, number) ?? throw new FormatException($"{file}:{number}: '{line}' says nothing that a story can say"));
            }
        }

        return story;
    }

    private static StoryLine? Parse(string line, int number)
    {
        if (SceneLine().Match(line) is { Success: true } scene)
        {
            var time = LocalDateTime.FromDateTime(DateTime.ParseExact(scene.Groups["time"].Value, "yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture));
            return new Scene(number, time, scene.Groups["store"].Value, Optional(scene, "channel"));
        }

        if (JoinsLine().Match(line) is { Success: true } joins)
        {
            var birthday = Optional(joins, "birthday") is { } day ? new AnnualDate(int.Parse(day[..2], CultureInfo.InvariantCulture), int.Parse(day[3..], CultureInfo.InvariantCulture)) : (AnnualDate?)null;
            return new Joins(number, joins.Groups["who"].Value, birthday, Words(joins, "tags"));
        }

        if (TaggedLine().Match(line) is { Success: true } tagged)
        {
            return new IsTagged(number, tagged.Groups["who"].Value, Words(tagged, "tags"));
        }

        if (BuysLine().Match(line) is { Success: true } buys)
        {
            return new Buys(number, buys.Groups["who"].Value, buys.Groups["id"].Value, Goods(buys.Groups["goods"].Value));
        }

        if (ReturnsLine().Match(line) is { Success: true } returns)
        {
            return new Returns(number, returns.Groups["who"].Value, returns.Groups["id"].Value, returns.Groups["purchase"].Value, Goods(returns.Groups["goods"].Value));
        }

        if (DoesLine().Match(line) is { Success: true } does)
        {
            var details = does.Groups["details"].Value.Split(", ", StringSplitOptions.RemoveEmptyEntries).Select(detail => detail.Split(' ', 2));
            return new Does(number, does.Groups["who"].Value, does.Groups["id"].Value, does.Groups["type"].Value, details.ToDictionary(detail => detail[0], detail => detail[1]));
        }

        if (SpendsLine().Match(line) is { Success: true } spends)
        {
            return new Spends(number, spends.Groups["who"].Value, spends.Groups["id"].Value, spends.Groups["unit"].Value, Whole(spends, "points"));
        }

        if (line.StartsWith("is refused: ", StringComparison.Ordinal))
        {
            return new Gets(number, null, line["is refused: ".Length..]);
        }

        if (line == "gets nothing")
        {
            return new Gets(number, [], null);
        }

        if (line.StartsWith("gets ", StringComparison.Ordinal))
        {
            var awards = AwardPart().Matches(line["gets ".Length..]);
            return new Gets(number, [.. awards.Select(award => new StoryAward(award.Groups["rule"].Value, award.Groups["unit"].Value, Whole(award, "points"), Optional(award, "cause")))], null);
        }

        if (HasLine().Match(line) is { Success: true } has)
        {
            var parts = has.Groups["what"].Value.Split(", ").Select(part => part.Split(' ')).ToLookup(part => part[0] == "tier");
            return new Has(
                number, has.Groups["who"].Value, [.. parts[false].Select(part => (part[1], long.Parse(part[0], CultureInfo.InvariantCulture), part.Length > 2))], parts[true].FirstOrDefault()?[1]);
        }

        return null;
    }

    private static StoryGoods[] Goods(string text)
    {
        var goods = GoodsPart().Matches(text);
        if (goods.Sum(part => part.Length) + (2 * (goods.Count - 1)) != text.Length)
        {
            throw new FormatException($"'{text}' is no list of goods: QUANTITY SKU (CATEGORY, BRAND) AMOUNT");
        }

        return
        [
            .. goods.Select(part => new StoryGoods(
                part.Groups["sku"].Value, Optional(part, "category"), Optional(part, "brand"), decimal.Parse(part.Groups["quantity"].Value, CultureInfo.InvariantCulture),
                Minor(part.Groups["amount"].Value))),
        ];
    }

    /// <summary>12.34 is 1234.</summary>
    public static long Minor(string amount) => (long)(decimal.Parse(amount, CultureInfo.InvariantCulture) * 100m);

    private static string? Optional(Match match, string group) => match.Groups[group] is { Success: true, Value: var value } ? value : null;

    private static string[] Words(Match match, string group) => match.Groups[group].Value.Split([' ', ','], StringSplitOptions.RemoveEmptyEntries);

    private static long Whole(Match match, string group) => long.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^at (?<time>\d{4}-\d\d-\d\d \d\d:\d\d) in (?<store>\S+)(?: by (?<channel>\S+))?$")]
    private static partial Regex SceneLine();

    [GeneratedRegex(@"^(?<who>\S+) joins(?:, birthday (?<birthday>\d\d-\d\d))?(?:, tags (?<tags>.+))?$")]
    private static partial Regex JoinsLine();

    [GeneratedRegex(@"^(?<who>\S+) is tagged (?<tags>.+)$")]
    private static partial Regex TaggedLine();

    [GeneratedRegex(@"^(?<who>\S+) buys (?<id>\S+): (?<goods>.+)$")]
    private static partial Regex BuysLine();

    [GeneratedRegex(@"^(?<who>\S+) returns (?<id>\S+) of (?<purchase>\S+): (?<goods>.+)$")]
    private static partial Regex ReturnsLine();

    [GeneratedRegex(@"^(?<who>\S+) does (?<id>\S+): (?<type>[a-z-]+)(?:, (?<details>.+))?$")]
    private static partial Regex DoesLine();

    [GeneratedRegex(@"^(?<who>\S+) redeems (?<id>\S+): (?<points>\d+) (?<unit>\S+)$")]
    private static partial Regex SpendsLine();

    [GeneratedRegex(@"^(?<who>\S+) has (?<what>.+)$")]
    private static partial Regex HasLine();

    [GeneratedRegex(@"(?<quantity>\d+(\.\d+)?) (?<sku>\S+)(?: \((?<category>[^,)]+)(?:, (?<brand>[^)]+))?\))? (?<amount>\d+\.\d\d)")]
    private static partial Regex GoodsPart();

    [GeneratedRegex(@"(?<points>-?\d+) (?<unit>\S+)(?: for (?<cause>\S+))? \((?<rule>[^)]+)\)")]
    private static partial Regex AwardPart();
}
