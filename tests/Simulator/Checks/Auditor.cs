using Loyalty.Domain.Encoding;
using Loyalty.Domain.Ledger;
using Loyalty.Domain.Members;
using Loyalty.Domain.Programs;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Sales;
using Loyalty.Domain.Tests.Model;
using Loyalty.Runtime;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Loyalty.Simulator.Engine;
using Loyalty.Simulator.Store;

namespace Loyalty.Simulator.Checks;

/// <summary>How the books record a request.</summary>
/// <param name="Actor">By whom.</param>
/// <param name="Fingerprint">Of the request as recorded.</param>
/// <param name="Fact">The fact that records it, or the <see cref="RequestRefused"/>.</param>
/// <param name="Answer">What was noted as said.</param>
internal sealed record Recorded(ActorId Actor, UInt128 Fingerprint, object Fact, RequestAnswered? Answer);

/// <summary>
/// Reads what became durable, record by record in commit order, and holds it against everything that is promised: chains, ids, ledger, messages between actors, the slow model.
/// Knows the engine's codecs, nothing of its kernel's memory.
/// </summary>
internal sealed class Auditor
{
    private readonly World _world;
    private readonly SimulatedStore _store;
    private readonly Plan _plan;
    private readonly List<PlanVersion> _published = [];
    private readonly Dictionary<string, ActorKind> _kinds;
    private readonly Dictionary<ActorId, ActorState> _states = [];
    private readonly Dictionary<string, MemberAudit> _members = [];
    private readonly Dictionary<string, Recorded> _requests = [];
    private readonly Dictionary<RequestKey, long> _keys = [];
    private readonly Dictionary<AlternativeId, string> _cards = [];
    private readonly Dictionary<(ActorId Sender, ActorId Receiver), long> _received = [];
    private readonly Dictionary<ActorId, long> _raised = [];
    private readonly Dictionary<string, ActorId> _raisedKeyed = [];
    private readonly HashSet<string> _receivedKeyed = [];
    private readonly Dictionary<(string Purchase, string Sku), (decimal Quantity, long Amount)> _soldWithoutMember = [];
    private readonly Ledger _ledger = new();
    private int _read;

    public Auditor(World world, SimulatedStore store, Plan plan, PlanVersion[] versions)
    {
        (_world, _store, _plan) = (world, store, plan);
        Written.Add(versions[0]);
        _kinds = LoyaltyEngine.Kinds(new ProgramSource()).ToDictionary(kind => kind.Name, StringComparer.Ordinal);
    }

    /// <summary>Every request that was ever sent, by id: all contents that came with it.</summary>
    public Dictionary<string, List<Request>> Sent { get; } = [];

    /// <summary>Versions of the program that were ever sent.</summary>
    public List<PlanVersion> Written { get; } = [];

    /// <summary>Versions of the program in the books.</summary>
    public int Published => _published.Count;

    public IReadOnlyDictionary<string, Recorded> Requests => _requests;

    public IReadOnlyDictionary<ActorId, ActorState> States => _states;

    /// <summary>The state that the journal gives, or null for an actor that has no record.</summary>
    public ActorState? Find(ActorId actor) => _states.GetValueOrDefault(actor);

    /// <summary>The member as the journal has it.</summary>
    public MemberState? Member(string id) => Find(ActorIds.Member(id))?.Value as MemberState;

    /// <summary>Balances after a version, when that is one of the last few.</summary>
    public MemberAudit? AuditOf(string member) => _members.GetValueOrDefault(member);

    /// <summary>Reads what is new.</summary>
    public void CatchUp()
    {
        while (_read < _store.Records.Count && _world.Violation is null)
        {
            var stored = _store.Records[_read++];
            try
            {
                Read(stored);
            }
            catch (Exception e) when (e is JournalCorruptException or FormatException or InvalidOperationException or ArgumentException)
            {
                _world.Fail($"the record at {stored.Written.Position} of {stored.Written.Actor}: {e}");
            }
        }
    }

    /// <summary>The books as a whole: sums against the events, zero for each unit, members' balances against the account.</summary>
    public void CheckSums()
    {
        CatchUp();
        foreach (var (name, sum) in _ledger.Sums)
        {
            _world.Require(_store.Sums.GetValueOrDefault(name) == sum, $"the journal's sum of {name} is {_store.Sums.GetValueOrDefault(name)}; its events make {sum}");
        }

        foreach (var unit in _ledger.Sums.Select(sum => (Account: MeasureNames.ParseAccount(sum.Key), sum.Value)).Where(sum => sum.Account is not null).GroupBy(sum => sum.Account!.Value.Unit))
        {
            _world.Require(unit.Sum(account => account.Value) == 0, $"the accounts of {unit.Key} sum to {unit.Sum(account => account.Value)}");
            var inBooks = _states.Values.Select(state => state.Value).OfType<MemberState>().Sum(member => member.FindBook(unit.Key)?.Balance ?? 0);
            var account = unit.Where(account => account.Account!.Value.Account == Accounts.Member).Sum(account => account.Value);
            var held = _states.Values.Select(state => state.Value).OfType<MemberState>().Sum(member => member.Held(unit.Key));
            var heldAccount = unit.Where(account => account.Account!.Value.Account == Accounts.Held).Sum(account => account.Value);
            _world.Require(held == heldAccount, $"members hold {held} {unit.Key}; the account of holds says {heldAccount}");
            _world.Require(inBooks == account, $"members have {inBooks} {unit.Key}; their account says {account}");
        }
    }

