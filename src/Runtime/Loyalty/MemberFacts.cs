using Loyalty.Domain.Encoding;
using Loyalty.Domain.Members;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;

namespace Loyalty.Runtime.Loyalty;

/// <summary>Reads the facts of members' records, for those who tell others about them.</summary>
public static class MemberFacts
{
    /// <summary>The facts of a member's record, in their order; the kernel's own entries in front of them are left out.</summary>
    /// <exception cref="ArgumentException">It is no member's record.</exception>
    /// <exception cref="FormatException">A fact has a form that this version of the engine does not know.</exception>
    public static IReadOnlyList<MemberEvent> Of(JournalRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        if (record.Actor.Kind != ActorIds.MemberKind)
        {
            throw new ArgumentException($"{record.Actor} is no member", nameof(record));
        }

        var facts = new List<MemberEvent>();
        var reader = new ByteReader(ActorState.KindPart(record.Events.Span, out _));
        while (!reader.AtEnd)
        {
            facts.Add(MemberCodec.Read(ref reader));
        }

        return facts;
    }
}
