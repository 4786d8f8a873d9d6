namespace Loyalty.Runtime.Kernel;

/// <summary>
/// Something outside the actor that a decision took or gave for itself, such as a part of a budget: <see cref="Turn.Reserve"/>. Exactly one method is called, once, on an engine thread and
/// before the command is answered: must be quick and must not throw. When the process dies neither is called.
/// </summary>
public interface IReservation
{
    /// <summary>What was decided is durable.</summary>
    void Keep();

    /// <summary>What was decided is not in the books (nothing was appended, or the append failed), or nobody can say.</summary>
    /// <param name="isCertain">True: it is not in them, and never will be. False: the outcome of the append is unknown; the journal tells.</param>
    void Undo(bool isCertain);
}

/// <summary>
/// Something that a decision needs and that is on its way: <see cref="Turn.Later"/>. Whoever makes one completes it within a time of its own that is bounded, whether it came or not: the decision is
/// taken up again then, and looks. Thread-safe.
/// </summary>
public sealed class Preparation
{
    private readonly Lock _gate = new();
    private List<Action>? _waiting;
    private bool _isDone;

    /// <summary>Whether it was completed.</summary>
    public bool IsDone => Volatile.Read(ref _isDone);

    /// <summary>Has every decision that waits taken up again. Again does nothing.</summary>
    public void Complete()
    {
        List<Action>? waiting;
        lock (_gate)
        {
            (_isDone, waiting, _waiting) = (true, _waiting, null);
        }

        foreach (var resume in waiting ?? [])
        {
            resume();
        }
    }

    /// <summary>Calls back once, on the thread that completes it; at once when it is complete.</summary>
    internal void Then(Action resume)
    {
        lock (_gate)
        {
            if (!_isDone)
            {
                (_waiting ??= []).Add(resume);
                return;
            }
        }

        resume();
    }
}
