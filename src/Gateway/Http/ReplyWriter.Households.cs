using Loyalty.Runtime.Loyalty;

namespace Loyalty.Gateway.Http;

/// <summary>What is said about requests to households.</summary>
internal static partial class ReplyWriter
{
    /// <summary>Writes what a request has come to.</summary>
    public static void Write(AnswerText json, HouseholdAskView view, bool replayed)
    {
        json.Raw("{\"id\":"u8);
        json.Text(view.Request.Id);
        Property(json, ",\"household\":"u8, view.Request.Household);
        Property(json, ",\"member\":"u8, view.Request.Member);
        WriteReplayed(json, replayed);
        Property(json, ",\"status\":"u8, view.IsPending ? "pending" : "completed");
        json.Raw(",\"received\":["u8);
        for (var i = 0; i < view.Back.Length; i++)
        {
            json.Raw(i == 0 ? "{\"unit\":"u8 : ",{\"unit\":"u8);
            json.Text(view.Back[i].Unit);
            json.Raw(",\"points\":"u8);
            json.Number(view.Back[i].Points);
            json.Raw("}"u8);
        }

        json.Raw("]"u8);
        if (view.Answer is { } answer)
        {
            WriteBalances(json, answer.Balances);
            WriteTier(json, answer.Tier);
        }

        json.Raw("}"u8);
    }
}
