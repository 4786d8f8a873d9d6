using System.Text.Json;
using System.Text.Json.Nodes;
using Loyalty.Load.Drive;
using Loyalty.Load.Gateway;

namespace Loyalty.Load.Bench;

/// <summary>All figures, in the order they are measured. A new one is a function and a line in the list.</summary>
internal static class Figures
{
    private const int StreamConnections = 4;
    private const int SingleConnections = 64;

    public static IReadOnlyList<Figure> All { get; } =
    [
        new("limits", "what the machine can do: parse only, append only", MachineLimits),
        new("stream", "purchases of three lines by 100,000 members, as streams", Stream),
        new("single", "one purchase a request, 64 connections", Single),
        new("hotAccount", "one member buys everything", HotAccount),
        new("members", "a million members beside ten thousand (--million)", Members),
        new("restart", "kill -9 under load, restart, compare", Restart),
        new("campaigns", "the stream with none, ten and a hundred campaigns in force, in turns", Campaigns),
        new("orleans", "the engine on Orleans and in the embedded host, in turns", OnOrleans),
        new("postgres", "the same purchase in a PostgreSQL stored procedure", Postgres),
        new("writeState", "a grain a member, one WriteStateAsync to PostgreSQL a purchase", WriteState),
    ];

    private static JsonObject MachineLimits(BenchContext context)
    {
        (int ExitCode, string Output, string Errors)? result = context.Server.Run(TimeSpan.FromMinutes(3), "limits", "--json");
        if (result is { ExitCode: 0 } well && LastLine(well.Output) is { } line)
        {
            try
            {
                context.Limits = JsonNode.Parse(line)!.AsObject();
                return context.Limits.DeepClone().AsObject();
            }
            catch (Exception error) when (error is JsonException or InvalidOperationException)
            {
                // Said below.
            }
        }

        return Skipped("this engine does not know `limits --json`");
    }

    private static JsonObject Stream(BenchContext context)
    {
        using ServerProcess server = ServerProcess.Start(context.Server);
        LoadResult result = context.Run(server, Timed(BenchContext.Workload(100_000, StreamConnections)) with { Check = true });
        return WithLimits(Json(result), context, "parseOnlyPerSecond", "appendOnlyPerSecond");
    }

    private static JsonObject Single(BenchContext context)
    {
        using ServerProcess server = ServerProcess.Start(context.Server);
        LoadOptions options = Timed(BenchContext.Workload(100_000, SingleConnections)) with { Single = true };
        LoadResult full = context.Run(server, options with { Check = true });

        // Latency at saturation is only the length of the queue; at half the rate it is the engine's.
        LoadResult half = context.Run(server, options with { Rate = Math.Max(1, full.PerSecond / 2), Workload = BenchContext.Workload(100_000, SingleConnections) });
        JsonObject json = Json(full);
        json["atHalfRate"] = new JsonObject
        {
            ["perSecond"] = Math.Round(half.PerSecond, 1),
            ["p50Ms"] = half.Latencies.Milliseconds(50),
            ["p99Ms"] = half.Latencies.Milliseconds(99),
            ["p999Ms"] = half.Latencies.Milliseconds(99.9),
            ["maxMs"] = half.Latencies.MaxMilliseconds,
        };
        return WithLimits(json, context, "httpOnlyPerSecond", "appendOnlyPerSecond");
    }

    private static JsonObject HotAccount(BenchContext context)
    {
        using ServerProcess server = ServerProcess.Start(context.Server);
        LoadResult result = context.Run(server, Timed(BenchContext.Workload(1, StreamConnections)) with { Check = true });
        return WithLimits(Json(result), context, "parseOnlyPerSecond", "appendOnlyPerSecond");
    }

    private static JsonObject Members(BenchContext context)
    {
        if (!context.WithMillion)
        {
            return Skipped("takes long: ask for it with --million");
        }

        JsonObject few = WithMembers(context, 10_000);
        JsonObject many = WithMembers(context, 1_000_000);
        return new JsonObject
        {
            ["tenThousand"] = few,
            ["million"] = many,
            ["ratio"] = Math.Round((double)many["perSecond"]! / (double)few["perSecond"]!, 3),
        };
    }

