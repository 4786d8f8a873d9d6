using System.CommandLine;
using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Loyalty.Domain.Campaigns;
using Loyalty.Domain.Programs;
using Loyalty.Domain.Validation;
using Loyalty.Gateway.Hosting;
using Loyalty.Gateway.Http;
using Loyalty.Runtime.Backtests;
using Loyalty.Runtime.Journal;
using Loyalty.Storage;
using NodaTime;
using NodaTime.Text;
using Command = System.CommandLine.Command;

namespace Loyalty.Gateway.Commands;

/// <summary><c>backtest DRAFT</c>: what a campaign would have given on past sales. Writes nothing; works beside a running engine.</summary>
internal static class BacktestCommand
{
    public static Command Create()
    {
        var books = new BooksOptions();
        var draft = new Argument<string>("DRAFT") { Description = "The campaign's definition (JSON): docs/CAMPAIGNS.md." };
        var from = new Option<string>("--from") { Description = "First day (YYYY-MM-DD, in the program's time zone) or instant (2010-12-01T08:00:00Z) of the sales.", Required = true };
        var until = new Option<string>("--until") { Description = "First day or instant that is not tried any more.", Required = true };
        var against = new Option<string?>("--against") { Description = "A second definition, tried beside the first." };
        var sales = new Option<string?>("--sales") { Description = "Purchases and returns, one JSON object a line, instead of a journal." };
        var program = new Option<string?>("--program") { Description = "Program definition to judge a --sales file by. Default: the built-in sample." };
        var workers = new Option<int>("--workers") { Description = "Threads, 1 to 64; one when anything has a budget.", DefaultValueFactory = _ => Math.Clamp(Environment.ProcessorCount, 1, 64) };
        var json = new Option<bool>("--json") { Description = "Prints the whole report as one JSON object, the last line of standard output." };
        var command = new Command("backtest", "Tries a campaign on past sales: points, cost, members, budget. Writes nothing; also while the engine runs.") { draft, from, until, against, sales, program, workers, json };
        books.AddTo(command);
        command.SetAction((parsed, stop) => Task.Run(
            () => Run(
                [parsed.GetValue(draft)!, .. parsed.GetValue(against) is { } second ? new[] { second } : []], parsed.GetValue(from)!, parsed.GetValue(until)!,
                books.Read(parsed), parsed.GetValue(sales), parsed.GetValue(program), parsed.GetValue(workers), parsed.GetValue(json), stop),
            stop));
        return command;
    }

    private static int Run(
        string[] drafts, string from, string until, BooksPlace books, string? sales, string? program, int workers, bool json, CancellationToken stop)
    {
        if (workers is < 1 or > 64)
        {
            throw new UserError($"--workers is {workers}; 1 to 64 are possible.");
        }

        if (sales is null && program is not null)
        {
            throw new UserError("--program goes with --sales: the books say themselves which program judged.");
        }

        if (sales is not null && !File.Exists(sales))
        {
            throw new UserError($"There is no file {Path.GetFullPath(sales)}. Give --sales a file of purchases and returns, one JSON object a line.");
        }

        if (sales is null && books.File is { } journal && !File.Exists(journal))
        {
            throw new UserError($"There are no books at {journal}. Point --data to the data folder of an engine, --file to a journal, or --sales to a file of purchases.");
        }

        using var archive = sales is null ? Open(books) : null;
        var (programs, campaigns) = archive is null ? (OfFile(program), CampaignCatalog.Empty) : ReadRules(archive);
        var calendar = programs.Latest.Calendar;
        var question = new Backtest(
            [.. drafts.Select((file, i) => ReadDraft(file, i, programs.Latest, campaigns))], TimeOf("--from", from, calendar), TimeOf("--until", until, calendar), programs, campaigns);
        IPastSales past = archive is null ? new FileSales(sales!) : new ArchiveSales(archive);
        Console.Error.WriteLine($"trying {string.Join(" against ", question.Drafts.Select(draft => $"'{draft.Id}'"))} on the sales of the {past.Description} …");
        var started = Stopwatch.StartNew();
        var shownAt = TimeSpan.Zero;
        BacktestReport report;
        try
        {
            report = BacktestRun.Run(question, past, workers, Show, stop);
        }
        catch (BacktestRefusedException e)
        {
            throw new UserError($"The trial was not made: {e.Message}.");
        }

        Print(report, programs.Latest);
        if (json)
        {
            var buffer = new System.Buffers.ArrayBufferWriter<byte>();
            HttpReplies.WriteTo(buffer, report, BacktestJson.Write);
            Console.WriteLine(Encoding.UTF8.GetString(buffer.WrittenSpan));
        }

        return 0;

        void Show(long read, long all)
        {
            if (started.Elapsed - shownAt > TimeSpan.FromSeconds(1))
            {
                shownAt = started.Elapsed;
                var rate = read / shownAt.TotalSeconds;
                Console.Error.WriteLine(all > 0 ? $"  {read:N0} of {all:N0} records, {rate:N0}/s, {Math.Max(0, (all - read) / rate):0} s left" : $"  {read:N0} records, {rate:N0}/s");
            }
        }
    }

