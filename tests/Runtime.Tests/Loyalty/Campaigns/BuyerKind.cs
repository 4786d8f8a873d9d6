using Loyalty.Domain.Campaigns;
using Loyalty.Domain.Encoding;
using Loyalty.Domain.Ledger;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;

namespace Loyalty.Runtime.Tests.Loyalty;

/// <summary>A toy: an actor that takes what it wants of a campaign's budget, and gives some back. Its facts are the spends themselves.</summary>
internal sealed class BuyerKind(ProgramSource programs) : ActorKind
{
    public const string KindName = "buyer";

    public override string Name => KindName;

    /// <summary>What a record spends.</summary>
    public static IReadOnlyList<BudgetSpend> SpendsOf(JournalRecord record) =>
        record.Actor.Kind == KindName ? [.. FactsOf(ActorState.KindPart(record.Events.Span, out _)).Where(fact => fact.Spend.Amount != 0).Select(fact => fact.Spend)] : [];

    public override object Create(string key) => new long[1];

    public override void Apply(object state, ReadOnlySpan<byte> events) => ((long[])state)[0] += FactsOf(events).Sum(fact => fact.Spend.Amount);

    public override void Prepare(object state, Command command, Turn turn)
    {
        var want = (Want)command;
        var budgets = Budgets(turn);
        budgets.Begin(turn, command);
        if (budgets.Prepare(want.Purse.Campaign, PurseKey.Of(want.Budget, want.Purse), Math.Max(0, want.Amount), command.PutOffs > 0, out var problem) is { } later)
        {
            turn.Later(later);
        }
        else if (problem is not null)
        {
            turn.GiveUp(problem);
        }
    }

    public override void Decide(object state, Command command, Turn turn)
    {
        var want = (Want)command;
        long lease;
        long amount;
        if (want.Amount >= 0)
        {
            amount = Budgets(turn).Take(want.Budget, want.Purse, want.Amount, want.Budget.WhenShortNone, out lease);
        }
        else
        {
            amount = want.Amount;
            lease = Budgets(turn).GiveBack(want.Budget, want.Purse, -amount);
        }

        ((long[])state)[0] += amount;
        turn.AddKey(KeyScopes.Request, want.RequestId!, unique: true);
        turn.Events.Text(want.RequestId);
        turn.Events.Text(want.Purse.Campaign);
        turn.Events.VarInt(lease);
        turn.Events.VarInt(amount);
        turn.EventCount++;
        Budgets(turn).Finish([new(want.Purse.Campaign, lease, amount)]);
        command.Reply = amount;
    }

    public override bool Replay(Command command, ActorId actor, ReadOnlySpan<byte> events)
    {
        foreach (var (id, spend) in FactsOf(events))
        {
            if (id == command.RequestId)
            {
                command.Reply = spend.Amount;
                return true;
            }
        }

        return false;
    }

    public override int EstimateBytes(object state) => 50;

    public override void WriteSnapshot(object state, ByteWriter writer) => writer.VarInt(((long[])state)[0]);

    public override object? ReadSnapshot(string key, ReadOnlySpan<byte> bytes)
    {
        var reader = new ByteReader(bytes);
        return new[] { reader.VarInt() };
    }

    public override void Post(ReadOnlySpan<byte> events, ILedgerSink ledger)
    {
    }

    private static List<(string Id, BudgetSpend Spend)> FactsOf(ReadOnlySpan<byte> events)
    {
        var facts = new List<(string, BudgetSpend)>();
        var reader = new ByteReader(events);
        while (!reader.AtEnd)
        {
            facts.Add((reader.Text()!, new(reader.Text()!, reader.VarInt(), reader.VarInt())));
        }

        return facts;
    }

    private TurnBudgets Budgets(Turn turn)
    {
        if (!turn.Cache.TryGetValue(typeof(TurnBudgets), out var budgets))
        {
            turn.Cache[typeof(TurnBudgets)] = budgets = new TurnBudgets(programs.Campaigns.Leases);
        }

        return (TurnBudgets)budgets;
    }
}

/// <summary>Wants so much of a purse; below 0: gives it back. Reply: how much it was.</summary>
internal sealed class Want(string buyer, string id, CampaignBudget budget, BudgetPurse purse, long amount) : Command(new(BuyerKind.KindName, buyer))
{
    public override string? RequestId => id;

    public CampaignBudget Budget { get; } = budget;

    public BudgetPurse Purse { get; } = purse;

    public long Amount { get; } = amount;
}
