using System.Net;

namespace Loyalty.Silo.Hosting;

/// <summary>
/// The dashboard has no keys and can show the state of grains: it answers only to this machine. From elsewhere it is reached through a tunnel, or a proxy on this machine that
/// knows who may see it.
/// </summary>
internal sealed class LoopbackOnly : IEndpointFilter
{
    public ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next) =>
        context.HttpContext.Connection.RemoteIpAddress is { } address && IPAddress.IsLoopback(address)
            ? next(context)
            : new(Results.Problem(
                "The dashboard answers only on this machine: open it through a tunnel (ssh -L) or a proxy that asks who is there.", statusCode: StatusCodes.Status403Forbidden,
                title: "The dashboard is not public"));
}
