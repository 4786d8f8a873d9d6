using Loyalty.Domain.Encoding;
using Loyalty.Domain.Members;
using Loyalty.Runtime.Kernel;

namespace Loyalty.Runtime.Loyalty;

/// <summary>A step of a member to a reward. docs/SPENDING.md, "Rewards".</summary>
internal enum RewardStep : byte
{
    /// <summary>A hold wants it.</summary>
    Reserve = 1,

    /// <summary>The hold was committed.</summary>
    Confirm = 2,

    /// <summary>The hold ended without a redemption.</summary>
    Release = 3,

    /// <summary>The redemption was reversed.</summary>
    Restock = 4,
}

/// <summary>What a member sends to a reward.</summary>
/// <param name="Step">Which step.</param>
/// <param name="Hold">Id of the hold.</param>
/// <param name="Quantity">How many.</param>
internal readonly record struct RewardMessage(RewardStep Step, string Hold, int Quantity);

/// <summary>What members and rewards send each other: effects with a key of their own, so that each step is decided once.</summary>
internal static class RewardMessages
{
    /// <summary>Sends a step to the reward; nothing without one.</summary>
    public static void Send(Turn turn, HeldReward? reward, string hold, RewardStep step)
    {
        if (reward is null)
        {
            return;
        }

        var writer = new ByteWriter();
        writer.Byte((byte)step);
        writer.Text(hold);
        writer.VarInt(reward.Quantity);
        turn.AddEffect(ActorIds.Reward(reward.Reward), writer.Written.ToArray(), $"{step switch { RewardStep.Reserve => "reserve", RewardStep.Restock => "restock", _ => "end" }}:{hold}");
    }

    /// <summary>Reads what <see cref="Send"/> wrote.</summary>
    public static RewardMessage Read(ReadOnlySpan<byte> message)
    {
        var reader = new ByteReader(message);
        return new((RewardStep)reader.Byte(), reader.Text()!, (int)reader.VarInt());
    }

    /// <summary>Sends the reward's decision to the member.</summary>
    public static void SendDecision(Turn turn, ActorId member, string hold, Refusal? refusal)
    {
        var writer = new ByteWriter();
        writer.Byte((byte)MemberMessage.RewardDecided);
        writer.Text(hold);
        writer.Flag(refusal is not null);
        if (refusal is not null)
        {
            writer.Text(refusal.Code);
            writer.Text(refusal.Field);
            writer.Text(refusal.Detail);
        }

        turn.AddEffect(member, writer.Written.ToArray(), $"decided:{hold}");
    }
}

/// <summary>
/// The first byte of what other actors send to members, so that each subject knows its own: 1 to 9 rewards, 10 to 19 transfers and households, 20 to 29 exchange, 30 to 39 vouchers.
/// </summary>
internal enum MemberMessage : byte
{
    /// <summary>A reward decided about a hold.</summary>
    RewardDecided = 1,

    /// <summary>Another member sent points.</summary>
    TransferArrives = 10,

    /// <summary>The receiver of points decided about them.</summary>
    TransferDecided = 11,

    /// <summary>The household answers what the member asked.</summary>
    HouseholdAnswers = 12,

    /// <summary>A voucher gives points.</summary>
    VoucherPoints = 30,
}

/// <summary>What members do about the effects of other actors.</summary>
internal static class MemberMessages
{
    /// <summary>Decides.</summary>
    public static void Decide(MemberDecider decider, EffectCommand effect)
    {
        var reader = new ByteReader(effect.Message.Span);
        switch ((MemberMessage)reader.Byte())
        {
            case MemberMessage.RewardDecided:
                decider.DecideReward(reader.Text()!, reader.Flag() ? new(reader.Text()!, reader.Text()!, reader.Text()!) : null);
                break;
            case MemberMessage.VoucherPoints:
                decider.GiveVoucherPoints(reader.Text()!, reader.Text()!, reader.VarInt());
                break;
            case var other:
                throw new InvalidOperationException($"members do not understand message {(byte)other} of {effect.Sender}");
        }
    }
}
