using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using NodaTime;

namespace Loyalty.Simulator.Work;

/// <summary>Something that somebody wants of the engine; wholly decided by the seed before the run, so that a failing run can be repeated with fewer of them.</summary>
/// <param name="Number">Its place in the seed's list; kept when others are dropped.</param>
/// <param name="AdvanceMs">The clock goes forward before it.</param>
internal abstract record Op(int Number, long AdvanceMs)
{
    /// <summary>For the trace.</summary>
    public abstract string Text { get; }

    /// <inheritdoc />
    public sealed override string ToString() => $"[{Number}] +{TimeSpan.FromMilliseconds(AdvanceMs)}: {Text}";
}

/// <summary>A request with an identity. Its time is relative to the clock when it is first sent.</summary>
/// <param name="Number">Its place.</param>
/// <param name="AdvanceMs">The clock goes forward before it.</param>
/// <param name="Make">Makes the request, given the time of the sale.</param>
/// <param name="AtOffsetMs">The sale's own time, relative to the clock.</param>
/// <param name="OtherBody">A second request with the same id and other content, sent at some time too; null: none.</param>
/// <param name="Words">For the trace.</param>
internal sealed record RequestOp(int Number, long AdvanceMs, Func<Instant, Request> Make, long AtOffsetMs, Func<Instant, Request>? OtherBody, string Words)
    : Op(Number, AdvanceMs)
{
    public override string Text => Words;
}

internal sealed record EnrolOp(int Number, long AdvanceMs, string Member, AlternativeId[] Ids) : Op(Number, AdvanceMs)
{
    public override string Text => $"enrol {Member} with {string.Join(", ", Ids.Select(id => id.Value))}";
}

internal sealed record ReplaceIdsOp(int Number, long AdvanceMs, string Member, AlternativeId[] Ids) : Op(Number, AdvanceMs)
{
    public override string Text => $"{Member} has {string.Join(", ", Ids.Select(id => id.Value))} from now on";
}

internal sealed record StatusOp(int Number, long AdvanceMs, string Member, MemberStatus Status) : Op(Number, AdvanceMs)
{
    public override string Text => $"{Member} is {Status}";
}

internal sealed record LookOp(int Number, long AdvanceMs, string Member) : Op(Number, AdvanceMs)
{
    public override string Text => $"look at {Member}";
}

internal sealed record FindOp(int Number, long AdvanceMs, AlternativeId Id) : Op(Number, AdvanceMs)
{
    public override string Text => $"who has {Id.Value}?";
}

/// <param name="Number">Its place.</param>
/// <param name="AdvanceMs">The clock goes forward before it.</param>
/// <param name="Member">Whose.</param>
/// <param name="Page">Records of a page.</param>
internal sealed record StatementOp(int Number, long AdvanceMs, string Member, int Page) : Op(Number, AdvanceMs)
{
    public override string Text => $"statement of {Member} by {Page}";
}

/// <param name="Number">Its place.</param>
/// <param name="AdvanceMs">The clock goes forward before it.</param>
/// <param name="Version">Which of the plan's versions.</param>
/// <param name="InMs">In force so long after it is sent.</param>
internal sealed record PublishOp(int Number, long AdvanceMs, int Version, long InMs) : Op(Number, AdvanceMs)
{
    public override string Text => $"publish version {Version}, in force in {TimeSpan.FromMilliseconds(InMs)}";
}

internal sealed record WakeOp(int Number, long AdvanceMs) : Op(Number, AdvanceMs)
{
    public override string Text => "wake who is due";
}

internal sealed record CheckpointOp(int Number, long AdvanceMs) : Op(Number, AdvanceMs)
{
    public override string Text => "checkpoint";
}
