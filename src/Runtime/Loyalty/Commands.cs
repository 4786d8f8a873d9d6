using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;

namespace Loyalty.Runtime.Loyalty;

/// <summary>Names of the kinds of actors and how their keys are made.</summary>
public static class ActorIds
{
    /// <summary>A member.</summary>
    public const string MemberKind = "member";

    /// <summary>Anonymous sales of a store on a day.</summary>
    public const string SalesKind = "sales";

    /// <summary>Who is found by an alternative id.</summary>
    public const string DirectoryKind = "directory";

    /// <summary>The program's versions.</summary>
    public const string ProgramKind = "program";

    /// <summary>How far the readers of the journal came.</summary>
    public const string FeedKind = "feed";

    /// <summary>A campaign.</summary>
    public const string CampaignKind = "campaign";

    /// <summary>A leader board.</summary>
    public const string BoardKind = "board";

    /// <summary>The list of campaigns.</summary>
    public const string CampaignsKind = "campaigns";

    /// <summary>The only actor of its kind.</summary>
    public static readonly ActorId Campaigns = new(CampaignsKind, "main");

    /// <summary>A partner's pool.</summary>
    public const string PoolKind = "pool";

    /// <summary>An exchange with a partner.</summary>
    public const string ExchangeKind = "exchange";

    /// <summary>A household: who is in it, and its pool.</summary>
    public const string HouseholdKind = "household";

    /// <summary>A household.</summary>
    public static ActorId Household(string id) => new(HouseholdKind, id);

    /// <summary>An entry of the catalogue of rewards, with its stock.</summary>
    public const string RewardKind = "reward";

    /// <summary>Which rewards there are.</summary>
    public const string RewardsKind = "rewards";

    /// <summary>The only actor of its kind.</summary>
    public static readonly ActorId Rewards = new(RewardsKind, "main");

    /// <summary>A reward.</summary>
    public static ActorId Reward(string id) => new(RewardKind, id);

    /// <summary>The only actor of its kind.</summary>
    public static readonly ActorId Program = new(ProgramKind, "main");

    /// <summary>A pool: its main actor, or one of its shards.</summary>
    /// <param name="pool">The pool's id.</param>
    /// <param name="shard">0: the main actor; from 1 on: a shard.</param>
    public static ActorId Pool(string pool, int shard = 0) =>
        new(PoolKind, shard == 0 ? pool : string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{pool}/{shard}"));

    /// <summary>The pool and the shard of a <see cref="Pool"/> actor's key.</summary>
    public static (string Pool, int Shard) PoolOf(string key)
    {
        var slash = key.IndexOf('/', StringComparison.Ordinal);
        return slash < 0 ? (key, 0) : (key[..slash], int.Parse(key.AsSpan(slash + 1), System.Globalization.CultureInfo.InvariantCulture));
    }

    /// <summary>An exchange with a partner.</summary>
    public static ActorId Exchange(string id) => new(ExchangeKind, id);

    /// <summary>A member.</summary>
    public static ActorId Member(string id) => new(MemberKind, id);

    /// <summary>A campaign.</summary>
    public static ActorId Campaign(string id) => new(CampaignKind, id);

    /// <summary>A store's day.</summary>
    public static ActorId Sales(string store, NodaTime.LocalDate day) => new(SalesKind, $"{store}|{day:uuuu'-'MM'-'dd}");

    /// <summary>An alternative id.</summary>
    public static ActorId Directory(AlternativeId id) => new(DirectoryKind, $"{id.Type}:{id.Value}");

    /// <summary>How far a reader of the journal came with one part of the actors.</summary>
    /// <param name="name">What is read for: <c>member-events</c>.</param>
    /// <param name="shard">Which part of the actors, 0 or more.</param>
    public static ActorId Feed(string name, int shard) => new(FeedKind, $"{name}|{shard:000}");

    /// <summary>The alternative id of a <see cref="Directory"/> actor.</summary>
    public static AlternativeId AlternativeIdOf(ActorId directory)
    {
        var colon = directory.Key.IndexOf(':', StringComparison.Ordinal);
        return new(directory.Key[..colon], directory.Key[(colon + 1)..]);
    }
}

/// <summary>A command that carries a request with an identity. Reply: <see cref="RequestOutcome"/>.</summary>
public abstract class RequestCommand(ActorId target, Request request) : Command(target)
{
    /// <summary>The request.</summary>
    public Request Request { get; } = request;

    /// <inheritdoc />
    public override string? RequestId => Request.Id;

    /// <summary>The reply.</summary>
    public RequestOutcome Outcome => (RequestOutcome)Reply!;
}

/// <summary>Records a purchase, in a member's books or in a store's day.</summary>
public sealed class RecordPurchase(ActorId target, Purchase purchase) : RequestCommand(target, purchase)
{
    /// <summary>The request.</summary>
    public Purchase Purchase { get; } = purchase;

    /// <summary>Whether the outcome says why campaigns gave nothing (<see cref="RequestOutcome.Skipped"/>).</summary>
    public bool Explain { get; init; }
}

/// <summary>Records a return, in a member's books or in a store's day.</summary>
public sealed class RecordReturn(ActorId target, Return request) : RequestCommand(target, request)
{
    /// <summary>The request.</summary>
    public Return Return { get; } = request;

    /// <inheritdoc />
    public override string? RecallId => Return.Purchase;

    private (JournalRecord? Record, RecalledPurchase Purchase)? _read;

