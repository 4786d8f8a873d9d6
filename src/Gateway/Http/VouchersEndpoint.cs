using System.Buffers;
using System.Text;
using System.Text.Json;
using Loyalty.Domain.Programs;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Validation;
using Loyalty.Domain.Vouchers;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using NodaTime;
using NodaTime.Text;

namespace Loyalty.Gateway.Http;

/// <summary>Vouchers: batches and their codes, holds, redemptions, offline allowances. docs/VOUCHERS.md.</summary>
internal sealed partial class VouchersEndpoint(LoyaltyEngine engine)
{
    private const string Batches = "/v1/vouchers/batches/";
    private const string Holds = "/v1/vouchers/holds/";
    private const string Allowances = "/v1/vouchers/allowances/";
    private static readonly string[] Types = ["money", "percent", "points", "entitlement"];

    /// <summary><c>POST /v1/vouchers/batches</c>.</summary>
    public async Task CreateBatchAsync(HttpContext context)
    {
        var program = engine.Programs.Current.At(engine.Clock.GetCurrentInstant());
        var (creation, problem) = await DocumentBody.ReadAsync(context, fields => new BatchCreation
        {
            Id = fields.Text("id", RequestLimits.IdLength), Author = fields.Text("author", RequestLimits.TextLength), Terms = ReadTerms(fields, program),
        }).ConfigureAwait(false);
        if (creation is null)
        {
            await HttpReplies.WriteProblemAsync(context, problem!).ConfigureAwait(false);
            return;
        }

        var command = await engine.CreateBatchAsync(creation).ConfigureAwait(false);
        await ReplyAsync(context, command, creation.Id, (writer, _) =>
        {
            WriteTerms(writer, creation.Terms);
            writer.WriteNumber("vouchers"u8, creation.Terms.IsBound ? 0 : creation.Terms.Codes);
        }, created: true).ConfigureAwait(false);
    }

    /// <summary><c>GET /v1/vouchers/batches/{id}</c>.</summary>
    public async Task GetBatchAsync(HttpContext context)
    {
        if (await BatchAsync(context).ConfigureAwait(false) is { } batch)
        {
            await HttpReplies.WriteJsonAsync(context, 200, batch, static (writer, batch) =>
            {
                writer.WriteStartObject();
                WriteTerms(writer, batch.Terms);
                writer.WriteNumber("vouchers"u8, batch.Vouchers);
                writer.WriteString("status"u8, batch.EndedInto switch { null => "open", VoucherAccounts.Voided => "ended", _ => "expired" });
                writer.WriteEndObject();
            }).ConfigureAwait(false);
        }
    }

    /// <summary><c>GET /v1/vouchers/batches/{id}/codes</c>: CSV, made while it is sent.</summary>
    public async Task CodesAsync(HttpContext context)
    {
        var query = context.Request.Query;
        var errors = new List<FieldError>();
        foreach (var name in query.Keys.Where(name => name is not ("from" or "count")))
        {
            errors.Add(new(name, "is not a parameter here; known are from, count"));
        }

        var (from, count) = (0, VoucherLimits.Codes);
        if (query.ContainsKey("from") && (!int.TryParse(query["from"], out from) || from is < 0 or >= VoucherLimits.Codes))
        {
            errors.Add(new("from", $"is '{query["from"]}'; a whole number from 0 to {VoucherLimits.Codes - 1} is needed"));
        }

        if (query.ContainsKey("count") && (!int.TryParse(query["count"], out count) || count is < 1 or > VoucherLimits.Codes))
        {
            errors.Add(new("count", $"is '{query["count"]}'; a whole number from 1 to {VoucherLimits.Codes} is needed"));
        }

        if (errors.Count > 0)
        {
            await HttpReplies.WriteProblemAsync(context, Problem.Shape(errors)).ConfigureAwait(false);
            return;
        }

        if (await BatchAsync(context).ConfigureAwait(false) is not { } batch)
        {
            return;
        }

        const int Piece = 500;
        context.Response.StatusCode = 200;
        context.Response.ContentType = "text/csv; charset=utf-8";
        context.Response.Headers.CacheControl = "no-store";
        var body = context.Response.BodyWriter;
        body.Write("voucher,code\n"u8);
        var end = Math.Min((long)from + count, batch.Vouchers);
        for (var serial = from; serial < end; serial++)
        {
            var voucher = new VoucherId(batch.Terms.Head, serial);
            Encoding.ASCII.GetBytes($"{voucher},{VoucherCode.Of(voucher, batch.Secret)}\n", body);
            if ((serial - from) % Piece == Piece - 1)
            {
                // Whoever reads slowly is waited for: not more than a piece is in memory.
                await body.FlushAsync(context.RequestAborted).ConfigureAwait(false);
            }
        }

        await body.FlushAsync(context.RequestAborted).ConfigureAwait(false);
    }

