using Loyalty.Domain.Encoding;
using Loyalty.Domain.Ledger;
using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using NodaTime;

namespace Loyalty.Domain.Households;

/// <summary>A fact of a household's books.</summary>
public abstract record HouseholdEvent;

/// <summary>A member joined, or has another role or share.</summary>
public sealed record MemberJoined(string Member, HouseholdRole Role, int Share) : HouseholdEvent;

/// <summary>A member left.</summary>
public sealed record MemberLeft(string Member) : HouseholdEvent;

/// <summary>Points came into the pool.</summary>
/// <param name="Member">Whose they were.</param>
/// <param name="Unit">Of which unit.</param>
/// <param name="Lots">With their own dates, in the order of spending.</param>
public sealed record PoolFilled(string Member, string Unit, Lot[] Lots) : HouseholdEvent;

/// <summary>Points left the pool for a member.</summary>
public sealed record PoolPaid(string Member, string Unit, Lot[] Lots) : HouseholdEvent;

/// <summary>Points of the pool lapsed.</summary>
public sealed record PoolLapsed(string Unit, Lot[] Lots) : HouseholdEvent;

/// <summary>A member in a household.</summary>
/// <param name="Member">Who.</param>
/// <param name="Role">What it is there.</param>
/// <param name="Share">Percent of its earnings that go to the pool.</param>
public readonly record struct HouseholdMember(string Member, HouseholdRole Role, int Share);

/// <summary>A household: who is in it, and the pool. Changed by <see cref="Apply"/> alone.</summary>
public sealed class HouseholdState
{
    /// <summary>Members of a household, whatever the program says.</summary>
    public const int MaxMembers = 50;

    private const byte SnapshotVersion = 1;

    private readonly List<HouseholdMember> _members = [];
    private readonly SortedDictionary<string, UnitBook> _pool = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, long> _contributed = new(StringComparer.Ordinal);

    private enum Kind : byte
    {
        Joined = 1,
        Left = 2,
        Filled = 3,
        Paid = 4,
        Lapsed = 5,
    }

    /// <summary>In the order in which they joined.</summary>
    public IReadOnlyList<HouseholdMember> Members => _members;

    /// <summary>One book for each unit that was ever in the pool.</summary>
    public IEnumerable<UnitBook> Pool => _pool.Values;

    /// <summary>The book of a unit, or null.</summary>
    public UnitBook? FindPool(string unit) => _pool.GetValueOrDefault(unit);

    /// <summary>What a member put into the pool less what it took out, not below 0.</summary>
    public long Contributed(string member, string unit) => _contributed.GetValueOrDefault($"{unit}|{member}");

    /// <summary>About how many bytes of memory this takes.</summary>
    public int EstimateBytes() => 400 + (_members.Count * 200) + _pool.Values.Sum(book => 200 + (book.Lots.Length * 32));

    /// <summary>Changes the state by a fact.</summary>
    public void Apply(HouseholdEvent fact)
    {
        switch (fact)
        {
            case MemberJoined e:
                var index = _members.FindIndex(member => member.Member == e.Member);
                if (index >= 0)
                {
                    _members[index] = new(e.Member, e.Role, e.Share);
                }
                else
                {
                    _members.Add(new(e.Member, e.Role, e.Share));
                }

                break;
            case MemberLeft e:
                _members.RemoveAll(member => member.Member == e.Member);
                foreach (var key in _contributed.Keys.Where(key => key.EndsWith($"|{e.Member}", StringComparison.Ordinal)).ToArray())
                {
                    _contributed.Remove(key);
                }

                break;
            case PoolFilled e:
                Book(e.Unit).AddMany(e.Lots);
                Contribute(e.Member, e.Unit, Lot.Sum(e.Lots));
                break;
            case PoolPaid e:
                Book(e.Unit).TakeMany(e.Lots);
                Contribute(e.Member, e.Unit, -Lot.Sum(e.Lots));
                break;
            case PoolLapsed e:
                Book(e.Unit).TakeMany(e.Lots);
                break;
        }
    }

    /// <summary>Posts a fact. docs/HOUSEHOLDS.md, "Books".</summary>
    public static void Post(HouseholdEvent fact, ILedgerSink ledger)
    {
        switch (fact)
        {
            case PoolFilled e:
                ledger.Post(e.Unit, Accounts.InTransit, Accounts.Household, Lot.Sum(e.Lots));
                break;
            case PoolPaid e:
                ledger.Post(e.Unit, Accounts.Household, Accounts.InTransit, Lot.Sum(e.Lots));
                break;
            case PoolLapsed e:
                ledger.Post(e.Unit, Accounts.Household, Accounts.Expired, Lot.Sum(e.Lots));
                break;
        }
    }

