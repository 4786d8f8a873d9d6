using System.Buffers;
using System.IO.Hashing;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using System.Threading.Channels;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Validation;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Loyalty;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace Loyalty.Gateway.Http;

/// <summary><c>POST /v1/imports/members</c>: members of another system, a line each; the answer says what was wrong with which line. docs/IMPORT.md.</summary>
internal sealed class ImportsEndpoint(LoyaltyEngine engine, GatewayLimits limits)
{
    /// <summary>Members that are brought in at the same time.</summary>
    private const int InFlight = 64;

    /// <summary>Errors that are listed; all are counted.</summary>
    public const int MaxErrors = 10_000;

    /// <summary>Takes the members of the body.</summary>
    public async Task HandleAsync(HttpContext context)
    {
        var (import, dryRun, problem) = ReadQuery(context.Request.Query);
        problem ??= Media.ProblemOf(context.Request, "text/csv or application/x-ndjson", "text/csv", "application/x-ndjson");
        if (problem is not null)
        {
            await HttpReplies.WriteProblemAsync(context, problem).ConfigureAwait(false);
            return;
        }

        if (context.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } rate)
        {
            rate.MinDataRate = null;
        }

        var run = new ImportRun(engine, import, dryRun, Media.Is(context.Request.ContentType, "text/csv"));
        problem = await run.ReadAsync(context.Request.BodyReader, limits, context.RequestAborted).ConfigureAwait(false);
        await (problem is null
            ? HttpReplies.WriteJsonAsync(context, 200, run, static (writer, run) => run.Write(writer)).AsTask()
            : HttpReplies.WriteProblemAsync(context, problem).AsTask()).ConfigureAwait(false);
    }

    private static (string Import, bool DryRun, Problem? Problem) ReadQuery(IQueryCollection query)
    {
        var errors = new List<FieldError>();
        foreach (var name in query.Keys.Where(name => name is not ("import" or "dryRun")))
        {
            errors.Add(new(name, "is not a parameter here; known are import, dryRun"));
        }

        string import = query["import"].ToString(), dryRun = query["dryRun"].ToString();
        if (import.Length is 0 or > ImportLimits.ImportIdLength || import.Any(char.IsControl))
        {
            errors.Add(new("import", $"is missing or too long; the import's own id of 1 to {ImportLimits.ImportIdLength} printable characters is needed"));
        }

        if (dryRun is not ("" or "true" or "false"))
        {
            errors.Add(new("dryRun", $"is '{dryRun}'; true or false is needed"));
        }

        return (import, dryRun == "true", errors.Count == 0 ? null : Problem.Shape(errors));
    }

    /// <summary>One body: its lines are read one after the other, and so many members are under way at a time.</summary>
    private sealed class ImportRun(LoyaltyEngine engine, string import, bool dryRun, bool isCsv)
    {
        private readonly MemberImportReader _reader = new(import);
        private readonly Channel<Task<Outcome>> _running = Channel.CreateBounded<Task<Outcome>>(new BoundedChannelOptions(InFlight) { SingleReader = true, SingleWriter = true });
        private readonly SortedDictionary<string, (long Points, long Debt)> _units = new(StringComparer.Ordinal);
        private readonly List<(long Line, string? Member, string Code, FieldError Error)> _errors = [];
        private readonly long[] _counts = new long[4];
        private readonly Dictionary<UInt128, long> _seen = [];
        private long _line;
        private long _members;
        private long _malformed;
        private long _errorCount;

        public async Task<Problem?> ReadAsync(PipeReader body, GatewayLimits limits, CancellationToken stop)
        {
            var counting = CountAsync();
            Problem? problem = null;
            try
            {
                while (problem is null)
                {
                    var read = await body.ReadAsync(stop).ConfigureAwait(false);
                    var buffer = read.Buffer;
                    while (problem is null && (buffer.PositionOf((byte)'\n') is not null || (read.IsCompleted && buffer.Length > 0)))
                    {
                        var line = buffer.PositionOf((byte)'\n') is { } end ? buffer.Slice(0, end) : buffer;
                        buffer = line.Length == buffer.Length ? buffer.Slice(buffer.End) : buffer.Slice(buffer.GetPosition(1, line.End));
                        problem = line.Length > limits.LineBytes ? TooLong(limits) : await TakeAsync(line.ToArray(), limits).ConfigureAwait(false);
                    }

                    problem ??= buffer.Length > limits.LineBytes ? TooLong(limits) : null;
                    body.AdvanceTo(buffer.Start, buffer.End);
                    if (read.IsCompleted)
                    {
                        break;
                    }
                }
            }
            finally
            {
                _running.Writer.Complete();
                await counting.ConfigureAwait(false);
            }

            return problem;
        }

        public void Write(Utf8JsonWriter writer)
        {
            writer.WriteStartObject();
            writer.WriteString("import"u8, import);
            writer.WriteBoolean("dryRun"u8, dryRun);
            writer.WriteNumber("lines"u8, _line);
            writer.WriteNumber("members"u8, _members);
            writer.WriteNumber("imported"u8, _counts[(int)ImportStatus.Imported]);
            writer.WriteNumber("replayed"u8, _counts[(int)ImportStatus.Replayed]);
            writer.WriteNumber("malformed"u8, _malformed);
            writer.WriteNumber("refused"u8, _counts[(int)ImportStatus.Refused]);
            writer.WriteNumber("unavailable"u8, _counts[(int)ImportStatus.Unavailable]);
            writer.WriteStartArray("units"u8);
            foreach (var (unit, (points, debt)) in _units)
            {
                writer.WriteStartObject();
                writer.WriteString("unit"u8, unit);
                writer.WriteNumber("points"u8, points);
                writer.WriteNumber("debt"u8, debt);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteNumber("errorCount"u8, _errorCount);
            writer.WriteStartArray("errors"u8);
            foreach (var (line, member, code, error) in _errors)
            {
                writer.WriteStartObject();
                writer.WriteNumber("line"u8, line);
                if (member is not null)
                {
                    writer.WriteString("member"u8, member);
                }

                writer.WriteString("code"u8, code);
                writer.WriteString("field"u8, error.Field);
                writer.WriteString("reason"u8, error.Message);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        private static Problem TooLong(GatewayLimits limits) => Problem.TooLarge($"a line has at most {limits.LineBytes} bytes; what stood before it is brought in");

        private async Task<Problem?> TakeAsync(byte[] bytes, GatewayLimits limits)
        {
            if (++_line > limits.StreamLines)
            {
                return Problem.TooLarge($"an import has at most {limits.StreamLines} lines; send the rest as another request with the same import id");
            }

            var line = bytes is [.. var rest, (byte)'\r'] ? rest : bytes;
            if (line.AsSpan().Trim(" \t"u8).IsEmpty)
            {
                return null;
            }

            if (isCsv && _line == 1)
            {
                return _reader.ReadHead(line) ? null : Problem.Shape([.. _reader.Errors]);
            }

            _members++;
            var member = isCsv ? _reader.ReadRow(line) : _reader.ReadJson(line);
            if (member is null)
            {
                await _running.Writer.WriteAsync(Task.FromResult(new Outcome(_line, _reader.Member, null, new(ImportStatus.Refused, "malformed", [.. _reader.Errors])))).ConfigureAwait(false);
                return null;
            }

            // In books nothing can be twice; a dry run writes nothing and has to remember by itself.
            var twice = dryRun ? FirstTwice(member) : null;
            await _running.Writer.WriteAsync(twice is null ? RunAsync(_line, member) : Task.FromResult(new Outcome(_line, member.Member, null, new(ImportStatus.Refused, "twice", [twice])))).ConfigureAwait(false);
            return null;
        }

        private FieldError? FirstTwice(MemberImport member)
        {
            if (!_seen.TryAdd(Hash("member:" + member.Member), _line))
            {
                return new("member", $"'{member.Member}' stands in line {_seen[Hash("member:" + member.Member)]} already");
            }

            for (var i = 0; i < member.AlternativeIds.Length; i++)
            {
                var id = $"{member.AlternativeIds[i].Type}:{member.AlternativeIds[i].Value}";
                if (!_seen.TryAdd(Hash("id:" + id), _line))
                {
                    return new($"alternativeIds[{i}]", $"{id} stands in line {_seen[Hash("id:" + id)]} already");
                }
            }

            return null;
        }

        private static UInt128 Hash(string text) => XxHash128.HashToUInt128(Encoding.UTF8.GetBytes(text));

        private async Task<Outcome> RunAsync(long line, MemberImport member)
        {
            try
            {
                return new(line, member.Member, member, await engine.ImportAsync(member, dryRun).ConfigureAwait(false));
            }
            catch (JournalUnavailableException e)
            {
                return new(line, member.Member, null, new(ImportStatus.Unavailable, "unavailable", [new("", $"{e.Message}; send it again: each member is brought in once")]));
            }
        }

        private async Task CountAsync()
        {
            await foreach (var running in _running.Reader.ReadAllAsync().ConfigureAwait(false))
            {
                var outcome = await running.ConfigureAwait(false);
                var result = outcome.Result;
                if (result.Code == "malformed")
                {
                    _malformed++;
                }
                else
                {
                    _counts[(int)result.Status]++;
                }

                if (result.Status == ImportStatus.Imported && outcome.Member is { } member)
                {
                    Add(member);
                }

                foreach (var error in result.Errors)
                {
                    if (_errorCount++ < MaxErrors)
                    {
                        _errors.Add((outcome.Line, outcome.MemberId, result.Code!, error));
                    }
                }
            }
        }

        private void Add(MemberImport member)
        {
            foreach (var lot in member.Lots)
            {
                var (points, debt) = _units.GetValueOrDefault(lot.Unit);
                _units[lot.Unit] = (points + lot.Points, debt);
            }

            foreach (var one in member.Debts)
            {
                var (points, debt) = _units.GetValueOrDefault(one.Unit);
                _units[one.Unit] = (points, debt + one.Points);
            }
        }

        private readonly record struct Outcome(long Line, string? MemberId, MemberImport? Member, ImportResult Result);
    }
}
