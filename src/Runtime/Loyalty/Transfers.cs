using Loyalty.Domain.Encoding;
using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Loyalty.Runtime.Kernel;

namespace Loyalty.Runtime.Loyalty;

/// <summary>Transfers between the kernel and <see cref="MemberDecider"/>: the saga of two members. docs/HOUSEHOLDS.md, "Transfers".</summary>
internal static class Transfers
{
    /// <summary>The request that a fact records, or null.</summary>
    public static Request? RequestOf(MemberEvent fact) => (fact as TransferSent)?.Transfer;

    /// <summary>Keys by which the end of a transfer is found, and what has to be sent for it.</summary>
    public static void AddTo(Turn turn, MemberEvent fact)
    {
        switch (fact)
        {
            case TransferSent e:
                var writer = new ByteWriter();
                writer.Byte((byte)MemberMessage.TransferArrives);
                TransferCodec.Write(writer, e.Transfer);
                MemberCodec.WriteLots(writer, e.Sent);
                turn.AddEffect(ActorIds.Member(e.Transfer.To), writer.Written.ToArray(), $"transfer:{e.Transfer.Id}");
                break;
            case TransferEnded e:
                turn.AddKey(KeyScopes.Left, e.Transfer.Id, unique: false);
                break;
        }
    }

    /// <summary>Decides what another member sent; false: the message is about something else.</summary>
    public static bool Decide(MemberDecider decider, EffectCommand effect, Turn turn)
    {
        var reader = new ByteReader(effect.Message.Span);
        switch ((MemberMessage)reader.Byte())
        {
            case MemberMessage.TransferArrives:
                var transfer = TransferCodec.ReadTransfer(ref reader);
                var refusal = decider.Receive(transfer, MemberCodec.ReadLotsOf(ref reader));
                var writer = new ByteWriter();
                writer.Byte((byte)MemberMessage.TransferDecided);
                writer.Text(transfer.Id);
                MemberCodec.WriteRefusal(writer, refusal);
                turn.AddEffect(effect.Sender, writer.Written.ToArray(), $"transferred:{transfer.Id}");
                return true;
            case MemberMessage.TransferDecided:
                decider.EndTransfer(reader.Text()!, MemberCodec.ReadRefusal(ref reader));
                return true;
            default:
                return false;
        }
    }

    /// <summary>A transfer as it stands, or null.</summary>
    public static TransferView? View(MemberState member, GetTransfer command)
    {
        if (member.Transfers?.Find(command.Transfer) is { } open)
        {
            return new(open.Transfer, TransferStatus.Pending, open.Fee, null, null);
        }

        if (command.Recalled is not { } record || record.Actor != command.Target)
        {
            return null;
        }

        TransferView? view = null;
        var reader = new ByteReader(ActorState.KindPart(record.Events.Span, out _));
        while (!reader.AtEnd)
        {
            view = MemberCodec.Read(ref reader) switch
            {
                TransferEnded e when e.Transfer.Id == command.Transfer =>
                    new(e.Transfer, e.Refusal is null ? TransferStatus.Completed : TransferStatus.Refused, e.Fee, e.Refusal, null),
                RequestAnswered answer when view is not null => view with { Answer = answer },
                _ => view,
            };
        }

        return view;
    }
}