    /// <summary><c>POST /v1/vouchers/batches/{id}/end</c>.</summary>
    public async Task EndBatchAsync(HttpContext context)
    {
        var batch = MembersEndpoint.IdOf(context, Batches);
        await SendAsync(context, fields => new BatchVoid
        {
            Id = fields.Text("id", RequestLimits.IdLength), Batch = batch, Reason = fields.Text("reason", RequestLimits.TextLength), Author = fields.Text("author", RequestLimits.TextLength),
        }, (writer, _) =>
        {
            writer.WriteString("batch"u8, batch);
            writer.WriteString("status"u8, "ended");
        }).ConfigureAwait(false);
    }

    /// <summary><c>POST /v1/vouchers/issues</c>: one voucher of a bound batch.</summary>
    public async Task IssueAsync(HttpContext context)
    {
        var (issue, problem) = await DocumentBody.ReadAsync(context, fields => new VoucherIssue
        {
            Id = fields.Text("id", RequestLimits.IdLength), Batch = fields.Text("batch", VoucherLimits.BatchIdLength), Member = fields.Text("member", RequestLimits.IdLength),
        }).ConfigureAwait(false);
        if (issue is null)
        {
            await HttpReplies.WriteProblemAsync(context, problem!).ConfigureAwait(false);
            return;
        }

        var command = await engine.SendVoucherAsync(issue, null).ConfigureAwait(false);
        var (_, secret, failure) = await engine.BatchOfAsync(VoucherCode.HeadOf(issue.Batch)).ConfigureAwait(false);
        await ReplyAsync(context, failure ?? command, issue.Id, (writer, fact) =>
        {
            var voucher = new VoucherId(VoucherCode.HeadOf(issue.Batch), ((VoucherIssued)fact).Serial);
            writer.WriteString("voucher"u8, voucher.ToString());
            writer.WriteString("code"u8, VoucherCode.Of(voucher, secret));
            writer.WriteString("batch"u8, issue.Batch);
            writer.WriteString("member"u8, issue.Member);
        }, created: true).ConfigureAwait(false);
    }

    /// <summary><c>POST /v1/vouchers/validations</c>: what a voucher is worth now. Nothing is kept, and nothing is remembered.</summary>
    public async Task ValidateAsync(HttpContext context)
    {
        var (asked, problem) = await DocumentBody.ReadAsync(context, fields => Tuple.Create(ReadCode(fields), ReadBasket(fields))).ConfigureAwait(false);
        if (asked is null)
        {
            await HttpReplies.WriteProblemAsync(context, problem!).ConfigureAwait(false);
            return;
        }

        if (await FindAsync(context, asked.Item1).ConfigureAwait(false) is not ({ } voucher, { } terms))
        {
            return;
        }

        var command = await engine.Host.AskAsync<Command>(new GetVoucher(voucher, terms)).ConfigureAwait(false);
        if (command.Reply is not VoucherView view)
        {
            await HttpReplies.WriteProblemAsync(context, SpendingEndpoint.NotDone(command) ?? UnknownVoucher()).ConfigureAwait(false);
            return;
        }

        var now = engine.Clock.GetCurrentInstant();
        await HttpReplies.WriteJsonAsync(context, 200, (voucher, terms, view, asked.Item2, now), static (writer, x) =>
        {
            var (voucher, terms, view, basket, now) = x;
            writer.WriteStartObject();
            writer.WriteString("voucher"u8, voucher.ToString());
            WriteTerms(writer, terms);
            if (view.Member is not null)
            {
                // Whose it is is for nobody who only has a code: the till sends the member, and is told whether that is the one.
                writer.WriteBoolean("isBound"u8, true);
            }

            writer.WriteString("status"u8, view.EndedInto == VoucherAccounts.Voided || view.Voided > 0 ? "ended"
                : view.EndedInto is not null || now >= terms.ValidUntil ? "expired"
                : now < terms.ValidFrom ? "notYet"
                : view.Left > 0 ? "open" : view.Holds.Count > 0 ? "held" : "used");
            writer.WriteNumber("usesLeft"u8, view.Left);
            if (terms.MoneyOf(basket) is { } money)
            {
                writer.WriteNumber("money"u8, money);
            }

            writer.WriteEndObject();
        }).ConfigureAwait(false);
    }

