using System.Security.Cryptography;
using Loyalty.Domain.Vouchers;
using Xunit;

namespace Loyalty.Domain.Tests.Vouchers;

public sealed class Codes
{
    private static readonly byte[] Secret = SHA256.HashData("a secret"u8);
    private static readonly string Head = VoucherCode.HeadOf("spring-2026");

    [Fact]
    public void A_code_leads_to_its_number_and_all_are_different()
    {
        var codes = new HashSet<string>();
        foreach (var serial in Enumerable.Range(0, 3000).Concat([999_999, 524_288]))
        {
            var code = VoucherCode.Of(new(Head, serial), Secret);
            Assert.Equal(24, code.Length);
            Assert.True(codes.Add(code));
            var normal = VoucherCode.Normalize(" " + code.ToLowerInvariant().Replace('-', ' '), out _)!;
            Assert.Equal(Head, VoucherCode.HeadOfCode(normal));
            Assert.Equal(serial, VoucherCode.SerialOf(normal, Secret, 1_000_000));
        }
    }

    [Fact]
    public void Codes_stay_as_they_are_for_ever() =>
        Assert.Equal(Golden, string.Join(' ', Enumerable.Range(0, 3).Select(serial => VoucherCode.Of(new(Head, serial), Secret))));

    [Fact]
    public void Every_mistyped_character_and_every_exchange_of_two_is_found()
    {
        var code = VoucherCode.Normalize(VoucherCode.Of(new(Head, 17), Secret), out _)!;
        for (var i = 0; i < code.Length; i++)
        {
            foreach (var other in VoucherCode.Alphabet.Where(other => other != code[i]))
            {
                Assert.Null(VoucherCode.Normalize(code[..i] + other + code[(i + 1)..], out _));
            }

            for (var j = i + 1; j < code.Length; j++)
            {
                if (code[i] != code[j])
                {
                    var swapped = code.ToCharArray();
                    (swapped[i], swapped[j]) = (swapped[j], swapped[i]);
                    Assert.Null(VoucherCode.Normalize(new(swapped), out _));
                }
            }
        }
    }

    [Fact]
    public void A_code_that_the_batch_did_not_make_leads_nowhere()
    {
        var random = new Random(1);
        for (var i = 0; i < 20_000; i++)
        {
            var body = Head + new string([.. Enumerable.Range(0, 14).Select(_ => VoucherCode.Alphabet[random.Next(31)])]);
            var code = VoucherCode.Alphabet.Select(check => VoucherCode.Normalize(body + check, out _)).First(one => one is not null)!;
            Assert.Null(VoucherCode.SerialOf(code, Secret, 1_000_000));
        }

        // Nor does the right code of another secret, or of a number that the batch has not.
        var right = VoucherCode.Normalize(VoucherCode.Of(new(Head, 500), Secret), out _)!;
        Assert.Null(VoucherCode.SerialOf(right, SHA256.HashData("another"u8), 1_000_000));
        Assert.Null(VoucherCode.SerialOf(right, Secret, 500));
    }

    [Theory]
    [InlineData("")]
    [InlineData("ABCD-EFGH-JKMN-PQRS-TUV")]
    [InlineData("ABCD-EFGH-JKMN-PQRS-TUVWX")]
    [InlineData("OBCD-EFGH-JKMN-PQRS-TUVW")]
    [InlineData("1BCD-EFGH-JKMN-PQRS-TUVW")]
    public void What_is_no_code_is_told_why(string typed)
    {
        Assert.Null(VoucherCode.Normalize(typed, out var problem));
        Assert.NotEmpty(problem);
    }

    private const string Golden = "TXHP-E3GZ-GMYD-S5HX-JYD6 TXHP-ERVW-ENSB-2CFH-DH8W TXHP-EEWC-56WN-DJ37-HP4N";
}
