using System.Text.Json;
using Loyalty.Domain.Members;
using Loyalty.Domain.Programs;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Sales;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using NodaTime;

namespace Loyalty.Gateway.Http;

/// <summary>Writes what a request came to as JSON.</summary>
internal static class ReplyWriter
{
    private static readonly JsonEncodedText Id = JsonEncodedText.Encode("id");
    private static readonly JsonEncodedText Member = JsonEncodedText.Encode("member");
    private static readonly JsonEncodedText Purchase = JsonEncodedText.Encode("purchase");
    private static readonly JsonEncodedText Replayed = JsonEncodedText.Encode("replayed");
    private static readonly JsonEncodedText Status = JsonEncodedText.Encode("status");
    private static readonly JsonEncodedText Awards = JsonEncodedText.Encode("awards");
    private static readonly JsonEncodedText Rule = JsonEncodedText.Encode("rule");
    private static readonly JsonEncodedText Unit = JsonEncodedText.Encode("unit");
    private static readonly JsonEncodedText Points = JsonEncodedText.Encode("points");
    private static readonly JsonEncodedText AvailableAt = JsonEncodedText.Encode("availableAt");
    private static readonly JsonEncodedText ExpiresAt = JsonEncodedText.Encode("expiresAt");
    private static readonly JsonEncodedText Balances = JsonEncodedText.Encode("balances");
    private static readonly JsonEncodedText Available = JsonEncodedText.Encode("available");
    private static readonly JsonEncodedText Pending = JsonEncodedText.Encode("pending");
    private static readonly JsonEncodedText Held = JsonEncodedText.Encode("held");
    private static readonly JsonEncodedText Tier = JsonEncodedText.Encode("tier");

    /// <summary>The problem of a command that ended, or null when it is in the books.</summary>
    public static Problem? ProblemOf(RequestCommand command)
    {
        switch (command.Status)
        {
            case CommandStatus.Busy:
                return Problem.Busy(command.Problem);
            case CommandStatus.Unavailable:
                return Problem.Unavailable(command.Problem);
        }

        var outcome = command.Outcome;
        return outcome.Kind switch
        {
            OutcomeKind.Refused => Problem.Rule(outcome.Refusal!.Code, outcome.Refusal.Field, outcome.Refusal.Detail),
            OutcomeKind.Conflict => Problem.Conflict(outcome.Refusal!.Detail),
            OutcomeKind.UnknownMember => Problem.UnknownMember(command.Target.Key),
            _ => null,
        };
    }

    /// <summary>Writes the reply of a request that is in the books.</summary>
    public static void Write(Utf8JsonWriter writer, RequestCommand command, ProgramCatalog programs)
    {
        var outcome = command.Outcome;
        writer.WriteStartObject();
        writer.WriteString(Id, command.Request.Id);
        switch (outcome.Fact)
        {
            case PurchaseRecorded recorded:
                writer.WriteString(Member, command.Target.Key);
                writer.WriteBoolean(Replayed, outcome.Replayed);
                WriteAwards(writer, recorded, programs.Latest.Calendar);
                break;
            case ReturnRecorded recorded:
                WriteReturn(writer, recorded.Return, command.Target.Key, outcome.Replayed, "applied");
                writer.WriteStartArray(Awards);
                foreach (var take in recorded.Takes)
                {
                    writer.WriteStartObject();
                    writer.WriteString(Rule, take.Rule);
                    writer.WriteString(Unit, take.Unit);
                    writer.WriteNumber(Points, -take.Points);
                    writer.WriteEndObject();
                }

                writer.WriteEndArray();
                break;
            case ReturnWaits waits:
                WriteReturn(writer, waits.Return, command.Target.Key, outcome.Replayed, "waiting");
                writer.WriteStartArray(Awards);
                writer.WriteEndArray();
                break;
            case PointsAdjusted adjusted:
                writer.WriteString(Member, command.Target.Key);
                writer.WriteBoolean(Replayed, outcome.Replayed);
                writer.WriteString(Unit, adjusted.Adjustment.Unit);
                writer.WriteNumber(Points, adjusted.Adjustment.Points);
                break;
            case SaleCounted:
                writer.WriteBoolean(Replayed, outcome.Replayed);
                writer.WriteStartArray(Awards);
                writer.WriteEndArray();
                break;
            case SaleReturned returned:
                WriteReturn(writer, returned.Return, null, outcome.Replayed, "applied");
                writer.WriteStartArray(Awards);
                writer.WriteEndArray();
                break;
        }

        WriteBalances(writer, outcome.Answer?.Balances ?? []);
        if (outcome.Answer?.Tier is { } tier)
        {
            writer.WriteString(Tier, tier);
        }

        writer.WriteEndObject();
    }

    /// <summary>Writes balances as the property <c>balances</c>.</summary>
    public static void WriteBalances(Utf8JsonWriter writer, IReadOnlyList<Balance> balances)
    {
        writer.WriteStartArray(Balances);
        for (var i = 0; i < balances.Count; i++)
        {
            writer.WriteStartObject();
            writer.WriteString(Unit, balances[i].Unit);
            writer.WriteNumber(Available, balances[i].Available);
            writer.WriteNumber(Pending, balances[i].Pending);
            writer.WriteNumber(Held, balances[i].Held);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void WriteReturn(Utf8JsonWriter writer, Return request, string? member, bool replayed, string status)
    {
        if (request.Purchase is { } purchase)
        {
            writer.WriteString(Purchase, purchase);
        }

        if (member is not null)
        {
            writer.WriteString(Member, member);
        }

        writer.WriteBoolean(Replayed, replayed);
        writer.WriteString(Status, status);
    }

    private static void WriteAwards(Utf8JsonWriter writer, PurchaseRecorded recorded, BusinessCalendar calendar)
    {
        writer.WriteStartArray(Awards);
        foreach (ref readonly var award in recorded.Awards.AsSpan())
        {
            writer.WriteStartObject();
            writer.WriteString(Rule, award.Rule);
            writer.WriteString(Unit, award.Unit);
            writer.WriteNumber(Points, award.Points);
            writer.WriteString(
                AvailableAt, Utc(award.Lot.AvailableOn == award.Lot.EarnedOn ? recorded.Purchase.At : calendar.StartOf(award.Lot.AvailableOn)));
            if (award.Lot.LastDay is { } last)
            {
                writer.WriteString(ExpiresAt, Utc(calendar.StartOf(last.PlusDays(1))));
            }

            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static DateTime Utc(Instant instant) => instant.ToDateTimeUtc();
}
