using Loyalty.Domain.Directory;
using Loyalty.Domain.Encoding;
using Loyalty.Domain.Ledger;
using Loyalty.Domain.Members;
using Loyalty.Domain.Programs;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Sales;
using Loyalty.Domain.Validation;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using NodaTime;

namespace Loyalty.Runtime.Loyalty;

/// <summary>Anonymous sales of a store's day as actors.</summary>
public sealed class SalesKind(ProgramSource programs) : ActorKind
{
    /// <inheritdoc />
    public override string Name => ActorIds.SalesKind;

    /// <inheritdoc />
    public override object Create(string key) => new SalesDay();

    /// <inheritdoc />
    public override void Apply(object state, ReadOnlySpan<byte> events)
    {
        var reader = new ByteReader(events);
        while (!reader.AtEnd)
        {
            ((SalesDay)state).Apply(SalesCodec.Read(ref reader));
        }
    }

    /// <inheritdoc />
    public override void Decide(object state, Command command, Turn turn)
    {
        if (command is not RequestCommand request)
        {
            return;
        }

        var day = (SalesDay)state;
        var context = programs.ContextOf(turn);
        var raised = new List<SalesEvent>(1);
        Refusal? refusal;
        switch (request)
        {
            case RecordPurchase purchase:
                refusal = day.Record(purchase.Purchase, context, raised);
                break;
            case RecordReturn returned:
                var recalled = Recalls.Of(returned, command.Target);
                refusal = recalled.Found == RecallResult.NoPurchase
                    ? new("no-purchase", "purchase", $"{returned.Return.Purchase} was refused or is no purchase: there is nothing to return")
                    : recalled.Found == RecallResult.Foreign
                        ? new("foreign-purchase", "purchase", $"purchase {returned.Return.Purchase} is not recorded here; send the return with its member")
                        : day.Record(returned.Return, recalled.State, context, raised);
                break;
            default:
                throw new InvalidOperationException($"sales do not understand {command.GetType().Name}");
        }

        turn.AddKey(KeyScopes.Request, request.Request.Id, unique: true);
        if (refusal is not null)
        {
            day.Refuse(request.Request.Id, Fingerprint.Of(request.Request), refusal, raised);
        }

        foreach (var fact in raised)
        {
            if (fact is SaleReturned { After: { } after })
            {
                turn.AddKey(KeyScopes.Left, after.Id, unique: false);
            }

            SalesCodec.Write(turn.Events, fact);
            SalesDay.Post(fact, turn);
        }

        turn.EventCount += raised.Count;
        command.Reply = new RequestOutcome(
            refusal is null ? OutcomeKind.Recorded : OutcomeKind.Refused, refusal is null ? raised[^1] : null, null, refusal, false);
    }

    /// <inheritdoc />
    public override bool Replay(Command command, ActorId actor, ReadOnlySpan<byte> events)
    {
        object? fact = null;
        Request? recorded = null;
        RequestRefused? refused = null;
        var reader = new ByteReader(events);
        while (!reader.AtEnd)
        {
            var stored = SalesCodec.Read(ref reader);
            Request? request = stored switch { SaleCounted e => e.Purchase, SaleReturned e => e.Return, _ => null };
            if (request?.Id == command.RequestId)
            {
                (fact, recorded) = (stored, request);
            }

            refused = stored is SaleRefused r && r.Refused.RequestId == command.RequestId ? r.Refused : refused;
        }

        command.Reply = Outcomes.Replay((RequestCommand)command, actor, fact, recorded, refused, null);
        return command.Reply is not null;
    }

    /// <inheritdoc />
    public override int EstimateBytes(object state) => 100;

    /// <inheritdoc />
    public override void WriteSnapshot(object state, ByteWriter writer)
    {
        writer.Byte(1);
        ((SalesDay)state).Write(writer);
    }

