using Loyalty.Domain.Encoding;
using Loyalty.Domain.Exchange;
using Loyalty.Runtime.Loyalty;
using Orleans.Concurrency;

namespace Loyalty.Grains;

/// <summary>A partner's pool, or one of its shards.</summary>
[GrainType(ActorIds.PoolKind), ShardPlacement, Reentrant, KeepAlive]
public sealed class ExchangePoolGrain(IGrainContext context, SiloActors actors) : ActorGrain(context, actors), IExchangePoolGrain
{
    /// <inheritdoc />
    public ValueTask<Answer<PoolReply>> Publish(ReadOnlyMemory<byte> json) => AskAsync<PoolReply>(new PublishPool(Id.Key, json));

    /// <inheritdoc />
    public ValueTask<Answer<PoolReply>> Get() => AskAsync<PoolReply>(new GetPool(Id));

    /// <inheritdoc />
    public ValueTask<Answer<RequestOutcome>> Fund(PoolFunding funding) => AskAsync<RequestOutcome>(new FundPool(funding));

    /// <inheritdoc />
    public ValueTask<Answer<StepAnswer>> DoStep(ReadOnlyMemory<byte> step) => AskAsync<StepAnswer>(ExchangeSteps.CommandOf(Id, step));
}

/// <summary>An exchange with a partner.</summary>
[GrainType(ActorIds.ExchangeKind), ShardPlacement, Reentrant, KeepAlive]
public sealed class ExchangeGrain(IGrainContext context, SiloActors actors) : ActorGrain(context, actors), IExchangeGrain
{
    /// <inheritdoc />
    public ValueTask<Answer<RequestOutcome>> Start(ExchangeRequest request, int shards) => AskAsync<RequestOutcome>(new StartExchange(request, shards));

    /// <inheritdoc />
    public ValueTask<Answer<ExchangeReply>> Get() => AskAsync<ExchangeReply>(new GetExchange(Id.Key));

    /// <inheritdoc />
    public ValueTask<Answer<ExchangeReply>> Resolve(ExchangeResolution resolution, string reason, string author, string? reference) =>
        AskAsync<ExchangeReply>(new ResolveExchange(Id.Key, resolution, reason, author, reference));
}

internal static class ExchangeSteps
{
    public static StepCommand CommandOf(Runtime.ActorId target, ReadOnlyMemory<byte> step)
    {
        var reader = new ByteReader(step.Span);
        return new(target, ExchangeStepCodec.ReadStep(ref reader));
    }
}
