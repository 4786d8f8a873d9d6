namespace Loyalty.Runtime.Tests.Loyalty;

/// <summary>The embedded host on books in memory.</summary>
public sealed class TransfersOnMemoryTests() : TransferBehaviour(new MemoryFixture());

/// <summary>The embedded host on books in a file.</summary>
public sealed class TransfersOnSqliteTests() : TransferBehaviour(new SqliteFixture());

/// <summary>The embedded host on books in memory.</summary>
public sealed class HouseholdsOnMemoryTests() : HouseholdBehaviour(new MemoryFixture());

/// <summary>The embedded host on books in a file.</summary>
public sealed class HouseholdsOnSqliteTests() : HouseholdBehaviour(new SqliteFixture());
