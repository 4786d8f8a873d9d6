using System.Text.Json;
using Loyalty.Domain.Campaigns;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Validation;
using NodaTime;

namespace Loyalty.Gateway.Http;

/// <summary>Reads activities from JSON, strictly. Used again for many; not thread-safe.</summary>
internal sealed class ActivityReader
{
    private static readonly JsonReaderOptions Options = new() { MaxDepth = 16, CommentHandling = JsonCommentHandling.Disallow };

    private readonly List<FieldError> _errors = [];

    /// <summary>What was wrong with the last one.</summary>
    public IReadOnlyList<FieldError> Errors => _errors;

    /// <summary>Its id, if it could be read.</summary>
    public string? Id { get; private set; }

    /// <summary>Reads one JSON object; null: there are <see cref="Errors"/>.</summary>
    public Activity? Read(ReadOnlySpan<byte> json)
    {
        _errors.Clear();
        Id = null;
        try
        {
            var reader = new Utf8JsonReader(json, Options);
            using var document = JsonDocument.ParseValue(ref reader);
            if (reader.Read())
            {
                _errors.Add(new("", "has something behind the JSON object"));
                return null;
            }

            var fields = new JsonFields(document.RootElement, "", _errors);
            if (_errors.Count > 0)
            {
                return null;
            }

            Id = document.RootElement.TryGetProperty("id", out var id) ? JsonFields.TextOf(id) : null;
            var activity = Read(fields);
            fields.RefuseUnknown();
            return _errors.Count == 0 ? activity : null;
        }
        catch (JsonException e)
        {
            _errors.Add(new("", $"is not valid JSON: {(e.Message.Length > 200 ? e.Message[..200] : e.Message)}"));
            return null;
        }
    }

    private Activity Read(JsonFields fields)
    {
        var id = fields.Text("id", RequestLimits.IdLength);
        var member = fields.Text("member", RequestLimits.IdLength);
        var type = ReadType(fields);
        var at = fields.Time("at");
        if (at is null && !fields.Has("at"))
        {
            fields.Error("at", "is missing; the time of the activity with its offset is needed, for example 2026-03-01T12:34:56+00:00");
        }

        return new()
        {
            Id = id,
            Member = member,
            Type = type,
            At = Instant.FromUnixTimeMilliseconds((at ?? default).ToUnixTimeMilliseconds()),
            Store = Name(fields, "store"),
            Channel = Name(fields, "channel"),
            Amount = fields.Has("amount") ? fields.Whole("amount", 0, RequestLimits.Amount) : Absent<long>(fields, "amount"),
            Quantity = fields.Has("quantity") ? fields.Fraction("quantity", 0.000001m, RequestLimits.Quantity, RequestLimits.QuantityDecimals) : Absent<decimal>(fields, "quantity"),
            Friend = ReadFriend(fields, type),
            Score = ReadScore(fields, type),
            Answers = ReadAnswers(fields, type),
        };
    }

    private static string ReadType(JsonFields fields)
    {
        var type = fields.Text("type", Activity.TypeLength);
        var isOwn = type.StartsWith("x-", StringComparison.Ordinal) && type.Length > 2 && type.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-');
        if (type == Activity.SignUp)
        {
            fields.Error("type", "is 'sign-up', which the engine records itself when a member joins");
        }
        else if (type.Length > 0 && !isOwn && !CampaignParser.ActivityTypes.Contains(type))
        {
            fields.Error("type", $"is '{type}'; one of {string.Join(", ", CampaignParser.ActivityTypes.Where(known => known != Activity.SignUp))} is needed, or a type of your own: x- and small letters, digits or -");
        }

        return type;
    }

    private static string? ReadFriend(JsonFields fields, string type)
    {
        fields.Known("friend");
        if (type == Activity.Referral)
        {
            return fields.Text("friend", RequestLimits.IdLength);
        }

        if (fields.Has("friend"))
        {
            fields.Error("friend", $"is not a field of type {type}; a referral has it");
        }

        return null;
    }

    private static int? ReadScore(JsonFields fields, string type)
    {
        fields.Known("score");
        switch (type)
        {
            case Activity.Survey:
                return (int)fields.Whole("score", 0, 10);
            case Activity.Review when fields.Has("score"):
                return (int)fields.Whole("score", 1, 5);
            case not Activity.Review when fields.Has("score"):
                fields.Error("score", $"is not a field of type {type}; a survey has one of 0 to 10, a review may have one of 1 to 5");
                break;
        }

        return null;
    }

    private SurveyAnswer[] ReadAnswers(JsonFields fields, string type)
    {
        if (fields.Raw("answers") is not { } value)
        {
            return [];
        }

        if (type != Activity.Survey)
        {
            fields.Error("answers", $"is not a field of type {type}; a survey has it");
            return [];
        }

        if (value.ValueKind != JsonValueKind.Object)
        {
            fields.Error("answers", $"is {JsonFields.Shown(value)}; an object of answers by question is needed");
            return [];
        }

        // In one order whatever the sender's: the same answers are the same request.
        var answers = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var nested = new JsonFields(value, "answers", _errors);
        foreach (var property in value.EnumerateObject())
        {
            string question;
            try
            {
                question = property.Name;
            }
            catch (InvalidOperationException)
            {
                // Said above.
                continue;
            }

            if (question.Length is 0 or > RequestLimits.NameLength || question.Any(char.IsControl))
            {
                fields.Error("answers", $"has a question of {question.Length} characters; 1 to {RequestLimits.NameLength} printable ones are needed");
                return [];
            }

            answers[question] = nested.Text(question, RequestLimits.TextLength);
            if (answers.Count > Activity.MaxAnswers)
            {
                fields.Error("answers", $"has more than {Activity.MaxAnswers} answers; at most so many are kept");
                return [];
            }
        }

        return [.. answers.Select(answer => new SurveyAnswer(answer.Key, answer.Value))];
    }

    private static string? Name(JsonFields fields, string name)
    {
        fields.Known(name);
        return fields.Has(name) ? fields.Text(name, RequestLimits.NameLength) : null;
    }

    private static T? Absent<T>(JsonFields fields, string name)
        where T : struct
    {
        fields.Known(name);
        return null;
    }
}
