using Loyalty.Domain.Requests;
using Loyalty.Runtime.Kernel;

namespace Loyalty.Runtime.Loyalty;

/// <summary>Transfers between members.</summary>
public sealed partial class LoyaltyEngine
{
    /// <summary>How long a caller waits for the receiver to decide; then it is told that the transfer is pending.</summary>
    public static readonly TimeSpan TransferPatience = TimeSpan.FromSeconds(5);

    /// <summary>Gives points of one member to another.</summary>
    /// <returns>How it ended.</returns>
    public async Task<TransferEnd> TransferAsync(Transfer transfer)
    {
        // An unknown receiver is told apart before anything is decided, so that it may be enrolled and the same request come again.
        var receiver = await Host.AskAsync(new GetMember(transfer.To)).ConfigureAwait(false);
        if (receiver is not { Status: CommandStatus.Done, Reply: MemberReply { View: not null } })
        {
            return new(receiver, null);
        }

        var command = await Host.AskAsync(new TransferPoints(transfer)).ConfigureAwait(false);
        if (command is not { Status: CommandStatus.Done, Outcome.Kind: OutcomeKind.Recorded })
        {
            return new(command, null);
        }

        // The receiver decides within milliseconds; what it decided is told to the sender and stands in its books.
        var started = Environment.TickCount64;
        for (var delay = 1; ; delay = Math.Min(delay * 2, 50))
        {
            var look = await Host.AskAsync(new GetTransfer(transfer.From, transfer.Id)).ConfigureAwait(false);
            if (look is { Status: CommandStatus.Done, Reply: TransferView { Status: not TransferStatus.Pending } ended })
            {
                return new(command, ended);
            }

            if (Environment.TickCount64 - started > TransferPatience.TotalMilliseconds)
            {
                return new(command, look.Reply as TransferView ?? new(transfer, TransferStatus.Pending, 0, null, null));
            }

            await Task.Delay(delay).ConfigureAwait(false);
        }
    }
}
