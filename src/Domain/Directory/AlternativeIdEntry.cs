using Loyalty.Domain.Encoding;

namespace Loyalty.Domain.Directory;

/// <summary>Who is found by one alternative id. An actor of its own, so that two members can never have the same card.</summary>
public sealed class AlternativeIdEntry
{
    /// <summary>The member that has it, or null.</summary>
    public string? Member { get; private set; }

    /// <summary>Gives it to a member unless another has it.</summary>
    /// <returns>Whether the member has it now.</returns>
    public bool Claim(string member, List<DirectoryEvent> raised)
    {
        if (Member is null)
        {
            Raise(new(member, IsClaim: true), raised);
        }

        return string.Equals(Member, member, StringComparison.Ordinal);
    }

    /// <summary>Takes it from a member that has it.</summary>
    public void Release(string member, List<DirectoryEvent> raised)
    {
        if (string.Equals(Member, member, StringComparison.Ordinal))
        {
            Raise(new(member, IsClaim: false), raised);
        }
    }

    /// <summary>Changes the state by a fact.</summary>
    public void Apply(DirectoryEvent fact) => Member = fact.IsClaim ? fact.Member : null;

    private void Raise(DirectoryEvent fact, List<DirectoryEvent> raised)
    {
        Apply(fact);
        raised.Add(fact);
    }
}

/// <summary>An alternative id was claimed or released.</summary>
/// <param name="Member">By whom.</param>
/// <param name="IsClaim">Claimed; else released.</param>
public sealed record DirectoryEvent(string Member, bool IsClaim)
{
    /// <summary>Writes the stored form.</summary>
    public void Write(ByteWriter writer)
    {
        writer.Byte(1);
        writer.Byte(1);
        writer.Framed(this, static (writer, fact) =>
        {
            writer.Text(fact.Member);
            writer.Flag(fact.IsClaim);
        });
    }

    /// <summary>Reads the next one.</summary>
    /// <exception cref="FormatException">The bytes are no event that this version of the engine knows.</exception>
    public static DirectoryEvent Read(ref ByteReader reader)
    {
        var (kind, schema) = (reader.Byte(), reader.Byte());
        var body = new ByteReader(reader.Bytes());
        return (kind, schema) == (1, 1)
            ? new(body.Text()!, body.Flag())
            : throw new FormatException($"directory event type {kind} with schema version {schema} is not known: a newer engine wrote it");
    }
}
