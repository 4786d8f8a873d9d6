using System.Buffers.Binary;
using System.Text;
using System.Text.Json;

namespace Loyalty.Load.Drive;

/// <summary>
/// The account on disk, written while the run goes on: one line of JSON (the <see cref="WorkloadOptions"/>), then records of 16 bytes. What will
/// be sent is written before it is sent, what was acknowledged soon after; so a client that dies leaves requests that count as unknown, never
/// ones that nobody knows of. It outlives the process, not a loss of power. Thread-safe.
/// </summary>
internal sealed class AccountFile : IDisposable
{
    private const int RecordBytes = 16;
    private const int HeaderBytesMax = 4096;

    private readonly Lock gate = new();
    private readonly FileStream file;
    private readonly byte[] buffer = new byte[RecordBytes * 4096];
    private int filled;

    public AccountFile(string path, WorkloadOptions options)
    {
        file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0);
        file.Write(JsonSerializer.SerializeToUtf8Bytes(options));
        file.Write("\n"u8);
    }

    private enum Kind : byte
    {
        Acknowledged = 1,
        Refused = 2,
        Waiting = 3,
        SentUpTo = 4,
        SentInAll = 5,
    }

    /// <summary>The requests of this connection below <paramref name="index"/> may have been sent from now on.</summary>
    public void Sending(int connection, long index)
    {
        Write(Kind.SentUpTo, connection, index, 0);
        Flush();
    }

    /// <summary>The run has ended: of what might have been sent, only the requests below <paramref name="index"/> were.</summary>
    public void Sent(int connection, long index) => Write(Kind.SentInAll, connection, index, 0);

    public void Acknowledged(int connection, long index, long points, bool isWaiting) =>
        Write(isWaiting ? Kind.Waiting : Kind.Acknowledged, connection, index, points);

    public void Refused(int connection, long index) => Write(Kind.Refused, connection, index, 0);

    /// <summary>Hands everything to the operating system.</summary>
    public void Flush()
    {
        lock (gate)
        {
            try
            {
                file.Write(buffer, 0, filled);
            }
            catch (IOException error)
            {
                // An IOException of its own kind would be taken for a lost connection.
                throw new UserError($"The account {file.Name} cannot be written: {error.Message}");
            }

            filled = 0;
        }
    }

    public void Dispose()
    {
        Flush();
        file.Dispose();
    }

    /// <summary>Makes the account of an earlier run again. A torn last record is passed over.</summary>
    /// <exception cref="UserError">No such file, or no account.</exception>
    public static (Workload Workload, TillAccount Account) Read(string path)
    {
        if (!File.Exists(path))
        {
            throw new UserError($"There is no account {Path.GetFullPath(path)}: a run with --account FILE writes one.");
        }

        using FileStream file = File.OpenRead(path);
        var workload = new Workload(ReadHeader(file));
        var account = new TillAccount(workload.Options.Members);
        var known = new HashSet<(int, long)>();
        long[] sent = new long[workload.Options.Connections];
        byte[] record = new byte[RecordBytes];
        while (file.ReadAtLeast(record, RecordBytes, throwOnEndOfStream: false) == RecordBytes)
        {
            ulong place = BinaryPrimitives.ReadUInt64LittleEndian(record);
            long points = BinaryPrimitives.ReadInt64LittleEndian(record.AsSpan(8));
            var kind = (Kind)(place >> 56);
            int connection = (int)(place >> 40) & 0xFFFF;
            long index = (long)(place & 0xFF_FFFF_FFFF);
            if (connection >= sent.Length)
            {
                throw new UserError($"{path} is damaged: it names connection {connection} of {sent.Length}.");
            }

            if (kind == Kind.SentUpTo)
            {
                sent[connection] = Math.Max(sent[connection], index);
            }
            else if (kind == Kind.SentInAll)
            {
                sent[connection] = index;
            }
            else if (known.Add((connection, index)) && kind != Kind.Refused)
            {
                account.Acknowledge(workload.At(connection, index), points, kind == Kind.Waiting);
            }
        }

        for (int connection = 0; connection < sent.Length; connection++)
        {
            for (long index = 0; index < sent[connection]; index++)
            {
                if (!known.Contains((connection, index)))
                {
                    account.LeaveUnknown(workload.At(connection, index));
                }
            }
        }

        return (workload, account);
    }

    private static WorkloadOptions ReadHeader(FileStream file)
    {
        byte[] header = new byte[HeaderBytesMax];
        int read = file.ReadAtLeast(header, header.Length, throwOnEndOfStream: false);
        int end = header.AsSpan(0, read).IndexOf((byte)'\n');
        try
        {
            if (end > 0 && JsonSerializer.Deserialize<WorkloadOptions>(header.AsSpan(0, end)) is { Prefix: not null } options)
            {
                file.Position = end + 1;
                return options;
            }
        }
        catch (JsonException)
        {
            // Said below.
        }

        throw new UserError($"{file.Name} is no account of a run: its first line is {Encoding.UTF8.GetString(header.AsSpan(0, Math.Max(0, end)))}.");
    }

    private void Write(Kind kind, int connection, long index, long points)
    {
        lock (gate)
        {
            if (filled == buffer.Length)
            {
                Flush();
            }

            Span<byte> record = buffer.AsSpan(filled, RecordBytes);
            BinaryPrimitives.WriteUInt64LittleEndian(record, ((ulong)kind << 56) | ((ulong)connection << 40) | (ulong)index);
            BinaryPrimitives.WriteInt64LittleEndian(record[8..], points);
            filled += RecordBytes;
        }
    }
}
