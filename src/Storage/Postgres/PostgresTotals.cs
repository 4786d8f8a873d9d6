using System.Numerics;
using Loyalty.Runtime.Journal;
using Npgsql;

namespace Loyalty.Storage.Postgres;

/// <summary>The running sums, as of one commit.</summary>
internal static class PostgresTotals
{
    public static JournalTotals Read(NpgsqlConnection connection, string schema)
    {
        // One statement sees one moment: row of the books and sums belong together.
        using var command = new NpgsqlCommand($"SELECT b.newest, b.events, m.name, m.sum FROM {schema}.books b LEFT JOIN {schema}.measure m ON true", connection);
        using var row = command.ExecuteReader();
        var sums = new Dictionary<string, long>(StringComparer.Ordinal);
        long position = 0, events = 0;
        while (row.Read())
        {
            (position, events) = (row.GetInt64(0), row.GetInt64(1));
            if (!row.IsDBNull(2))
            {
                sums[row.GetString(2)] = Wrap(row.GetFieldValue<BigInteger>(3));
            }
        }

        return new(position, position, events, sums);
    }

    /// <summary>Beyond 64 bits sums wrap, in every store: a book of 9 · 10^18 minor units of one account is not one.</summary>
    private static long Wrap(BigInteger sum) => (long)(ulong)(sum & ulong.MaxValue);
}
