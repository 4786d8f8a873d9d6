using Loyalty.Domain.Members;
using Loyalty.Runtime.Loyalty;

namespace Loyalty.Gateway.Http;

/// <summary>What is said about holds, redemptions and tender.</summary>
internal static partial class ReplyWriter
{
    /// <summary>Writes the reply of a hold or redemption that had to ask a reward.</summary>
    public static void Write(AnswerText json, RequestCommand command, HoldView hold)
    {
        json.Raw("{\"id\":"u8);
        json.Text(hold.Id);
        Property(json, ",\"member\":"u8, hold.Member);
        WriteReplayed(json, command.Outcome.Replayed);
        WriteHold(json, hold);
        WriteBalances(json, (hold.Answer ?? command.Outcome.Answer)?.Balances ?? []);
        WriteTier(json, (hold.Answer ?? command.Outcome.Answer)?.Tier);
        json.Raw("}"u8);
    }

    /// <summary>Writes a hold as it stands.</summary>
    public static void Write(AnswerText json, HoldView hold)
    {
        json.Raw("{\"id\":"u8);
        json.Text(hold.Id);
        Property(json, ",\"member\":"u8, hold.Member);
        WriteHold(json, hold);
        if (hold.Refusal is { } refusal)
        {
            Property(json, ",\"refusal\":{\"code\":"u8, refusal.Code);
            Property(json, ",\"detail\":"u8, refusal.Detail);
            json.Raw("}"u8);
        }

        json.Raw("}"u8);
    }

    private static void WriteHold(AnswerText json, HoldView hold)
    {
        Property(json, ",\"status\":"u8, StatusOf(hold.Status));
        WritePoints(json, hold.Unit, hold.Points);
        if (hold.ExpiresAt is { } at)
        {
            json.Raw(",\"expiresAt\":"u8);
            json.Time(at);
        }

        WriteReward(json, hold.Reward);
    }

    private static void WriteSpending(AnswerText json, RequestCommand command, MemberEvent fact)
    {
        switch (fact)
        {
            case HoldCommitted e:
                Property(json, ",\"hold\":"u8, e.Hold);
                break;
            case HoldReleased e:
                Property(json, ",\"hold\":"u8, e.Hold);
                break;
            case RedemptionReversed e:
                Property(json, ",\"redemption\":"u8, e.After.Id);
                break;
        }

        Property(json, ",\"member\":"u8, command.Target.Key);
        WriteReplayed(json, command.Outcome.Replayed);
        switch (fact)
        {
            case HoldOpened e:
                WriteHold(json, new(e.Hold, command.Target.Key, e.Reward is null ? HoldStatus.Open : HoldStatus.Reserving, e.Unit, Lot.Sum(e.Lots), e.ExpiresAt, e.Reward, null, null));
                break;
            case PointsRedeemed e:
                Property(json, ",\"status\":"u8, StatusOf(HoldStatus.Committed));
                WritePoints(json, e.Unit, Lot.Sum(e.Lots));
                break;
            case HoldCommitted e:
                WritePoints(json, e.Unit, Lot.Sum(e.Redeemed));
                json.Raw(",\"freed\":"u8);
                json.Number(Lot.Sum(e.Freed) + e.Repaid);
                WriteReward(json, e.Reward);
                break;
            case HoldReleased e:
                WritePoints(json, e.Unit, Lot.Sum(e.Freed) + e.Repaid);
                break;
            case RedemptionReversed e:
                WritePoints(json, e.After.Unit, Lot.Sum(e.Freed) + e.Repaid);
                json.Raw(",\"left\":"u8);
                json.Number(Lot.Sum(e.After.Lots));
                break;
        }
    }

    private static void WriteRefund(AnswerText json, TenderReturned? returned)
    {
        if (returned is null)
        {
            return;
        }

        Property(json, ",\"refund\":{\"unit\":"u8, returned.Unit);
        json.Raw(",\"points\":"u8);
        json.Number(returned.Points);
        json.Raw(",\"amount\":"u8);
        json.Number(returned.Amount);
        json.Raw(",\"money\":"u8);
        json.Number(returned.Money);
        json.Raw("}"u8);
    }

    private static void WritePoints(AnswerText json, string unit, long points)
    {
        Property(json, ",\"unit\":"u8, unit);
        json.Raw(",\"points\":"u8);
        json.Number(points);
    }

    private static void WriteReward(AnswerText json, HeldReward? reward)
    {
        if (reward is null)
        {
            return;
        }

        Property(json, ",\"reward\":"u8, reward.Reward);
        json.Raw(",\"quantity\":"u8);
        json.Number(reward.Quantity);
        if (reward.Money > 0)
        {
            json.Raw(",\"money\":"u8);
            json.Number(reward.Money);
        }
    }

    private static void WriteTier(AnswerText json, string? tier)
    {
        if (tier is not null)
        {
            Property(json, ",\"tier\":"u8, tier);
        }
    }

    private static void Property(AnswerText json, ReadOnlySpan<byte> name, string value)
    {
        json.Raw(name);
        json.Text(value);
    }

    private static string StatusOf(HoldStatus status) => status switch
    {
        HoldStatus.Reserving => "reserving",
        HoldStatus.Open => "open",
        HoldStatus.Committed => "committed",
        HoldStatus.Cancelled => "cancelled",
        HoldStatus.TimedOut => "timed-out",
        HoldStatus.Refused => "refused",
        HoldStatus.Closed => "closed",
        _ => "reversed",
    };
}
