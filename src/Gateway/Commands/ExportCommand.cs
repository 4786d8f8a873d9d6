using System.CommandLine;
using System.Diagnostics;
using System.IO.Compression;
using Loyalty.Gateway.Hosting;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Loyalty.Storage;
using Command = System.CommandLine.Command;

namespace Loyalty.Gateway.Commands;

/// <summary><c>export FILE</c>: writes all the books as lines of JSON, while the engine runs.</summary>
internal static class ExportCommand
{
    /// <summary>A file of that ending is packed.</summary>
    public const string Packed = ".gz";

    public static Command Create()
    {
        var books = new BooksOptions();
        var file = new Argument<string>("FILE") { Description = "Where to; must not exist. With the ending .gz it is packed." };
        var command = new Command("export", "Writes all the books as of one moment, as lines of JSON (docs/EXPORT.md). Works while the engine runs.") { file };
        books.AddTo(command);
        command.SetAction((parsed, _) => RunAsync(books.Read(parsed), Path.GetFullPath(parsed.GetValue(file)!)));
        return command;
    }

    private static async Task<int> RunAsync(BooksPlace books, string destination)
    {
        if (books.File is { } missing && !File.Exists(missing))
        {
            throw new UserError($"There are no books at {missing}. Point --data to the data folder of an engine, or --file to a journal.");
        }

        if (File.Exists(destination) || System.IO.Directory.Exists(destination))
        {
            throw new UserError($"{destination} exists; an export is never written over something.");
        }

        var unfinished = destination + ".unfinished";
        var started = Stopwatch.StartNew();
        var shownAt = TimeSpan.Zero;
        ExportEnd end;
        try
        {
            using (var archive = books.File is { } path ? SqliteJournalArchive.Open(path) : (IJournalArchive)await PostgresJournalArchive.OpenAsync(books.Server!).ConfigureAwait(false))
            {
                Console.Error.WriteLine($"exporting the {archive.Description} to {destination} …");
                var stream = new FileStream(unfinished, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 20);
                await using (stream.ConfigureAwait(false))
                {
                    var now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
                    if (destination.EndsWith(Packed, StringComparison.OrdinalIgnoreCase))
                    {
                        var packing = new GZipStream(stream, CompressionLevel.Fastest, leaveOpen: true);
                        await using (packing.ConfigureAwait(false))
                        {
                            end = JournalExport.Write(archive, packing, now, ShowProgress);
                        }
                    }
                    else
                    {
                        end = JournalExport.Write(archive, stream, now, ShowProgress);
                    }

                    stream.Flush(flushToDisk: true);
                }
            }

            File.Move(unfinished, destination);
        }
        catch (Exception e)
        {
            File.Delete(unfinished);
            if (e is IOException or UnauthorizedAccessException)
            {
                throw new UserError($"The export was not made: {e.Message}");
            }

            throw;
        }

        Console.Error.WriteLine(
            $"{end.Records:N0} records with {end.Events:N0} events, {new FileInfo(destination).Length / 1048576.0:0.0} MB in {started.Elapsed.TotalSeconds:0.0} s. "
            + $"Bring them into new books with: ./loyalty import {destination} --data FOLDER");
        return 0;

        void ShowProgress(long written, long all)
        {
            if (started.Elapsed - shownAt > TimeSpan.FromSeconds(1))
            {
                shownAt = started.Elapsed;
                Console.Error.WriteLine($"  {written:N0} of {all:N0} records");
            }
        }
    }
}
