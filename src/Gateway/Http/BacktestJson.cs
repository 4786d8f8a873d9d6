using System.Text.Json;
using Loyalty.Runtime.Backtests;
using NodaTime;

namespace Loyalty.Gateway.Http;

/// <summary>Trials and reports of campaigns as JSON: docs/BACKTESTS.md.</summary>
internal static class BacktestJson
{
    /// <summary>A job with, when it is done, its report.</summary>
    public static void Write(Utf8JsonWriter writer, BacktestJob job)
    {
        writer.WriteStartObject();
        writer.WriteString("id"u8, job.Id);
        writer.WriteString("campaign"u8, job.Campaign);
        // Read before the report: a job that ends in between is shown as running once more, never as done without a report.
        var status = job.Status;
        writer.WriteString("status"u8, status.ToString().ToLowerInvariant());
        writer.WriteString("startedAt"u8, job.StartedAt.ToDateTimeUtc());
        writer.WriteNumber("read"u8, job.Read);
        writer.WriteNumber("all"u8, job.All);
        if (status == BacktestStatus.Failed)
        {
            writer.WriteString("problem"u8, job.Problem);
        }

        if (status == BacktestStatus.Done)
        {
            writer.WritePropertyName("report"u8);
            Write(writer, job.Report!);
        }

        writer.WriteEndObject();
    }

