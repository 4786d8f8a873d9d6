namespace Loyalty.Load;

/// <summary>Something the person at the keyboard can put right: shown as one message without a stack trace, exit code 2.</summary>
internal sealed class UserError(string message) : Exception(message);
