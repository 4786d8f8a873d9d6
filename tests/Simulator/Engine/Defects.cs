namespace Loyalty.Simulator.Engine;

/// <summary>Mistakes that are planted to see whether the simulator finds them. They live in the simulated store and network and in a kind around the member's: production code knows nothing of them.</summary>
[Flags]
internal enum Defects
{
    /// <summary>The engine as it is.</summary>
    None = 0,

    /// <summary>The store does not compare the version and chain that an append expects.</summary>
    NoVersionCheck = 1 << 0,

    /// <summary>The store takes a second record with the same unique key.</summary>
    NoUniqueKeys = 1 << 1,

    /// <summary>The store says "durable" before it is.</summary>
    ReplyBeforeDurable = 1 << 2,

    /// <summary>The journal is not told under which id a request was decided.</summary>
    ForgottenRequestKey = 1 << 3,

    /// <summary>Messages to other actors leave before what raised them is durable.</summary>
    OutboxBeforeAppend = 1 << 4,

    /// <summary>A message that comes twice is applied twice.</summary>
    EffectAppliedTwice = 1 << 5,

    /// <summary>A return changes points and progress, and leaves the tier as it was.</summary>
    ReturnKeepsTheTier = 1 << 6,

    /// <summary>What a return cannot take back is written off where the program says debt.</summary>
    DebtForgotten = 1 << 7,

    /// <summary>Points lapse on their day also while they are held.</summary>
    ExpiryIgnoresHolds = 1 << 8,

    /// <summary>A hold whose time is over does not give its points back.</summary>
    TimeOutKeepsPoints = 1 << 9,

    /// <summary>Nobody is ever woken for what is due.</summary>
    NoWakeUp = 1 << 10,

    /// <summary>A snapshot says one version and holds the state before it.</summary>
    SnapshotBehind = 1 << 11,

    /// <summary>Bits that turned over at rest are served.</summary>
    NoChecksum = 1 << 12,

    /// <summary>A record is posted to the ledger with another amount than its events say.</summary>
    WrongMeasure = 1 << 13,
}
