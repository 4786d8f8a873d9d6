namespace Loyalty.Tests.Shared;

internal static class TestAssembly
{
    public const string Name = "Loyalty.EndToEnd.Tests";
}
