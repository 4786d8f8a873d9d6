using System.Text;
using System.Text.Json;
using Loyalty.Load.Replay;
using Loyalty.Load.Tests.Fakes;

namespace Loyalty.Load.Tests;

public sealed class ReplayTests
{
    private static readonly DateTime Noon = new(2010, 12, 1, 12, 0, 0);

    [Fact]
    public void Each_kind_of_row_is_counted_and_sent_or_not()
    {
        RetailPlan plan = Plan(
            Row("100", quantity: 2, price: 1.50m),
            Row("100", sku: "POST", price: 3m),
            Row("100", price: 0),
            Row("100", price: 0.001m),
            Row("101", quantity: -5, price: 0, customer: ""),
            Row("102", quantity: -5, price: 1),
            Row("103", quantity: 0),
            Row("104", price: -1),
            Row("A105", price: 11062.06m, customer: ""),
            Row("X106"),
            Row("C107", quantity: -1, price: 4.65m),
            Row("C107", quantity: 1),
            null);
        Assert.Equal(13, plan.Rows);
        Assert.Equal(5, plan.RowsSent);
        Assert.Equal(8, plan.RowsNotSent);
        Assert.Equal(
            [
                "badDebt 1", "fractionalPence 1", "negativePrice 1", "negativeQuantity 1", "positiveReturn 1", "postage 1",
                "stockWriteOff 1", "unknownInvoiceKind 1", "unreadable 1", "zeroPrice 1", "zeroQuantity 1",
            ],
            plan.Odd.Counts.Select(pair => $"{pair.Key} {pair.Value}"));
        Assert.Equal(["100", "C107"], plan.Requests.Select(request => request.Id));
        Assert.Equal([300, 300, 0, 0], Amounts(plan.Requests[0]));
        Assert.Equal([465], Amounts(plan.Requests[1]));
        Assert.True(plan.Requests[1].IsReturn);
    }

    [Fact]
    public void A_long_invoice_is_split_into_parts_of_a_thousand_lines()
    {
        RetailPlan plan = Plan([.. Enumerable.Range(0, 2001).Select(i => (RetailRow?)Row("100", sku: $"{i}"))]);
        Assert.Equal(["100", "100-p2", "100-p3"], plan.Requests.Select(request => request.Id));
        Assert.Equal([1000, 1000, 1], plan.Requests.Select(request => request.Rows));
        Assert.Equal(1, plan.Odd.Counts[OddRows.SplitInvoice]);
    }

    [Fact]
    public void An_invoice_of_two_customers_becomes_two_requests()
    {
        RetailPlan plan = Plan(Row("100", customer: "1"), Row("100", customer: "2"), Row("100", customer: "1"));
        Assert.Equal(["100", "100-c2"], plan.Requests.Select(request => request.Id));
        Assert.Equal([2, 1], plan.Requests.Select(request => request.Rows));
        Assert.Equal(1, plan.Odd.Counts[OddRows.SeveralCustomers]);
    }

    [Fact]
    public void An_invoice_is_dated_by_its_first_row_and_requests_go_by_time()
    {
        RetailPlan plan = Plan(
            Row("102", time: Noon.AddMinutes(1)), Row("102", time: Noon.AddMinutes(-1)), Row("101", time: Noon.AddMinutes(-1)), Row("103", time: Noon.AddHours(-1)));
        Assert.Equal(["103", "101", "102"], plan.Requests.Select(request => request.Id));
        Assert.Equal(1, plan.Odd.Counts[OddRows.SeveralTimes]);
    }

    [Theory]
    [InlineData("2010-12-01T08:26:00", 0, "2010-12-01T08:26:00+00:00")]
    [InlineData("2011-07-01T08:26:00", 0, "2011-07-01T08:26:00+01:00")]
    [InlineData("2010-12-01T08:26:00", 730, "2024-11-27T08:26:00+00:00")]
    [InlineData("2011-10-30T01:30:00", 0, "2011-10-30T01:30:00+01:00")]
    [InlineData("2011-03-27T01:30:00", 0, "2011-03-27T01:30:00+00:00")]
    public void The_wall_clock_in_London_stays(string local, int weeks, string expected)
    {
        DateTimeOffset at = new RetailCalendar(weeks).At(DateTime.Parse(local));
        Assert.Equal(expected, at.ToString("yyyy-MM-dd'T'HH:mm:sszzz"));
    }

