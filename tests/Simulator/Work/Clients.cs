using Loyalty.Domain.Requests;
using Loyalty.Runtime;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Loyalty.Simulator.Checks;
using Loyalty.Simulator.Engine;

namespace Loyalty.Simulator.Work;

/// <summary>
/// Tills, shops and people: send what they want over a network that loses and doubles, and ask again until they are told. Each answer is held against the books at the moment it is given.
/// </summary>
internal sealed partial class Clients(World world, Auditor auditor, Func<Faults> faults, Func<ActorId, SimulatedProcess?> route)
{
    private readonly List<Wish> _open = [];

    /// <summary>Wishes that were not answered yet.</summary>
    public int Open => _open.Count;

    /// <summary>Answers that clients got.</summary>
    public long Answered { get; private set; }

    /// <summary>The first of the open ones, for people.</summary>
    public string FirstOpen => _open.Count == 0 ? "" : _open[0].ToString();

    /// <summary>A client begins to want something.</summary>
    public void Start(Op op)
    {
        world.Note("op", op.Number);
        world.Trace?.Add("       " + op);
        var wish = new Wish(op);
        _open.Add(wish);
        if (op is RequestOp request)
        {
            var at = NodaTime.Instant.FromUnixTimeMilliseconds(world.Clock.NowMs + request.AtOffsetMs);
            wish.Bodies.Add(request.Make(at));
            if (request.OtherBody is { } other)
            {
                wish.Bodies.Add(other(at));
            }

            var bodies = auditor.Sent.TryGetValue(wish.Bodies[0].Id, out var known) ? known : auditor.Sent[wish.Bodies[0].Id] = [];
            bodies.AddRange(wish.Bodies);
            if (wish.Bodies.Count > 1)
            {
                // Somebody sends the same id with other contents; whichever comes first counts.
                world.Post(null, () => Deliver(wish, 1, isLast: true), world.Dice.Next(0, 200));
            }
        }

        Send(wish);
    }

    /// <summary>Sends it, once or twice, or it is lost on its way; asks again after a while unless an answer has come.</summary>
    private void Send(Wish wish)
    {
        if (wish.IsAboutCards && IsBusyWithCards(wish))
        {
            // docs/PROOF.md, "What is not promised": somebody who changes one member's cards twice at the same moment.
            world.Post(null, () => Send(wish), 20);
            return;
        }

        wish.Attempts++;
        var attempt = wish.Attempts;
        if (!world.Dice.Chance(faults().Lost))
        {
            world.Post(null, () => Deliver(wish, 0, isLast: false), world.Dice.Chance(faults().Slow) ? world.Dice.Next(5, 300) : 0);
        }

        if (!wish.IsAboutCards && world.Dice.Chance(faults().Doubled))
        {
            world.Post(null, () => Deliver(wish, 0, isLast: true), world.Dice.Next(0, 400));
        }

        world.Post(
            null,
            () =>
            {
                if (!wish.IsAnswered && wish.Attempts == attempt)
                {
                    Send(wish);
                }
            },
            2000);
    }

    private void AgainSoon(Wish wish)
    {
        if (wish.IsAnswered)
        {
            return;
        }

        wish.Attempts++;
        var attempt = wish.Attempts;
        world.Post(
            null,
            () =>
            {
                if (!wish.IsAnswered && wish.Attempts == attempt)
                {
                    Send(wish);
                }
            },
            world.Dice.Next(1, 60));
    }

    /// <summary>It reaches a process.</summary>
    private void Deliver(Wish wish, int body, bool isLast)
    {
        var process = route(TargetOf(wish, body));
        if (process is not { IsReady: true })
        {
            if (!isLast)
            {
                AgainSoon(wish);
            }

            return;
        }

        if (wish.Op is RequestOp)
        {
            Ask(wish, body, isLast, process);
        }
        else
        {
            _ = RunAsync(wish, isLast, process);
        }
    }

    private bool IsBusyWithCards(Wish wish)
    {
        var member = TargetOf(wish, 0);
        foreach (var other in _open)
        {
            if (other.IsAboutCards && TargetOf(other, 0) == member)
            {
                // In order, one at a time; one that runs in a living process is not sent again.
                return !ReferenceEquals(other, wish) || wish.RunsIn is { IsAlive: true };
            }
        }

        return false;
    }

    private static ActorId TargetOf(Wish wish, int body) => wish.Op switch
    {
        RequestOp => ActorIds.Member(wish.Bodies[body] switch { Purchase p => p.Member, Return r => r.Member, Adjustment a => a.Member, Spending s => s.Member, HoldCommit c => c.Member, HoldCancel c => c.Member, Reversal v => v.Member, _ => null } ?? "somebody"),
        EnrolOp op => ActorIds.Member(op.Member),
        ReplaceIdsOp op => ActorIds.Member(op.Member),
        StatusOp op => ActorIds.Member(op.Member),
        LookOp op => ActorIds.Member(op.Member),
        StatementOp op => ActorIds.Member(op.Member),
        FindOp op => ActorIds.Directory(op.Id),
        _ => ActorIds.Program,
    };

