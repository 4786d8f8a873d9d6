using System.Numerics;
using NodaTime;

namespace Loyalty.Domain.Tests.Spending;

/// <summary>How the model's program is set.</summary>
internal sealed record SpendingPlan(string Negative, int PendingDays, int LiveDays, long Minimum, long Maximum, long Step, bool HasRate)
{
    public byte[] ToJson() => System.Text.Encoding.UTF8.GetBytes($$"""
        {
          "name": "Test", "currency": "GBP", "timeZone": "UTC", "negativeBalance": "{{Negative}}",
          "units": [ { "id": "points", "pendingDays": {{PendingDays}}, "expiry": { "policy": "rolling", "days": {{LiveDays}} } } ],
          "earn": [ { "unit": "points", "points": 1, "per": 1 } ],
          "redemption": {
            "maxHoldSeconds": 2592000,
            "units": [ { "unit": "points", "minimum": {{Minimum}}, "maximum": {{Maximum}}, "step": {{Step}} {{(HasRate ? ", \"tender\": { \"points\": 2, \"amount\": 1 }" : "")}} } ]
          }
        }
        """);
}

/// <summary>
/// A slow, plain model of docs/SPENDING.md: every point is an object that lies somewhere. Written from the page, without a look at the engine's code. The program gives a point for a penny, in one unit, in UTC.
/// </summary>
internal sealed class ModelSpender(SpendingPlan plan)
{
    private readonly List<ModelHold> _open = [];
    private readonly Dictionary<string, string> _ended = [];
    private readonly Dictionary<string, List<ModelPoint>> _redeemed = [];
    private readonly Dictionary<string, ModelPurchase> _purchases = [];
    private readonly List<ModelPoint> _lapsed = [];
    private List<ModelPoint> _mine = [];
    private bool _blocked;

    public long Debt { get; private set; }

    public IEnumerable<(LocalDate Earned, LocalDate Available, LocalDate Last, long Points)> Lots =>
        _mine.GroupBy(point => point).OrderBy(lot => lot.Key).Select(lot => (lot.Key.Earned, lot.Key.Available, lot.Key.Last, (long)lot.Count()));

    public long Held => _open.Sum(hold => hold.Points.Count);

    public long Redeemed => _redeemed.Values.Sum(points => points.Count) + _purchases.Values.Sum(purchase => purchase.Tender.Count);

    public long Lapsed => _lapsed.Count;

    public IEnumerable<(string Id, long Points)> Open => _open.Select(hold => (hold.Id, (long)hold.Points.Count));

    public long Pending(Instant now) => _mine.Count(point => point.Available > Day(now));

    public void Wake(Instant now)
    {
        while (_open.Where(hold => hold.Until <= now).OrderBy(hold => hold.Until).FirstOrDefault() is { } over)
        {
            _open.Remove(over);
            _ended[over.Id] = "hold-timed-out";
            Free(over.Points);
        }

        _lapsed.AddRange(_mine.Where(point => point.Last < Day(now)));
        _mine.RemoveAll(point => point.Last < Day(now));
    }

    public void Block(bool blocked) => _blocked = blocked;

    public void Give(Instant now, long points)
    {
        var repaid = Math.Min(Debt, points);
        Debt -= repaid;
        Put(new(Day(now), Day(now), Day(now).PlusDays(plan.LiveDays)), points - repaid);
    }

    public string? Hold(Instant now, string id, long points, int seconds)
    {
        var refusal = Blocked ?? Rules(points) ?? (_open.Count >= 64 ? "too-many-holds" : Spendable(now) < points ? "not-enough-points" : null);
        if (refusal is null)
        {
            _open.Add(new(id, now + Duration.FromSeconds(seconds), Take(now, points)));
        }

        return refusal;
    }

    public string? Commit(Instant now, string id, long? points)
    {
        if (_open.Find(hold => hold.Id == id) is not { } hold)
        {
            return _ended.GetValueOrDefault(id, "no-hold");
        }

        var wanted = points ?? hold.Points.Count;
        var refusal = Blocked ?? (wanted > hold.Points.Count ? "more-than-held" : null);
        if (refusal is null)
        {
            _open.Remove(hold);
            _ended[id] = "hold-committed";
            _redeemed[id] = hold.Points.Take((int)wanted).ToList();
            Free(hold.Points.Skip((int)wanted));
            Wake(now);
        }

        return refusal;
    }

    public string? Cancel(Instant now, string id)
    {
        if (_open.Find(hold => hold.Id == id) is not { } hold)
        {
            return _ended.GetValueOrDefault(id, "no-hold");
        }

        _open.Remove(hold);
        _ended[id] = "hold-cancelled";
        Free(hold.Points);
        Wake(now);
        return null;
    }

    public string? Redeem(Instant now, string id, long points)
    {
        var refusal = Blocked ?? Rules(points) ?? (Spendable(now) < points ? "not-enough-points" : null);
        if (refusal is null)
        {
            _redeemed[id] = Take(now, points);
        }

        return refusal;
    }

    public string? Reverse(Instant now, string id, long? points)
    {
        if (!_redeemed.TryGetValue(id, out var left))
        {
            return "not-redeemed";
        }

        var wanted = points ?? left.Count;
        if (wanted > left.Count || left.Count == 0)
        {
            return "more-than-redeemed";
        }

        var back = left.Skip(left.Count - (int)wanted).ToList();
        left.RemoveRange(left.Count - (int)wanted, (int)wanted);
        Free(back);
        Wake(now);
        return null;
    }