    private static IJournalArchive Open(BooksPlace books) =>
        books.File is { } path ? SqliteJournalArchive.Open(path) : PostgresJournalArchive.OpenAsync(books.Server!).GetAwaiter().GetResult();

    private static (ProgramCatalog Programs, CampaignCatalog Campaigns) ReadRules(IJournalArchive archive)
    {
        try
        {
            return PublishedRules.Read(archive);
        }
        catch (BacktestRefusedException e)
        {
            throw new UserError($"The trial was not made: {e.Message}.");
        }
    }

    private static void Print(BacktestReport report, ProgramDefinition program)
    {
        Console.WriteLine($"{report.Purchases:N0} purchases, {report.Returns:N0} returns and {report.Activities:N0} activities judged in {report.Elapsed.TotalSeconds:0.0} s; nothing was written.");
        foreach (var draft in report.Drafts)
        {
            Console.WriteLine($"\n{draft.Id}: {draft.Requests:N0} requests of {draft.Members:N0} members got something");
            foreach (var points in draft.Points)
            {
                Console.WriteLine(
                    $"  {points.Net,16:N0} {points.Unit}   ({points.Given:N0} given, {points.TakenBack:N0} taken back by returns{(points.Cost is { } cost ? $"; cost {cost / 100m:N2} {program.Currency}" : "")})");
            }

            foreach (var usual in draft.UsualSpend.Points)
            {
                Console.WriteLine($"  of {usual.Unit}: {usual.Anyway:N0} for usual spend, {usual.Growth:N0} for more than that, {usual.Unknown:N0} to members whose past is too short");
            }

            if (draft.Budget is { } budget)
            {
                Console.WriteLine($"  budget: {budget.Spent:N0} of {budget.Amount:N0} spent" + (budget.ExhaustedAt is { } at ? $", exhausted on {program.Calendar.DayOf(at)}" : ", never exhausted"));
            }

            if (draft.NotReplayed > 0)
            {
                Console.WriteLine($"  {draft.NotReplayed:N0} requests could not be decided again");
            }
        }
    }

    private static CampaignDefinition ReadDraft(string file, int index, ProgramDefinition program, CampaignCatalog campaigns)
    {
        byte[] bytes;
        try
        {
            bytes = File.ReadAllBytes(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserError($"The draft '{file}' cannot be read: {e.Message}");
        }

        var errors = new List<FieldError>();
        var draft = CampaignParser.Parse(bytes, IdOf(bytes) ?? $"draft-{index + 1}", 0, program, campaigns, errors);
        return draft is not null && errors.Count == 0
            ? draft
            : throw new UserError($"{file} is no valid campaign:\n" + string.Join('\n', errors.Select(error => $"  {error.Field} {error.Message}")));
    }

    /// <summary>The id that a definition gives itself; whether it is a right one the parser says.</summary>
    private static string? IdOf(byte[] definition)
    {
        try
        {
            using var document = JsonDocument.Parse(definition);
            return document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("id", out var id) && id.ValueKind == JsonValueKind.String ? id.GetString() : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static ProgramCatalog OfFile(string? program)
    {
        byte[] bytes;
        try
        {
            bytes = program is null ? OperationsEndpoint.ReadResource("sample-program.json") : File.ReadAllBytes(program);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserError($"The program '{program}' cannot be read: {e.Message}");
        }

        var errors = new List<FieldError>();
        return ProgramParser.Parse(bytes, 1, Instant.MinValue, null, errors) is { } parsed && errors.Count == 0
            ? new([parsed])
            : throw new UserError($"{program} is no valid program:\n" + string.Join('\n', errors.Select(error => $"  {error.Field} {error.Message}")));
    }

    private static Instant TimeOf(string option, string text, BusinessCalendar calendar)
    {
        if (LocalDatePattern.Iso.Parse(text) is { Success: true, Value: var day })
        {
            return calendar.StartOf(day);
        }

        return OffsetDateTimePattern.ExtendedIso.Parse(text) is { Success: true, Value: var at }
            ? at.ToInstant()
            : throw new UserError($"{option} is '{text}'; a day such as 2010-12-01 or an instant such as 2010-12-01T08:00:00Z is needed.");
    }
}
