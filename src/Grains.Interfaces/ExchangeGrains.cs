using Loyalty.Domain.Exchange;
using Loyalty.Runtime.Loyalty;
using Orleans.Concurrency;

namespace Loyalty.Grains;

/// <summary>What does steps of exchanges: pools and members.</summary>
[Alias("loyalty.exchange-steps")]
public interface IExchangeStepGrain : IActorGrain
{
    /// <summary>Does a step, once however often it comes.</summary>
    /// <param name="step">In its stored form: <see cref="ExchangeStepCodec"/>.</param>
    [Alias("exchange-step")]
    ValueTask<Answer<StepAnswer>> DoStep([Immutable] ReadOnlyMemory<byte> step);
}

/// <summary>A partner's pool, or one of its shards. The key is the pool's id, of a shard <c>id/1</c> ….</summary>
[Alias("loyalty.pool")]
public interface IExchangePoolGrain : IExchangeStepGrain
{
    /// <summary>Publishes a version, or says what is wrong with it.</summary>
    [Alias("publish")]
    ValueTask<Answer<PoolReply>> Publish([Immutable] ReadOnlyMemory<byte> json);

    /// <summary>The pool as it stands; without a view: there is none.</summary>
    [Alias("get")]
    ValueTask<Answer<PoolReply>> Get();

    /// <summary>Puts liquidity in or takes it out.</summary>
    [Alias("fund")]
    ValueTask<Answer<RequestOutcome>> Fund([Immutable] PoolFunding funding);
}

/// <summary>An exchange with a partner. The key is the request's id.</summary>
[Alias("loyalty.exchange")]
public interface IExchangeGrain : IActorGrain
{
    /// <summary>Begins it.</summary>
    /// <param name="request">The request.</param>
    /// <param name="shards">Shards of its pool, as far as the sender knows; 1: none.</param>
    [Alias("start")]
    ValueTask<Answer<RequestOutcome>> Start([Immutable] ExchangeRequest request, int shards);

    /// <summary>How it stands; without a state: there is none.</summary>
    [Alias("get")]
    ValueTask<Answer<ExchangeReply>> Get();

    /// <summary>An operator resolves it.</summary>
    [Alias("resolve")]
    ValueTask<Answer<ExchangeReply>> Resolve(ExchangeResolution resolution, string reason, string author, string? reference);
}
