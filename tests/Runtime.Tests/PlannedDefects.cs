using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Loyalty.Runtime.Tests;

/// <summary>
/// The kernel calls <see cref="Debug.Fail(string)"/> when a decider throws. Tests that plan such a defect mark it; any other failed assertion still
/// fails loudly.
/// </summary>
internal sealed class PlannedDefects : TraceListener
{
    public const string Marker = "a defect that a test planned";

    [ModuleInitializer]
    internal static void Install()
    {
        Trace.Listeners.Clear();
        Trace.Listeners.Add(new PlannedDefects());
    }

    public override void Fail(string? message, string? detailMessage)
    {
        if (message?.Contains(Marker, StringComparison.Ordinal) != true)
        {
            Environment.FailFast($"{message} {detailMessage}");
        }
    }

    public override void Write(string? message)
    {
    }

    public override void WriteLine(string? message)
    {
    }
}
