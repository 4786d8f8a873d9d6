using Loyalty.Domain.Requests;
using Loyalty.Domain.Validation;
using Loyalty.Domain.Vouchers;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using NodaTime;

namespace Loyalty.Gateway.Http;

/// <summary>What tills accept without connection.</summary>
internal sealed partial class VouchersEndpoint
{
    private const int ReconciliationBytes = 1 << 20;

    /// <summary><c>PUT /v1/vouchers/allowances/{id}</c>.</summary>
    public async Task AllowAsync(HttpContext context)
    {
        var store = MembersEndpoint.IdOf(context, Allowances);
        if (await IsNoStoreAsync(context, store).ConfigureAwait(false))
        {
            return;
        }

        await SendAsync(context, fields => new StoreAllowance
        {
            Id = fields.Text("id", RequestLimits.IdLength), Store = store, Uses = fields.Whole("uses", 0, RequestLimits.Amount), Money = fields.Whole("money", 0, RequestLimits.Amount),
            Author = fields.Text("author", RequestLimits.TextLength),
        }, (writer, fact) =>
        {
            var allowance = ((AllowanceSet)fact).Request;
            writer.WriteString("store"u8, allowance.Store);
            writer.WriteNumber("uses"u8, allowance.Uses);
            writer.WriteNumber("money"u8, allowance.Money);
        }).ConfigureAwait(false);
    }

    /// <summary><c>GET /v1/vouchers/allowances/{id}</c>.</summary>
    public async Task GetAllowanceAsync(HttpContext context)
    {
        var store = MembersEndpoint.IdOf(context, Allowances);
        if (await IsNoStoreAsync(context, store).ConfigureAwait(false))
        {
            return;
        }

        var command = await engine.Host.AskAsync<Command>(new GetVoucherStore(store)).ConfigureAwait(false);
        await (SpendingEndpoint.NotDone(command) is { } problem
            ? HttpReplies.WriteProblemAsync(context, problem).AsTask()
            : HttpReplies.WriteJsonAsync(context, 200, (store, (VoucherStoreView)command.Reply!), static (writer, x) =>
            {
                var (store, view) = x;
                writer.WriteStartObject();
                writer.WriteString("store"u8, store);
                writer.WriteNumber("uses"u8, view.Uses);
                writer.WriteNumber("money"u8, view.Money);
                writer.WriteNumber("reconciliations"u8, view.Reconciliations);
                writer.WriteNumber("overdrawn"u8, view.Overdrawn);
                writer.WriteNumber("overdrawnMoney"u8, view.OverdrawnMoney);
                writer.WriteEndObject();
            }).AsTask()).ConfigureAwait(false);
    }

    /// <summary><c>POST /v1/vouchers/reconciliations</c>.</summary>
    public async Task ReconcileAsync(HttpContext context)
    {
        var (read, problem) = await DocumentBody.ReadAsync(context, fields => Tuple.Create(
            fields.Text("id", RequestLimits.IdLength), fields.Text("store", RequestLimits.NameLength), ReadEntries(fields)), ReconciliationBytes).ConfigureAwait(false);
        if (read is null)
        {
            await HttpReplies.WriteProblemAsync(context, problem!).ConfigureAwait(false);
            return;
        }

        var (id, store, entries) = read;
        var (outcomes, command) = await engine.ReconcileAsync(id, store, entries).ConfigureAwait(false);
        await ReplyAsync(context, command, id, (writer, fact) =>
        {
            var reconciled = (StoreReconciled)fact;
            writer.WriteString("store"u8, store);
            writer.WriteNumber("accepted"u8, reconciled.Request.Accepted);
            writer.WriteNumber("acceptedMoney"u8, reconciled.Request.AcceptedMoney);
            writer.WriteNumber("overdrawn"u8, reconciled.Request.Overdrawn);
            writer.WriteNumber("overdrawnMoney"u8, reconciled.Request.OverdrawnMoney);
            writer.WriteNumber("unknown"u8, reconciled.Request.Unknown);
            writer.WriteNumber("usesOverAllowance"u8, reconciled.UsesOver);
            writer.WriteNumber("moneyOverAllowance"u8, reconciled.MoneyOver);
            writer.WriteStartArray("entries"u8);
            foreach (var outcome in outcomes)
            {
                writer.WriteStartObject();
                writer.WriteString("id"u8, outcome.Id);
                writer.WriteString("status"u8, outcome.Redeemed is not { } redeemed ? "unknown" : redeemed.Overdraft is null ? "accepted" : "overdrawn");
                if (outcome.Redeemed is { } one)
                {
                    writer.WriteString("voucher"u8, one.Request.Voucher.ToString());
                    writer.WriteNumber("money"u8, one.Money);
                }

                if ((outcome.Redeemed?.Overdraft ?? outcome.Problem?.Detail) is { } reason)
                {
                    writer.WriteString("reason"u8, reason);
                }

                writer.WriteEndObject();
            }

            writer.WriteEndArray();
        }).ConfigureAwait(false);
    }

    private static List<OfflineEntry> ReadEntries(JsonFields fields)
    {
        var entries = new List<OfflineEntry>();
        var errors = new List<FieldError>();
        var ids = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (element, path) in fields.List("entries", 1, VoucherLimits.Entries))
        {
            var one = new JsonFields(element, path, errors);
            var (id, code, at) = (one.Text("id", RequestLimits.IdLength), one.Text("code", 40), one.Time("at"));
            if (at is null && !one.Has("at"))
            {
                one.Error("at", "is missing; the time at which the till accepted it is needed");
            }

            if (!ids.Add(id))
            {
                one.Error("id", $"'{id}' is there twice");
            }

            entries.Add(new(id, code, Instant.FromUnixTimeMilliseconds((at ?? Instant.FromUnixTimeSeconds(0)).ToUnixTimeMilliseconds()), ReadMember(one), ReadBasket(one)));
            one.RefuseUnknown();
        }

        foreach (var error in errors)
        {
            fields.Error(error.Field, error.Message);
        }

        return entries;
    }

    private static async Task<bool> IsNoStoreAsync(HttpContext context, string store)
    {
        if (store.Length is > 0 and <= RequestLimits.NameLength && !store.Any(char.IsControl))
        {
            return false;
        }

        await HttpReplies.WriteProblemAsync(context, Problem.Shape("store", $"has {store.Length} characters; 1 to {RequestLimits.NameLength} printable ones are possible")).ConfigureAwait(false);
        return true;
    }
}
