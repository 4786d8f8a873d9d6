namespace Loyalty.Runtime.Tests.Examples;

/// <summary>What the stories of examples/ say is what happens.</summary>
public class ExampleStories
{
    private static readonly string Folder = Find();

    public static TheoryData<string> Names() => [.. Directory.GetDirectories(Folder).Select(folder => Path.GetFileName(folder)!).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task The_story_of_an_example_is_true(string name)
    {
        await using var player = new StoryPlayer(Path.Combine(Folder, name));
        await player.PlayAsync();
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
