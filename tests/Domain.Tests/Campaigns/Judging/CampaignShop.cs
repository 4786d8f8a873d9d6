using Loyalty.Domain.Campaigns;
using Loyalty.Domain.Encoding;
using Loyalty.Domain.Ledger;
using Loyalty.Domain.Members;
using Loyalty.Domain.Programs;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Validation;
using NodaTime;
using NodaTime.Text;
using Xunit;

namespace Loyalty.Domain.Tests.Campaigns.Judging;

/// <summary>One member of a shop with campaigns; the program gives 1 point a pound. Times are those on the wall in London, amounts pennies.</summary>
internal sealed class CampaignShop : ILedgerSink
{
    private const string Program = """
        {"name": "shop", "currency": "GBP", "timeZone": "Europe/London", "effectiveFrom": "2000-01-01T00:00:00Z", "negativeBalance": "debt",
         "units": [{"id": "points", "value": {"money": 1, "points": 2}, "expiry": {"policy": "none"}}, {"id": "stamps", "kind": "stamps", "expiry": {"policy": "none"}}, {"id": "coffee", "kind": "entitlement", "expiry": {"policy": "none"}}],
         "earn": [{"unit": "points", "points": 1, "per": 100}],
         "tiers": {"basis": "spend", "window": "calendarYear", "retention": {"policy": "endOfPeriod", "periods": 1}, "levels": [{"id": "gold", "threshold": 100000, "bonus": 0.5}]},
         "stores": [{"id": "N1", "groups": ["north"]}, {"id": "S9"}, {"id": "elsewhere"}, {"id": "NY", "zone": "America/New_York"}],
         "causes": [{"id": "trees", "name": "Trees"}]}
        """;

    private static readonly ProgramCatalog Programs = new([Parsed()]);
    private readonly Dictionary<string, PurchaseState> _purchases = [];
    private readonly Dictionary<(string, string), long> _accounts = [];
    private int _ids;

    public CampaignShop(params string[] campaigns)
    {
        Budgets = new();
        foreach (var json in campaigns)
        {
            Publish(json, Instant.FromUtc(2020, 1, 1, 0, 0));
        }

        On("2026-03-02 12:00");
    }

    public CampaignCatalog Catalog { get; private set; } = CampaignCatalog.Empty;

    public Purses Budgets { get; }

    public MemberState State { get; private set; } = new("M1");

    public Instant Now { get; private set; }

    public List<MemberEvent> Facts { get; } = [];

    public IReadOnlyList<SkippedCampaign> Skipped { get; private set; } = [];

    public long Points => Balance("points");

    public long Balance(string unit) => State.FindBook(unit)?.Balance ?? 0;

    public long Account(string unit, string account) => _accounts.GetValueOrDefault((unit, account));

    public CampaignShop Publish(string json, Instant from)
    {
        var errors = new List<FieldError>();
        using var document = System.Text.Json.JsonDocument.Parse(json);
        var id = document.RootElement.GetProperty("id").GetString()!;
        var known = Catalog.Campaigns.FirstOrDefault(campaign => campaign.Id == id);
        var withFrom = document.RootElement.TryGetProperty("from", out _) ? json : json.Insert(json.IndexOf('{', StringComparison.Ordinal) + 1, $"\"from\": \"{InstantPattern.General.Format(from)}\", ");
        var definition = CampaignParser.Parse(System.Text.Encoding.UTF8.GetBytes(withFrom), id, (known?.Versions.Count ?? 0) + 1, Programs.Latest, Catalog, errors);
        Assert.Empty(errors);
        Catalog = Catalog.With(new(id, (known?.Revision ?? 0) + 1, [.. known?.Versions ?? [], definition!], known?.Changes ?? []));
        return this;
    }

    public CampaignShop Change(string id, string at, CampaignStatus status)
    {
        var known = Catalog.Campaigns.Single(campaign => campaign.Id == id);
        Catalog = Catalog.With(known with { Revision = known.Revision + 1, Changes = [.. known.Changes, new(Wall(at), status)] });
        return this;
    }

