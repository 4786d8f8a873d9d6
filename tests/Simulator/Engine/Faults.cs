namespace Loyalty.Simulator.Engine;

/// <summary>How often each thing goes wrong; a seed chooses. Probabilities are 0 to 1.</summary>
internal sealed record Faults
{
    /// <summary>Nothing goes wrong.</summary>
    public static readonly Faults None = new();

    /// <summary>A process dies before a step.</summary>
    public double Crash { get; init; }

    /// <summary>A group commit fails and nothing of it is written.</summary>
    public double AppendFails { get; init; }

    /// <summary>A group commit's answer is lost; each entry of it is written or not.</summary>
    public double AnswerLost { get; init; }

    /// <summary>The store is full for a while: all commits fail.</summary>
    public double StoreFull { get; init; }

    /// <summary>The store's queue is full: a batch is refused at once.</summary>
    public double QueueFull { get; init; }

    /// <summary>A read fails.</summary>
    public double ReadFails { get; init; }

    /// <summary>A read or a commit takes long.</summary>
    public double Slow { get; init; }

    /// <summary>A bit of something at rest turns over.</summary>
    public double BitFlip { get; init; }

    /// <summary>A message from a client or between actors comes twice.</summary>
    public double Doubled { get; init; }

    /// <summary>A message or an answer is lost.</summary>
    public double Lost { get; init; }

    /// <summary>The request-id filter says "perhaps" for nothing.</summary>
    public double FilterErrs { get; init; }

    /// <summary>The clock steps, forward or back.</summary>
    public double ClockStep { get; init; }

    /// <summary>A process stands still for a while (only where there are several).</summary>
    public double Pause { get; init; }

    /// <summary>A command goes to a process that does not own its actor (only where there are several): two activations.</summary>
    public double Misrouted { get; init; }

    /// <summary>Each run has some of the faults, some rare and some frequent: all of them always would hide what only one of them shows.</summary>
    public static Faults Of(Dice dice)
    {
        double Rate(double rare, double often) => dice.Next(5) switch { 0 or 1 => 0, 2 or 3 => rare, _ => often };
        return new()
        {
            Crash = Rate(0.0005, 0.004),
            AppendFails = Rate(0.005, 0.08),
            AnswerLost = Rate(0.005, 0.08),
            StoreFull = Rate(0.001, 0.01),
            QueueFull = Rate(0.002, 0.03),
            ReadFails = Rate(0.005, 0.05),
            Slow = Rate(0.02, 0.3),
            BitFlip = Rate(0.0005, 0.003),
            Doubled = Rate(0.02, 0.2),
            Lost = Rate(0.01, 0.1),
            FilterErrs = Rate(0.01, 0.5),
            ClockStep = Rate(0.002, 0.02),
            Pause = Rate(0.001, 0.005),
            Misrouted = Rate(0.01, 0.2),
        };
    }
}
