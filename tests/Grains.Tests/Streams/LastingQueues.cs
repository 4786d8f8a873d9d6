using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Providers.Streams.Common;
using Orleans.Runtime;
using Orleans.Serialization;
using Orleans.Streams;

namespace Loyalty.Grains.Tests.Streams;

/// <summary>What a queue server does to a message that is sent to it.</summary>
public enum QueueMood
{
    /// <summary>Takes it.</summary>
    Well,

    /// <summary>Takes it not, and says so.</summary>
    Down,

    /// <summary>Takes it and says that it did not.</summary>
    Forgetful,
}

/// <summary>The queues of a queue server: they outlive the silos, and deliver again what was not acknowledged.</summary>
public sealed class LastingQueues
{
    private readonly Lock _gate = new();
    private readonly Dictionary<QueueId, SortedDictionary<long, (StreamId Stream, byte[] Items)>> _queues = [];
    private long _sent;

    /// <summary>How the server is when it gets its nth message.</summary>
    public Func<long, QueueMood> Mood { get; set; } = _ => QueueMood.Well;

    /// <summary>Messages that were not acknowledged yet.</summary>
    public int Waiting
    {
        get
        {
            lock (_gate)
            {
                return _queues.Values.Sum(queue => queue.Count);
            }
        }
    }

    /// <summary>Messages that were sent here.</summary>
    public long Sent => Volatile.Read(ref _sent);

    public IQueueAdapterFactory CreateFactory(IServiceProvider services, string name) => new Factory(this, services, name);

    private void Enqueue(QueueId queue, StreamId stream, byte[] items)
    {
        lock (_gate)
        {
            var number = ++_sent;
            var mood = Mood(number);
            if (mood != QueueMood.Down)
            {
                Of(queue).Add(number, (stream, items));
            }

            if (mood != QueueMood.Well)
            {
                throw new IOException("the queue server is not well");
            }
        }
    }

    private SortedDictionary<long, (StreamId Stream, byte[] Items)> Of(QueueId queue) =>
        _queues.TryGetValue(queue, out var messages) ? messages : _queues[queue] = [];

    private sealed class Factory(LastingQueues queues, IServiceProvider services, string name) : IQueueAdapterFactory, IQueueAdapter
    {
        private readonly HashRingBasedStreamQueueMapper _mapper = new(new() { TotalQueueCount = 4 }, name);
        private readonly Serializer _serializer = services.GetRequiredService<Serializer>();

        public string Name => name;

        public bool IsRewindable => false;

        public StreamProviderDirection Direction => StreamProviderDirection.ReadWrite;

        public Task<IQueueAdapter> CreateAdapter() => Task.FromResult<IQueueAdapter>(this);

        public IQueueAdapterCache GetQueueAdapterCache() => new SimpleQueueAdapterCache(new SimpleQueueCacheOptions(), name, services.GetRequiredService<ILoggerFactory>());

        public IStreamQueueMapper GetStreamQueueMapper() => _mapper;

        public Task<IStreamFailureHandler> GetDeliveryFailureHandler(QueueId queueId) => Task.FromResult<IStreamFailureHandler>(new NoOpStreamDeliveryFailureHandler());

        public async Task QueueMessageBatchAsync<T>(StreamId streamId, IEnumerable<T> events, StreamSequenceToken? token, Dictionary<string, object>? requestContext)
        {
            await Task.Yield();
            queues.Enqueue(_mapper.GetQueueForStream(streamId), streamId, _serializer.SerializeToArray(events.Cast<object>().ToArray()));
        }

        public IQueueAdapterReceiver CreateReceiver(QueueId queueId) => new Receiver(queues, queueId, _serializer);
    }

    private sealed class Receiver(LastingQueues queues, QueueId queue, Serializer serializer) : IQueueAdapterReceiver
    {
        private long _last;

        public Task Initialize(TimeSpan timeout) => Task.CompletedTask;

        public Task<IList<IBatchContainer>> GetQueueMessagesAsync(int maxCount)
        {
            lock (queues._gate)
            {
                var batch = queues.Of(queue).Where(message => message.Key > _last).Take(maxCount < 0 ? 100 : maxCount)
                    .Select(IBatchContainer (message) => new QueuedBatch(message.Value.Stream, serializer.Deserialize<object[]>(message.Value.Items)!, new(message.Key))).ToList();
                _last = batch.Count > 0 ? batch[^1].SequenceToken.SequenceNumber : _last;
                return Task.FromResult<IList<IBatchContainer>>(batch);
            }
        }

        public Task MessagesDeliveredAsync(IList<IBatchContainer> messages)
        {
            lock (queues._gate)
            {
                foreach (var message in messages)
                {
                    queues.Of(queue).Remove(message.SequenceToken.SequenceNumber);
                }
            }

            return Task.CompletedTask;
        }

        public Task Shutdown(TimeSpan timeout) => Task.CompletedTask;
    }
}

/// <summary>Items of one message.</summary>
[GenerateSerializer]
public sealed class QueuedBatch(StreamId streamId, object[] items, EventSequenceTokenV2 token) : IBatchContainer
{
    [Id(0)]
    public StreamId StreamId { get; } = streamId;

    [Id(1)]
    public object[] Items { get; } = items;

    [Id(2)]
    public EventSequenceTokenV2 Token { get; } = token;

    public StreamSequenceToken SequenceToken => Token;

    public IEnumerable<Tuple<T, StreamSequenceToken>> GetEvents<T>() =>
        Items.Select((item, i) => Tuple.Create<T, StreamSequenceToken>((T)item, Token.CreateSequenceTokenForEvent(i)));

    public bool ImportRequestContext() => false;
}
