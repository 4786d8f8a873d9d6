using Loyalty.Domain.Campaigns;
using Loyalty.Domain.Members;
using Loyalty.Domain.Programs;
using NodaTime;

namespace Loyalty.Runtime.Backtests;

/// <summary>What one draft gave, as one worker counts it; workers are summed at the end.</summary>
internal sealed class DraftTally(CampaignDefinition draft)
{
    private readonly string _rule = draft.Rule;
    private readonly string _doneRule = draft.DoneRule;
    private readonly Dictionary<string, (long Given, long TakenBack)> _points = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (long Anyway, long Growth, long Unknown)> _usual = new(StringComparer.Ordinal);
    private readonly Dictionary<LocalDate, Cell> _byDay = [];
    private readonly Dictionary<string, Cell> _byTier = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Cell> _byStore = new(StringComparer.Ordinal);
    private long _membersKnown;
    private long _membersUnknown;
    private long _usualSpend;
    private long _actualSpend;

    public long Requests { get; private set; }

    public long Members { get; private set; }

    public long NotReplayed { get; set; }

    /// <summary>Whether an award is the draft's.</summary>
    public bool IsMine(string rule) => string.Equals(rule, _rule, StringComparison.Ordinal) || string.Equals(rule, _doneRule, StringComparison.Ordinal);

    /// <summary>A request got something.</summary>
    public void CountRequest(LocalDate day, string? tier, string? store)
    {
        Requests++;
        foreach (var cell in Cells(day, tier, store))
        {
            cell.Requests++;
        }
    }

    /// <summary>Points given (above 0), or taken back by a return (below 0), on the day of the sale.</summary>
    public void Add(string unit, long points, LocalDate day, string? tier, string? store)
    {
        var (given, takenBack) = _points.GetValueOrDefault(unit);
        _points[unit] = points > 0 ? (given + points, takenBack) : (given, takenBack - points);
        foreach (var cell in Cells(day, tier, store))
        {
            cell.Net[unit] = cell.Net.GetValueOrDefault(unit) + points;
        }
    }

    /// <summary>A member at the end: what is left of the draft's points, and its spend before and in the period.</summary>
    /// <param name="net">By unit.</param>
    /// <param name="usual">Null: its books do not reach back far enough.</param>
    /// <param name="actual">In the period, minor units.</param>
    public void AddMember(Dictionary<string, long> net, long? usual, long actual)
    {
        if (!net.Values.Any(points => points > 0))
        {
            return;
        }

        Members++;
        if (usual is { } known)
        {
            _membersKnown++;
            _usualSpend += known;
            _actualSpend += actual;
        }
        else
        {
            _membersUnknown++;
        }

        foreach (var (unit, points) in net)
        {
            var sums = _usual.GetValueOrDefault(unit);
            if (usual is not { } before)
            {
                sums.Unknown += points;
            }
            else
            {
                var anyway = actual <= 0 || before >= actual ? points : (long)((Int128)points * Math.Max(0, before) / actual);
                sums.Anyway += anyway;
                sums.Growth += points - anyway;
            }

            _usual[unit] = sums;
        }
    }

    /// <summary>Adds another worker's.</summary>
    public void Add(DraftTally other)
    {
        Requests += other.Requests;
        Members += other.Members;
        NotReplayed += other.NotReplayed;
        _membersKnown += other._membersKnown;
        _membersUnknown += other._membersUnknown;
        _usualSpend += other._usualSpend;
        _actualSpend += other._actualSpend;
        foreach (var (unit, points) in other._points)
        {
            var mine = _points.GetValueOrDefault(unit);
            _points[unit] = (mine.Given + points.Given, mine.TakenBack + points.TakenBack);
        }

        foreach (var (unit, points) in other._usual)
        {
            var mine = _usual.GetValueOrDefault(unit);
            _usual[unit] = (mine.Anyway + points.Anyway, mine.Growth + points.Growth, mine.Unknown + points.Unknown);
        }

        Merge(_byDay, other._byDay);
        Merge(_byTier, other._byTier);
        Merge(_byStore, other._byStore);
    }

