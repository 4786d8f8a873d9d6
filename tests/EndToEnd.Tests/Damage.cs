using Loyalty.EndToEnd.Tests.Support;
using Microsoft.Data.Sqlite;
using Xunit.Abstractions;

namespace Loyalty.EndToEnd.Tests;

/// <summary>Books in which one byte is not what was written.</summary>
public sealed class Damage(ITestOutputHelper output, SoundBooks books) : IClassFixture<SoundBooks>
{
    private const int BlockHeaderBytes = 40;
    private const int RecordHeaderBytes = 72;

    public static TheoryData<string> Places => ["first", "middle", "last"];

    [Theory]
    [MemberData(nameof(Places))]
    public async Task A_flipped_byte_in_a_record_is_found_and_its_position_named(string place)
    {
        var (file, seq) = Damaged(place, "block", "seq", "data", BlockHeaderBytes + RecordHeaderBytes + 20);
        await ExpectBadAsync(file, $"at position {(seq << 24) | BlockHeaderBytes}: ");
    }

    [Theory]
    [MemberData(nameof(Places))]
    public async Task A_flipped_byte_in_the_head_of_a_block_is_found_and_its_position_named(string place)
    {
        var (file, seq) = Damaged(place, "block", "seq", "data", 12);
        await ExpectBadAsync(file, $"position {seq << 24}: ");
    }

    [Theory]
    [MemberData(nameof(Places))]
    public async Task A_flipped_byte_at_the_end_of_a_block_is_found(string place)
    {
        // The checksum, or the totals before it: the records are sound, but the block is not what was written.
        var (file, seq) = Damaged(place, "block", "seq", "data", -12);
        await ExpectBadAsync(file, $"position {seq << 24}: ");
    }

    [Theory]
    [MemberData(nameof(Places))]
    public async Task A_flipped_byte_in_a_snapshot_is_found_and_its_member_named(string place)
    {
        var (file, row) = Damaged(place, "snapshot", "row_number() OVER (ORDER BY hash, kind, key)", "state", 10);
        await ExpectBadAsync(file, $"BAD {books.SnapshotName(row)} the snapshot fails its checksum");
    }

    [Theory]
    [InlineData("cut in half")]
    [InlineData("schema wiped")]
    public async Task A_file_that_is_no_database_any_more_is_said_to_be_damaged(string how)
    {
        var file = books.Copy();
        using (var stream = File.OpenWrite(file))
        {
            if (how == "cut in half")
            {
                stream.SetLength(stream.Length / 2 / 16384 * 16384);
            }
            else
            {
                stream.Position = 100;
                stream.Write(new byte[200]);
            }
        }

        var verified = await ChildProcess.GatewayAsync("verify", "--file", file, "--json");
        output.WriteLine(verified.Said);
        Assert.NotEqual(0, verified.ExitCode);
        Assert.Contains("damaged", verified.Said, StringComparison.Ordinal);
        Assert.DoesNotContain("   at Loyalty", verified.Said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_engine_does_not_start_on_books_whose_end_is_damaged()
    {
        var (file, seq) = Damaged("last", "block", "seq", "data", BlockHeaderBytes + RecordHeaderBytes + 20);
        using var folder = new TestFolder();
        Directory.CreateDirectory(folder["data"]);
        File.Move(file, folder["data/loyalty.db"]);
        var up = (await ChildProcess.GatewayAsync("up", "--data", folder["data"], "--url", $"http://127.0.0.1:{Engine.FreePort()}")).Expect(2);
        output.WriteLine(up.Said);
        Assert.Contains($"block {seq}", up.Said, StringComparison.Ordinal);
        Assert.DoesNotContain("   at Loyalty", up.Said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_books_without_damage_are_sound() => await Books.VerifyAsync(books.Copy());

    private async Task ExpectBadAsync(string file, string damage)
    {
        var verified = await ChildProcess.GatewayAsync("verify", "--file", file, "--json");
        output.WriteLine(verified.Said);
        verified.Expect(1);
        Assert.True(verified.Count("bad") > 0);
        Assert.Contains(verified.Said.Split('\n'), line => line.StartsWith("BAD ", StringComparison.Ordinal) && line.Contains(damage, StringComparison.Ordinal));
    }

    /// <summary>Copies the books and flips one bit of a row's blob; negative offsets count from its end.</summary>
    private (string File, long Row) Damaged(string place, string table, string number, string column, int offset)
    {
        var file = books.Copy();
        var row = SoundBooks.Flip(file, place, table, number, column, offset);
        return (file, row);
    }
}

/// <summary>Books of a few thousand records with snapshots of some members, closed.</summary>
public sealed class SoundBooks : IAsyncLifetime, IDisposable
{
    private readonly TestFolder _folder = new();
    private int _copies;

    private string File => _folder["data/loyalty.db"];

    public async Task InitializeAsync()
    {
        await using var engine = await Engine.StartAsync(_folder["data"], "--checkpoint-records", "1000");
        (await ChildProcess.LoadAsync(["load", .. engine.Target, "--count", "3000", "--members", "500", "--rate", "3000", "--returns", "3"])).Expect(0);
        await Patience.UntilAsync("a checkpoint was made", async () =>
            (await engine.GetAsync("/v1/system")).Expect(200).Json["journal"]!["checkpoints"]!.GetValue<long>() > 0);
        (await engine.TerminateAsync()).Expect(0);
        Assert.False(System.IO.File.Exists(File + "-wal"), "an engine that ended left nothing in a log");
    }

    public Task DisposeAsync() => Task.CompletedTask;

    public void Dispose() => _folder.Dispose();

    public string Copy()
    {
        var copy = _folder[$"copy-{Interlocked.Increment(ref _copies)}.db"];
        System.IO.File.Copy(File, copy);
        return copy;
    }

    public string SnapshotName(long row) => (string)Ask(
        File, $"SELECT kind || '/' || key, row_number() OVER (ORDER BY hash, kind, key) AS n FROM snapshot ORDER BY n LIMIT 1 OFFSET {row - 1}").Value;

    /// <summary>
    /// Flips one bit in the first, middle or last row of a table; returns the row's number. SQLite itself writes it, because old copies of a row may lie about in
    /// the file's free space, where nobody would miss a bit.
    /// </summary>
    public static long Flip(string file, string place, string table, string number, string column, int offset)
    {
        var count = (long)Ask(file, $"SELECT count(*), 0 FROM {table}").Value;
        Assert.True(count > 2, $"{count} rows in {table}");
        var nth = place switch { "first" => 0, "middle" => count / 2, _ => count - 1 };
        var (value, row) = Ask(file, $"SELECT {column}, {number} AS n FROM {table} ORDER BY n LIMIT 1 OFFSET {nth}");
        var blob = (byte[])value;
        var sound = Convert.ToHexString(blob);
        blob[offset < 0 ? blob.Length + offset : offset] ^= 0x10;
        Ask(file, $"UPDATE {table} SET {column} = x'{Convert.ToHexString(blob)}' WHERE {column} = x'{sound}' RETURNING 0, 0");
        return row;
    }

    private static (object Value, long Number) Ask(string file, string query)
    {
        using var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = file, Pooling = false }.ToString());
        connection.Open();
        using var command = connection.CreateCommand();
#pragma warning disable CA2100 // Queries of this test, with nothing from outside.
        command.CommandText = query;
#pragma warning restore CA2100
        using var reader = command.ExecuteReader();
        Assert.True(reader.Read());
        return (reader.GetValue(0), reader.GetInt64(1));
    }
}
