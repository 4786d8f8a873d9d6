namespace Loyalty.EndToEnd.Tests.Support;

/// <summary>The real data, where it is: shared/data in a folder above the tests.</summary>
internal static class RetailFile
{
    public const string Absent = "shared/data/online-retail.csv.gz is not above this folder: the test on real data is left out.";

    public static string? Path { get; } = Find();

    private static string? Find()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var file = System.IO.Path.Combine(folder.FullName, "shared", "data", "online-retail.csv.gz");
            if (File.Exists(file))
            {
                return file;
            }
        }

        return null;
    }
}

/// <summary>A test on the real data; skipped, with a word, where it is absent.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class RealDataFactAttribute : FactAttribute
{
    public RealDataFactAttribute() => Skip = RetailFile.Path is null ? RetailFile.Absent : null;
}
