using Loyalty.Runtime.Loyalty;

namespace Loyalty.Gateway.Http;

/// <summary>What is said about transfers.</summary>
internal static partial class ReplyWriter
{
    /// <summary>Writes a transfer as it stands.</summary>
    /// <param name="json">Where to.</param>
    /// <param name="view">The transfer.</param>
    /// <param name="replayed">Of an answer to the request: whether it came before; null: somebody asked.</param>
    public static void Write(AnswerText json, TransferView view, bool? replayed)
    {
        var transfer = view.Transfer;
        json.Raw("{\"id\":"u8);
        json.Text(transfer.Id);
        Property(json, ",\"from\":"u8, transfer.From);
        Property(json, ",\"to\":"u8, transfer.To);
        if (replayed is { } again)
        {
            WriteReplayed(json, again);
        }

        Property(json, ",\"status\":"u8, view.Status switch { TransferStatus.Pending => "pending", TransferStatus.Completed => "completed", _ => "refused" });
        WritePoints(json, transfer.Unit, transfer.Points);
        json.Raw(",\"fee\":"u8);
        json.Number(view.Fee);
        if (transfer.IsGift)
        {
            json.Raw(",\"gift\":true"u8);
        }

        if (transfer.Message is { } message)
        {
            Property(json, ",\"message\":"u8, message);
        }

        if (view.Refusal is { } refusal)
        {
            Property(json, ",\"refusal\":{\"code\":"u8, refusal.Code);
            Property(json, ",\"detail\":"u8, refusal.Detail);
            json.Raw("}"u8);
        }

        if (replayed is not null && view.Answer is { } answer)
        {
            WriteBalances(json, answer.Balances);
            WriteTier(json, answer.Tier);
        }

        json.Raw("}"u8);
    }
}
