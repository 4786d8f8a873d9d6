using Loyalty.Domain.Households;
using Loyalty.Domain.Ledger;
using Loyalty.Domain.Members;
using Loyalty.Domain.Programs;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Validation;
using NodaTime;
using Xunit;

namespace Loyalty.Domain.Tests.Properties;

/// <summary>Members and a household who send each other points, with messages that take any time and come in any order that one sender's order allows. After each step the books say where every point is.</summary>
public class PointsTravel
{
    private const string Program = """
        {
          "name": "Test", "currency": "GBP", "timeZone": "Europe/London",
          "units": [ { "id": "points", "expiry": { "policy": "rolling", "days": 40 } } ],
          "earn": [ { "unit": "points", "points": 1, "per": 100 } ],
          "transfers": { "units": [ { "unit": "points", "perDay": 500, "fee": 3 } ] },
          "households": { "spend": "all" }
        }
        """;

    [Fact]
    public void At_every_step_what_all_have_and_what_travels_is_what_the_books_say()
    {
        for (var seed = 0; seed < 60; seed++)
        {
            new World(seed).Run(250);
        }
    }

    private sealed class World : ILedgerSink
    {
        private static readonly string[] Names = ["anna", "ben", "carl", "dora"];

        private readonly Random _random;
        private readonly int _seed;
        private readonly ProgramCatalog _programs;
        private readonly MemberState[] _members = [.. Names.Select(name => new MemberState(name))];
        private readonly HouseholdState _household = new();
        private readonly Queue<(string To, long Points, Action Do)>[] _outboxes = [.. Names.Append("H7").Select(_ => new Queue<(string, long, Action)>())];
        private readonly Dictionary<string, long> _sums = [];
        private Instant _now = Instant.FromUtc(2026, 3, 1, 12, 0);
        private int _ids;

        public World(int seed)
        {
            (_seed, _random) = (seed, new(seed));
            var errors = new List<FieldError>();
            _programs = new([ProgramParser.Parse(System.Text.Encoding.UTF8.GetBytes(Program), 1, Instant.MinValue, null, errors) ?? throw new InvalidOperationException(errors[0].Message)]);
        }

        public void Run(int steps)
        {
            for (var step = 0; step < steps; step++)
            {
                var outbox = _outboxes[_random.Next(_outboxes.Length)];
                if (outbox.Count > 0 && _random.Next(2) == 0)
                {
                    outbox.Dequeue().Do();
                }
                else
                {
                    Act(_random.Next(_members.Length));
                }

                Check(step);
            }

            while (Array.Find(_outboxes, outbox => outbox.Count > 0) is { } left)
            {
                left.Dequeue().Do();
            }

            Check(steps);
            Assert.Equal(0, _sums.GetValueOrDefault(Accounts.InTransit));
            Assert.All(_members, member => Assert.True(member.HouseholdAsks.Count == 0 && member.Transfers is not { Open.Count: > 0 }));
        }

        public void Post(string unit, string from, string to, long points)
        {
            _sums[from] = _sums.GetValueOrDefault(from) - points;
            _sums[to] = _sums.GetValueOrDefault(to) + points;
        }

        public void Count(string counter, long delta)
        {
        }

