using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Loyalty.Domain.Ledger;
using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Validation;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using NodaTime;

namespace Loyalty.Gateway.Http;

/// <summary>Members among the campaigns: activities, quotes, attributes, progress, feedback. docs/CAMPAIGNS.md.</summary>
internal sealed class EngagementEndpoint(LoyaltyEngine engine, GatewayLimits limits)
{
    /// <summary>What a quote is called that has no id: nothing is recorded under it.</summary>
    private const string NoId = "quote";

    /// <summary><c>POST /v1/activities</c>: one, or a stream of lines.</summary>
    public async Task RecordAsync(HttpContext context)
    {
        var problem = Media.ProblemOf(context.Request, "application/json for one, application/x-ndjson for a stream", "application/json", "application/x-ndjson");
        var isExplained = SalesEndpoint.ReadExplain(context.Request, ref problem);
        if (problem is not null)
        {
            await HttpReplies.WriteProblemAsync(context, problem).ConfigureAwait(false);
            return;
        }

        if (Media.Is(context.Request.ContentType, "application/x-ndjson"))
        {
            await new SaleStream(engine, limits, context, isReturn: false, isExplained, new ActivityReader()).RunAsync().ConfigureAwait(false);
            return;
        }

        (var bytes, problem) = await DocumentBody.ReadAsync(context, limits.SingleBodyBytes).ConfigureAwait(false);
        if (bytes is null)
        {
            await HttpReplies.WriteProblemAsync(context, problem!).ConfigureAwait(false);
            return;
        }

        var reader = new ActivityReader();
        if (reader.Read(bytes) is not { } activity)
        {
            await HttpReplies.WriteProblemAsync(context, Problem.Shape([.. reader.Errors]), reader.Id).ConfigureAwait(false);
            return;
        }

        var command = await engine.RecordActivityAsync(activity, isExplained).ConfigureAwait(false);
        await SalesEndpoint.ReplyAsync(context, engine, command).ConfigureAwait(false);
    }

    /// <summary><c>POST /v1/quotes</c>.</summary>
    public async Task QuoteAsync(HttpContext context)
    {
        var (bytes, problem) = await DocumentBody.ReadAsync(context, limits.SingleBodyBytes).ConfigureAwait(false);
        var isExplained = SalesEndpoint.ReadExplain(context.Request, ref problem);
        var reader = new SaleReader { UsualId = NoId };
        var purchase = problem is null ? reader.Read(bytes!, isReturn: false, mixed: false) as Purchase : null;
        problem ??= purchase is null ? Problem.Shape([.. reader.Errors])
            : purchase.Member is null ? Problem.Shape("member", "is missing; a sale without member earns nothing") : null;
        if (problem is not null)
        {
            await HttpReplies.WriteProblemAsync(context, problem).ConfigureAwait(false);
            return;
        }

        var command = await engine.QuoteAsync(purchase!, isExplained).ConfigureAwait(false);
        var quote = command.Reply as MemberQuote;
        problem = SpendingEndpoint.NotDone(command)
            ?? (quote is null ? Problem.UnknownMember(purchase!.Member) : quote.Refusal is { } refusal ? Problem.Rule(refusal.Code, refusal.Field, refusal.Detail) : null);
        if (problem is not null)
        {
            await HttpReplies.WriteProblemAsync(context, problem).ConfigureAwait(false);
            return;
        }

        var answer = HttpReplies.EmptyAnswer();
        ReplyWriter.Write(answer, purchase!.Member!, quote!, isExplained, engine.Programs.Current);
        await HttpReplies.WriteAsync(context, 200, "application/json", answer.Written).ConfigureAwait(false);
    }

    /// <summary><c>PUT /v1/members/{id}/attributes</c>.</summary>
    public async Task SetAttributesAsync(HttpContext context)
    {
        var id = MembersEndpoint.MemberOf(context);
        var (attributes, problem) = await DocumentBody.ReadAsync(context, ReadAttributes).ConfigureAwait(false);
        if (attributes is null)
        {
            await HttpReplies.WriteProblemAsync(context, problem!).ConfigureAwait(false);
            return;
        }

        var command = await engine.SetAttributesAsync(id, attributes).ConfigureAwait(false);
        var reply = command.Reply as MemberReply;
        problem = SpendingEndpoint.NotDone(command)
            ?? (reply!.Refusal is { } refusal ? Problem.Rule(refusal.Code, refusal.Field, refusal.Detail) : reply.View is null ? Problem.UnknownMember(id) : null);
        if (problem is not null)
        {
            await HttpReplies.WriteProblemAsync(context, problem).ConfigureAwait(false);
            return;
        }

        await HttpReplies.WriteJsonAsync(context, 200, (id, attributes), static (writer, x) =>
        {
            writer.WriteStartObject();
            writer.WriteString("member"u8, x.id);
            Write(writer, x.attributes);
            writer.WriteEndObject();
        }).ConfigureAwait(false);
    }

