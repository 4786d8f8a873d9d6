using Loyalty.Domain.Encoding;
using Loyalty.Domain.Exchange;
using Loyalty.Domain.Members;
using Loyalty.Runtime.Kernel;

namespace Loyalty.Runtime.Loyalty;

/// <summary>The member's steps of exchanges, between the kernel and <see cref="MemberDecider"/>.</summary>
internal static class Exchanges
{
    public static StepAnswer Do(StepCommand command, MemberDecider decider, Turn turn)
    {
        switch (command.Step)
        {
            case HoldPoints step:
                var refusal = decider.Begin(step.Reservation);
                turn.AddKey(KeyScopes.Request, command.RequestId!, unique: true);
                if (refusal is null)
                {
                    return StepAnswer.Done;
                }

                decider.Refuse(command.RequestId!, 0, refusal);
                return StepAnswer.Refused(refusal);
            case CreditMember step:
                decider.Complete(step.Exchange);
                return StepAnswer.Done;
            case FreePoints step:
                decider.Undo(step.Exchange);
                return StepAnswer.Done;
            default:
                throw new InvalidOperationException($"members do not understand {command.Step.GetType().Name}");
        }
    }

    /// <summary>What was answered then, or null: the record is about something else.</summary>
    public static StepAnswer? Replay(StepCommand command, ReadOnlySpan<byte> events)
    {
        var reader = new ByteReader(events);
        while (!reader.AtEnd)
        {
            switch (MemberCodec.Read(ref reader))
            {
                case ExchangeOpened opened when opened.Exchange.Id == command.Step.Exchange:
                    return StepAnswer.Done;
                case RequestRefused refused when refused.RequestId == command.RequestId:
                    return StepAnswer.Refused(refused.Refusal);
            }
        }

        return null;
    }
}
