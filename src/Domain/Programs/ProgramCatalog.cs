using NodaTime;

namespace Loyalty.Domain.Programs;

/// <summary>All versions of the program, oldest first. Immutable; a new version makes a new catalog.</summary>
public sealed class ProgramCatalog
{
    private readonly ProgramDefinition[] _versions;

    /// <param name="versions">At least one, numbered 1, 2, 3 …, with effective times that do not go back.</param>
    public ProgramCatalog(IEnumerable<ProgramDefinition> versions)
    {
        _versions = [.. versions];
        ArgumentOutOfRangeException.ThrowIfZero(_versions.Length);
    }

    /// <summary>All versions, oldest first.</summary>
    public IReadOnlyList<ProgramDefinition> Versions => _versions;

    /// <summary>The newest version, in force already or not.</summary>
    public ProgramDefinition Latest => _versions[^1];

    /// <summary>The version in force at the instant: the first one before its own time too.</summary>
    public ProgramDefinition At(Instant instant)
    {
        for (var i = _versions.Length - 1; i > 0; i--)
        {
            if (_versions[i].EffectiveFrom <= instant)
            {
                return _versions[i];
            }
        }

        return _versions[0];
    }

    /// <summary>The version with that number.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such version.</exception>
    public ProgramDefinition Numbered(int version)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(version, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(version, _versions.Length);
        return _versions[version - 1];
    }
}
