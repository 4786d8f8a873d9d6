using System.Buffers.Text;

namespace Loyalty.Load.Streams;

/// <summary>
/// What one answer says, found without parsing it whole: a success has `awards`, a problem has a numeric `status`; either may say `replayed`.
/// A key is looked for with its quotes and colon; ids of this tool hold no quotes, so that it cannot be found inside a value.
/// </summary>
internal readonly ref struct AnswerScan
{
    private AnswerScan(bool isSuccess, bool isReplayed, int status)
    {
        IsSuccess = isSuccess;
        IsReplayed = isReplayed;
        Status = status;
    }

    public bool IsSuccess { get; }

    /// <summary>The engine had this request before, and gave its first answer again.</summary>
    public bool IsReplayed { get; }

    /// <summary>200, or the status of the problem; 0 when it is neither.</summary>
    public int Status { get; }

    /// <summary>The outcome is open, and the same id again is safe.</summary>
    public bool IsTransient => Status is 429 or 500 or 502 or 503 or 504;

    public static AnswerScan Of(ReadOnlySpan<byte> answer)
    {
        int at = answer.IndexOf("\"replayed\":"u8);
        bool isReplayed = at >= 0 && Value(answer, at + 11).StartsWith("true"u8);
        if (answer.IndexOf("\"awards\":"u8) >= 0)
        {
            return new AnswerScan(true, isReplayed, 200);
        }

        for (int from = 0; ;)
        {
            at = answer[from..].IndexOf("\"status\":"u8);
            if (at < 0)
            {
                return default;
            }

            from += at + 9;
            if (Utf8Parser.TryParse(Value(answer, from), out int status, out _))
            {
                return new AnswerScan(false, isReplayed, status);
            }
        }
    }

    /// <summary>Whether the answer names this id: at its usual place first, else anywhere.</summary>
    public static bool Names(ReadOnlySpan<byte> answer, ReadOnlySpan<byte> id)
    {
        const int Usual = 7; // {"id":"
        return (answer.Length > Usual + id.Length && answer[Usual + id.Length] == '"' && answer.Slice(Usual, id.Length).SequenceEqual(id))
            || NamesAnywhere(answer, id);
    }

    /// <summary>The points of all awards of a success together. The key `points` stands nowhere else in it.</summary>
    public static long Points(ReadOnlySpan<byte> answer)
    {
        long sum = 0;
        int at;
        while ((at = answer.IndexOf("\"points\":"u8)) >= 0)
        {
            answer = Value(answer, at + 9);
            if (Utf8Parser.TryParse(answer, out long points, out int used))
            {
                sum += points;
                answer = answer[used..];
            }
        }

        return sum;
    }

    private static bool NamesAnywhere(ReadOnlySpan<byte> answer, ReadOnlySpan<byte> id)
    {
        int at;
        while ((at = answer.IndexOf(id)) > 0)
        {
            bool isWhole = answer[at - 1] == '"' && at + id.Length < answer.Length && answer[at + id.Length] == '"';
            if (isWhole)
            {
                return true;
            }

            answer = answer[(at + 1)..];
        }

        return false;
    }

    private static ReadOnlySpan<byte> Value(ReadOnlySpan<byte> answer, int from) => answer[from..].TrimStart((byte)' ');
}