    /// <summary>What the kernel recalled, read once.</summary>
    internal RecalledPurchase ReadRecalled()
    {
        if (_read is not { } read || !ReferenceEquals(read.Record, Recalled))
        {
            _read = read = (Recalled, Recalls.Of(this, Target));
        }

        return read.Purchase;
    }
}

/// <summary>Gives or takes points by hand.</summary>
public sealed class AdjustPoints(Adjustment adjustment) : RequestCommand(ActorIds.Member(adjustment.Member), adjustment)
{
    /// <summary>The request.</summary>
    public Adjustment Adjustment { get; } = adjustment;
}

/// <summary>Brings a member in from another system; its alternative ids have been claimed.</summary>
public sealed class ImportMember(MemberImport import) : RequestCommand(ActorIds.Member(import.Member), import)
{
    /// <summary>The request.</summary>
    public MemberImport Import { get; } = import;
}

/// <summary>Enrols a member; its alternative ids have been claimed. Reply: <see cref="MemberReply"/>.</summary>
public sealed class EnrolMember(Enrolment enrolment) : Command(ActorIds.Member(enrolment.Id))
{
    /// <summary>The request.</summary>
    public Enrolment Enrolment { get; } = enrolment;
}

/// <summary>Blocks, unblocks or closes. Reply: <see cref="MemberReply"/>.</summary>
public sealed class ChangeStatus(string member, MemberStatus status, string reason, string author) : Command(ActorIds.Member(member))
{
    /// <summary>To what.</summary>
    public MemberStatus NewStatus { get; } = status;

    /// <summary>Why.</summary>
    public string Reason { get; } = reason;

    /// <summary>Who decided.</summary>
    public string Author { get; } = author;
}

/// <summary>Replaces the alternative ids; the new ones have been claimed, and the former ones are released by an effect. Reply: <see cref="MemberReply"/>.</summary>
public sealed class ReplaceAlternativeIds(string member, AlternativeId[] ids) : Command(ActorIds.Member(member))
{
    /// <summary>The new ones.</summary>
    public AlternativeId[] AlternativeIds { get; } = ids;
}

/// <summary>Asks for a member. Reply: <see cref="MemberReply"/>.</summary>
public sealed class GetMember(string member) : Command(ActorIds.Member(member));

/// <summary>What a command about a member comes to.</summary>
/// <param name="View">The member after it; null: not known.</param>
/// <param name="Refusal">Why nothing was done; null: done.</param>
/// <param name="Replayed">It had been done before.</param>
public sealed record MemberReply(MemberView? View, Refusal? Refusal, bool Replayed = false);

/// <summary>A member as it stands after all that is due.</summary>
public sealed record MemberView(
    string Id, MemberStatus Status, NodaTime.Instant EnrolledAt, IReadOnlyList<AlternativeId> AlternativeIds, TierView? Tier, IReadOnlyList<Balance> Balances,
    IReadOnlyList<LotView> Lots, IReadOnlyList<string> WaitingReturns, long Purchases, long Returns, long Spend, long Version);

/// <summary>A member's standing.</summary>
/// <param name="Level">Id; null: none.</param>
/// <param name="Since">Since when; null without level.</param>
/// <param name="Through">Kept through, without grace; null: for ever, or no level.</param>
/// <param name="Basis">What counts.</param>
/// <param name="Progress">In the window of today.</param>
/// <param name="NextLevel">Id of the next level; null at the top.</param>
/// <param name="NextThreshold">Its threshold.</param>
public sealed record TierView(
    string? Level, NodaTime.LocalDate? Since, NodaTime.LocalDate? Through, string Basis, long Progress, string? NextLevel, long? NextThreshold);

/// <summary>Points of a member that lapse together.</summary>
public sealed record LotView(string Unit, long Points, LotId Id, NodaTime.Instant? ExpiresAt);

/// <summary>Claims an alternative id for a member. Reply: whether the member has it now (<see cref="bool"/>).</summary>
public sealed class ClaimAlternativeId(AlternativeId id, string member, long memberVersion) : Command(ActorIds.Directory(id))
{
    /// <summary>For whom.</summary>
    public string Member { get; } = member;

    /// <summary>The member's version before: releases that it decided earlier do not undo this claim.</summary>
    public long MemberVersion { get; } = memberVersion;
}

/// <summary>Releases an alternative id if the member has it. Reply: none.</summary>
public sealed class ReleaseAlternativeId(AlternativeId id, string member, long memberVersion) : Command(ActorIds.Directory(id))
{
    /// <summary>From whom.</summary>
    public string Member { get; } = member;

    /// <summary>That of the claim which is given back.</summary>
    public long MemberVersion { get; } = memberVersion;
}

/// <summary>Asks who has an alternative id. Reply: the member's id (<see cref="string"/>) or null.</summary>
public sealed class FindMember(AlternativeId id) : Command(ActorIds.Directory(id));

/// <summary>Publishes a version of the program. Reply: <see cref="PublishReply"/>.</summary>
public sealed class PublishProgram(ReadOnlyMemory<byte> json, bool onlyIfNone) : Command(ActorIds.Program)
{
    /// <summary>The definition.</summary>
    public ReadOnlyMemory<byte> Json { get; } = json;

    /// <summary>True: does nothing when there is a version already.</summary>
    public bool OnlyIfNone { get; } = onlyIfNone;
}

/// <summary>Asks for all versions. Reply: <see cref="PublishReply"/>.</summary>
public sealed class GetPrograms() : Command(ActorIds.Program);

/// <summary>The program's versions, or what is wrong with the new one.</summary>
public sealed record PublishReply(IReadOnlyList<Domain.Programs.ProgramDefinition> Versions, IReadOnlyList<Domain.Validation.FieldError> Errors);
