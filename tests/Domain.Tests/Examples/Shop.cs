using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Tests.Model;
using Loyalty.Domain.Tests.Properties;
using NodaTime;
using NodaTime.Text;

namespace Loyalty.Domain.Tests.Examples;

/// <summary>One member of a shop that gives 1 point a penny unless told otherwise; times are those on the wall in London.</summary>
internal sealed class Shop
{
    private readonly RealMember _member;
    private int _ids;

    public Shop(PlanExpiry? expiry = null, PlanTiers? tiers = null, string negative = "debt", int pending = 0, PlanEarn? earn = null, string rounding = "down", bool perLine = false)
    {
        var program = FoundByTheModel.Program(expiry, tiers, negative, pending) with { Rounding = rounding, PerLine = perLine };
        _member = RealMember.Of(new("Europe/London", [earn is null ? program : program with { Earn = [earn] }]));
    }

    public MemberState State => _member.State;

    public Instant Now { get; private set; }

    public List<MemberEvent> Facts => _member.Facts;

    public long Available => Balance.Available;

    public long Pending => Balance.Pending;

    public long Debt => State.FindBook("points")?.Debt ?? 0;

    public string? Tier => State.Tier.Level;

    private Balance Balance => MemberDecider.Balances(State, _member.At(Now))[0];

    /// <summary>The clock goes forward to a time of London; the member is woken.</summary>
    public Shop On(string time)
    {
        var local = LocalDateTimePattern.CreateWithInvariantCulture(time.Length > 10 ? "uuuu-MM-dd HH:mm:ss" : "uuuu-MM-dd").Parse(time).Value;
        Now = local.InZoneLeniently(DateTimeZoneProviders.Tzdb["Europe/London"]).ToInstant();
        _member.Do(new(Now, null));
        return this;
    }

    public Shop Enrol()
    {
        _member.Do(new(Now, new Enrolment { Id = "M1", AlternativeIds = [] }));
        return this;
    }

    public long Buys(string id, params long[] amounts)
    {
        var raised = Accepted(new Purchase
        {
            Id = id, Member = "M1", Store = "S", At = Now, Currency = "GBP", Lines = [.. amounts.Select((amount, i) => new SaleLine($"sku{i}", null, null, 1, amount))],
        });
        return raised.OfType<PurchaseRecorded>().Single().Awards.Sum(award => award.Points);
    }

    public List<MemberEvent> Returns(string? purchase, params long[] amounts) => Accepted(Back(purchase, amounts));

    public Shop ReturnsLine(string purchase, string sku, long amount)
    {
        Accepted(Back(purchase, []) with { Lines = [new(sku, null, null, 1, amount)] });
        return this;
    }

    public string? RefusalOfReturn(string? purchase, params long[] amounts) => _member.Do(new(Now, Back(purchase, amounts))).Refusal?.Code;

    public Shop Adjusts(long points)
    {
        Accepted(new Adjustment { Id = $"a{_ids++}", Member = "M1", Unit = "points", Points = points, Reason = "r", Author = "a" });
        return this;
    }

    private Return Back(string? purchase, long[] amounts) => new()
    {
        Id = $"r{_ids++}", Purchase = purchase, Member = "M1", Store = "S", At = Now, Currency = "GBP",
        Lines = [.. amounts.Select((amount, i) => new SaleLine($"sku{i}", null, null, 1, amount))],
    };

    private List<MemberEvent> Accepted(object request)
    {
        var (refusal, raised) = _member.Do(new(Now, request));
        return refusal is null ? raised : throw new InvalidOperationException(refusal.ToString());
    }
}
