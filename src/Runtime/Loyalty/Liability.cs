using System.Diagnostics;
using System.Runtime.CompilerServices;
using Loyalty.Domain.Encoding;
using Loyalty.Domain.Ledger;
using Loyalty.Domain.Members;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using NodaTime;

namespace Loyalty.Runtime.Loyalty;

/// <summary>What members have, by the month in which it lapses, exact as of one record.</summary>
/// <param name="Position">As of this record, and all before it.</param>
/// <param name="AsOf">When that record was decided; <see cref="Instant.MinValue"/>: the books are empty.</param>
/// <param name="Units">By unit id.</param>
public sealed record LiabilityReport(long Position, Instant AsOf, IReadOnlyList<UnitLiability> Units);

/// <summary>The liability of a unit.</summary>
/// <param name="Unit">Which unit.</param>
/// <param name="Members">Members that have points of it, or owe some.</param>
/// <param name="InLots">Points in lots, all months.</param>
/// <param name="Held">Points in open holds, all months.</param>
/// <param name="Debt">What members owe.</param>
/// <param name="Member">The account <c>member</c> at that record: <paramref name="InLots"/> less <paramref name="Debt"/>.</param>
/// <param name="Months">Earliest month first; what has no last day is last.</param>
public sealed record UnitLiability(string Unit, long Members, long InLots, long Held, long Debt, long Member, IReadOnlyList<MonthLiability> Months);

/// <summary>Points whose last day lies in a month.</summary>
/// <param name="Month">The first day of the month; null: they have no last day of their own.</param>
/// <param name="Points">In lots.</param>
/// <param name="Held">In open holds; these do not lapse while they are held.</param>
public readonly record struct MonthLiability(LocalDate? Month, long Points, long Held);

/// <summary>
/// Makes the report by reading the journal: every member's records, as <see cref="MemberState"/> applies them, so that no kind of fact can be missed. Members are in memory
/// <see cref="MembersPerPass"/> at a time; larger books are read in several passes. One report is made at a time, on a thread of its own; who asks meanwhile gets that one. It is given
/// again for as long as making it took.
/// </summary>
public sealed class LiabilityReader
{
    /// <summary>Members in memory at a time: about a kilobyte each.</summary>
    public const int MembersPerPass = 200_000;

    private static readonly ConditionalWeakTable<IJournal, LiabilityReader> Readers = [];

    private readonly IJournal _journal;
    private readonly Lock _gate = new();
    private Task<LiabilityReport>? _current;
    private long _validUntil;

    /// <summary>For the journal; <see cref="Of"/> gives the one of the process.</summary>
    /// <param name="journal">The books.</param>
    public LiabilityReader(IJournal journal) => _journal = journal;

    /// <summary>The reader that all of the process share.</summary>
    public static LiabilityReader Of(IJournal journal) => Readers.GetValue(journal, static one => new(one));