    /// <inheritdoc />
    public override object? ReadSnapshot(string key, ReadOnlySpan<byte> bytes)
    {
        var reader = new ByteReader(bytes);
        return reader.Byte() == 1 ? SalesDay.Read(ref reader) : null;
    }

    /// <inheritdoc />
    public override IReadOnlyList<object> ReadFacts(ReadOnlySpan<byte> events)
    {
        var facts = new List<object>();
        var reader = new ByteReader(events);
        while (!reader.AtEnd)
        {
            facts.Add(SalesCodec.Read(ref reader));
        }

        return facts;
    }

    /// <inheritdoc />
    public override void Post(ReadOnlySpan<byte> events, ILedgerSink ledger)
    {
        var reader = new ByteReader(events);
        while (!reader.AtEnd)
        {
            SalesDay.Post(SalesCodec.Read(ref reader), ledger);
        }
    }
}

/// <summary>Alternative ids as actors.</summary>
public sealed class DirectoryKind : ActorKind
{
    /// <inheritdoc />
    public override string Name => ActorIds.DirectoryKind;

    /// <summary>The effect by which a member gives an alternative id back.</summary>
    public static byte[] ReleaseMessage(string member, long memberVersion)
    {
        var writer = new ByteWriter();
        writer.Text(member);
        writer.VarInt(memberVersion);
        return writer.Written.ToArray();
    }

    /// <inheritdoc />
    public override object Create(string key) => new AlternativeIdEntry();

    /// <inheritdoc />
    public override void Apply(object state, ReadOnlySpan<byte> events)
    {
        var reader = new ByteReader(events);
        while (!reader.AtEnd)
        {
            ((AlternativeIdEntry)state).Apply(DirectoryEvent.Read(ref reader));
        }
    }

    /// <inheritdoc />
    public override void Decide(object state, Command command, Turn turn)
    {
        var entry = (AlternativeIdEntry)state;
        var raised = new List<DirectoryEvent>(1);
        switch (command)
        {
            case ClaimAlternativeId claim:
                command.Reply = entry.Claim(claim.Member, claim.MemberVersion, raised);
                break;
            case ReleaseAlternativeId release:
                entry.Release(release.Member, release.MemberVersion, raised);
                break;
            case EffectCommand effect:
                var message = new ByteReader(effect.Message.Span);
                entry.Release(message.Text()!, message.VarInt(), raised);
                break;
            case FindMember:
                command.Reply = entry.Member;
                break;
        }

        foreach (var fact in raised)
        {
            fact.Write(turn.Events);
            turn.EventCount++;
        }
    }

    /// <inheritdoc />
    public override bool Replay(Command command, ActorId actor, ReadOnlySpan<byte> events) => false;

    /// <inheritdoc />
    public override int EstimateBytes(object state) => 100;

    /// <inheritdoc />
    public override void WriteSnapshot(object state, ByteWriter writer)
    {
        writer.Byte(2);
        writer.Text(((AlternativeIdEntry)state).Member);
        writer.VarInt(((AlternativeIdEntry)state).ClaimedAt);
    }

    /// <inheritdoc />
    public override object? ReadSnapshot(string key, ReadOnlySpan<byte> bytes)
    {
        var reader = new ByteReader(bytes);
        var schema = reader.Byte();
        if (schema is not (1 or 2))
        {
            return null;
        }

        var entry = new AlternativeIdEntry();
        if (reader.Text() is { } member)
        {
            entry.Apply(new(member, IsClaim: true, schema == 1 ? 0 : reader.VarInt()));
        }

        return entry;
    }

    /// <inheritdoc />
    public override void Post(ReadOnlySpan<byte> events, ILedgerSink ledger)
    {
    }
}

/// <summary>The program's versions as an actor.</summary>
public sealed class ProgramKind : ActorKind
{
    /// <summary>The program's versions as they stand in the books, whoever may be changing them; empty in new books.</summary>
    /// <exception cref="JournalUnavailableException">The store cannot be read now.</exception>
    public static async Task<IReadOnlyList<ProgramDefinition>> ReadAsync(IJournal journal)
    {
        ArgumentNullException.ThrowIfNull(journal);
        var loaded = await journal.LoadAsync(ActorIds.Program).ConfigureAwait(false);
        return (List<ProgramDefinition>)ActorState.Of(new ProgramKind(), ActorIds.Program, loaded).Value;
    }

