using Microsoft.Data.Sqlite;

namespace Loyalty.EndToEnd.Tests.Support;

/// <summary>The books as files.</summary>
internal static class Books
{
    /// <summary><c>verify</c> finds nothing, and the books balance.</summary>
    public static async Task<Ended> VerifyAsync(string journalFile)
    {
        var verified = (await ChildProcess.GatewayAsync("verify", "--file", journalFile, "--json")).Expect(0);
        Assert.Equal(0, verified.Count("bad"));
        Assert.Equal(0, verified.Count("trialBalance"));
        return verified;
    }

    /// <summary>Copies a journal whose engine is dead, with the log that it left.</summary>
    public static string CopyDead(string journalFile, string folder)
    {
        Directory.CreateDirectory(folder);
        foreach (var part in (string[])["", "-wal", "-shm"])
        {
            if (File.Exists(journalFile + part))
            {
                File.Copy(journalFile + part, Path.Combine(folder, Path.GetFileName(journalFile) + part), overwrite: true);
            }
        }

        return Path.Combine(folder, Path.GetFileName(journalFile));
    }

    /// <summary>
    /// Whether snapshots of records after the position lie in the file that no completed checkpoint has counted yet: a checkpoint of these is, or was, under way.
    /// </summary>
    public static bool IsInCheckpoint(string journalFile, long after)
    {
        using var connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = journalFile, Mode = SqliteOpenMode.ReadOnly, Pooling = false,
        }.ToString());
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT EXISTS(SELECT 1 FROM snapshot WHERE position > max($after, (SELECT value FROM meta WHERE name = 'tail_start')))";
        command.Parameters.AddWithValue("$after", after);
        return (long)command.ExecuteScalar()! != 0;
    }
}
