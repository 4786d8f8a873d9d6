using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Loyalty.Load.Http;

namespace Loyalty.Load.Gateway;

/// <summary>The few questions the load tool asks the gateway, apart from the traffic itself.</summary>
internal static class GatewayQueries
{
    private static readonly TimeSpan AnswerTimeout = TimeSpan.FromSeconds(30);

    /// <summary>Throws a <see cref="UserError"/> that says what to do when the gateway is not there.</summary>
    public static void AssureReady(GatewayTarget target)
    {
        int status;
        try
        {
            (status, _) = Get(target, "/readyz");
        }
        catch (Exception error) when (error is IOException or SocketException)
        {
            throw new UserError(
                $"The gateway at {target.Url} does not answer ({error.Message}). Start it with `./loyalty up`, or give its address with --url.");
        }

        if (status != 200)
        {
            throw new UserError($"The gateway at {target.Url} is not ready (/readyz answered {status}). Wait until it is, or read its log.");
        }
    }

    public static bool IsReady(GatewayTarget target)
    {
        try
        {
            return Get(target, "/readyz").Status == 200;
        }
        catch (Exception error) when (error is IOException or SocketException)
        {
            return false;
        }
    }

    public static TrialBalance ReadTrialBalance(GatewayTarget target)
    {
        (int status, byte[] body) = Get(target, "/v1/ledger/trial-balance");
        return status == 200
            ? TrialBalance.Parse(body)
            : throw new UserError($"The gateway refuses the trial balance with {status}: the key needs the scope `read`.");
    }

    public static (int Status, byte[] Body) Get(GatewayTarget target, string path) => Ask(target, "GET", path, default);

    public static (int Status, byte[] Body) Post(GatewayTarget target, string path, ReadOnlySpan<byte> json) =>
        Ask(target, "POST", path, json);

    public static (int Status, byte[] Body) Put(GatewayTarget target, string path, ReadOnlySpan<byte> json) =>
        Ask(target, "PUT", path, json);

    private static (int Status, byte[] Body) Ask(GatewayTarget target, string method, string path, ReadOnlySpan<byte> json)
    {
        using HttpConnection connection = HttpConnection.Open(target, AnswerTimeout);
        var request = new ByteBuffer();
        request.Append(Encoding.ASCII.GetBytes($"{method} {path} HTTP/1.1\r\nConnection: close\r\n"));
        request.Append(target.HeadFields);
        if (method is "POST" or "PUT")
        {
            request.Append(Encoding.ASCII.GetBytes($"Content-Type: application/json\r\nContent-Length: {json.Length}\r\n"));
        }

        request.Append("\r\n"u8);
        request.Append(json);
        connection.Send(request.Filled);
        var body = new ByteBuffer();
        connection.Answers.ReadWhole(body);
        return (connection.Answers.Status, body.Filled.ToArray());
    }
}

/// <summary>What all accounts of all units say together.</summary>
/// <param name="Points">Outstanding points: the account `member` of the first unit.</param>
/// <param name="WorstSum">The largest absolute sum over the units; 0 when the books balance.</param>
internal readonly record struct TrialBalance(long Points, long WorstSum)
{
    public static TrialBalance Parse(ReadOnlyMemory<byte> json)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        long points = 0;
        long worst = 0;
        bool first = true;
        foreach (JsonElement unit in document.RootElement.GetProperty("units").EnumerateArray())
        {
            long sum = 0;
            foreach (JsonElement account in unit.GetProperty("accounts").EnumerateArray())
            {
                long balance = account.GetProperty("balance").GetInt64();
                sum += balance;
                if (first && account.GetProperty("account").GetString() == "member")
                {
                    points = balance;
                }
            }

            // The engine's own sum is not taken on trust: the larger of the two is reported.
            worst = Math.Max(worst, Math.Max(Math.Abs(sum), Math.Abs(unit.GetProperty("sum").GetInt64())));
            first = false;
        }

        return new TrialBalance(points, worst);
    }
}
