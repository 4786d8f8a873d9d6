using NodaTime;

namespace Loyalty.Domain.Members;

/// <summary>What makes two points interchangeable: the day they were earned, the first day they can be spent, the last one.</summary>
/// <param name="EarnedOn">Day of the sale.</param>
/// <param name="AvailableOn">First day on which they can be spent.</param>
/// <param name="LastDay">Last day on which they can be spent; null: they have no date of their own.</param>
public readonly record struct LotId(LocalDate EarnedOn, LocalDate AvailableOn, LocalDate? LastDay) : IComparable<LotId>
{
    /// <summary>The order of spending: earliest last day first, none last; then earliest earned, then earliest available.</summary>
    public int CompareTo(LotId other)
    {
        var byLast = (LastDay, other.LastDay) switch
        {
            (null, null) => 0,
            (null, _) => 1,
            (_, null) => -1,
            ({ } mine, { } theirs) => mine.CompareTo(theirs),
        };
        if (byLast != 0)
        {
            return byLast;
        }

        var byEarned = EarnedOn.CompareTo(other.EarnedOn);
        return byEarned != 0 ? byEarned : AvailableOn.CompareTo(other.AvailableOn);
    }

    /// <summary>Earlier in the order of spending.</summary>
    public static bool operator <(LotId left, LotId right) => left.CompareTo(right) < 0;

    /// <summary>Later in the order of spending.</summary>
    public static bool operator >(LotId left, LotId right) => left.CompareTo(right) > 0;

    /// <summary>Not later in the order of spending.</summary>
    public static bool operator <=(LotId left, LotId right) => left.CompareTo(right) <= 0;

    /// <summary>Not earlier in the order of spending.</summary>
    public static bool operator >=(LotId left, LotId right) => left.CompareTo(right) >= 0;

    /// <summary>For statements: <c>2026-03-01/2026-03-15/2029-03-31</c>; <c>-</c> for no last day.</summary>
    public override string ToString() =>
        $"{EarnedOn:uuuu'-'MM'-'dd}/{AvailableOn:uuuu'-'MM'-'dd}/{(LastDay is { } last ? last.ToString("uuuu'-'MM'-'dd", null) : "-")}";
}

/// <summary>Points in a lot.</summary>
/// <param name="Id">Which lot.</param>
/// <param name="Points">How many; above 0.</param>
public readonly record struct Lot(LotId Id, long Points)
{
    /// <summary>What they have together.</summary>
    public static long Sum(ReadOnlySpan<Lot> lots)
    {
        long sum = 0;
        foreach (ref readonly var lot in lots)
        {
            sum += lot.Points;
        }

        return sum;
    }
}

/// <summary>The book of one unit of one member: lots in the order of spending, debt, and what lapsed lately.</summary>
public sealed partial class UnitBook(string unit)
{
    /// <summary>Lapsed lots that are remembered, newest.</summary>
    public const int MaxLapsed = 64;

    /// <summary>Lots per unit. Beyond it the two oldest lots of equal last day become one, with the older earning day.</summary>
    public const int MaxLots = 16_384;

    private CompactList<Lot> _lots;
    private CompactList<Lot> _lapsed;

    /// <summary>Which unit.</summary>
    public string Unit { get; } = unit;

    /// <summary>The member's next book; null: this is the last one.</summary>
    public UnitBook? Next { get; internal set; }

    /// <summary>In the order of spending. Valid until the book changes.</summary>
    public ReadOnlySpan<Lot> Lots => _lots.Items;

    /// <summary>What lapsed and was not taken back since, oldest first. Valid until the book changes.</summary>
    public ReadOnlySpan<Lot> Lapsed => _lapsed.Items;

    /// <summary>What the member owes; 0 or more.</summary>
    public long Debt { get; set; }

    /// <summary>Sum of all lots.</summary>
    public long InLots { get; private set; }

    /// <summary>The member account of the books: lots less debt.</summary>
    public long Balance => InLots - Debt;