    /// <summary>What a trial found.</summary>
    public static void Write(Utf8JsonWriter writer, BacktestReport report)
    {
        writer.WriteStartObject();
        writer.WriteString("source"u8, report.Source);
        writer.WriteString("from"u8, report.From.ToDateTimeUtc());
        writer.WriteString("until"u8, report.Until.ToDateTimeUtc());
        writer.WriteNumber("purchases"u8, report.Purchases);
        writer.WriteNumber("returns"u8, report.Returns);
        writer.WriteNumber("activities"u8, report.Activities);
        writer.WriteNumber("elapsedSeconds"u8, Math.Round(report.Elapsed.TotalSeconds, 3));
        writer.WriteStartArray("drafts"u8);
        foreach (var draft in report.Drafts)
        {
            Write(writer, draft);
        }

        writer.WriteEndArray();
        if (report.Drafts is [var first, var second])
        {
            writer.WriteStartObject("difference"u8);
            writer.WriteString("is"u8, "the second draft less the first");
            writer.WriteNumber("requests"u8, second.Requests - first.Requests);
            writer.WriteNumber("members"u8, second.Members - first.Members);
            writer.WriteStartArray("points"u8);
            foreach (var unit in first.Points.Concat(second.Points).Select(points => points.Unit).Distinct(StringComparer.Ordinal))
            {
                writer.WriteStartObject();
                writer.WriteString("unit"u8, unit);
                writer.WriteNumber("net"u8, NetOf(second, unit) - NetOf(first, unit));
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        writer.WriteEndObject();

        static long NetOf(DraftReport draft, string unit) => draft.Points.FirstOrDefault(points => points.Unit == unit)?.Net ?? 0;
    }

    /// <summary>What a hold-out says.</summary>
    public static void Write(Utf8JsonWriter writer, CampaignReport report)
    {
        writer.WriteStartObject();
        writer.WriteString("campaign"u8, report.Campaign);
        writer.WriteString("from"u8, report.From.ToDateTimeUtc());
        writer.WriteString("until"u8, report.Until.ToDateTimeUtc());
        writer.WriteString("method"u8, "mean spend of members enrolled before 'from', with the campaign less held out; 95 % interval by Welch's t");
        Group("with"u8, report.With);
        Group("heldOut"u8, report.HeldOut);
        if (report.Uplift is { } uplift)
        {
            writer.WriteStartObject("uplift"u8);
            writer.WriteNumber("mean"u8, Rounded(uplift.Mean));
            writer.WriteNumber("low"u8, Rounded(uplift.Low));
            writer.WriteNumber("high"u8, Rounded(uplift.High));
            writer.WriteNumber("confidence"u8, Uplift.Confidence);
            writer.WriteNumber("degreesOfFreedom"u8, Rounded(uplift.DegreesOfFreedom));
            if (uplift.Relative is { } relative)
            {
                writer.WriteNumber("relative"u8, Math.Round(relative, 6));
            }

            writer.WriteEndObject();
        }
        else
        {
            writer.WriteNull("uplift"u8);
        }

        writer.WriteStartArray("points"u8);
        foreach (var (unit, net) in report.Points)
        {
            writer.WriteStartObject();
            writer.WriteString("unit"u8, unit);
            writer.WriteNumber("net"u8, net);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();

        void Group(ReadOnlySpan<byte> name, GroupSpend group)
        {
            writer.WriteStartObject(name);
            writer.WriteNumber("members"u8, group.Members);
            writer.WriteNumber("spend"u8, group.Spend);
            writer.WriteNumber("mean"u8, Rounded(group.Mean));
            writer.WriteNumber("standardDeviation"u8, Rounded(Math.Sqrt(group.Variance)));
            writer.WriteEndObject();
        }

        static double Rounded(double value) => Math.Round(value, 3);
    }

    private static void Write(Utf8JsonWriter writer, DraftReport draft)
    {
        writer.WriteStartObject();
        writer.WriteString("id"u8, draft.Id);
        writer.WriteNumber("requests"u8, draft.Requests);
        writer.WriteNumber("members"u8, draft.Members);
        writer.WriteStartArray("points"u8);
        foreach (var points in draft.Points)
        {
            writer.WriteStartObject();
            writer.WriteString("unit"u8, points.Unit);
            writer.WriteNumber("given"u8, points.Given);
            writer.WriteNumber("takenBack"u8, points.TakenBack);
            writer.WriteNumber("net"u8, points.Net);
            if (points.Cost is { } cost)
            {
                writer.WriteNumber("cost"u8, cost);
            }
            else
            {
                writer.WriteNull("cost"u8);
            }

            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        By("byDay"u8, "day"u8, draft.ByDay);
        By("byTier"u8, "tier"u8, draft.ByTier);
        By("byStore"u8, "store"u8, draft.ByStore);
        writer.WriteStartObject("usualSpend"u8);
        writer.WriteNumber("membersKnown"u8, draft.UsualSpend.MembersKnown);
        writer.WriteNumber("membersUnknown"u8, draft.UsualSpend.MembersUnknown);
        writer.WriteNumber("usual"u8, draft.UsualSpend.Usual);
        writer.WriteNumber("actual"u8, draft.UsualSpend.Actual);
        writer.WriteStartArray("points"u8);
        foreach (var points in draft.UsualSpend.Points)
        {
            writer.WriteStartObject();
            writer.WriteString("unit"u8, points.Unit);
            writer.WriteNumber("anyway"u8, points.Anyway);
            writer.WriteNumber("growth"u8, points.Growth);
            writer.WriteNumber("unknown"u8, points.Unknown);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
        if (draft.Budget is { } budget)
        {
            writer.WriteStartObject("budget"u8);
            writer.WriteNumber("amount"u8, budget.Amount);
            writer.WriteNumber("spent"u8, budget.Spent);
            if (budget.ExhaustedAt is { } at)
            {
                writer.WriteString("exhaustedAt"u8, at.ToDateTimeUtc());
            }
            else
            {
                writer.WriteNull("exhaustedAt"u8);
            }

            writer.WriteEndObject();
        }

        writer.WriteNumber("notReplayed"u8, draft.NotReplayed);
        writer.WriteEndObject();

        void By(ReadOnlySpan<byte> list, ReadOnlySpan<byte> key, IReadOnlyList<PointsBy> lines)
        {
            writer.WriteStartArray(list);
            foreach (var line in lines)
            {
                writer.WriteStartObject();
                writer.WriteString(key, line.Key);
                writer.WriteNumber("requests"u8, line.Requests);
                writer.WriteStartObject("net"u8);
                foreach (var (unit, points) in line.Net)
                {
                    writer.WriteNumber(unit, points);
                }

                writer.WriteEndObject();
                writer.WriteNumber("cost"u8, line.Cost);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
        }
    }
}
