using Loyalty.Domain.Encoding;
using Loyalty.Domain.Ledger;
using Loyalty.Runtime.Kernel;

namespace Loyalty.Runtime.Loyalty;

/// <summary>How far a reader of the journal came.</summary>
/// <param name="Position">All records up to this position are done; 0: none.</param>
/// <param name="Records">How many records the journal has up to there. Positions may have gaps; this has none, so that it can be told how many are left.</param>
public readonly record struct FeedProgress(long Position, long Records);

/// <summary>Notes how far a feed came; what is not beyond what is noted already changes nothing. Reply: <see cref="FeedProgress"/>, as it is noted now.</summary>
/// <param name="feed">Of <see cref="ActorIds.Feed"/>.</param>
/// <param name="progress">All of its records up to there are done.</param>
public sealed class AdvanceFeed(ActorId feed, FeedProgress progress) : Command(feed)
{
    /// <summary>All of the feed's records up to there are done.</summary>
    public FeedProgress Progress { get; } = progress;
}

/// <summary>Asks how far a feed came. Reply: <see cref="FeedProgress"/>; all zero: it never began.</summary>
/// <param name="feed">Of <see cref="ActorIds.Feed"/>.</param>
public sealed class GetFeed(ActorId feed) : Command(feed);

/// <summary>
/// Readers of the journal as actors: each remembers, in the books themselves, how far it came. It never goes back: when two processes read for one feed for a
/// moment, the farther one counts, because all up to there is done, whoever did it.
/// </summary>
public sealed class FeedKind : ActorKind
{
    /// <inheritdoc />
    public override string Name => ActorIds.FeedKind;

    /// <inheritdoc />
    public override object Create(string key) => new Feed();

    /// <inheritdoc />
    public override void Apply(object state, ReadOnlySpan<byte> events)
    {
        var reader = new ByteReader(events);
        while (!reader.AtEnd)
        {
            var (kind, schema) = (reader.Byte(), reader.Byte());
            if ((kind, schema) != (1, 1))
            {
                throw new FormatException($"feed event type {kind} with schema version {schema} is not known: a newer engine wrote it");
            }

            ((Feed)state).Progress = Read(ref reader);
        }
    }

    /// <inheritdoc />
    public override void Decide(object state, Command command, Turn turn)
    {
        var feed = (Feed)state;
        if (command is AdvanceFeed { Progress: var progress } && progress.Position > feed.Progress.Position)
        {
            feed.Progress = progress;
            turn.Events.Byte(1);
            turn.Events.Byte(1);
            Write(turn.Events, progress);
            turn.EventCount++;
        }

        command.Reply = feed.Progress;
    }

    /// <inheritdoc />
    public override bool Replay(Command command, ActorId actor, ReadOnlySpan<byte> events) => false;

    /// <inheritdoc />
    public override int EstimateBytes(object state) => 64;

    /// <inheritdoc />
    public override void WriteSnapshot(object state, ByteWriter writer)
    {
        writer.Byte(1);
        Write(writer, ((Feed)state).Progress);
    }

    /// <inheritdoc />
    public override object? ReadSnapshot(string key, ReadOnlySpan<byte> bytes)
    {
        var reader = new ByteReader(bytes);
        return reader.Byte() == 1 ? new Feed { Progress = Read(ref reader) } : null;
    }

    /// <inheritdoc />
    public override void Post(ReadOnlySpan<byte> events, ILedgerSink ledger)
    {
    }

    private static void Write(ByteWriter writer, FeedProgress progress)
    {
        writer.VarInt(progress.Position);
        writer.VarInt(progress.Records);
    }

    private static FeedProgress Read(ref ByteReader reader) => new(reader.VarInt(), reader.VarInt());

    private sealed class Feed
    {
        public FeedProgress Progress { get; set; }
    }
}
