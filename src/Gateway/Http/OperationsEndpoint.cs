using System.Reflection;
using Loyalty.Domain.Ledger;
using Loyalty.Domain.Programs;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using NodaTime;

namespace Loyalty.Gateway.Http;

/// <summary>The program, the trial balance and the state of the system.</summary>
internal sealed class OperationsEndpoint(LoyaltyEngine engine)
{
    private static readonly byte[] OpenApi = ReadResource("openapi.json");

    private LoyaltyEngine Engine { get; } = engine;

    /// <summary><c>GET /v1/program</c>: the version in force, and how many there are.</summary>
    public Task GetProgramAsync(HttpContext context) => WriteProgramAsync(context, Engine.Programs.Current.At(Engine.Clock.GetCurrentInstant()));

    /// <summary><c>PUT /v1/program</c>: publishes a version.</summary>
    public async Task PutProgramAsync(HttpContext context)
    {
        var (bytes, problem) = await DocumentBody.ReadAsync(context, ProgramParser.MaxBytes).ConfigureAwait(false);
        if (bytes is null)
        {
            await HttpReplies.WriteProblemAsync(context, problem!).ConfigureAwait(false);
            return;
        }

        var command = await Engine.PublishAsync(bytes).ConfigureAwait(false);
        problem = command switch
        {
            { Status: CommandStatus.Busy } => Problem.Busy(command.Problem),
            { Status: CommandStatus.Unavailable } => Problem.Unavailable(command.Problem),
            { Reply: PublishReply { Errors: { Count: > 0 } errors } } => Problem.Shape(errors),
            _ => null,
        };
        await (problem is null
            ? WriteProgramAsync(context, ((PublishReply)command.Reply!).Versions[^1])
            : HttpReplies.WriteProblemAsync(context, problem).AsTask()).ConfigureAwait(false);
    }

