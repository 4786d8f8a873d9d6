using System.Diagnostics;
using System.Globalization;
using Loyalty.EndToEnd.Tests.Support;
using Xunit.Abstractions;

namespace Loyalty.EndToEnd.Tests;

/// <summary>A disk that fills up while the engine serves, and is given space again.</summary>
public sealed class FullDisk(ITestOutputHelper output)
{
    private const int DiskMegabytes = 112;
    private const int SpareMegabytes = 96;

    [SmallDiskFact]
    public async Task Is_said_with_503_until_there_is_space_again_and_nothing_is_lost()
    {
        using var folder = new TestFolder();
        using var disk = SmallDisk.Mount(folder["disk"], DiskMegabytes);
        var spare = Path.Combine(folder["disk"], "spare");
        File.WriteAllBytes(spare, new byte[SpareMegabytes << 20]);
        await using var engine = await Engine.StartAsync(Path.Combine(folder["disk"], "data"), "--checkpoint-records", "2000");

        // As much as fills what the spare file leaves, and less than what it frees.
        await using var load = ChildProcess.StartLoad([
            "load", .. engine.Target, "--members", "3000", "--count", "40000", "--returns", "3", "--retries", "2", "--batch", "100",
            "--account", folder["account"], "--check", "--patience", "300", "--json"]);
        var number = 0;
        var unanswered = new List<string>();
        Answer? refused = null;
        await Patience.UntilAsync("the disk was full", async () =>
        {
            Assert.False(load.HasExited, $"the load ended before the disk was full:\n{load.Said}");
            var answer = await BuyAsync();
            refused = answer.Status == 503 ? answer : null;
            return refused is not null;
        });
        output.WriteLine(refused!.Body);
        Assert.NotNull(refused.RetryAfter);
        Assert.Contains("unavailable", refused.Body, StringComparison.Ordinal);

        // Full for a while: it answers, and says so.
        var full = Stopwatch.StartNew();
        var refusals = 0;
        while (full.Elapsed < TimeSpan.FromSeconds(2))
        {
            (await engine.GetAsync("/healthz")).Expect(200);
            refusals += (await BuyAsync()).Status == 503 ? 1 : 0;
            await Task.Delay(Patience.Poll);
        }

        Assert.True(refusals > 0);
        (await engine.GetAsync("/v1/ledger/trial-balance")).Expect(200);
        Assert.False(load.HasExited, load.Said);

        File.Delete(spare);
        await Patience.UntilAsync("the engine served again", async () => (await BuyAsync()).Status == 200);
        var ended = await load.EndAsync();
        output.WriteLine(ended.Output.LastOrDefault() ?? "");
        ended.Expect(0);
        Assert.All((string[])["lost", "doubled", "wrong", "unknown", "refused"], name => Assert.Equal(0, ended.Count(name)));
        Assert.True(ended.Count("resent") > 0, ended.Said);
        foreach (var id in unanswered)
        {
            (await engine.BuyAsync(id, "WATCHER")).Expect(200);
        }

        Assert.Equal(number, (await engine.GetAsync("/v1/members/WATCHER")).Expect(200).Json["totals"]!["purchases"]!.GetValue<int>());
        await engine.TrialBalanceAsync();
        var stopped = (await engine.TerminateAsync()).Expect(0);
        Assert.Contains("is full", stopped.Said, StringComparison.Ordinal);
        output.WriteLine(string.Join('\n', stopped.Said.Split('\n').Where(line => line.Contains("warn", StringComparison.Ordinal)).Take(3)));
        output.WriteLine((await engine.VerifyAsync()).Output[^1]);

        async Task<Answer> BuyAsync()
        {
            var id = "WATCH-" + (++number).ToString(CultureInfo.InvariantCulture);
            var answer = await engine.BuyAsync(id, "WATCHER");
            if (answer.Status != 200)
            {
                // 503 says that it may be sent again.
                unanswered.Add(answer.Expect(503).Json["id"]!.GetValue<string>());
            }

            return answer;
        }
    }
}

/// <summary>A file system of a few megabytes, in memory. Mounting needs root.</summary>
internal sealed class SmallDisk : IDisposable
{
    private readonly string _path;

    private SmallDisk(string path) => _path = path;

    public static SmallDisk Mount(string path, int megabytes)
    {
        Directory.CreateDirectory(path);
        Assert.True(TryRun("mount", "-t", "tmpfs", "-o", $"size={megabytes}m", "tmpfs", path), $"{path} cannot be mounted");
        return new(path);
    }

    public static bool IsPossible()
    {
        if (!OperatingSystem.IsLinux() || !Environment.IsPrivilegedProcess)
        {
            return false;
        }

        var folder = Directory.CreateTempSubdirectory("loyalty-e2e-mount-");
        try
        {
            return TryRun("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder.FullName) && TryRun("umount", folder.FullName);
        }
        finally
        {
            folder.Delete();
        }
    }

    // Lazily, so that a process that has not quite ended does not keep it.
    public void Dispose() => TryRun("umount", "-l", _path);

    private static bool TryRun(string program, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}

/// <summary>A test on a small disk of its own; skipped, with a word, where none can be mounted.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class SmallDiskFactAttribute : FactAttribute
{
    private static readonly bool IsPossible = SmallDisk.IsPossible();

    public SmallDiskFactAttribute() => Skip = IsPossible ? null : "A small file system cannot be mounted here (that needs root on Linux): the test of a full disk is left out.";
}
