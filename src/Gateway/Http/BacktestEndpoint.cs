using System.Text.Json;
using Loyalty.Domain.Campaigns;
using Loyalty.Domain.Programs;
using Loyalty.Domain.Validation;
using Loyalty.Runtime.Backtests;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using NodaTime;
using NodaTime.Text;

namespace Loyalty.Gateway.Http;

/// <summary>Campaigns tried on past sales, and what a hold-out says: docs/BACKTESTS.md.</summary>
internal sealed class BacktestEndpoint(LoyaltyEngine engine)
{
    private const int MaxBytes = 192 * 1024;
    private readonly BacktestJobs _jobs = new(engine.Clock);
    private int _reports;

    /// <summary><c>POST /v1/campaigns/{id}/backtests</c>.</summary>
    public async Task StartAsync(HttpContext context)
    {
        var id = (string)context.Request.RouteValues["id"]!;
        var (bytes, problem) = await DocumentBody.ReadAsync(context, MaxBytes).ConfigureAwait(false);
        if (bytes is null)
        {
            await HttpReplies.WriteProblemAsync(context, problem!).ConfigureAwait(false);
            return;
        }

        if (engine.Books is not JournalBooks books)
        {
            await HttpReplies.WriteProblemAsync(context, NoJournal()).ConfigureAwait(false);
            return;
        }

        var errors = new List<FieldError>();
        var question = await ReadQuestionAsync(id, bytes, errors).ConfigureAwait(false);
        if (question is null || errors.Count > 0)
        {
            await HttpReplies.WriteProblemAsync(context, errors.Count > 0 ? Problem.Shape(errors) : NoDraft(id)).ConfigureAwait(false);
            return;
        }

        if (_jobs.Start(question, books.ReadSales) is not { } job)
        {
            await HttpReplies.WriteProblemAsync(context, Problem.Busy($"{BacktestJobs.MaxRunning} back-tests are under way, as many as run at a time")).ConfigureAwait(false);
            return;
        }

        context.Response.Headers.Location = $"/v1/backtests/{job.Id}";
        await HttpReplies.WriteJsonAsync(context, 202, job, BacktestJson.Write).ConfigureAwait(false);
    }

    /// <summary><c>GET /v1/backtests/{id}</c>.</summary>
    public async Task GetAsync(HttpContext context)
    {
        var id = (string)context.Request.RouteValues["id"]!;
        if (_jobs.Find(id) is { } job)
        {
            await HttpReplies.WriteJsonAsync(context, 200, job, BacktestJson.Write).ConfigureAwait(false);
        }
        else
        {
            await HttpReplies.WriteProblemAsync(context, NoJob(id)).ConfigureAwait(false);
        }
    }

    /// <summary><c>DELETE /v1/backtests/{id}</c>: stops it.</summary>
    public async Task CancelAsync(HttpContext context)
    {
        var id = (string)context.Request.RouteValues["id"]!;
        if (_jobs.Find(id) is not { } job)
        {
            await HttpReplies.WriteProblemAsync(context, NoJob(id)).ConfigureAwait(false);
            return;
        }

        BacktestJobs.Cancel(job);
        await HttpReplies.WriteJsonAsync(context, 200, job, BacktestJson.Write).ConfigureAwait(false);
    }

    /// <summary><c>POST /v1/campaigns/{id}/reports</c>: members with the campaign beside those held out.</summary>
    public async Task ReportAsync(HttpContext context)
    {
        var id = (string)context.Request.RouteValues["id"]!;
        var (bytes, problem) = await DocumentBody.ReadAsync(context, MaxBytes).ConfigureAwait(false);
        if (bytes is null)
        {
            await HttpReplies.WriteProblemAsync(context, problem!).ConfigureAwait(false);
            return;
        }

        if (engine.Books is not JournalBooks books)
        {
            await HttpReplies.WriteProblemAsync(context, NoJournal()).ConfigureAwait(false);
            return;
        }

        var errors = new List<FieldError>();
        var now = engine.Clock.GetCurrentInstant();
        var campaign = engine.Programs.Campaigns.Catalog.Campaigns.FirstOrDefault(known => known.Id == id);
        if (campaign is null)
        {
            await HttpReplies.WriteProblemAsync(context, new(404, "unknown-campaign", "The campaign is not known", $"no campaign '{id}' was published", [new("id", $"'{id}' is not known")])).ConfigureAwait(false);
            return;
        }

        var first = campaign.Versions[0];
        Instant? from = null, until = null;
        Parse(bytes, errors, fields =>
        {
            from = ReadTime(fields, "from", required: false);
            until = ReadTime(fields, "until", required: false);
        });
        var (begin, end) = (from ?? first.From ?? now, until ?? Instant.Min(campaign.Versions[^1].Until ?? now, now));
        if (errors.Count == 0 && begin >= end)
        {
            errors.Add(new("until", $"is {end}; it must be after 'from', {begin}"));
        }

        if (errors.Count > 0)
        {
            await HttpReplies.WriteProblemAsync(context, Problem.Shape(errors)).ConfigureAwait(false);
            return;
        }

        if (Interlocked.Increment(ref _reports) > BacktestJobs.MaxRunning)
        {
            Interlocked.Decrement(ref _reports);
            await HttpReplies.WriteProblemAsync(context, Problem.Busy($"{BacktestJobs.MaxRunning} reports are under way, as many as run at a time")).ConfigureAwait(false);
            return;
        }

        try
        {
            var report = await Task.Run(() => CampaignReport.Of(campaign.Versions[^1], begin, end, books.ReadSales(), context.RequestAborted), context.RequestAborted).ConfigureAwait(false);
            await HttpReplies.WriteJsonAsync(context, 200, report, BacktestJson.Write).ConfigureAwait(false);
        }
        catch (BacktestRefusedException e)
        {
            await HttpReplies.WriteProblemAsync(context, Problem.Rule("too-many-members", "", e.Message)).ConfigureAwait(false);
        }
        finally
        {
            Interlocked.Decrement(ref _reports);
        }
    }

