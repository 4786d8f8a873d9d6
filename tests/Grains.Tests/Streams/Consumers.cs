using System.Collections.Concurrent;
using Loyalty.Grains.Streams;
using Orleans.Streams;
using Orleans.Streams.Core;

namespace Loyalty.Grains.Tests.Streams;

/// <summary>
/// The example of docs/STREAMS.md: a consumer that keeps an account of each member from what it is told. The place of the last event that it has seen is stored
/// together with what it made of it; so an event that comes again, in whatever mixture with others, is dropped.
/// </summary>
[ImplicitStreamSubscription(LoyaltyStreams.MemberEvents)]
public sealed class MemberDiaryGrain(Diaries diaries) : Grain, IGrainWithStringKey, IStreamSubscriptionObserver, IAsyncObserver<MemberStreamEvent>
{
    public Task OnSubscribed(IStreamSubscriptionHandleFactory handleFactory) => handleFactory.Create<MemberStreamEvent>().ResumeAsync(this);

    public Task OnNextAsync(MemberStreamEvent item, StreamSequenceToken? token = null)
    {
        var diary = diaries.Of(item.Member);
        lock (diary)
        {
            diary.Arrived++;
            if ((item.Position, item.Index).CompareTo(diary.Seen) > 0)
            {
                diary.Seen = (item.Position, item.Index);
                diary.Events.Add(item);
            }
        }

        return Task.CompletedTask;
    }

    public Task OnErrorAsync(Exception ex) => Task.CompletedTask;
}

/// <summary>Notes what is told to senders of purchases.</summary>
[ImplicitStreamSubscription(LoyaltyStreams.PurchaseOutcomes)]
public sealed class SenderGrain(Diaries diaries) : Grain, IGrainWithStringKey, IStreamSubscriptionObserver, IAsyncObserver<SaleOutcome>
{
    public Task OnSubscribed(IStreamSubscriptionHandleFactory handleFactory) => handleFactory.Create<SaleOutcome>().ResumeAsync(this);

    public Task OnNextAsync(SaleOutcome item, StreamSequenceToken? token = null)
    {
        diaries.OnOutcome(item);
        diaries.Outcomes.Enqueue(item);
        return Task.CompletedTask;
    }

    public Task OnErrorAsync(Exception ex) => Task.CompletedTask;
}

/// <summary>The consumers' own store: it outlives the silos.</summary>
public sealed class Diaries
{
    private readonly ConcurrentDictionary<string, Diary> _all = new();

    /// <summary>What senders were told, in the order of arrival.</summary>
    public ConcurrentQueue<SaleOutcome> Outcomes { get; } = new();

    /// <summary>Looks at an outcome when it arrives.</summary>
    public Action<SaleOutcome> OnOutcome { get; set; } = static _ => { };

    public Diary Of(string member) => _all.GetOrAdd(member, static _ => new());

    /// <summary>All that was seen once, by member, in the order in which it came.</summary>
    public MemberStreamEvent[] Events
    {
        get
        {
            return [.. _all.OrderBy(diary => diary.Key, StringComparer.Ordinal).SelectMany(diary =>
            {
                lock (diary.Value)
                {
                    return diary.Value.Events.ToArray();
                }
            })];
        }
    }

    /// <summary>How often something arrived, seen before or not.</summary>
    public int Arrived => _all.Values.Sum(diary => diary.Arrived);
}

/// <summary>What a consumer knows of a member.</summary>
public sealed class Diary
{
    public (long Position, int Index) Seen { get; set; }

    public List<MemberStreamEvent> Events { get; } = [];

    public int Arrived { get; set; }
}