    public CampaignShop On(string time)
    {
        Now = Wall(time);
        return this;
    }

    public CampaignShop Is(string[]? tags = null, AnnualDate? birthday = null)
    {
        Do(decider => decider.SetAttributes(MemberAttributes.Of(tags ?? [], birthday)));
        return this;
    }

    public CampaignShop Enrol()
    {
        Do(decider =>
        {
            decider.Enrol(new Enrolment { Id = "M1", AlternativeIds = [] }, 1);
            return null;
        });
        return this;
    }

    public CampaignShop Adjusts(string unit, long points)
    {
        Do(decider => decider.Record(new Adjustment { Id = $"d{_ids++}", Member = "M1", Unit = unit, Points = points, Reason = "r", Author = "a" }));
        return this;
    }

    /// <summary>What the campaigns gave, by rule and unit: <c>weekend 12 points</c>.</summary>
    public string Buys(string id, params SaleLine[] lines) => Given(Recorded(Sale(id, lines)));

    public string Buys(string id, long amount) => Buys(id, Line("sku", amount));

    public string Buys(string id, string at, string store, params SaleLine[] lines) => Given(Recorded(Sale(id, lines) with { At = Wall(at), Store = store }));

    public Purchase Sale(string id, params SaleLine[] lines) => new() { Id = id, Member = "M1", Store = "S1", Channel = "till", At = Now, Currency = "GBP", Lines = lines };

    public PurchaseRecorded Recorded(Purchase purchase)
    {
        var raised = Do(decider => decider.Record(purchase));
        return raised.OfType<PurchaseRecorded>().Single();
    }

    public string Does(string type, long? amount = null, decimal? quantity = null, string? friend = null, int? score = null)
    {
        var raised = Do(decider => decider.Record(Deed(type, amount, quantity, friend, score), isFriendKnown: false));
        return Told(raised.OfType<ActivityRecorded>().Last().Awards);
    }

    public Refusal? RefusalOf(Activity activity, bool isFriendKnown) => new MemberDecider(State, Context(), []).Record(activity, isFriendKnown);

    public Activity Deed(string type, long? amount = null, decimal? quantity = null, string? friend = null, int? score = null) =>
        new() { Id = $"a{_ids++}", Member = "M1", Type = type, At = Now, Amount = amount, Quantity = quantity, Friend = friend, Score = score };

    public ReturnRecorded Returns(string purchase, params SaleLine[] lines)
    {
        var request = new Return { Id = $"r{_ids++}", Purchase = purchase, Member = "M1", Store = "S1", At = Now, Currency = "GBP", Lines = lines };
        var known = _purchases.TryGetValue(purchase, out var state) ? new RecalledPurchase(RecallResult.Mine, state) : new(RecallResult.Unknown, null);
        return Do(decider => decider.Record(request, known)).OfType<ReturnRecorded>().Single();
    }

    public ReturnRecorded Returns(string purchase, long amount) => Returns(purchase, Line("sku", amount));

    public MemberQuote Quote(Purchase purchase) => MemberQuote.Of(State, purchase, Context());

    public static SaleLine Line(string sku, long amount, decimal quantity = 1, string? category = null, string? brand = null) => new(sku, category, brand, quantity, amount);

    public static string Given(PurchaseRecorded purchase) => Told(purchase.Awards);

    private static string Told(Award[] awards) => string.Join(", ", awards.Where(award => award.Rule.StartsWith("campaign:", StringComparison.Ordinal)).Select(award => $"{award.Rule[9..]} {award.Points} {award.Unit}"));

    public TurnContext Context() => new(Now, Programs) { Campaigns = Catalog, Budgets = Budgets, Explain = true };

    private delegate Refusal? Act(MemberDecider decider);

