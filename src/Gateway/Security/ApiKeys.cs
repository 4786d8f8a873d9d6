using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Loyalty.Gateway.Security;

/// <summary>What a key may do.</summary>
[Flags]
internal enum Scopes
{
    None = 0,
    Till = 1,
    Partner = 2,
    Read = 4,
    Admin = 8,
}

/// <summary>A key as it is stored: never the key itself.</summary>
/// <param name="Name">For people.</param>
/// <param name="Sha256">Hexadecimal, of the key's UTF-8.</param>
/// <param name="Scopes">What it may do.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="Pools">The partner pools that it is bound to; null: all.</param>
internal sealed record ApiKey(string Name, string Sha256, string[] Scopes, DateTimeOffset CreatedAt, string[]? Pools = null);

/// <summary>What a key may do, and with which partner pools (null: all).</summary>
internal readonly record struct KeyRights(Scopes Scopes, string[]? Pools)
{
    /// <summary>Whether it may have to do with that pool.</summary>
    public bool MayUse(string pool) => Pools is null || Pools.Contains(pool, StringComparer.Ordinal);
}

/// <summary>
/// API keys in <c>keys.json</c> of the data folder. Keys are 256 random bits, so one SHA-256 is enough to hide them. The file is read again when it
/// changes (looked at every two seconds), so a key can be added or withdrawn while the gateway runs.
/// </summary>
internal sealed class ApiKeys
{
    private const int MaxRemembered = 10_000;
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    private readonly string _file;
    private volatile Known _known = new([]);
    private DateTime _writtenAt;
    private long _lookedAtMs;

    public ApiKeys(string dataFolder)
    {
        _file = Path.Combine(dataFolder, "keys.json");
        Reload();
    }

    /// <summary>What the key may do; <see cref="Scopes.None"/> when it is not known.</summary>
    public Scopes ScopesOf(string key) => RightsOf(key).Scopes;

    /// <summary>What the key may do; nothing when it is not known.</summary>
    public KeyRights RightsOf(string key)
    {
        var now = Environment.TickCount64;
        if (now - Volatile.Read(ref _lookedAtMs) > 2000)
        {
            Volatile.Write(ref _lookedAtMs, now);
            Reload();
        }

        var known = _known;
        if (known.ByKey.TryGetValue(key, out var rights))
        {
            return rights;
        }

        if (key.Length > 512)
        {
            return default;
        }

        rights = known.ByHash.GetValueOrDefault(Hash(key));
        if (rights.Scopes != Scopes.None && known.ByKey.Count < MaxRemembered)
        {
            known.ByKey[key] = rights;
        }

        return rights;
    }

    /// <summary>Makes a key and stores its hash; the key is told this once.</summary>
    public static string Create(string dataFolder, string name, IReadOnlyList<string> scopes, IReadOnlyList<string>? pools = null)
    {
        System.IO.Directory.CreateDirectory(dataFolder);
        using var alone = Alone(dataFolder);
        return CreateAlone(dataFolder, name, scopes, pools);
    }

    private static string CreateAlone(string dataFolder, string name, IReadOnlyList<string> scopes, IReadOnlyList<string>? pools = null)
    {
        var file = Path.Combine(dataFolder, "keys.json");
        var keys = Load(file).Where(key => key.Name != name).ToList();
        var secret = "lk_" + Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)).TrimEnd('=').Replace('+', '-').Replace('/', '_');
        keys.Add(new(name, Hash(secret), [.. scopes], DateTimeOffset.UtcNow, pools is { Count: > 0 } ? [.. pools] : null));
        Save(file, keys);
        return secret;
    }

    /// <summary>Withdraws a key; says whether there was one.</summary>
    public static bool Remove(string dataFolder, string name)
    {
        if (!System.IO.Directory.Exists(dataFolder))
        {
            return false;
        }

        using var alone = Alone(dataFolder);
        var file = Path.Combine(dataFolder, "keys.json");
        var keys = Load(file);
        var left = keys.Where(key => key.Name != name).ToList();
        if (left.Count == keys.Count)
        {
            return false;
        }

        Save(file, left);
        return true;
    }

    /// <summary>The stored keys.</summary>
    public static List<ApiKey> Load(string file) =>
        File.Exists(file) ? JsonSerializer.Deserialize<List<ApiKey>>(File.ReadAllText(file), Json) ?? [] : [];

    /// <summary>The development key of a data folder, made when there is none.</summary>
    public static string DevelopmentKey(string dataFolder)
    {
        using var alone = Alone(dataFolder);
        var file = Path.Combine(dataFolder, "dev-key");
        if (File.Exists(file) && File.ReadAllText(file).Trim() is { Length: > 0 } existing
            && Load(Path.Combine(dataFolder, "keys.json")).Exists(key => key.Sha256 == Hash(existing)))
        {
            return existing;
        }

        var secret = CreateAlone(dataFolder, "development", ["admin"]);
        WritePrivate(file, secret + "\n");
        return secret;
    }

    /// <summary>The scopes of their names.</summary>
    public static Scopes Parse(IEnumerable<string> names) =>
        names.Aggregate(Scopes.None, (sum, name) => sum | (Enum.TryParse<Scopes>(name, ignoreCase: true, out var scope) ? scope : Scopes.None));

    /// <summary>Keeps other processes with the same folder away until it is disposed: gateways of a cluster share one, and may start at the same moment.</summary>
    /// <exception cref="IOException">Another process keeps it for longer than ten seconds.</exception>
    private static FileStream Alone(string dataFolder)
    {
        for (var deadline = Environment.TickCount64 + 10_000; ;)
        {
            try
            {
                return new FileStream(Path.Combine(dataFolder, "keys.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (Environment.TickCount64 < deadline && System.IO.Directory.Exists(dataFolder))
            {
                Thread.Sleep(20);
            }
        }
    }

    private static string Hash(string key) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)));

    private static void Save(string file, List<ApiKey> keys) => WritePrivate(file, JsonSerializer.Serialize(keys, Json) + "\n");

    private static void WritePrivate(string file, string text)
    {
        // Written beside and renamed: a reader sees the old or the new, and nobody else sees either.
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        var temporary = file + ".new";
        using (var writer = new StreamWriter(temporary, options))
        {
            writer.Write(text);
        }

        File.Move(temporary, file, overwrite: true);
    }

    private void Reload()
    {
        try
        {
            var writtenAt = File.Exists(_file) ? File.GetLastWriteTimeUtc(_file) : default;
            if (writtenAt == _writtenAt)
            {
                return;
            }

            _writtenAt = writtenAt;
            var keys = new Dictionary<string, KeyRights>(StringComparer.Ordinal);
            foreach (var key in Load(_file))
            {
                keys[key.Sha256] = new(Parse(key.Scopes), key.Pools);
            }

            _known = new(keys);
        }
        catch (Exception e) when (e is IOException or JsonException or UnauthorizedAccessException)
        {
            // A file half written by hand: the keys known so far stay in force until it can be read.
        }
    }

    /// <summary>One reading of the file, and the keys that were found in it: thrown away together, so that a key looked up while the file changes is not remembered longer.</summary>
    private sealed class Known(Dictionary<string, KeyRights> byHash)
    {
        public Dictionary<string, KeyRights> ByHash { get; } = byHash;

        public ConcurrentDictionary<string, KeyRights> ByKey { get; } = new(StringComparer.Ordinal);
    }
}
