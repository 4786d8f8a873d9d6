using Loyalty.Domain.Encoding;

namespace Loyalty.Domain.Campaigns;

/// <summary>A change of a member's points on a board.</summary>
/// <param name="Position">Of the record in the journal that it stands in.</param>
/// <param name="Member">Whose.</param>
/// <param name="Points">Given or, below 0, taken back.</param>
public readonly record struct BoardEntry(long Position, string Member, long Points);

/// <summary>What the records of the journal up to a position bring to a board.</summary>
/// <param name="Through">All records up to there are considered.</param>
/// <param name="Places">How many places the board shows.</param>
/// <param name="Entries">In order of position. Those that the board has already are passed over.</param>
public sealed record BoardBatch(long Through, int Places, IReadOnlyList<BoardEntry> Entries)
{
    /// <summary>Writes the batch.</summary>
    public static void Write(ByteWriter writer, BoardBatch batch)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.Framed(batch, static (writer, batch) =>
        {
            writer.VarInt(batch.Through);
            writer.Count(batch.Places);
            writer.Count(batch.Entries.Count);
            foreach (var (position, member, points) in batch.Entries)
            {
                writer.VarInt(position);
                writer.Text(member);
                writer.VarInt(points);
            }
        });
    }

    /// <summary>Reads a batch.</summary>
    /// <exception cref="FormatException">It is damaged.</exception>
    public static BoardBatch Read(ref ByteReader reader)
    {
        var body = new ByteReader(reader.Bytes());
        var (through, places) = (body.VarInt(), (int)body.VarUInt());
        var entries = new BoardEntry[body.Count()];
        for (var i = 0; i < entries.Length; i++)
        {
            entries[i] = new(body.VarInt(), body.Text()!, body.VarInt());
        }

        return new(through, places, entries);
    }
}

/// <summary>A place on a board.</summary>
/// <param name="Rank">From 1; members with the same points have the same rank.</param>
/// <param name="Member">Who.</param>
/// <param name="Points">How many.</param>
public readonly record struct BoardPlace(int Rank, string Member, long Points);

/// <summary>The members of one campaign and period by the points that it gave them.</summary>
public sealed class Board
{
    /// <summary>Members whose points are kept; of more, those with the fewest are forgotten, and count from 0 when they get some again.</summary>
    public const int MaxMembers = 100_000;

    private const byte SnapshotSchema = 1;

    private readonly Dictionary<string, long> _points = new(StringComparer.Ordinal);
    private BoardPlace[]? _shown;

    /// <summary>All records of the journal up to there are considered.</summary>
    public long Through { get; private set; }

    /// <summary>How many places are shown.</summary>
    public int Places { get; private set; }

    /// <summary>Members whose points were forgotten, so often.</summary>
    public long Forgotten { get; private set; }

    /// <summary>Members with points.</summary>
    public int Count => _points.Count;

    /// <summary>The best, best first, equals by id.</summary>
    public IReadOnlyList<BoardPlace> Shown => _shown ??= Rank();

    /// <summary>What of a batch is new to the board; null: nothing.</summary>
    public BoardBatch? NewOf(BoardBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        return batch.Through <= Through ? null : batch with { Entries = [.. batch.Entries.Where(entry => entry.Position > Through)] };
    }

    /// <summary>Applies what is new.</summary>
    public void Apply(BoardBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        foreach (var (_, member, points) in batch.Entries)
        {
            var sum = _points.GetValueOrDefault(member) + points;
            if (sum == 0)
            {
                _points.Remove(member);
            }
            else
            {
                _points[member] = sum;
            }
        }

        (Through, Places, _shown) = (batch.Through, batch.Places, null);
        if (_points.Count > MaxMembers)
        {
            foreach (var (member, _) in Ordered().Skip(MaxMembers * 9 / 10).ToArray())
            {
                _points.Remove(member);
                Forgotten++;
            }
        }
    }

    /// <summary>Writes the board.</summary>
    public void Write(ByteWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.Byte(SnapshotSchema);
        writer.VarInt(Through);
        writer.Count(Places);
        writer.VarInt(Forgotten);
        foreach (var (member, points) in _points.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            writer.Text(member);
            writer.VarInt(points);
        }
    }

    /// <summary>Reads a board; null: its form is not known.</summary>
    /// <exception cref="FormatException">It is damaged.</exception>
    public static Board? ReadSnapshot(ref ByteReader reader)
    {
        if (reader.Byte() != SnapshotSchema)
        {
            return null;
        }

        var board = new Board { Through = reader.VarInt(), Places = (int)reader.VarUInt(), Forgotten = reader.VarInt() };
        while (!reader.AtEnd)
        {
            board._points[reader.Text()!] = reader.VarInt();
        }

        return board;
    }

    private IOrderedEnumerable<KeyValuePair<string, long>> Ordered() => _points.OrderByDescending(pair => pair.Value).ThenBy(pair => pair.Key, StringComparer.Ordinal);

    private BoardPlace[] Rank()
    {
        var shown = new List<BoardPlace>(Places);
        foreach (var (member, points) in Ordered().Where(pair => pair.Value > 0).Take(Places))
        {
            shown.Add(new(shown.Count > 0 && shown[^1].Points == points ? shown[^1].Rank : shown.Count + 1, member, points));
        }

        return [.. shown];
    }
}
