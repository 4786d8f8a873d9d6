using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Loyalty.Runtime.Kernel;

namespace Loyalty.Runtime.Loyalty;

/// <summary>Gives points to another member. Decided by the sender; what becomes of it <see cref="GetTransfer"/> says.</summary>
public sealed class TransferPoints(Transfer transfer) : RequestCommand(ActorIds.Member(transfer.From), transfer)
{
    /// <summary>The request.</summary>
    public Transfer Transfer { get; } = transfer;
}

/// <summary>Asks for a transfer. Reply: <see cref="TransferView"/>, or null when the member sent none of that id.</summary>
/// <param name="member">Who sent it.</param>
/// <param name="transfer">Its id.</param>
public sealed class GetTransfer(string member, string transfer) : Command(ActorIds.Member(member))
{
    /// <summary>Its id.</summary>
    public string Transfer { get; } = transfer;

    /// <inheritdoc />
    public override string? RecallId => Transfer;
}

/// <summary>A transfer as it stands.</summary>
/// <param name="Transfer">As it was sent.</param>
/// <param name="Status">Where it stands.</param>
/// <param name="Fee">What it cost the sender on top; of a refused one it came back.</param>
/// <param name="Refusal">Why the receiver did not take it.</param>
/// <param name="Answer">Balances and tier of the sender when the receiver had decided; null before.</param>
public sealed record TransferView(Transfer Transfer, TransferStatus Status, long Fee, Refusal? Refusal, RequestAnswered? Answer);

/// <summary>Where a transfer stands.</summary>
public enum TransferStatus : byte
{
    /// <summary>On its way.</summary>
    Pending,

    /// <summary>Arrived.</summary>
    Completed,

    /// <summary>The receiver did not take it; the points are back.</summary>
    Refused,
}

/// <summary>How a transfer ended.</summary>
/// <param name="Command">The <see cref="TransferPoints"/>; or the <see cref="GetMember"/> that found no receiver, or was not done.</param>
/// <param name="View">What it has come to; null when it was not recorded.</param>
public sealed record TransferEnd(Command Command, TransferView? View);
