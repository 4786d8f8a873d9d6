using System.Globalization;
using Loyalty.Domain.Campaigns;
using Loyalty.Domain.Encoding;
using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using Loyalty.Runtime.Journal;
using Loyalty.Runtime.Kernel;
using Loyalty.Runtime.Loyalty;
using Loyalty.Storage;
using Microsoft.Extensions.Logging.Abstractions;
using NodaTime;

namespace Loyalty.Runtime.Tests.Examples;

/// <summary>Plays a story of examples/ to a whole engine in memory, whose clock is the story's, and checks what it says.</summary>
internal sealed class StoryPlayer : IAsyncDisposable
{
    private readonly ManualClock _clock = new(Instant.FromUtc(2000, 1, 1, 0, 0));
    private readonly MemoryJournal _journal = new();
    private readonly string _folder;
    private readonly EmbeddedHost _host;
    private readonly LoyaltyEngine _engine;
    private Scene _scene = null!;
    private (Refusal? Refusal, List<StoryAward> Awards) _last;

    public StoryPlayer(string folder)
    {
        _folder = folder;
        var programs = new ProgramSource();
        _host = new(_journal, LoyaltyEngine.Kinds(programs), new KernelOptions { Shards = 2 }, _clock, new ThreadPoolScheduler(), NullLogger<EmbeddedHost>.Instance);
        _engine = new(_host, new JournalBooks(_journal), programs, _clock);
    }

    public async Task PlayAsync()
    {
        var story = Story.Read(Path.Combine(_folder, "story.txt"));
        var program = await File.ReadAllBytesAsync(Path.Combine(_folder, "program.json"));
        Assert.Empty(await _engine.StartAsync(program));
        // Campaigns are published before the story begins: nothing is judged by what comes later.
        MoveTo(Assert.IsType<Scene>(story[0]));
        await PublishAsync();
        foreach (var line in story)
        {
            await PlayAsync(line);
        }

        Assert.All((await _engine.Books.TotalsAsync()).Sums.Select(sum => (Name: MeasureNames.ParseAccount(sum.Key), sum.Value)).Where(sum => sum.Name is not null).GroupBy(sum => sum.Name!.Value.Unit),
            unit => Assert.Equal(0, unit.Sum(account => account.Value)));
    }

    public async ValueTask DisposeAsync()
    {
        await _host.DisposeAsync();
        await _journal.DisposeAsync();
    }

    private async Task PublishAsync()
    {
        var left = Directory.GetFiles(Path.Combine(_folder, "campaigns"), "*.json").Order(StringComparer.Ordinal).ToList();
        while (left.Count > 0)
        {
            var published = new List<string>();
            foreach (var file in left)
            {
                var id = Path.GetFileNameWithoutExtension(file);
                Done(await _engine.SaveCampaignDraftAsync(id, await File.ReadAllBytesAsync(file), "author"));
                if (_engine.Programs.Current.Latest.CampaignApproval)
                {
                    Done(await _engine.ApproveCampaignAsync(id, "another"));
                }

                // One that is chained waits for the one that triggers it.
                if (((await _engine.PublishCampaignAsync(id, "author")).Reply as CampaignReply) is { Errors.Count: 0, Refusal: null })
                {
                    published.Add(file);
                }
            }

            Assert.True(published.Count > 0, $"cannot be published: {string.Join(", ", left)}");
            left.RemoveAll(published.Contains);
        }

        static void Done(CampaignCommand command) => Assert.True(command.Reply is CampaignReply { Errors.Count: 0, Refusal: null } , $"{command.Campaign}: {command.Reply} {string.Join("; ", (command.Reply as CampaignReply)?.Errors ?? [])}");
    }

    private void MoveTo(Scene scene)
    {
        _scene = scene;
        _clock.Now = scene.Time.InZoneStrictly(_engine.Programs.Current.Latest.Calendar.Zone).ToInstant();
    }

