using Loyalty.Domain.Campaigns;
using Loyalty.Domain.Encoding;
using Loyalty.Domain.Validation;
using NodaTime;

namespace Loyalty.Runtime.Loyalty;

/// <summary>A campaign as the list of all campaigns knows it: what every process needs to judge by it, in stored form.</summary>
/// <param name="Id">Id.</param>
/// <param name="Revision">Of two entries of a campaign the one with the higher revision is newer.</param>
/// <param name="Name">For people.</param>
/// <param name="HasDraft">Whether it has a draft.</param>
/// <param name="Versions">Oldest first; empty: it was never published.</param>
/// <param name="Changes">Oldest first.</param>
public sealed record CampaignEntry(
    string Id, long Revision, string Name, bool HasDraft, IReadOnlyList<CampaignEntryVersion> Versions, IReadOnlyList<CampaignStatusChange> Changes)
{
    /// <summary>The entry of a campaign's state.</summary>
    internal static CampaignEntry Of(CampaignState state) => new(
        state.Id, state.Revision, NameOf(state), state.Draft is not null,
        [.. state.Versions.Select(version => new CampaignEntryVersion(version.Definition.From!.Value, version.Definition.Source))],
        [.. state.Changes.Select(entry => entry.Change)]);

    /// <summary>What it is called: by its newest version, or by its draft.</summary>
    internal static string NameOf(CampaignState state) =>
        state.Versions.Count > 0 ? state.Versions[^1].Definition.Name
        : state.Draft is { } draft ? CampaignParser.Parse(draft.Json, state.Id, 0, null, null, [])?.Name ?? state.Id
        : state.Id;

    /// <summary>All that is published of it; null: nothing.</summary>
    /// <exception cref="FormatException">A version is not valid any more.</exception>
    public CampaignTimeline? ToTimeline()
    {
        if (Versions.Count == 0)
        {
            return null;
        }

        var errors = new List<FieldError>();
        var definitions = new List<CampaignDefinition>(Versions.Count);
        foreach (var (from, json) in Versions)
        {
            var definition = CampaignParser.Parse(json, Id, definitions.Count + 1, null, null, errors)
                ?? throw new FormatException($"version {definitions.Count + 1} of campaign {Id} is not valid any more: {errors[0].Field} {errors[0].Message}");
            definitions.Add(definition.InForceFrom(from));
        }

        return new(Id, Revision, definitions, Changes);
    }

    /// <summary>Where it stands at an instant.</summary>
    public CampaignStatus StatusAt(Instant now)
    {
        if (Changes.Count > 0 && Changes[^1].Status == CampaignStatus.Ended)
        {
            return CampaignStatus.Ended;
        }

        return Versions.Count == 0 ? CampaignStatus.Draft
            : Changes.Count > 0 && Changes[^1].Status == CampaignStatus.Paused ? CampaignStatus.Paused
            : Versions[0].From > now ? CampaignStatus.Scheduled : CampaignStatus.Active;
    }

    /// <summary>Writes the entry.</summary>
    public static void Write(ByteWriter writer, CampaignEntry entry)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.Framed(entry, static (writer, entry) =>
        {
            writer.Text(entry.Id);
            writer.VarInt(entry.Revision);
            writer.Text(entry.Name);
            writer.Flag(entry.HasDraft);
            writer.Count(entry.Versions.Count);
            foreach (var (from, json) in entry.Versions)
            {
                writer.Time(from);
                writer.Bytes(json.Span);
            }

            writer.Count(entry.Changes.Count);
            foreach (var (at, status) in entry.Changes)
            {
                writer.Time(at);
                writer.Byte((byte)status);
            }
        });
    }

    /// <summary>Reads an entry.</summary>
    /// <exception cref="FormatException">It is damaged.</exception>
    public static CampaignEntry Read(ref ByteReader reader)
    {
        var body = new ByteReader(reader.Bytes());
        var (id, revision, name, hasDraft) = (body.Text()!, body.VarInt(), body.Text()!, body.Flag());
        var versions = new CampaignEntryVersion[body.Count()];
        for (var i = 0; i < versions.Length; i++)
        {
            versions[i] = new(body.Time(), body.Bytes().ToArray());
        }

        var changes = new CampaignStatusChange[body.Count()];
        for (var i = 0; i < changes.Length; i++)
        {
            changes[i] = new(body.Time(), (CampaignStatus)body.Byte());
        }

        return new(id, revision, name, hasDraft, versions, changes);
    }
}

/// <summary>A published version in stored form.</summary>
/// <param name="From">First instant of the sales that it judges.</param>
/// <param name="Json">The definition, UTF-8 JSON.</param>
public readonly record struct CampaignEntryVersion(Instant From, ReadOnlyMemory<byte> Json);