    /// <summary><c>GET /v1/members/{id}/campaigns</c>.</summary>
    public async Task GetProgressAsync(HttpContext context)
    {
        var id = MembersEndpoint.MemberOf(context);
        var command = await engine.GetMemberCampaignsAsync(id).ConfigureAwait(false);
        if ((SpendingEndpoint.NotDone(command) ?? (command.Reply is null ? Problem.UnknownMember(id) : null)) is { } problem)
        {
            await HttpReplies.WriteProblemAsync(context, problem).ConfigureAwait(false);
            return;
        }

        await HttpReplies.WriteJsonAsync(context, 200, (MemberCampaignsView)command.Reply!, static (writer, view) =>
        {
            writer.WriteStartObject();
            writer.WriteString("member"u8, view.Member);
            Write(writer, view.Attributes);
            writer.WriteStartArray("campaigns"u8);
            foreach (var campaign in view.Progress)
            {
                writer.WriteStartObject();
                writer.WriteString("campaign"u8, campaign.Campaign);
                writer.WriteString("name"u8, campaign.Name);
                writer.WriteString("kind"u8, campaign.Kind);
                writer.WriteStartArray("steps"u8);
                foreach (var step in campaign.Steps)
                {
                    writer.WriteStartObject();
                    writer.WriteString("name"u8, step.Name);
                    writer.WriteNumber("progress"u8, step.Progress);
                    writer.WriteNumber("target"u8, step.Target);
                    writer.WriteEndObject();
                }

                writer.WriteEndArray();
                writer.WriteNumber("done"u8, campaign.Done);
                if (campaign.Until is { } until)
                {
                    writer.WriteString("until"u8, until.ToDateTimeUtc());
                }

                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }).ConfigureAwait(false);
    }

    /// <summary><c>GET /v1/feedback</c>: net promoter score of all surveys, satisfaction of all scored reviews.</summary>
    public async Task FeedbackAsync(HttpContext context) =>
        await HttpReplies.WriteJsonAsync(context, 200, await engine.Books.TotalsAsync().ConfigureAwait(false), static (writer, totals) =>
        {
            long Of(string counter) => totals.Sums.GetValueOrDefault(MeasureNames.Counter(counter));
            var (promoters, passives, detractors) = (Of(Counters.Promoters), Of(Counters.Passives), Of(Counters.Detractors));
            var (surveys, reviews) = (promoters + passives + detractors, Of(Counters.Reviews));
            writer.WriteStartObject();
            writer.WriteNumber("asOf"u8, totals.Position);
            writer.WriteNumber("surveys"u8, surveys);
            writer.WriteNumber("promoters"u8, promoters);
            writer.WriteNumber("passives"u8, passives);
            writer.WriteNumber("detractors"u8, detractors);
            if (surveys > 0)
            {
                writer.WriteNumber("netPromoterScore"u8, Math.Round(100m * (promoters - detractors) / surveys, 1, MidpointRounding.AwayFromZero));
            }

            writer.WriteNumber("reviews"u8, reviews);
            if (reviews > 0)
            {
                writer.WriteNumber("satisfaction"u8, Math.Round((decimal)Of(Counters.ReviewScores) / reviews, 2, MidpointRounding.AwayFromZero));
            }

            writer.WriteEndObject();
        }).ConfigureAwait(false);

    private static MemberAttributes ReadAttributes(JsonFields fields)
    {
        if (!fields.Has("tags"))
        {
            // An empty list takes all away; a body without one is a mistake.
            fields.Error("tags", $"is missing; a list of 0 to {MemberAttributes.MaxTags} is needed");
        }

        var tags = fields.Words("tags", 0, MemberAttributes.MaxTags, MemberAttributes.TagLength) ?? [];
        AnnualDate? birthday = null;
        fields.Known("birthday");
        if (fields.Has("birthday"))
        {
            var text = fields.Text("birthday", 10);
            birthday = NodaTime.Text.AnnualDatePattern.CreateWithInvariantCulture("MM'-'dd").Parse(text) is { Success: true, Value: var day } ? day : null;
            if (birthday is null && text.Length > 0)
            {
                fields.Error("birthday", $"is '{text}'; month and day are needed, for example 02-29 (the year is not kept)");
            }
        }

        return MemberAttributes.Of(tags, birthday);
    }

    private static void Write(Utf8JsonWriter writer, MemberAttributes attributes)
    {
        writer.WriteStartArray("tags"u8);
        foreach (var tag in attributes.Tags)
        {
            writer.WriteStringValue(tag);
        }

        writer.WriteEndArray();
        if (attributes.Birthday is { } birthday)
        {
            writer.WriteString("birthday"u8, birthday.ToString("MM'-'dd", CultureInfo.InvariantCulture));
        }
    }
}
