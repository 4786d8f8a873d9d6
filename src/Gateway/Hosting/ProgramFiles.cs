using System.Text.Json;
using Loyalty.Runtime.Loyalty;

namespace Loyalty.Gateway.Hosting;

/// <summary>What <c>--program</c> names: a definition, or a folder with <c>program.json</c> and, in <c>campaigns/</c>, campaigns that are published with it (the file's name is the id).</summary>
/// <param name="Definition">The program, UTF-8 JSON.</param>
/// <param name="Name">What to call it in messages.</param>
/// <param name="Campaigns">In an order in which each comes behind the one that triggers it.</param>
internal sealed record ProgramFiles(byte[] Definition, string Name, IReadOnlyList<CampaignFile> Campaigns)
{
    /// <summary>Who publishes campaigns of a folder, as their history says.</summary>
    public const string Author = "up";

    /// <summary>Who approves them, when the program wants that.</summary>
    public const string Approver = "up-approval";

    /// <summary>Reads a file or a folder.</summary>
    /// <exception cref="UserError">It cannot be read.</exception>
    public static ProgramFiles Read(string path)
    {
        try
        {
            var isFolder = Directory.Exists(path);
            var file = isFolder ? Path.Combine(path, "program.json") : path;
            var definition = File.ReadAllBytes(file);
            // A program.json beside a folder of campaigns is an example that was named by its file.
            var campaigns = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(file))!, "campaigns");
            var hasCampaigns = (isFolder || Path.GetFileName(file) == "program.json") && Directory.Exists(campaigns);
            return new(definition, path, hasCampaigns ? InOrder(Directory.GetFiles(campaigns, "*.json")) : []);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserError($"The program '{path}' cannot be read: {e.Message} A definition is needed, or a folder with program.json and perhaps campaigns/*.json.");
        }
    }

    /// <summary>Publishes the campaigns that the books do not know yet.</summary>
    /// <returns>How many were published.</returns>
    /// <exception cref="UserError">One is not valid.</exception>
    public async Task<int> PublishCampaignsAsync(LoyaltyEngine engine)
    {
        var published = 0;
        foreach (var campaign in Campaigns)
        {
            var known = await engine.GetCampaignAsync(campaign.Id).ConfigureAwait(false);
            if (known.Reply is CampaignReply { View.Versions.Count: > 0 })
            {
                continue;
            }

            Check(campaign, await engine.SaveCampaignDraftAsync(campaign.Id, campaign.Json, Author).ConfigureAwait(false));
            if (engine.Programs.Current.Latest.CampaignApproval)
            {
                Check(campaign, await engine.ApproveCampaignAsync(campaign.Id, Approver).ConfigureAwait(false));
            }

            Check(campaign, await engine.PublishCampaignAsync(campaign.Id, Author).ConfigureAwait(false));
            published++;
        }

        return published;
    }

    private static void Check(CampaignFile campaign, CampaignCommand command)
    {
        if (command.Reply is not CampaignReply reply)
        {
            throw new UserError($"The campaign {campaign.File} cannot be published now: {command.Problem}");
        }

        if (reply.Errors.Count > 0)
        {
            throw new UserError($"{campaign.File} is no valid campaign:\n" + string.Join('\n', reply.Errors.Select(error => $"  {error.Field} {error.Message}")));
        }

        if (reply.Refusal is { } refusal)
        {
            throw new UserError($"The campaign {campaign.File} cannot be published: {refusal.Code} {refusal.Detail}");
        }
    }

    private static List<CampaignFile> InOrder(string[] files)
    {
        var left = files.Order(StringComparer.Ordinal).Select(file => new CampaignFile(Path.GetFileNameWithoutExtension(file), file, File.ReadAllBytes(file))).ToList();
        var ordered = new List<CampaignFile>();
        while (left.Count > 0)
        {
            // What waits for nobody of the rest; should there be a circle, publishing says so.
            var next = left.Find(campaign => left.TrueForAll(other => other.Id != campaign.TriggeredBy)) ?? left[0];
            left.Remove(next);
            ordered.Add(next);
        }

        return ordered;
    }
}

/// <summary>A campaign in a file.</summary>
internal sealed record CampaignFile(string Id, string File, byte[] Json)
{
    /// <summary>The campaign that triggers it; null: none, or the file is no campaign, which publishing says better.</summary>
    public string? TriggeredBy
    {
        get
        {
            try
            {
                using var document = JsonDocument.Parse(Json);
                return document.RootElement is { ValueKind: JsonValueKind.Object } root && root.TryGetProperty("trigger", out var trigger) && trigger.ValueKind == JsonValueKind.Object
                    && trigger.TryGetProperty("award", out var award) && award.ValueKind == JsonValueKind.String
                    ? award.GetString() : null;
            }
            catch (JsonException)
            {
                return null;
            }
        }
    }
}
