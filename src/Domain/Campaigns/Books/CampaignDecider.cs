using Loyalty.Domain.Members;
using Loyalty.Domain.Programs;
using Loyalty.Domain.Validation;
using NodaTime;

namespace Loyalty.Domain.Campaigns;

/// <summary>
/// Decides what a campaign's books say to a request. docs/CAMPAIGNS.md, "Life cycle" and "Budgets", is the specification. Facts are applied to the state as they are raised; the same state, request
/// and context always give the same facts.
/// </summary>
/// <param name="state">The campaign.</param>
/// <param name="now">The engine's clock.</param>
/// <param name="raised">Takes the facts, in order.</param>
public readonly ref partial struct CampaignDecider(CampaignState state, Instant now, List<CampaignEvent> raised)
{
    private readonly CampaignState _state = state;
    private readonly Instant _now = now;
    private readonly List<CampaignEvent> _raised = raised;

    /// <summary>Notes that the campaign has begun, or has ended, by the times of its versions.</summary>
    public void BringUpToDate()
    {
        if (_state.Versions.Count == 0 || _state.HasEnded)
        {
            return;
        }

        if (!_state.HasBegun && _state.Versions[0].Definition.From is { } from && from <= _now)
        {
            Raise(new CampaignBegan(from));
        }

        if (_state.Versions[^1].Definition.Until is { } until && until <= _now)
        {
            Raise(new CampaignStatusSet(CampaignStatus.Ended, until, "", "its time is over"));
        }
    }

    /// <summary>When the next of these times is, or null.</summary>
    public static Instant? WakeAt(CampaignState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        return state.Versions.Count == 0 || state.HasEnded ? null : state.HasBegun ? state.Versions[^1].Definition.Until : state.Versions[0].Definition.From;
    }

    /// <summary>Saves the draft; the same as it stands already is no change.</summary>
    /// <param name="json">The definition.</param>
    /// <param name="author">Who.</param>
    /// <param name="program">In force now.</param>
    /// <param name="errors">What is wrong with the definition.</param>
    public Refusal? SaveDraft(ReadOnlyMemory<byte> json, string author, ProgramDefinition program, List<FieldError> errors)
    {
        BringUpToDate();
        if (Ended() is { } refusal)
        {
            return refusal;
        }

        if (_state.Draft is { } draft && draft.Json.Span.SequenceEqual(json.Span) && draft.Author == author)
        {
            return null;
        }

        // Whether the campaign that triggers it is published already is asked when this one is published.
        if (CampaignParser.Parse(json, _state.Id, 0, program, null, errors) is not null)
        {
            Raise(new DraftSaved(json, author, _now));
        }

        return null;
    }

    /// <summary>Approves the draft as it stands.</summary>
    public Refusal? Approve(string author)
    {
        BringUpToDate();
        if (Ended() is { } refusal)
        {
            return refusal;
        }

        if (_state.Draft is not { } draft)
        {
            return NoDraft();
        }

        if (draft.Author == author)
        {
            return new("own-draft", "author", $"is '{author}', who saved the draft; another has to approve it");
        }

        if (draft.ApprovedBy is null)
        {
            Raise(new DraftApproved(author, _now));
        }

        return null;
    }

    /// <summary>Makes the draft the next version.</summary>
    /// <param name="author">Who.</param>
    /// <param name="program">In force now.</param>
    /// <param name="catalog">All that is published.</param>
    /// <param name="errors">What of the draft speaks against it.</param>
    public Refusal? Publish(string author, ProgramDefinition program, CampaignCatalog catalog, List<FieldError> errors)
    {
        BringUpToDate();
        if (Ended() is { } refusal)
        {
            return refusal;
        }

        if (_state.Draft is not { } draft)
        {
            // The answer to the first time was lost, perhaps: what is published is what was asked for.
            return _state.Versions.Count > 0 ? null : NoDraft();
        }

        if (program.CampaignApproval && draft.ApprovedBy is null)
        {
            return new("approval-needed", "", $"the program wants campaigns approved by another than {draft.Author}, who saved the draft");
        }

        if (_state.Versions.Count >= CampaignState.MaxVersions)
        {
            return new("too-many-versions", "", $"{CampaignState.MaxVersions} versions exist; no more are kept");
        }

        if (_state.Versions.Sum(version => (long)version.Definition.Source.Length) + draft.Json.Length > CampaignState.MaxVersionBytes)
        {
            return new("too-many-versions", "", $"all versions together would be longer than {CampaignState.MaxVersionBytes} bytes, the most that is kept of a campaign; go on with a new one");
        }

        var definition = CampaignParser.Parse(draft.Json, _state.Id, _state.Versions.Count + 1, program, catalog, errors);
        if (definition is null)
        {
            return null;
        }

        CampaignParser.CheckPublishable(definition, catalog, _now, errors);
        var from = definition.From is { } asked && asked > _now ? asked : _now;
        if (_state.Versions.Count > 0 && _state.Versions[^1].Definition.From > from)
        {
            errors.Add(new("from", $"is {from}; version {_state.Versions.Count} holds from {_state.Versions[^1].Definition.From}, and versions follow on each other: a later time is needed"));
        }

        if (errors.Count == 0)
        {
            Raise(new VersionPublished(definition.Version, from, draft.Json, author, draft.ApprovedBy, _now));
            BringUpToDate();
        }

        return null;
    }

    /// <summary>Pauses, resumes or ends from now on.</summary>
    /// <param name="status"><see cref="CampaignStatus.Paused"/>, <see cref="CampaignStatus.Active"/> or <see cref="CampaignStatus.Ended"/>.</param>
    /// <param name="author">Who.</param>
    /// <param name="reason">Why.</param>
    public Refusal? SetStatus(CampaignStatus status, string author, string reason)
    {
        BringUpToDate();
        var current = _state.StatusAt(_now);
        if (status == current || (status == CampaignStatus.Active && current == CampaignStatus.Scheduled && !IsPaused()))
        {
            return null;
        }

        if (Ended() is { } refusal)
        {
            return refusal;
        }

        if (_state.Versions.Count == 0 && status != CampaignStatus.Ended)
        {
            return new("not-published", "", $"campaign {_state.Id} is a draft; publish it first");
        }

        // The last places are for its end.
        if (_state.Changes.Count >= CampaignState.MaxChanges - 1 && status != CampaignStatus.Ended)
        {
            return new("too-many-changes", "", $"it was paused and resumed {_state.Changes.Count} times; it can only be ended");
        }

        Raise(new CampaignStatusSet(status, _now, author, reason));
        return null;
    }

    private bool IsPaused() => _state.Changes.Count > 0 && _state.Changes[^1].Change.Status == CampaignStatus.Paused;

    private Refusal? Ended() =>
        _state.HasEnded ? new("campaign-ended", "", $"campaign {_state.Id} has ended, for ever; its id is not used again") : null;

    private Refusal NoDraft() => new("no-draft", "", $"campaign {_state.Id} has no draft; save one first");

    private void Raise(CampaignEvent fact)
    {
        _state.Apply(fact);
        _raised.Add(fact);
    }
}
