namespace Loyalty.Domain.Members;

public sealed partial class UnitBook
{
    /// <summary>Fewer lots than this are found one by one.</summary>
    private const int Few = 4;

    /// <summary>Takes points out of lots that have them, all in one pass.</summary>
    /// <param name="taken">In the order of spending, each lot once.</param>
    /// <exception cref="InvalidOperationException">A lot has less, or they are not in order: the books are damaged.</exception>
    public void TakeMany(ReadOnlySpan<Lot> taken)
    {
        if (taken.Length < Few)
        {
            foreach (ref readonly var lot in taken)
            {
                Take(lot.Id, Positive(lot));
            }

            return;
        }

        var lots = _lots.Items;
        long sum = 0;
        var (kept, next) = (0, 0);
        for (var i = 0; i < lots.Length; i++)
        {
            var left = lots[i].Points;
            if (next < taken.Length && taken[next].Id == lots[i].Id)
            {
                left -= Positive(taken[next]);
                sum += taken[next].Points;
                next++;
            }

            if (left < 0)
            {
                throw new InvalidOperationException($"lot {lots[i].Id} of {Unit} has less than {taken[next - 1].Points}");
            }

            if (left > 0)
            {
                lots[kept++] = new(lots[i].Id, left);
            }
        }

        if (next < taken.Length)
        {
            throw new InvalidOperationException($"lot {taken[next].Id} of {Unit} is not there, or the lots are not in order");
        }

        _lots.RemoveRange(kept, lots.Length - kept);
        InLots -= sum;
    }

    /// <summary>Puts points in lots, all in one pass.</summary>
    /// <param name="added">In the order of spending, each lot once.</param>
    /// <exception cref="InvalidOperationException">They are not in order, or have no points: the books are damaged.</exception>
    public void AddMany(ReadOnlySpan<Lot> added)
    {
        if (added.Length < Few)
        {
            foreach (ref readonly var lot in added)
            {
                Add(lot.Id, Positive(lot));
            }

            return;
        }

        var lots = _lots.Items;
        var merged = new Lot[lots.Length + added.Length];
        var (count, i, j) = (0, 0, 0);
        long sum = 0;
        while (i < lots.Length || j < added.Length)
        {
            var order = j == added.Length ? -1 : i == lots.Length ? 1 : lots[i].Id.CompareTo(added[j].Id);
            var lot = order <= 0 ? lots[i++] : default;
            if (order >= 0)
            {
                sum = checked(sum + Positive(added[j]));
                lot = new(added[j].Id, checked(lot.Points + added[j].Points));
                j++;
            }

            if (count > 0 && merged[count - 1].Id >= lot.Id)
            {
                throw new InvalidOperationException($"lot {lot.Id} of {Unit} is not in order");
            }

            merged[count++] = lot;
        }

        _lots.Replace(merged.AsSpan(0, count));
        InLots = checked(InLots + sum);
        while (_lots.Count > MaxLots && MergeOldest())
        {
        }
    }

    private static long Positive(in Lot lot) => lot.Points > 0 ? lot.Points : throw new InvalidOperationException($"{lot.Points} points of lot {lot.Id}");
}