    /// <summary>Everybody was woken.</summary>
    public void CheckNothingDue()
    {
        CatchUp();
        _plan.Versions = [.. _published];
        if (_published.Count > 1 && _published[^1].Units.Any(unit => unit.Expiry.Policy == "inactivity"))
        {
            // A new version that makes points lapse by inactivity reaches members with their next sale, question or wake-up (docs/ARCHITECTURE.md, "Known weaknesses").
            return;
        }

        foreach (var (id, audit) in _members)
        {
            if (Member(id) is { Status: not MemberStatus.Unknown } member)
            {
                audit.CheckNothingDue(_world.Clock.GetCurrentInstant(), member);
            }
        }
    }

    /// <summary>When everything is answered and delivered, a card belongs to the member that has it, and nobody else keeps it from others.</summary>
    /// <param name="readsAreFresh">False: with several processes a stale answer can keep a claim from being given back.</param>
    public void CheckCards(bool readsAreFresh)
    {
        foreach (var state in _states.Values)
        {
            if (readsAreFresh && state.Value is Domain.Directory.AlternativeIdEntry { Member: { } member })
            {
                var id = ActorIds.AlternativeIdOf(state.Id);
                _world.Require(Member(member)?.AlternativeIds.Contains(id) == true, $"{id.Value} is kept for {member}, who has it not");
            }
        }

        foreach (var (id, member) in _cards)
        {
            var entry = Find(ActorIds.Directory(id))?.Value as Domain.Directory.AlternativeIdEntry;
            _world.Require(entry?.Member == member, $"{member} has {id.Value}, which leads to {entry?.Member ?? "nobody"}");
        }
    }

    private void Read(StoredRecord stored)
    {
        var record = stored.Written;
        var kind = _kinds[record.Actor.Kind];
        if (!_states.TryGetValue(record.Actor, out var state))
        {
            _states[record.Actor] = state = ActorState.Empty(kind, record.Actor);
        }

        // Checks versions and chain.
        state.Apply(record);
        if (_world.Trace is { } trace)
        {
            trace.Add($"         durable: {record.Actor} version {record.LastVersion}{(state.Value is Domain.Directory.AlternativeIdEntry entry ? $", of {entry.Member ?? "nobody"} since {entry.ClaimedAt}" : "")}");
        }

        var events = ActorState.KindPart(record.Events.Span, out var kernelPart);
        kind.Post(events, _ledger);
        ReadMessages(record.Actor, kernelPart);
        switch (record.Actor.Kind)
        {
            case ActorIds.MemberKind:
                ReadMember(stored, state, MemberFacts.Of(record));
                break;
            case ActorIds.SalesKind:
                ReadSales(record, events);
                break;
            case ActorIds.ProgramKind:
                ReadProgram((List<ProgramDefinition>)state.Value);
                break;
        }
    }

    private void ReadProgram(List<ProgramDefinition> versions)
    {
        for (var i = _published.Count; i < versions.Count; i++)
        {
            var version = Written.Find(version => versions[i].Source.Span.SequenceEqual(version.ToJson(_plan.Zone)));
            if (version is null)
            {
                _world.Fail($"nobody published version {i + 1}");
                return;
            }

            _published.Add(version with { From = versions[i].EffectiveFrom });
        }
    }

    /// <summary>Messages between actors: raised in order, taken once, and never before they are durable at their sender.</summary>
    private void ReadMessages(ActorId actor, ReadOnlySpan<byte> entries)
    {
        var reader = new ByteReader(entries);
        while (!reader.AtEnd)
        {
            var id = Correspondence.ReadEntry(ref reader, out var raised, out _, out var received);
            if (raised is { } effect)
            {
                _world.Require(effect.Sequence == _raised.GetValueOrDefault(actor) + 1, $"{actor} raises effect {effect.Sequence} after {_raised.GetValueOrDefault(actor)}");
                _raised[actor] = effect.Sequence;
                if (effect.Id is not null)
                {
                    _raisedKeyed[effect.Id] = effect.Target;
                }
            }
            else if (received is { } last)
            {
                var before = _received.GetValueOrDefault((last.Sender, actor));
                _world.Require(last.Sequence > before, $"{actor} takes effect {last.Sequence} of {last.Sender} after {before}: twice, or out of order");
                _world.Require(last.Sequence <= _raised.GetValueOrDefault(last.Sender), $"{actor} takes effect {last.Sequence} of {last.Sender}, which is not durable at its sender");
                _received[(last.Sender, actor)] = last.Sequence;
            }
            else if (id is not null)
            {
                _world.Require(_raisedKeyed.TryGetValue(id, out var target) && target == actor, $"{actor} takes effect {id}, which is not durable at its sender");
                _world.Require(_receivedKeyed.Add(id), $"{actor} takes effect {id} twice");
            }
        }
    }

