using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Loyalty.Domain.Vouchers;

/// <summary>Which voucher: a batch by the head of its codes, and a number in it.</summary>
/// <param name="Batch"><see cref="VoucherCode.HeadLength"/> characters.</param>
/// <param name="Serial">0 to <see cref="VoucherLimits.Codes"/> - 1.</param>
public readonly record struct VoucherId(string Batch, int Serial)
{
    /// <summary>For people who may not see the code: <c>7K2MQ-000123</c>.</summary>
    public override string ToString() => $"{Batch}-{Serial:000000}";
}

/// <summary>
/// Codes of vouchers: 20 characters in groups of four, <c>7K2M-Q4RT-…</c>: a head that names the batch (5), a body (14), a check character. The alphabet has no 0, 1, I, L, O. The body is 69 bits: the number
/// in the batch (20 bits, masked) and a tag of 49 bits, both from HMAC-SHA256 under the batch's secret of 256 random bits. So codes are made of nothing that is stored: a batch of a million is a
/// secret and a count, every code can be made again for a download, and whoever does not know the secret finds one of a million codes with about 600 million million tries. docs/VOUCHERS.md, "Codes".
/// </summary>
public static class VoucherCode
{
    /// <summary>Characters that codes are made of, a prime number of them: then the check character finds every single wrong character and every two that are exchanged.</summary>
    public const string Alphabet = "23456789ABCDEFGHJKMNPQRSTUVWXYZ";

    /// <summary>Characters of a code, without dashes.</summary>
    public const int Length = 20;

    /// <summary>Characters that name the batch.</summary>
    public const int HeadLength = 5;

    /// <summary>Bytes of a batch's secret.</summary>
    public const int SecretBytes = 32;

    private const int BodyLength = Length - HeadLength - 1;
    private const int TagBits = 49;
    private const int SerialBits = 20;

