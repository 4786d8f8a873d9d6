using NodaTime;

namespace Loyalty.Domain.Requests;

/// <summary>Something a member did that is no purchase. docs/CAMPAIGNS.md, "Activities". Shape is checked before it is made.</summary>
public sealed record Activity : Request
{
    /// <summary>Characters of a type.</summary>
    public const int TypeLength = 32;

    /// <summary>Answers of a survey.</summary>
    public const int MaxAnswers = 50;

    /// <summary>The engine's own: the member joined.</summary>
    public const string SignUp = "sign-up";

    /// <summary>The member brought a friend.</summary>
    public const string Referral = "referral";

    /// <summary>Has a score of 1 to 5.</summary>
    public const string Review = "review";

    /// <summary>Has a score of 0 to 10, and answers.</summary>
    public const string Survey = "survey";

    /// <summary>Who.</summary>
    public required string Member { get; init; }

    /// <summary>One of the known types, or an own one that begins with <c>x-</c>.</summary>
    public required string Type { get; init; }

    /// <summary>Its own time.</summary>
    public required Instant At { get; init; }

    /// <summary>Where; may be absent.</summary>
    public string? Store { get; init; }

    /// <summary>Till, web, app …; may be absent.</summary>
    public string? Channel { get; init; }

    /// <summary>Minor units of money: what a trade-in is worth. 0 to <see cref="RequestLimits.Amount"/>.</summary>
    public long? Amount { get; init; }

    /// <summary>How much of it. Above 0, at most <see cref="RequestLimits.Quantity"/>.</summary>
    public decimal? Quantity { get; init; }

    /// <summary>Whom a referral brought: 1 to <see cref="RequestLimits.IdLength"/> characters.</summary>
    public string? Friend { get; init; }

    /// <summary>Of a survey 0 to 10, of a review 1 to 5.</summary>
    public int? Score { get; init; }

    /// <summary>Of a survey, at most <see cref="MaxAnswers"/>.</summary>
    public SurveyAnswer[] Answers { get; init; } = [];
}

/// <summary>An answer of a survey.</summary>
/// <param name="Question">1 to <see cref="RequestLimits.NameLength"/> characters.</param>
/// <param name="Answer">1 to <see cref="RequestLimits.TextLength"/> characters.</param>
public readonly record struct SurveyAnswer(string Question, string Answer);