    /// <summary>All members exist and have bought before the time is taken; then the engine is killed under no load and started again.</summary>
    private static JsonObject WithMembers(BenchContext context, int members)
    {
        using ServerProcess server = ServerProcess.Start(context.Server);
        LoadOptions known = Known(context, server, members);
        LoadRun.Execute(server.Target, known with { DurationSeconds = context.WarmSeconds }, context.Stop);
        LoadResult result = LoadRun.Execute(server.Target, OfTheSameMembers(known) with { DurationSeconds = context.Seconds }, context.Stop);
        double memory = server.MemoryPeakBytes / 1e6;
        server.Kill();
        TimeSpan took = server.Start();
        return new JsonObject
        {
            ["perSecond"] = Math.Round(result.PerSecond, 1),
            ["p99Ms"] = result.Latencies.Milliseconds(99),
            ["memoryPeakMegabytes"] = Math.Round(memory, 1),
            ["dataMegabytes"] = Math.Round(server.DataBytes / 1e6, 1),
            ["restartSeconds"] = Math.Round(took.TotalSeconds, 3),
        };
    }

    /// <summary>A load on members that all have bought about twice, so that the engine knows them.</summary>
    private static LoadOptions Known(BenchContext context, ServerProcess server, int members)
    {
        WorkloadOptions workload = BenchContext.Workload(members, StreamConnections) with { Zipf = 0 };
        LoadRun.Execute(server.Target, new LoadOptions(workload, Count: members * 2L), context.Stop);
        return OfTheSameMembers(Timed(workload with { MemberPrefix = workload.Prefix, Zipf = 0.8 }));
    }

    /// <summary>New requests of the members of a load before.</summary>
    private static LoadOptions OfTheSameMembers(LoadOptions known) => known with { Workload = known.Workload with { Prefix = WorkloadOptions.NewPrefix() } };