    [RealDataFact]
    public void Every_row_of_the_real_year_is_accounted_for()
    {
        RetailPlan plan = RetailPlan.Make(OnlineRetail.Read(RetailFile.Path!), new RetailPlanOptions());
        Assert.Equal(541_909, plan.Rows);
        Assert.Equal(540_570, plan.RowsSent);
        Assert.Equal(1_339, plan.RowsNotSent);
        Assert.Equal(4_372, plan.Members);
        Assert.Equal(3_836, plan.Requests.Count(request => request.IsReturn));

        // 22,061 invoices without letter, less 1,336 that only write stock off, and one that is sent in two parts.
        Assert.Equal(22_061 - 1_336 + 1, plan.Requests.Count(request => !request.IsReturn));
        Assert.Equal(3, plan.Odd.Counts[OddRows.BadDebt]);
        Assert.Equal(1_336, plan.Odd.Counts[OddRows.StockWriteOff]);
        Assert.Equal(5_270, plan.Odd.Counts[OddRows.RepeatedRow]);
        Assert.Equal(2_110, plan.Odd.Counts[OddRows.Postage]);
        Assert.Equal(1_179, plan.Odd.Counts[OddRows.ZeroPrice]);
        Assert.Equal(4, plan.Odd.Counts[OddRows.FractionalPence]);
        Assert.Equal(1, plan.Odd.Counts[OddRows.SplitInvoice]);
        Assert.Equal(43, plan.Odd.Counts[OddRows.SeveralTimes]);
        Assert.Equal(1, plan.Odd.Counts[OddRows.Scattered]);
        Assert.False(plan.Odd.Counts.ContainsKey(OddRows.SeveralCustomers));
        Assert.Equal(plan.Requests.Count, plan.Requests.Select(request => request.Id).Distinct().Count());
        Assert.Equal(new DateTime(2024, 11, 27, 8, 26, 0), plan.Requests[0].At.DateTime);
        Assert.Equal(new DateTime(2025, 12, 5, 12, 50, 0), plan.Requests[^1].At.DateTime);
    }

    [Fact]
    public async Task A_replay_reaches_the_books_once_and_a_second_one_changes_nothing()
    {
        await using FakeGateway gateway = await FakeGateway.Start(new Misbehaviour { DropsEvery = 40, UnavailableFirst = 3 });
        RetailPlan plan = Year();
        ReplayCounts first = ReplayRun.Run(gateway.Target, plan, new ReplayOptions(3, BatchLines: 20), default);
        Assert.Equal((plan.Requests.Count, 0, 0), ((int)first.Answered, (int)first.Refused, (int)first.Unknown));
        Assert.Equal(plan.Requests.Count(request => request.IsReturn), first.Returns);
        Assert.Equal(plan.Requests.Count(request => request.Member is null), first.Anonymous);
        Assert.Equal(plan.Requests.Select(request => request.Id).Order(), gateway.Ids.Order());
        long spend = gateway.SpendOf("C1");

        ReplayCounts second = ReplayRun.Run(gateway.Target, plan, new ReplayOptions(2), default);
        Assert.Equal(plan.Requests.Count, second.Replayed);
        Assert.Equal(spend, gateway.SpendOf("C1"));
    }

    [Fact]
    public async Task A_member_s_requests_arrive_in_order()
    {
        await using FakeGateway gateway = await FakeGateway.Start();
        RetailPlan plan = Year();
        ReplayRun.Run(gateway.Target, plan, new ReplayOptions(4, BatchLines: 7), default);
        Dictionary<string, int> arrival = gateway.Order.Select((id, i) => (id, i)).ToDictionary(pair => pair.id, pair => pair.i);
        foreach (IGrouping<string?, RetailRequest> member in plan.Requests.Where(request => request.Member is not null).GroupBy(request => request.Member))
        {
            int[] arrivals = [.. member.Select(request => arrival[request.Id])];
            Assert.Equal(arrivals.Order(), arrivals);
        }
    }

    [Fact]
    public async Task What_stays_unanswered_is_unknown_and_still_counted()
    {
        await using FakeGateway gateway = await FakeGateway.Start(new Misbehaviour { IsDown = true });
        RetailPlan plan = Year();
        ReplayCounts counts = ReplayRun.Run(gateway.Target, plan, new ReplayOptions(2, PatienceSeconds: 0), default);
        Assert.Equal((0, plan.Requests.Count), ((int)counts.Answered, (int)counts.Unknown));
    }

    private static RetailPlan Year() => Plan([.. Enumerable.Range(0, 600).Select(i => (RetailRow?)Row(
        i % 9 == 8 ? $"C{1000 + (i / 3)}" : $"{1000 + (i / 3)}",
        quantity: i % 9 == 8 ? -1 : 2,
        customer: i / 3 % 7 == 0 ? "" : $"{i / 3 % 7}",
        time: Noon.AddHours(i / 3)))]);

    private static RetailPlan Plan(params RetailRow?[] rows) => RetailPlan.Make(rows, new RetailPlanOptions());

    private static RetailRow Row(
        string invoice, string sku = "85123A", decimal quantity = 1, decimal price = 2.55m, string customer = "17850", DateTime? time = null) =>
        new(invoice, sku, quantity, time ?? Noon, price, customer, "United Kingdom");

    private static long[] Amounts(RetailRequest request)
    {
        using JsonDocument json = JsonDocument.Parse(Encoding.UTF8.GetString(request.Line));
        return [.. json.RootElement.GetProperty("lines").EnumerateArray().Select(line => line.GetProperty("amount").GetInt64())];
    }
}
