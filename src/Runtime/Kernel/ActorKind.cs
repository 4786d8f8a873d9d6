using Loyalty.Domain.Encoding;
using Loyalty.Domain.Ledger;
using Loyalty.Runtime.Journal;
using NodaTime;

namespace Loyalty.Runtime.Kernel;

/// <summary>What the actors of one kind do. Stateless and thread-safe: the state is handed in. All methods are synchronous and free of I/O.</summary>
public abstract class ActorKind
{
    /// <summary>The kind's name in <see cref="ActorId"/>.</summary>
    public abstract string Name { get; }

    /// <summary>The state before the first event.</summary>
    public abstract object Create(string key);

    /// <summary>Changes the state by stored events.</summary>
    /// <exception cref="FormatException">They are not of a known form.</exception>
    public abstract void Apply(object state, ReadOnlySpan<byte> events);

    /// <summary>
    /// Looks whether the decision has all it needs, and otherwise puts it off (<see cref="Turn.Later"/>) or gives it up (<see cref="Turn.GiveUp"/>). Must not change the state. Not called
    /// for what the kernel itself asks of an actor (wake-ups, effects, snapshots).
    /// </summary>
    public virtual void Prepare(object state, Command command, Turn turn)
    {
    }

    /// <summary>Decides: raises events into the turn (applying them to the state as they are raised) and sets the command's reply.</summary>
    public abstract void Decide(object state, Command command, Turn turn);

    /// <summary>Sets the reply of a request that was decided before.</summary>
    /// <param name="command">The request that came again, or another with the same id.</param>
    /// <param name="actor">Who decided then.</param>
    /// <param name="events">What was raised then.</param>
    /// <returns>False when the record does not answer this request id after all (two ids with one key): it is new.</returns>
    public abstract bool Replay(Command command, ActorId actor, ReadOnlySpan<byte> events);

    /// <summary>Reads what every decision reads, for the processor's cache; the sum means nothing.</summary>
    public virtual int Warm(object state) => 0;

    /// <summary>When the actor wants to be woken, Unix milliseconds; 0: never.</summary>
    public virtual long WakeAtMs(object state, Instant now) => 0;

    /// <summary>About how many bytes of memory the state takes.</summary>
    public abstract int EstimateBytes(object state);

    /// <summary>Writes the state.</summary>
    public abstract void WriteSnapshot(object state, ByteWriter writer);

    /// <summary>Reads a state, or null when its form is not known (it is built from events then).</summary>
    public abstract object? ReadSnapshot(string key, ReadOnlySpan<byte> bytes);

    /// <summary>Stored events as objects of the domain, for people who look at what a request came to; empty: the kind does not tell.</summary>
    public virtual IReadOnlyList<object> ReadFacts(ReadOnlySpan<byte> events) => [];

    /// <summary>Posts stored events to a ledger: what their measures were when they were appended.</summary>
    public abstract void Post(ReadOnlySpan<byte> events, ILedgerSink ledger);
}

/// <summary>What one decision raises. Belongs to a shard and is used again for every turn.</summary>
public sealed class Turn : ILedgerSink
{
    private readonly List<KeyEntry> _keys = [];
    private readonly List<Measure> _measures = [];
    private readonly List<(ActorId Target, byte[] Message, string? Id)> _effects = [];
    private readonly List<IReservation> _reservations = [];
    private readonly List<(string Unit, string Account, string Name)> _accountNames = [];

    /// <summary>The clock at the beginning of the turn.</summary>
    public Instant Now { get; internal set; }

    /// <summary>The actor's version before the turn.</summary>
    public long Version { get; internal set; }

    /// <summary>Where the kind writes the events.</summary>
    public ByteWriter Events { get; } = new();

    /// <summary>How many events were written; the kind counts.</summary>
    public int EventCount { get; set; }

    /// <summary>For kinds to keep something between the turns of one shard, such as what only depends on the clock.</summary>
    public Dictionary<Type, object> Cache { get; } = [];

    internal List<KeyEntry> Keys => _keys;

    internal List<Measure> Measures => _measures;

    internal List<(ActorId Target, byte[] Message, string? Id)> Effects => _effects;

    internal List<IReservation> Reservations => _reservations;

    internal Preparation? Missing { get; private set; }

    internal string? Problem { get; private set; }

    internal long KeySeed { get; init; }

    internal Command? Command { get; set; }