    /// <summary><c>POST /v1/vouchers/holds</c>.</summary>
    public Task HoldAsync(HttpContext context) => SendCodeAsync(context, (fields, voucher) => new VoucherHold
    {
        Id = fields.Text("id", RequestLimits.IdLength), Voucher = voucher, Member = ReadMember(fields), Store = fields.Text("store", RequestLimits.NameLength), Basket = ReadBasket(fields),
        Seconds = (int)fields.Whole("seconds", 1, VoucherLimits.HoldSeconds, VoucherLimits.UsualHoldSeconds),
    }, (writer, fact) =>
    {
        var held = (VoucherHeld)fact;
        writer.WriteString("voucher"u8, held.Request.Voucher.ToString());
        writer.WriteString("status"u8, "held");
        writer.WriteString("expiresAt"u8, held.ExpiresAt.ToDateTimeUtc());
    });

    /// <summary><c>POST /v1/vouchers/redemptions</c>.</summary>
    public Task RedeemAsync(HttpContext context) => SendCodeAsync(context, (fields, voucher) => new VoucherRedemption
    {
        Id = fields.Text("id", RequestLimits.IdLength), Voucher = voucher, Member = ReadMember(fields), Store = fields.Text("store", RequestLimits.NameLength), Basket = ReadBasket(fields),
    }, (writer, fact) => WriteRedeemed(writer, (VoucherRedeemed)fact));

    /// <summary><c>POST /v1/vouchers/holds/{id}/redeem</c>.</summary>
    public Task RedeemHoldAsync(HttpContext context) => AboutHoldAsync(context, (fields, hold) => new VoucherRedemption
    {
        Id = fields.Text("id", RequestLimits.IdLength), Voucher = hold.Voucher, Hold = hold.Id, Member = ReadMember(fields), Store = hold.Store, Basket = ReadBasket(fields),
    }, (writer, fact) => WriteRedeemed(writer, (VoucherRedeemed)fact));

    /// <summary><c>POST /v1/vouchers/holds/{id}/cancel</c>.</summary>
    public Task CancelHoldAsync(HttpContext context) => AboutHoldAsync(
        context, (fields, hold) => new VoucherHoldCancel { Id = fields.Text("id", RequestLimits.IdLength), Voucher = hold.Voucher, Hold = hold.Id }, (writer, fact) =>
        {
            writer.WriteString("voucher"u8, ((VoucherHoldEnded)fact).Request!.Voucher.ToString());
            writer.WriteString("status"u8, "cancelled");
        });

    /// <summary><c>POST /v1/vouchers/voids</c>.</summary>
    public Task VoidAsync(HttpContext context) => SendCodeAsync(context, (fields, voucher) => new VoucherVoid
    {
        Id = fields.Text("id", RequestLimits.IdLength), Voucher = voucher, Reason = fields.Text("reason", RequestLimits.TextLength), Author = fields.Text("author", RequestLimits.TextLength),
    }, (writer, fact) =>
    {
        var ended = (VoucherVoided)fact;
        writer.WriteString("voucher"u8, ended.Request.Voucher.ToString());
        writer.WriteString("status"u8, "ended");
        writer.WriteNumber("uses"u8, ended.Uses);
    });

    private static VoucherTerms ReadTerms(JsonFields fields, ProgramDefinition program)
    {
        var batch = fields.Text("batch", VoucherLimits.BatchIdLength);
        var value = ReadValue(fields, program);
        var codes = (int)fields.Whole("codes", 1, VoucherLimits.Codes);
        var uses = (int)fields.Whole("uses", 1, VoucherLimits.Uses, 1);
        if (value.Type == VoucherValueType.Money && (Int128)codes * uses * value.Amount > 1_000_000_000_000_000_000)
        {
            fields.Error("codes", $"are {codes}, {uses} uses each, {value.Amount} a use: together more than the books can hold (10^18)");
        }

        var calendar = program.Calendar;
        var (first, last) = (MemberImportReader.Day(fields, "firstDay"), MemberImportReader.Day(fields, "lastDay"));
        if (last < first)
        {
            fields.Error("lastDay", "is before firstDay");
        }

        return new(
            batch, value, uses, fields.Flag("bound", false), codes, fields.Whole("minimumBasket", 0, RequestLimits.Amount, 0),
            first is { } from ? calendar.StartOf(from) : null, last is { } through ? calendar.StartOf(through.PlusDays(1)) : null);
    }

