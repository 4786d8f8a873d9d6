using Loyalty.Domain.Exchange;
using Loyalty.Runtime.Loyalty;

namespace Loyalty.Runtime.Tests.Exchange;

/// <summary>How a partner behaves when it is called.</summary>
public enum Behaviour
{
    /// <summary>Does it and says so.</summary>
    Answers,

    /// <summary>Does it; the answer is lost.</summary>
    AnswerLost,

    /// <summary>Never hears of it.</summary>
    RequestLost,

    /// <summary>The request reaches it after the caller has given up.</summary>
    Late,

    /// <summary>The request reaches it twice at once.</summary>
    Twice,

    /// <summary>Refuses and says so.</summary>
    Refuses,

    /// <summary>Refuses; the answer is lost.</summary>
    RefusalLost,

    /// <summary>Answers nonsense.</summary>
    Nonsense,
}

/// <summary>
/// A partner's own system: a list of what it did, by exchange, that a second request with the same id never changes. How each call goes is decided by a script. It lives on when the engine dies.
/// </summary>
internal sealed class TestPartner(Func<PartnerRequest, int, Behaviour> script) : IPartnerConnector
{
    private readonly Dictionary<string, PartnerAnswer> _books = [];
    private readonly Dictionary<string, int> _calls = [];
    private readonly List<(PartnerRequest Request, bool Refuse)> _underWay = [];

    /// <summary>The partner's own list: what it did, by exchange; below 0: taken.</summary>
    public Dictionary<string, long> Done { get; } = [];

    /// <summary>True: status queries fail.</summary>
    public Func<string, bool> QueryFails { get; set; } = static _ => false;

    public int Calls => _calls.Values.Sum();

    public ValueTask<PartnerAnswer> SendAsync(PartnerRequest request, CancellationToken cancellation)
    {
        var call = _calls[request.Id] = _calls.GetValueOrDefault(request.Id) + 1;
        ArriveLate();
        switch (script(request, call))
        {
            case Behaviour.AnswerLost:
                Do(request, refuse: false);
                throw new TimeoutException("the answer was lost");
            case Behaviour.RequestLost:
                throw new TimeoutException("the request was lost");
            case Behaviour.Late:
                _underWay.Add((request, false));
                throw new TimeoutException("the request is still under way");
            case Behaviour.Twice:
                Do(request, refuse: false);
                return new(Do(request, refuse: false));
            case Behaviour.Refuses:
                return new(Do(request, refuse: true));
            case Behaviour.RefusalLost:
                Do(request, refuse: true);
                throw new TimeoutException("the answer was lost");
            case Behaviour.Nonsense:
                return new(new PartnerAnswer((PartnerResult)77));
            default:
                return new(Do(request, refuse: false));
        }
    }

    public ValueTask<PartnerAnswer> AskAsync(PartnerRequest request, CancellationToken cancellation)
    {
        _calls[request.Id] = _calls.GetValueOrDefault(request.Id) + 1;
        if (QueryFails(request.Id))
        {
            throw new TimeoutException("no answer");
        }

        return new(_books.GetValueOrDefault(request.Id) ?? new(PartnerResult.NotKnown));
    }

    /// <summary>What was still under way reaches the partner now.</summary>
    public void ArriveLate()
    {
        foreach (var (request, refuse) in _underWay)
        {
            Do(request, refuse);
        }

        _underWay.Clear();
    }

    /// <summary>What an operator finds in the partner's books; null: nothing.</summary>
    public PartnerAnswer? LookUp(string exchange)
    {
        ArriveLate();
        return _books.GetValueOrDefault(exchange);
    }

    /// <summary>The partner will not do it any more, whatever comes.</summary>
    public void Close(string exchange) => _books.TryAdd(exchange, new(PartnerResult.Refused, Code: "closed"));

    private PartnerAnswer Do(PartnerRequest request, bool refuse)
    {
        if (!_books.TryGetValue(request.Id, out var answer))
        {
            answer = refuse ? new(PartnerResult.Refused, null, "no-account", "there is no such account") : new(PartnerResult.Done, "P-" + request.Id);
            _books[request.Id] = answer;
            if (!refuse)
            {
                Done[request.Id] = request.Direction == ExchangeDirection.Out ? request.Units : -request.Units;
            }
        }

        return answer;
    }
}
