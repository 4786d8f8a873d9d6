using Loyalty.Runtime;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Microsoft.Extensions.Logging;

namespace Loyalty.Grains;

/// <summary>
/// Reaches actors as grains. In a silo, commands for actors of this silo go straight to them; sales for another silo travel together as one message. When a silo goes
/// while a request is under way, the request is sent again to whoever has the actor now: that is safe, since requests carry their identity and the other commands
/// come to the same however often they are sent.
/// </summary>
public sealed class OrleansHost : IActorHost
{
    /// <summary>
    /// How long a silo may take for an answer. What a gateway had under way over the connection to a silo that died ends with it. A silo that is only slow gets the request a
    /// second time, and answers both when the first is durable.
    /// </summary>
    public static readonly TimeSpan AnswerTimeout = TimeSpan.FromSeconds(4);

    /// <summary>How long is waited for a fresh list of silos before a request is sent again by the old one.</summary>
    private static readonly TimeSpan ListPatience = TimeSpan.FromMilliseconds(500);

    /// <summary>How long a request is sent again while silos fail.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <summary>How often a request is sent again that an actor answers with <see cref="CommandStatus.Unavailable"/>: its store may be down for long.</summary>
    public const int MaxUnavailable = 3;

    private readonly IGrainFactory _grains;
    private readonly ISiloList _silos;
    private readonly SiloActors? _local;
    private readonly SiloAddress? _here;
    private readonly ILogger _logger;
    private readonly Lock _gate = new();
    private readonly Dictionary<ActorId, List<Command>> _arriving = [];
    private int _arrivals;

    /// <param name="grains">Makes references.</param>
    /// <param name="silos">The silos.</param>
    /// <param name="local">The actors of this silo; null in a gateway of its own.</param>
    /// <param name="here">This silo; null in a gateway of its own.</param>
    /// <param name="logger">For failures.</param>
    public OrleansHost(IGrainFactory grains, ISiloList silos, SiloActors? local, SiloAddress? here, ILogger<OrleansHost> logger) =>
        (_grains, _silos, _local, _here, _logger) = (grains, silos, local, here, logger);

    /// <inheritdoc />
    public string Description
    {
        get
        {
            var silos = _silos.Map?.Silos.Count ?? 0;
            return $"Orleans, {silos} silo{(silos == 1 ? "" : "s")}{(_here is null ? ", gateway in a process of its own" : $", gateway in silo {_here}")}";
        }
    }

    /// <inheritdoc />
    public bool IsOrleans => true;

    /// <inheritdoc />
    public async ValueTask<IReadOnlyList<SiloFigures>> ReadFiguresAsync()
    {
        await _silos.RefreshAsync().ConfigureAwait(false);
        var asked = (_silos.Map?.Silos ?? []).Select(async silo =>
        {
            try
            {
                return await SiloOf(silo).ReadFigures().ConfigureAwait(false);
            }
            catch (Exception e) when (IsTransient(e))
            {
                return null;
            }
        });
        return [.. (await Task.WhenAll(asked).ConfigureAwait(false)).OfType<SiloFigures>()];
    }

    /// <inheritdoc />
    public void Send(Command command)
    {
        ArgumentNullException.ThrowIfNull(command);
        if (command is not (PublishProgram or ListCampaign) && IsMine(command.Target))
        {
            SendHere(command);
        }
        else
        {
            _ = CallAsync(command, Environment.TickCount64, 0);
        }
    }

    /// <inheritdoc />
    public void Send(ReadOnlySpan<Command> commands)
    {
        Dictionary<SiloAddress, List<RequestCommand>>? elsewhere = null;
        var map = _silos.Map;
        foreach (var command in commands)
        {
            if (map is not null && command is RecordPurchase { Explain: false } or RecordReturn && map.OwnerOf(command.Target) is var owner && !owner.Equals(_here))
            {
                elsewhere ??= [];
                if (!elsewhere.TryGetValue(owner, out var together))
                {
                    elsewhere[owner] = together = [];
                }

                together.Add((RequestCommand)command);
            }
            else
            {
                Send(command);
            }
        }

        foreach (var (silo, together) in elsewhere ?? [])
        {
            _ = SendBatchAsync(silo, [.. together], Environment.TickCount64, 0);
        }
    }

