using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans.Streams;
using Orleans.Streams.Core;

namespace Loyalty.Grains.Streams;

/// <summary>
/// Takes what comes on one stream of purchases. A message is acknowledged when its outcome is durable and told; whatever fails before makes the provider deliver it
/// again, which is safe because a request is known by its id.
/// </summary>
[GrainType("sale-intake"), ImplicitStreamSubscription(LoyaltyStreams.Purchases)]
public sealed class SaleIntakeGrain(IServiceProvider services, ILogger<SaleIntakeGrain> logger)
    : Grain, IGrainWithStringKey, IStreamSubscriptionObserver, IAsyncBatchObserver<object>
{
    private IAsyncStream<SaleOutcome>? _outcomes;

    /// <summary>The stream begins, or this activation takes it on.</summary>
    /// <exception cref="InvalidOperationException">This silo takes no purchases by stream: the provider keeps them.</exception>
    public async Task OnSubscribed(IStreamSubscriptionHandleFactory handleFactory)
    {
        if (services.GetService<SaleIntake>() is null)
        {
            throw new InvalidOperationException($"purchases came by stream {handleFactory.StreamId}, and {nameof(LoyaltyStreamOptions.AcceptPurchases)} is not set");
        }

        _outcomes = this.GetStreamProvider(handleFactory.ProviderName).GetStream<SaleOutcome>(StreamId.Create(LoyaltyStreams.PurchaseOutcomes, this.GetPrimaryKeyString()));
        await handleFactory.Create<object>().ResumeAsync(this);
    }

    /// <summary>Records what came, and tells what became of it.</summary>
    public async Task OnNextAsync(IList<SequentialItem<object>> items)
    {
        var outcomes = await services.GetRequiredService<SaleIntake>().RecordAsync(items.Select(item => item.Item));
        await _outcomes!.OnNextBatchAsync(outcomes);
    }

    /// <inheritdoc />
    public Task OnErrorAsync(Exception ex)
    {
        logger.LogWarning(ex, "The stream of purchases {Key} has an error", this.GetPrimaryKeyString());
        return Task.CompletedTask;
    }
}
