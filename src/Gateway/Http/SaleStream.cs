using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.InteropServices;
using System.Threading.Channels;
using Loyalty.Domain.Requests;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace Loyalty.Gateway.Http;

/// <summary>
/// A stream of purchases and returns, or of activities, one JSON object a line, answered line by line in order while the body is still arriving. Lines that have arrived together
/// go to the engine together; the answers of a group are written when all of it is durable. So many groups are under way at most; then reading pauses,
/// and TCP tells the sender.
/// </summary>
/// <param name="engine">The engine.</param>
/// <param name="limits">Bounds.</param>
/// <param name="context">The request.</param>
/// <param name="isReturn">What a line is that does not say.</param>
/// <param name="isExplained">Whether answers list the campaigns that gave nothing.</param>
/// <param name="activities">Reads the lines of a stream of activities; null: it is one of sales.</param>
internal sealed class SaleStream(LoyaltyEngine engine, GatewayLimits limits, HttpContext context, bool isReturn, bool isExplained, ActivityReader? activities = null)
{
    /// <summary>Answers are handed to the response a few at a time: a fraction of its blocks of 4 KiB.</summary>
    private const int PieceBytes = 1024;

    private readonly SaleReader _sales = new();
    private readonly ArrayBufferWriter<byte> _partial = new();
    private readonly Channel<LineGroup> _groups = Channel.CreateBounded<LineGroup>(
        new BoundedChannelOptions(limits.GroupsInFlight) { SingleReader = true, SingleWriter = true });

    private LineGroup _group = new(64);
    private List<LineGroup> _sent = [];
    private long _line;
    private bool _ended;

    /// <summary>Reads, decides and answers until the body ends.</summary>
    public async Task RunAsync()
    {
        // A till may have nothing to say for hours; the bounds on connections and lines protect the gateway instead.
        if (context.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } rate)
        {
            rate.MinDataRate = null;
        }