    private static JsonObject Restart(BenchContext context)
    {
        using ServerProcess server = ServerProcess.Start(context.Server);
        LoadOptions options = Timed(BenchContext.Workload(100_000, StreamConnections)) with { DurationSeconds = context.Seconds, Check = true };
        Task<LoadResult> load = Task.Factory.StartNew(
            () => LoadRun.Execute(server.Target, options, context.Stop), context.Stop, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        context.Stop.WaitHandle.WaitOne(TimeSpan.FromSeconds(context.Seconds / 2));
        server.Kill();
        TimeSpan took = server.Start();
        LoadResult result = load.GetAwaiter().GetResult();
        JsonObject json = result.ToJson();
        json["restartSeconds"] = Math.Round(took.TotalSeconds, 3);
        json["dataMegabytes"] = Math.Round(server.DataBytes / 1e6, 1);
        json["isWell"] = result.IsWell;
        return json;
    }

    private static JsonObject Postgres(BenchContext context)
    {
        (double? perSecond, string why) = PostgresBaseline.Measure((int)context.Seconds);
        if (perSecond is not { } found)
        {
            return Skipped(why);
        }

        return WithRatios(new JsonObject { ["perSecond"] = Math.Round(found, 1) }, context, found, "Postgres");
    }

    private static JsonObject WriteState(BenchContext context)
    {
        (JsonObject? figures, string why) = WriteStateBaseline.Measure(context.Seconds);
        return figures is null ? Skipped(why) : WithRatios(figures, context, (double)figures["perSecond"]!, "WriteState");
    }

    /// <summary>Both run all the time and are loaded one after the other, twice, so that what else happens on the machine hits both.</summary>
    private static JsonObject OnOrleans(BenchContext context)
    {
        if (Repository.Program("src/Silo", "Loyalty.Silo.dll") is not { } silo)
        {
            return Skipped("the silo is not built: dotnet build -c Release src/Silo, where the Orleans packages can be restored");
        }

        using ServerProcess embedded = ServerProcess.Start(context.Server);
        using ServerProcess orleans = ServerProcess.Start(new CommandLine("dotnet", [silo]));
        LoadOptions onEmbedded = Known(context, embedded, 100_000);
        LoadOptions onOrleans = Known(context, orleans, 100_000);
        return new JsonObject
        {
            ["stream"] = InTurns(context, (embedded, onEmbedded), (orleans, onOrleans)),
            ["single"] = InTurns(context, (embedded, Singly(onEmbedded)), (orleans, Singly(onOrleans))),
            ["streamOfNewMembers"] = InTurns(context, (embedded, null), (orleans, null)),
        };
    }

    /// <summary>Three engines, each with its campaigns, loaded one after the other, several times.</summary>
    private static JsonObject Campaigns(BenchContext context)
    {
        const int Turns = 3;
        int[] counts = [0, 10, 100];
        var servers = new List<(int Count, ServerProcess Server, LoadOptions Load)>();
        try
        {
            foreach (int count in counts)
            {
                ServerProcess server = ServerProcess.Start(context.Server);
                servers.Add((count, server, Timed(BenchContext.Workload(1, 1))));
                CampaignMix.Publish(server.Target, count);
                servers[^1] = (count, server, Known(context, server, 100_000));
            }

            var perSecond = new double[counts.Length];
            for (int turn = -1; turn < Turns; turn++)
            {
                for (int i = 0; i < counts.Length; i++)
                {
                    (_, ServerProcess server, LoadOptions load) = servers[i];
                    double found = LoadRun.Execute(
                        server.Target, OfTheSameMembers(load) with { DurationSeconds = turn < 0 ? context.WarmSeconds : context.Seconds / Turns }, context.Stop).PerSecond;
                    perSecond[i] += turn < 0 ? 0 : found / Turns;
                }
            }

            TrialBalance[] balances = [.. servers.Select(one => GatewayQueries.ReadTrialBalance(one.Server.Target))];
            return new JsonObject
            {
                ["perSecond"] = Math.Round(perSecond[0], 1),
                ["tenPerSecond"] = Math.Round(perSecond[1], 1),
                ["hundredPerSecond"] = Math.Round(perSecond[2], 1),
                ["noneTimesTen"] = Math.Round(perSecond[0] / perSecond[1], 3),
                ["noneTimesHundred"] = Math.Round(perSecond[0] / perSecond[2], 3),
                ["isWell"] = balances.All(balance => balance.WorstSum == 0),
            };
        }
        finally
        {
            servers.ForEach(one => one.Server.Dispose());
        }
    }

    private static LoadOptions Singly(LoadOptions streams) =>
        streams with { Single = true, Workload = streams.Workload with { Connections = SingleConnections } };

    /// <summary>Both are loaded one after the other, several times, so that what else happens on the machine hits both. Without a load: members that nobody has seen.</summary>
    private static JsonObject InTurns(BenchContext context, (ServerProcess Server, LoadOptions? Load) embedded, (ServerProcess Server, LoadOptions? Load) orleans)
    {
        const int Turns = 2;
        double onEmbedded = 0;
        double onOrleans = 0;
        Turn(embedded, context.WarmSeconds);
        Turn(orleans, context.WarmSeconds);
        for (int turn = 0; turn < Turns; turn++)
        {
            onEmbedded += Turn(embedded, context.Seconds / Turns) / Turns;
            onOrleans += Turn(orleans, context.Seconds / Turns) / Turns;
        }

        return new JsonObject
        {
            ["embeddedPerSecond"] = Math.Round(onEmbedded, 1),
            ["orleansPerSecond"] = Math.Round(onOrleans, 1),
            ["embeddedTimesOrleans"] = Math.Round(onEmbedded / onOrleans, 2),
        };

        double Turn((ServerProcess Server, LoadOptions? Load) side, double seconds)
        {
            LoadOptions load = side.Load is { } known ? OfTheSameMembers(known) : Timed(BenchContext.Workload(100_000, StreamConnections));
            return LoadRun.Execute(side.Server.Target, load with { DurationSeconds = seconds }, context.Stop).PerSecond;
        }
    }

    /// <summary>How many times as much the engine does as something it is compared with.</summary>
    private static JsonObject WithRatios(JsonObject json, BenchContext context, double perSecond, string than)
    {
        foreach (string figure in new[] { "stream", "single" })
        {
            if (PerSecondOf(context, figure) is { } engine)
            {
                json[$"{figure}Times{than}"] = Math.Round(engine / perSecond, 2);
            }
        }

        if ((double?)context.Results["orleans"]?["stream"]?["orleansPerSecond"] is { } orleans)
        {
            json[$"orleansStreamTimes{than}"] = Math.Round(orleans / perSecond, 2);
        }

        return json;
    }

    private static LoadOptions Timed(WorkloadOptions workload) => new(workload, DurationSeconds: 0);

    private static JsonObject Skipped(string why) => new() { ["skipped"] = why };

    private static JsonObject Json(LoadResult result)
    {
        JsonObject json = result.ToJson();
        json["isWell"] = result.IsWell;
        return json;
    }

    private static JsonObject WithLimits(JsonObject json, BenchContext context, params string[] names)
    {
        var limit = new JsonObject();
        foreach (string name in names)
        {
            if (context.Limits[name] is { } value)
            {
                limit[name] = value.DeepClone();
            }
        }

        json["limit"] = limit;
        return json;
    }

    private static double? PerSecondOf(BenchContext context, string figure) => (double?)context.Results[figure]?["perSecond"];

    private static string? LastLine(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).LastOrDefault();
}