    /// <summary>The result, when all workers are added.</summary>
    /// <param name="program">The newest version: it says what units are worth.</param>
    /// <param name="budgets">Null: nothing had a budget.</param>
    public DraftReport ToReport(ProgramDefinition program, TrialBudgets? budgets)
    {
        var stores = Lines(_byStore, store => store, program).OrderByDescending(line => line.Cost).ThenByDescending(line => line.Requests).ThenBy(line => line.Key, StringComparer.Ordinal).ToList();
        if (stores.Count > Backtest.MaxStores)
        {
            var others = new Cell();
            foreach (var line in stores[Backtest.MaxStores..])
            {
                others.Add(_byStore[line.Key]);
            }

            stores.RemoveRange(Backtest.MaxStores, stores.Count - Backtest.MaxStores);
            stores.Add(Line("*", others, program));
        }

        return new(
            draft.Id, Requests, Members,
            [.. _points.OrderBy(unit => unit.Key, StringComparer.Ordinal).Select(unit => new UnitPoints(
                unit.Key, unit.Value.Given, unit.Value.TakenBack, CostOf(program, unit.Key, unit.Value.Given - unit.Value.TakenBack)))],
            [.. Lines(_byDay, day => day.ToString("uuuu'-'MM'-'dd", null), program).OrderBy(line => line.Key, StringComparer.Ordinal)],
            [.. Lines(_byTier, tier => tier, program).OrderBy(line => line.Key, StringComparer.Ordinal)],
            stores,
            new(_membersKnown, _membersUnknown, _usualSpend, _actualSpend,
                [.. _usual.OrderBy(unit => unit.Key, StringComparer.Ordinal).Select(unit => new UsualPoints(unit.Key, unit.Value.Anyway, unit.Value.Growth, unit.Value.Unknown))]),
            draft.Budget is { } budget && budgets is not null ? new(budget.Amount, budgets.SpentOf(draft.Id), budgets.ExhaustedAt(draft.Id)) : null,
            NotReplayed);
    }

    /// <summary>What points are worth, minor units of money, rounded up; null: their unit has no value.</summary>
    public static long? CostOf(ProgramDefinition program, string unit, long points) => program.FindUnit(unit)?.Value is { } value
        ? (long)Int128.Clamp(DivideUp((Int128)points * value.Money, value.Points), long.MinValue, long.MaxValue)
        : null;

    private static Int128 DivideUp(Int128 dividend, long divisor) => dividend > 0 ? (dividend + divisor - 1) / divisor : dividend / divisor;

    private IEnumerable<Cell> Cells(LocalDate day, string? tier, string? store)
    {
        yield return CellOf(_byDay, day);
        yield return CellOf(_byTier, tier ?? "none");
        yield return CellOf(_byStore, store ?? "");
    }

    private static Cell CellOf<TKey>(Dictionary<TKey, Cell> cells, TKey key)
        where TKey : notnull
    {
        if (!cells.TryGetValue(key, out var cell))
        {
            cells[key] = cell = new();
        }

        return cell;
    }

    private static void Merge<TKey>(Dictionary<TKey, Cell> into, Dictionary<TKey, Cell> from)
        where TKey : notnull
    {
        foreach (var (key, cell) in from)
        {
            CellOf(into, key).Add(cell);
        }
    }

    private static IEnumerable<PointsBy> Lines<TKey>(Dictionary<TKey, Cell> cells, Func<TKey, string> name, ProgramDefinition program)
        where TKey : notnull => cells.Select(cell => Line(name(cell.Key), cell.Value, program));

    private static PointsBy Line(string key, Cell cell, ProgramDefinition program) =>
        new(key, cell.Requests, new SortedDictionary<string, long>(cell.Net, StringComparer.Ordinal), cell.Net.Sum(unit => CostOf(program, unit.Key, unit.Value) ?? 0));

    private sealed class Cell
    {
        public long Requests { get; set; }

        public Dictionary<string, long> Net { get; } = new(StringComparer.Ordinal);

        public void Add(Cell other)
        {
            Requests += other.Requests;
            foreach (var (unit, points) in other.Net)
            {
                Net[unit] = Net.GetValueOrDefault(unit) + points;
            }
        }
    }
}
