using Loyalty.Runtime.Journal;

namespace Loyalty.Storage;

/// <summary>What goes wrong with one batch of a <see cref="MemoryJournal"/>: made by tests and the simulator.</summary>
/// <param name="Kind">What happens to the batch.</param>
/// <param name="Until">The batch, and all after it, wait for this task first; null: no wait.</param>
public readonly record struct MemoryFault(MemoryFaultKind Kind, Task? Until = null)
{
    /// <summary>Nothing goes wrong.</summary>
    public static readonly MemoryFault None;
}

/// <summary>Kinds of trouble a store can make.</summary>
public enum MemoryFaultKind : byte
{
    /// <summary>None: the batch is appended.</summary>
    None,

    /// <summary>Nothing is written; entries end as <see cref="AppendOutcome.Failed"/>.</summary>
    Fail,

    /// <summary>All that is valid is written, but entries end as <see cref="AppendOutcome.Unknown"/>.</summary>
    UnknownButWritten,

    /// <summary>Nothing is written; entries end as <see cref="AppendOutcome.Unknown"/>.</summary>
    UnknownNotWritten,
}

/// <summary>How a <see cref="MemoryJournal"/> behaves.</summary>
public sealed class MemoryJournalOptions
{
    /// <summary>
    /// True: <see cref="AppendBatch.Completed"/> is called before <see cref="IJournal.Append"/> returns, on the caller's thread (deterministic).
    /// False (default): on the thread pool, as a real store would.
    /// </summary>
    public bool CompleteInline { get; init; }

    /// <summary>See <see cref="IJournal.KeySeed"/>. Fixed by default, so that a run can be repeated.</summary>
    public long KeySeed { get; init; } = 0x10A17;

    /// <summary>Asked once for each batch, in order, before it is applied.</summary>
    public Func<AppendBatch, MemoryFault>? Fault { get; init; }
}
