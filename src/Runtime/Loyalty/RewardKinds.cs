using Loyalty.Domain.Encoding;
using Loyalty.Domain.Ledger;
using Loyalty.Domain.Members;
using Loyalty.Domain.Rewards;
using Loyalty.Runtime.Kernel;

namespace Loyalty.Runtime.Loyalty;

/// <summary>Rewards as actors: <see cref="RewardState"/> behind the kernel.</summary>
public sealed class RewardKind : ActorKind
{
    /// <inheritdoc />
    public override string Name => ActorIds.RewardKind;

    /// <inheritdoc />
    public override object Create(string key) => new RewardState();

    /// <inheritdoc />
    public override void Apply(object state, ReadOnlySpan<byte> events)
    {
        var reader = new ByteReader(events);
        while (!reader.AtEnd)
        {
            ((RewardState)state).Apply(RewardCodec.Read(ref reader));
        }
    }

    /// <inheritdoc />
    public override void Decide(object state, Command command, Turn turn)
    {
        var reward = (RewardState)state;
        var raised = new List<RewardEvent>(1);
        switch (command)
        {
            case PutReward put:
                var refusal = reward.Put(put.Definition, raised);
                command.Reply = new RewardReply(View(reward), refusal, Replayed: refusal is null && raised.Count == 0);
                break;
            case WithdrawReward withdraw:
                if (reward.Definition is not null)
                {
                    reward.Withdraw(withdraw.Reason, withdraw.Author, raised);
                }

                command.Reply = new RewardReply(View(reward), null, Replayed: raised.Count == 0);
                break;
            case GetReward:
                command.Reply = new RewardReply(View(reward), null);
                break;
            case ChangeStock change:
                command.Reply = Change(reward, change, turn, raised);
                break;
            case EffectCommand effect:
                Step(reward, effect, turn, raised);
                break;
            case WakeCommand:
                break;
            default:
                throw new InvalidOperationException($"rewards do not understand {command.GetType().Name}");
        }

        foreach (var fact in raised)
        {
            RewardCodec.Write(turn.Events, fact);
            Post(fact, turn);
        }

        turn.EventCount += raised.Count;
    }

    /// <inheritdoc />
    public override bool Replay(Command command, ActorId actor, ReadOnlySpan<byte> events)
    {
        StockChanged? changed = null;
        RequestRefused? refused = null;
        var reader = new ByteReader(events);
        while (!reader.AtEnd)
        {
            var fact = RewardCodec.Read(ref reader);
            changed = fact is StockChanged c && c.Request.Id == command.RequestId ? c : changed;
            refused = fact is StockChangeRefused r && r.Refused.RequestId == command.RequestId ? r.Refused : refused;
        }

        command.Reply = Outcomes.Replay((RequestCommand)command, actor, changed, changed?.Request, refused, null);
        return command.Reply is not null;
    }

    /// <inheritdoc />
    public override int EstimateBytes(object state) => ((RewardState)state).EstimateBytes();

    /// <inheritdoc />
    public override void WriteSnapshot(object state, ByteWriter writer)
    {
        writer.Byte(1);
        ((RewardState)state).Write(writer);
    }

    /// <inheritdoc />
    public override object? ReadSnapshot(string key, ReadOnlySpan<byte> bytes)
    {
        var reader = new ByteReader(bytes);
        return reader.Byte() == 1 ? RewardState.Read(ref reader) : null;
    }

    /// <inheritdoc />
    public override void Post(ReadOnlySpan<byte> events, ILedgerSink ledger)
    {
        var reader = new ByteReader(events);
        while (!reader.AtEnd)
        {
            Post(RewardCodec.Read(ref reader), ledger);
        }
    }

    private static void Post(RewardEvent fact, ILedgerSink ledger)
    {
        if (fact is StockChangeRefused)
        {
            ledger.Count(Counters.Refusals, 1);
        }
    }

