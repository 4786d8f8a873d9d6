using Npgsql;

namespace Loyalty.Storage.Postgres;

/// <summary>A page of records in commit order: bounded in number and, but for the first record, in bytes.</summary>
internal static class PageQuery
{
    private const int RecordsMax = 1000;
    private const int BytesMax = 4 << 20;

    /// <summary>Rows of <see cref="Rows.RecordColumns"/> and <c>previous</c>.</summary>
    public static NpgsqlCommand Make(NpgsqlConnection connection, string schema, long from, long upTo)
    {
        // The sizes first: a thousand large records are not to be in memory at once.
        var command = new NpgsqlCommand(
            $"""
            SELECT {Rows.RecordColumns}, r.previous
            FROM (SELECT p.position, coalesce(sum(octet_length(p.events)) OVER (ORDER BY p.position ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
                  FROM (SELECT * FROM {schema}.record WHERE position BETWEEN $1 AND $2 ORDER BY position LIMIT {RecordsMax}) p) s
            JOIN {schema}.record r ON r.position = s.position
            WHERE s.before < {BytesMax} ORDER BY s.position
            """,
            connection);
        command.Parameters.Add(new() { Value = from });
        command.Parameters.Add(new() { Value = upTo });
        command.Prepare();
        return command;
    }
}
