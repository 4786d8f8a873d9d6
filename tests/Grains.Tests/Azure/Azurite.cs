using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Loyalty.Grains.Tests;

/// <summary>Azure Storage on this machine: one private Azurite for all tests of this assembly, on free ports, everything in its memory.</summary>
internal static partial class Azurite
{
    private static readonly Lazy<Task<string>> Starting = new(StartAsync);

    /// <summary>Null: tests can use it.</summary>
    public static string? WhyNot { get; } = FindOnPath() is null ? "azurite is not on PATH (npm install -g azurite): nothing is tested against Azure Storage" : null;

    /// <summary>Of the running Azurite; starts it at the first call.</summary>
    public static Task<string> ConnectionString => Starting.Value;

    private static string? FindOnPath() =>
        (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(Path.PathSeparator)
            .Where(folder => folder.Length > 0)
            .SelectMany(folder => new[] { Path.Combine(folder, "azurite"), Path.Combine(folder, "azurite.cmd") })
            .FirstOrDefault(File.Exists);

    private static async Task<string> StartAsync()
    {
        var folder = Directory.CreateTempSubdirectory("azurite-").FullName;
        var start = new ProcessStartInfo(FindOnPath()!) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder };
        foreach (var argument in new[] { "--silent", "--skipApiVersionCheck", "--disableTelemetry", "--inMemoryPersistence", "--blobPort", "0", "--queuePort", "0", "--tablePort", "0" })
        {
            start.ArgumentList.Add(argument);
        }

        var process = Process.Start(start)!;
        AppDomain.CurrentDomain.ProcessExit += (_, _) =>
        {
            process.Kill(entireProcessTree: true);
            Directory.Delete(folder, recursive: true);
        };
        var ports = new Dictionary<string, string>();
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        while (ports.Count < 3)
        {
            var line = await process.StandardOutput.ReadLineAsync(patience.Token) ?? throw new IOException($"Azurite ended: {await process.StandardError.ReadToEndAsync(patience.Token)}");
            if (Listening().Match(line) is { Success: true } match)
            {
                ports[match.Groups[1].Value] = match.Groups[2].Value;
            }
        }

        // What it has to say afterwards must not fill the pipes.
        _ = process.StandardOutput.BaseStream.CopyToAsync(Stream.Null, CancellationToken.None);
        _ = process.StandardError.BaseStream.CopyToAsync(Stream.Null, CancellationToken.None);
        // The account and key that every Azurite has: published, not a secret.
        const string account = "devstoreaccount1";
        const string key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
        return $"DefaultEndpointsProtocol=http;AccountName={account};AccountKey={key};BlobEndpoint={ports["Blob"]}/{account};TableEndpoint={ports["Table"]}/{account};QueueEndpoint={ports["Queue"]}/{account}";
    }

    [GeneratedRegex(@"Azurite (\w+) service is successfully listening at (http://\S+)")]
    private static partial Regex Listening();
}

/// <summary>A test that needs Azurite; skipped, with the reason, where it is not installed.</summary>
internal sealed class AzuriteFactAttribute : FactAttribute
{
    public AzuriteFactAttribute() => Skip = Azurite.WhyNot;
}

/// <summary>Tests that need Azurite; skipped as one.</summary>
internal sealed class AzuriteTheoryAttribute : TheoryAttribute
{
    public AzuriteTheoryAttribute() => Skip = Azurite.WhyNot;
}

/// <summary>A behaviour suite whose tests are run by name, so that they can be skipped together.</summary>
internal static class Suite
{
    /// <summary>Its tests.</summary>
    public static TheoryData<string> Of<T>() =>
        [.. typeof(T).GetMethods().Where(method => method.IsDefined(typeof(FactAttribute), inherit: true)).Select(method => method.Name)];

    /// <summary>Runs one of them.</summary>
    public static async Task RunAsync(IAsyncLifetime suite, string test)
    {
        await suite.InitializeAsync();
        try
        {
            var method = suite.GetType().GetMethod(test)!;
            if (method.Invoke(suite, System.Reflection.BindingFlags.DoNotWrapExceptions, null, [], null) is Task task)
            {
                await task;
            }
        }
        finally
        {
            await suite.DisposeAsync();
        }
    }
}
