using System.Collections.Concurrent;
using Loyalty.Domain.Exchange;

namespace Loyalty.Runtime.Loyalty;

/// <summary>What a partner is asked for.</summary>
/// <param name="Id">Of the exchange; the same id again must give the first answer.</param>
/// <param name="Direction"><see cref="ExchangeDirection.Out"/>: add units to the account; <see cref="ExchangeDirection.In"/>: take them.</param>
/// <param name="Pool">The pool's id.</param>
/// <param name="Account">The member's account at the partner.</param>
/// <param name="Unit">The partner's unit.</param>
/// <param name="Units">How many; above 0.</param>
public sealed record PartnerRequest(string Id, ExchangeDirection Direction, string Pool, string Account, string Unit, long Units);

/// <summary>What a partner says.</summary>
public enum PartnerResult : byte
{
    /// <summary>It did it, now or before.</summary>
    Done,

    /// <summary>It did not, and never will under this id.</summary>
    Refused,

    /// <summary>Of a status query: it does not know the id. Nothing is concluded from that: the request may be on its way.</summary>
    NotKnown,

    /// <summary>It said nothing that can be trusted.</summary>
    Unknown,
}

/// <summary>A partner's answer.</summary>
/// <param name="Result">What it says.</param>
/// <param name="Reference">Its own name for what it did; null: none. At most 128 characters.</param>
/// <param name="Code">Why it refused, for programs; null: not said.</param>
/// <param name="Detail">Why it refused, or what was wrong with the answer; null: not said.</param>
public sealed record PartnerAnswer(PartnerResult Result, string? Reference = null, string? Code = null, string? Detail = null);

/// <summary>
/// A partner's own system. Both methods may throw, take long and be called again for the same id, also at the same time: what throws or is not there in time counts as <see cref="PartnerResult.Unknown"/>,
/// and the partner is asked later. Thread-safe.
/// </summary>
public interface IPartnerConnector
{
    /// <summary>Asks for units to be added or taken. The same id again gives the first answer.</summary>
    ValueTask<PartnerAnswer> SendAsync(PartnerRequest request, CancellationToken cancellation);

    /// <summary>Asks what became of a request.</summary>
    ValueTask<PartnerAnswer> AskAsync(PartnerRequest request, CancellationToken cancellation);
}

/// <summary>The partners' connectors of a process, by name, and where its alarms go. Thread-safe.</summary>
public sealed class PartnerConnectors
{
    /// <summary>Calls of one connector that are under way at once. The others wait.</summary>
    public const int MaxCallsAtOnce = 64;

    /// <summary>Characters of a partner's reference, code and text that are kept.</summary>
    public const int MaxText = 128;

    private readonly ConcurrentDictionary<string, (IPartnerConnector Connector, SemaphoreSlim Room)> _connectors = new(StringComparer.Ordinal);

    /// <summary>How long one call may take, whatever the connector does.</summary>
    public TimeSpan CallTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Is told of alarms: a stable code and a text for people. At least once each; null: nobody. Must be quick and must not throw.</summary>
    public Action<string, string>? Alarms { get; set; }

    /// <summary>Adds a connector, or puts it in the place of the one with that name.</summary>
    public void Add(string name, IPartnerConnector connector) => _connectors[name] = (connector, new(MaxCallsAtOnce));

    internal void Raise(string code, string text) => Alarms?.Invoke(code, text);

    /// <summary>Calls the partner. Never fails: what goes wrong is an unknown answer.</summary>
    internal async Task<StepAnswer> CallAsync(CallPartner call)
    {
        var reservation = call.Reservation;
        if (reservation.Connector is null || !_connectors.TryGetValue(reservation.Connector, out var entry))
        {
            return Unknown($"no connector '{reservation.Connector}' is configured in this process");
        }

        var request = new PartnerRequest(reservation.Exchange, reservation.Direction, reservation.Pool, reservation.Account!, reservation.PartnerUnit, reservation.Units);
        await entry.Room.WaitAsync().ConfigureAwait(false);
        try
        {
            using var timeout = new CancellationTokenSource(CallTimeout);
            var answering = call.IsQuery ? entry.Connector.AskAsync(request, timeout.Token) : entry.Connector.SendAsync(request, timeout.Token);
            var answer = answering.IsCompletedSuccessfully ? answering.Result : await answering.AsTask().WaitAsync(timeout.Token).ConfigureAwait(false);
            return answer.Result switch
            {
                PartnerResult.Done => new(StepResult.Done, null, null, Short(answer.Reference)),
                PartnerResult.Refused => StepAnswer.Refused(new("partner-refused", "", $"the partner refused: {Short(answer.Code) ?? "no code"}; {Short(answer.Detail) ?? "no reason"}")),
                PartnerResult.NotKnown when call.IsQuery => new(StepResult.NotKnown, new("partner-unknown", "", "the partner does not know the exchange")),
                _ => Unknown(Short(answer.Detail) ?? "the answer makes no sense"),
            };
        }
        catch (Exception e)
        {
            // Whatever it was: the request may have reached the partner, or not.
            return Unknown(e is OperationCanceledException ? $"no answer within {CallTimeout.TotalSeconds:0} s" : $"{e.GetType().Name}: {Short(e.Message)}");
        }
        finally
        {
            entry.Room.Release();
        }
    }

    private static StepAnswer Unknown(string detail) => new(StepResult.Unknown, new("partner-unknown", "", detail));

    private static string? Short(string? text) => text is { Length: > MaxText } ? text[..(char.IsHighSurrogate(text[MaxText - 1]) ? MaxText - 1 : MaxText)] : text;
}
