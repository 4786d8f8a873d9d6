using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Loyalty.EndToEnd.Tests.Support;

namespace Loyalty.EndToEnd.Tests.OnASilo;

/// <summary>
/// Members who buy one thing after the other, each asking through either gateway as behind a load balancer, again and again until the purchase is acknowledged. They remember how long each one took and
/// what was acknowledged. Beside them a clock that only ticks tells what the machine itself held up.
/// </summary>
internal sealed class Shoppers : IAsyncDisposable
{
    private const int Amount = 10_00;

    private static readonly TimeSpan PauseBetween = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan PauseBeforeAgain = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan AnswerTimeout = TimeSpan.FromSeconds(60);

    private readonly HttpClient[] _gateways;
    private readonly CancellationTokenSource _end = new();
    private readonly ConcurrentQueue<Wait> _waits = new();
    private readonly ConcurrentQueue<Wait> _stalls = new();
    private readonly int[] _acknowledged;
    private readonly Task[] _tasks;

    public Shoppers(Cluster cluster, int count)
    {
        _gateways = [.. cluster.Gateways.Select((_, n) => cluster.Connect(n, AnswerTimeout))];
        _acknowledged = new int[count];
        var clock = new Thread(WatchTheMachine) { IsBackground = true, Name = "clock" };
        clock.Start();
        _tasks = [.. Enumerable.Range(0, count).Select(n => Task.Run(() => ShopAsync(n)))];
    }

    /// <summary>Purchases acknowledged so far.</summary>
    public int Acknowledged => _acknowledged.Sum();

    /// <summary>How the time since a moment was for the members.</summary>
    /// <param name="from">The moment, by <see cref="Stopwatch.GetTimestamp"/>: a silo was killed.</param>
    /// <param name="to">The end of what is looked at.</param>
    public Spell Look(long from, long to)
    {
        var waits = _waits.Where(wait => wait.Ended > from && wait.Started < to).ToArray();
        var back = waits.Where(wait => wait.Seconds > 1).Select(wait => Stopwatch.GetElapsedTime(from, wait.Ended).TotalSeconds).DefaultIfEmpty(0).Max();
        var worst = waits.Select(wait => Stopwatch.GetElapsedTime(Math.Max(from, wait.Started), wait.Ended).TotalSeconds).DefaultIfEmpty(0).Max();
        var stalled = _stalls.Where(stall => stall.Ended > from && stall.Started < to).Select(stall => stall.Seconds).DefaultIfEmpty(0).ToArray();
        return new(waits.Length, back, worst, stalled.Max(), stalled.Sum());
    }

    /// <summary>Lets them finish what they began.</summary>
    public async Task StopAsync()
    {
        await _end.CancelAsync();
        await Task.WhenAll(_tasks);
    }

    /// <summary>Every purchase that was acknowledged is in the member's books once; what was never acknowledged does not exist, since everybody asked until it was.</summary>
    public async Task ExpectEachOnceAsync()
    {
        for (var n = 0; n < _acknowledged.Length; n++)
        {
            using var answer = await _gateways[n % _gateways.Length].GetAsync($"/v1/members/shopper-{n}");
            var totals = (await Answer.OfAsync(answer)).Expect(200).Json["totals"]!;
            Assert.Equal(
                ($"shopper-{n}", _acknowledged[n], (long)_acknowledged[n] * Amount),
                ($"shopper-{n}", totals["purchases"]!.GetValue<int>(), totals["spend"]!.GetValue<long>()));
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        Array.ForEach(_gateways, gateway => gateway.Dispose());
    }

    private async Task ShopAsync(int n)
    {
        for (var purchase = 0; !_end.IsCancellationRequested; purchase++)
        {
            var json = $$"""
                {"id":"shopper-{{n}}-{{purchase}}","member":"shopper-{{n}}","store":"S1","at":"2026-03-01T12:00:00Z","currency":"GBP","lines":[{"sku":"A","quantity":1,"amount":{{Amount}}}]}
                """;
            var started = Stopwatch.GetTimestamp();
            for (var attempt = 0; !await IsAcknowledgedAsync(_gateways[(n + purchase + attempt) % _gateways.Length], json); attempt++)
            {
                await Task.Delay(PauseBeforeAgain);
            }

            _waits.Enqueue(new(started, Stopwatch.GetTimestamp()));
            _acknowledged[n]++;
            await Task.Delay(PauseBetween);
        }
    }

    private static async Task<bool> IsAcknowledgedAsync(HttpClient gateway, string json)
    {
        try
        {
            using var content = new StringContent(json, Encoding.UTF8, "application/json");
            using var answer = await gateway.PostAsync("/v1/purchases", content);
            if (answer.StatusCode is HttpStatusCode.ServiceUnavailable or HttpStatusCode.TooManyRequests)
            {
                return false;
            }

            var body = await answer.Content.ReadAsStringAsync();
            Assert.True(answer.IsSuccessStatusCode && JsonNode.Parse(body) is not null, $"{(int)answer.StatusCode} {body}");
            return true;
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            return false;
        }
    }

    private void WatchTheMachine()
    {
        while (!_end.IsCancellationRequested)
        {
            var started = Stopwatch.GetTimestamp();
            Thread.Sleep(Tick);
            var wait = new Wait(started, Stopwatch.GetTimestamp());
            if (wait.Seconds > 0.1)
            {
                _stalls.Enqueue(wait);
            }
        }
    }

    private readonly record struct Wait(long Started, long Ended)
    {
        public double Seconds => Stopwatch.GetElapsedTime(Started, Ended).TotalSeconds;
    }
}

/// <summary>What members saw in some time.</summary>
/// <param name="Purchases">Answered or begun in it.</param>
/// <param name="BackSeconds">From its beginning until the last purchase was answered that had taken longer than a second.</param>
/// <param name="WorstSeconds">The longest that a purchase took, of what lies in that time.</param>
/// <param name="LongestStallSeconds">The longest that the machine let a thread wait that only sleeps.</param>
/// <param name="StalledSeconds">The sum of these.</param>
internal sealed record Spell(int Purchases, double BackSeconds, double WorstSeconds, double LongestStallSeconds, double StalledSeconds)
{
    public override string ToString() =>
        $"{Purchases} purchases, service back after {BackSeconds:0.0} s, the slowest purchase took {WorstSeconds:0.0} s (the machine stalled for {LongestStallSeconds:0.0} s at most, {StalledSeconds:0.0} s in all)";
}
