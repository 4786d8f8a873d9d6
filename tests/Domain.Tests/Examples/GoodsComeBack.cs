using Loyalty.Domain.Members;
using Loyalty.Domain.Tests.Model;
using Xunit;

namespace Loyalty.Domain.Tests.Examples;

public class GoodsComeBack
{
    [Fact]
    public void Points_that_were_spent_become_debt_and_later_earnings_repay_it_first()
    {
        var shop = new Shop().On("2026-03-01");
        shop.Buys("p1", 100);
        shop.Adjusts(-80);
        shop.Returns("p1", 100);
        Assert.Equal((-80, 80), (shop.Available, shop.Debt));
        Assert.Equal(50, shop.Buys("p2", 50));
        Assert.Equal((-30, 30), (shop.Available, shop.Debt));
        shop.Buys("p3", 50);
        Assert.Equal((20, 0), (shop.Available, shop.Debt));
    }

    [Fact]
    public void Points_given_by_hand_repay_debt_too()
    {
        var shop = new Shop().On("2026-03-01");
        shop.Returns(null, 100);
        Assert.Equal(-100, shop.Available);
        Assert.Equal(20, shop.Adjusts(120).Available);
    }

    [Fact]
    public void Or_they_are_written_off_where_the_program_says_so()
    {
        var shop = new Shop(negative: "zero").On("2026-03-01");
        shop.Buys("p1", 100);
        shop.Adjusts(-80);
        var returned = Assert.Single(shop.Returns("p1", 100).OfType<ReturnRecorded>());
        Assert.Equal((0, 0), (shop.Available, shop.Debt));
        Assert.Contains(returned.Postings, posting => posting is { Place: PostingPlace.WrittenOff, Points: -80 });
        Assert.Equal(100, Assert.Single(returned.Takes).Points);
    }

    [Fact]
    public void Or_the_return_is_refused_and_nothing_changes()
    {
        var shop = new Shop(negative: "refuse").On("2026-03-01");
        shop.Buys("p1", 100);
        shop.Adjusts(-80);
        Assert.Equal("points-spent", shop.RefusalOfReturn("p1", 100));
        Assert.Equal(20, shop.Available);
        shop.Adjusts(80);
        Assert.NotEmpty(shop.Returns("p1", 100));
        Assert.Equal(0, shop.Available);
    }

    [Fact]
    public void A_return_that_arrives_before_its_purchase_waits_for_it()
    {
        var shop = new Shop().On("2026-03-01").Enrol();
        Assert.Single(shop.Returns("p1", 40).OfType<ReturnWaits>());
        Assert.Equal(0, shop.Available);
        Assert.Equal(100, shop.Buys("p1", 100));
        Assert.Equal(60, shop.Available);
        Assert.True(Assert.Single(shop.Facts.OfType<ReturnRecorded>()).Waited);
        Assert.True(shop.State.Waiting.IsEmpty);
    }

    [Fact]
    public void A_waiting_return_of_more_than_was_bought_takes_back_what_was_bought()
    {
        var shop = new Shop(negative: "refuse").On("2026-03-01").Enrol();
        shop.Returns("p1", 500, 10);
        shop.Buys("p1", 100);
        Assert.Equal((0, 0), (shop.Available, shop.Debt));
    }

    [Fact]
    public void At_most_64_returns_wait()
    {
        var shop = new Shop().On("2026-03-01").Enrol();
        for (var i = 0; i < MemberState.MaxWaiting; i++)
        {
            shop.Returns($"p{i}", 1);
        }

        Assert.Equal("too-many-waiting", shop.RefusalOfReturn("another", 1));
        shop.Buys("p7", 1);
        Assert.Null(shop.RefusalOfReturn("another", 1));
    }

