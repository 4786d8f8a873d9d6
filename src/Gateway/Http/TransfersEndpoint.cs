using Loyalty.Domain.Requests;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;

namespace Loyalty.Gateway.Http;

/// <summary>Transfers and gifts between members. docs/HOUSEHOLDS.md.</summary>
internal sealed class TransfersEndpoint(LoyaltyEngine engine)
{
    private const string Transfers = "/v1/transfers/";

    /// <summary><c>POST /v1/transfers</c>.</summary>
    public async Task TransferAsync(HttpContext context)
    {
        var (transfer, problem) = await DocumentBody.ReadAsync(context, fields =>
        {
            var message = fields.Text("message", RequestLimits.TextLength, "");
            var read = new Transfer
            {
                Id = fields.Text("id", RequestLimits.IdLength), From = fields.Text("from", RequestLimits.IdLength), To = fields.Text("to", RequestLimits.IdLength),
                Unit = fields.Text("unit", 32), Points = fields.Whole("points", 1, RequestLimits.Amount), IsGift = fields.Flag("gift", false),
                Message = message.Length > 0 ? message : null,
            };
            if (read is { IsGift: false, Message: not null })
            {
                fields.Error("message", "is given without \"gift\": true; only a gift carries words");
            }

            return read;
        }).ConfigureAwait(false);
        if (transfer is null)
        {
            await HttpReplies.WriteProblemAsync(context, problem!).ConfigureAwait(false);
            return;
        }

        var end = await engine.TransferAsync(transfer).ConfigureAwait(false);
        if (end.View is { } view)
        {
            await ReplyAsync(context, view, ((TransferPoints)end.Command).Outcome.Replayed).ConfigureAwait(false);
        }
        else if (end.Command is TransferPoints command)
        {
            await SalesEndpoint.ReplyAsync(context, engine, command).ConfigureAwait(false);
        }
        else
        {
            await HttpReplies.WriteProblemAsync(context, SpendingEndpoint.NotDone(end.Command) ?? Problem.UnknownMember(transfer.To), transfer.Id).ConfigureAwait(false);
        }
    }

    /// <summary><c>GET /v1/transfers/{id}</c>.</summary>
    public async Task GetAsync(HttpContext context)
    {
        var id = MembersEndpoint.IdOf(context, Transfers);
        var sender = id.Length <= RequestLimits.IdLength ? await engine.FindHolderAsync(id).ConfigureAwait(false) : null;
        var command = sender is null ? null : await engine.Host.AskAsync(new GetTransfer(sender, id)).ConfigureAwait(false);
        if (command?.Reply is not TransferView view)
        {
            await HttpReplies.WriteProblemAsync(
                context, (command is null ? null : SpendingEndpoint.NotDone(command)) ?? Problem.Unknown("unknown-transfer", "transfer", $"there is no transfer '{(id.Length > RequestLimits.IdLength ? "…" : id)}'"))
                .ConfigureAwait(false);
            return;
        }

        var answer = HttpReplies.EmptyAnswer();
        ReplyWriter.Write(answer, view, replayed: null);
        await HttpReplies.WriteAsync(context, 200, "application/json", answer.Written).ConfigureAwait(false);
    }

    private static async Task ReplyAsync(HttpContext context, TransferView view, bool replayed)
    {
        if (view is { Status: TransferStatus.Refused, Refusal: { } refusal })
        {
            await HttpReplies.WriteProblemAsync(context, Problem.Rule(refusal.Code, refusal.Field, refusal.Detail), view.Transfer.Id, replayed).ConfigureAwait(false);
            return;
        }

        var answer = HttpReplies.EmptyAnswer();
        ReplyWriter.Write(answer, view, replayed);
        await HttpReplies.WriteAsync(context, view.Status == TransferStatus.Pending ? 202 : 200, "application/json", answer.Written).ConfigureAwait(false);
    }
}
