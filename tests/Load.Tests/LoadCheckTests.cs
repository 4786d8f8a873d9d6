using Loyalty.Load.Drive;
using Loyalty.Load.Tests.Fakes;

namespace Loyalty.Load.Tests;

/// <summary>Given a gateway that keeps its books wrongly, the load driver says so; given one that is only unreliable, it does not.</summary>
public sealed class LoadCheckTests
{
    private const int Requests = 600;

    public static TheoryData<bool> Modes => [false, true];

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task An_honest_gateway_passes(bool oneByOne)
    {
        await using FakeGateway gateway = await FakeGateway.Start();
        LoadResult result = Run(gateway, oneByOne);
        Assert.True(result.IsWell);
        Assert.Equal(Requests, result.Sent);
        Assert.Equal(Requests, result.Acknowledged);
        Assert.True(result.Retries > 0);
        Assert.Equal(Requests + result.Retries, gateway.Arrived);
        Assert.Equal(default, result.Check!.Value with { Members = 0 });
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task A_lost_purchase_is_found(bool oneByOne)
    {
        await using FakeGateway gateway = await FakeGateway.Start(new Misbehaviour { LosesNth = 17 });
        LoadResult result = Run(gateway, oneByOne);
        Assert.False(result.IsWell);
        Assert.Equal((1, 0, 0), (result.Check!.Value.Lost, result.Check.Value.Doubled, result.Check.Value.Wrong));
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task A_doubled_purchase_is_found(bool oneByOne)
    {
        await using FakeGateway gateway = await FakeGateway.Start(new Misbehaviour { DoublesNth = 17 });
        LoadResult result = Run(gateway, oneByOne);
        Assert.False(result.IsWell);
        Assert.Equal((0, 1, 0), (result.Check!.Value.Lost, result.Check.Value.Doubled, result.Check.Value.Wrong));
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task A_wrong_amount_is_found(bool oneByOne)
    {
        await using FakeGateway gateway = await FakeGateway.Start(new Misbehaviour { MiscountsNth = 17 });
        Assert.Equal(1, Run(gateway, oneByOne).Check!.Value.Wrong);
    }

    [Fact]
    public async Task Wrong_points_are_found()
    {
        await using FakeGateway gateway = await FakeGateway.Start(new Misbehaviour { MispointsNth = 17 });
        Assert.Equal(1, Run(gateway, oneByOne: false).Check!.Value.Wrong);
    }

    [Fact]
    public async Task A_forgotten_id_is_found_when_the_request_is_repeated()
    {
        await using FakeGateway gateway = await FakeGateway.Start(new Misbehaviour { ForgetsNth = 17 });
        LoadResult result = LoadRun.Execute(gateway.Target, Options(oneByOne: false) with { Workload = Shape with { RetriesPercent = 100, Connections = 1 } }, default);
        Assert.False(result.IsWell);
        Assert.Equal(1, result.NotReplayed);
        Assert.Equal(1, result.Check!.Value.Doubled);
    }

    [Fact]
    public async Task An_answer_for_somebody_else_is_found()
    {
        await using FakeGateway gateway = await FakeGateway.Start(new Misbehaviour { MisnamesNth = 17 });
        LoadResult result = Run(gateway, oneByOne: false);
        Assert.Equal(1, result.Garbled);
        Assert.False(result.IsWell);
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task What_is_refused_is_counted_and_not_expected_in_the_books(bool oneByOne)
    {
        await using FakeGateway gateway = await FakeGateway.Start(new Misbehaviour { RefusesNth = 17 });
        LoadResult result = Run(gateway, oneByOne);
        Assert.Equal(1, result.Refused);
        Assert.Equal(Requests - 1, result.Acknowledged);
        Assert.True(result.Check!.Value.IsWell);
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task A_gateway_that_is_unavailable_for_a_while_loses_nothing(bool oneByOne)
    {
        await using FakeGateway gateway = await FakeGateway.Start(new Misbehaviour { UnavailableFirst = 5 });
        LoadResult result = Run(gateway, oneByOne);
        Assert.True(result.IsWell);
        Assert.Equal(Requests, result.Acknowledged);
        Assert.True(result.Resent >= 5);
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task Dropped_connections_are_resent_and_nothing_is_doubled(bool oneByOne)
    {
        await using FakeGateway gateway = await FakeGateway.Start(new Misbehaviour { DropsEvery = 150 });
        LoadResult result = Run(gateway, oneByOne);
        Assert.True(result.IsWell);
        Assert.Equal(Requests, result.Acknowledged);
        Assert.Equal(Requests / 150, result.Disconnects);
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task A_gateway_that_stays_down_leaves_requests_unknown(bool oneByOne)
    {
        await using FakeGateway gateway = await FakeGateway.Start(new Misbehaviour { IsDown = true });
        LoadOptions options = Options(oneByOne) with { PatienceSeconds = 0, Count = 8 };
        LoadResult result = LoadRun.Execute(gateway.Target, options, default);
        Assert.Equal(result.Sent, result.Unknown);
        Assert.False(result.IsWell);
        Assert.True(result.Check!.Value.IsWell);
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task An_account_file_finds_later_what_was_lost(bool oneByOne)
    {
        string path = Path.GetTempFileName();
        try
        {
            await using FakeGateway gateway = await FakeGateway.Start(new Misbehaviour { LosesNth = 17 });
            LoadRun.Execute(gateway.Target, Options(oneByOne) with { Check = false, AccountPath = path }, default);
            (CheckResult check, long unknown) = LoadRun.CheckOnly(gateway.Target, path, true, 1, default);
            Assert.Equal((1, 0, 0, 0), (check.Lost, check.Doubled, check.Wrong, unknown));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public async Task An_account_that_breaks_off_leaves_the_rest_unknown_and_nothing_doubled()
    {
        string path = Path.GetTempFileName();
        try
        {
            await using FakeGateway gateway = await FakeGateway.Start();
            LoadRun.Execute(gateway.Target, Options(oneByOne: false) with { Check = false, AccountPath = path }, default);
            ForgetLastAcknowledgements(path, 100);
            (CheckResult check, long unknown) = LoadRun.CheckOnly(gateway.Target, path, true, 1, default);
            Assert.True(check.IsWell);
            Assert.Equal(100, unknown);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public async Task At_a_rate_each_request_is_sent_when_it_is_due()
    {
        await using FakeGateway gateway = await FakeGateway.Start();
        LoadResult result = LoadRun.Execute(gateway.Target, Options(oneByOne: false) with { Rate = 50_000 }, default);
        Assert.True(result.IsWell);
        Assert.Equal(Requests, result.Acknowledged);
        Assert.True(result.Seconds >= (Requests - 4) / 50_000.0);
    }

    /// <summary>As if the client had died before it wrote them, in the middle of a record. What it was about to send it wrote before.</summary>
    private static void ForgetLastAcknowledgements(string path, int count)
    {
        const int RecordBytes = 16;
        const byte Acknowledged = 1;
        byte[] bytes = File.ReadAllBytes(path);
        int header = Array.IndexOf(bytes, (byte)'\n') + 1;
        List<byte[]> records = [.. bytes.Skip(header).Chunk(RecordBytes)];
        for (int i = records.Count - 1; i >= 0 && count > 0; i--)
        {
            if (records[i][7] == Acknowledged)
            {
                records.RemoveAt(i);
                count--;
            }
        }

        File.WriteAllBytes(path, [.. bytes[..header], .. records.SelectMany(record => record), 1, 2, 3]);
    }

    private static WorkloadOptions Shape => new(
        WorkloadOptions.NewPrefix(), Members: 40, Connections: 3, ReturnsPercent: 10, RetriesPercent: 10, Lines: 3, Vary: true);

    private static LoadOptions Options(bool oneByOne) => new(
        Shape, Count: Requests, Single: oneByOne, BatchLines: 50, Check: true, PatienceSeconds: 30);

    private static LoadResult Run(FakeGateway gateway, bool oneByOne) => LoadRun.Execute(gateway.Target, Options(oneByOne), default);
}