    private static VoucherValue ReadValue(JsonFields fields, ProgramDefinition program)
    {
        if (fields.Nested("value", required: true) is not { } value)
        {
            return new(VoucherValueType.Entitlement, 0, 0, "");
        }

        var type = (VoucherValueType)(value.Choice("type", Types) + 1);
        VoucherValue read;
        switch (type)
        {
            case VoucherValueType.Money:
                read = new(type, value.Whole("amount", 1, RequestLimits.Amount), 0, null);
                break;
            case VoucherValueType.Percent:
                read = new(type, (long)(value.Fraction("percent", 0.01m, 100, 2) * 100), value.Whole("max", 1, RequestLimits.Amount, 0), null);
                break;
            case VoucherValueType.Points:
                read = new(type, value.Whole("points", 1, RequestLimits.Amount), 0, value.Text("unit", 32));
                if (program.FindUnit(read.Name!) is null)
                {
                    value.Error("unit", $"is '{read.Name}'; the program has {string.Join(", ", program.Units.Select(unit => unit.Id))}");
                }

                break;
            default:
                read = new(type, 0, 0, value.Text("name", RequestLimits.NameLength));
                break;
        }

        value.RefuseUnknown();
        return read;
    }

    private static string ReadCode(JsonFields fields)
    {
        var typed = fields.Text("code", 40);
        if (typed.Length == 0)
        {
            return "";
        }

        var code = VoucherCode.Normalize(typed, out var problem);
        if (code is null)
        {
            fields.Error("code", problem);
        }

        return code ?? "";
    }

    private static string? ReadMember(JsonFields fields) => fields.Text("member", RequestLimits.IdLength, "") is { Length: > 0 } member ? member : null;

    private static long? ReadBasket(JsonFields fields) => fields.Whole("basket", 0, RequestLimits.Amount, -1) is >= 0 and var basket ? basket : null;

    private static Problem UnknownVoucher() => Problem.Unknown("unknown-voucher", "code", "no batch has this code; is it read rightly?");

    private async Task<VoucherBatchView?> BatchAsync(HttpContext context)
    {
        var id = MembersEndpoint.IdOf(context, Batches);
        var (batch, command) = id.Length <= VoucherLimits.BatchIdLength ? await engine.GetBatchAsync(id).ConfigureAwait(false) : (null, null);
        if (batch is null)
        {
            await HttpReplies.WriteProblemAsync(
                context, (command is null ? null : SpendingEndpoint.NotDone(command)) ?? Problem.Unknown("unknown-batch", "batch", "there is no such batch")).ConfigureAwait(false);
        }

        return batch;
    }

    private async Task<(VoucherId? Voucher, VoucherTerms? Terms)> FindAsync(HttpContext context, string code)
    {
        var (voucher, terms, failure) = await engine.FindVoucherAsync(code).ConfigureAwait(false);
        if (voucher is null)
        {
            await HttpReplies.WriteProblemAsync(context, (failure is null ? null : SpendingEndpoint.NotDone(failure)) ?? UnknownVoucher()).ConfigureAwait(false);
        }

        return (voucher, terms);
    }

    private async Task SendCodeAsync(HttpContext context, Func<JsonFields, VoucherId, VoucherRequest> read, Action<Utf8JsonWriter, VoucherEvent> write)
    {
        // The code leads to the voucher before the request can be made of it: what else is wrong is told first.
        var code = "";
        var (request, problem) = await DocumentBody.ReadAsync(context, fields =>
        {
            code = ReadCode(fields);
            return read(fields, default);
        }).ConfigureAwait(false);
        if (request is null)
        {
            await HttpReplies.WriteProblemAsync(context, problem!).ConfigureAwait(false);
            return;
        }

        if (await FindAsync(context, code).ConfigureAwait(false) is ({ } voucher, { } terms))
        {
            request = request switch
            {
                VoucherHold r => r with { Voucher = voucher },
                VoucherRedemption r => r with { Voucher = voucher },
                VoucherVoid r => r with { Voucher = voucher },
                _ => throw new InvalidOperationException($"{request.GetType().Name} has no code"),
            };
            await ReplyAsync(context, await engine.SendVoucherAsync(request, terms).ConfigureAwait(false), request.Id, write).ConfigureAwait(false);
        }
    }

    private async Task SendAsync(HttpContext context, Func<JsonFields, VoucherRequest> read, Action<Utf8JsonWriter, VoucherEvent> write)
    {
        var (request, problem) = await DocumentBody.ReadAsync(context, read).ConfigureAwait(false);
        await (request is null
            ? HttpReplies.WriteProblemAsync(context, problem!).AsTask()
            : ReplyAsync(context, await engine.SendVoucherAsync(request, null).ConfigureAwait(false), request.Id, write)).ConfigureAwait(false);
    }

