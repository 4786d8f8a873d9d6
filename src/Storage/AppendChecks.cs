using System.Runtime.InteropServices;
using Loyalty.Runtime;
using Loyalty.Runtime.Journal;

namespace Loyalty.Storage;

/// <summary>What every store demands of a batch. A batch that breaks it is a mistake in the program, not in the data: it throws.</summary>
internal static class AppendChecks
{
    public const int KindLengthMax = 32;
    public const int KeyLengthMax = 200;
    public const int MeasureNameLengthMax = 100;

    /// <exception cref="ArgumentException">A range lies outside the batch's lists, a name is too long, an entry has no event.</exception>
    public static void Check(AppendBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        foreach (ref readonly var entry in CollectionsMarshal.AsSpan(batch.Entries))
        {
            CheckActor(entry.Actor);
            if (entry.EventCount < 1 || entry.ExpectedVersion < 0)
            {
                throw new ArgumentException($"{entry.Actor}: an entry needs at least one event and an expected version of 0 or more.", nameof(batch));
            }

            if (!Inside(entry.PayloadStart, entry.PayloadLength, batch.Payload.WrittenCount)
                || !Inside(entry.KeyStart, entry.KeyCount, batch.Keys.Count)
                || !Inside(entry.MeasureStart, entry.MeasureCount, batch.Measures.Count))
            {
                throw new ArgumentException($"{entry.Actor}: a range of the entry lies outside the batch.", nameof(batch));
            }
        }

        foreach (ref readonly var measure in CollectionsMarshal.AsSpan(batch.Measures))
        {
            if (string.IsNullOrEmpty(measure.Name) || measure.Name.Length > MeasureNameLengthMax)
            {
                throw new ArgumentException($"A measure's name has 1 to {MeasureNameLengthMax} characters.", nameof(batch));
            }
        }
    }

    public static void CheckActor(ActorId actor)
    {
        if (string.IsNullOrEmpty(actor.Kind) || actor.Kind.Length > KindLengthMax || string.IsNullOrEmpty(actor.Key) || actor.Key.Length > KeyLengthMax)
        {
            throw new ArgumentException($"An actor has a kind of 1 to {KindLengthMax} characters and a key of 1 to {KeyLengthMax}.", nameof(actor));
        }
    }

    public static void CheckCount(int count)
    {
        if (count is < 1 or > 1000)
        {
            throw new ArgumentOutOfRangeException(nameof(count), count, "A page has 1 to 1000 records.");
        }
    }

    /// <summary>Sets every entry to one outcome, without telling anyone yet.</summary>
    public static void SetAll(AppendBatch batch, AppendOutcome outcome)
    {
        foreach (ref var entry in CollectionsMarshal.AsSpan(batch.Entries))
        {
            entry.Outcome = outcome;
            entry.Position = 0;
        }
    }

    private static bool Inside(int start, int length, int count) => start >= 0 && length >= 0 && (long)start + length <= count;
}
