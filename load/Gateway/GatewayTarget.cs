using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Loyalty.Load.Gateway;

/// <summary>Where the gateway listens and the key that opens it.</summary>
internal sealed class GatewayTarget
{
    public const string UrlDefault = "http://127.0.0.1:8080";
    private const int KeyLengthMax = 1024;

    private readonly byte[] headFields;
    private IPAddress? address;

    public GatewayTarget(Uri url, string key)
    {
        if (!url.IsAbsoluteUri || url.Scheme != Uri.UriSchemeHttp)
        {
            throw new UserError($"The load tool speaks plain http to the gateway itself: give --url as http://host:port, not '{url}'.");
        }

        if (key.Length is 0 or > KeyLengthMax || key.Any(c => c is < '!' or > '~'))
        {
            throw new UserError("The key is empty or has characters that no key has: look at --key, LOYALTY_KEY or the file dev-key.");
        }

        Url = url;
        headFields = Encoding.ASCII.GetBytes($"Host: {url.Authority}\r\nAuthorization: Bearer {key}\r\n");
    }

    public Uri Url { get; }

    /// <summary>The header lines that every request carries: host and key.</summary>
    public ReadOnlySpan<byte> HeadFields => headFields;

    /// <summary>
    /// Finds the key: the one given, else LOYALTY_KEY, else the file dev-key of the data folder that `loyalty up` writes.
    /// </summary>
    public static GatewayTarget Find(string url, string? key, string dataFolder)
    {
        if (!Uri.TryCreate(url, UriKind.Absolute, out Uri? uri))
        {
            throw new UserError($"'{url}' is no URL: give --url as http://host:port.");
        }

        if (!string.IsNullOrWhiteSpace(key))
        {
            return new GatewayTarget(uri, key.Trim());
        }

        string keyFile = Path.Combine(dataFolder, "dev-key");
        if (!File.Exists(keyFile))
        {
            throw new UserError(
                $"No key for the gateway: there is no --key, LOYALTY_KEY is not set, and {Path.GetFullPath(keyFile)} does not exist. " +
                "Start the engine with `./loyalty up` (it writes that file), point --data to its data folder, or give a key.");
        }

        return new GatewayTarget(uri, File.ReadAllText(keyFile).Trim());
    }

    /// <summary>Opens a blocking socket to the gateway.</summary>
    /// <exception cref="SocketException">Nobody listens there.</exception>
    public Socket Connect(TimeSpan answerTimeout)
    {
        address ??= Resolve();
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp)
        {
            NoDelay = true,
            ReceiveTimeout = (int)answerTimeout.TotalMilliseconds,
            SendTimeout = (int)answerTimeout.TotalMilliseconds,
        };
        try
        {
            socket.Connect(address, Url.Port);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private IPAddress Resolve()
    {
        if (IPAddress.TryParse(Url.Host.Trim('[', ']'), out IPAddress? literal))
        {
            return literal;
        }

        IPAddress[] found = Dns.GetHostAddresses(Url.Host);
        return found.FirstOrDefault(a => a.AddressFamily == AddressFamily.InterNetwork) ?? found[0];
    }
}
