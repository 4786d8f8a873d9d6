using System.Text;
using System.Text.Json;
using Loyalty.Load.Drive;

namespace Loyalty.Load.Tests;

public sealed class WorkloadTests
{
    private readonly Workload workload = new(new WorkloadOptions("T1", Members: 100, ReturnsPercent: 30, Vary: true));

    [Fact]
    public void A_request_is_the_same_whenever_it_is_made()
    {
        var again = new Workload(workload.Options with { });
        for (long index = 0; index < 2000; index++)
        {
            Slot slot = workload.At(2, index);
            Assert.Equal(slot, again.At(2, index));
            Assert.Equal(Render(slot), Encoding.UTF8.GetString(RenderBytes(again, slot)));
        }
    }

    [Fact]
    public void A_purchase_is_given_back_from_at_most_once_and_by_its_own_member()
    {
        Slot[] slots = [.. Enumerable.Range(0, 5000).Select(index => workload.At(1, index))];
        Slot[] returns = [.. slots.Where(slot => slot.IsReturn)];
        Assert.InRange(returns.Length, 800, 1600);
        Assert.Equal(returns.Length, returns.Select(slot => slot.Returned).Distinct().Count());
        Assert.All(returns, slot =>
        {
            Slot bought = slots[slot.Returned];
            Assert.False(bought.IsReturn);
            Assert.Equal(bought.Member, slot.Member);
            Assert.InRange(-slot.Spend, 1, bought.Spend);
        });
    }

    [Fact]
    public void The_json_says_what_the_slot_says()
    {
        for (int index = 0; index < 500; index++)
        {
            Slot slot = workload.At(3, index);
            JsonElement json = JsonDocument.Parse(Render(slot)).RootElement;
            JsonElement[] lines = [.. json.GetProperty("lines").EnumerateArray()];
            Assert.Equal(slot.IsReturn ? "return" : "purchase", json.GetProperty("type").GetString());
            Assert.Equal(slot.IsReturn, json.TryGetProperty("purchase", out _));
            Assert.Equal(workload.MemberId(slot.Member), json.GetProperty("member").GetString());
            Assert.Equal(slot.Lines, lines.Length);
            Assert.Equal(Math.Abs(slot.Spend), lines.Sum(line => line.GetProperty("amount").GetInt64()));
            Assert.Equal(lines.Length, lines.Select(line => line.GetProperty("sku").GetString()).Distinct().Count());
        }
    }

    private string Render(in Slot slot) => Encoding.UTF8.GetString(RenderBytes(workload, slot));

    private static byte[] RenderBytes(Workload workload, in Slot slot)
    {
        byte[] bytes = new byte[workload.RequestBytesMax];
        return bytes[..workload.Render(slot, "2026-03-01T12:34:56.789Z"u8, inStream: true, bytes)];
    }
}
