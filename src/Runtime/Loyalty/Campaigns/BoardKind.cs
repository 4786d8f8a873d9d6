using Loyalty.Domain.Campaigns;
using Loyalty.Domain.Encoding;
using Loyalty.Domain.Ledger;
using Loyalty.Runtime.Kernel;
using NodaTime;

namespace Loyalty.Runtime.Loyalty;

/// <summary>Brings to a board what the journal says; what it has already changes nothing. Reply: up to which position it considers all records (<see cref="long"/>).</summary>
public sealed class AdvanceBoard(ActorId board, BoardBatch batch) : Command(board)
{
    /// <summary>What the journal says.</summary>
    public BoardBatch Batch { get; } = batch;
}

/// <summary>Asks for a board. Reply: <see cref="BoardView"/>; without places: nobody has points.</summary>
public sealed class GetBoard(ActorId board) : Command(board);

/// <summary>A board as it stands.</summary>
/// <param name="Through">All records of the journal up to that position are considered; 0: none.</param>
/// <param name="Members">How many members have points.</param>
/// <param name="IsComplete">False: more members had points than are kept (<see cref="Board.MaxMembers"/>).</param>
/// <param name="Places">The best, best first.</param>
public sealed record BoardView(long Through, int Members, bool IsComplete, IReadOnlyList<BoardPlace> Places);

/// <summary>Leader boards as actors: one for a campaign and a period. Fed from the journal by <see cref="BoardFeeder"/>.</summary>
public sealed class BoardKind : ActorKind
{
    /// <summary>The board of a campaign and a period.</summary>
    /// <param name="campaign">Which campaign.</param>
    /// <param name="period">How long its periods are.</param>
    /// <param name="day">A day of the period.</param>
    public static ActorId Id(string campaign, CampaignPeriod period, LocalDate day) => new(
        ActorIds.BoardKind,
        period == CampaignPeriod.Campaign ? $"{campaign}|campaign" : $"{campaign}|{period.ToString().ToLowerInvariant()}|{CampaignPeriods.StartOf(period, day):uuuu'-'MM'-'dd}");

    /// <inheritdoc />
    public override string Name => ActorIds.BoardKind;

    /// <inheritdoc />
    public override object Create(string key) => new Board();

    /// <inheritdoc />
    public override void Apply(object state, ReadOnlySpan<byte> events)
    {
        var reader = new ByteReader(events);
        while (!reader.AtEnd)
        {
            var (kind, schema) = (reader.Byte(), reader.Byte());
            if ((kind, schema) != (1, 1))
            {
                throw new FormatException($"board event type {kind} with schema version {schema} is not known: a newer engine wrote it");
            }

            ((Board)state).Apply(BoardBatch.Read(ref reader));
        }
    }

    /// <inheritdoc />
    public override void Decide(object state, Command command, Turn turn)
    {
        var board = (Board)state;
        switch (command)
        {
            case AdvanceBoard advance:
                if (board.NewOf(advance.Batch) is { Entries.Count: > 0 } news)
                {
                    board.Apply(news);
                    turn.Events.Byte(1);
                    turn.Events.Byte(1);
                    BoardBatch.Write(turn.Events, news);
                    turn.EventCount++;
                }

                command.Reply = board.Through;
                break;
            case GetBoard:
                command.Reply = new BoardView(board.Through, board.Count, board.Forgotten == 0, board.Shown);
                break;
            case WakeCommand:
                break;
            default:
                throw new InvalidOperationException($"boards do not understand {command.GetType().Name}");
        }
    }

    /// <inheritdoc />
    public override bool Replay(Command command, ActorId actor, ReadOnlySpan<byte> events) => false;

    /// <inheritdoc />
    public override int EstimateBytes(object state) => 200 + (((Board)state).Count * 80) + (((Board)state).Places * 40);

    /// <inheritdoc />
    public override void WriteSnapshot(object state, ByteWriter writer) => ((Board)state).Write(writer);

    /// <inheritdoc />
    public override object? ReadSnapshot(string key, ReadOnlySpan<byte> bytes)
    {
        var reader = new ByteReader(bytes);
        return Board.ReadSnapshot(ref reader);
    }

    /// <inheritdoc />
    public override void Post(ReadOnlySpan<byte> events, ILedgerSink ledger)
    {
    }
}
