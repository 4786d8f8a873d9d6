using System.Net.Sockets;
using System.Text.Json;
using Loyalty.Load.Gateway;
using Loyalty.Load.Http;
using Loyalty.Load.Streams;

namespace Loyalty.Load.Drive;

/// <summary>What differs between the client's account and the engine's books.</summary>
/// <param name="Members">How many were compared.</param>
/// <param name="Lost">Requests acknowledged but not in the books.</param>
/// <param name="Doubled">Requests in the books beyond those acknowledged or unknown.</param>
/// <param name="Wrong">Members whose counts agree but whose spend or points do not.</param>
internal readonly record struct CheckResult(long Members, long Lost, long Doubled, long Wrong)
{
    public bool IsWell => Lost == 0 && Doubled == 0 && Wrong == 0;

    public static CheckResult operator +(CheckResult a, CheckResult b) =>
        new(a.Members + b.Members, a.Lost + b.Lost, a.Doubled + b.Doubled, a.Wrong + b.Wrong);
}

/// <summary>Reads every member that the run touched and compares it with the client's account.</summary>
internal sealed class AccountCheck(GatewayTarget target, Workload workload, TillAccount account, bool comparesPoints)
{
    private const int ReadsInFlight = 32;
    private const int DifferencesShown = 10;

    private static readonly TimeSpan AnswerTimeout = TimeSpan.FromSeconds(30);

    private readonly Lock gate = new();
    private int shown;
    private long done;

    /// <param name="patience">How long to keep asking a gateway that does not answer.</param>
    /// <exception cref="UserError">The gateway does not answer, or refuses.</exception>
    public CheckResult Run(int connections, TimeSpan patience, CancellationToken stop)
    {
        int[] touched = [.. Enumerable.Range(0, account.Members).Where(account.IsTouched)];
        var results = new CheckResult[connections];
        using (Progress.Start("check", touched.Length, () => Volatile.Read(ref done)))
        {
            Connections.RunAll(connections, i =>
            {
                int from = (int)((long)touched.Length * i / connections);
                int to = (int)((long)touched.Length * (i + 1) / connections);
                results[i] = CheckSome(touched.AsSpan(from, to - from), new Patience(patience, stop));
            });
        }

        return results.Aggregate((a, b) => a + b);
    }

    private CheckResult CheckSome(ReadOnlySpan<int> members, Patience patience)
    {
        var result = default(CheckResult);
        HttpConnection? connection = null;
        try
        {
            patience.Renew();
            while (members.Length > 0)
            {
                ReadOnlySpan<int> some = members[..Math.Min(ReadsInFlight, members.Length)];
                int read = 0;
                try
                {
                    connection ??= HttpConnection.Open(target, AnswerTimeout);
                    read = Check(connection, some, ref result);
                }
                catch (Exception error) when (error is IOException or SocketException or InvalidDataException)
                {
                    // Nothing of these was counted; they are asked for again.
                }

                members = members[read..];
                if (read > 0)
                {
                    patience.Renew();
                    Interlocked.Add(ref done, read);
                }

                if (read < some.Length)
                {
                    connection?.Dispose();
                    connection = null;
                    if (patience.IsOver)
                    {
                        throw new UserError($"The gateway stopped answering during the check; {members.Length} members were not compared.");
                    }

                    patience.Pause();
                }
            }
        }
        finally
        {
            connection?.Dispose();
        }

        return result;
    }

    /// <summary>Asks for all of them in one write; returns how many were answered and counted.</summary>
    private int Check(HttpConnection connection, ReadOnlySpan<int> members, ref CheckResult result)
    {
        var request = new ByteBuffer();
        foreach (int member in members)
        {
            request.Append("GET /v1/members/"u8);
            request.Append(System.Text.Encoding.ASCII.GetBytes(workload.MemberId(member)));
            request.Append(" HTTP/1.1\r\n"u8);
            request.Append(target.HeadFields);
            request.Append("\r\n"u8);
        }

        connection.Send(request.Filled);
        var body = new ByteBuffer();
        int read = 0;
        foreach (int member in members)
        {
            body.Clear();
            try
            {
                connection.Answers.ReadWhole(body);
            }
            catch (Exception error) when (error is IOException or InvalidDataException)
            {
                return read;
            }

            switch (connection.Answers.Status)
            {
                case 200:
                    result += Compare(member, Parse(body.Filled));
                    break;
                case 404:
                    result += Compare(member, default);
                    break;
                case 429 or 500 or 502 or 503 or 504:
                    return read;
                default:
                    throw new UserError($"The gateway refuses to show member {workload.MemberId(member)} with {connection.Answers.Status}: the key needs the scope `read`.");
            }

            read++;
        }

        return read;
    }

    private static MemberSums Parse(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        using JsonDocument document = JsonDocument.ParseValue(ref reader);
        JsonElement totals = document.RootElement.GetProperty("totals");
        long points = 0;
        foreach (JsonElement balance in document.RootElement.GetProperty("balances").EnumerateArray())
        {
            points += balance.GetProperty("available").GetInt64() + balance.GetProperty("pending").GetInt64() + balance.GetProperty("held").GetInt64();
        }

        return new MemberSums
        {
            Purchases = totals.GetProperty("purchases").GetInt32(),
            Returns = totals.GetProperty("returns").GetInt32(),
            Spend = totals.GetProperty("spend").GetInt64(),
            Points = points,
        };
    }

    private CheckResult Compare(int member, MemberSums engine)
    {
        MemberSums mine = account.Of(member);
        UnknownSums? open = account.UnknownOf(member);
        long lost = Math.Max(0, mine.Purchases - engine.Purchases) + Math.Max(0, mine.Returns - engine.Returns);
        long doubled = Math.Max(0, engine.Purchases - mine.Purchases - (open?.Purchases ?? 0))
            + Math.Max(0, engine.Returns - mine.Returns - (open?.Returns ?? 0));
        bool isWrong = lost == 0 && doubled == 0 && !(SpendAgrees(mine, open, engine) && PointsAgree(member, mine, engine));
        if (lost > 0 || doubled > 0 || isWrong)
        {
            Show(member, mine, engine);
        }

        return new CheckResult(1, lost, doubled, isWrong ? 1 : 0);
    }

    private static bool SpendAgrees(MemberSums mine, UnknownSums? open, MemberSums engine)
    {
        if (engine.Purchases == mine.Purchases && engine.Returns == mine.Returns)
        {
            return engine.Spend == mine.Spend;
        }

        // Of the unknown ones all came: their spend is known. Only some: which of them, nobody can say.
        bool allCame = open is not null && engine.Purchases == mine.Purchases + open.Purchases && engine.Returns == mine.Returns + open.Returns;
        return !allCame || engine.Spend == mine.Spend + open!.Spend;
    }

    private bool PointsAgree(int member, MemberSums mine, MemberSums engine) =>
        !comparesPoints || !account.KnowsPoints(member) || mine.Points == engine.Points;

    private void Show(int member, MemberSums mine, MemberSums engine)
    {
        lock (gate)
        {
            if (shown++ < DifferencesShown)
            {
                Progress.Say(
                    $"{workload.MemberId(member)}: acknowledged {mine.Purchases} purchases, {mine.Returns} returns, spend {mine.Spend}, points {mine.Points}; " +
                    $"the engine has {engine.Purchases}, {engine.Returns}, {engine.Spend}, {engine.Points}");
            }
        }
    }
}