    private List<MemberEvent> Do(Act act)
    {
        var (raised, context) = (new List<MemberEvent>(), Context());
        var refusal = act(new MemberDecider(State, context, raised));
        Assert.Null(refusal);
        Skipped = [.. context.Skipped];
        foreach (var fact in raised)
        {
            MemberLedger.Post(fact, this);
            switch (fact)
            {
                case PurchaseRecorded recorded:
                    _purchases[recorded.Purchase.Id] = PurchaseState.Of(recorded);
                    break;
                case ReturnRecorded { After: { } after }:
                    _purchases[after.Id] = after;
                    break;
            }
        }

        Facts.AddRange(raised);
        Check();
        return raised;
    }

    /// <summary>Books at zero, memory equal to the journal and to its own snapshot.</summary>
    private void Check()
    {
        foreach (var unit in _accounts.Keys.Select(key => key.Item1).Distinct())
        {
            Assert.Equal(0, _accounts.Where(account => account.Key.Item1 == unit).Sum(account => account.Value));
            Assert.Equal(Balance(unit), Account(unit, Accounts.Member));
        }

        var writer = new ByteWriter();
        foreach (var fact in Facts)
        {
            MemberCodec.Write(writer, fact);
        }

        var replayed = new MemberState("M1");
        var reader = new ByteReader(writer.Written);
        while (!reader.AtEnd)
        {
            replayed.Apply(MemberCodec.Read(ref reader));
        }

        var snapshot = Snapshot(State);
        Assert.Equal(snapshot, Snapshot(replayed));
        Assert.Equal(snapshot, Snapshot(MemberQuote.Copy(State)));
    }

    private static string Snapshot(MemberState state)
    {
        var writer = new ByteWriter();
        MemberCodec.Write(writer, state);
        return Convert.ToHexStringLower(writer.Written);
    }

    void ILedgerSink.Post(string unit, string from, string to, long points)
    {
        Assert.True(points >= 0);
        _accounts[(unit, from)] = Account(unit, from) - points;
        _accounts[(unit, to)] = Account(unit, to) + points;
    }

    void ILedgerSink.Count(string counter, long delta) => _accounts[("", counter)] = 0;

    private static Instant Wall(string time)
    {
        var pattern = time.Length > 10 ? "uuuu-MM-dd HH:mm" : "uuuu-MM-dd";
        return LocalDateTimePattern.CreateWithInvariantCulture(pattern).Parse(time).Value.InZoneLeniently(DateTimeZoneProviders.Tzdb["Europe/London"]).ToInstant();
    }

    private static ProgramDefinition Parsed()
    {
        var errors = new List<FieldError>();
        return ProgramParser.Parse(System.Text.Encoding.UTF8.GetBytes(Program), 1, Instant.FromUtc(2000, 1, 1, 0, 0), null, errors)
            ?? throw new InvalidOperationException(string.Join("; ", errors));
    }
}

/// <summary>Budgets as one process with all of them would hold them.</summary>
internal sealed class Purses : IBudgets
{
    private readonly Dictionary<BudgetPurse, long> _spent = [];

    public long Spent(string campaign, string? store = null) => _spent.Where(purse => purse.Key.Campaign == campaign && (store is null || purse.Key.Store == store)).Sum(purse => purse.Value);

    public long Look(CampaignBudget budget, BudgetPurse purse) => budget.Amount - _spent.GetValueOrDefault(purse);

    public long Take(CampaignBudget budget, BudgetPurse purse, long wanted, bool all, out long lease)
    {
        var there = Look(budget, purse);
        var taken = there >= wanted ? wanted : all ? 0 : there;
        _spent[purse] = _spent.GetValueOrDefault(purse) + taken;
        lease = 7;
        return taken;
    }

    public long GiveBack(CampaignBudget budget, BudgetPurse purse, long amount)
    {
        _spent[purse] -= amount;
        Assert.True(_spent[purse] >= 0);
        return 7;
    }
}