    /// <summary><c>GET /v1/ledger/trial-balance</c>.</summary>
    public async Task TrialBalanceAsync(HttpContext context) =>
        await HttpReplies.WriteJsonAsync(context, 200, await Engine.Books.TotalsAsync().ConfigureAwait(false), static (writer, totals) =>
        {
            writer.WriteStartObject();
            writer.WriteNumber("asOf"u8, totals.Position);
            writer.WriteNumber("records"u8, totals.Records);
            writer.WriteNumber("events"u8, totals.Events);
            writer.WriteStartArray("units"u8);
            var accounts = totals.Sums.Select(sum => (Name: MeasureNames.ParseAccount(sum.Key), sum.Value)).Where(sum => sum.Name is not null)
                .GroupBy(sum => sum.Name!.Value.Unit, StringComparer.Ordinal).OrderBy(unit => unit.Key, StringComparer.Ordinal);
            foreach (var unit in accounts)
            {
                writer.WriteStartObject();
                writer.WriteString("unit"u8, unit.Key);
                writer.WriteStartArray("accounts"u8);
                long sum = 0;
                foreach (var account in unit.OrderBy(account => account.Name!.Value.Account, StringComparer.Ordinal))
                {
                    writer.WriteStartObject();
                    writer.WriteString("account"u8, account.Name!.Value.Account);
                    writer.WriteNumber("balance"u8, account.Value);
                    writer.WriteEndObject();
                    sum += account.Value;
                }

                writer.WriteEndArray();
                writer.WriteNumber("sum"u8, sum);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteStartObject("sales"u8);
            long member = 0, anonymous = 0;
            foreach (var (name, value) in totals.Sums.OrderBy(sum => sum.Key, StringComparer.Ordinal))
            {
                if (MeasureNames.ParseCounter(name) is { } counter)
                {
                    writer.WriteNumber(counter.Split('-').Aggregate((sum, word) => sum + char.ToUpperInvariant(word[0]) + word[1..]), value);
                    member = counter == Counters.MemberPurchases ? value : member;
                    anonymous = counter == Counters.AnonymousPurchases ? value : anonymous;
                }
            }

            if (member + anonymous > 0)
            {
                writer.WriteNumber("memberShare"u8, Math.Round((decimal)member / (member + anonymous), 4));
            }

            writer.WriteEndObject();
            writer.WriteEndObject();
        }).ConfigureAwait(false);

    /// <summary><c>GET /v1/system</c>.</summary>
    public async Task SystemAsync(HttpContext context)
    {
        var silos = await Engine.Host.ReadFiguresAsync().ConfigureAwait(false);
        var checkpoint = await Engine.Books.CheckpointAsync().ConfigureAwait(false);
        await HttpReplies.WriteJsonAsync(context, 200, (Engine, silos, checkpoint), static (writer, x) =>
        {
            var (engine, silos, checkpoint) = x;
            var figures = ShardFigures.Sum(silos.Select(silo => silo.Actors));
            writer.WriteStartObject();
            writer.WriteString("version"u8, Version);
            writer.WriteString("host"u8, engine.Host.Description);
            writer.WriteBoolean("orleans"u8, engine.Host.IsOrleans);
            writer.WriteString("store"u8, engine.Books.Description);
            writer.WriteString("now"u8, engine.Clock.GetCurrentInstant().ToDateTimeUtc());
            writer.WriteNumber("uptimeSeconds"u8, (long)(DateTime.UtcNow - System.Diagnostics.Process.GetCurrentProcess().StartTime.ToUniversalTime()).TotalSeconds);
            writer.WriteNumber("program"u8, engine.Programs.Current.Latest.Version);
            writer.WriteStartObject("actors"u8);
            writer.WriteNumber("inMemory"u8, figures.Actors);
            writer.WriteNumber("bytes"u8, figures.ActorBytes);
            writer.WriteNumber("bytesMax"u8, silos.Sum(silo => silo.MaxActorBytes));
            writer.WriteNumber("loaded"u8, figures.Loaded);
            writer.WriteNumber("passivated"u8, figures.Passivated);
            writer.WriteEndObject();
            writer.WriteStartObject("commands"u8);
            writer.WriteNumber("decided"u8, figures.Decided);
            writer.WriteNumber("queued"u8, figures.Queued);
            writer.WriteNumber("inFlight"u8, figures.InFlight);
            writer.WriteEndObject();
            writer.WriteStartObject("journal"u8);
            writer.WriteNumber("position"u8, checkpoint.Position);
            writer.WriteNumber("tailRecords"u8, checkpoint.TailRecords);
            writer.WriteNumber("tailBytes"u8, checkpoint.TailBytes);
            writer.WriteNumber("unsavedActors"u8, checkpoint.UnsavedActors);
            writer.WriteNumber("checkpoints"u8, silos.Sum(silo => silo.Checkpoints));
            writer.WriteEndObject();
            writer.WriteStartObject("process"u8);
            writer.WriteNumber("workingSetBytes"u8, Environment.WorkingSet);
            writer.WriteNumber("heapBytes"u8, GC.GetTotalMemory(false));
            writer.WriteNumber("gen0"u8, GC.CollectionCount(0));
            writer.WriteNumber("gen2"u8, GC.CollectionCount(2));
            writer.WriteNumber("gcPausePercent"u8, GC.GetGCMemoryInfo().PauseTimePercentage);
            writer.WriteEndObject();
            writer.WriteStartArray("silos"u8);
            foreach (var silo in engine.Host.IsOrleans ? silos : [])
            {
                writer.WriteStartObject();
                writer.WriteString("name"u8, silo.Name);
                writer.WriteString("startedAt"u8, Instant.FromUnixTimeMilliseconds(silo.StartedAtMs).ToDateTimeUtc());
                writer.WriteNumber("actors"u8, silo.Actors.Actors);
                writer.WriteNumber("actorBytes"u8, silo.Actors.ActorBytes);
                writer.WriteNumber("decided"u8, silo.Actors.Decided);
                writer.WriteNumber("loaded"u8, silo.Actors.Loaded);
                writer.WriteNumber("passivated"u8, silo.Actors.Passivated);
                writer.WriteNumber("workingSetBytes"u8, silo.WorkingSetBytes);
                writer.WriteNumber("gcPausePercent"u8, silo.GcPausePercent);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }).ConfigureAwait(false);
    }

    /// <summary><c>GET /openapi/v1.json</c>.</summary>
    public static async Task OpenApiAsync(HttpContext context)
    {
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = OpenApi.Length;
        await context.Response.Body.WriteAsync(OpenApi, context.RequestAborted).ConfigureAwait(false);
    }

    /// <summary>The engine's version.</summary>
    public static string Version => typeof(OperationsEndpoint).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    /// <summary>A file that is built into the program.</summary>
    public static byte[] ReadResource(string name)
    {
        using var stream = typeof(OperationsEndpoint).Assembly.GetManifestResourceStream(name) ?? throw new InvalidOperationException($"{name} is not built in");
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }

    private async Task WriteProgramAsync(HttpContext context, ProgramDefinition program) =>
        await HttpReplies.WriteJsonAsync(context, 200, (program, Engine), static (writer, x) =>
        {
            writer.WriteStartObject();
            writer.WriteNumber("version"u8, x.program.Version);
            writer.WriteNumber("versions"u8, x.Engine.Programs.Current.Versions.Count);
            if (x.program.EffectiveFrom > Instant.MinValue)
            {
                writer.WriteString("effectiveFrom"u8, x.program.EffectiveFrom.ToDateTimeUtc());
            }

            writer.WritePropertyName("definition"u8);
            writer.WriteRawValue(x.program.Source.Span);
            writer.WriteEndObject();
        }).ConfigureAwait(false);
}
