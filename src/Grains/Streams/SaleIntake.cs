using Loyalty.Domain.Requests;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Request = Loyalty.Domain.Requests.Request;

namespace Loyalty.Grains.Streams;

/// <summary>Records purchases and returns that came by stream, by the rules of all others: an id names one request for ever.</summary>
public sealed class SaleIntake(LoyaltyEngine engine, LoyaltyStreamOptions options)
{
    /// <summary>Messages that are handed to the engine together.</summary>
    private const int MaxTogether = 256;

    /// <summary>Records messages in their order.</summary>
    /// <param name="messages">Any objects: what is no <see cref="SaleMessage"/> is invalid.</param>
    /// <returns>What became of each, in their order, when all of it is durable.</returns>
    /// <exception cref="JournalUnavailableException">
    /// The engine was busy or its store failed for longer than <see cref="LoyaltyStreamOptions.RecordPatience"/>. Some may be recorded; all can be sent again.
    /// </exception>
    public async Task<IReadOnlyList<SaleOutcome>> RecordAsync(IEnumerable<object?> messages)
    {
        ArgumentNullException.ThrowIfNull(messages);
        if (!engine.Programs.IsLoaded)
        {
            throw new JournalUnavailableException("this silo has no program yet");
        }

        var outcomes = new List<SaleOutcome?>();
        var waiting = new List<(int Place, Request Request)>();
        foreach (var message in messages)
        {
            if (waiting.Count == MaxTogether || (message is SaleMessage { IsReturn: true, Member: null, Purchase: not null } && waiting.Count > 0))
            {
                // A return that is found by its purchase alone needs that to be durable.
                await RecordAsync(waiting, outcomes).ConfigureAwait(false);
            }

            var reader = new SaleMessageReader();
            var sale = message as SaleMessage;
            if (sale is not null && reader.Read(sale) is { } request)
            {
                waiting.Add((outcomes.Count, request));
                outcomes.Add(null);
            }
            else
            {
                var problems = sale is null ? [new("", $"is no {nameof(SaleMessage)} but {message?.GetType().Name ?? "nothing"}")] : reader.Problems;
                outcomes.Add(new(Cut(sale?.Id), SaleOutcomeKind.Invalid, false, null, problems));
            }
        }

        await RecordAsync(waiting, outcomes).ConfigureAwait(false);
        return [.. outcomes.Select(outcome => outcome!)];
    }

    private async Task RecordAsync(List<(int Place, Request Request)> waiting, List<SaleOutcome?> outcomes)
    {
        var started = Environment.TickCount64;
        for (var failures = 0; waiting.Count > 0;)
        {
            string? problem;
            try
            {
                problem = await TryRecordAsync(waiting, outcomes).ConfigureAwait(false);
            }
            catch (JournalUnavailableException e)
            {
                problem = e.Message;
            }

            if (problem is not null)
            {
                var pause = options.PauseAfter(++failures);
                if (Environment.TickCount64 - started + pause.TotalMilliseconds > options.RecordPatience.TotalMilliseconds)
                {
                    throw new JournalUnavailableException($"{waiting.Count} purchases could not be recorded: {problem}");
                }

                await Task.Delay(pause).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Records what waits; what is decided waits no more.</summary>
    /// <returns>Why something still waits; null: nothing does.</returns>
    private async Task<string?> TryRecordAsync(List<(int Place, Request Request)> waiting, List<SaleOutcome?> outcomes)
    {
        var commands = new RequestCommand[waiting.Count];
        for (var i = 0; i < commands.Length; i++)
        {
            commands[i] = waiting[i].Request switch
            {
                Purchase purchase => new RecordPurchase(engine.TargetOf(purchase), purchase),
                Return returned when LoyaltyEngine.NeedsPurchase(returned) => new RecordReturn(await engine.FindTargetAsync(returned).ConfigureAwait(false), returned),
                Return returned => new RecordReturn(engine.TargetOf(returned), returned),
                var other => throw new InvalidOperationException($"{other.GetType().Name} does not come by stream"),
            };
        }

        await engine.Host.AskAllAsync(commands).ConfigureAwait(false);
        string? problem = null;
        for (var i = commands.Length - 1; i >= 0; i--)
        {
            if (commands[i].Status == CommandStatus.Done)
            {
                outcomes[waiting[i].Place] = OutcomeOf(commands[i]);
                waiting.RemoveAt(i);
            }
            else
            {
                problem = commands[i].Problem ?? commands[i].Status.ToString();
            }
        }

        return problem;
    }

    private static SaleOutcome OutcomeOf(RequestCommand command)
    {
        var outcome = command.Outcome;
        var kind = outcome.Kind switch
        {
            OutcomeKind.Recorded => SaleOutcomeKind.Recorded,
            OutcomeKind.Refused => SaleOutcomeKind.Refused,
            OutcomeKind.Conflict => SaleOutcomeKind.Conflict,
            OutcomeKind.UnknownMember => SaleOutcomeKind.UnknownMember,
            var other => throw new InvalidOperationException($"the outcome {other} is not told by stream"),
        };
        return outcome.Refusal is { } refusal
            ? new(command.Request.Id, kind, outcome.Replayed, refusal.Code, [new(refusal.Field, refusal.Detail)])
            : new(command.Request.Id, kind, outcome.Replayed, null, kind == SaleOutcomeKind.UnknownMember ? [new("member", "is not known; enrol it and send the same message again")] : []);
    }

    private static string? Cut(string? id) => id is { Length: > RequestLimits.IdLength } ? id[..RequestLimits.IdLength] : id;
}
