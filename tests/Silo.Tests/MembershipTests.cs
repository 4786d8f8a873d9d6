using System.Net;
using Loyalty.Tests.Shared;

namespace Loyalty.Silo.Tests;

[NeedsPostgres]
public sealed class MembershipTests
{
    private const int Silos = 6;
    private const int Rounds = 15;

    private static readonly DateTime Noon = new(2026, 3, 1, 12, 0, 0, DateTimeKind.Utc);

    private readonly string _schema = PrivatePostgres.NewSchemaName();

    [StoreFact]
    public async Task A_silo_is_read_back_as_it_was_written()
    {
        using var tables = await ProviderTables.OpenAsync(_schema);
        var written = Silo(1);
        Assert.True(await tables.Membership.InsertRowAsync(written, new(1, "0")));
        written.AddSuspector(Silo(2).SiloAddress, Noon);
        written.AddSuspector(Silo(3).SiloAddress, Noon.AddSeconds(1));
        written.Status = SiloStatus.ShuttingDown;
        Assert.True(await tables.Membership.UpdateRowAsync(written, await tables.Membership.EtagAsync(written), new(2, "1")));
        foreach (var data in new[] { await tables.Membership.ReadAllAsync(), await tables.Membership.ReadRowAsync(written.SiloAddress) })
        {
            var read = Assert.Single(data.Members).Item1;
            Assert.Equal(written.ToFullString(), read.ToFullString());
            Assert.Equal(written.SuspectTimes, read.SuspectTimes);
            Assert.Equal(2, data.Version.Version);
        }
    }

    [StoreFact]
    public async Task A_cluster_without_silos_has_a_version()
    {
        using var tables = await ProviderTables.OpenAsync(_schema);
        using var again = await ProviderTables.OpenAsync(_schema);
        foreach (var data in new[] { await again.Membership.ReadAllAsync(), await again.Membership.ReadRowAsync(Silo(1).SiloAddress) })
        {
            Assert.Empty(data.Members);
            Assert.Equal("0", data.Version.VersionEtag);
        }
    }

    [StoreFact]
    public async Task Of_silos_that_join_at_the_same_version_exactly_one_gets_in()
    {
        var silos = await Task.WhenAll(Enumerable.Range(0, Silos).Select(_ => ProviderTables.OpenAsync(_schema)));
        for (var round = 0; round < Rounds; round++)
        {
            var version = new TableVersion(round, Text(round)).Next();
            var joined = await Task.WhenAll(silos.Select((silo, n) => silo.Membership.InsertRowAsync(Silo((round * Silos) + n), version)));
            Assert.Single(joined, won => won);
            var data = await silos[0].Membership.ReadAllAsync();
            Assert.Equal(round + 1, data.Version.Version);
            Assert.Equal(round + 1, data.Members.Count);
            Assert.Contains(data.Members, member => member.Item1.SiloAddress.Equals(Silo((round * Silos) + Array.IndexOf(joined, true)).SiloAddress));
        }

        Array.ForEach(silos, silo => silo.Dispose());
    }

    [StoreFact]
    public async Task Of_silos_that_change_the_table_at_the_same_version_exactly_one_does()
    {
        var silos = await Task.WhenAll(Enumerable.Range(0, Silos).Select(_ => ProviderTables.OpenAsync(_schema)));
        for (var n = 0; n < Silos; n++)
        {
            Assert.True(await silos[0].Membership.InsertRowAsync(Silo(n), new(n + 1, Text(n))));
        }

        for (var round = Silos; round < Silos + Rounds; round++)
        {
            var version = new TableVersion(round, Text(round)).Next();
            var etag = await silos[0].Membership.EtagAsync(Silo(round % Silos));
            var votes = silos.Select((_, n) =>
            {
                var entry = Silo(round % Silos);
                entry.AddSuspector(Silo(n).SiloAddress, Noon.AddSeconds(round));
                return entry;
            }).ToArray();

            // Heartbeats go on meanwhile, and hinder nobody.
            var beats = silos.Select((silo, n) => silo.Membership.UpdateIAmAliveAsync(Silo(n)));
            var changed = await Task.WhenAll(silos.Select((silo, n) => silo.Membership.UpdateRowAsync(votes[n], etag, version)));
            await Task.WhenAll(beats);
            Assert.Single(changed, won => won);
            var row = await silos[0].Membership.ReadRowAsync(Silo(round % Silos).SiloAddress);
            Assert.Equal(round + 1, row.Version.Version);
            Assert.Equal(votes[Array.IndexOf(changed, true)].SuspectTimes, Assert.Single(row.Members).Item1.SuspectTimes);
        }

        Array.ForEach(silos, silo => silo.Dispose());
    }

