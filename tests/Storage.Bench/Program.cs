using System.Diagnostics;
using Loyalty.Runtime;
using Loyalty.Runtime.Journal;
using Loyalty.Storage;
using Loyalty.Tests.Shared;

// What each store appends alone: purchases of 250 bytes, two keys (one of them unique), six measures, by 100,000 members, each record with its hash chain.
// Usage: Loyalty.Storage.Bench [sqlite|postgres|postgres2] [seconds]; postgres2 has two journals (as two silos) on one database. LOYALTY_POSTGRES names a running server instead of a private one.
// "lots": what a member with 10,000 lots costs, itself and others.
var which = args.Length > 0 ? args[0] : "all";
if (which == "lots")
{
    await Loyalty.Tests.Bench.ManyLots.MeasureAsync();
    return;
}

var seconds = args.Length > 1 ? double.Parse(args[1]) : 10;
if (which is "all" or "sqlite")
{
    var folder = Directory.CreateTempSubdirectory("loyalty-storage-bench-");
    await using (var journal = SqliteJournal.Open(new() { Path = Path.Combine(folder.FullName, "books.db") }))
    {
        await MeasureAsync("SQLite", seconds, journal);
    }

    folder.Delete(recursive: true);
}

if (which is "sqlite")
{
    return;
}

if (Environment.GetEnvironmentVariable("LOYALTY_POSTGRES") is { } running)
{
    await PostgresAsync(running);
}
else if (PrivatePostgres.WhyNot is { } whyNot)
{
    Console.WriteLine(whyNot);
}
else
{
    using var server = new PrivatePostgres(isDurable: true);
    await PostgresAsync(server.ConnectionString);
}

async Task PostgresAsync(string connectionString)
{
    foreach (var journals in which switch { "postgres" => new[] { 1 }, "postgres2" => [2], _ => [1, 2] })
    {
        var schema = PrivatePostgres.NewSchemaName();
        await PostgresSchema.MigrateAsync(connectionString, schema);
        var open = new IJournal[journals];
        for (var i = 0; i < journals; i++)
        {
            open[i] = await PostgresJournal.OpenAsync(new() { ConnectionString = connectionString, Schema = schema, OnTrouble = Console.WriteLine, SuspiciousLookups = 0 });
        }

        await MeasureAsync($"PostgreSQL, {journals} journal{(journals == 1 ? "" : "s")}", seconds, open);
        foreach (var journal in open)
        {
            await journal.DisposeAsync();
        }
    }
}

static async Task MeasureAsync(string name, double seconds, params IJournal[] journals)
{
    const int Members = 100_000;
    long appended = 0, other = 0;
    var warm = seconds * 0.3;
    var started = Stopwatch.StartNew();
    var stop = false;
    var cpu = TimeSpan.Zero;
    var lanes = journals.Select((journal, number) => Task.Factory.StartNew(() => Lane(journal, number), TaskCreationOptions.LongRunning).Unwrap()).ToArray();
    await Task.Delay(TimeSpan.FromSeconds(warm));
    var before = Interlocked.Read(ref appended);
    var from = started.Elapsed;
    cpu = Process.GetCurrentProcess().TotalProcessorTime;
    await Task.Delay(TimeSpan.FromSeconds(seconds));
    var records = Interlocked.Read(ref appended) - before;
    var elapsed = started.Elapsed - from;
    cpu = Process.GetCurrentProcess().TotalProcessorTime - cpu;
    Volatile.Write(ref stop, true);
    await Task.WhenAll(lanes);
    Console.WriteLine($"{name}: {records / elapsed.TotalSeconds:N0} records/s; this process used {cpu.TotalMicroseconds / Math.Max(1, records):0.0} µs a record; {other} not appended; {journals[0].Totals().Records:N0} in the books");

    async Task Lane(IJournal journal, int number)
    {
        const int BatchRecords = 512;
        const int BatchesInFlight = 32;
        var actors = Enumerable.Range(0, Members / journals.Length).Select(i => new ActorId("member", $"M{number}{i:00000000}")).ToArray();
        var hashes = actors.Select(a => a.StableHash()).ToArray();
        var versions = new long[actors.Length];
        var chains = new Hash128[actors.Length];
        var body = new byte[250];
        Random.Shared.NextBytes(body);
        var random = new Random(number);
        Measure[] measures = [new("account:points/issued", -12), new("account:points/member", 12), new("sales/count", 1), new("sales/net", 2725), new("points/earned", 12), new("lines", 3)];
        using var slots = new SemaphoreSlim(BatchesInFlight);
        var pool = new System.Collections.Concurrent.ConcurrentBag<AppendBatch>();
        var next = (ulong)number << 48;
        while (!Volatile.Read(ref stop))
        {
            await slots.WaitAsync();
            if (!pool.TryTake(out var batch))
            {
                batch = new() { Completed = Done };
            }

            batch.Clear();
            for (var i = 0; i < BatchRecords; i++)
            {
                var at = random.Next(actors.Length);
                var start = batch.Payload.WrittenCount;
                body.CopyTo(batch.Payload.GetSpan(body.Length));
                batch.Payload.Advance(body.Length);
                next++;
                batch.Keys.Add(new(RequestKey.Of("request", $"POS-{next}", 1), true));
                batch.Keys.Add(new(RequestKey.Of("left", $"POS-{next}", 1), false));
                batch.Measures.AddRange(measures);
                var chain = Hash128.Next(chains[at], actors[at], versions[at] + 1, 1_700_000_000_000, body);
                batch.Entries.Add(new()
                {
                    Actor = actors[at],
                    ActorHash = hashes[at],
                    ExpectedVersion = versions[at]++,
                    ExpectedHash = chains[at],
                    EventCount = 1,
                    PayloadStart = start,
                    PayloadLength = body.Length,
                    KeyStart = i * 2,
                    KeyCount = 2,
                    MeasureStart = i * 6,
                    MeasureCount = 6,
                    Hash = chain,
                    RecordedAtMs = 1_700_000_000_000,
                    WakeAtMs = 1_800_000_000_000,
                });
                chains[at] = chain;
            }

            journal.Append(batch);
        }

        for (var i = 0; i < BatchesInFlight; i++)
        {
            await slots.WaitAsync();
        }

        void Done(AppendBatch batch)
        {
            var good = batch.Entries.Count(entry => entry.Outcome == AppendOutcome.Appended);
            Interlocked.Add(ref appended, good);
            Interlocked.Add(ref other, batch.Entries.Count - good);
            pool.Add(batch);
            slots.Release();
        }
    }
}