    /// <inheritdoc />
    public override string Name => ActorIds.ProgramKind;

    /// <inheritdoc />
    public override object Create(string key) => new List<ProgramDefinition>();

    /// <inheritdoc />
    public override void Apply(object state, ReadOnlySpan<byte> events)
    {
        var reader = new ByteReader(events);
        while (!reader.AtEnd)
        {
            var (kind, schema) = (reader.Byte(), reader.Byte());
            if ((kind, schema) != (1, 1))
            {
                throw new FormatException($"program event type {kind} with schema version {schema} is not known: a newer engine wrote it");
            }

            Add((List<ProgramDefinition>)state, ref reader);
        }
    }

    /// <inheritdoc />
    public override void Decide(object state, Command command, Turn turn)
    {
        var versions = (List<ProgramDefinition>)state;
        if (command is not PublishProgram publish || (publish.OnlyIfNone && versions.Count > 0))
        {
            command.Reply = new PublishReply([.. versions], []);
            return;
        }

        var latest = versions.LastOrDefault();
        if (latest is not null && latest.Source.Span.SequenceEqual(publish.Json.Span))
        {
            command.Reply = new PublishReply([.. versions], []);
            return;
        }

        var errors = new List<FieldError>();
        var program = ProgramParser.Parse(publish.Json, versions.Count + 1, turn.Now, latest, errors);
        if (program is not null && latest is not null && program.EffectiveFrom < turn.Now)
        {
            errors.Add(new("effectiveFrom", $"is {program.EffectiveFrom}, which is past; sales were judged by version {latest.Version} since. A later time is needed, or none (now)"));
        }

        if (versions.Count >= 10_000)
        {
            errors.Add(new("", "10,000 versions exist; no more are kept"));
        }

        if (errors.Count == 0)
        {
            versions.Add(program!);
            turn.Events.Byte(1);
            turn.Events.Byte(1);
            Write(turn.Events, program!);
            turn.EventCount++;
        }

        command.Reply = new PublishReply([.. versions], errors);
    }

    /// <inheritdoc />
    public override bool Replay(Command command, ActorId actor, ReadOnlySpan<byte> events) => false;

    /// <inheritdoc />
    public override int EstimateBytes(object state) => 1000 + ((List<ProgramDefinition>)state).Sum(program => 4000 + program.Source.Length);

    /// <inheritdoc />
    public override void WriteSnapshot(object state, ByteWriter writer)
    {
        writer.Byte(1);
        var versions = (List<ProgramDefinition>)state;
        foreach (var program in versions)
        {
            Write(writer, program);
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

        var versions = new List<ProgramDefinition>();
        while (!reader.AtEnd)
        {
            Add(versions, ref reader);
        }

        return versions;
    }

    /// <inheritdoc />
    public override void Post(ReadOnlySpan<byte> events, ILedgerSink ledger)
    {
    }

    private static void Write(ByteWriter writer, ProgramDefinition program)
    {
        writer.Framed(program, static (writer, program) =>
        {
            writer.Time(program.EffectiveFrom);
            writer.Bytes(program.Source.Span);
        });
    }

    private static void Add(List<ProgramDefinition> versions, ref ByteReader reader)
    {
        var body = new ByteReader(reader.Bytes());
        var effectiveFrom = body.Time();
        var errors = new List<FieldError>();
        var program = ProgramParser.Parse(body.Bytes().ToArray(), versions.Count + 1, effectiveFrom, versions.LastOrDefault(), errors);
        versions.Add(program ?? throw new FormatException($"version {versions.Count + 1} of the program is not valid any more: {errors[0].Field} {errors[0].Message}"));
    }
}
