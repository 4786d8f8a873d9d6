using Loyalty.Domain.Requests;
using NodaTime;
using Request = Loyalty.Domain.Requests.Request;

namespace Loyalty.Grains.Streams;

/// <summary>Checks a <see cref="SaleMessage"/> by the limits of the HTTP API, and makes a request of it.</summary>
internal sealed class SaleMessageReader
{
    /// <summary>Problems that are told of one message.</summary>
    public const int MaxProblems = 20;

    private readonly List<SaleProblem> _problems = [];

    /// <summary>What is wrong; empty: nothing.</summary>
    public SaleProblem[] Problems => [.. _problems];

    /// <summary>Reads a message. Used once.</summary>
    /// <returns>A <see cref="Purchase"/> or <see cref="Return"/>; null when there are <see cref="Problems"/>.</returns>
    public Request? Read(SaleMessage message)
    {
        Text("id", message.Id, RequestLimits.IdLength);
        Text("purchase", message.Purchase, RequestLimits.IdLength, optional: true);
        Text("member", message.Member, RequestLimits.IdLength, optional: true);
        Text("store", message.Store, RequestLimits.NameLength);
        Text("channel", message.Channel, RequestLimits.NameLength, optional: true);
        Text("currency", message.Currency, 3);
        if (!message.IsReturn && message.Purchase is not null)
        {
            Problem("purchase", "is not a field of a purchase; a return has it");
        }

        if (message.At is null)
        {
            Problem("at", "is missing; the time of the sale is needed");
        }

        var lines = Lines(message.Lines);
        Check(message.Tender, message.IsReturn);
        if (_problems.Count > 0)
        {
            return null;
        }

        var at = Instant.FromUnixTimeMilliseconds(message.At!.Value.ToUnixTimeMilliseconds());
        return message.IsReturn
            ? new Return
            {
                Id = message.Id!, Purchase = message.Purchase, Member = message.Member, Store = message.Store!, Channel = message.Channel, At = at,
                Currency = message.Currency!, Lines = lines,
            }
            : new Purchase
            {
                Id = message.Id!, Member = message.Member, Store = message.Store!, Channel = message.Channel, At = at, Currency = message.Currency!, Lines = lines,
                Tender = message.Tender is { } tender ? new(tender.Unit!, tender.Points, tender.Amount) : null,
            };
    }

    private void Check(SaleMessageTender? tender, bool isReturn)
    {
        if (tender is null)
        {
            return;
        }

        if (isReturn)
        {
            Problem("tender", "is not a field of a return; a purchase has it");
        }

        Text("tender.unit", tender.Unit, 32);
        if (tender.Points is < 1 or > RequestLimits.Amount)
        {
            Problem("tender.points", $"is {tender.Points}; 1 to {RequestLimits.Amount} are needed");
        }

        if (tender.Amount is < 1 or > RequestLimits.Amount)
        {
            Problem("tender.amount", $"is {tender.Amount}; minor units from 1 to {RequestLimits.Amount} are needed");
        }
    }

    private SaleLine[] Lines(SaleMessageLine[]? lines)
    {
        if (lines is null or { Length: 0 } or { Length: > RequestLimits.Lines })
        {
            Problem("lines", $"are {lines?.Length ?? 0}; 1 to {RequestLimits.Lines} are needed");
            return [];
        }

        Int128 sum = 0;
        for (var i = 0; i < lines.Length; i++)
        {
            var line = lines[i];
            Text($"lines[{i}].sku", line.Sku, RequestLimits.IdLength);
            Text($"lines[{i}].category", line.Category, RequestLimits.NameLength, optional: true);
            Text($"lines[{i}].brand", line.Brand, RequestLimits.NameLength, optional: true);
            if (line.Quantity is <= 0 or > RequestLimits.Quantity || decimal.Round(line.Quantity, RequestLimits.QuantityDecimals) != line.Quantity)
            {
                Problem($"lines[{i}].quantity", $"is {line.Quantity}; a number above 0, at most {RequestLimits.Quantity}, with at most {RequestLimits.QuantityDecimals} decimals is needed");
            }

            if (line.Amount is < 0 or > RequestLimits.Amount)
            {
                Problem($"lines[{i}].amount", $"is {line.Amount}; minor units from 0 to {RequestLimits.Amount} are needed");
            }

            sum += line.Amount;
        }

        if (sum > RequestLimits.Amount)
        {
            Problem("lines", $"add up to {sum}; at most {RequestLimits.Amount} minor units are possible");
        }

        return Array.ConvertAll(lines, line => new SaleLine(line.Sku!, line.Category, line.Brand, line.Quantity, line.Amount));
    }

    private void Text(string field, string? text, int maxLength, bool optional = false)
    {
        if (text is null)
        {
            if (!optional)
            {
                Problem(field, $"is missing; 1 to {maxLength} characters are needed");
            }
        }
        else if (text.Length == 0 || text.Length > maxLength)
        {
            Problem(field, $"has {text.Length} characters; 1 to {maxLength} are needed");
        }
        else if (text.Any(char.IsControl))
        {
            Problem(field, "has a control character; printable ones are needed");
        }
        else if (!IsUnicode(text))
        {
            Problem(field, "is not valid Unicode text");
        }
    }

    private static bool IsUnicode(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (char.IsSurrogate(text[i]) && !(char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[++i])))
            {
                return false;
            }
        }

        return true;
    }

    private void Problem(string field, string message)
    {
        if (_problems.Count < MaxProblems)
        {
            _problems.Add(new(field, message));
        }
    }
}
