using Loyalty.Domain.Campaigns;
using Loyalty.Domain.Members;
using Loyalty.Gateway.Security;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Loyalty;
using Microsoft.AspNetCore.Connections;

namespace Loyalty.Gateway.Http;

/// <summary>The HTTP side: addresses, keys, limits, and an answer for everything that goes wrong.</summary>
internal static class GatewayApp
{
    private const string AnyScope = "till, partner, read or admin";

    /// <summary>Builds the web application over an engine that runs already.</summary>
    /// <param name="engine">The engine.</param>
    /// <param name="keys">Null: no keys are asked for (only on loopback).</param>
    /// <param name="url">Where to listen.</param>
    /// <param name="limits">Bounds.</param>
    public static WebApplication Build(LoyaltyEngine engine, ApiKeys? keys, string url, GatewayLimits limits)
    {
        var app = CreateBuilder(url, limits).Build();
        Map(app, engine, () => engine.Programs.IsLoaded, keys, limits);
        return app;
    }

    /// <summary>The web server and its limits, without addresses; whoever adds services of its own builds it and calls <see cref="Map"/>.</summary>
    public static WebApplicationBuilder CreateBuilder(string url, GatewayLimits limits)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ApplicationName = "Loyalty.Gateway", ContentRootPath = AppContext.BaseDirectory });
        builder.Logging.ClearProviders();
        builder.Logging.AddSimpleConsole(options => options.SingleLine = true);
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        builder.WebHost.UseUrls(url);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Limits.MaxConcurrentConnections = limits.Connections;
            kestrel.Limits.MaxRequestHeadersTotalSize = 16 * 1024;
            kestrel.Limits.MaxRequestBufferSize = 1 << 20;
            kestrel.Limits.MaxResponseBufferSize = 1 << 20;
        });
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromSeconds(10));
        return builder;
    }

    /// <summary>Gives the application its addresses.</summary>
    /// <param name="app">The application.</param>
    /// <param name="engine">The engine.</param>
    /// <param name="isReady">Whether requests can be answered; <c>/readyz</c> says so.</param>
    /// <param name="keys">Null: no keys are asked for (only on loopback).</param>
    /// <param name="limits">Bounds.</param>
    public static void Map(WebApplication app, LoyaltyEngine engine, Func<bool> isReady, ApiKeys? keys, GatewayLimits limits)
    {
        app.Use(AnswerFailuresAsync);
        app.UseRouting();
        var sales = new SalesEndpoint(engine, limits);
        var members = new MembersEndpoint(engine);
        var operations = new OperationsEndpoint(engine);
        var spending = new SpendingEndpoint(engine);
        var transfers = new TransfersEndpoint(engine);
        var households = new HouseholdsEndpoint(engine);
        var rewards = new RewardsEndpoint(engine);
        var campaigns = new CampaignsEndpoint(engine);
        var engagement = new EngagementEndpoint(engine, limits);
        const Scopes Seller = Scopes.Till | Scopes.Partner | Scopes.Admin;
        const Scopes Desk = Scopes.Till | Scopes.Admin;
        const Scopes Reader = Scopes.Till | Scopes.Partner | Scopes.Read | Scopes.Admin;
        const Scopes Auditor = Scopes.Read | Scopes.Admin;

        app.MapPost("/v1/purchases", Guard(keys, Seller, context => sales.HandleAsync(context, isReturn: false)));
        app.MapPost("/v1/returns", Guard(keys, Seller, context => sales.HandleAsync(context, isReturn: true)));
        app.MapPost("/v1/adjustments", Guard(keys, Scopes.Admin, members.AdjustAsync));
        app.MapGet("/v1/members/{id}/holds", Guard(keys, Reader, spending.ListHoldsAsync, isMember: true));
        app.MapPost("/v1/holds", Guard(keys, Seller, spending.HoldAsync));
        app.MapGet("/v1/holds/{id}", Guard(keys, Reader, spending.GetHoldAsync));
        app.MapPost("/v1/holds/{id}/commit", Guard(keys, Seller, spending.CommitAsync));
        app.MapPost("/v1/holds/{id}/cancel", Guard(keys, Seller, spending.CancelAsync));
        app.MapPost("/v1/redemptions", Guard(keys, Seller, spending.RedeemAsync));
        app.MapPost("/v1/redemptions/{id}/reversal", Guard(keys, Desk, spending.ReverseAsync));
        app.MapGet("/v1/households/{id}", Guard(keys, Reader, households.GetAsync));
        app.MapPost("/v1/households/{id}/members", Guard(keys, Desk, households.JoinAsync));
        app.MapPost("/v1/households/{id}/leave", Guard(keys, Desk, households.LeaveAsync));
        app.MapPost("/v1/households/{id}/contributions", Guard(keys, Seller, households.ContributeAsync));
        app.MapPost("/v1/households/{id}/withdrawals", Guard(keys, Seller, households.WithdrawAsync));
        app.MapPost("/v1/transfers", Guard(keys, Seller, transfers.TransferAsync));
        app.MapGet("/v1/transfers/{id}", Guard(keys, Reader, transfers.GetAsync));
        app.MapGet("/v1/rewards", Guard(keys, Reader, rewards.ListAsync));
        app.MapGet("/v1/rewards/{id}", Guard(keys, Reader, rewards.GetAsync));
        app.MapPut("/v1/rewards/{id}", Guard(keys, Scopes.Admin, rewards.PutAsync));
        app.MapPost("/v1/rewards/{id}/withdraw", Guard(keys, Scopes.Admin, rewards.WithdrawAsync));
        app.MapPost("/v1/rewards/{id}/stock", Guard(keys, Scopes.Admin, rewards.ChangeStockAsync));
        app.MapPost("/v1/members", Guard(keys, Desk, members.EnrolAsync));
        app.MapGet("/v1/members", Guard(keys, Reader, members.FindAsync));
        app.MapGet("/v1/members/{id}", Guard(keys, Reader, members.GetAsync, isMember: true));
        app.MapPut("/v1/members/{id}/alternative-ids", Guard(keys, Desk, members.ReplaceAlternativeIdsAsync, isMember: true));
        app.MapPost("/v1/members/{id}/block", Guard(keys, Scopes.Admin, context => members.ChangeStatusAsync(context, MemberStatus.Blocked), isMember: true));
        app.MapPost("/v1/members/{id}/unblock", Guard(keys, Scopes.Admin, context => members.ChangeStatusAsync(context, MemberStatus.Active), isMember: true));
        app.MapPost("/v1/members/{id}/close", Guard(keys, Scopes.Admin, context => members.ChangeStatusAsync(context, MemberStatus.Closed), isMember: true));
        app.MapGet("/v1/members/{id}/statement", Guard(keys, Auditor, members.StatementAsync, isMember: true));
        app.MapPut("/v1/members/{id}/attributes", Guard(keys, Desk, engagement.SetAttributesAsync, isMember: true));
        app.MapGet("/v1/members/{id}/campaigns", Guard(keys, Reader, engagement.GetProgressAsync, isMember: true));
        app.MapPost("/v1/activities", Guard(keys, Seller, engagement.RecordAsync));
        app.MapPost("/v1/quotes", Guard(keys, Reader, engagement.QuoteAsync));
        app.MapGet("/v1/feedback", Guard(keys, Auditor, engagement.FeedbackAsync));
        app.MapGet("/v1/campaigns", Guard(keys, Auditor, campaigns.ListAsync));
        app.MapGet("/v1/campaigns/schema", Guard(keys, Auditor, CampaignsEndpoint.SchemaAsync));
        app.MapGet("/v1/campaigns/{id}", Guard(keys, Auditor, campaigns.GetAsync));
        app.MapPut("/v1/campaigns/{id}", Guard(keys, Scopes.Admin, campaigns.PutAsync));
        app.MapPost("/v1/campaigns/{id}/approve", Guard(keys, Scopes.Admin, campaigns.ApproveAsync));
        app.MapPost("/v1/campaigns/{id}/publish", Guard(keys, Scopes.Admin, campaigns.PublishAsync));
        app.MapPost("/v1/campaigns/{id}/pause", Guard(keys, Scopes.Admin, context => campaigns.SetStatusAsync(context, CampaignStatus.Paused)));
        app.MapPost("/v1/campaigns/{id}/resume", Guard(keys, Scopes.Admin, context => campaigns.SetStatusAsync(context, CampaignStatus.Active)));
        app.MapPost("/v1/campaigns/{id}/end", Guard(keys, Scopes.Admin, context => campaigns.SetStatusAsync(context, CampaignStatus.Ended)));
        app.MapGet("/v1/campaigns/{id}/budget", Guard(keys, Auditor, campaigns.GetBudgetAsync));
        app.MapGet("/v1/campaigns/{id}/leaderboard", Guard(keys, Auditor, campaigns.GetLeaderboardAsync));
        app.MapGet("/v1/campaigns/{id}/versions/{version}", Guard(keys, Auditor, campaigns.GetVersionAsync));
        app.MapGet("/v1/program", Guard(keys, Auditor, operations.GetProgramAsync));
        app.MapPut("/v1/program", Guard(keys, Scopes.Admin, operations.PutProgramAsync));
        MapPools(app, engine, keys);
        app.MapGet("/v1/ledger/trial-balance", Guard(keys, Auditor, operations.TrialBalanceAsync));
        var vouchers = new VouchersEndpoint(engine);
        app.MapPost("/v1/vouchers/batches", Guard(keys, Scopes.Admin, vouchers.CreateBatchAsync));
        app.MapGet("/v1/vouchers/batches/{id}", Guard(keys, Auditor, vouchers.GetBatchAsync));
        app.MapGet("/v1/vouchers/batches/{id}/codes", Guard(keys, Scopes.Admin, vouchers.CodesAsync));
        app.MapPost("/v1/vouchers/batches/{id}/end", Guard(keys, Scopes.Admin, vouchers.EndBatchAsync));
        app.MapPost("/v1/vouchers/issues", Guard(keys, Scopes.Admin, vouchers.IssueAsync));
        app.MapPost("/v1/vouchers/validations", Guard(keys, Seller, vouchers.ValidateAsync));
        app.MapPost("/v1/vouchers/holds", Guard(keys, Seller, vouchers.HoldAsync));
        app.MapPost("/v1/vouchers/holds/{id}/redeem", Guard(keys, Seller, vouchers.RedeemHoldAsync));
        app.MapPost("/v1/vouchers/holds/{id}/cancel", Guard(keys, Seller, vouchers.CancelHoldAsync));
        app.MapPost("/v1/vouchers/redemptions", Guard(keys, Seller, vouchers.RedeemAsync));
        app.MapPost("/v1/vouchers/voids", Guard(keys, Scopes.Admin, vouchers.VoidAsync));
        app.MapPut("/v1/vouchers/allowances/{id}", Guard(keys, Scopes.Admin, vouchers.AllowAsync));
        app.MapGet("/v1/vouchers/allowances/{id}", Guard(keys, Reader, vouchers.GetAllowanceAsync));
        app.MapPost("/v1/vouchers/reconciliations", Guard(keys, Desk, vouchers.ReconcileAsync));
        var ledger = new LedgerEndpoint(engine);
        app.MapGet("/v1/requests/{id}", Guard(keys, Auditor, ledger.TraceAsync, longest: LedgerEndpoint.MaxId));
        app.MapGet("/v1/reports/liability", Guard(keys, Auditor, ledger.LiabilityAsync));
        app.MapPost("/v1/imports/members", Guard(keys, Scopes.Admin, new ImportsEndpoint(engine, limits).HandleAsync));
        app.MapGet("/v1/system", Guard(keys, Auditor, operations.SystemAsync));
        var backtests = new BacktestEndpoint(engine);
        app.MapPost("/v1/campaigns/{id}/backtests", Guard(keys, Scopes.Admin, backtests.StartAsync));
        app.MapPost("/v1/campaigns/{id}/reports", Guard(keys, Auditor, backtests.ReportAsync));
        app.MapGet("/v1/backtests/{id}", Guard(keys, Auditor, backtests.GetAsync));
        app.MapDelete("/v1/backtests/{id}", Guard(keys, Scopes.Admin, backtests.CancelAsync));
        app.MapGet("/openapi/v1.json", OperationsEndpoint.OpenApiAsync);
        MapHealth(app, isReady);
    }

    private static void MapPools(WebApplication app, LoyaltyEngine engine, ApiKeys? keys)
    {
        var pools = new PoolsEndpoint(engine);
        const Scopes Partner = Scopes.Partner | Scopes.Read | Scopes.Admin;
        app.MapPut("/v1/pools/{id}", Guard(keys, Scopes.Admin, pools.PublishAsync));
        app.MapGet("/v1/pools/{id}", Guard(keys, Partner, pools.GetAsync));
        app.MapPost("/v1/pools/{id}/fundings", Guard(keys, Scopes.Admin, pools.FundAsync));
        app.MapGet("/v1/pools/{id}/statements/{period}", Guard(keys, Partner, new StatementWriter(engine).HandleAsync));
        app.MapPost("/v1/exchanges", Guard(keys, Scopes.Till | Scopes.Partner | Scopes.Admin, pools.ExchangeAsync));
        app.MapGet("/v1/exchanges/{id}", Guard(keys, Scopes.Till | Partner, pools.GetExchangeAsync));
        app.MapPost("/v1/exchanges/{id}/resolve", Guard(keys, Scopes.Admin, pools.ResolveAsync));
    }

    /// <summary>Only <c>/healthz</c> (the process answers) and <c>/readyz</c> (it should be sent requests).</summary>
    public static void MapHealth(WebApplication app, Func<bool> isReady)
    {
        app.MapGet("/healthz", context => TextAsync(context, 200, "alive\n"));
        app.MapGet("/readyz", context => isReady() ? TextAsync(context, 200, "ready\n") : TextAsync(context, 503, "starting\n"));
    }

    private static RequestDelegate Guard(ApiKeys? keys, Scopes needed, RequestDelegate handler, bool isMember = false, int longest = Domain.Requests.RequestLimits.IdLength) => context =>
    {
        if (keys is not null)
        {
            var rights = KeyOf(context.Request) is { } key ? keys.RightsOf(key) : default;
            var scopes = rights.Scopes;
            if (scopes == Scopes.None)
            {
                context.Response.Headers.WWWAuthenticate = "Bearer";
                return HttpReplies.WriteProblemAsync(context, new(
                    401, "no-key", "A key is needed", "send 'Authorization: Bearer <key>' or 'X-Api-Key: <key>' with a key of this engine; './loyalty keys add' makes one", [])).AsTask();
            }

            if ((scopes & needed) == 0)
            {
                var names = needed == (Scopes.Till | Scopes.Partner | Scopes.Read | Scopes.Admin) ? AnyScope : needed.ToString().ToLowerInvariant();
                return HttpReplies.WriteProblemAsync(context, new(403, "scope", "The key may not do this", $"a key with scope {names} is needed", [])).AsTask();
            }

            if (rights.Pools is not null)
            {
                context.Items[PoolsEndpoint.RightsItem] = rights;
            }
        }

        if (isMember && MembersEndpoint.MemberOf(context) is { Length: > Domain.Requests.RequestLimits.IdLength } id)
        {
            return HttpReplies.WriteProblemAsync(context, Problem.Shape("id", $"has {id.Length} characters; 1 to {Domain.Requests.RequestLimits.IdLength} are possible")).AsTask();
        }

        // Names in addresses are bounded like names in bodies: nothing can have such a name.
        foreach (var (name, value) in isMember ? [] : context.Request.RouteValues)
        {
            if (value is not string text || text.Length <= longest)
            {
                continue;
            }

            if (context.Request.Method is not ("GET" or "DELETE"))
            {
                return HttpReplies.WriteProblemAsync(context, Problem.Shape(name, $"has {text.Length} characters; 1 to {longest} are possible")).AsTask();
            }

            // The handler says in its own words that there is no such thing.
            context.Request.RouteValues[name] = text[..(longest + 1)];
        }

        return handler(context);
    };

    private static string? KeyOf(HttpRequest request)
    {
        const string Bearer = "Bearer ";
        var authorization = request.Headers.Authorization;
        if (authorization.Count == 1 && authorization[0] is { } header && header.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase))
        {
            return header[Bearer.Length..].Trim();
        }

        return request.Headers["X-Api-Key"] is [{ Length: > 0 } key] ? key : null;
    }

    private static async Task AnswerFailuresAsync(HttpContext context, RequestDelegate next)
    {
        try
        {
            await next(context).ConfigureAwait(false);
            if (context.Response is { StatusCode: 404, HasStarted: false } && context.GetEndpoint() is null)
            {
                await HttpReplies.WriteProblemAsync(context, Problem.NotFound(context.Request.Path)).ConfigureAwait(false);
            }
            else if (context.Response is { StatusCode: 405, HasStarted: false })
            {
                await HttpReplies.WriteProblemAsync(context, new(
                    405, "method", "The address does not take this method", $"{context.Request.Method} is not possible here; possible: {context.Response.Headers.Allow}", [])).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is ConnectionResetException || (e is OperationCanceledException && context.RequestAborted.IsCancellationRequested))
        {
            // The caller is gone.
        }
        catch (BadHttpRequestException e)
        {
            await HttpReplies.WriteProblemAsync(context, e.StatusCode == 413 ? Problem.TooLarge(e.Message) : new(
                e.StatusCode, "http", "The request is no proper HTTP", e.Message, [])).ConfigureAwait(false);
        }
        catch (JournalUnavailableException e)
        {
            await HttpReplies.WriteProblemAsync(context, Problem.Unavailable(e.Message)).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            // A defect. What the request came to is not known to the caller, and asking again with the same id is safe: that is what 503 says.
            context.RequestServices.GetRequiredService<ILoggerFactory>().CreateLogger("Loyalty.Gateway").LogError(e, "{Method} {Path} failed", context.Request.Method, context.Request.Path);
            await HttpReplies.WriteProblemAsync(context, Problem.Unavailable("the request failed for a reason that is logged")).ConfigureAwait(false);
        }
    }

    private static Task TextAsync(HttpContext context, int status, string text)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/plain; charset=utf-8";
        return context.Response.WriteAsync(text, context.RequestAborted);
    }
}
