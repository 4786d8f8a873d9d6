using Loyalty.Domain.Encoding;
using Loyalty.Domain.Ledger;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;

namespace Loyalty.Runtime.Loyalty;

/// <summary>
/// The list of all campaigns as an actor: what processes read to know by what they judge. Each campaign tells it of every change, by an effect (which no crash loses) and before that, so that it is
/// known at once, by whoever asked for the change; the newer revision counts, whichever comes first.
/// </summary>
public sealed class CampaignsKind : ActorKind
{
    /// <summary>The list as it stands in the books.</summary>
    /// <exception cref="JournalUnavailableException">The store cannot be read now.</exception>
    public static async Task<CampaignList> ReadAsync(IJournal journal)
    {
        ArgumentNullException.ThrowIfNull(journal);
        var loaded = await journal.LoadAsync(ActorIds.Campaigns).ConfigureAwait(false);
        return ListOf((SortedDictionary<string, CampaignEntry>)ActorState.Of(new CampaignsKind(), ActorIds.Campaigns, loaded).Value);
    }

    /// <inheritdoc />
    public override string Name => ActorIds.CampaignsKind;

    /// <inheritdoc />
    public override object Create(string key) => new SortedDictionary<string, CampaignEntry>(StringComparer.Ordinal);

    /// <inheritdoc />
    public override void Apply(object state, ReadOnlySpan<byte> events)
    {
        var reader = new ByteReader(events);
        while (!reader.AtEnd)
        {
            var (kind, schema) = (reader.Byte(), reader.Byte());
            if ((kind, schema) != (1, 1))
            {
                throw new FormatException($"campaign list event type {kind} with schema version {schema} is not known: a newer engine wrote it");
            }

            var entry = CampaignEntry.Read(ref reader);
            ((SortedDictionary<string, CampaignEntry>)state)[entry.Id] = entry;
        }
    }

    /// <inheritdoc />
    public override void Decide(object state, Command command, Turn turn)
    {
        var entries = (SortedDictionary<string, CampaignEntry>)state;
        switch (command)
        {
            case ListCampaign list:
                Take(entries, list.Entry, turn);
                command.Reply = true;
                break;
            case EffectCommand effect:
                var reader = new ByteReader(effect.Message.Span);
                Take(entries, CampaignEntry.Read(ref reader), turn);
                break;
            case GetCampaigns:
                command.Reply = ListOf(entries);
                break;
            case WakeCommand:
                break;
            default:
                throw new InvalidOperationException($"the list of campaigns does not understand {command.GetType().Name}");
        }
    }

    /// <inheritdoc />
    public override bool Replay(Command command, ActorId actor, ReadOnlySpan<byte> events) => false;

    /// <inheritdoc />
    public override int EstimateBytes(object state) =>
        500 + ((SortedDictionary<string, CampaignEntry>)state).Values.Sum(entry => 400 + entry.Versions.Sum(version => version.Json.Length + 50) + (entry.Changes.Count * 20));

    /// <inheritdoc />
    public override void WriteSnapshot(object state, ByteWriter writer)
    {
        writer.Byte(1);
        foreach (var entry in ((SortedDictionary<string, CampaignEntry>)state).Values)
        {
            CampaignEntry.Write(writer, entry);
        }
    }

    /// <inheritdoc />
    public override object? ReadSnapshot(string key, ReadOnlySpan<byte> bytes)
    {
        var reader = new ByteReader(bytes);
        if (reader.Byte() != 1)
        {
            return null;
        }

        var entries = (SortedDictionary<string, CampaignEntry>)Create(key);
        while (!reader.AtEnd)
        {
            var entry = CampaignEntry.Read(ref reader);
            entries[entry.Id] = entry;
        }

        return entries;
    }

    /// <inheritdoc />
    public override void Post(ReadOnlySpan<byte> events, ILedgerSink ledger)
    {
    }

    private static CampaignList ListOf(SortedDictionary<string, CampaignEntry> entries) => new([.. entries.Values]);

    private static void Take(SortedDictionary<string, CampaignEntry> entries, CampaignEntry entry, Turn turn)
    {
        if (entries.TryGetValue(entry.Id, out var known) && known.Revision >= entry.Revision)
        {
            return;
        }

        entries[entry.Id] = entry;
        turn.Events.Byte(1);
        turn.Events.Byte(1);
        CampaignEntry.Write(turn.Events, entry);
        turn.EventCount++;
    }
}
