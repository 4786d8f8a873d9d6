using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Validation;
using Loyalty.Runtime.Kernel;

namespace Loyalty.Runtime.Loyalty;

public sealed partial class LoyaltyEngine
{
    private const int ImportTries = 6;

    /// <summary>Brings a member in from another system. Its alternative ids are claimed first, so that two members never have the same one.</summary>
    /// <param name="import">The member.</param>
    /// <param name="dryRun">True: says what it would come to, and changes nothing.</param>
    public async Task<ImportResult> ImportAsync(MemberImport import, bool dryRun)
    {
        ArgumentNullException.ThrowIfNull(import);
        var errors = new List<FieldError>();
        MemberDecider.CheckImport(import, new TurnContext(Clock.GetCurrentInstant(), Programs.Current), errors);
        if (errors.Count > 0)
        {
            return new(ImportStatus.Refused, "import-rule", errors);
        }

        for (var attempt = 1; ; attempt++)
        {
            var result = dryRun ? await TryImportAsync(import).ConfigureAwait(false) : await TakeInAsync(import).ConfigureAwait(false);
            if (result.Status != ImportStatus.Unavailable || attempt == ImportTries)
            {
                return result;
            }

            await Task.Delay(20 << attempt).ConfigureAwait(false);
        }
    }

    private async Task<ImportResult> TakeInAsync(MemberImport import)
    {
        var (failure, version) = await ClaimAsync(import.Member, import.AlternativeIds).ConfigureAwait(false);
        if (failure is not null)
        {
            await ReleaseUnusedAsync(import.Member, import.AlternativeIds, version).ConfigureAwait(false);
            return failure is ClaimAlternativeId { Status: CommandStatus.Done } taken
                ? Taken(Array.FindIndex(import.AlternativeIds, id => ActorIds.Directory(id) == taken.Target), taken.Target.Key)
                : Unavailable(failure);
        }

        var command = await Host.AskAsync(new ImportMember(import)).ConfigureAwait(false);
        if (command.Status != CommandStatus.Done)
        {
            return Unavailable(command);
        }

        var outcome = command.Outcome;
        if (outcome.Kind == OutcomeKind.Recorded)
        {
            return new(outcome.Replayed ? ImportStatus.Replayed : ImportStatus.Imported, null, []);
        }

        await ReleaseUnusedAsync(import.Member, import.AlternativeIds, version).ConfigureAwait(false);
        return new(ImportStatus.Refused, outcome.Refusal!.Code, [new(outcome.Refusal.Field, outcome.Refusal.Detail)]);
    }

    private async Task<ImportResult> TryImportAsync(MemberImport import)
    {
        var member = await Host.AskAsync(new GetMember(import.Member)).ConfigureAwait(false);
        if (member.Status != CommandStatus.Done)
        {
            return Unavailable(member);
        }

        if (member.Reply is MemberReply { View: not null })
        {
            // Brought in by the same import before: sent again it would be answered as it was then, or be a conflict; which of them only the member itself can tell.
            return await Books.FindActorAsync(import.Id).ConfigureAwait(false) is not null
                ? new(ImportStatus.Replayed, null, [])
                : new(ImportStatus.Refused, "member-exists", [new("member", $"member {import.Member} is known already; only new members are brought in")]);
        }

        for (var i = 0; i < import.AlternativeIds.Length; i++)
        {
            var found = await Host.AskAsync<Command>(new FindMember(import.AlternativeIds[i])).ConfigureAwait(false);
            if (found.Status != CommandStatus.Done)
            {
                return Unavailable(found);
            }

            if (found.Reply is string other && other != import.Member)
            {
                return Taken(i, found.Target.Key);
            }
        }

        return new(ImportStatus.Imported, null, []);
    }

    private static ImportResult Taken(int index, string id) =>
        new(ImportStatus.Refused, "alternative-id-taken", [new($"alternativeIds[{index}]", $"{id} belongs to another member")]);

    private static ImportResult Unavailable(Command command) =>
        new(ImportStatus.Unavailable, "unavailable", [new("", $"{command.Problem ?? "the engine cannot take it now"}; send it again: each member is brought in once")]);
}

/// <summary>What the import of a member came to, or would come to.</summary>
/// <param name="Status">How it ended.</param>
/// <param name="Code">Of what is wrong; null: nothing.</param>
/// <param name="Errors">Field by field.</param>
public sealed record ImportResult(ImportStatus Status, string? Code, IReadOnlyList<FieldError> Errors);

/// <summary>How the import of a member ended.</summary>
public enum ImportStatus : byte
{
    /// <summary>It is in the books.</summary>
    Imported,

    /// <summary>The same import brought it in before.</summary>
    Replayed,

    /// <summary>A rule forbids it, or its id names another request.</summary>
    Refused,

    /// <summary>It could not be decided now.</summary>
    Unavailable,
}
