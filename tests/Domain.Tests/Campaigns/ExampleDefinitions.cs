using Loyalty.Domain.Campaigns;
using Loyalty.Domain.Programs;
using Loyalty.Domain.Validation;
using NodaTime;
using Xunit;

namespace Loyalty.Domain.Tests.Campaigns;

/// <summary>The programs and campaigns of examples/ are right, and can be published together.</summary>
public class ExampleDefinitions
{
    private static readonly string Folder = Find();

    public static TheoryData<string> Names() => [.. System.IO.Directory.GetDirectories(Folder).Select(folder => Path.GetFileName(folder)!).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_example_can_be_published(string name)
    {
        var (program, errors) = (CampaignDefinitions.ReadProgram(File.ReadAllText(Path.Combine(Folder, name, "program.json"))), new List<FieldError>());
        var left = System.IO.Directory.GetFiles(Path.Combine(Folder, name, "campaigns"), "*.json").ToDictionary(file => Path.GetFileNameWithoutExtension(file)!, File.ReadAllBytes, StringComparer.Ordinal);
        Assert.NotEmpty(left);
        var catalog = CampaignCatalog.Empty;
        while (left.Count > 0)
        {
            // Those behind others come after them.
            errors.Clear();
            var published = 0;
            foreach (var (id, json) in left.ToList())
            {
                var problems = new List<FieldError>();
                if (CampaignParser.Parse(json, id, 1, program, catalog, problems) is { } campaign)
                {
                    CampaignParser.CheckPublishable(campaign, catalog, Instant.FromUtc(2026, 1, 1, 0, 0), problems);
                    catalog = catalog.With(new(id, 1, [campaign], []));
                    left.Remove(id);
                    published++;
                }

                errors.AddRange(problems.Select(problem => problem with { Field = $"{id}: {problem.Field}" }));
            }

            Assert.True(published > 0, string.Join("\n", errors));
        }

        Assert.True(File.Exists(Path.Combine(Folder, name, "README.md")));
    }

    private static string Find()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Loyalty.Orleans.sln")))
        {
            folder = Path.GetDirectoryName(folder)!;
        }

        return Path.Combine(folder, "examples");
    }
}