    private void ReadMember(StoredRecord stored, ActorState state, IReadOnlyList<MemberEvent> facts)
    {
        var actor = stored.Written.Actor;
        var answer = facts.OfType<RequestAnswered>().SingleOrDefault();
        foreach (var fact in facts)
        {
            switch (fact)
            {
                case PurchaseRecorded purchase:
                    Note(purchase.Purchase, actor, fact, answer);
                    break;
                case ReturnRecorded { Waited: false } returned:
                    Note(returned.Return, actor, fact, answer);
                    break;
                case ReturnWaits waits:
                    Note(waits.Return, actor, fact, answer);
                    break;
                case PointsAdjusted adjusted:
                    Note(adjusted.Adjustment, actor, fact, answer);
                    break;
                case RequestRefused refused:
                    Note(refused.RequestId, refused.Fingerprint, actor, fact, null);
                    break;
                case HoldOpened or HoldCommitted or HoldReleased or PointsRedeemed or RedemptionReversed when Spendings.RequestOf(fact) is { } request:
                    Note(request, actor, fact, answer);
                    break;
                case MemberEnrolled enrolled:
                    ChangeCards(actor.Key, enrolled.AlternativeIds);
                    break;
                case AlternativeIdsReplaced replaced:
                    ChangeCards(actor.Key, replaced.AlternativeIds);
                    break;
                case StatusChanged { Status: MemberStatus.Closed }:
                    ChangeCards(actor.Key, []);
                    break;
            }
        }

        // The model sees the versions that the deciding process knew.
        _plan.Versions = [.. _published.Take(stored.Programs)];
        if (!_members.TryGetValue(actor.Key, out var audit))
        {
            _members[actor.Key] = audit = new(_world, _plan, actor.Key);
        }

        audit.Play(stored.Written, facts, (MemberState)state.Value, this);
    }

    private void ReadSales(JournalRecord record, ReadOnlySpan<byte> events)
    {
        var reader = new ByteReader(events);
        while (!reader.AtEnd)
        {
            switch (SalesCodec.Read(ref reader))
            {
                case SaleCounted sale:
                    Note(sale.Purchase, record.Actor, sale, null);
                    foreach (var line in sale.Purchase.Lines)
                    {
                        var (quantity, amount) = _soldWithoutMember.GetValueOrDefault((sale.Purchase.Id, line.Sku));
                        _soldWithoutMember[(sale.Purchase.Id, line.Sku)] = (quantity + line.Quantity, amount + line.Amount);
                    }

                    break;
                case SaleReturned returned:
                    Note(returned.Return, record.Actor, returned, null);
                    foreach (var line in returned.After is null ? [] : returned.Return.Lines)
                    {
                        var (quantity, amount) = _soldWithoutMember.GetValueOrDefault((returned.Return.Purchase!, line.Sku));
                        _world.Require(line.Quantity <= quantity && line.Amount <= amount, $"more comes back of {returned.Return.Purchase} than was sold, with {returned.Return.Id}");
                        _soldWithoutMember[(returned.Return.Purchase!, line.Sku)] = (quantity - line.Quantity, amount - line.Amount);
                    }

                    break;
                case SaleRefused { Refused: var refused }:
                    Note(refused.RequestId, refused.Fingerprint, record.Actor, refused, null);
                    break;
            }
        }
    }

    private void Note(Request request, ActorId actor, object fact, RequestAnswered? answer) => Note(request.Id, Fingerprint.Of(request), actor, fact, answer);

    private void Note(string id, UInt128 fingerprint, ActorId actor, object fact, RequestAnswered? answer)
    {
        _world.Require(_requests.TryAdd(id, new(actor, fingerprint, fact, answer)), $"{id} is in the books twice: by {_requests[id].Actor} and by {actor}");
        _world.Require(
            Sent.TryGetValue(id, out var bodies) && bodies.Exists(body => Fingerprint.Of(body) == fingerprint), $"{actor} records {id} with contents that nobody sent");
    }

    /// <summary>At no moment do two members have the same card.</summary>
    private void ChangeCards(string member, IReadOnlyList<AlternativeId> ids)
    {
        foreach (var former in _cards.Where(card => card.Value == member).Select(card => card.Key).ToList())
        {
            _cards.Remove(former);
        }

        foreach (var id in ids)
        {
            if (_world.Require(!_cards.TryGetValue(id, out var other), $"{id.Value} is {other}'s and {member}'s"))
            {
                _cards[id] = member;
            }
        }
    }

    /// <summary>Accounts and counters as the events make them.</summary>
    private sealed class Ledger : ILedgerSink
    {
        public Dictionary<string, long> Sums { get; } = [];

        public void Post(string unit, string from, string to, long points)
        {
            Add(MeasureNames.Account(unit, from), -points);
            Add(MeasureNames.Account(unit, to), points);
        }

        public void Count(string counter, long delta) => Add(MeasureNames.Counter(counter), delta);

        private void Add(string name, long delta) => Sums[name] = Sums.GetValueOrDefault(name) + delta;
    }
}
