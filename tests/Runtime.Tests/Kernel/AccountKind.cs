using Loyalty.Domain.Encoding;
using Loyalty.Domain.Ledger;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using NodaTime;

namespace Loyalty.Runtime.Tests.Kernel;

/// <summary>A toy: an account that is paid into, that transfers to other accounts by an effect, undoes a payment, and reminds itself.</summary>
internal sealed class AccountKind : ActorKind
{
    public const string KindName = "account";
    public const string Unit = "money";

    public override string Name => KindName;

    public static ActorId Id(string key) => new(KindName, key);

    public override object Create(string key) => new Account();

    public override void Apply(object state, ReadOnlySpan<byte> events)
    {
        foreach (var fact in Read(events))
        {
            ((Account)state).Apply(fact);
        }
    }

    public override void Prepare(object state, Command command, Turn turn)
    {
        if (command is PayFromPot { Pot: var pot } && pot.Missing is { } missing)
        {
            if (pot.IsLost)
            {
                turn.GiveUp("the pot is lost");
            }
            else
            {
                turn.Later(missing);
            }
        }
    }

    public override void Decide(object state, Command command, Turn turn)
    {
        var account = (Account)state;
        switch (command)
        {
            case PayFromPot pay:
                turn.AddKey(KeyScopes.Request, pay.RequestId!, unique: true);
                turn.Reserve(pay.Pot.Take(pay.Amount));
                if (!pay.Pot.IsHeldBack)
                {
                    Raise(account, turn, new(FactKind.Paid, pay.RequestId!, "", pay.Amount));
                }

                if (pay.Pot.Throws)
                {
                    throw new InvalidOperationException(PlannedDefects.Marker);
                }

                break;
            case Pay pay:
                turn.AddKey(KeyScopes.Request, pay.RequestId!, unique: true);
                Raise(account, turn, new(FactKind.Paid, pay.RequestId!, "", pay.Amount));
                break;
            case Transfer transfer:
                turn.AddKey(KeyScopes.Request, transfer.RequestId!, unique: true);
                Raise(account, turn, new(FactKind.Sent, transfer.RequestId!, transfer.To.Key, transfer.Amount));
                if (transfer.Key is { } key)
                {
                    turn.AddEffect(transfer.To, BitConverter.GetBytes(transfer.Amount), key);
                }
                else
                {
                    turn.AddEffect(transfer.To, BitConverter.GetBytes(transfer.Amount));
                }

                break;
            case Undo undo:
                turn.AddKey(KeyScopes.Request, undo.RequestId!, unique: true);
                turn.AddKey(KeyScopes.Left, undo.RecallId!, unique: false);
                var left = undo.Recalled is { } record ? Left(record, undo) : 0;
                Raise(account, turn, new(FactKind.Undone, undo.RequestId!, undo.RecallId!, Math.Min(left, undo.Amount), left - Math.Min(left, undo.Amount)));
                break;
            case EffectCommand effect:
                Raise(account, turn, new(FactKind.Received, "", effect.Sender.Key, BitConverter.ToInt64(effect.Message.Span)));
                break;
            case RemindAt remind:
                Raise(account, turn, new(FactKind.ReminderSet, "", "", remind.AtMs));
                break;
            case WakeCommand when account.RemindAtMs != 0 && account.RemindAtMs <= turn.Now.ToUnixTimeMilliseconds() && !account.IsDeaf:
                Raise(account, turn, new(FactKind.Reminded, "", "", 0));
                break;
            case GoDeaf:
                Raise(account, turn, new(FactKind.WentDeaf, "", "", 0));
                break;
            case ThrowHalfway:
                Raise(account, turn, new(FactKind.Paid, "half", "", 1_000_000));
                throw new InvalidOperationException(PlannedDefects.Marker);
        }

        command.Reply = new AccountReply(account.Balance, account.Reminded, Replayed: false, Conflict: false);
    }

    public override bool Replay(Command command, ActorId actor, ReadOnlySpan<byte> events)
    {
        foreach (var fact in Read(events))
        {
            if (fact.Request == command.RequestId)
            {
                var same = actor == command.Target && command switch
                {
                    Pay pay => fact.Kind == FactKind.Paid && fact.Amount == pay.Amount,
                    Transfer transfer => fact.Kind == FactKind.Sent && fact.Amount == transfer.Amount && fact.Other == transfer.To.Key,
                    Undo undo => fact.Kind == FactKind.Undone && fact.Other == undo.RecallId,
                    _ => false,
                };
                command.Reply = new AccountReply(fact.BalanceAfter, 0, Replayed: same, Conflict: !same);
                return true;
            }
        }

        return false;
    }

    public override long WakeAtMs(object state, Instant now) => ((Account)state).RemindAtMs;

    public override int EstimateBytes(object state) => 100;

    public override void WriteSnapshot(object state, ByteWriter writer)
    {
        var account = (Account)state;
        writer.VarInt(account.Balance);
        writer.VarInt(account.RemindAtMs);
        writer.VarInt(account.Reminded);
        writer.Flag(account.IsDeaf);
    }

    public override object? ReadSnapshot(string key, ReadOnlySpan<byte> bytes)
    {
        var reader = new ByteReader(bytes);
        return new Account { Balance = reader.VarInt(), RemindAtMs = reader.VarInt(), Reminded = reader.VarInt(), IsDeaf = reader.Flag() };
    }

    public override void Post(ReadOnlySpan<byte> events, ILedgerSink ledger)
    {
        foreach (var fact in Read(events))
        {
            Post(fact, ledger);
        }
    }

    /// <summary>The facts of a record or of a kind's part of it.</summary>
    public static List<Fact> FactsOf(JournalRecord record)
    {
        var reader = new ByteReader(record.Events.Span);
        _ = reader.Bytes();
        return Read(reader.Rest);
    }