    private async Task AboutHoldAsync(HttpContext context, Func<JsonFields, VoucherHold, VoucherRequest> read, Action<Utf8JsonWriter, VoucherEvent> write)
    {
        var id = MembersEndpoint.IdOf(context, Holds);
        var (hold, terms, failure) = id.Length <= RequestLimits.IdLength ? await engine.FindVoucherHoldAsync(id).ConfigureAwait(false) : (null, null, null);
        if (hold is null)
        {
            await HttpReplies.WriteProblemAsync(
                context, (failure is null ? null : SpendingEndpoint.NotDone(failure)) ?? Problem.Unknown("unknown-hold", "hold", "there is no hold of that id")).ConfigureAwait(false);
            return;
        }

        var (request, problem) = await DocumentBody.ReadAsync(context, fields => read(fields, hold)).ConfigureAwait(false);
        await (request is null
            ? HttpReplies.WriteProblemAsync(context, problem!).AsTask()
            : ReplyAsync(context, await engine.SendVoucherAsync(request, terms).ConfigureAwait(false), request.Id, write)).ConfigureAwait(false);
    }

    private static async Task ReplyAsync(HttpContext context, Command command, string id, Action<Utf8JsonWriter, VoucherEvent> write, bool created = false)
    {
        var problem = SpendingEndpoint.NotDone(command)
            ?? (command is VoucherCommand decided ? ReplyWriter.ProblemOf(decided)
            : command is GetMember { Reply: MemberReply { View: { } view } } ? Problem.Rule("member-" + view.Status.ToString().ToLowerInvariant(), "member", $"member {view.Id} is {view.Status.ToString().ToLowerInvariant()}")
            : Problem.UnknownMember(command.Target.Key));
        if (problem is not null)
        {
            await HttpReplies.WriteProblemAsync(context, problem, id, command is VoucherCommand { Status: CommandStatus.Done } one && one.Outcome.Replayed).ConfigureAwait(false);
            return;
        }

        var outcome = ((VoucherCommand)command).Outcome;
        await HttpReplies.WriteJsonAsync(context, created && !outcome.Replayed ? 201 : 200, (id, outcome, write), static (writer, x) =>
        {
            writer.WriteStartObject();
            writer.WriteString("id"u8, x.id);
            writer.WriteBoolean("replayed"u8, x.outcome.Replayed);
            x.write(writer, (VoucherEvent)x.outcome.Fact!);
            writer.WriteEndObject();
        }).ConfigureAwait(false);
    }

    private static void WriteRedeemed(Utf8JsonWriter writer, VoucherRedeemed redeemed)
    {
        writer.WriteString("voucher"u8, redeemed.Request.Voucher.ToString());
        writer.WriteString("status"u8, "redeemed");
        WriteValue(writer, redeemed.Value);
        writer.WriteNumber("money"u8, redeemed.Money);
        writer.WriteNumber("usesLeft"u8, redeemed.UsesLeft);
        if (redeemed.Member is not null)
        {
            writer.WriteString("member"u8, redeemed.Member);
        }
    }

    private static void WriteTerms(Utf8JsonWriter writer, VoucherTerms terms)
    {
        writer.WriteString("batch"u8, terms.Batch);
        WriteValue(writer, terms.Value);
        writer.WriteNumber("uses"u8, terms.Uses);
        writer.WriteBoolean("bound"u8, terms.IsBound);
        writer.WriteNumber("codes"u8, terms.Codes);
        writer.WriteNumber("minimumBasket"u8, terms.MinimumBasket);
        if (terms.ValidFrom is { } from)
        {
            writer.WriteString("validFrom"u8, from.ToDateTimeUtc());
        }

        if (terms.ValidUntil is { } until)
        {
            writer.WriteString("validUntil"u8, until.ToDateTimeUtc());
        }
    }

    private static void WriteValue(Utf8JsonWriter writer, VoucherValue value)
    {
        writer.WriteStartObject("value"u8);
        writer.WriteString("type"u8, Types[(int)value.Type - 1]);
        switch (value.Type)
        {
            case VoucherValueType.Money:
                writer.WriteNumber("amount"u8, value.Amount);
                break;
            case VoucherValueType.Percent:
                writer.WriteNumber("percent"u8, value.Amount / 100m);
                if (value.Max > 0)
                {
                    writer.WriteNumber("max"u8, value.Max);
                }

                break;
            case VoucherValueType.Points:
                writer.WriteNumber("points"u8, value.Amount);
                writer.WriteString("unit"u8, value.Name);
                break;
            default:
                writer.WriteString("name"u8, value.Name);
                break;
        }

        writer.WriteEndObject();
    }
}
