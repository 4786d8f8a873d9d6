using System.CommandLine;
using System.Text.Json.Nodes;

namespace Loyalty.Load.Bench;

/// <summary>`bench`: figures beside what limits them, from one run on one machine.</summary>
internal static class BenchCommand
{
    public static Command Create()
    {
        var server = new Option<string?>("--server")
        {
            Description = "Command line of the gateway; `up --data DIR --url URL` and `limits --json` are added to it. " +
                "Default: dotnet <repository>/src/Gateway/bin/Release/net10.0/Loyalty.Gateway.dll",
        };
        var only = new Option<string[]>("--only")
        {
            Description = $"Some figures only: {string.Join(", ", Figures.All.Select(figure => figure.Name))}.",
            AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => [],
        };
        only.AcceptOnlyFromAmong([.. Figures.All.Select(figure => figure.Name)]);
        var quick = new Option<bool>("--quick") { Description = "Short runs: for a first look, not for figures to quote." };
        var million = new Option<bool>("--million") { Description = "Also a million members beside ten thousand; takes long." };
        var json = new Option<bool>("--json") { Description = "Prints the result as one JSON object, the last line of standard output." };
        var command = new Command("bench", "Measures an engine of its own, and prints each figure beside what limits it.") { server, only, quick, million, json };
        command.SetAction((parsed, stop) => Task.Run(
            () =>
            {
                CommandLine commandLine = CommandLine.Parse(parsed.GetValue(server) ?? DefaultServer());
                var context = new BenchContext(commandLine, parsed.GetValue(quick), parsed.GetValue(million), stop);
                return Run(context, parsed.GetValue(only) ?? [], parsed.GetValue(json));
            },
            stop));
        return command;
    }

    private static int Run(BenchContext context, string[] only, bool asJson)
    {
        bool isWell = true;
        foreach (Figure figure in Figures.All.Where(figure => only.Length == 0 || only.Contains(figure.Name)))
        {
            context.Stop.ThrowIfCancellationRequested();
            Progress.Say($"-- {figure.Name}: {figure.What}");
            JsonObject result = figure.Measure(context);
            isWell &= (bool?)result["isWell"] ?? true;
            context.Results[figure.Name] = result;
            Print(figure.Name, result);
        }

        if (asJson)
        {
            Console.WriteLine(context.Results.ToJsonString());
        }

        return isWell ? 0 : 1;
    }

    private static void Print(string name, JsonObject result)
    {
        IEnumerable<string> parts = result
            .Where(pair => pair.Value is not JsonObject)
            .Where(pair => pair.Value is not JsonValue value || !value.TryGetValue(out long number) || number != 0)
            .Select(pair => $"{pair.Key} {pair.Value}");
        Console.WriteLine($"{name,-11} {string.Join(", ", parts)}");
        foreach ((string key, JsonNode? value) in result.Where(pair => pair.Value is JsonObject { Count: > 0 }))
        {
            Console.WriteLine($"{"",-11}   {key}: {string.Join(", ", value!.AsObject().Select(pair => $"{pair.Key} {pair.Value}"))}");
        }
    }

    private static string DefaultServer()
    {
        if (Repository.Folder is not { } folder)
        {
            throw new UserError("This program does not lie in the repository, so it cannot find the gateway: give --server \"command line\".");
        }

        return Repository.Program("src/Gateway", "Loyalty.Gateway.dll") is { } gateway
            ? $"dotnet \"{gateway}\""
            : throw new UserError($"{folder} has no built gateway: build it with `dotnet build -c Release`, or give --server \"command line\".");
    }
}