    /// <summary>
    /// To be called by <see cref="ActorKind.Prepare"/>: the decision is not made now but when that is there, or when its maker has waited long enough for it. Commands of the same actor wait behind
    /// it, in their order; other actors do not. It can happen again, at most <see cref="KernelOptions.MaxPutOffs"/> times to one command: then the command ends unavailable.
    /// </summary>
    public void Later(Preparation missing) => Missing = missing;

    /// <summary>To be called by <see cref="ActorKind.Prepare"/>: what the decision needs cannot be had now; the command ends <see cref="CommandStatus.Unavailable"/>, and nothing is decided.</summary>
    /// <param name="problem">Why, for people.</param>
    public void GiveUp(string problem) => Problem = problem;

    /// <summary>Ties something outside the actor to what is decided: kept when that is durable, undone when it is not.</summary>
    public void Reserve(IReservation reservation) => _reservations.Add(reservation);

    /// <summary>Gives the record a key by which it is found; unique ones can exist once in all the books.</summary>
    public void AddKey(string scope, string id, bool unique)
    {
        // The key of the command's own id was computed when it was looked up.
        var isOwn = Command is { RequestLookedUp: true } && ReferenceEquals(scope, Command.RequestScope) && ReferenceEquals(id, Command.RequestId);
        _keys.Add(new(isOwn ? Command!.RequestKey : RequestKey.Of(scope, id, KeySeed), unique));
    }

    /// <summary>Sends a message to another actor, once the events are durable; at least once, and the receiver applies it once.</summary>
    public void AddEffect(ActorId target, byte[] message) => _effects.Add((target, message, null));

    /// <summary>
    /// Sends a message that the receiver decides once for all times, by its id: for a step of a saga, and for receivers that hear from very many senders (nothing is kept of a keyed effect in
    /// the receiver's memory; its record is found by the key).
    /// </summary>
    /// <param name="target">The receiver.</param>
    /// <param name="message">Understood by the receiver's kind.</param>
    /// <param name="id">Unique among the keyed effects of the books: what the saga is known by, and the step: <c>reserve:R-17</c>.</param>
    public void AddEffect(ActorId target, byte[] message, string id) => _effects.Add((target, message, id));

    /// <inheritdoc />
    public void Post(string unit, string from, string to, long points)
    {
        if (points != 0)
        {
            _measures.Add(new(AccountName(unit, from), -points));
            _measures.Add(new(AccountName(unit, to), points));
        }
    }

    /// <inheritdoc />
    public void Count(string counter, long delta)
    {
        if (delta != 0)
        {
            _measures.Add(new(MeasureNames.Counter(counter), delta));
        }
    }

    /// <summary>Units and accounts are few and mostly the same objects: a short list of references is found faster than a hash of two texts.</summary>
    private string AccountName(string unit, string account)
    {
        foreach (var (knownUnit, knownAccount, known) in _accountNames)
        {
            if (ReferenceEquals(knownUnit, unit) && ReferenceEquals(knownAccount, account))
            {
                return known;
            }
        }

        var name = MeasureNames.Account(unit, account);
        if (_accountNames.Count < 32)
        {
            _accountNames.Add((unit, account, name));
        }

        return name;
    }

    internal void Clear()
    {
        Events.Clear();
        EventCount = 0;
        _keys.Clear();
        _measures.Clear();
        _effects.Clear();
        _reservations.Clear();
        Missing = null;
        Problem = null;
    }
}

/// <summary>Names of measures: <c>account:points:member</c>, <c>count:members</c>.</summary>
public static class MeasureNames
{
    private const string AccountPrefix = "account:";
    private const string CounterPrefix = "count:";
    private static readonly System.Collections.Concurrent.ConcurrentDictionary<(string, string), string> Accounts = new();
    private static readonly System.Collections.Concurrent.ConcurrentDictionary<string, string> Counters = new();

    /// <summary>Of an account of a unit.</summary>
    public static string Account(string unit, string account) =>
        Accounts.GetOrAdd((unit, account), static names => $"{AccountPrefix}{names.Item1}:{names.Item2}");

    /// <summary>Of a counter.</summary>
    public static string Counter(string counter) => Counters.GetOrAdd(counter, static name => CounterPrefix + name);

    /// <summary>The unit and account of a name, or null when it is no account's.</summary>
    public static (string Unit, string Account)? ParseAccount(string name) =>
        name.StartsWith(AccountPrefix, StringComparison.Ordinal) && name.Split(':', 3) is [_, var unit, var account] ? (unit, account) : null;

    /// <summary>The counter of a name, or null when it is no counter's.</summary>
    public static string? ParseCounter(string name) =>
        name.StartsWith(CounterPrefix, StringComparison.Ordinal) ? name[CounterPrefix.Length..] : null;
}
