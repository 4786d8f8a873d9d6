using System.Diagnostics;
using System.Globalization;
using System.Text;
using Loyalty.Domain.Campaigns;
using Loyalty.Domain.Encoding;
using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Loyalty.EndToEnd.Tests.Support;
using Loyalty.Gateway.Http;
using Loyalty.Load.Replay;
using Loyalty.Runtime.Backtests;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Loyalty.Storage;
using Microsoft.Extensions.Logging.Abstractions;
using NodaTime;
using Xunit.Abstractions;
using Request = Loyalty.Domain.Requests.Request;

namespace Loyalty.EndToEnd.Tests;

/// <summary>Double points on weekends, over a year of a real shop: tried afterwards, and live.</summary>
public sealed class BacktestOfTheYear(ITestOutputHelper output)
{
    private const string Weekends =
        """{"id":"weekends","name":"Double points on weekends","when":{"weekdays":["saturday","sunday"]},"gives":[{"type":"multiplier","unit":"points","factor":2}]}""";

    private static readonly Instant From = Instant.FromUtc(2010, 11, 1, 0, 0);
    private static readonly Instant Until = Instant.FromUtc(2012, 2, 1, 0, 0);

    [RealDataFact]
    public async Task Double_points_on_weekends_cost_to_the_point_what_they_cost_in_a_year_in_which_they_were_live()
    {
        var requests = ReadYear();
        await using var without = await Year.OfAsync(requests, null);
        await using var with = await Year.OfAsync(requests, Weekends);
        var live = with.PointsOf("campaign:weekends");

        var draft = CampaignParser.Parse(Encoding.UTF8.GetBytes(Weekends), "weekends", 0, without.Programs.Current.Latest, CampaignCatalog.Empty, [])!;
        var started = Stopwatch.StartNew();
        var report = BacktestRun.Run(new([draft], From, Until, without.Programs.Current, CampaignCatalog.Empty), without.Sales(), 2, null, CancellationToken.None);
        output.WriteLine($"{report.Purchases} purchases, {report.Returns} returns in {started.Elapsed.TotalSeconds:0.00} s; {report.Drafts[0].Points[0]}; {report.Drafts[0].UsualSpend}");

        var tried = report.Drafts[0];
        Assert.True(live.Given > 100_000, $"{live.Given} points were given live: the year should have weekends");
        Assert.Equal(("points", live.Given, live.TakenBack), (Assert.Single(tried.Points).Unit, tried.Points[0].Given, tried.Points[0].TakenBack));
        Assert.Equal(live.ByDay, tried.ByDay.ToDictionary(day => day.Key, day => day.Net["points"]));
        Assert.Equal(live.Members, tried.Members);
        Assert.All(tried.ByDay, day => Assert.True(DateOnly.Parse(day.Key, CultureInfo.InvariantCulture).DayOfWeek is DayOfWeek.Saturday or DayOfWeek.Sunday));
        Assert.True(tried.Points[0].TakenBack > 1000, "some of it should have come back");
        Assert.Equal(0, tried.NotReplayed);
        Assert.Equal(without.Totals(), without.TotalsAtFirst);
    }

    [RealDataFact]
    public async Task A_budget_is_spent_in_the_order_of_the_sales_and_the_day_of_its_end_is_told()
    {
        var requests = ReadYear();
        await using var year = await Year.OfAsync(requests, null);
        var budget = Weekends.Replace("\"gives\"", "\"budget\":{\"in\":\"points\",\"amount\":50000},\"gives\"", StringComparison.Ordinal);
        var draft = CampaignParser.Parse(Encoding.UTF8.GetBytes(budget), "weekends", 0, year.Programs.Current.Latest, CampaignCatalog.Empty, [])!;
        var whole = CampaignParser.Parse(Encoding.UTF8.GetBytes(Weekends), "weekends", 0, year.Programs.Current.Latest, CampaignCatalog.Empty, [])!;
        var report = BacktestRun.Run(new([draft, whole], From, Until, year.Programs.Current, CampaignCatalog.Empty), year.Sales(), 2, null, CancellationToken.None);

        var (tried, unbounded) = (report.Drafts[0], report.Drafts[1]);
        Assert.InRange(tried.Budget!.Spent, 0, 50_000);
        Assert.Equal(tried.Points[0].Net, tried.Budget.Spent);
        var exhausted = tried.Budget.ExhaustedAt!.Value;
        Assert.InRange(exhausted, From, Until);
        // Until that day both drafts gave the same.
        var day = exhausted.InUtc().Date.PlusDays(-1).ToString("uuuu'-'MM'-'dd", CultureInfo.InvariantCulture);
        Assert.Equal(
            unbounded.ByDay.Where(line => string.CompareOrdinal(line.Key, day) < 0).Sum(line => line.Requests), tried.ByDay.Where(line => string.CompareOrdinal(line.Key, day) < 0).Sum(line => line.Requests));
        Assert.True(unbounded.Points[0].Net > tried.Points[0].Net);
        Assert.Null(unbounded.Budget);
    }

