using System.Text;
using Loyalty.Runtime;
using Loyalty.Runtime.Journal;

namespace Loyalty.Storage.Tests;

/// <summary>
/// Books whose file is damaged at random (the same random every time): opening is refused, or reading is, or what is read is what was written; and what cannot be read any more is named by an archive.
/// Never wrong data, never a crash, and never much memory. LOYALTY_FUZZ multiplies the number.
/// </summary>
public sealed class JournalFileFuzzTests : IDisposable
{
    private const int Actors = 60;
    private const long BytesAtMost = 400L << 20;
    private static readonly int Count = 60 * (int.TryParse(Environment.GetEnvironmentVariable("LOYALTY_FUZZ"), out var factor) ? factor : 1);
    private readonly TestFolder folder = new();
    private readonly Dictionary<ActorId, List<string>> written = [];
    private readonly Dictionary<ActorId, (long Version, string State)> snapshots = [];

    public void Dispose() => folder.Remove();

    [Fact]
    public async Task A_damaged_file_is_refused_or_named_and_never_gives_wrong_data()
    {
        var sound = folder.File("sound.db");
        await WriteAsync(sound);
        var (random, tally) = (new Random(20261128), new SortedDictionary<string, int>(StringComparer.Ordinal));
        for (var i = 0; i < Count; i++)
        {
            var path = folder.File($"damaged-{i}.db");
            File.Copy(sound, path);
            var how = Damage(path, random);
            var allocated = GC.GetAllocatedBytesForCurrentThread();
            var found = Look(path, $"{i}: {how}");
            Assert.True(GC.GetAllocatedBytesForCurrentThread() - allocated < BytesAtMost, $"{i}: {how} takes much memory");
            tally[found] = tally.GetValueOrDefault(found) + 1;
            File.Delete(path);
        }

        // The damage is neither none nor total.
        Assert.True(tally.Count >= 2, string.Join(", ", tally));
    }

    /// <summary>On this thread to its end: the memory is counted by thread.</summary>
    private string Look(string path, string how) => LookAsync(path, how).GetAwaiter().GetResult();

    private async Task WriteAsync(string path)
    {
        await using var journal = SqliteJournal.Open(new() { Path = path });
        var books = new Books(journal);
        for (var i = 0; i < 600; i++)
        {
            var actor = new ActorId("member", $"m{i * 7 % Actors}");
            var text = $"event {i} {new string((char)('a' + (i % 26)), 20 + (i % 300))}";
            await books.Append(actor, text);
            (written.TryGetValue(actor, out var texts) ? texts : written[actor] = []).Add(text);
            if (i % 11 == 0)
            {
                await books.Snapshot(actor, $"state after {text}");
                snapshots[actor] = (books.Version(actor), $"state after {text}");
            }
        }
    }

    private static string Damage(string path, Random random)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite);
        var at = random.NextInt64(file.Length);
        switch (random.Next(5))
        {
            case 0:
                file.SetLength(at);
                return $"cut at {at}";
            case 1:
                var zeros = random.Next(1, 5000);
                file.Position = at;
                file.Write(new byte[Math.Min(zeros, file.Length - at)]);
                return $"{zeros} zeros at {at}";
            case 2:
                var noise = new byte[Math.Min(random.Next(1, 64), file.Length - at)];
                random.NextBytes(noise);
                file.Position = at;
                file.Write(noise);
                return $"{noise.Length} random bytes at {at}";
            case 3:
                var page = new byte[4096];
                file.Position = at / 4096 * 4096;
                file.ReadExactly(page, 0, (int)Math.Min(4096, file.Length - file.Position));
                file.Position = random.NextInt64(file.Length) / 4096 * 4096;
                file.Write(page);
                return $"page {at / 4096} in place of another";
            default:
                file.Position = at;
                var bit = file.ReadByte() ^ (1 << random.Next(8));
                file.Position = at;
                file.WriteByte((byte)bit);
                return $"a bit at {at}";
        }
    }

    /// <summary>Reads everything. What comes must be what was written; what does not come must be said.</summary>
    private async Task<string> LookAsync(string path, string how)
    {
        var (isRefused, isMissing) = (false, false);
        try
        {
            await using var journal = SqliteJournal.Open(new() { Path = path });
            foreach (var (actor, texts) in written)
            {
                try
                {
                    isMissing |= !IsRight(actor, texts, await journal.LoadAsync(actor), how);
                }
                catch (Exception e) when (e is JournalCorruptException or JournalUnavailableException)
                {
                    isRefused = true;
                }
            }
        }
        catch (Exception e) when (e is JournalCorruptException or JournalUnavailableException)
        {
            return "opening is refused";
        }

        if (isMissing)
        {
            Assert.True(IsNamed(path), $"{how}: records are missing, and nobody says so");
            return "named by the archive";
        }

        return isRefused ? "reading is refused" : "nothing was hit";
    }

    private static bool IsRight(ActorId actor, List<string> texts, LoadedActor loaded, string how)
    {
        var from = 0;
        if (loaded.Snapshot is { } snapshot)
        {
            Assert.True(texts[(int)snapshot.Version - 1] is var text && Encoding.UTF8.GetString(snapshot.State.Span) == $"state after {text}", $"{how}: a wrong snapshot of {actor}");
            from = (int)snapshot.Version;
        }

        foreach (var record in loaded.Later)
        {
            Assert.True(record.FirstVersion == from + 1 && Encoding.UTF8.GetString(record.Events.Span) == texts[from], $"{how}: a wrong record of {actor} at {record.Position}");
            from++;
        }

        return from == texts.Count;
    }

    private static bool IsNamed(string path)
    {
        try
        {
            using var archive = SqliteJournalArchive.Open(path);
            var damages = new List<JournalDamage>();
            var records = archive.ReadAll(damages.Add).Count();
            _ = archive.ReadSnapshots(damages.Add).Count();
            return damages.Count > 0 || archive.Totals().Records != records;
        }
        catch (Exception e) when (e is JournalCorruptException or JournalUnavailableException)
        {
            return true;
        }
    }
}