    private static long Left(JournalRecord record, Undo undo) =>
        FactsOf(record).Where(fact => record.Actor == undo.Target)
            .Select(fact => fact.Kind == FactKind.Paid && fact.Request == undo.RecallId ? fact.Amount : fact.Other == undo.RecallId ? fact.Left : 0)
            .LastOrDefault();

    private static void Post(Fact fact, ILedgerSink ledger)
    {
        switch (fact.Kind)
        {
            case FactKind.Paid:
                ledger.Post(Unit, "cash", "accounts", fact.Amount);
                break;
            case FactKind.Undone:
                ledger.Post(Unit, "accounts", "cash", fact.Amount);
                break;
            case FactKind.Sent:
                ledger.Post(Unit, "accounts", "transit", fact.Amount);
                break;
            case FactKind.Received:
                ledger.Post(Unit, "transit", "accounts", fact.Amount);
                break;
        }
    }

    private static void Raise(Account account, Turn turn, Fact fact)
    {
        account.Apply(fact);
        fact = fact with { BalanceAfter = account.Balance };
        turn.EventCount++;
        turn.Events.Byte((byte)fact.Kind);
        turn.Events.Text(fact.Request);
        turn.Events.Text(fact.Other);
        turn.Events.VarInt(fact.Amount);
        turn.Events.VarInt(fact.Left);
        turn.Events.VarInt(fact.BalanceAfter);
        Post(fact, turn);
    }

    private static List<Fact> Read(ReadOnlySpan<byte> events)
    {
        var reader = new ByteReader(events);
        var facts = new List<Fact>();
        while (!reader.AtEnd)
        {
            facts.Add(new((FactKind)reader.Byte(), reader.Text()!, reader.Text()!, reader.VarInt(), reader.VarInt(), reader.VarInt()));
        }

        return facts;
    }
}

/// <summary>The state of <see cref="AccountKind"/>.</summary>
internal sealed class Account
{
    public long Balance { get; set; }

    public long RemindAtMs { get; set; }

    public long Reminded { get; set; }

    /// <summary>Wants to be woken and does nothing about it: a defect of a kind, which must not keep the host busy.</summary>
    public bool IsDeaf { get; set; }

    public void Apply(Fact fact)
    {
        Balance += fact.Kind switch
        {
            FactKind.Paid or FactKind.Received => fact.Amount,
            FactKind.Sent or FactKind.Undone => -fact.Amount,
            _ => 0,
        };
        RemindAtMs = fact.Kind switch { FactKind.ReminderSet => fact.Amount, FactKind.Reminded => 0, _ => RemindAtMs };
        Reminded += fact.Kind == FactKind.Reminded ? 1 : 0;
        IsDeaf |= fact.Kind == FactKind.WentDeaf;
    }
}

internal enum FactKind : byte
{
    Paid = 1,
    Sent,
    Received,
    Undone,
    ReminderSet,
    Reminded,
    WentDeaf,
}

internal readonly record struct Fact(FactKind Kind, string Request, string Other, long Amount, long Left = 0, long BalanceAfter = 0);

internal sealed record AccountReply(long Balance, long Reminded, bool Replayed, bool Conflict);

internal abstract class AccountCommand(string key, string? id) : Command(AccountKind.Id(key))
{
    public override string? RequestId => id;

    public AccountReply Answer => Assert.IsType<AccountReply>(Reply);
}

internal sealed class Pay(string key, string id, long amount) : AccountCommand(key, id)
{
    public long Amount { get; } = amount;
}

internal sealed class PayFromPot(string key, string id, long amount, Pot pot) : AccountCommand(key, id)
{
    public long Amount { get; } = amount;

    public Pot Pot { get; } = pot;
}

/// <summary>Something outside the actors that payments are taken from.</summary>
internal sealed class Pot(long amount)
{
    /// <summary>What nobody has taken.</summary>
    public long Free { get; set; } = amount;

    /// <summary>Taken by what is durable.</summary>
    public long Spent { get; private set; }

    /// <summary>Taken by what may be durable or not.</summary>
    public long Doubtful { get; private set; }

    /// <summary>Null: payments need not wait.</summary>
    public Preparation? Missing { get; set; }

    public bool IsLost { get; set; }

    public bool Throws { get; set; }

    /// <summary>It is taken from, and nothing is raised.</summary>
    public bool IsHeldBack { get; set; }

    public IReservation Take(long taken)
    {
        Free -= taken;
        return new Taken(this, taken);
    }

    private sealed class Taken(Pot pot, long amount) : IReservation
    {
        public void Keep() => pot.Spent += amount;

        public void Undo(bool isCertain)
        {
            pot.Free += isCertain ? amount : 0;
            pot.Doubtful += isCertain ? 0 : amount;
        }
    }
}

internal sealed class Transfer(string key, string id, ActorId to, long amount) : AccountCommand(key, id)
{
    public Transfer(string key, string id, string to, long amount)
        : this(key, id, AccountKind.Id(to), amount)
    {
    }

    public ActorId To { get; } = to;

    /// <summary>Of the effect; null: it has none.</summary>
    public string? Key { get; init; }

    public long Amount { get; } = amount;
}

internal sealed class Undo(string key, string id, string payment, long amount) : AccountCommand(key, id)
{
    public override string? RecallId => payment;

    public long Amount { get; } = amount;
}

internal sealed class GetBalance(string key) : AccountCommand(key, null);

internal sealed class RemindAt(string key, long atMs) : AccountCommand(key, null)
{
    public long AtMs { get; } = atMs;
}

internal sealed class GoDeaf(string key) : AccountCommand(key, null);

internal sealed class ThrowHalfway(string key) : AccountCommand(key, null);
