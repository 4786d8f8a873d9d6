using System.CommandLine;

namespace Loyalty.Load.Gateway;

/// <summary>The options that say which gateway is meant; the same for every command.</summary>
internal sealed class GatewayArguments
{
    private readonly Option<string> url = new("--url")
    {
        Description = "Address of the gateway.",
        DefaultValueFactory = _ => GatewayTarget.UrlDefault,
    };

    private readonly Option<string?> key = new("--key")
    {
        Description = "API key. Default: LOYALTY_KEY, else the file dev-key in the data folder.",
        DefaultValueFactory = _ => Environment.GetEnvironmentVariable("LOYALTY_KEY"),
    };

    private readonly Option<string> data = new("--data")
    {
        Description = "Data folder of the engine, where dev-key lies. Default: LOYALTY_DATA, else .loyalty.",
        DefaultValueFactory = _ => Environment.GetEnvironmentVariable("LOYALTY_DATA") is { Length: > 0 } folder ? folder : ".loyalty",
    };

    public void AddTo(Command command)
    {
        command.Options.Add(url);
        command.Options.Add(key);
        command.Options.Add(data);
    }

    /// <summary>The gateway meant by the command line, seen to answer.</summary>
    public GatewayTarget Find(ParseResult parsed)
    {
        GatewayTarget target = GatewayTarget.Find(parsed.GetRequiredValue(url), parsed.GetValue(key), parsed.GetRequiredValue(data));
        GatewayQueries.AssureReady(target);
        return target;
    }
}
