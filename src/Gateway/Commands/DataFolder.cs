using System.CommandLine;

namespace Loyalty.Gateway.Commands;

/// <summary>The option that says where the books are.</summary>
internal static class DataFolder
{
    public static Option<string> Option() => new("--data")
    {
        Description = "Folder of the books, the keys and the development key. Environment: LOYALTY_DATA.",
        DefaultValueFactory = _ => Environment.GetEnvironmentVariable("LOYALTY_DATA") is { Length: > 0 } folder ? folder : ".loyalty",
    };
}
