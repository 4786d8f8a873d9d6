using NodaTime;

namespace Loyalty.Domain.Members;

/// <summary>What a chain knows of a member that campaigns ask for. No names or addresses: those are kept elsewhere.</summary>
/// <param name="Tags">Segments computed elsewhere; each once, in ordinal order.</param>
/// <param name="Birthday">Day and month; null: not known.</param>
public sealed record MemberAttributes(string[] Tags, AnnualDate? Birthday)
{
    /// <summary>Tags of a member.</summary>
    public const int MaxTags = 100;

    /// <summary>Characters of a tag.</summary>
    public const int TagLength = 64;

    /// <summary>Nothing is known.</summary>
    public static readonly MemberAttributes None = new([], null);

    /// <summary>With the tags in order and each once, so that the same attributes are equal however they were sent.</summary>
    public static MemberAttributes Of(IEnumerable<string> tags, AnnualDate? birthday) => new([.. tags.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)], birthday);

    /// <summary>Whether they say the same.</summary>
    public bool Equals(MemberAttributes? other) => other is not null && Birthday == other.Birthday && Tags.AsSpan().SequenceEqual(other.Tags);

    /// <inheritdoc />
    public override int GetHashCode() => HashCode.Combine(Tags.Length, Birthday);
}
