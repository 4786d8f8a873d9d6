namespace Loyalty.Runtime.Loyalty;

/// <summary>Bounds of the leases of a process.</summary>
public sealed record LeaseOptions
{
    /// <summary>How often leases are reported, handed back and looked after.</summary>
    public TimeSpan TickInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Ticks after which a lease that nobody used is handed back …</summary>
    public int IdleTicks { get; init; } = 10;

    /// <summary>… and when there is no more free of its purse than it holds itself: others may wait for it.</summary>
    public int IdleTicksWhenShort { get; init; } = 2;

    /// <summary>Ticks after which a purse that nobody used and of which nothing is held is forgotten: those of a period that is over.</summary>
    public int ForgetTicks { get; init; } = 600;

    /// <summary>Ticks between two looks for leases whose holders are gone.</summary>
    public int LookTicks { get; init; } = 30;

    /// <summary>
    /// How often a purchase whose purse is empty here asks again while other processes hold a part of it. Beyond, it gets what is there: a part or nothing, as the definition says.
    /// </summary>
    public int MaxAsks { get; init; } = 20;

    /// <summary>The pause between two of these.</summary>
    public TimeSpan AskAgainAfter { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>How often the settlement of a lease from the journal begins again because a purchase used it meanwhile. Beyond: at the next look.</summary>
    public int MaxSettlements { get; init; } = 5;
}
