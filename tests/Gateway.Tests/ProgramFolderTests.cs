using Loyalty.Domain.Campaigns;
using Loyalty.Gateway.Hosting;
using Loyalty.Runtime.Kernel;
using Microsoft.Extensions.Logging.Abstractions;
using NodaTime;
using Xunit;

namespace Loyalty.Gateway.Tests;

/// <summary><c>up --program FOLDER</c>: a program with its campaigns.</summary>
public sealed class ProgramFolderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("loyalty-program-folder-").FullName;

    private static readonly string Examples = FindExamples();

    [Fact]
    public async Task The_campaigns_of_a_folder_are_published_once_each_behind_the_one_that_triggers_it()
    {
        var program = ProgramFiles.Read(Path.Combine(Examples, "fund-raising"));
        Assert.Equal(["for-the-school", "match", "trees"], program.Campaigns.Select(campaign => campaign.Id));
        Assert.Equal(["trade-in", "recycler-badge"], ProgramFiles.Read(Path.Combine(Examples, "electronics")).Campaigns.Select(campaign => campaign.Id).Where(id => id is "trade-in" or "recycler-badge"));

        for (var start = 0; start < 2; start++)
        {
            await using var process = await StartAsync(program);
            Assert.Equal(3, process.Engine.Programs.Campaigns.Catalog.Campaigns.Count);
            Assert.All(process.Engine.Programs.Campaigns.Catalog.Campaigns, campaign => Assert.Single(campaign.Versions));
            Assert.All(process.Engine.Programs.Campaigns.Catalog.Campaigns, campaign => Assert.Equal(CampaignStatus.Active, CampaignCatalog.StatusOf(campaign, SystemClock.Instance.GetCurrentInstant())));
        }
    }

    [Fact]
    public void A_program_json_brings_the_campaigns_beside_it_and_another_file_does_not()
    {
        Assert.Equal(4, ProgramFiles.Read(Path.Combine(Examples, "grocery", "program.json")).Campaigns.Count);
        Assert.Empty(ProgramFiles.Read(Path.Combine(Examples, "first-program.json")).Campaigns);
    }

    [Fact]
    public async Task A_campaign_that_is_not_valid_is_named_with_its_file_and_field()
    {
        Directory.CreateDirectory(Path.Combine(_folder, "campaigns"));
        File.Copy(Path.Combine(Examples, "grocery", "program.json"), Path.Combine(_folder, "program.json"));
        await File.WriteAllTextAsync(Path.Combine(_folder, "campaigns", "bad.json"), """{ "name": "n", "gives": [{ "type": "bonus", "unit": "pebbles", "points": 1 }] }""");
        var error = await Assert.ThrowsAsync<UserError>(() => StartAsync(ProgramFiles.Read(_folder)));
        Assert.Contains("bad.json", error.Message, StringComparison.Ordinal);
        Assert.Contains("gives[0].unit", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_without_a_program_is_no_program()
    {
        var error = Assert.Throws<UserError>(() => ProgramFiles.Read(_folder));
        Assert.Contains("program.json", error.Message, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private Task<EngineProcess> StartAsync(ProgramFiles program)
    {
        var data = Directory.CreateDirectory(Path.Combine(_folder, "data")).FullName;
        return EngineProcess.StartAsync(data, program, new KernelOptions { MaxActorBytes = 64 << 20 }, SystemClock.Instance, NullLoggerFactory.Instance);
    }

    private static string FindExamples()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Loyalty.Orleans.sln")))
        {
            folder = Path.GetDirectoryName(folder)!;
        }

        return Path.Combine(folder, "examples");
    }
}
