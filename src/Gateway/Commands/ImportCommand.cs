using System.CommandLine;
using System.Diagnostics;
using System.IO.Compression;
using Loyalty.Gateway.Hosting;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Loyalty.Storage;
using Command = System.CommandLine.Command;

namespace Loyalty.Gateway.Commands;

/// <summary><c>import FILE</c>: makes new books of an export.</summary>
internal static class ImportCommand
{
    public static Command Create()
    {
        var books = new BooksOptions();
        var file = new Argument<string>("FILE") { Description = "An export; with the ending .gz it is packed. It is read twice: proved first, then brought in." };
        var check = new Option<bool>("--check") { Description = "Only proves the file." };
        var command = new Command("import", "Makes new books of an export: every balance, tier, lot, statement and chain as it was (docs/EXPORT.md).") { file, check };
        books.AddTo(command);
        command.SetAction((parsed, _) => RunAsync(books.Read(parsed), Path.GetFullPath(parsed.GetValue(file)!), parsed.GetValue(check)));
        return command;
    }

    private static async Task<int> RunAsync(BooksPlace books, string source, bool checkOnly)
    {
        if (!File.Exists(source))
        {
            throw new UserError($"There is no file {source}.");
        }

        if (!checkOnly && books.File is { } there && File.Exists(there))
        {
            throw new UserError($"There are books at {there} already; an export is brought into new books only. Point --data to a folder without books.");
        }

        var kinds = LoyaltyEngine.Kinds(new ProgramSource());
        var started = Stopwatch.StartNew();
        try
        {
            Console.Error.WriteLine($"proving {source} …");
            ExportHead head;
            ExportEnd end;
            var stream = Open(source);
            await using (stream.ConfigureAwait(false))
            {
                (head, end) = ExportReader.Check(stream, kinds.Select(kind => kind.Name).ToHashSet(StringComparer.Ordinal));
            }

            Console.Error.WriteLine($"{end.Records:N0} records with {end.Events:N0} events, sound, of the {head.Store}, {DateTimeOffset.FromUnixTimeMilliseconds(head.WrittenAtMs):u}");
            if (!checkOnly)
            {
                await (books.File is { } path ? IntoFileAsync(path, head, source, kinds) : IntoServerAsync(books.Server!, head, source, kinds)).ConfigureAwait(false);
                Console.Error.WriteLine($"brought in, {started.Elapsed.TotalSeconds:0.0} s in all; start an engine on them, or './loyalty verify' them first");
            }

            return 0;
        }
        catch (ExportDamagedException e)
        {
            throw new UserError($"{source} is damaged, nothing was brought in: {e.Message}");
        }
        catch (InvalidOperationException e)
        {
            throw new UserError(e.Message);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserError($"The import was not made: {e.Message}");
        }
    }

    /// <summary>The books appear under their name when they are whole.</summary>
    private static async Task IntoFileAsync(string path, ExportHead head, string source, IReadOnlyList<ActorKind> kinds)
    {
        var unfinished = path + ".unfinished";
        System.IO.Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        Remove();
        try
        {
            var journal = SqliteJournal.Open(new() { Path = unfinished, NewKeySeed = head.KeySeed });
            await using (journal.ConfigureAwait(false))
            {
                await BringInAsync(journal, source, kinds).ConfigureAwait(false);
            }

            File.Delete(unfinished + ".lock");
            File.Move(unfinished, path);
        }
        catch
        {
            Remove();
            throw;
        }

        void Remove()
        {
            foreach (var part in (string[])["", "-wal", "-shm", ".lock"])
            {
                File.Delete(unfinished + part);
            }
        }
    }

    private static async Task IntoServerAsync(PostgresJournalOptions options, ExportHead head, string source, IReadOnlyList<ActorKind> kinds)
    {
        await PostgresSchema.MigrateAsync(options.ConnectionString, options.Schema).ConfigureAwait(false);
        if (!await PostgresSchema.AdoptKeySeedAsync(options.ConnectionString, head.KeySeed, options.Schema).ConfigureAwait(false))
        {
            throw new UserError($"The books in schema '{options.Schema}' are not empty; an export is brought into new books only. Give another --schema.");
        }

        var journal = await PostgresJournal.OpenAsync(options).ConfigureAwait(false);
        await using (journal.ConfigureAwait(false))
        {
            try
            {
                await BringInAsync(journal, source, kinds).ConfigureAwait(false);
            }
            catch (Exception e) when (e is ExportDamagedException or JournalUnavailableException)
            {
                throw new UserError($"The import into schema '{options.Schema}' stopped half-way: {e.Message}. Drop the schema and begin again.");
            }
        }
    }

    private static async Task BringInAsync(IJournal journal, string source, IReadOnlyList<ActorKind> kinds)
    {
        var shown = Stopwatch.StartNew();
        var stream = Open(source);
        await using (stream.ConfigureAwait(false))
        {
            await new JournalImport(journal, kinds).RunAsync(stream, records =>
            {
                if (shown.Elapsed > TimeSpan.FromSeconds(1))
                {
                    shown.Restart();
                    Console.Error.WriteLine($"  {records:N0} records");
                }
            }).ConfigureAwait(false);
        }
    }

    private static Stream Open(string source)
    {
        var stream = new FileStream(source, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 20);
        return source.EndsWith(ExportCommand.Packed, StringComparison.OrdinalIgnoreCase) ? new GZipStream(stream, CompressionMode.Decompress) : stream;
    }
}