    /// <summary>Points in lots that cannot be spent on <paramref name="today"/> yet.</summary>
    public long Pending(LocalDate today)
    {
        long pending = 0;
        foreach (ref readonly var lot in Lots)
        {
            pending += lot.Id.AvailableOn > today ? lot.Points : 0;
        }

        return pending;
    }

    /// <summary>What is left in the lot.</summary>
    public long In(LotId id)
    {
        var index = Find(id);
        return index >= 0 ? _lots[index].Points : 0;
    }

    /// <summary>Puts points in a lot.</summary>
    public void Add(LotId id, long points)
    {
        InLots = checked(InLots + points);
        var index = Find(id);
        if (index >= 0)
        {
            _lots[index] = new(id, _lots[index].Points + points);
            return;
        }

        _lots.Insert(~index, new(id, points));
        if (_lots.Count > MaxLots)
        {
            MergeOldest();
        }
    }

    /// <summary>Takes points out of a lot that has them.</summary>
    /// <exception cref="InvalidOperationException">The lot has less: the books are damaged.</exception>
    public void Take(LotId id, long points)
    {
        var index = Find(id);
        if (index < 0 || _lots[index].Points < points)
        {
            throw new InvalidOperationException($"lot {id} of {Unit} has less than {points}");
        }

        InLots -= points;
        if (_lots[index].Points == points)
        {
            _lots.RemoveAt(index);
        }
        else
        {
            _lots[index] = new(id, _lots[index].Points - points);
        }
    }

    /// <summary>The latest last day (or, of lots without one, earning day) of a lapsed lot that is not remembered any more.</summary>
    public LocalDate ForgottenThrough { get; set; } = LocalDate.MinIsoValue;

    /// <summary>What of the lot lapsed and was not taken back since; everything, in the member's favour, when that is forgotten.</summary>
    public long LapsedOf(LotId id)
    {
        foreach (ref readonly var lot in Lapsed)
        {
            if (lot.Id == id)
            {
                return lot.Points;
            }
        }

        return (id.LastDay ?? id.EarnedOn) <= ForgottenThrough ? long.MaxValue : 0;
    }

    /// <summary>Remembers what lapsed.</summary>
    public void AddLapsed(LotId id, long points)
    {
        for (var i = 0; i < _lapsed.Count; i++)
        {
            if (_lapsed[i].Id == id)
            {
                _lapsed[i] = new(id, _lapsed[i].Points + points);
                return;
            }
        }

        if (_lapsed.Count == MaxLapsed)
        {
            var forgotten = _lapsed[0].Id.LastDay ?? _lapsed[0].Id.EarnedOn;
            ForgottenThrough = forgotten > ForgottenThrough ? forgotten : ForgottenThrough;
            _lapsed.RemoveAt(0);
        }

        _lapsed.Add(new(id, points));
    }

    /// <summary>Takes from what lapsed; the lot stays known, and one that is forgotten stays so.</summary>
    public void TakeLapsed(LotId id, long points)
    {
        for (var i = 0; i < _lapsed.Count; i++)
        {
            if (_lapsed[i].Id == id)
            {
                _lapsed[i] = new(id, _lapsed[i].Points - points);
                return;
            }
        }
    }

    private int Find(LotId id)
    {
        var low = 0;
        var high = _lots.Count - 1;
        while (low <= high)
        {
            var middle = (low + high) >>> 1;
            var order = _lots[middle].Id.CompareTo(id);
            if (order == 0)
            {
                return middle;
            }

            if (order < 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle - 1;
            }
        }

        return ~low;
    }

    /// <returns>Whether two were found that could become one.</returns>
    private bool MergeOldest()
    {
        var newest = _lots[_lots.Count - 1].Id.EarnedOn;
        for (var i = 0; i + 1 < _lots.Count; i++)
        {
            var (older, newer) = (_lots[i], _lots[i + 1]);
            if (older.Id.LastDay == newer.Id.LastDay && older.Id.AvailableOn <= newest && newer.Id.AvailableOn <= newest)
            {
                _lots[i] = new(older.Id, older.Points + newer.Points);
                _lots.RemoveAt(i + 1);
                return true;
            }
        }

        return false;
    }
}