    /// <summary>Sends commands to their grains without going through another silo's <see cref="ISiloGrain"/>, and ends when all have.</summary>
    internal Task AskGrainsAsync(Command[] commands)
    {
        var waiter = new Waiter(commands.Length);
        foreach (var command in commands)
        {
            command.Observer = waiter;
        }

        foreach (var command in commands)
        {
            SendHere(command);
        }

        return commands.Length == 0 ? Task.CompletedTask : waiter.Task;
    }

    private bool IsMine(ActorId actor) => _local is not null && (_silos.Map is not { } map || map.OwnerOf(actor).Equals(_here));

    /// <summary>
    /// Hands a command to an actor of this silo. One that is not in memory is brought there by a call through Orleans; what is sent to it meanwhile waits behind it,
    /// so that commands of one sender keep their order. If it turns out to live elsewhere, they are called there.
    /// </summary>
    private void SendHere(Command command)
    {
        if (Volatile.Read(ref _arrivals) == 0 && _local!.TrySend(command))
        {
            return;
        }

        lock (_gate)
        {
            if (_arriving.TryGetValue(command.Target, out var waiting))
            {
                waiting.Add(command);
                return;
            }

            if (_local!.TrySend(command))
            {
                return;
            }

            _arriving[command.Target] = [command];
            Interlocked.Increment(ref _arrivals);
        }

        _ = ArriveAsync(command.Target);
    }