    private async Task PlayAsync(StoryLine line)
    {
        var currency = _engine.Programs.Current.Latest.Currency;
        switch (line)
        {
            case Scene scene:
                MoveTo(scene);
                break;
            case Joins joins:
                await _engine.EnrolAsync(new Enrolment { Id = joins.Member, AlternativeIds = [] });
                await DescribeAsync(joins.Member, joins.Tags, joins.Birthday);
                break;
            case IsTagged tagged:
                var known = Assert.IsType<MemberCampaignsView>((await _host.AskAsync(new GetMemberCampaigns(tagged.Member))).Reply);
                await DescribeAsync(tagged.Member, tagged.Tags, known.Attributes.Birthday);
                break;
            case Buys buys:
                var purchase = new Purchase
                {
                    Id = buys.Id, Member = buys.Member, Store = _scene.Store, Channel = _scene.Channel, At = _clock.Now, Currency = currency, Lines = Lines(buys.Goods),
                };
                await SendAsync(line, new RecordPurchase(_engine.TargetOf(purchase), purchase));
                break;
            case Returns returns:
                var back = new Return
                {
                    Id = returns.Id, Purchase = returns.Purchase, Member = returns.Member, Store = _scene.Store, Channel = _scene.Channel, At = _clock.Now, Currency = currency, Lines = Lines(returns.Goods),
                };
                await SendAsync(line, new RecordReturn(_engine.TargetOf(back), back));
                break;
            case Does does:
                await SendAsync(line, new RecordActivity(new()
                {
                    Id = does.Id, Member = does.Member, Type = does.Type, At = _clock.Now, Store = _scene.Store, Channel = _scene.Channel,
                    Amount = does.Details.TryGetValue("amount", out var amount) ? Story.Minor(amount) : null,
                    Quantity = does.Details.TryGetValue("quantity", out var quantity) ? decimal.Parse(quantity, CultureInfo.InvariantCulture) : null,
                    Score = does.Details.TryGetValue("score", out var score) ? int.Parse(score, CultureInfo.InvariantCulture) : null,
                    Friend = does.Details.GetValueOrDefault("friend"),
                }));
                break;
            case Spends spends:
                await SendAsync(line, new RedeemPoints(new() { Id = spends.Id, Member = spends.Member, Unit = spends.Unit, Points = spends.Points }, null));
                break;
            case Gets gets:
                Same(line, gets.Refusal is null ? Text(gets.Awards!) : [$"refused: {gets.Refusal}"], _last.Refusal is null ? Text(_last.Awards) : [$"refused: {_last.Refusal.Code}"]);
                break;
            case Has has:
                await CheckAsync(has);
                break;
        }
    }

    private async Task DescribeAsync(string member, string[] tags, AnnualDate? birthday)
    {
        if (tags.Length > 0 || birthday is not null)
        {
            var command = await _host.AskAsync(new SetAttributes(member, MemberAttributes.Of(tags, birthday)));
            Assert.True(command.Status == CommandStatus.Done, command.Problem);
        }
    }

    private async Task SendAsync(StoryLine line, RequestCommand command)
    {
        await _host.AskAsync<Command>(command);
        Assert.True(command.Status == CommandStatus.Done && command.Outcome.Kind is OutcomeKind.Recorded or OutcomeKind.Refused, $"line {line.Line}: {command.Status} {command.Problem}");
        _last = (command.Outcome.Refusal, command.Outcome.Fact switch
        {
            PurchaseRecorded sold => Awards(sold.Awards, sold.Campaigns),
            ActivityRecorded did => Awards(did.Awards, did.Campaigns),
            ReturnRecorded back => [.. back.Takes.Select(take => new StoryAward(take.Rule, take.Unit, -take.Points, null)), .. Donations(back.Campaigns)],
            _ => [],
        });
    }

    private static List<StoryAward> Awards(Award[] awards, CampaignFacts? campaigns) =>
        [.. awards.Select(award => new StoryAward(award.Rule, award.Unit, award.Points, null)), .. Donations(campaigns)];

    private static IEnumerable<StoryAward> Donations(CampaignFacts? campaigns) => (campaigns?.Donations ?? []).Select(given => new StoryAward(given.Rule, given.Unit, given.Points, given.Cause));

    private static IEnumerable<string> Text(IEnumerable<StoryAward> awards) =>
        awards.GroupBy(award => award with { Points = 0 }).Select(award => $"{award.Sum(one => one.Points)} {award.Key.Unit}{(award.Key.Cause is null ? "" : $" for {award.Key.Cause}")} ({award.Key.Rule})").Order(StringComparer.Ordinal);

    private async Task CheckAsync(Has has)
    {
        if (_engine.Programs.Current.Latest.Causes.Any(cause => cause.Id == has.Who))
        {
            var sums = (await _engine.Books.TotalsAsync()).Sums.Select(sum => (Name: MeasureNames.ParseAccount(sum.Key), sum.Value)).Where(sum => sum.Name?.Account == $"cause:{has.Who}").ToList();
            Same(has, has.Balances.Select(balance => $"{balance.Points} {balance.Unit}"), sums.Select(sum => $"{sum.Value} {sum.Name!.Value.Unit}"));
            return;
        }

        var view = Assert.IsType<MemberReply>((await _host.AskAsync(new GetMember(has.Who))).Reply).View!;
        foreach (var (unit, points, pending) in has.Balances)
        {
            var balance = view.Balances.Single(balance => balance.Unit == unit);
            Same(has, [$"{points} {unit}"], [$"{(pending ? balance.Pending : balance.Available)} {unit}"]);
        }

        if (has.Tier is not null)
        {
            Same(has, [has.Tier], [view.Tier?.Level ?? "none"]);
        }
    }

    private void Same(StoryLine line, IEnumerable<string> story, IEnumerable<string> engine)
    {
        var (says, does) = (string.Join(", ", story), string.Join(", ", engine));
        Assert.True(says == does, $"{Path.GetFileName(_folder)}/story.txt:{line.Line} says [{says}]; the engine [{does}]");
    }

    private static SaleLine[] Lines(StoryGoods[] goods) => [.. goods.Select(line => new SaleLine(line.Sku, line.Category, line.Brand, line.Quantity, line.Amount))];
}
