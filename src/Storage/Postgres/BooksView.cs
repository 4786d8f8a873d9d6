using System.Diagnostics;
using Loyalty.Runtime.Journal;
using Npgsql;

namespace Loyalty.Storage.Postgres;

/// <summary>The row of the books as last heard of: from this process's own commits, and from a look now and then.</summary>
internal sealed class BooksView
{
    /// <summary>Columns that <see cref="Read"/> takes.</summary>
    public const string Columns = "revision, newest, events, bytes, unsaved, tail_position, tail_bytes";

    private readonly Lock gate = new();
    private long revision = -1;
    private long heardAt;

    public CheckpointState State { get; private set; } = new(0, 0, 0, 0);

    /// <summary>How long ago the row was heard of.</summary>
    public TimeSpan Age => Stopwatch.GetElapsedTime(Volatile.Read(ref heardAt));

    public void Read(NpgsqlDataReader row, int at) =>
        Hear(row.GetInt64(at), row.GetInt64(at + 1), row.GetInt64(at + 3), row.GetInt64(at + 4), row.GetInt64(at + 5), row.GetInt64(at + 6));

    public void Hear(long newRevision, long position, long bytes, long unsaved, long tailPosition, long tailBytes)
    {
        Volatile.Write(ref heardAt, Stopwatch.GetTimestamp());
        lock (gate)
        {
            // Answers of several connections may overtake each other.
            if (newRevision > revision)
            {
                revision = newRevision;
                State = new(position, position - tailPosition, bytes - tailBytes, (int)Math.Min(unsaved, int.MaxValue));
            }
        }
    }
}
