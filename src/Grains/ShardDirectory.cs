using System.Diagnostics.CodeAnalysis;
using Orleans.GrainDirectory;
using Orleans.Runtime.GrainDirectory;

namespace Loyalty.Grains;

/// <summary>
/// The directory of the engine's grains: it knows nothing, so every call goes where placement says, which is where <see cref="ShardMap"/> puts the grain. Orleans' own directory is spread over the
/// silos; the part of one that dies is rebuilt by the others, and until that is done single grains have no address, for ten seconds and more when a silo comes back and dies again. The map needs only
/// the list of silos. What the directory guards against, two activations of one grain, the journal's version check guards against already: while silos disagree about the list there can be two, and
/// one of them writes.
/// </summary>
internal sealed class ShardDirectory : IGrainDirectory, IGrainDirectoryCache
{
    /// <summary>The name by which grain classes choose it.</summary>
    public const string Name = "loyalty-shards";

    /// <inheritdoc />
    public IEnumerable<(GrainAddress ActivationAddress, int Version)> KeyValues => [];

    /// <inheritdoc />
    public Task<GrainAddress?> Register(GrainAddress address) => Task.FromResult<GrainAddress?>(address);

    /// <inheritdoc />
    public Task<GrainAddress?> Lookup(GrainId grainId) => Task.FromResult<GrainAddress?>(null);

    /// <inheritdoc />
    public Task Unregister(GrainAddress address) => Task.CompletedTask;

    /// <inheritdoc />
    public Task UnregisterSilos(List<SiloAddress> siloAddresses) => Task.CompletedTask;

    /// <summary>Nothing is kept: an address that outlived a change of the list would bring a grain to life where it does not belong.</summary>
    public void AddOrUpdate(GrainAddress value, int version)
    {
    }

    /// <inheritdoc />
    public bool Remove(GrainId key) => false;

    /// <inheritdoc />
    public bool Remove(GrainAddress key) => false;

    /// <inheritdoc />
    public void Clear()
    {
    }

    /// <inheritdoc />
    public bool LookUp(GrainId key, [NotNullWhen(true)] out GrainAddress? result, out int version)
    {
        (result, version) = (null, 0);
        return false;
    }
}