    private async Task<Backtest?> ReadQuestionAsync(string id, byte[] bytes, List<FieldError> errors)
    {
        Instant? from = null, until = null;
        byte[]? draft = null, against = null;
        Parse(bytes, errors, fields =>
        {
            from = ReadTime(fields, "from", required: true);
            until = ReadTime(fields, "until", required: true);
            draft = ReadObject(fields, "draft");
            against = ReadObject(fields, "against");
        });
        if (from is { } begin && until is { } end && errors.Count == 0)
        {
            if (begin >= end)
            {
                errors.Add(new("until", $"is {end}; it must be after 'from', {begin}"));
            }
            else if ((end - begin).TotalDays > Backtest.MaxDays)
            {
                errors.Add(new("until", $"is {(end - begin).TotalDays:0} days after 'from'; at most {Backtest.MaxDays} are possible"));
            }
        }

        if (errors.Count > 0)
        {
            return null;
        }

        if (draft is null)
        {
            var command = await engine.GetCampaignAsync(id).ConfigureAwait(false);
            if (command.Status != CommandStatus.Done)
            {
                throw new JournalUnavailableException(command.Problem ?? "the campaign cannot be asked");
            }

            draft = (command.Reply as CampaignReply)?.View?.Draft?.Json.ToArray();
        }

        if (draft is null)
        {
            return null;
        }

        var (programs, campaigns) = (engine.Programs.Current, engine.Programs.Campaigns.Catalog);
        var drafts = new List<CampaignDefinition>();
        foreach (var (name, json) in new[] { ("draft", draft), ("against", against) })
        {
            if (json is not null)
            {
                var found = new List<FieldError>();
                if (CampaignParser.Parse(json, id, 0, programs.Latest, campaigns, found) is { } parsed)
                {
                    drafts.Add(parsed);
                }

                errors.AddRange(found.Select(error => new FieldError(error.Field.Length == 0 ? name : $"{name}.{error.Field}", error.Message)));
            }
        }

        return errors.Count > 0 ? null : new(drafts, from!.Value, until!.Value, programs, campaigns);
    }

    private static void Parse(byte[] bytes, List<FieldError> errors, Action<JsonFields> read)
    {
        try
        {
            using var document = JsonDocument.Parse(bytes, new JsonDocumentOptions { MaxDepth = 20 });
            var fields = new JsonFields(document.RootElement, "", errors);
            if (errors.Count == 0)
            {
                read(fields);
                fields.RefuseUnknown();
            }
        }
        catch (JsonException e)
        {
            errors.Add(new("", $"is not valid JSON: {e.Message}"));
        }
    }

    private static byte[]? ReadObject(JsonFields fields, string name) =>
        fields.Raw(name) is { } element ? System.Text.Encoding.UTF8.GetBytes(element.GetRawText()) : null;

    /// <summary>A day in the program's time zone or an instant.</summary>
    private Instant? ReadTime(JsonFields fields, string name, bool required)
    {
        if (!required && !fields.Has(name))
        {
            fields.Known(name);
            return null;
        }

        var text = fields.Text(name, 40);
        if (text.Length == 0)
        {
            return null;
        }

        if (LocalDatePattern.Iso.Parse(text) is { Success: true, Value: var day })
        {
            return engine.Programs.Current.Latest.Calendar.StartOf(day);
        }

        if (OffsetDateTimePattern.Rfc3339.Parse(text) is { Success: true, Value: var at })
        {
            return at.ToInstant();
        }

        fields.Error(name, $"is '{text}'; a day such as 2010-12-01 or an instant such as 2010-12-01T08:00:00Z is needed");
        return null;
    }

    private static Problem NoJournal() => new(
        501, "no-journal", "This process has no journal", "a gateway of its own cannot read all the books; ask a gateway in a silo, or use './loyalty backtest' beside the journal", []);

    private static Problem NoDraft(string id) => new(
        404, "unknown-campaign", "The campaign is not known", $"there is no draft '{id}'; send one as 'draft', or PUT /v1/campaigns/{id}", [new("id", $"'{id}' is not known")]);

    private static Problem NoJob(string id) => new(
        404, "unknown-backtest", "The back-test is not known", $"there is no back-test '{id}': it may have been started by another process, or forgotten ({BacktestJobs.MaxKept} are kept until a restart)", [new("id", $"'{id}' is not known")]);
}
