using Loyalty.Domain.Requests;
using Loyalty.Runtime.Kernel;

namespace Loyalty.Runtime.Loyalty;

/// <summary>Households.</summary>
public sealed partial class LoyaltyEngine
{
    /// <summary>Asks a household for something, on behalf of a member, and waits for its answer, at most <see cref="TransferPatience"/>.</summary>
    /// <returns>How it ended.</returns>
    public async Task<HouseholdEnd> AskHouseholdAsync(HouseholdRequest request)
    {
        var command = await Host.AskAsync(new AskHousehold(request)).ConfigureAwait(false);
        if (command is not { Status: CommandStatus.Done, Outcome.Kind: OutcomeKind.Recorded })
        {
            return new(command, null);
        }

        var started = Environment.TickCount64;
        for (var delay = 1; ; delay = Math.Min(delay * 2, 50))
        {
            var look = await Host.AskAsync(new GetHouseholdAsk(request.Member, request.Id)).ConfigureAwait(false);
            if (look is { Status: CommandStatus.Done, Reply: HouseholdAskView { IsPending: false } ended })
            {
                return new(command, ended);
            }

            if (Environment.TickCount64 - started > TransferPatience.TotalMilliseconds)
            {
                return new(command, look.Reply as HouseholdAskView ?? new(request, true, null, [], null));
            }

            await Task.Delay(delay).ConfigureAwait(false);
        }
    }
}
