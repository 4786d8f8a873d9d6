using Facts = Loyalty.Domain.Members;

namespace Loyalty.Grains.Streams;

/// <summary>What consumers are told of transfers.</summary>
internal static class TransferEventReader
{
    /// <summary>The events of a fact; null: it is about something else.</summary>
    public static IEnumerable<MemberStreamEvent>? EventsOf(Facts.MemberEvent fact) => fact switch
    {
        Facts.TransferSent { Transfer: var sent } e =>
            [new TransferSent { Transfer = sent.Id, To = sent.To, Unit = sent.Unit, Points = sent.Points, Fee = e.Fee, Gift = sent.IsGift }],
        Facts.TransferReceived e =>
        [
            new TransferReceived
            {
                Transfer = e.Transfer, From = e.From, Unit = e.Unit, Points = Facts.Lot.Sum(e.Lots) + e.Repaid, Lots = LotsOf(e.Lots), Message = e.Message,
            },
        ],
        Facts.TransferEnded e =>
            [new TransferEnded { Transfer = e.Transfer.Id, Unit = e.Transfer.Unit, Refusal = e.Refusal?.Code, Points = Facts.Lot.Sum(e.Freed) + e.Repaid }],
        _ => null,
    };

    internal static LotPoints[] LotsOf(Facts.Lot[] lots) =>
        [.. lots.Select(lot => new LotPoints(new(lot.Id.EarnedOn.ToDateOnly(), lot.Id.AvailableOn.ToDateOnly(), lot.Id.LastDay?.ToDateOnly()), lot.Points))];
}
