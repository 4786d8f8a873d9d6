namespace Loyalty.Storage.Tests;

/// <summary>A folder of the test's own.</summary>
public sealed class TestFolder
{
    private static int count;

    public TestFolder() => Directory.CreateDirectory(Path);

    public string Path { get; } = System.IO.Path.Combine(
        System.IO.Path.GetTempPath(), $"loyalty-journal-{Environment.ProcessId}-{Interlocked.Increment(ref count)}");

    public string File(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>What a killed process leaves: the file and SQLite's log, as they are at this moment.</summary>
    public string CopyAsAfterCrash(string source, string name)
    {
        var copy = File(name);
        foreach (var suffix in new[] { string.Empty, "-wal" })
        {
            if (System.IO.File.Exists(source + suffix))
            {
                System.IO.File.Copy(source + suffix, copy + suffix);
            }
        }

        return copy;
    }

    public void Remove()
    {
        try
        {
            Directory.Delete(Path, recursive: true);
        }
        catch (IOException)
        {
            // A test that failed may still hold files; the system's temporary folder is cleaned by others.
        }
    }
}
