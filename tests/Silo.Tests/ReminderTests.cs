using Loyalty.Tests.Shared;

namespace Loyalty.Silo.Tests;

[NeedsPostgres]
public sealed class ReminderTests
{
    private static readonly DateTime Noon = new(2026, 3, 1, 12, 0, 0, DateTimeKind.Utc);

    private readonly string _schema = PrivatePostgres.NewSchemaName();

    [StoreFact]
    public async Task A_reminder_is_read_back_as_it_was_written()
    {
        using var tables = await ProviderTables.OpenAsync(_schema);
        var written = Reminder("review", "anna");
        var etag = await tables.Reminders.UpsertRow(written);
        var read = (await tables.Reminders.ReadRow(written.GrainId, "review"))!;
        Assert.Equal((written.GrainId, "review", Noon, TimeSpan.FromDays(40), etag), (read.GrainId, read.ReminderName, read.StartAt, read.Period, read.ETag));
        Assert.Equal([etag], (await tables.Reminders.ReadRows(written.GrainId)).Reminders.Select(row => row.ETag));
        Assert.Null(await tables.Reminders.ReadRow(written.GrainId, "other"));
    }

    [StoreFact]
    public async Task A_reminder_changed_meanwhile_is_not_removed_by_who_knew_the_old_one()
    {
        using var tables = await ProviderTables.OpenAsync(_schema);
        var reminder = Reminder("review", "anna");
        var old = (await tables.Reminders.UpsertRow(reminder))!;
        reminder.StartAt = Noon.AddDays(1);
        var current = (await tables.Reminders.UpsertRow(reminder))!;
        Assert.False(await tables.Reminders.RemoveRow(reminder.GrainId, "review", old));
        Assert.Equal(Noon.AddDays(1), (await tables.Reminders.ReadRow(reminder.GrainId, "review"))!.StartAt);
        Assert.True(await tables.Reminders.RemoveRow(reminder.GrainId, "review", current));
        Assert.False(await tables.Reminders.RemoveRow(reminder.GrainId, "review", current));
    }

    [StoreFact]
    public async Task A_reminder_made_anew_is_not_removed_by_who_knew_the_one_before()
    {
        using var tables = await ProviderTables.OpenAsync(_schema);
        var reminder = Reminder("review", "anna");
        var first = (await tables.Reminders.UpsertRow(reminder))!;
        Assert.True(await tables.Reminders.RemoveRow(reminder.GrainId, "review", first));
        await tables.Reminders.UpsertRow(reminder);
        Assert.False(await tables.Reminders.RemoveRow(reminder.GrainId, "review", first));
    }

    [StoreFact]
    public async Task Ranges_of_the_ring_share_the_reminders_without_gap_or_overlap()
    {
        using var tables = await ProviderTables.OpenAsync(_schema);
        var members = Enumerable.Range(0, 60).Select(n => Reminder("review", $"member {n}")).ToArray();
        foreach (var reminder in members)
        {
            await tables.Reminders.UpsertRow(reminder);
        }

        // The borders are hashes of reminders: a range excludes its beginning and includes its end, and the last one passes zero.
        uint[] borders = [.. members.Take(5).Select(reminder => reminder.GrainId.GetUniformHashCode()).Order()];
        var found = new List<GrainId>();
        for (var n = 0; n < borders.Length; n++)
        {
            var (begin, end) = (borders[n], borders[(n + 1) % borders.Length]);
            var rows = (await tables.Reminders.ReadRows(begin, end)).Reminders.Select(row => row.GrainId).ToArray();
            Assert.All(rows, row => Assert.True(IsWithin(row.GetUniformHashCode(), begin, end)));
            found.AddRange(rows);
        }

        Assert.Equal(members.Select(reminder => reminder.GrainId).Order(), found.Order());
        Assert.Equal(members.Length, (await tables.Reminders.ReadRows(borders[0], borders[0])).Reminders.Count);
    }

    [StoreFact]
    public async Task Clearing_one_service_leaves_the_reminders_of_another()
    {
        using var north = await ProviderTables.OpenAsync(_schema, "north");
        using var south = await ProviderTables.OpenAsync(_schema, "south");
        await north.Reminders.UpsertRow(Reminder("review", "anna"));
        await south.Reminders.UpsertRow(Reminder("review", "anna"));
        await north.Reminders.TestOnlyClearTable();
        Assert.Empty((await north.Reminders.ReadRows(0, 0)).Reminders);
        Assert.Single((await south.Reminders.ReadRows(0, 0)).Reminders);
    }

    private static bool IsWithin(uint hash, uint begin, uint end) => begin < end ? hash > begin && hash <= end : hash > begin || hash <= end;

    private static ReminderEntry Reminder(string name, string member) =>
        new() { GrainId = GrainId.Create("member", member), ReminderName = name, StartAt = Noon, Period = TimeSpan.FromDays(40) };
}