    [Fact]
    public void Points_that_lapsed_are_not_charged_again_when_the_goods_come_back()
    {
        var shop = new Shop(new("rolling", Days: 10)).On("2026-03-01");
        shop.Buys("p1", 100);
        shop.On("2026-03-20").Buys("p2", 30);
        var returned = Assert.Single(shop.Returns("p1", 100).OfType<ReturnRecorded>());
        Assert.Equal((30, 0), (shop.Available, shop.Debt));
        Assert.Equal((PostingPlace.Lapsed, -100), (Assert.Single(returned.Postings).Place, returned.Postings[0].Points));
    }

    [Fact]
    public void Of_what_was_spent_before_the_rest_lapsed_the_member_owes_what_was_spent()
    {
        var shop = new Shop(new("rolling", Days: 10)).On("2026-03-01");
        shop.Buys("p1", 100);
        shop.Adjusts(-70);
        shop.On("2026-03-20").Returns("p1", 100);
        Assert.Equal((-70, 70), (shop.Available, shop.Debt));
    }

    [Fact]
    public void What_lapsed_longer_ago_than_is_remembered_counts_as_lapsed_whole()
    {
        var shop = new Shop(new("rolling", Days: 1)).On("2024-01-01");
        shop.Buys("p0", 100);
        shop.Adjusts(-100);
        shop.On("2024-01-02").Buys("p1", 100);
        for (var day = new DateOnly(2024, 2, 1); day < new DateOnly(2024, 6, 1); day = day.AddDays(1))
        {
            shop.On(day.ToString("yyyy-MM-dd")).Buys($"p{day:O}", 10);
        }

        shop.On("2024-07-01");
        shop.Returns("p1", 100);
        Assert.Equal(0, shop.Available);

        // Its points were spent, not lapsed; the book has forgotten that, and the member gets the benefit.
        shop.Returns("p0", 100);
        Assert.Equal(0, shop.Available);
        Assert.Equal(UnitBook.MaxLapsed, shop.State.FindBook("points")!.Lapsed.Length);
    }

    [Fact]
    public void Three_returns_of_a_third_take_back_as_much_as_one_of_all()
    {
        var earn = new PlanEarn("base", "points", 1, 100, true);
        var shop = new Shop(earn: earn, rounding: "half-up").On("2026-03-01");
        Assert.Equal(5, shop.Buys("p1", 150, 150, 150));
        // 450, 300, 150 and 0 pence are worth 5, 3, 2 and 0 points.
        Assert.Equal(3, shop.ReturnsLine("p1", "sku0", 150).Available);
        Assert.Equal(2, shop.ReturnsLine("p1", "sku1", 150).Available);
        Assert.Equal(0, shop.ReturnsLine("p1", "sku2", 150).Available);
    }

    [Fact]
    public void More_than_was_bought_cannot_come_back()
    {
        var shop = new Shop().On("2026-03-01");
        shop.Buys("p1", 100);
        Assert.Equal("more-than-bought", shop.RefusalOfReturn("p1", 101));
        Assert.Equal("not-bought", shop.RefusalOfReturn("p1", 100, 5));
        shop.Returns("p1", 100);
        Assert.Equal("more-than-bought", shop.RefusalOfReturn("p1", 100));
        Assert.Equal(0, shop.Available);
    }

    [Fact]
    public void A_balance_cannot_pass_the_largest_that_is_kept()
    {
        var shop = new Shop(earn: new("base", "points", 1_000_000, 1000, true)).On("2026-03-01");
        for (var i = 0; i < 1000; i++)
        {
            shop.Buys($"p{i}", 1_000_000_000_000);
        }

        Assert.Equal(MemberDecider.MaxBalance, shop.Available);
        Assert.Contains("balance-limit", Assert.Throws<InvalidOperationException>(() => shop.Buys("more", 1)).Message, StringComparison.Ordinal);
        Assert.Contains("balance-limit", Assert.Throws<InvalidOperationException>(() => shop.Adjusts(1)).Message, StringComparison.Ordinal);
    }
}
