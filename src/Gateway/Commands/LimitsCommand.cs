using System.CommandLine;
using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Loyalty.Gateway.Http;
using Loyalty.Runtime;
using Loyalty.Runtime.Journal;
using Loyalty.Storage;

namespace Loyalty.Gateway.Commands;

/// <summary><c>limits</c>: what single stages reach alone on this machine, to stand beside the figures of a benchmark.</summary>
internal static class LimitsCommand
{
    private const int RecordBytes = 230;

    public static Command Create()
    {
        var seconds = new Option<double>("--seconds") { Description = "For each stage.", DefaultValueFactory = _ => 3 };
        var json = new Option<bool>("--json") { Description = "Prints the result as one JSON object, the last line of standard output." };
        var command = new Command("limits", "Measures parsing alone and append-and-sync alone.") { seconds, json };
        command.SetAction(async (parsed, _) => await RunAsync(parsed.GetValue(seconds), parsed.GetValue(json)).ConfigureAwait(false));
        return command;
    }

    private static async Task<int> RunAsync(double seconds, bool json)
    {
        if (seconds is not (> 0 and <= 600))
        {
            throw new Hosting.UserError($"--seconds is {seconds}; above 0 and at most 600 is possible.");
        }

        Console.Error.WriteLine("parsing alone, on all cores …");
        var parse = ParseOnly(seconds);
        Console.Error.WriteLine($"  {parse:N0} purchases/s of three lines");
        Console.Error.WriteLine($"append and sync alone, records of {RecordBytes} bytes …");
        var append = await AppendOnlyAsync(seconds).ConfigureAwait(false);
        Console.Error.WriteLine($"  {append:N0} records/s");
        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize(new { parseOnlyPerSecond = Math.Round(parse), appendOnlyPerSecond = Math.Round(append) }));
        }

        return 0;
    }

    private static double ParseOnly(double seconds)
    {
        var lines = Enumerable.Range(0, 1000).Select(i => Encoding.UTF8.GetBytes(
            $$"""{"id":"LIMIT-{{i:000000000}}","member":"M{{i * 97 % 100_000}}","store":"S{{i % 50:000}}","channel":"till","at":"2026-03-01T12:34:56+00:00","currency":"GBP","lines":[{"sku":"{{i % 700}}","category":"baking","brand":"retrospot","quantity":3,"amount":1485},{"sku":"{{i % 900}}","category":"garden","brand":"none","quantity":1,"amount":250},{"sku":"{{i % 400}}","category":"party","brand":"retrospot","quantity":2,"amount":990}]}"""))
            .ToArray();
        long parsed = 0;
        var started = Stopwatch.StartNew();
        var threads = Enumerable.Range(0, Environment.ProcessorCount).Select(_ => new Thread(() =>
        {
            var reader = new SaleReader();
            while (started.Elapsed.TotalSeconds < seconds)
            {
                foreach (var line in lines)
                {
                    if (reader.Read(line, isReturn: false, mixed: true) is null)
                    {
                        throw new InvalidOperationException(reader.Errors[0].Message);
                    }
                }

                Interlocked.Add(ref parsed, lines.Length);
            }
        })).ToArray();
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        return parsed / started.Elapsed.TotalSeconds;
    }

    private static async Task<double> AppendOnlyAsync(double seconds)
    {
        const int BatchRecords = 512;
        const int BatchesInFlight = 16;
        var folder = System.IO.Directory.CreateTempSubdirectory("loyalty-limits-");
        try
        {
            var journal = SqliteJournal.Open(new SqliteJournalOptions { Path = Path.Combine(folder.FullName, "limits.db") });
            await using (journal.ConfigureAwait(false))
            {
                var actors = Enumerable.Range(0, 100_000).Select(i => new ActorId("member", $"M{i}")).ToArray();
                var versions = new long[actors.Length];
                var body = new byte[RecordBytes];
                Random.Shared.NextBytes(body);
                using var slots = new SemaphoreSlim(BatchesInFlight);
                long appended = 0;
                var next = 0;
                var started = Stopwatch.StartNew();
                while (started.Elapsed.TotalSeconds < seconds)
                {
                    await slots.WaitAsync().ConfigureAwait(false);
                    var batch = new AppendBatch
                    {
                        Completed = done =>
                        {
                            Interlocked.Add(ref appended, done.Entries.Count(entry => entry.Outcome == AppendOutcome.Appended));
                            slots.Release();
                        },
                    };
                    for (var i = 0; i < BatchRecords; i++)
                    {
                        var actor = next++ % actors.Length;
                        var start = batch.Payload.WrittenCount;
                        body.CopyTo(batch.Payload.GetSpan(body.Length));
                        batch.Payload.Advance(body.Length);
                        batch.Keys.Add(new(new RequestKey((ulong)next * 0x9E3779B97F4A7C15UL, (ulong)next), true));
                        batch.Entries.Add(new AppendEntry
                        {
                            Actor = actors[actor],
                            ExpectedVersion = versions[actor]++,
                            EventCount = 1,
                            PayloadStart = start,
                            PayloadLength = body.Length,
                            KeyStart = i,
                            KeyCount = 1,
                            RecordedAtMs = 1,
                        });
                    }

                    journal.Append(batch);
                }

                for (var i = 0; i < BatchesInFlight; i++)
                {
                    await slots.WaitAsync().ConfigureAwait(false);
                }

                return appended / started.Elapsed.TotalSeconds;
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
