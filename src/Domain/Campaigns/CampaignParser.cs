using System.Text.Json;
using System.Text.Unicode;
using Loyalty.Domain.Programs;
using Loyalty.Domain.Validation;

namespace Loyalty.Domain.Campaigns;

/// <summary>Reads and checks a campaign's definition. docs/CAMPAIGNS.md, "Definition", is the specification of every field and bound.</summary>
public static partial class CampaignParser
{
    /// <summary>Largest definition that is read, bytes.</summary>
    public const int MaxBytes = 64 * 1024;

    /// <summary>Awards in each list of <c>gives</c>.</summary>
    public const int MaxGives = 4;

    /// <summary>Steps of a challenge.</summary>
    public const int MaxSteps = 16;

    /// <summary>Stores, groups, channels, skus, categories or brands in one list.</summary>
    public const int MaxNames = 1000;

    /// <summary>Tags in one list.</summary>
    public const int MaxTags = 100;

    /// <summary>Campaigns that can follow one another by <c>trigger.award</c>, the first one included.</summary>
    public const int MaxChain = 8;

    /// <summary>Points of one award and <c>per</c> of a rate.</summary>
    public const long MaxPoints = 1_000_000_000;

    /// <summary>Caps and budgets.</summary>
    public const long MaxTotal = 1_000_000_000_000_000;

    /// <summary>Days that <c>bought</c> and a challenge look back.</summary>
    public const int MaxDaysBack = 400;

    /// <summary>Activities that every engine knows; others begin with <c>x-</c>.</summary>
    public static readonly IReadOnlyList<string> ActivityTypes =
        ["sign-up", "referral", "review", "survey", "social-share", "check-in", "attendance", "trade-in", "app-install"];

    /// <summary>The JSON Schema of a definition (UTF-8 JSON), as editors use it. What it cannot say is checked by <see cref="Parse"/> alone.</summary>
    public static ReadOnlyMemory<byte> Schema => _schema.Value;

    private static readonly Lazy<byte[]> _schema = new(() =>
    {
        using var stream = typeof(CampaignParser).Assembly.GetManifestResourceStream("campaign.schema.json")!;
        using var memory = new MemoryStream();
        stream.CopyTo(memory);
        return memory.ToArray();
    });

