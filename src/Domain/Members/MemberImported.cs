using Loyalty.Domain.Requests;
using NodaTime;

namespace Loyalty.Domain.Members;

/// <summary>A member came from another system.</summary>
/// <param name="Request">As it was sent.</param>
/// <param name="EnrolledAt">When it joined.</param>
/// <param name="EnrolledOn">The day of it.</param>
/// <param name="Day">The day of the import; counts as activity.</param>
/// <param name="Tier">Its standing.</param>
/// <param name="Postings">Where its points were put.</param>
public sealed record MemberImported(MemberImport Request, Instant EnrolledAt, LocalDate EnrolledOn, LocalDate Day, HeldTier Tier, Posting[] Postings) : MemberEvent;