    /// <summary>The head of a batch's codes: made of its id, so that nobody has to keep a list.</summary>
    public static string HeadOf(string batch)
    {
        var hash = BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(batch)));
        Span<char> head = stackalloc char[HeadLength];
        foreach (ref var one in head)
        {
            one = Alphabet[(int)(hash % (ulong)Alphabet.Length)];
            hash /= (ulong)Alphabet.Length;
        }

        return new(head);
    }

    /// <summary>The code of a voucher, with dashes.</summary>
    public static string Of(VoucherId voucher, ReadOnlySpan<byte> secret)
    {
        var tag = Tag(secret, voucher.Serial);
        var body = ((UInt128)((uint)voucher.Serial ^ Mask(secret, tag)) << TagBits) | tag;
        Span<char> code = stackalloc char[Length];
        voucher.Batch.CopyTo(code);
        for (var i = HeadLength; i < HeadLength + BodyLength; i++)
        {
            code[i] = Alphabet[(int)(body % (UInt128)Alphabet.Length)];
            body /= (UInt128)Alphabet.Length;
        }

        code[^1] = CheckOf(code[..^1]);
        Span<char> shown = stackalloc char[Length + (Length / 4) - 1];
        for (int i = 0, at = 0; i < Length; i++)
        {
            if (i > 0 && i % 4 == 0)
            {
                shown[at++] = '-';
            }

            shown[at++] = code[i];
        }

        return new(shown);
    }

    /// <summary>The characters of a code as somebody typed it: capitals, without dashes and spaces; null: it is none, and <paramref name="problem"/> says why.</summary>
    public static string? Normalize(string typed, out string problem)
    {
        ArgumentNullException.ThrowIfNull(typed);
        problem = "";
        Span<char> code = stackalloc char[Length];
        var count = 0;
        foreach (var one in typed)
        {
            if (one is '-' or ' ')
            {
                continue;
            }

            var upper = char.ToUpperInvariant(one);
            if (!Alphabet.Contains(upper, StringComparison.Ordinal))
            {
                problem = "has a character that no code has; codes are made of " + Alphabet;
                return null;
            }

            if (count == Length)
            {
                count++;
                break;
            }

            code[count++] = upper;
        }

        if (count != Length)
        {
            problem = $"has {(count > Length ? "more than" : "not the")} {Length} characters of a code";
            return null;
        }

        if (CheckOf(code[..^1]) != code[^1])
        {
            problem = "is mistyped: its last character does not fit the others";
            return null;
        }

        return new(code);
    }

    /// <summary>The batch's head of a normalized code.</summary>
    public static string HeadOfCode(string code) => code[..HeadLength];

    /// <summary>The number of a normalized code in its batch, or null: the batch never made it.</summary>
    /// <param name="code">Of <see cref="Normalize"/>.</param>
    /// <param name="secret">The batch's.</param>
    /// <param name="count">How many codes the batch has.</param>
    public static int? SerialOf(string code, ReadOnlySpan<byte> secret, int count)
    {
        UInt128 body = 0;
        for (var i = HeadLength + BodyLength - 1; i >= HeadLength; i--)
        {
            body = (body * (UInt128)Alphabet.Length) + (UInt128)Alphabet.IndexOf(code[i], StringComparison.Ordinal);
        }

        if (body >> (TagBits + SerialBits) != 0)
        {
            return null;
        }

        var tag = (ulong)body & ((1UL << TagBits) - 1);
        var serial = (int)((uint)(body >> TagBits) ^ Mask(secret, tag));
        Span<byte> told = stackalloc byte[8];
        Span<byte> right = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(told, tag);
        BinaryPrimitives.WriteUInt64LittleEndian(right, Tag(secret, serial));
        return serial < count && CryptographicOperations.FixedTimeEquals(told, right) ? serial : null;
    }

    private static ulong Tag(ReadOnlySpan<byte> secret, int serial)
    {
        Span<byte> message = stackalloc byte[9];
        message[0] = (byte)'t';
        BinaryPrimitives.WriteInt64LittleEndian(message[1..], serial);
        return Hash(secret, message) & ((1UL << TagBits) - 1);
    }

    private static uint Mask(ReadOnlySpan<byte> secret, ulong tag)
    {
        Span<byte> message = stackalloc byte[9];
        message[0] = (byte)'m';
        BinaryPrimitives.WriteUInt64LittleEndian(message[1..], tag);
        return (uint)Hash(secret, message) & ((1U << SerialBits) - 1);
    }

    private static ulong Hash(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> message)
    {
        Span<byte> digest = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(secret, message, digest);
        return BinaryPrimitives.ReadUInt64LittleEndian(digest);
    }

    /// <summary>Weights 1 to 19 of a prime alphabet: no single error and no exchange of two characters keeps the sum.</summary>
    private static char CheckOf(ReadOnlySpan<char> code)
    {
        var sum = 0;
        for (var i = 0; i < code.Length; i++)
        {
            sum += (i + 1) * Alphabet.IndexOf(code[i], StringComparison.Ordinal);
        }

        return Alphabet[sum % Alphabet.Length];
    }
}

/// <summary>What vouchers may be at most.</summary>
public static class VoucherLimits
{
    /// <summary>Codes of a batch.</summary>
    public const int Codes = 1_000_000;

    /// <summary>Vouchers that one actor looks after.</summary>
    public const int BookSize = 1000;

    /// <summary>Uses of a voucher.</summary>
    public const int Uses = 1_000_000;

    /// <summary>Holds of one voucher that may be open.</summary>
    public const int OpenHolds = 16;

    /// <summary>Seconds of a hold, at most.</summary>
    public const int HoldSeconds = 86_400;

    /// <summary>Seconds of a hold that does not say.</summary>
    public const int UsualHoldSeconds = 300;

    /// <summary>Characters of a batch's id.</summary>
    public const int BatchIdLength = 64;

    /// <summary>Entries of a reconciliation.</summary>
    public const int Entries = 1000;
}
