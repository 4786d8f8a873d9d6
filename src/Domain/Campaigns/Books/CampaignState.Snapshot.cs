using Loyalty.Domain.Encoding;

namespace Loyalty.Domain.Campaigns;

/// <summary>The snapshot of a campaign.</summary>
public sealed partial class CampaignState
{
    private const byte SnapshotSchema = 1;

    /// <summary>Writes the state: draft, versions and changes as the facts that made them, then the accounts.</summary>
    public void Write(ByteWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.Byte(SnapshotSchema);
        writer.VarInt(Revision);
        writer.Count(_versions.Count);
        foreach (var (definition, author, approvedBy, at) in _versions)
        {
            CampaignCodec.WriteBody(writer, new VersionPublished(definition.Version, definition.From!.Value, definition.Source, author, approvedBy, at));
        }

        writer.Count(_changes.Count);
        foreach (var (change, author, reason) in _changes)
        {
            CampaignCodec.WriteBody(writer, new CampaignStatusSet(change.Status, change.At, author, reason));
        }

        writer.Flag(Draft is not null);
        if (Draft is not null)
        {
            CampaignCodec.WriteBody(writer, new DraftSaved(Draft.Json, Draft.Author, Draft.SavedAt));
            writer.Text(Draft.ApprovedBy);
        }

        writer.Flag(HasBegun);
        WriteBudget(writer);
    }

    /// <summary>Reads a snapshot; null: its form is not known.</summary>
    /// <exception cref="FormatException">It is damaged.</exception>
    public static CampaignState? ReadSnapshot(string id, ref ByteReader reader)
    {
        if (reader.Byte() != SnapshotSchema)
        {
            return null;
        }

        var state = new CampaignState(id);
        var revision = reader.VarInt();
        for (var count = reader.Count(); count > 0; count--)
        {
            state.Apply(new VersionPublished(reader.Count(), reader.Time(), reader.Bytes().ToArray(), reader.Text()!, reader.Text(), reader.Time()));
        }

        for (var count = reader.Count(); count > 0; count--)
        {
            state.Apply(new CampaignStatusSet((CampaignStatus)reader.Byte(), reader.Time(), reader.Text()!, reader.Text()!));
        }

        if (reader.Flag())
        {
            state.Draft = new(reader.Bytes().ToArray(), reader.Text()!, reader.Time(), reader.Text());
        }

        state.HasBegun = reader.Flag();
        state.ReadBudget(ref reader);
        state.Revision = revision;
        return state;
    }

    /// <summary>About how many bytes of memory the state takes.</summary>
    public int EstimateBytes() =>
        500 + _versions.Sum(version => 4000 + (version.Definition.Source.Length * 3)) + (Draft?.Json.Length ?? 0) + (_changes.Count * 150) + (_purses.Count * 150) + (_leases.Count * 200);

    private void WriteBudget(ByteWriter writer)
    {
        writer.VarInt(LastLease);
        writer.Day(FoldedThrough);
        writer.Count(_folded.Count);
        foreach (var (measure, spent) in _folded)
        {
            writer.Byte((byte)measure);
            writer.VarInt(spent);
        }

        // What is open is added again from the leases. In an order that does not depend on how the state came about.
        writer.Count(_purses.Count);
        foreach (var (key, purse) in _purses.OrderBy(pair => pair.Key.Start).ThenBy(pair => pair.Key.Store, StringComparer.Ordinal).ThenBy(pair => pair.Key.In).ThenBy(pair => pair.Key.Period))
        {
            CampaignCodec.Write(writer, key);
            writer.VarInt(purse.Settled);
        }

        writer.Count(_leases.Count);
        foreach (var lease in _leases.Values)
        {
            CampaignCodec.WriteBody(writer, new LeaseGranted(lease.Number, lease.Purse, lease.Holder, lease.Nonce, lease.Granted, lease.Slots));
            writer.VarInt(lease.Spent);
            writer.VarInt(lease.Sequence);
        }
    }

    private void ReadBudget(ref ByteReader reader)
    {
        LastLease = reader.VarInt();
        FoldedThrough = reader.Day();
        for (var count = reader.Count(); count > 0; count--)
        {
            _folded[(BudgetMeasure)reader.Byte()] = reader.VarInt();
        }

        for (var count = reader.Count(); count > 0; count--)
        {
            _purses[CampaignCodec.ReadPurse(ref reader)] = new() { Settled = reader.VarInt() };
        }

        for (var count = reader.Count(); count > 0; count--)
        {
            var granted = new LeaseGranted(reader.VarInt(), CampaignCodec.ReadPurse(ref reader), reader.Text()!, reader.VarInt(), reader.VarInt(), (int)reader.VarInt());
            Apply(granted);
            var (spent, sequence) = (reader.VarInt(), reader.VarInt());
            Apply(new LeaseMoved(granted.Lease, granted.Granted, spent, sequence));
        }
    }
}