    /// <summary>Writes a fact: a type byte, a schema version byte, a framed body.</summary>
    public static void Write(ByteWriter writer, HouseholdEvent fact)
    {
        writer.Byte((byte)(fact switch { MemberJoined => Kind.Joined, MemberLeft => Kind.Left, PoolFilled => Kind.Filled, PoolPaid => Kind.Paid, _ => Kind.Lapsed }));
        writer.Byte(1);
        writer.Framed(fact, static (writer, fact) =>
        {
            switch (fact)
            {
                case MemberJoined e:
                    writer.Text(e.Member);
                    writer.Byte((byte)e.Role);
                    writer.VarInt(e.Share);
                    break;
                case MemberLeft e:
                    writer.Text(e.Member);
                    break;
                case PoolFilled e:
                    Write(writer, e.Member, e.Unit, e.Lots);
                    break;
                case PoolPaid e:
                    Write(writer, e.Member, e.Unit, e.Lots);
                    break;
                case PoolLapsed e:
                    writer.Text(e.Unit);
                    MemberCodec.WriteLots(writer, e.Lots);
                    break;
            }
        });
    }

    /// <summary>Reads what <see cref="Write(ByteWriter, HouseholdEvent)"/> wrote.</summary>
    /// <exception cref="FormatException">The bytes are no fact that this version of the engine knows.</exception>
    public static HouseholdEvent Read(ref ByteReader reader)
    {
        var (kind, schema) = ((Kind)reader.Byte(), reader.Byte());
        if (schema != 1)
        {
            throw new FormatException($"household event type {(byte)kind} with schema version {schema} is not known: a newer engine wrote it");
        }

        var body = new ByteReader(reader.Bytes());
        return kind switch
        {
            Kind.Joined => new MemberJoined(body.Text()!, (HouseholdRole)body.Byte(), (int)body.VarInt()),
            Kind.Left => new MemberLeft(body.Text()!),
            Kind.Filled => new PoolFilled(body.Text()!, body.Text()!, MemberCodec.ReadLotsOf(ref body)),
            Kind.Paid => new PoolPaid(body.Text()!, body.Text()!, MemberCodec.ReadLotsOf(ref body)),
            Kind.Lapsed => new PoolLapsed(body.Text()!, MemberCodec.ReadLotsOf(ref body)),
            _ => throw new FormatException($"household event type {(byte)kind} is not known: a newer engine wrote it"),
        };
    }

    /// <summary>Writes a snapshot.</summary>
    public void WriteSnapshot(ByteWriter writer)
    {
        writer.Byte(SnapshotVersion);
        writer.Count(_members.Count);
        foreach (var member in _members)
        {
            writer.Text(member.Member);
            writer.Byte((byte)member.Role);
            writer.VarInt(member.Share);
        }

        writer.Count(_pool.Count);
        foreach (var book in _pool.Values)
        {
            writer.Text(book.Unit);
            MemberCodec.WriteLots(writer, book.Lots);
        }

        writer.Count(_contributed.Count);
        foreach (var (key, points) in _contributed)
        {
            writer.Text(key);
            writer.VarInt(points);
        }
    }

    /// <summary>Reads a snapshot, or null when it has another form.</summary>
    public static HouseholdState? ReadSnapshot(ReadOnlySpan<byte> bytes)
    {
        var reader = new ByteReader(bytes);
        if (reader.Byte() != SnapshotVersion)
        {
            return null;
        }

        var state = new HouseholdState();
        for (var count = reader.Count(); count > 0; count--)
        {
            state._members.Add(new(reader.Text()!, (HouseholdRole)reader.Byte(), (int)reader.VarInt()));
        }

        for (var count = reader.Count(); count > 0; count--)
        {
            state.Book(reader.Text()!).AddMany(MemberCodec.ReadLotsOf(ref reader));
        }

        for (var count = reader.Count(); count > 0; count--)
        {
            state._contributed[reader.Text()!] = reader.VarInt();
        }

        return state;
    }

    /// <summary>The first instant at which points of the pool have lapsed, or null.</summary>
    public LocalDate? FirstLapse()
    {
        LocalDate? first = null;
        foreach (var book in _pool.Values)
        {
            if (!book.Lots.IsEmpty && book.Lots[0].Id.LastDay?.PlusDays(1) is { } day && (first is null || day < first))
            {
                first = day;
            }
        }

        return first;
    }

    private static void Write(ByteWriter writer, string member, string unit, Lot[] lots)
    {
        writer.Text(member);
        writer.Text(unit);
        MemberCodec.WriteLots(writer, lots);
    }

    private UnitBook Book(string unit)
    {
        if (!_pool.TryGetValue(unit, out var book))
        {
            _pool[unit] = book = new(unit);
        }

        return book;
    }

    private void Contribute(string member, string unit, long points)
    {
        var key = $"{unit}|{member}";
        var left = _contributed.GetValueOrDefault(key) + points;
        if (left > 0)
        {
            _contributed[key] = left;
        }
        else
        {
            _contributed.Remove(key);
        }
    }
}