    private async Task ArriveAsync(ActorId actor)
    {
        string? problem = null;
        var started = Environment.TickCount64;
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                await _grains.GetGrain<IActorGrain>(GrainTypes.Of(actor)).Touch().ConfigureAwait(false);
                break;
            }
            catch (Exception e) when (!IsTransient(e) || Environment.TickCount64 - started > Patience.TotalMilliseconds || attempt >= MaxUnavailable)
            {
                _logger.LogWarning(e, "{Actor} cannot be brought to memory", actor);
                problem = "the actor cannot be brought to memory; send the same request again";
                break;
            }
            catch (Exception)
            {
                await Task.Delay(DelayOf(attempt)).ConfigureAwait(false);
            }
        }

        List<Command> waiting;
        List<Command>? elsewhere = null;
        lock (_gate)
        {
            _arriving.Remove(actor, out waiting!);
            Interlocked.Decrement(ref _arrivals);
            foreach (var command in waiting)
            {
                if (problem is null && (elsewhere is not null || !_local!.TrySend(command)))
                {
                    (elsewhere ??= []).Add(command);
                }
            }
        }

        if (problem is not null)
        {
            waiting.ForEach(command => command.Complete(CommandStatus.Unavailable, problem));
        }

        elsewhere?.ForEach(command => _ = CallAsync(command, started, 0));
    }

    private async Task SendBatchAsync(SiloAddress silo, RequestCommand[] commands, long started, int attempt)
    {
        var again = new List<RequestCommand>();
        try
        {
            var batch = new SaleBatch([.. commands.Select(command => new SaleEntry(
                command.Target, (command as RecordPurchase)?.Purchase, (command as RecordReturn)?.Return))]);
            var answers = (await SiloOf(silo).Record(batch).ConfigureAwait(false)).Answers;
            for (var i = 0; i < commands.Length; i++)
            {
                if (answers[i].Status == CommandStatus.Unavailable && attempt < MaxUnavailable)
                {
                    again.Add(commands[i]);
                }
                else
                {
                    End(commands[i], answers[i]);
                }
            }
        }
        catch (Exception e)
        {
            if (IsOver(e, started))
            {
                _logger.LogWarning(e, "A batch of {Count} for silo {Silo} failed", commands.Length, silo);
                foreach (var command in commands)
                {
                    command.Complete(CommandStatus.Unavailable, "the silo did not answer; send the same request again");
                }

                return;
            }

            again.AddRange(commands);
        }

        if (again.Count == 0)
        {
            return;
        }

        await WaitAsync(attempt).ConfigureAwait(false);
        foreach (var together in again.GroupBy(command => _silos.Map?.OwnerOf(command.Target) ?? silo))
        {
            _ = together.Key.Equals(_here)
                ? Task.Run(() => Send([.. together]))
                : SendBatchAsync(together.Key, [.. together], started, attempt + 1);
        }
    }

    private async Task CallAsync(Command command, long started, int attempt)
    {
        while (true)
        {
            try
            {
                await CallAsync(command, attempt < MaxUnavailable).ConfigureAwait(false);
                if (command.Status != CommandStatus.Pending)
                {
                    return;
                }
            }
            catch (Exception e) when (IsOver(e, started))
            {
                _logger.LogWarning(e, "{Command} for {Actor} failed", command.GetType().Name, command.Target);
                command.Complete(CommandStatus.Unavailable, "the cluster did not answer; send the same request again");
                return;
            }
            catch (Exception)
            {
                // Again, below.
            }

            await WaitAsync(attempt++).ConfigureAwait(false);
        }
    }

    /// <summary>Calls the grain's method. Afterwards the command has ended, unless the answer was that it should come again and it may.</summary>
    private Task CallAsync(Command command, bool mayComeAgain)
    {
        var (id, isMember) = (GrainTypes.Of(command.Target), command.Target.Kind == ActorIds.MemberKind);
        return command switch
        {
            RecordPurchase { Explain: true } it when isMember => Take(Member().ExplainPurchase(it.Purchase)),
            RecordActivity it => Take(Member().RecordActivity(it.Activity, it.Explain)),
            QuotePurchase it => Take(Member().Quote(it.Purchase, it.Explain)),
            SetAttributes it => Take(Member().SetAttributes(it.Attributes)),
            GetMemberCampaigns => Take(Member().GetCampaigns()),
            RecordPurchase it when isMember => Take(Member().RecordPurchase(it.Purchase)),
            RecordPurchase it => Take(Sales().RecordPurchase(it.Purchase)),
            RecordReturn it when isMember => Take(Member().RecordReturn(it.Return)),
            RecordReturn it => Take(Sales().RecordReturn(it.Return)),
            AdjustPoints it => Take(Member().AdjustPoints(it.Adjustment)),
            ImportMember it => Take(Member().Import(it.Import)),
            EnrolMember it => Take(Member().Enrol(it.Enrolment)),
            ChangeStatus it => Take(Member().ChangeStatus(it.NewStatus, it.Reason, it.Author)),
            ReplaceAlternativeIds it => Take(Member().ReplaceAlternativeIds(it.AlternativeIds)),
            GetMember => Take(Member().Get()),
            OpenHoldCommand it => Take(Member().OpenHold(it.Hold, it.Reward)),
            RedeemPoints it => Take(Member().RedeemPoints(it.Redemption, it.Reward)),
            CommitHold it => Take(Member().CommitHold(it.Commit)),
            CancelHold it => Take(Member().CancelHold(it.Cancel)),
            ReverseRedemption it => Take(Member().ReverseRedemption(it.Reversal)),
            GetHold it => Take(Member().GetHold(it.Hold)),
            ListHolds => Take(Member().ListHolds()),
            TransferPoints it => Take(Member().TransferPoints(it.Transfer)),
            GetTransfer it => Take(Member().GetTransfer(it.Transfer)),
            AskHousehold it => Take(Member().AskHousehold(it.Ask)),
            GetHouseholdAsk it => Take(Member().GetHouseholdAsk(it.Ask)),
            GetHousehold => Take(_grains.GetGrain<IHouseholdGrain>(id).Get()),
            PutReward it => Take(Reward().Put(it.Definition)),
            WithdrawReward it => Take(Reward().Withdraw(it.Reason, it.Author)),
            GetReward => Take(Reward().Get()),
            ChangeStock it => Take(Reward().ChangeStock(it.Change)),
            AddReward it => Take(Rewards().Add(it.Reward)),
            ListRewards => Take(Rewards().List()),
            ClaimAlternativeId it => Take(Directory().Claim(it.Member, it.MemberVersion)),
            ReleaseAlternativeId it => Take(Directory().Release(it.Member, it.MemberVersion)),
            FindMember => Take(Directory().Find()),
            PublishProgram it => Take(Programs().Publish(it.Json, it.OnlyIfNone), TellSilosAsync),
            GetPrograms => Take(Programs().Get()),
            SaveCampaignDraft it => Take(Campaign().SaveDraft(it.Json, it.Author)),
            ApproveCampaign it => Take(Campaign().Approve(it.Author)),
            PublishCampaign it => Take(Campaign().Publish(it.Author)),
            SetCampaignStatus it => Take(Campaign().SetStatus(it.NewStatus, it.Author, it.Reason)),
            GetCampaign => Take(Campaign().Get()),
            GetBudget it => Take(Campaign().GetBudget(it.Store, WireDays.Number(it.Day))),
            ChangeLease it => Take(Campaign().ChangeLease(it.Purse, it.Holder, it.Message)),
            ReportLeases it => Take(Campaign().ReportLeases(it.Holder, it.Reports)),
            SettleLease it => Take(Campaign().SettleLease(it.Lease, it.Spent, it.UnusedSlots)),
            ListCampaign it => Take(Campaigns().List(it.Entry), TellSilosAsync),
            GetCampaigns => Take(Campaigns().Get()),
            AdvanceBoard it => Take(Board().Advance(it.Batch)),
            GetBoard => Take(Board().Get()),
            AdvanceFeed it => Take(Feed().Advance(it.Progress)),
            GetFeed => Take(Feed().Get()),
            StepCommand it when isMember => Take(Member().DoStep(ExchangeService.Message(it.Step))),
            StepCommand it => Take(Pool().DoStep(ExchangeService.Message(it.Step))),
            PublishPool it => Take(Pool().Publish(it.Json)),
            GetPool => Take(Pool().Get()),
            FundPool it => Take(Pool().Fund(it.Funding)),
            StartExchange it => Take(Exchange().Start(it.Exchange, it.Shards)),
            GetExchange => Take(Exchange().Get()),
            ResolveExchange it => Take(Exchange().Resolve(it.Resolution, it.Reason, it.Author, it.Reference)),
            VoucherCommand { Target.Kind: VoucherActors.BatchKind } it => Take(_grains.GetGrain<IVoucherBatchGrain>(id).Decide(VoucherForms.Of(it.Voucher), it.Secret)),
            VoucherCommand { Target.Kind: VoucherActors.BookKind } it => Take(_grains.GetGrain<IVoucherBookGrain>(id).Decide(VoucherForms.Of(it.Voucher), it.Terms!)),
            VoucherCommand it => Take(_grains.GetGrain<IVoucherStoreGrain>(id).Decide(VoucherForms.Of(it.Voucher))),
            GetVoucherBatch => Take(_grains.GetGrain<IVoucherBatchGrain>(id).Get()),
            GetVoucher it => Take(_grains.GetGrain<IVoucherBookGrain>(id).Get(it.Voucher.Serial, it.Terms)),
            GetVoucherStore => Take(_grains.GetGrain<IVoucherStoreGrain>(id).Get()),
            WakeCommand => Take(Actor().Wake()),
            SnapshotCommand => Take(Actor().TakeSnapshot()),
            EffectCommand { RequestId: { } keyed } it => Take(Actor().DeliverKeyed(it.Sender, it.Sequence, it.Message, keyed)),
            EffectCommand it => Take(Actor().Deliver(it.Sender, it.Sequence, it.Message)),
            _ => throw new InvalidOperationException($"grains do not understand {command.GetType().Name}"),
        };

        IActorGrain Actor() => _grains.GetGrain<IActorGrain>(id);
        IMemberGrain Member() => _grains.GetGrain<IMemberGrain>(id);
        ISalesGrain Sales() => _grains.GetGrain<ISalesGrain>(id);
        IDirectoryGrain Directory() => _grains.GetGrain<IDirectoryGrain>(id);
        IProgramGrain Programs() => _grains.GetGrain<IProgramGrain>(id);
        IRewardGrain Reward() => _grains.GetGrain<IRewardGrain>(id);
        IRewardsGrain Rewards() => _grains.GetGrain<IRewardsGrain>(id);
        ICampaignGrain Campaign() => _grains.GetGrain<ICampaignGrain>(id);
        IBoardGrain Board() => _grains.GetGrain<IBoardGrain>(id);
        ICampaignsGrain Campaigns() => _grains.GetGrain<ICampaignsGrain>(id);
        IFeedGrain Feed() => _grains.GetGrain<IFeedGrain>(id);
        IExchangePoolGrain Pool() => _grains.GetGrain<IExchangePoolGrain>(id);
        IExchangeGrain Exchange() => _grains.GetGrain<IExchangeGrain>(id);

        async Task Take<T>(ValueTask<Answer<T>> call, Func<Task>? then = null)
        {
            var answer = await call.ConfigureAwait(false);
            if (answer.Status == CommandStatus.Unavailable && mayComeAgain)
            {
                return;
            }

            if (answer.Status == CommandStatus.Done && then is not null)
            {
                await then().ConfigureAwait(false);
            }

            End(command, answer);
        }
    }

    /// <summary>A new version is in force on every silo that answers before its publisher is told; the others read it when they next look.</summary>
    private Task TellSilosAsync() => Task.WhenAll((_silos.Map?.Silos ?? []).Select(async silo =>
    {
        try
        {
            await SiloOf(silo).RefreshProgram().ConfigureAwait(false);
        }
        catch (Exception e) when (IsTransient(e))
        {
            _logger.LogWarning(e, "Silo {Silo} was not told of a new version of the program or a campaign", silo);
        }
    }));

    /// <summary>Before a request is sent again: a pause, and a look who is there now.</summary>
    private async Task WaitAsync(int attempt)
    {
        await Task.Delay(DelayOf(attempt)).ConfigureAwait(false);
        await Task.WhenAny(_silos.RefreshAsync().AsTask(), Task.Delay(ListPatience)).ConfigureAwait(false);
    }

    private ISiloGrain SiloOf(SiloAddress silo) => _grains.GetGrain<ISiloGrain>(silo.ToParsableString());

    private static void End<T>(Command command, Answer<T> answer)
    {
        command.Reply = answer.Reply;
        command.Complete(answer.Status, answer.Problem);
    }

    /// <summary>Failures of silos and connections, not of the engine.</summary>
    private static bool IsTransient(Exception e) => e is OrleansException or TimeoutException or OperationCanceledException or IOException;

    private static bool IsOver(Exception e, long started) => !IsTransient(e) || Environment.TickCount64 - started > Patience.TotalMilliseconds;

    private static TimeSpan DelayOf(int attempt) => TimeSpan.FromMilliseconds(Math.Min(1000, 20 << Math.Min(attempt, 6)));

    private sealed class Waiter(int count) : TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously), ICommandObserver
    {
        private int _left = count;

        public void OnCompleted(Command command)
        {
            if (Interlocked.Decrement(ref _left) == 0)
            {
                SetResult();
            }
        }
    }
}
