using System.CommandLine;
namespace Loyalty.Load.Bench;
internal static class BenchCommand
{
    public static Command Create() => new("bench", "");
}
