namespace Loyalty.Storage.Sqlite;

/// <summary>How many records and bytes lie behind the start of the tail, counted by block.</summary>
internal sealed class TailSize
{
    private readonly Lock gate = new();
    private readonly Queue<(long Last, int Records, int Bytes)> blocks = new();
    private long records;
    private long bytes;

    public void Add(long last, int blockRecords, int blockBytes)
    {
        lock (gate)
        {
            blocks.Enqueue((last, blockRecords, blockBytes));
            records += blockRecords;
            bytes += blockBytes;
        }
    }

    /// <summary>Drops blocks whose last record is at or before the position. One that goes on behind it stays counted as a whole.</summary>
    public void TrimThrough(long position)
    {
        lock (gate)
        {
            while (blocks.TryPeek(out var block) && block.Last <= position)
            {
                blocks.Dequeue();
                records -= block.Records;
                bytes -= block.Bytes;
            }
        }
    }

    public (long Records, long Bytes) Read()
    {
        lock (gate)
        {
            return (records, bytes);
        }
    }
}