    private static RequestOutcome Change(RewardState reward, ChangeStock command, Turn turn, List<RewardEvent> raised)
    {
        var change = command.Change;
        if (reward.Definition is null)
        {
            return new(OutcomeKind.Unknown, null, null, new("unknown-reward", "reward", $"there is no reward '{change.Reward}'"), false);
        }

        turn.AddKey(KeyScopes.Request, change.Id, unique: true);
        if (reward.Change(change, raised) is { } refusal)
        {
            reward.Refuse(change.Id, Fingerprint.Of(change), refusal, raised);
            return new(OutcomeKind.Refused, null, null, refusal, false);
        }

        return new(OutcomeKind.Recorded, raised[^1], null, null, false);
    }

    private static void Step(RewardState reward, EffectCommand effect, Turn turn, List<RewardEvent> raised)
    {
        var message = RewardMessages.Read(effect.Message.Span);
        switch (message.Step)
        {
            case RewardStep.Reserve:
                RewardMessages.SendDecision(turn, effect.Sender, message.Hold, reward.Reserve(message.Hold, message.Quantity, turn.Now, raised));
                break;
            case RewardStep.Confirm:
                reward.Confirm(message.Hold, raised);
                break;
            case RewardStep.Release:
                reward.Release(message.Hold, raised);
                break;
            case RewardStep.Restock:
                reward.Restock(message.Hold, message.Quantity, raised);
                break;
            default:
                throw new InvalidOperationException($"rewards do not understand step {(byte)message.Step} of {effect.Sender}");
        }
    }

    private static RewardView? View(RewardState reward) =>
        reward.Definition is { } definition ? new(definition, reward.IsWithdrawn, reward.Free, reward.Reserved, reward.Redeemed) : null;
}

/// <summary>Which rewards there are, as an actor.</summary>
public sealed class RewardsKind : ActorKind
{
    /// <inheritdoc />
    public override string Name => ActorIds.RewardsKind;

    /// <inheritdoc />
    public override object Create(string key) => new SortedSet<string>(StringComparer.Ordinal);

    /// <inheritdoc />
    public override void Apply(object state, ReadOnlySpan<byte> events)
    {
        var reader = new ByteReader(events);
        while (!reader.AtEnd)
        {
            var (kind, schema) = (reader.Byte(), reader.Byte());
            if ((kind, schema) != (1, 1))
            {
                throw new FormatException($"rewards event type {kind} with schema version {schema} is not known: a newer engine wrote it");
            }

            ((SortedSet<string>)state).Add(reader.Text()!);
        }
    }

    /// <inheritdoc />
    public override void Decide(object state, Command command, Turn turn)
    {
        var rewards = (SortedSet<string>)state;
        switch (command)
        {
            case AddReward add:
                var isKnown = rewards.Contains(add.Reward);
                var hasRoom = isKnown || rewards.Count < RewardParser.MaxRewards;
                if (!isKnown && hasRoom)
                {
                    rewards.Add(add.Reward);
                    turn.Events.Byte(1);
                    turn.Events.Byte(1);
                    turn.Events.Text(add.Reward);
                    turn.EventCount++;
                }

                command.Reply = hasRoom;
                break;
            case ListRewards:
                command.Reply = rewards.ToArray();
                break;
        }
    }

    /// <inheritdoc />
    public override bool Replay(Command command, ActorId actor, ReadOnlySpan<byte> events) => false;

    /// <inheritdoc />
    public override int EstimateBytes(object state) => 100 + (((SortedSet<string>)state).Count * 120);

    /// <inheritdoc />
    public override void WriteSnapshot(object state, ByteWriter writer)
    {
        var rewards = (SortedSet<string>)state;
        writer.Byte(1);
        writer.Count(rewards.Count);
        foreach (var reward in rewards)
        {
            writer.Text(reward);
        }
    }

    /// <inheritdoc />
    public override object? ReadSnapshot(string key, ReadOnlySpan<byte> bytes)
    {
        var reader = new ByteReader(bytes);
        if (reader.Byte() != 1)
        {
            return null;
        }

        var rewards = new SortedSet<string>(StringComparer.Ordinal);
        for (var count = reader.Count(); count > 0; count--)
        {
            rewards.Add(reader.Text()!);
        }

        return rewards;
    }

    /// <inheritdoc />
    public override void Post(ReadOnlySpan<byte> events, ILedgerSink ledger)
    {
    }
}
