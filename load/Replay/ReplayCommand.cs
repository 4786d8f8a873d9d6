using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Loyalty.Load.Gateway;
using Loyalty.Load.Streams;

namespace Loyalty.Load.Replay;

/// <summary>`replay FILE`: a year of a real shop through the gateway, every row accounted for.</summary>
internal static class ReplayCommand
{
    public static Command Create()
    {
        var file = new Argument<string>("FILE") { Description = "The UCI Online Retail data, .csv or .csv.gz." };
        var shift = new Option<int>("--shift-weeks")
        {
            Description = "Moves all dates by whole weeks on the local calendar; 0 keeps them. 730 brings 2010-12-01 to 2024-11-27.",
            DefaultValueFactory = _ => RetailPlanOptions.ShiftWeeksDefault,
        };
        var byCountry = new Option<bool>("--store-by-country") { Description = "The country is the store; otherwise the store is WEB." };
        var connections = new Option<int>("--connections")
        {
            Description = "Ordered streams at once (1-64); each member belongs to one of them.",
            DefaultValueFactory = _ => 4,
        };
        var speed = new Option<double>("--speed") { Description = "Times life; 0 for as fast as it goes.", DefaultValueFactory = _ => 0 };
        var patience = new Option<double>("--patience")
        {
            Description = "Seconds without any settled request until the rest is given up.",
            DefaultValueFactory = _ => 60,
        };
        var json = new Option<bool>("--json") { Description = "Prints the result as one JSON object, the last line of standard output." };
        var gateway = new GatewayArguments();
        var command = new Command("replay", "Sends a year of a real shop (UCI Online Retail) through the gateway; every row is accounted for.")
        {
            file, shift, byCountry, connections, speed, patience, json,
        };
        gateway.AddTo(command);
        command.SetAction((parsed, stop) => Task.Run(() =>
        {
            int streams = Limits.Check("--connections", parsed.GetValue(connections), 1, 64);
            int weeks = Limits.Check("--shift-weeks", parsed.GetValue(shift), -2000, 2000);
            GatewayTarget target = gateway.Find(parsed);
            RetailPlan plan = Plan(parsed.GetRequiredValue(file), new RetailPlanOptions(weeks, parsed.GetValue(byCountry)));
            var options = new ReplayOptions(streams, parsed.GetValue(speed), PatienceSeconds: parsed.GetValue(patience));
            return Replay(target, plan, options, parsed.GetValue(json), stop);
        }, stop));
        return command;
    }

    private static RetailPlan Plan(string file, RetailPlanOptions options)
    {
        long read = 0;
        RetailPlan plan;
        using (Progress.Start(() => $"reading: {Volatile.Read(ref read):N0} rows"))
        {
            plan = RetailPlan.Make(OnlineRetail.Read(file).Select(row =>
            {
                read++;
                return row;
            }), options);
        }

        if (plan.Requests.Count == 0)
        {
            throw new UserError($"{file} has no row that can be sent.");
        }

        Progress.Say(
            $"dates are moved by {options.ShiftWeeks} weeks: {plan.Requests[0].At:yyyy-MM-dd} to {plan.Requests[^1].At:yyyy-MM-dd}, " +
            "local time Europe/London; amounts are quantity x price, rounded half-even to pence");
        if (plan.Requests[^1].At > DateTimeOffset.UtcNow)
        {
            Progress.Say("some of these dates lie in the future, and the gateway will refuse them: give a smaller --shift-weeks");
        }

        return plan;
    }

    private static int Replay(GatewayTarget target, RetailPlan plan, ReplayOptions options, bool asJson, CancellationToken stop)
    {
        long started = Stopwatch.GetTimestamp();
        ReplayCounts counts = ReplayRun.Run(target, plan, options, stop);
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        TrialBalance balance = GatewayQueries.ReadTrialBalance(target);
        bool addsUp = plan.Rows == plan.RowsSent + plan.RowsNotSent && counts.Answered + counts.Unknown == plan.Requests.Count;

        Console.WriteLine($"rows        {plan.Rows,12:N0}   sent {plan.RowsSent:N0}, not sent {plan.RowsNotSent:N0}");
        Console.WriteLine($"purchases   {counts.Purchases,12:N0}   returns {counts.Returns:N0}, anonymous among them {counts.Anonymous:N0}");
        Console.WriteLine($"refused     {counts.Refused,12:N0}   unknown {counts.Unknown:N0}, replayed {counts.Replayed:N0}, sent once more {counts.Resent:N0}");
        Console.WriteLine($"members     {plan.Members,12:N0}   points outstanding {balance.Points:N0}, books sum to {balance.WorstSum}");
        Console.WriteLine($"seconds     {seconds,12:F1}   {counts.Answered / seconds:N0} requests/s, {plan.RowsSent / seconds:N0} rows/s");
        foreach ((string kind, long count) in plan.Odd.Counts)
        {
            Console.WriteLine($"odd         {count,12:N0}   {kind}");
        }

        if (!addsUp)
        {
            Console.Error.WriteLine("The counts do not add up: this is an error of the load tool.");
        }

        if (asJson)
        {
            var odd = new JsonObject(plan.Odd.Counts.Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)pair.Value)));
            Console.WriteLine(new JsonObject
            {
                ["rows"] = plan.Rows,
                ["rowsSent"] = plan.RowsSent,
                ["rowsNotSent"] = plan.RowsNotSent,
                ["requests"] = plan.Requests.Count,
                ["purchases"] = counts.Purchases,
                ["returns"] = counts.Returns,
                ["anonymous"] = counts.Anonymous,
                ["replayed"] = counts.Replayed,
                ["refused"] = counts.Refused,
                ["unknown"] = counts.Unknown,
                ["resent"] = counts.Resent,
                ["odd"] = odd,
                ["members"] = plan.Members,
                ["points"] = balance.Points,
                ["trialBalance"] = balance.WorstSum,
                ["seconds"] = Math.Round(seconds, 3),
            }.ToJsonString(JsonSerializerOptions.Default));
        }

        return addsUp && counts.Unknown == 0 && balance.WorstSum == 0 ? 0 : 1;
    }
}
