using System.Globalization;
using Loyalty.Domain.Tests.Model;
using NodaTime;

namespace Loyalty.Domain.Tests.Properties;

/// <summary>A program and what happens to one member, as a reader would tell it.</summary>
internal sealed record Script(Plan Plan, Instant Start, Step[] Steps)
{
    public override string ToString() => $"\n{Plan}\nstarting {Start} ({ModelDays.DayOf(Start, Plan.Zone):O} in {Plan.Zone}):\n{string.Join("\n", Steps.Select((step, i) => $"  [{i}] {step}"))}\n";
}

/// <summary>The clock goes forward, then something happens.</summary>
internal sealed record Step(long Seconds, Act Act)
{
    public override string ToString() => $"+{Span(Seconds)}: {Act}";

    public static string Span(long seconds) =>
        seconds < 0 ? "-" + Span(-seconds) : seconds % 86_400 == 0 ? $"{seconds / 86_400}d" : $"{seconds / 86_400}d{TimeSpan.FromSeconds(seconds % 86_400):c}";
}

internal abstract record Act;

internal sealed record Enrol : Act
{
    public override string ToString() => "enrol";
}

/// <summary>A purchase; the sale's time is relative to the clock.</summary>
internal sealed record Buy(string Id, long At, string Currency, ModelLine[] Lines) : Act
{
    public string Store { get; init; } = "S1";

    public string? Channel { get; init; }

    public override string ToString() => $"buy {Id} at {Step.Span(At)} in {Store} {Channel}{Show.Currency(Currency)}: {Show.Lines(Lines)}";
}

/// <summary>An activity; its time is relative to the clock.</summary>
internal sealed record Deed(string Id, long At, string Type, long Amount, decimal Quantity) : Act
{
    public string? Store { get; init; }

    public override string ToString() => $"do {Id} {Type} at {Step.Span(At)} in {Store}: amount {Amount}, quantity {Quantity}";
}

/// <summary>Tags and birthday are set.</summary>
internal sealed record Describe(string[] Tags, (int Month, int Day)? Birthday) : Act
{
    public override string ToString() => $"is [{string.Join(", ", Tags)}], born {Birthday}";
}

internal enum Portion
{
    Whole,
    Rest,
    Half,
    FirstLine,
    OnePennyMore,
    Custom,
}

/// <summary>A return; which goods is told by the purchase, unless custom.</summary>
internal sealed record GiveBack(string Id, string? Purchase, long At, string Currency, Portion Portion, ModelLine[] Lines) : Act
{
    public override string ToString() =>
        $"return {Id} of {Purchase ?? "something without receipt"} at {Step.Span(At)}{Show.Currency(Currency)}: {Portion}{(Portion == Portion.Custom ? " " + Show.Lines(Lines) : "")}";
}

internal sealed record Adjust(string Id, string Unit, long Points) : Act
{
    public override string ToString() => $"adjust {Id} {Unit} {Points.ToString("+0;-0", CultureInfo.InvariantCulture)}";
}

internal sealed record SetStatus(string Status) : Act
{
    public override string ToString() => Status;
}

internal sealed record Wake : Act
{
    public override string ToString() => "wake";
}

internal static class Show
{
    public static string Lines(ModelLine[] lines) => string.Join("; ", lines.Select(line => $"{line.Quantity} {line.Sku}{(line.Category is null ? "" : $" {line.Category}")}{(line.Brand is null ? "" : $" {line.Brand}")} = {line.Amount}"));

    public static string Currency(string currency) => currency == Plan.Currency ? "" : " in " + currency;
}