        private void Act(int who)
        {
            var id = $"r{++_ids}";
            var name = Names[who];
            var ask = new HouseholdRequest { Id = id, Ask = HouseholdAsk.Join, Member = name, Household = "H7" };
            var what = _random.Next(9);
            if (_members[who].Status == MemberStatus.Unknown)
            {
                // Only a purchase enrols; all else of somebody unknown decides nothing.
                what = 2;
            }

            switch (what)
            {
                case 0:
                    _now += Duration.FromHours(_random.Next(60));
                    break;
                case 1:
                    Member(who, decider => decider.SetStatus(_random.Next(4) == 0 ? MemberStatus.Blocked : MemberStatus.Active, "r", "a"));
                    break;
                case 2 or 3:
                    Member(who, decider => decider.Record(new Purchase
                    {
                        Id = id, Member = name, Store = "s", At = _now, Currency = "GBP", Lines = [new("tea", null, null, 1, _random.Next(1, 900_00))],
                    }));
                    break;
                case 4 or 5:
                    Member(who, decider => decider.Record(new Transfer { Id = id, From = name, To = Names[_random.Next(Names.Length)], Unit = "points", Points = _random.Next(1, 400) }));
                    break;
                case 6:
                    Member(who, decider => decider.Record(ask with { Role = (HouseholdRole)_random.Next(3), Share = _random.Next(101) }));
                    break;
                case 7:
                    Member(who, decider => decider.Record(ask with { Ask = _random.Next(2) == 0 ? HouseholdAsk.Contribute : HouseholdAsk.Withdraw, Unit = "points", Points = _random.Next(1, 300) }));
                    break;
                default:
                    Member(who, decider => decider.Record(ask with { Ask = HouseholdAsk.Leave }));
                    break;
            }
        }

        private void Member(int who, Func<MemberDecider, Refusal?> decide)
        {
            var raised = new List<MemberEvent>();
            decide(new MemberDecider(_members[who], new(_now, _programs), raised));
            foreach (var fact in raised)
            {
                MemberLedger.Post(fact, this);
                switch (fact)
                {
                    case TransferSent e:
                        Send(who, e.Transfer.To, e.Transfer.Points, () => Arrive(e));
                        break;
                    case HouseholdAsked e:
                        Send(who, "H7", Lot.Sum(e.Lots), () => Household(who, decider => decider.Decide(e.Request, e.Lots, e.Debts), e));
                        break;
                    case EarningsShared e:
                        Send(who, "H7", Lot.Sum(e.Lots), () => Household(who, decider => decider.Fill(Names[who], e.Unit, e.Lots), null));
                        break;
                }
            }
        }

        private void Arrive(TransferSent sent)
        {
            var (from, to) = (Array.IndexOf(Names, sent.Transfer.From), Array.IndexOf(Names, sent.Transfer.To));
            Refusal? refusal = null;
            Member(to, decider => refusal = decider.Receive(sent.Transfer, sent.Sent));
            Send(to, sent.Transfer.From, refusal is null ? 0 : sent.Transfer.Points, () => Member(from, decider =>
            {
                decider.EndTransfer(sent.Transfer.Id, refusal);
                return null;
            }));
        }

        private void Household(int who, Func<HouseholdDecider, HouseholdAnswer> decide, HouseholdAsked? asked)
        {
            var raised = new List<HouseholdEvent>();
            var answer = decide(new(_household, new(_now, _programs), raised));
            raised.ForEach(fact => HouseholdState.Post(fact, this));
            if (asked is not null)
            {
                var points = answer.Paid.Sum(paid => Lot.Sum(paid.Lots)) + (answer.Refusal is null ? 0 : Lot.Sum(asked.Lots));
                Send(Names.Length, Names[who], points, () => Member(who, decider =>
                {
                    decider.EndHouseholdAsk(asked.Request.Id, answer);
                    return null;
                }));
            }
        }

        private void Send(int from, string to, long points, Action act) => _outboxes[from].Enqueue((to, points, act));

        private void Check(int step)
        {
            var where = $"seed {_seed}, step {step}";
            Assert.True(_sums.Values.Sum() == 0, where);
            Assert.True(_sums.GetValueOrDefault(Accounts.Member) == _members.Sum(member => member.FindBook("points")?.Balance ?? 0), $"{where}: members");
            Assert.True(_sums.GetValueOrDefault(Accounts.Household) == _household.Pool.Sum(book => book.InLots), $"{where}: pool");
            Assert.True(_sums.GetValueOrDefault(Accounts.InTransit) == _outboxes.Sum(outbox => outbox.Sum(message => message.Points)), $"{where}: in transit");
            foreach (var member in _members)
            {
                Assert.True(RealMember.SnapshotOf(MemberCodec.ReadSnapshot(member.Id, RealMember.SnapshotOf(member))!).SequenceEqual(RealMember.SnapshotOf(member)), $"{where}: snapshot");
            }
        }
    }
}