    private void Ask(Wish wish, int body, bool isLast, SimulatedProcess process)
    {
        var engine = process.Engine;
        switch (wish.Bodies[body])
        {
            case Purchase purchase:
                Give(new RecordPurchase(engine.TargetOf(purchase), purchase));
                break;
            case Adjustment adjustment:
                Give(new AdjustPoints(adjustment));
                break;
            case Hold hold:
                Give(new OpenHoldCommand(hold, null));
                break;
            case Redemption redemption:
                Give(new RedeemPoints(redemption, null));
                break;
            case HoldCommit commit:
                Give(new CommitHold(commit));
                break;
            case HoldCancel cancel:
                Give(new CancelHold(cancel));
                break;
            case Reversal reversal:
                Give(new ReverseRedemption(reversal));
                break;
            case Return request when !LoyaltyEngine.NeedsPurchase(request):
                Give(new RecordReturn(engine.TargetOf(request), request));
                break;
            case Return request:
                _ = FindAndGive(request);
                break;
        }

        void Give(RequestCommand command)
        {
            command.Observer = new Ear(this, wish, body, isLast, process);
            engine.Host.Send(command);
        }

        async Task FindAndGive(Return request)
        {
            try
            {
                Give(new RecordReturn(await engine.FindTargetAsync(request).ConfigureAwait(false), request));
            }
            catch (Exception e) when (e is JournalUnavailableException or JournalCorruptException)
            {
                Reply(wish, isLast, process, false);
            }
        }
    }

    /// <summary>The answer travels back; the connection may break before it has come.</summary>
    private void Reply(Wish wish, bool isLast, SimulatedProcess process, bool isFinal)
    {
        if (isLast)
        {
            return;
        }

        world.Post(null, () =>
        {
            if ((!process.IsAlive && world.Dice.Chance(0.5)) || world.Dice.Chance(faults().Lost))
            {
                return;
            }

            if (!isFinal)
            {
                AgainSoon(wish);
            }
            else if (!wish.IsAnswered)
            {
                wish.IsAnswered = true;
                Answered++;
                _open.Remove(wish);
            }
        });
    }

    private void OnCompleted(Wish wish, int body, bool isLast, SimulatedProcess process, RequestCommand command)
    {
        if (command.Status != CommandStatus.Done)
        {
            world.Note("not done", (long)command.Status);
            Reply(wish, isLast, process, false);
            return;
        }

        CheckOutcome(wish.Bodies[body], command.Outcome);
        Reply(wish, isLast, process, true);
    }

    /// <summary>At the moment of the answer the books say the same, durably.</summary>
    private void CheckOutcome(Request request, RequestOutcome outcome)
    {
        auditor.CatchUp();
        world.Note("answer", (long)outcome.Kind);
        var recorded = auditor.Requests.GetValueOrDefault(request.Id);
        var fingerprint = Fingerprint.Of(request);
        switch (outcome.Kind)
        {
            case OutcomeKind.UnknownMember or OutcomeKind.Unknown:
                world.Require(recorded is null || recorded.Fingerprint != fingerprint, $"{request.Id} was decided and is now of an unknown member");
                break;
            case OutcomeKind.Conflict:
                world.Require(recorded is not null && recorded.Fingerprint != fingerprint, $"{request.Id} is a conflict with {(recorded is null ? "nothing that is durable" : "itself")}");
                break;
            case OutcomeKind.Refused:
                world.Require(
                    recorded?.Fingerprint == fingerprint && recorded.Fact is Domain.Members.RequestRefused refused && refused.Refusal == outcome.Refusal,
                    $"{request.Id} is refused with {outcome.Refusal}; the books say {recorded?.Fact ?? "nothing durable"}");
                break;
            default:
                world.Require(
                    recorded?.Fingerprint == fingerprint && recorded.Fact is not Domain.Members.RequestRefused, $"{request.Id} is acknowledged; the books say {recorded?.Fact ?? "nothing durable"}");
                if (recorded is not null && world.Violation is null)
                {
                    var (said, stored) = (Saying.Of(outcome.Fact, outcome.Answer), Saying.Of(recorded.Fact, recorded.Answer));
                    world.Require(said == stored, $"{request.Id} is answered with {said}; the books say {stored}");
                }

                break;
        }
    }

    /// <summary>What one client wants.</summary>
    private sealed class Wish(Op op)
    {
        public Op Op { get; } = op;

        public List<Request> Bodies { get; } = [];

        public int Attempts { get; set; }

        public bool IsAnswered { get; set; }

        /// <summary>Claims and releases cards.</summary>
        public bool IsAboutCards => Op is EnrolOp or ReplaceIdsOp;

        /// <summary>Where it is being done now.</summary>
        public SimulatedProcess? RunsIn { get; set; }

        public override string ToString() => $"{Op} after {Attempts} attempts";
    }

    private sealed class Ear(Clients clients, Wish wish, int body, bool isLast, SimulatedProcess process) : ICommandObserver, IAtOnce
    {
        private bool _done;

        public void OnCompleted(Command command)
        {
            if (_done)
            {
                clients.Twice(wish);
                return;
            }

            _done = true;
            clients.OnCompleted(wish, body, isLast, process, (RequestCommand)command);
        }
    }

    private void Twice(Wish wish) => world.Fail($"one command is answered twice: {wish}");
}
