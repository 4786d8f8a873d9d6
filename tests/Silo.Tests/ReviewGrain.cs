using Orleans.Placement;
using Orleans.Runtime;

namespace Loyalty.Silo.Tests;

/// <summary>A member's review that is due again and again.</summary>
public interface IReviewGrain : IGrainWithStringKey
{
    /// <summary>Where it is in memory.</summary>
    Task<SiloAddress> FindSilo();

    /// <summary>Makes the review due now and then every <paramref name="period"/>.</summary>
    Task Plan(TimeSpan period);

    /// <summary>Whether a review is planned.</summary>
    Task<bool> IsPlanned();

    /// <summary>How often it was due since the grain came to memory.</summary>
    Task<int> CountReviews();

    /// <summary>No more reviews.</summary>
    Task Cancel();
}

/// <inheritdoc cref="IReviewGrain" />
[RandomPlacement]
public sealed class ReviewGrain(ILocalSiloDetails silo) : Grain, IReviewGrain, IRemindable
{
    private const string Name = "review";

    private int _reviews;

    public Task<SiloAddress> FindSilo() => Task.FromResult(silo.SiloAddress);

    public Task Plan(TimeSpan period) => this.RegisterOrUpdateReminder(Name, TimeSpan.Zero, period);

    public async Task<bool> IsPlanned() => await this.GetReminder(Name) is not null;

    public Task<int> CountReviews() => Task.FromResult(_reviews);

    public async Task Cancel()
    {
        if (await this.GetReminder(Name) is { } reminder)
        {
            await this.UnregisterReminder(reminder);
        }
    }

    public Task ReceiveReminder(string reminderName, TickStatus status)
    {
        _reviews++;
        return Task.CompletedTask;
    }
}
