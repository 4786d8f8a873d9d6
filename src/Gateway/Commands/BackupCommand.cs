using System.CommandLine;
using System.Diagnostics;
using Loyalty.Gateway.Hosting;
using Loyalty.Storage;

namespace Loyalty.Gateway.Commands;

/// <summary><c>backup FILE</c>: copies the books as of one moment, while the engine runs.</summary>
internal static class BackupCommand
{
    public static Command Create()
    {
        var data = DataFolder.Option();
        var file = new Argument<string>("FILE") { Description = "Where to; must not exist." };
        var command = new Command("backup", "Copies the books as of one moment into one file. Works while the engine runs.") { file, data };
        command.SetAction(parsed => Run(EngineProcess.JournalFile(parsed.GetValue(data)!), parsed.GetValue(file)!));
        return command;
    }

    private static int Run(string source, string destination)
    {
        if (!File.Exists(source))
        {
            throw new UserError($"There are no books at {Path.GetFullPath(source)}. Point --data to the data folder of an engine.");
        }

        var started = Stopwatch.StartNew();
        Console.Error.WriteLine($"copying {Path.GetFullPath(source)} to {Path.GetFullPath(destination)} …");
        try
        {
            SqliteJournal.Backup(source, destination);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserError($"The backup was not made: {e.Message}");
        }

        Console.Error.WriteLine(
            $"{new FileInfo(destination).Length / 1048576.0:0.0} MB in {started.Elapsed.TotalSeconds:0.0} s. Check it with: ./loyalty verify --file {destination}");
        return 0;
    }
}
