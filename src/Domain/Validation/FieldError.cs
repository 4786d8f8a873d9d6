namespace Loyalty.Domain.Validation;

/// <summary>One thing that is wrong with an input.</summary>
/// <param name="Field">Path of the field: <c>lines[2].quantity</c>; empty for the whole document.</param>
/// <param name="Message">What is wrong and what would be right.</param>
public sealed record FieldError(string Field, string Message);