    public string? Buy(Instant now, string id, long[] amounts, (long Points, long Amount)? tender)
    {
        var refusal = Blocked;
        if (refusal is null && tender is { } pay)
        {
            refusal = Rules(pay.Points) ?? (pay.Amount > amounts.Sum() ? "tender-too-large" : plan.HasRate && pay.Amount > pay.Points / 2 ? "tender-value"
                : Spendable(now) < pay.Points ? "not-enough-points" : null);
        }

        if (refusal is not null)
        {
            return refusal;
        }

        var lot = new ModelPoint(Day(now), Day(now).PlusDays(plan.PendingDays), Day(now).PlusDays(plan.LiveDays));
        var purchase = new ModelPurchase(lot, amounts, [.. amounts], tender ?? (0, 0), tender is { } taken ? Take(now, taken.Points) : []);
        _purchases[id] = purchase;
        var earned = purchase.MoneyLeft().Sum();
        purchase.Earned = earned;
        var repaid = Math.Min(Debt, earned);
        Debt -= repaid;
        Put(lot, earned - repaid);
        Wake(now);
        return null;
    }

    /// <summary>Takes back part of the amount of one line; all of its quantity is left until the amount is used up.</summary>
    public string? Return(Instant now, string id, int line, long amount, bool isAllOfLine)
    {
        if (Blocked is { } blocked)
        {
            return blocked;
        }

        var purchase = _purchases[id];
        if (purchase.Closed.Contains(line) || amount > purchase.Left[line])
        {
            return "more-than-bought";
        }

        var left = purchase.Left.ToArray();
        left[line] -= amount;
        var after = purchase with { Left = left };
        var keeps = Ceiling(purchase.Pays.Points, after.TenderLeft().Sum(), purchase.Pays.Amount);
        var back = purchase.Tender.Skip((int)keeps).ToList();
        var take = purchase.Earned - after.MoneyLeft().Sum();

        var owed = take;
        var fromOwn = Math.Min(owed, _mine.Count(point => point == purchase.Lot));
        owed -= fromOwn;
        var fromLapsed = Math.Min(owed, _lapsed.Count(point => point == purchase.Lot));
        owed -= fromLapsed;
        var others = _mine.Where(point => point != purchase.Lot).OrderBy(point => point.Available > Day(now)).ThenBy(point => point).Take((int)owed).ToList();
        owed -= others.Count;
        if (owed > back.Count && plan.Negative == "refuse")
        {
            return "points-spent";
        }

        Remove(_mine, purchase.Lot, fromOwn);
        Remove(_lapsed, purchase.Lot, fromLapsed);
        others.ForEach(point => Remove(_mine, point, 1));
        Debt += plan.Negative == "zero" ? Math.Min(owed, Math.Max(0, back.Count + Held - Debt)) : owed;
        purchase.Left[line] -= amount;
        purchase.Earned -= take;
        purchase.Tender.RemoveRange((int)keeps, back.Count);
        if (isAllOfLine)
        {
            purchase.Closed.Add(line);
        }

        Free(back);
        Wake(now);
        return null;
    }

    public long LeftOf(string purchase, int line) => _purchases[purchase].Closed.Contains(line) ? 0 : _purchases[purchase].Left[line];

    private string? Blocked => _blocked ? "member-blocked" : null;

    private static LocalDate Day(Instant now) => now.InUtc().Date;

    private string? Rules(long points) =>
        points < plan.Minimum ? "below-minimum" : points > plan.Maximum ? "above-maximum" : points % plan.Step != 0 ? "wrong-step" : null;

    private long Spendable(Instant now) => _mine.Count(point => point.Available <= Day(now)) - Debt;

    private List<ModelPoint> Take(Instant now, long points)
    {
        var taken = _mine.Where(point => point.Available <= Day(now)).Order().Take((int)points).ToList();
        taken.ForEach(point => Remove(_mine, point, 1));
        return taken;
    }

    private void Free(IEnumerable<ModelPoint> points)
    {
        foreach (var point in points.Order())
        {
            if (Debt > 0)
            {
                Debt--;
            }
            else
            {
                _mine.Add(point);
            }
        }
    }

    private void Put(ModelPoint lot, long points) => _mine.AddRange(Enumerable.Repeat(lot, (int)points));

    private static void Remove(List<ModelPoint> from, ModelPoint point, long count)
    {
        for (; count > 0; count--)
        {
            from.Remove(point);
        }
    }

    private static long Ceiling(long part, long left, long whole) => whole == 0 ? 0 : (long)(((BigInteger)part * left + whole - 1) / whole);

    private sealed record ModelHold(string Id, Instant Until, List<ModelPoint> Points);

    private sealed record ModelPurchase(ModelPoint Lot, long[] Amounts, long[] Left, (long Points, long Amount) Pays, List<ModelPoint> Tender)
    {
        public HashSet<int> Closed { get; } = [];

        public long Earned { get; set; }

        public IEnumerable<long> TenderLeft() => Amounts.Select((amount, i) => Ceiling(Share(i), Left[i], amount));

        public IEnumerable<long> MoneyLeft() => Left.Zip(TenderLeft(), (amount, tender) => amount - tender);

        private long Share(int line)
        {
            BigInteger total = Amounts.Sum();
            return total == 0 ? 0 : (long)((Pays.Amount * (BigInteger)Amounts.Take(line + 1).Sum() / total) - (Pays.Amount * (BigInteger)Amounts.Take(line).Sum() / total));
        }
    }
}

/// <summary>One point, by what makes it different from others. In the order of spending.</summary>
internal readonly record struct ModelPoint(LocalDate Earned, LocalDate Available, LocalDate Last) : IComparable<ModelPoint>
{
    public int CompareTo(ModelPoint other) => (Last, Earned, Available).CompareTo((other.Last, other.Earned, other.Available));
}
