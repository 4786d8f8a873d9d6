using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Loyalty.Load.Bench;

/// <summary>
/// What Orleans' own grain storage on PostgreSQL does with a purchase on the same machine: the program in load/Baseline as a child process, on a private server. It needs the
/// Orleans packages, so it is not built everywhere.
/// </summary>
internal static class WriteStateBaseline
{
    private const int SecondsBeyond = 120;

    /// <summary>Its figures; null, with the reason, when it cannot be measured.</summary>
    public static (JsonObject? Figures, string Why) Measure(double seconds)
    {
        if (Repository.Program("load/Baseline", "Loyalty.Load.Baseline.dll") is not { } program)
        {
            return (null, "the baseline is not built: dotnet build -c Release load/Baseline, where the Orleans packages can be restored");
        }

        if (PostgresServer.FindBinaries() is null)
        {
            return (null, PostgresServer.HowToInstall);
        }

        try
        {
            using PostgresServer server = PostgresServer.Start();
            string duration = Math.Ceiling(seconds).ToString(CultureInfo.InvariantCulture);
            var command = new CommandLine("dotnet", [program]);
            return Read(command.Run(TimeSpan.FromSeconds(seconds + SecondsBeyond), "--duration", duration, "--connection", server.ConnectionString, "--json"));
        }
        catch (UserError error)
        {
            return (null, error.Message);
        }
    }

    /// <summary>What the child process said: the last line of its output, or why there is none.</summary>
    public static (JsonObject? Figures, string Why) Read((int ExitCode, string Output, string Errors)? result)
    {
        if (result is not { } ended)
        {
            return (null, "the baseline did not start, or took too long");
        }

        try
        {
            string? line = ended.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).LastOrDefault();
            if (line is not null && JsonNode.Parse(line) is JsonObject figures && figures["perSecond"] is not null)
            {
                return (figures, "");
            }
        }
        catch (JsonException)
        {
            // Said below.
        }

        return (null, $"the baseline ended with {ended.ExitCode} and no figures: {ended.Errors.Trim()}");
    }
}
