using Loyalty.Domain.Encoding;
using Loyalty.Domain.Ledger;
using Loyalty.Domain.Vouchers;
using NodaTime;
using Xunit;

namespace Loyalty.Domain.Tests.Vouchers;

/// <summary>Random lives of a few vouchers beside a plain model of docs/VOUCHERS.md; after every step the books balance, and a snapshot and a replay are the same.</summary>
public sealed class AgainstAModel
{
    private static readonly Instant Start = Instant.FromUtc(2026, 3, 1, 12, 0);

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 3)]
    [InlineData(3, 1)]
    [InlineData(4, 2)]
    public void A_book_of_vouchers_does_what_the_model_says(int seed, int uses)
    {
        for (var run = 0; run < 150; run++)
        {
            Run(new Random((seed * 1000) + run), uses);
        }
    }

    private static void Run(Random random, int uses)
    {
        const int Vouchers = 3;
        var type = (VoucherValueType)random.Next(1, 5);
        var terms = new VoucherTerms(
            "B", new(type, type == VoucherValueType.Percent ? 1000 : type == VoucherValueType.Entitlement ? 0 : 500, 0, type >= VoucherValueType.Points ? "points" : null), uses, false, Vouchers, 0,
            Start + Duration.FromMinutes(random.Next(-10, 5)), random.Next(4) == 0 ? null : Start + Duration.FromMinutes(random.Next(20, 60)));
        var (book, model, books) = (new VoucherBook(), new Model(terms), new Books());
        var facts = new List<VoucherEvent>();
        books.Post("voucher-uses", "voucher-issued", "voucher-open", Vouchers * uses);
        books.Post("voucher-money", "voucher-issued", "voucher-open", Vouchers * uses * terms.Nominal);
        var now = Start;
        for (var step = 0; step < 40; step++)
        {
            now += Duration.FromSeconds(random.Next(0, 240));
            var raised = new List<VoucherEvent>();
            book.BringUpToDate(now, raised);
            model.BringUpToDate(now);
            var voucher = new VoucherId(terms.Head, random.Next(Vouchers));
            var (id, hold) = ($"r{step}", $"r{random.Next(Math.Max(1, step))}");
            string? said = null, expected = null;
            switch (random.Next(12))
            {
                case < 4:
                    said = book.Hold(new() { Id = id, Voucher = voucher, Member = "M", Store = "S", Basket = 400, Seconds = 300 }, terms, now, raised)?.Code;
                    expected = model.Hold(id, voucher.Serial, now);
                    break;
                case < 6:
                    said = book.Redeem(new() { Id = id, Voucher = voucher, Hold = hold, Store = "S" }, terms, now, raised)?.Code;
                    expected = model.RedeemHold(hold, voucher.Serial);
                    break;
                case < 8:
                    said = book.Redeem(new() { Id = id, Voucher = voucher, Member = "M", Store = "S", Basket = 400 }, terms, now, raised)?.Code;
                    expected = model.Redeem(voucher.Serial, now);
                    break;
                case 8:
                    said = book.Cancel(new() { Id = id, Voucher = voucher, Hold = hold }, raised)?.Code;
                    expected = model.Cancel(hold, voucher.Serial);
                    break;
                case 9 when random.Next(3) == 0:
                    said = book.Void(new() { Id = id, Voucher = voucher, Reason = "r", Author = "a" }, terms, raised)?.Code;
                    expected = model.Void(voucher.Serial);
                    break;
                case 10:
                    var at = now - Duration.FromSeconds(random.Next(0, 3000));
                    book.Redeem(new() { Id = id, Voucher = voucher, Member = "M", Store = "S", Basket = 400, AcceptedAt = at }, terms, now, raised);
                    said = ((VoucherRedeemed)raised[^1]).Overdraft is null ? "accepted" : "overdrawn";
                    expected = model.Offline(voucher.Serial, at);
                    break;
                case 11 when now >= terms.ValidUntil:
                    book.End(VoucherAccounts.Expired, terms, Vouchers, raised);
                    model.End();
                    break;
            }

            Assert.Equal(expected, said);
            foreach (var fact in raised)
            {
                facts.Add(Reread(fact));
                VoucherLedger.Post(fact, books);
            }

            // The accounts are what the model has.
            Assert.Equal(model.Uses(), books.Of("voucher-uses"));
            Assert.Equal(0, books.Of("voucher-money").Values.Sum());
            Assert.Equal(terms.Nominal * model.Uses().GetValueOrDefault("voucher-held"), books.Of("voucher-money").GetValueOrDefault("voucher-held"));
            Assert.Equal(terms.Nominal * model.Uses().GetValueOrDefault("voucher-open"), books.Of("voucher-money").GetValueOrDefault("voucher-open"));
        }

        var replayed = new VoucherBook();
        facts.ForEach(replayed.Apply);
        var snapshot = Snapshot(book);
        Assert.Equal(snapshot, Snapshot(replayed));
        var reader = new ByteReader(snapshot);
        Assert.Equal(snapshot, Snapshot(VoucherBook.Read(ref reader)));
        Assert.True(reader.AtEnd);
    }

    private static VoucherEvent Reread(VoucherEvent fact)
    {
        var writer = new ByteWriter();
        VoucherCodec.Write(writer, fact);
        var reader = new ByteReader(writer.Written);
        var read = VoucherCodec.Read(ref reader);
        Assert.Equal(fact, read);
        return read;
    }

    private static byte[] Snapshot(VoucherBook book)
    {
        var writer = new ByteWriter();
        book.Write(writer);
        return writer.Written.ToArray();
    }

    /// <summary>Each use of each voucher is a thing that is somewhere.</summary>
    private sealed class Model(VoucherTerms terms)
    {
        private readonly string[][] _uses = [.. Enumerable.Range(0, terms.Codes).Select(_ => Enumerable.Repeat("voucher-open", terms.Uses).ToArray())];
        private readonly Dictionary<string, (int Voucher, int Use, Instant Until)> _holds = [];
        private readonly HashSet<int> _voided = [];
        private int _overdrawn;
        private bool _ended;

        public void BringUpToDate(Instant now)
        {
            foreach (var (id, hold) in _holds.ToArray())
            {
                if (hold.Until <= now)
                {
                    Free(id);
                }
            }
        }

        public string? Hold(string id, int voucher, Instant now)
        {
            if (Refusal(voucher, now) is { } refusal)
            {
                return refusal;
            }

            var use = Array.IndexOf(_uses[voucher], "voucher-open");
            _uses[voucher][use] = "voucher-held";
            _holds[id] = (voucher, use, now + Duration.FromSeconds(300));
            return null;
        }

        public string? RedeemHold(string id, int voucher)
        {
            if (!_holds.TryGetValue(id, out var hold) || hold.Voucher != voucher)
            {
                return "hold-over";
            }

            _holds.Remove(id);
            _uses[voucher][hold.Use] = "voucher-redeemed";
            return null;
        }

        public string? Redeem(int voucher, Instant now)
        {
            if (Refusal(voucher, now) is { } refusal)
            {
                return refusal;
            }

            _uses[voucher][Array.IndexOf(_uses[voucher], "voucher-open")] = "voucher-redeemed";
            return null;
        }

        public string? Cancel(string id, int voucher)
        {
            if (!_holds.TryGetValue(id, out var hold) || hold.Voucher != voucher)
            {
                return "hold-over";
            }

            Free(id);
            return null;
        }

        public string? Void(int voucher)
        {
            if (_ended)
            {
                return "voucher-over";
            }

            if (!_uses[voucher].Contains("voucher-open"))
            {
                return "voucher-used";
            }

            Move(voucher, "voucher-open", "voucher-voided");
            _voided.Add(voucher);
            return null;
        }

        public string Offline(int voucher, Instant at)
        {
            var from = _ended ? "voucher-expired" : "voucher-open";
            if (at < terms.ValidFrom || at >= terms.ValidUntil || _voided.Contains(voucher) || !_uses[voucher].Contains(from))
            {
                _overdrawn++;
                return "overdrawn";
            }

            _uses[voucher][Array.IndexOf(_uses[voucher], from)] = "voucher-redeemed";
            return "accepted";
        }

        public void End()
        {
            if (!_ended)
            {
                for (var voucher = 0; voucher < _uses.Length; voucher++)
                {
                    Move(voucher, "voucher-open", "voucher-expired");
                }

                _ended = true;
            }
        }

        public SortedDictionary<string, long> Uses()
        {
            var sums = new SortedDictionary<string, long>(StringComparer.Ordinal) { ["voucher-issued"] = -terms.Codes * terms.Uses };
            foreach (var place in _uses.SelectMany(uses => uses))
            {
                sums[place] = sums.GetValueOrDefault(place) + 1;
            }

            if (_overdrawn > 0)
            {
                sums["voucher-overdrawn"] = -_overdrawn;
                sums["voucher-redeemed"] = sums.GetValueOrDefault("voucher-redeemed") + _overdrawn;
            }

            return sums;
        }

        private string? Refusal(int voucher, Instant now) =>
            now < terms.ValidFrom ? "voucher-not-yet"
            : _voided.Contains(voucher) ? "voucher-void"
            : _ended || now >= terms.ValidUntil ? "voucher-expired"
            : _uses[voucher].Contains("voucher-open") ? null
            : _uses[voucher].Contains("voucher-held") ? "voucher-held" : "voucher-used";

        private void Free(string id)
        {
            _holds.Remove(id, out var hold);
            _uses[hold.Voucher][hold.Use] = _ended ? "voucher-expired" : _voided.Contains(hold.Voucher) ? "voucher-voided" : "voucher-open";
        }

        private void Move(int voucher, string from, string to)
        {
            for (var i = 0; i < _uses[voucher].Length; i++)
            {
                _uses[voucher][i] = _uses[voucher][i] == from ? to : _uses[voucher][i];
            }
        }
    }

    private sealed class Books : ILedgerSink
    {
        private readonly Dictionary<(string Unit, string Account), long> _sums = [];

        public void Post(string unit, string from, string to, long points)
        {
            Assert.True(points >= 0, $"{points} from {from} to {to}");
            _sums[(unit, from)] = _sums.GetValueOrDefault((unit, from)) - points;
            _sums[(unit, to)] = _sums.GetValueOrDefault((unit, to)) + points;
        }

        public void Count(string counter, long delta)
        {
        }

        public SortedDictionary<string, long> Of(string unit) => new(
            _sums.Where(sum => sum.Key.Unit == unit && sum.Value != 0).ToDictionary(sum => sum.Key.Account, sum => sum.Value), StringComparer.Ordinal);
    }
}