    private static List<Request> ReadYear()
    {
        var reader = new SaleReader();
        var year = RetailPlan.Make(OnlineRetail.Read(RetailFile.Path!), new(ShiftWeeks: 0)).Requests
            .Where(request => request.Member is not null)
            .Select(request => reader.Read(request.Line.AsSpan().TrimEnd((byte)'\n'), request.IsReturn, mixed: true) ?? throw new InvalidOperationException(reader.Errors[0].Message))
            .ToList();

        // The shop's own returns name no purchase. Of every ninth purchase the first line comes back with its receipt, three days later.
        var receipts = year.OfType<Purchase>().Where((purchase, number) => number % 9 == 0 && purchase.Lines[0].Quantity >= 1).Select(purchase => new Return
        {
            Id = $"{purchase.Id}-back",
            Purchase = purchase.Id,
            Member = purchase.Member,
            Store = purchase.Store,
            At = purchase.At + Duration.FromDays(3),
            Currency = purchase.Currency,
            Lines = [purchase.Lines[0]],
        });
        return [.. year.Concat(receipts).OrderBy(AtOf)];
    }

    private static Instant AtOf(Request request) => request is Purchase purchase ? purchase.At : ((Return)request).At;

    private sealed record Outcome(long Given, long TakenBack, Dictionary<string, long> ByDay, long Members);

    /// <summary>The year in an engine whose clock goes with the sales.</summary>
    private sealed class Year : IAsyncDisposable
    {
        private readonly MemoryJournal _journal = new();
        private readonly MovableClock _clock = new();
        private EmbeddedHost? _host;

        public ProgramSource Programs { get; } = new();

        public string TotalsAtFirst { get; private set; } = "";

        public static async Task<Year> OfAsync(List<Request> requests, string? campaign)
        {
            var year = new Year();
            year._clock.Now = From;
            year._host = new(year._journal, LoyaltyEngine.Kinds(year.Programs), new KernelOptions { Shards = 2 }, year._clock, new ThreadPoolScheduler(), NullLogger<EmbeddedHost>.Instance);
            var engine = new LoyaltyEngine(year._host, new JournalBooks(year._journal), year.Programs, year._clock);
            Assert.Empty(await engine.StartAsync(OperationsEndpoint.ReadResource("sample-program.json")));
            if (campaign is not null)
            {
                Assert.Null(((CampaignReply)(await engine.SaveCampaignDraftAsync("weekends", Encoding.UTF8.GetBytes(campaign), "anna")).Reply!).Refusal);
                Assert.Single(((CampaignReply)(await engine.PublishCampaignAsync("weekends", "anna")).Reply!).View!.Versions);
            }

            foreach (var some in requests.Chunk(32))
            {
                year._clock.Now = Instant.Max(year._clock.Now, AtOf(some[^1]));
                var commands = Array.ConvertAll<Request, RequestCommand>(some, request => request is Purchase purchase
                    ? new RecordPurchase(engine.TargetOf(purchase), purchase)
                    : new RecordReturn(engine.TargetOf((Return)request), (Return)request));
                await year._host.AskAllAsync(commands);
                Assert.All(commands, command => Assert.Equal(CommandStatus.Done, command.Status));
            }

            year.TotalsAtFirst = year.Totals();
            return year;
        }

        public IPastSales Sales() => new JournalBooks(_journal).ReadSales();

        public string Totals() => string.Join('\n', _journal.Totals().Sums.OrderBy(sum => sum.Key, StringComparer.Ordinal));

        /// <summary>What a rule gave, read from the books.</summary>
        public Outcome PointsOf(string rule)
        {
            long given = 0, takenBack = 0;
            var byDay = new Dictionary<string, long>();
            var byMember = new Dictionary<string, long>();
            foreach (var record in Sales().Read())
            {
                var reader = new ByteReader(record.Facts.Span);
                while (!reader.AtEnd)
                {
                    switch (MemberCodec.Read(ref reader))
                    {
                        case PurchaseRecorded purchase:
                            foreach (var award in purchase.Awards.Where(award => award.Rule == rule))
                            {
                                given += award.Points;
                                Add(record.Member, purchase.Day, award.Points);
                            }

                            break;
                        case ReturnRecorded returned:
                            foreach (var take in returned.Takes.Where(take => take.Rule == rule))
                            {
                                takenBack += take.Points;
                                Add(record.Member, returned.Day, -take.Points);
                            }

                            break;
                    }
                }
            }

            return new(given, takenBack, byDay, byMember.Count(member => member.Value > 0));

            void Add(string member, LocalDate day, long points)
            {
                var key = day.ToString("uuuu'-'MM'-'dd", CultureInfo.InvariantCulture);
                byDay[key] = byDay.GetValueOrDefault(key) + points;
                byMember[member] = byMember.GetValueOrDefault(member) + points;
            }
        }

        public async ValueTask DisposeAsync()
        {
            await _host!.DisposeAsync();
            await _journal.DisposeAsync();
        }

        private sealed class MovableClock : IClock
        {
            public Instant Now { get; set; }

            public Instant GetCurrentInstant() => Now;
        }
    }
}
