namespace Loyalty.Simulator.Engine;

/// <summary>Mistakes that are planted to see whether the simulator finds them.</summary>
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
}
