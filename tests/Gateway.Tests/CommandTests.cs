using System.CommandLine;
using Loyalty.Gateway.Commands;
using Loyalty.Gateway.Hosting;

namespace Loyalty.Gateway.Tests;

public sealed class CommandTests : IDisposable
{
    private readonly string _folder = Path.Combine(Path.GetTempPath(), $"loyalty-commands-{Guid.NewGuid():n}");

    [Theory]
    [InlineData("http://0.0.0.0:0")]
    [InlineData("http://[::]:0")]
    [InlineData("http://192.0.2.1:0")]
    [InlineData("http://shop.example:0")]
    [InlineData("http://127.0.0.1.shop.example:0")]
    [InlineData("http://127.0.0.1:0/;http://0.0.0.0:0")]
    public async Task Without_keys_the_engine_listens_only_on_a_loopback_address(string url)
    {
        var error = await Assert.ThrowsAsync<UserError>(() => RunAsync("up", "--data", _folder, "--insecure", "--url", url));

        Assert.Contains("--", error.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder));
    }

    [Theory]
    [InlineData("--url", "127.0.0.1:8080")]
    [InlineData("--url", "https://127.0.0.1:8080")]
    [InlineData("--url", "http://127.0.0.1:8080/books")]
    [InlineData("--memory", "15")]
    [InlineData("--program", "/nowhere/program.json")]
    public async Task A_setting_that_cannot_be_is_named(string option, string value)
    {
        var error = await Assert.ThrowsAsync<UserError>(() => RunAsync("up", "--data", _folder, option, value));

        Assert.Contains(value, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_needs_a_scope_that_exists()
    {
        var error = await Assert.ThrowsAsync<UserError>(() => RunAsync("keys", "add", "till-1", "--scope", "cashier", "--data", _folder));

        Assert.Contains("till, partner, read, admin", error.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<UserError>(() => RunAsync("keys", "remove", "till-1", "--data", _folder));
    }

    public void Dispose()
    {
        if (Directory.Exists(_folder))
        {
            Directory.Delete(_folder, recursive: true);
        }
    }

    private static Task<int> RunAsync(params string[] args) =>
        new RootCommand { UpCommand.Create(), KeysCommand.Create() }.Parse(args).InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
}
