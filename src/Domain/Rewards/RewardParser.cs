using Loyalty.Domain.Programs;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Validation;

namespace Loyalty.Domain.Rewards;

/// <summary>Reads and checks an entry of the catalogue. docs/SPENDING.md, "Rewards".</summary>
public static class RewardParser
{
    /// <summary>Rewards in one set of books, withdrawn ones included.</summary>
    public const int MaxRewards = 10_000;

    private static readonly string[] Types = ["goods", "perk", "experience"];
    private static readonly string[] Periods = ["day", "week", "month", "year", "member"];

    /// <summary>Whether it can be the id of a reward: letters, digits, <c>-</c>, <c>_</c>, 1 to 32.</summary>
    public static bool IsId(string id) => id.Length is >= 1 and <= 32 && id.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_');

    /// <summary>How a period is called.</summary>
    public static string NameOf(RewardPeriod period) => Periods[(int)period];

    /// <summary>How a type is called.</summary>
    public static string NameOf(RewardType type) => Types[(int)type];

    /// <summary>Reads an entry; what is wrong is reported to <paramref name="fields"/>.</summary>
    /// <param name="fields">The document.</param>
    /// <param name="id">From the address.</param>
    /// <param name="program">The newest version: its units and levels.</param>
    public static RewardDefinition Read(JsonFields fields, string id, ProgramDefinition program)
    {
        if (!IsId(id))
        {
            fields.Error("id", $"is '{id}'; 1 to 32 letters, digits, - and _ are needed");
        }
        else if (fields.Text("id", 32, id) is var said && said != id)
        {
            fields.Error("id", $"is '{said}'; the address says {id}");
        }

        var name = fields.Text("name", 200);
        var type = (RewardType)fields.Choice("type", Types);
        var unit = fields.Text("unit", 32);
        if (unit.Length > 0 && program.FindUnit(unit) is null)
        {
            fields.Error("unit", $"is '{unit}'; the program has {string.Join(", ", program.Units.Select(known => known.Id))}");
        }

        var points = fields.Whole("points", 1, RequestLimits.Amount);
        var money = fields.Whole("money", 0, RequestLimits.Amount, 0);
        var limited = fields.Flag("limitedStock", false);
        RewardLimit? limit = null;
        if (fields.Nested("limit", required: false) is { } nested)
        {
            limit = new((int)nested.Whole("quantity", 1, 1_000_000), (RewardPeriod)nested.Choice("per", Periods));
            nested.RefuseUnknown();
        }

        var tiers = new List<string>();
        foreach (var (element, path) in fields.List("tiers", 0, 17))
        {
            var tier = JsonFields.TextOf(element) ?? "";
            if (tier != RewardDefinition.NoTier && (program.Tiers?.IndexOf(tier) ?? 0) == 0)
            {
                fields.Error(path[(path.LastIndexOf('.') + 1)..], $"is '{tier}'; a level of the program, or {RewardDefinition.NoTier}, is needed");
            }
            else if (tiers.Contains(tier))
            {
                fields.Error(path[(path.LastIndexOf('.') + 1)..], $"'{tier}' is listed twice");
            }
            else
            {
                tiers.Add(tier);
            }
        }

        var (from, until) = (fields.Time("validFrom"), fields.Time("validUntil"));
        if (from is { } first && until is { } last && last <= first)
        {
            fields.Error("validUntil", $"is {last}; it must be after validFrom, {first}");
        }

        return new(id, 0, name, type, unit, points, money, limited, limit, tiers, from, until);
    }
}