        context.Response.StatusCode = 200;
        context.Response.ContentType = "application/x-ndjson";
        var answering = AnswerAsync();
        try
        {
            await ReadAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or BadHttpRequestException)
        {
            // The sender is gone, or sent no proper HTTP. What it sent whole is decided; it asks again with the same ids.
        }
        finally
        {
            // Whatever else happens: nobody else writes into the response while answers are under way.
            _groups.Writer.TryComplete();
            await answering.ConfigureAwait(false);
        }
    }

    private async Task ReadAsync()
    {
        var body = context.Request.BodyReader;
        while (!_ended)
        {
            var result = await body.ReadAsync(context.RequestAborted).ConfigureAwait(false);
            foreach (var segment in result.Buffer)
            {
                var rest = segment;
                while (!_ended && rest.Length > 0)
                {
                    rest = Take(rest, out var needsPurchase);
                    if (needsPurchase is not null)
                    {
                        await AddBehindAllAsync(needsPurchase).ConfigureAwait(false);
                    }

                    if (_group.Lines.Count >= limits.GroupLines)
                    {
                        await SendAsync().ConfigureAwait(false);
                    }
                }
            }

            body.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted)
            {
                if (!_ended && _partial.WrittenCount > 0)
                {
                    Parse(_partial.WrittenSpan, out var needsPurchase);
                    if (needsPurchase is not null)
                    {
                        await AddBehindAllAsync(needsPurchase).ConfigureAwait(false);
                    }
                }

                _ended = true;
            }

            await SendAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Takes one line, or the beginning of one, and returns what is behind it.</summary>
    private ReadOnlyMemory<byte> Take(ReadOnlyMemory<byte> bytes, out Return? needsPurchase)
    {
        needsPurchase = null;
        var end = bytes.Span.IndexOf((byte)'\n');
        var piece = end < 0 ? bytes.Length : end;
        if (_partial.WrittenCount + piece > limits.LineBytes)
        {
            _line++;
            _group.Lines.Add(new(_line, null, Problem.TooLarge($"a line has at most {limits.LineBytes} bytes; the stream ends here"), null));
            _ended = true;
            return default;
        }

        if (end < 0)
        {
            _partial.Write(bytes.Span);
            return default;
        }

        if (_partial.WrittenCount > 0)
        {
            _partial.Write(bytes.Span[..end]);
            Parse(_partial.WrittenSpan, out needsPurchase);
            _partial.ResetWrittenCount();
        }
        else
        {
            Parse(bytes.Span[..end], out needsPurchase);
        }

        return bytes[(end + 1)..];
    }

    private void Parse(ReadOnlySpan<byte> line, out Return? needsPurchase)
    {
        needsPurchase = null;
        _line++;
        if (line.IndexOfAnyExcept((byte)' ', (byte)'\r', (byte)'\t') < 0)
        {
            return;
        }

        if (_line > limits.StreamLines)
        {
            _group.Lines.Add(new(_line, null, Problem.TooLarge($"a stream has at most {limits.StreamLines} lines; the stream ends here"), null));
            _ended = true;
            return;
        }

        if (activities is not null)
        {
            _group.Lines.Add(activities.Read(line) is { } activity
                ? new(_line, new RecordActivity(activity) { Explain = isExplained }, null, activity.Id)
                : new(_line, null, Problem.Shape([.. activities.Errors]), activities.Id));
            return;
        }

        switch (_sales.Read(line, isReturn, mixed: true))
        {
            case Purchase purchase:
                _group.Lines.Add(new(_line, new RecordPurchase(engine.TargetOf(purchase), purchase) { Explain = isExplained }, null, purchase.Id));
                break;
            case Return request when LoyaltyEngine.NeedsPurchase(request):
                needsPurchase = request;
                break;
            case Return request:
                _group.Lines.Add(new(_line, new RecordReturn(engine.TargetOf(request), request), null, request.Id));
                break;
            default:
                _group.Lines.Add(new(_line, null, Problem.Shape([.. _sales.Errors]), _sales.Id));
                break;
        }
    }

    /// <summary>A return that goes where its purchase is waits until all lines before it are durable: its purchase may be among them.</summary>
    private async Task AddBehindAllAsync(Return request)
    {
        var line = _line;
        await SendAsync().ConfigureAwait(false);
        foreach (var group in _sent)
        {
            await group.Completion.ConfigureAwait(false);
        }

        try
        {
            _group.Lines.Add(new(line, await SalesEndpoint.CommandOfAsync(engine, request).ConfigureAwait(false), null, request.Id));
        }
        catch (JournalUnavailableException e)
        {
            _group.Lines.Add(new(line, null, Problem.Unavailable(e.Message), request.Id));
        }
    }

    private async ValueTask SendAsync()
    {
        if (_group.Lines.Count == 0)
        {
            return;
        }

        var group = _group;
        _group = new LineGroup(group.Lines.Count);
        _sent.RemoveAll(sent => sent.Completion.IsCompleted);
        _sent.Add(group);
        group.Send(engine.Host);
        await _groups.Writer.WriteAsync(group, context.RequestAborted).ConfigureAwait(false);
    }

    private async Task AnswerAsync()
    {
        var body = context.Response.BodyWriter;
        var isOpen = true;
        await foreach (var group in _groups.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            await group.Completion.ConfigureAwait(false);
            if (!isOpen)
            {
                continue;
            }

            try
            {
                Write(body, group);
                var flushed = await body.FlushAsync(context.RequestAborted).ConfigureAwait(false);
                isOpen = !flushed.IsCompleted && !flushed.IsCanceled;
            }
            catch (Exception e) when (e is OperationCanceledException or IOException or InvalidOperationException)
            {
                // Nobody listens any more; the rest is still taken from the queue, so that reading ends.
                isOpen = false;
            }
        }
    }

    private void Write(PipeWriter body, LineGroup group)
    {
        var programs = engine.Programs.Current;
        var answer = HttpReplies.EmptyAnswer();
        foreach (ref readonly var line in CollectionsMarshal.AsSpan(group.Lines))
        {
            var problem = line.Problem ?? ReplyWriter.ProblemOf(line.Command!);
            if (problem is null)
            {
                ReplyWriter.Write(answer, line.Command!, programs);
                answer.Raw("\n"u8);
                if (answer.Written.Length >= PieceBytes)
                {
                    HandOver(body, answer);
                }
            }
            else
            {
                HandOver(body, answer);
                var replayed = line.Command is { Status: CommandStatus.Done } command && command.Outcome.Replayed;
                HttpReplies.WriteTo(body, (problem, line, replayed), static (writer, x) => x.problem.Write(writer, x.line.Id, x.line.Number, x.replayed));
                body.Write("\n"u8);
            }
        }

        HandOver(body, answer);
    }

    /// <summary>Gives lines to the response in one piece of memory: a chunk of HTTP holds whole lines, so whoever reads chunk by chunk reads line by line.</summary>
    private static void HandOver(PipeWriter body, AnswerText answer)
    {
        answer.Written.CopyTo(body.GetSpan(answer.Written.Length));
        body.Advance(answer.Written.Length);
        answer.Clear();
    }

    private readonly record struct Line(long Number, RequestCommand? Command, Problem? Problem, string? Id);

    /// <summary>Lines that go to the engine together: often as many as in the group before.</summary>
    private sealed class LineGroup(int usualLines) : ICommandObserver
    {
        private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _left;

        public List<Line> Lines { get; } = new(usualLines);

        public Task Completion => _completion.Task;

        public void Send(IActorHost host)
        {
            var commands = new Command[Lines.Count];
            var count = 0;
            foreach (var line in Lines)
            {
                if (line.Command is { } command)
                {
                    command.Observer = this;
                    commands[count++] = command;
                }
            }

            if (count == 0)
            {
                _completion.SetResult();
                return;
            }

            _left = count;
            host.Send(commands.AsSpan(0, count));
        }

        public void OnCompleted(Command command)
        {
            if (Interlocked.Decrement(ref _left) == 0)
            {
                _completion.SetResult();
            }
        }
    }
}