    /// <summary>The report, or null when it is not ready within the time; it is made on, and asking again later gets it.</summary>
    /// <exception cref="JournalUnavailableException">The store cannot be read now.</exception>
    public async ValueTask<LiabilityReport?> ReadAsync(TimeSpan patience)
    {
        Task<LiabilityReport> report;
        lock (_gate)
        {
            if (_current is null || (_current.IsCompleted && (!_current.IsCompletedSuccessfully || Stopwatch.GetTimestamp() > _validUntil)))
            {
                _current = Task.Factory.StartNew(Make, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            }

            report = _current;
        }

        try
        {
            return await report.WaitAsync(patience).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            return null;
        }
    }

    private LiabilityReport Make()
    {
        var started = Stopwatch.GetTimestamp();
        var report = Read(_journal, MembersPerPass);
        var now = Stopwatch.GetTimestamp();

        // A small set of books gets a new report each time; one that takes a minute is asked for by pollers who missed it.
        Volatile.Write(ref _validUntil, Stopwatch.GetElapsedTime(started, now) < TimeSpan.FromSeconds(1) ? 0 : now + (now - started));
        return report;
    }

    /// <summary>Reads the report now, on this thread.</summary>
    /// <param name="journal">The books.</param>
    /// <param name="membersPerPass">Members in memory at a time; at least 1.</param>
    /// <exception cref="JournalCorruptException">The lots do not add up to the accounts: the books are damaged, or an account of members is not known here.</exception>
    public static LiabilityReport Read(IJournal journal, int membersPerPass)
    {
        ArgumentNullException.ThrowIfNull(journal);
        ArgumentOutOfRangeException.ThrowIfLessThan(membersPerPass, 1);
        var totals = journal.Totals();
        var passes = (totals.Sums.GetValueOrDefault(MeasureNames.Counter(Counters.Members)) / membersPerPass) + 1;
        var units = new SortedDictionary<string, Sums>(StringComparer.Ordinal);
        long recordedAtMs = 0;
        for (long pass = 0; pass < passes; pass++)
        {
            var states = new Dictionary<string, MemberState>(StringComparer.Ordinal);
            foreach (var record in journal.ReadAll(0))
            {
                // What is appended meanwhile is not of this moment.
                if (record.Position > totals.Position)
                {
                    break;
                }

                recordedAtMs = record.RecordedAtMs;
                if (record.Actor.Kind != ActorIds.MemberKind || (passes > 1 && record.Actor.StableHash() % (ulong)passes != (ulong)pass))
                {
                    continue;
                }

                if (!states.TryGetValue(record.Actor.Key, out var state))
                {
                    states[record.Actor.Key] = state = new(record.Actor.Key);
                }

                var reader = new ByteReader(ActorState.KindPart(record.Events.Span, out _));
                while (!reader.AtEnd)
                {
                    state.Apply(MemberCodec.Read(ref reader));
                }
            }

            foreach (var state in states.Values)
            {
                Add(units, state);
            }
        }

        return new(
            totals.Position, totals.Records == 0 ? Instant.MinValue : Instant.FromUnixTimeMilliseconds(recordedAtMs),
            [.. units.Select(unit => unit.Value.ToReport(unit.Key, totals))]);
    }

    private static void Add(SortedDictionary<string, Sums> units, MemberState state)
    {
        foreach (var book in state.Books)
        {
            var sums = SumsOf(units, book.Unit);
            sums.Members += book.InLots > 0 || book.Debt > 0 ? 1 : 0;
            sums.Debt += book.Debt;
            foreach (ref readonly var lot in book.Lots)
            {
                sums.Add(lot, isHeld: false);
            }
        }

        foreach (var hold in state.Holds?.Open ?? [])
        {
            foreach (var lot in hold.Lots)
            {
                SumsOf(units, hold.Unit).Add(lot, isHeld: true);
            }
        }
    }

    private static Sums SumsOf(SortedDictionary<string, Sums> units, string unit)
    {
        if (!units.TryGetValue(unit, out var sums))
        {
            units[unit] = sums = new();
        }

        return sums;
    }

    private sealed class Sums
    {
        private readonly SortedDictionary<LocalDate, (long Points, long Held)> _months = [];

        public long Members { get; set; }

        public long Debt { get; set; }

        public void Add(in Lot lot, bool isHeld)
        {
            // No lot has the latest day of all as its last one: it stands for those without.
            var month = lot.Id.LastDay is { } last ? new LocalDate(last.Year, last.Month, 1) : LocalDate.MaxIsoValue;
            var (points, held) = _months.GetValueOrDefault(month);
            _months[month] = isHeld ? (points, held + lot.Points) : (points + lot.Points, held);
        }

        public UnitLiability ToReport(string unit, JournalTotals totals)
        {
            var (points, held) = (_months.Values.Sum(month => month.Points), _months.Values.Sum(month => month.Held));
            var account = totals.Sums.GetValueOrDefault(MeasureNames.Account(unit, Accounts.Member));
            return points - Debt == account
                ? new(unit, Members, points, held, Debt, account, [.. _months.Select(month =>
                    new MonthLiability(month.Key == LocalDate.MaxIsoValue ? null : month.Key, month.Value.Points, month.Value.Held))])
                : throw new JournalCorruptException($"members hold {points - Debt} {unit} as of position {totals.Position}; the account says {account}. './loyalty verify' tells more");
        }
    }
}
