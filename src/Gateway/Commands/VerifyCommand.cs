using System.CommandLine;
using Command = System.CommandLine.Command;
using System.Diagnostics;
using System.Text.Json;
using Loyalty.Domain.Ledger;
using Loyalty.Domain.Members;
using Loyalty.Gateway.Hosting;
using Loyalty.Runtime;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Loyalty.Storage;

namespace Loyalty.Gateway.Commands;

/// <summary><c>verify</c>: reads all the books again and says whether they are sound.</summary>
internal static class VerifyCommand
{
    public static Command Create()
    {
        var data = DataFolder.Option();
        var file = new Option<string?>("--file") { Description = "A journal file (a backup, say) instead of the data folder's." };
        var connection = new Option<string?>("--connection")
        {
            Description = "Books in PostgreSQL instead of a file: the connection string; the role needs to read only.",
        };
        var schema = new Option<string>("--schema") { Description = "With --connection: the schema of the books.", DefaultValueFactory = _ => "loyalty" };
        var json = new Option<bool>("--json") { Description = "Prints the result as one JSON object, the last line of standard output." };
        var command = new Command("verify", "Re-reads everything: checksums, chains, replay against snapshots, trial balance. Also while the engine runs.") { data, file, connection, schema, json };
        command.SetAction(async (parsed, _) =>
        {
            using IJournalArchive archive = parsed.GetValue(connection) is { } server
                ? await PostgresJournalArchive.OpenAsync(new() { ConnectionString = server, Schema = parsed.GetValue(schema)! }).ConfigureAwait(false)
                : OpenFile(parsed.GetValue(file) ?? EngineProcess.JournalFile(parsed.GetValue(data)!));
            return Run(archive, parsed.GetValue(json));
        });
        return command;
    }

    private static SqliteJournalArchive OpenFile(string file) => File.Exists(file)
        ? SqliteJournalArchive.Open(file)
        : throw new UserError($"There are no books at {Path.GetFullPath(file)}. Point --data to the data folder of an engine, --file to a journal, or --connection to a PostgreSQL server.");

    private static int Run(IJournalArchive archive, bool json)
    {
        var started = Stopwatch.StartNew();
        var shownAt = TimeSpan.Zero;
        var balances = new Dictionary<string, long>(StringComparer.Ordinal);
        Console.Error.WriteLine($"verifying the {archive.Description} …");
        var verifier = new JournalVerifier(LoyaltyEngine.Kinds(new ProgramSource()));
        var result = verifier.Run(archive, AddBalances, ShowProgress);
        var bad = result.Bad;
        var damages = result.Damages.ToList();
        foreach (var (unit, balance) in balances)
        {
            var account = result.Sums.GetValueOrDefault(MeasureNames.Account(unit, Accounts.Member));
            if (account != balance && result.Bad == 0)
            {
                bad++;
                damages.Add(new(0, null, $"members hold {balance} {unit}; the member account says {account}"));
            }
        }

        foreach (var damage in damages)
        {
            Console.Error.WriteLine($"BAD {(damage.Actor is { } actor ? $"{actor} " : "")}{(damage.Position > 0 ? $"at position {damage.Position}: " : "")}{damage.What}");
        }

        var sound = bad == 0 && result.TrialBalance == 0;
        Console.Error.WriteLine(
            $"{result.Actors:N0} actors, {result.Events:N0} events in {started.Elapsed.TotalSeconds:0.0} s: "
            + (sound ? "the books are sound, trial balance 0" : $"{bad} damages, trial balance {result.TrialBalance}"));
        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize(new { actors = result.Actors, events = result.Events, bad, trialBalance = result.TrialBalance }));
        }

        return sound ? 0 : 1;

        void AddBalances(ActorId actor, object state)
        {
            foreach (var book in (state as MemberState)?.Books ?? [])
            {
                balances[book.Unit] = balances.GetValueOrDefault(book.Unit) + book.Balance;
            }
        }

        void ShowProgress(long read, long all)
        {
            if (started.Elapsed - shownAt > TimeSpan.FromSeconds(1))
            {
                shownAt = started.Elapsed;
                var rate = read / shownAt.TotalSeconds;
                Console.Error.WriteLine($"  {read:N0} of {all:N0} events, {rate:N0}/s, {Math.Max(0, (all - read) / rate):0} s left");
            }
        }
    }
}