    [StoreFact]
    public async Task A_join_and_a_change_at_the_same_version_exclude_each_other()
    {
        using var here = await ProviderTables.OpenAsync(_schema);
        using var there = await ProviderTables.OpenAsync(_schema);
        Assert.True(await here.Membership.InsertRowAsync(Silo(0), new(1, "0")));
        var etag = await here.Membership.EtagAsync(Silo(0));
        for (var round = 1; round <= Rounds; round++)
        {
            var version = new TableVersion(round, Text(round)).Next();
            var won = await Task.WhenAll(there.Membership.UpdateRowAsync(Silo(0), etag, version), here.Membership.InsertRowAsync(Silo(round), version));
            Assert.Single(won, one => one);
        }
    }

    [StoreFact]
    public async Task A_silo_cannot_join_twice_nor_change_before_it_joined_and_the_version_stays()
    {
        using var tables = await ProviderTables.OpenAsync(_schema);
        Assert.True(await tables.Membership.InsertRowAsync(Silo(1), new(1, "0")));
        Assert.False(await tables.Membership.UpdateRowAsync(Silo(2), await tables.Membership.EtagAsync(Silo(1)), new(2, "1")));
        Assert.False(await tables.Membership.InsertRowAsync(Silo(1), new(2, "1")));
        Assert.False(await tables.Membership.InsertRowAsync(Silo(2), new(3, "2")));
        Assert.Equal(1, (await tables.Membership.ReadAllAsync()).Version.Version);
    }

    [StoreFact]
    public async Task A_heartbeat_changes_nothing_but_its_time()
    {
        using var tables = await ProviderTables.OpenAsync(_schema);
        Assert.True(await tables.Membership.InsertRowAsync(Silo(1), new(1, "0")));
        var beat = Silo(1);
        (beat.IAmAliveTime, beat.Status) = (Noon.AddMinutes(1), SiloStatus.Dead);
        await tables.Membership.UpdateIAmAliveAsync(beat);
        var data = await tables.Membership.ReadAllAsync();
        Assert.Equal(1, data.Version.Version);
        Assert.Equal((Noon.AddMinutes(1), SiloStatus.Active), (data.Members[0].Item1.IAmAliveTime, data.Members[0].Item1.Status));
    }

    [StoreFact]
    public async Task Only_silos_that_died_long_ago_are_removed()
    {
        using var tables = await ProviderTables.OpenAsync(_schema);
        var (oldDead, newDead, oldLive) = (Silo(1), Silo(2), Silo(3));
        (oldDead.Status, oldDead.IAmAliveTime) = (SiloStatus.Dead, Noon.AddDays(-8));
        newDead.Status = SiloStatus.Dead;
        oldLive.IAmAliveTime = Noon.AddDays(-8);
        foreach (var (silo, n) in new[] { oldDead, newDead, oldLive }.Select((silo, n) => (silo, n)))
        {
            Assert.True(await tables.Membership.InsertRowAsync(silo, new(n + 1, Text(n))));
        }

        await tables.Membership.CleanupDefunctSiloEntriesAsync(Noon.AddDays(-7));
        Assert.Equal([newDead.SiloAddress, oldLive.SiloAddress], (await tables.Membership.ReadAllAsync()).Members.Select(member => member.Item1.SiloAddress).Order());
    }

    [StoreFact]
    public async Task Two_clusters_in_one_schema_do_not_see_each_other()
    {
        using var north = await ProviderTables.OpenAsync(_schema, "north");
        using var south = await ProviderTables.OpenAsync(_schema, "south");
        Assert.True(await north.Membership.InsertRowAsync(Silo(1), new(1, "0")));
        Assert.True(await south.Membership.InsertRowAsync(Silo(1), new(1, "0")));
        await north.Membership.DeleteMembershipTableEntriesAsync("north");
        Assert.Single((await south.Membership.ReadAllAsync()).Members);
        await north.Membership.InitializeMembershipTableAsync(true);
        Assert.Empty((await north.Membership.ReadAllAsync()).Members);
    }

    private static MembershipEntry Silo(int n) => new()
    {
        SiloAddress = SiloAddress.New(new IPEndPoint(IPAddress.Loopback, 11_000 + n), 500 + n),
        SiloName = $"silo {n}",
        HostName = "till.example",
        Status = SiloStatus.Active,
        ProxyPort = 30_000 + n,
        StartTime = Noon.AddHours(-1),
        IAmAliveTime = Noon,
    };

    private static string Text(int version) => version.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