    /// <summary>Parses a definition.</summary>
    /// <param name="json">UTF-8 JSON.</param>
    /// <param name="id">The campaign's id, as the address says it. The definition may repeat it.</param>
    /// <param name="version">The version it will be; 0: a draft.</param>
    /// <param name="program">Units, causes, stores and tiers must be its; null: not checked.</param>
    /// <param name="published">The campaign that triggers this one must be among them, and must not be triggered by it; null: not checked.</param>
    /// <param name="errors">Everything that is wrong is added.</param>
    /// <returns>The definition, or null when there are errors.</returns>
    public static CampaignDefinition? Parse(
        ReadOnlyMemory<byte> json, string id, int version, ProgramDefinition? program, CampaignCatalog? published, List<FieldError> errors)
    {
        var before = errors.Count;
        if (json.Length > MaxBytes)
        {
            errors.Add(new("", $"is {json.Length} bytes long; at most {MaxBytes} are read"));
            return null;
        }

        if (!Utf8.IsValid(json.Span))
        {
            errors.Add(new("", "is not JSON: it is not valid UTF-8"));
            return null;
        }

        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 16, CommentHandling = JsonCommentHandling.Disallow });
        }
        catch (JsonException e)
        {
            errors.Add(new("", $"is not JSON: {e.Message}"));
            return null;
        }

        using (document)
        {
            var fields = new JsonFields(document.RootElement, "", errors);
            if (errors.Count > before)
            {
                return null;
            }

            var definition = new Reader(program, published, errors).Read(fields, json.ToArray(), id, version);
            return errors.Count == before ? definition : null;
        }
    }

    /// <summary>Reads one definition.</summary>
    private sealed partial class Reader(ProgramDefinition? program, CampaignCatalog? published, List<FieldError> errors)
    {
        private static readonly string[] Shortages = ["partial", "none"];
        private static readonly string[] Spans = ["campaign", "day", "week", "month"];

        /// <summary>Whether it reacts to an activity, itself or by the campaign that triggers it.</summary>
        private bool _onActivity;

        public CampaignDefinition Read(JsonFields fields, byte[] source, string id, int version)
        {
            ReadId(fields, id);
            var name = fields.Text("name", 200);
            var from = fields.Time("from");
            var until = fields.Time("until");
            if (from is not null && until is not null && until <= from)
            {
                fields.Error("until", $"is {until}, not after from, which is {from}: it would end before it begins; a later time is needed");
            }

            var trigger = ReadTrigger(fields, id);
            _onActivity = trigger.Activity is not null || (trigger.Award is { } award && published is not null && StartsWithActivity(published, award));
            var when = fields.Nested("when", required: false) is { } whenFields ? ReadWhen(whenFields, from, until) : null;
            var who = fields.Nested("who", required: false) is { } whoFields ? ReadWho(whoFields, trigger) : null;
            var where = fields.Nested("where", required: false) is { } whereFields ? ReadWhere(whereFields) : null;
            var what = fields.Nested("what", required: false) is { } whatFields ? ReadWhat(whatFields) : null;
            var gives = ReadGives(fields);
            var card = fields.Nested("card", required: false) is { } cardFields ? ReadCard(cardFields) : null;
            var challenge = fields.Nested("challenge", required: false) is { } challengeFields ? ReadChallenge(challengeFields) : null;
            var streak = fields.Nested("streak", required: false) is { } streakFields ? ReadStreak(streakFields) : null;
            CheckProgress(fields, trigger);
            var priority = (int)fields.Whole("priority", -1000, 1000, 0);
            var group = fields.Has("group") ? ProgramParser.Id(fields, "group") : null;
            fields.Known("group");
            var caps = fields.Nested("caps", required: false) is { } capFields ? ReadCaps(capFields, gives) : null;
            var budget = fields.Nested("budget", required: false) is { } budgetFields ? ReadBudget(budgetFields, gives) : null;
            var holdout = (int)(fields.Fraction("holdout", 0m, 0.5m, 4, 0m) * 10_000m);
            var leaderboard = fields.Nested("leaderboard", required: false) is { } boardFields ? ReadLeaderboard(boardFields, gives) : null;
            fields.RefuseUnknown();
            return new CampaignDefinition
            {
                Id = id,
                Version = version,
                Name = name,
                From = from,
                Until = until,
                Trigger = trigger,
                When = when,
                Who = who,
                Where = where,
                What = what,
                Gives = gives,
                Card = card,
                Challenge = challenge,
                Streak = streak,
                Priority = priority,
                Group = group,
                Caps = caps,
                Budget = budget,
                HoldoutPerTenThousand = holdout,
                Leaderboard = leaderboard,
                Source = source,
            };
        }

        private static void ReadId(JsonFields fields, string id)
        {
            fields.Known("id");
            if (id.Length is 0 or > 32 || !id.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_'))
            {
                fields.Error("id", $"is '{id}'; 1 to 32 letters, digits, - and _ are needed");
            }
            else if (fields.Has("id") && ProgramParser.Id(fields, "id") is var said && said != id)
            {
                fields.Error("id", $"is '{said}', but the address says '{id}'; leave it out, or say the same");
            }
        }

        private CampaignTrigger ReadTrigger(JsonFields fields, string id)
        {
            const string Needed = "\"purchase\", {\"activity\": TYPE} or {\"award\": CAMPAIGN} is needed";
            if (fields.Raw("trigger") is not { } value)
            {
                return CampaignTrigger.Purchase;
            }

            if (value.ValueKind != JsonValueKind.Object)
            {
                if (JsonFields.TextOf(value) != "purchase")
                {
                    fields.Error("trigger", $"is {JsonFields.Shown(value)}; {Needed}");
                }

                return CampaignTrigger.Purchase;
            }

            var trigger = new JsonFields(value, fields.Path("trigger"), errors);
            var activity = trigger.Has("activity") ? ReadActivity(trigger, "activity") : null;
            var award = trigger.Has("award") ? ProgramParser.Id(trigger, "award") : null;
            trigger.Known("activity");
            trigger.Known("award");
            trigger.RefuseUnknown();
            if (activity is null == award is null)
            {
                fields.Error("trigger", $"has {(activity is null ? "neither" : "both")}; {Needed}");
            }
            else if (award is not null && published is not null)
            {
                CheckChain(published, id, award, null, errors);
            }

            return new(activity, award);
        }

        /// <summary>A type of activity.</summary>
        private static string ReadActivity(JsonFields fields, string name)
        {
            var type = fields.Text(name, 32);
            var own = type.StartsWith("x-", StringComparison.Ordinal) && type.Length > 2 && type.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-');
            if (!own && !ActivityTypes.Contains(type))
            {
                fields.Error(name, $"is '{type}'; one of {string.Join(", ", ActivityTypes)} is needed, or a type of your own: x- and small letters, digits or -");
            }

            return type;
        }
    }
}
