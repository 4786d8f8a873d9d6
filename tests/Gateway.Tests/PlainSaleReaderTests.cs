using System.Text;
using Loyalty.Domain.Requests;
using Loyalty.Gateway.Http;

namespace Loyalty.Gateway.Tests;

/// <summary>What the quick reader accepts means the same to the careful one; the rest it leaves to it.</summary>
public sealed class PlainSaleReaderTests
{
    private const string Line = """{"sku":"22138","category":"baking","brand":"retrospot","quantity":3,"amount":1485}""";

    private static readonly string[] Scraps =
    [
        "null", "-1", "0", "00", "01", "1e3", "1.50", "0.000001", "0.0000001", "999999999", "1000000000", "999999999999", "1000000000000", "1000000000001", "\"\"", "\\u0041", "é", "true", "{}", "[]", ",", ":", "\"", "\\", "{", "}", "[", "]", " ", "\t",
        "\n", "\u0001", "\"type\":\"return\",", "\"type\":\"purchase\",", "\"purchase\":\"P-1\",", "\"purchase\":null,", "\"member\":null,", "\"at\":\"2024-02-29T23:59:59.1234567-13:59\",", "2026-02-30", "T24:00:00", ".5", ".999", "+14:00", "-00:30",
        "1969", "9999", "\"id\":\"X\",", "\"tender\":{\"unit\":\"points\",\"points\":5,\"amount\":5},", "\"tender\":{\"unit\":\"points\",\"points\":0,\"amount\":5},", "S1", "EURO", new('x', 64), new('x', 65), new('x', 129),
    ];

    [Theory]
    [InlineData("""{"id":"P-1","store":"S1","at":"2026-03-10T11:00:00Z","currency":"GBP","lines":[LINE]}""")]
    [InlineData("""{"type":"purchase","id":"P-1","member":"M-1","store":"S1","channel":"till","at":"2026-03-10T11:00:00.123+01:00","currency":"GBP","lines":[LINE,LINE]}""")]
    [InlineData("""{ "lines" : [ LINE , {"amount":0,"quantity":0.250,"sku":"1"} ] , "currency" : "GBP" , "at" : "2026-03-10T11:00:00.1-05:30" , "store" : "S1" , "id" : "P-1" } """)]
    [InlineData("""{"id":"P-1","member":"M-1","store":"S1","at":"2026-03-10T11:00:00Z","currency":"GBP","tender":{"unit":"points","points":500,"amount":250},"lines":[LINE]}""")]
    [InlineData("""{"tender": null,"id":"P-1","member":"M-1","store":"S1","at":"2026-03-10T11:00:00Z","currency":"GBP","lines":[LINE]}""")]
    [InlineData("""{"type":"return","id":"P-1","purchase":"P-0","member":null,"store":"S1","channel":null,"at":"2024-02-29T00:00:00Z","currency":"GBP","lines":[{"sku":"1","category":null,"brand":null,"quantity":1,"amount":1}]}""")]
    public void The_usual_forms_are_read_at_once_and_mean_the_same(string json)
    {
        var bytes = Encoding.UTF8.GetBytes(json.Replace("LINE", Line, StringComparison.Ordinal));

        var plain = new PlainSaleReader(bytes, new StringPool(64), []).Read(isReturn: false, mixed: true);

        Assert.NotNull(plain);
        Same(new SaleReader().ReadAnything(bytes, isReturn: false, mixed: true), plain);
    }

    [Fact]
    public void Damaged_requests_are_never_read_as_something_else()
    {
        var random = new Random(20260310);
        var names = new StringPool(64);
        var careful = new SaleReader();
        var (accepted, left) = (0, 0);
        for (var i = 0; i < 60_000; i++)
        {
            var json = $$"""{"type":"{{(i % 3 == 0 ? "return\",\"purchase\":\"P-0" : "purchase")}}","id":"P-{{i}}","member":"M-1","store":"S1","channel":"till","at":"2026-03-10T11:00:00.120+00:00","currency":"GBP","lines":[{{Line}},{"sku":"7","quantity":0.5,"amount":99}]}""";
            var text = new StringBuilder(json);
            for (var damage = random.Next(3); damage > 0; damage--)
            {
                var at = random.Next(text.Length);
                var length = Math.Min(random.Next(4) == 0 ? random.Next(20) : random.Next(3), text.Length - at);
                text.Remove(at, length).Insert(at, random.Next(3) == 0 ? "" : Scraps[random.Next(Scraps.Length)]);
            }

            var bytes = Encoding.UTF8.GetBytes(text.ToString());
            var (isReturn, mixed) = (random.Next(2) == 0, random.Next(2) == 0);
            if (new PlainSaleReader(bytes, names, []).Read(isReturn, mixed) is { } plain)
            {
                var expected = careful.ReadAnything(bytes, isReturn, mixed);
                Assert.True(expected is not null, $"{text}: {(careful.Errors.Count > 0 ? careful.Errors[0].Message : "")}");
                Same(expected, plain);
                accepted++;
            }
            else
            {
                left++;
            }
        }

        Assert.True(accepted > 10_000 && left > 10_000, $"{accepted} accepted, {left} left");
    }

    private static void Same(Request? expected, Request plain)
    {
        Assert.NotNull(expected);
        switch (expected, plain)
        {
            case (Purchase one, Purchase other):
                Assert.Equal(one with { Lines = other.Lines }, other);
                Assert.Equal(one.Lines, other.Lines);
                Assert.Equal(one.Lines.Select(line => line.Quantity.Scale), other.Lines.Select(line => line.Quantity.Scale));
                break;
            case (Return one, Return other):
                Assert.Equal(one with { Lines = other.Lines }, other);
                Assert.Equal(one.Lines, other.Lines);
                break;
            default:
                Assert.Fail($"{expected.GetType().Name} became {plain.GetType().Name}");
                break;
        }
    }
}
