using Loyalty.Domain.Members;
using Loyalty.Domain.Programs;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Sales;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using NodaTime;

namespace Loyalty.Gateway.Http;

/// <summary>Writes what a request came to as JSON.</summary>
internal static partial class ReplyWriter
{
    /// <summary>The expiry that the thread wrote last: nearly all sales of a day have the same.</summary>
    [ThreadStatic]
    private static ExpiryText? _expiry;

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
            OutcomeKind.Unknown => Problem.Unknown(outcome.Refusal!.Code, outcome.Refusal.Field, outcome.Refusal.Detail),
            _ => null,
        };
    }

    /// <summary>Writes the reply of a request that is in the books.</summary>
    public static void Write(AnswerText json, RequestCommand command, ProgramCatalog programs)
    {
        var outcome = command.Outcome;
        json.Raw("{\"id\":"u8);
        json.Text(command.Request.Id);
        switch (outcome.Fact)
        {
            case PurchaseRecorded recorded:
                json.Raw(",\"member\":"u8);
                json.Text(command.Target.Key);
                WriteReplayed(json, outcome.Replayed);
                WriteAwards(json, recorded.Awards, recorded.Purchase.At, programs.Latest.Calendar);
                WriteCampaigns(json, recorded.Campaigns);
                break;
            case ActivityRecorded recorded:
                json.Raw(",\"member\":"u8);
                json.Text(command.Target.Key);
                json.Raw(",\"type\":"u8);
                json.Text(recorded.Activity.Type);
                WriteReplayed(json, outcome.Replayed);
                WriteAwards(json, recorded.Awards, recorded.Activity.At, programs.Latest.Calendar);
                WriteCampaigns(json, recorded.Campaigns);
                break;
            case ReturnRecorded recorded:
                WriteReturn(json, recorded.Return, command.Target.Key, outcome.Replayed, ",\"status\":\"applied\""u8);
                WriteTakes(json, recorded.Takes);
                WriteCampaigns(json, recorded.Campaigns);
                WriteRefund(json, recorded.Tender);
                break;
            case ReturnWaits waits:
                WriteReturn(json, waits.Return, command.Target.Key, outcome.Replayed, ",\"status\":\"waiting\",\"awards\":[]"u8);
                break;
            case PointsAdjusted adjusted:
                json.Raw(",\"member\":"u8);
                json.Text(command.Target.Key);
                WriteReplayed(json, outcome.Replayed);
                json.Raw(",\"unit\":"u8);
                json.Text(adjusted.Adjustment.Unit);
                json.Raw(",\"points\":"u8);
                json.Number(adjusted.Adjustment.Points);
                break;
            case Domain.Rewards.StockChanged changed:
                json.Raw(",\"reward\":"u8);
                json.Text(changed.Request.Reward);
                WriteReplayed(json, outcome.Replayed);
                json.Raw(",\"change\":"u8);
                json.Number(changed.Request.Change);
                json.Raw(",\"free\":"u8);
                json.Number(changed.FreeAfter);
                json.Raw("}"u8);
                return;
            case HoldOpened or HoldCommitted or HoldReleased or PointsRedeemed or RedemptionReversed:
                WriteSpending(json, command, (MemberEvent)outcome.Fact);
                break;
            case SaleCounted:
                WriteReplayed(json, outcome.Replayed);
                json.Raw(",\"awards\":[]"u8);
                break;
            case SaleReturned returned:
                WriteReturn(json, returned.Return, null, outcome.Replayed, ",\"status\":\"applied\",\"awards\":[]"u8);
                break;
        }

        WriteBalances(json, outcome.Answer?.Balances ?? []);
        if (outcome.Answer?.Tier is { } tier)
        {
            json.Raw(",\"tier\":"u8);
            json.Text(tier);
        }

        if (outcome.Skipped is { } skipped)
        {
            WriteSkipped(json, skipped);
        }

        json.Raw("}"u8);
    }

    private static void WriteReplayed(AnswerText json, bool replayed) => json.Raw(replayed ? ",\"replayed\":true"u8 : ",\"replayed\":false"u8);

    private static void WriteReturn(AnswerText json, Return request, string? member, bool replayed, ReadOnlySpan<byte> status)
    {
        if (request.Purchase is { } purchase)
        {
            json.Raw(",\"purchase\":"u8);
            json.Text(purchase);
        }

        if (member is not null)
        {
            json.Raw(",\"member\":"u8);
            json.Text(member);
        }

        WriteReplayed(json, replayed);
        json.Raw(status);
    }

    private static void WriteTakes(AnswerText json, TakeBack[] takes)
    {
        json.Raw(",\"awards\":["u8);
        for (var i = 0; i < takes.Length; i++)
        {
            WriteAward(json, isFirst: i == 0, takes[i].Rule, takes[i].Unit, -takes[i].Points);
            json.Raw("}"u8);
        }

        json.Raw("]"u8);
    }

    private static void WriteAwards(AnswerText json, Award[] awards, Instant at, BusinessCalendar calendar)
    {
        json.Raw(",\"awards\":["u8);
        for (var i = 0; i < awards.Length; i++)
        {
            ref readonly var award = ref awards[i];
            WriteAward(json, isFirst: i == 0, award.Rule, award.Unit, award.Points);
            json.Raw(",\"availableAt\":"u8);
            json.Time(award.Lot.AvailableOn == award.Lot.EarnedOn ? at : calendar.StartOf(award.Lot.AvailableOn));
            if (award.Lot.LastDay is { } last)
            {
                if (_expiry is not { } expiry || expiry.LastDay != last || !ReferenceEquals(expiry.Calendar, calendar))
                {
                    _expiry = expiry = new(last, calendar);
                }

                json.Raw(expiry.Json);
            }

            json.Raw("}"u8);
        }

        json.Raw("]"u8);
    }

    /// <summary>The beginning of an award; the caller closes it.</summary>
    private static void WriteAward(AnswerText json, bool isFirst, string rule, string unit, long points)
    {
        json.Raw(isFirst ? "{\"rule\":"u8 : ",{\"rule\":"u8);
        json.Text(rule);
        json.Raw(",\"unit\":"u8);
        json.Text(unit);
        json.Raw(",\"points\":"u8);
        json.Number(points);
    }

    private static void WriteBalances(AnswerText json, Balance[] balances)
    {
        json.Raw(",\"balances\":["u8);
        for (var i = 0; i < balances.Length; i++)
        {
            json.Raw(i == 0 ? "{\"unit\":"u8 : ",{\"unit\":"u8);
            json.Text(balances[i].Unit);
            json.Raw(",\"available\":"u8);
            json.Number(balances[i].Available);
            json.Raw(",\"pending\":"u8);
            json.Number(balances[i].Pending);
            json.Raw(",\"held\":"u8);
            json.Number(balances[i].Held);
            json.Raw("}"u8);
        }

        json.Raw("]"u8);
    }

    /// <summary>When points of a last day lapse, as the property <c>expiresAt</c>.</summary>
    private sealed class ExpiryText
    {
        public ExpiryText(LocalDate lastDay, BusinessCalendar calendar)
        {
            (LastDay, Calendar) = (lastDay, calendar);
            var json = new AnswerText();
            json.Raw(",\"expiresAt\":"u8);
            json.Time(calendar.StartOf(lastDay.PlusDays(1)));
            Json = json.Written.ToArray();
        }

        public LocalDate LastDay { get; }

        public BusinessCalendar Calendar { get; }

        public byte[] Json { get; }
    }
}
