using Loyalty.Domain.Encoding;

namespace Loyalty.Domain.Directory;

/// <summary>Who is found by one alternative id. An actor of its own, so that two members can never have the same card.</summary>
public sealed class AlternativeIdEntry
{
    /// <summary>The member that has it, or null.</summary>
    public string? Member { get; private set; }

    /// <summary>The version that the member had when it last claimed it.</summary>
    public long ClaimedAt { get; private set; }

    /// <summary>Gives it to a member unless another has it.</summary>
    /// <param name="member">Who claims.</param>
    /// <param name="memberVersion">The member's version before the claim: a release that was decided earlier does not undo it.</param>
    /// <param name="raised">Takes the facts.</param>
    /// <returns>Whether the member has it now.</returns>
    public bool Claim(string member, long memberVersion, List<DirectoryEvent> raised)
    {
        var isOwn = string.Equals(Member, member, StringComparison.Ordinal);
        if (Member is null || (isOwn && memberVersion > ClaimedAt))
        {
            Raise(new(member, IsClaim: true, memberVersion), raised);
            return true;
        }

        return isOwn;
    }

    /// <summary>Takes it from a member that has it, unless the member has claimed it again since.</summary>
    public void Release(string member, long memberVersion, List<DirectoryEvent> raised)
    {
        if (string.Equals(Member, member, StringComparison.Ordinal) && memberVersion >= ClaimedAt)
        {
            Raise(new(member, IsClaim: false, memberVersion), raised);
        }
    }

    /// <summary>Changes the state by a fact.</summary>
    public void Apply(DirectoryEvent fact) => (Member, ClaimedAt) = fact.IsClaim ? (fact.Member, fact.MemberVersion) : (null, 0);

    private void Raise(DirectoryEvent fact, List<DirectoryEvent> raised)
    {
        Apply(fact);
        raised.Add(fact);
    }
}

/// <summary>An alternative id was claimed or released.</summary>
/// <param name="Member">By whom.</param>
/// <param name="IsClaim">Claimed; else released.</param>
/// <param name="MemberVersion">The member's version when it was decided.</param>
public sealed record DirectoryEvent(string Member, bool IsClaim, long MemberVersion)
{
    /// <summary>Writes the stored form.</summary>
    public void Write(ByteWriter writer)
    {
        writer.Byte(1);
        writer.Byte(2);
        writer.Framed(this, static (writer, fact) =>
        {
            writer.Text(fact.Member);
            writer.Flag(fact.IsClaim);
            writer.VarInt(fact.MemberVersion);
        });
    }

    /// <summary>Reads the next one.</summary>
    /// <exception cref="FormatException">The bytes are no event that this version of the engine knows.</exception>
    public static DirectoryEvent Read(ref ByteReader reader)
    {
        var (kind, schema) = (reader.Byte(), reader.Byte());
        var body = new ByteReader(reader.Bytes());
        return (kind, schema) is (1, 1 or 2)
            ? new(body.Text()!, body.Flag(), schema == 1 ? 0 : body.VarInt())
            : throw new FormatException($"directory event type {kind} with schema version {schema} is not known: a newer engine wrote it");
    }
}
