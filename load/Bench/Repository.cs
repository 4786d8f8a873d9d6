namespace Loyalty.Load.Bench;

/// <summary>The repository that this program was built in: where the programs lie that it measures.</summary>
internal static class Repository
{
    /// <summary>Its folder; null when this program was copied elsewhere.</summary>
    public static string? Folder { get; } = Find();

    /// <summary>A program built for release in the folder of its project; null when it is not there.</summary>
    public static string? Program(string project, string dll) =>
        Folder is not null && Path.Combine(Folder, project, "bin", "Release", "net10.0", dll) is var path && File.Exists(path) ? path : null;

    private static string? Find()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Loyalty.Orleans.sln")))
            {
                return folder.FullName;
            }
        }

        return null;
    }
}
