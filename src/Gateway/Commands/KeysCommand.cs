using System.CommandLine;
using Loyalty.Gateway.Hosting;
using Loyalty.Gateway.Security;

namespace Loyalty.Gateway.Commands;

/// <summary><c>keys</c>: makes, lists and withdraws API keys; a running engine notices within seconds.</summary>
internal static class KeysCommand
{
    private static readonly string[] Names = ["till", "partner", "read", "admin"];

    public static Command Create()
    {
        var data = DataFolder.Option();
        var name = new Argument<string>("NAME") { Description = "Whose key it is; an existing key of that name is replaced." };
        var scopes = new Option<string[]>("--scope") { Description = $"What it may do: {string.Join(", ", Names)}. May be given several times.", Required = true };
        var pools = new Option<string[]>("--pool") { Description = "A partner pool that a partner's key is bound to; without it the key may use all. May be given several times." };
        var add = new Command("add", "Makes a key and prints it, this once.") { name, scopes, pools, data };
        add.SetAction(parsed => Add(parsed.GetValue(data)!, parsed.GetValue(name)!, parsed.GetValue(scopes)!, parsed.GetValue(pools) ?? []));
        var list = new Command("list", "Lists the keys (not the keys themselves: only their hashes are stored).") { data };
        list.SetAction(parsed => List(parsed.GetValue(data)!));
        var remove = new Command("remove", "Withdraws a key.") { name, data };
        remove.SetAction(parsed => ApiKeys.Remove(parsed.GetValue(data)!, parsed.GetValue(name)!)
            ? 0 : throw new UserError($"There is no key named '{parsed.GetValue(name)}'; './loyalty keys list' shows them."));
        return new Command("keys", "Makes, lists and withdraws API keys.") { add, list, remove };
    }

    private static int Add(string dataFolder, string name, string[] scopes, string[] pools)
    {
        if (scopes.FirstOrDefault(scope => !Names.Contains(scope)) is { } unknown)
        {
            throw new UserError($"--scope is '{unknown}'; {string.Join(", ", Names)} are possible.");
        }

        if (pools.Length > 0 && !scopes.SequenceEqual(["partner"]))
        {
            throw new UserError("--pool goes with --scope partner alone: other scopes are not about pools.");
        }

        if (name.Length is 0 or > 64)
        {
            throw new UserError("NAME has 1 to 64 characters.");
        }

        Console.WriteLine(ApiKeys.Create(dataFolder, name, scopes, pools));
        return 0;
    }

    private static int List(string dataFolder)
    {
        foreach (var key in ApiKeys.Load(Path.Combine(dataFolder, "keys.json")))
        {
            Console.WriteLine($"{key.Name,-24} {string.Join(",", key.Scopes),-24} {key.CreatedAt:u}{(key.Pools is null ? "" : $" pools {string.Join(",", key.Pools)}")}");
        }

        return 0;
    }
}
