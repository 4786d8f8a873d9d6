using Loyalty.Silo.Postgres;
using Loyalty.Tests.Shared;
using Npgsql;

namespace Loyalty.Silo.Tests;

[NeedsPostgres]
public sealed class OrleansSchemaTests
{
    private readonly string _schema = PrivatePostgres.NewSchemaName();

    private static PrivatePostgres Server => PrivatePostgres.Shared;

    [StoreFact]
    public async Task Several_processes_make_the_tables_at_once_and_all_of_them_can_use_them()
    {
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => OrleansSchema.MigrateAsync(Server.ConnectionString, _schema)));
        await OrleansSchema.CheckAsync(Server.ConnectionString, _schema);
        Assert.Equal(16L, await Server.ExecuteAsync($"SELECT count(*) FROM {_schema}.orleansquery"));
    }

    [StoreFact]
    public async Task Making_the_tables_again_leaves_what_is_in_them()
    {
        await OrleansSchema.MigrateAsync(Server.ConnectionString, _schema);
        await Server.ExecuteAsync($"INSERT INTO {_schema}.orleans_membership_version VALUES ('shop', 7)");
        await OrleansSchema.MigrateAsync(Server.ConnectionString, _schema);
        Assert.Equal(7, await Server.ExecuteAsync($"SELECT version FROM {_schema}.orleans_membership_version"));
    }

    [StoreFact]
    public async Task An_administrator_may_have_made_the_empty_schema_before()
    {
        await Server.ExecuteAsync($"CREATE SCHEMA {_schema}");
        await OrleansSchema.MigrateAsync(Server.ConnectionString, _schema);
        await OrleansSchema.CheckAsync(Server.ConnectionString, _schema);
    }

    [StoreFact]
    public async Task A_failed_migration_leaves_nothing_behind()
    {
        await Server.ExecuteAsync($"CREATE SCHEMA {_schema}; CREATE TABLE {_schema}.orleans_reminder (taken int)");
        var refusal = await Assert.ThrowsAsync<OrleansSchemaException>(() => OrleansSchema.MigrateAsync(Server.ConnectionString, _schema));
        Assert.Contains("orleans_reminder", refusal.Message);
        Assert.Equal(1L, await Server.ExecuteAsync($"SELECT count(*) FROM pg_tables WHERE schemaname = '{_schema}'"));
    }

    [StoreFact]
    public async Task Silos_are_told_to_make_the_tables_first()
    {
        var refusal = await Assert.ThrowsAsync<OrleansSchemaException>(() => OrleansSchema.CheckAsync(Server.ConnectionString, _schema));
        Assert.Contains(_schema, refusal.Message);
        Assert.Contains("Make them once", refusal.Message);
    }

    [StoreFact]
    public async Task Tables_of_a_newer_program_are_left_to_it()
    {
        await OrleansSchema.MigrateAsync(Server.ConnectionString, _schema);
        await Server.ExecuteAsync($"UPDATE {_schema}.orleans_schema SET format = 99");
        foreach (var use in new Func<string, string, CancellationToken, Task>[] { OrleansSchema.MigrateAsync, OrleansSchema.CheckAsync })
        {
            var refusal = await Assert.ThrowsAsync<OrleansSchemaException>(() => use(Server.ConnectionString, _schema, default));
            Assert.Contains("newer program", refusal.Message);
        }
    }

    [StoreFact]
    public async Task A_role_that_may_not_make_tables_is_told_which_right_it_lacks()
    {
        await Server.ExecuteAsync($"CREATE ROLE {_schema}_guest LOGIN");
        var guest = new NpgsqlConnectionStringBuilder(Server.ConnectionString) { Username = $"{_schema}_guest" }.ConnectionString;
        var refusal = await Assert.ThrowsAsync<OrleansSchemaException>(() => OrleansSchema.MigrateAsync(guest, _schema));
        Assert.Contains("does not allow it", refusal.Message);
    }

    [StoreFact]
    public async Task A_database_that_is_not_there_is_named()
    {
        var elsewhere = new NpgsqlConnectionStringBuilder(Server.ConnectionString) { Database = "nowhere" }.ConnectionString;
        var refusal = await Assert.ThrowsAsync<OrleansSchemaException>(() => OrleansSchema.CheckAsync(elsewhere, _schema));
        Assert.Contains("/nowhere", refusal.Message);
        Assert.Contains("createdb", refusal.Message);
    }

    [Fact]
    public async Task A_server_that_does_not_answer_is_named_without_the_password()
    {
        var refusal = await Assert.ThrowsAsync<OrleansSchemaException>(() => OrleansSchema.MigrateAsync("Host=127.0.0.1;Port=1;Username=shop;Password=secret", "books"));
        Assert.Contains("127.0.0.1:1", refusal.Message);
        Assert.DoesNotContain("secret", refusal.Message);
    }

    [Theory]
    [InlineData("")]
    [InlineData("Books")]
    [InlineData("1books")]
    [InlineData("pg_books")]
    [InlineData("a\"; DROP TABLE x; --")]
    [InlineData("a123456789012345678901234567890123456789012345678901234567890123")]
    public void A_schema_has_a_plain_name(string schema) =>
        Assert.Throws<ArgumentException>(nameof(schema), () => OrleansSchema.ConnectionString("Host=db", schema));

    [Theory]
    [InlineData("Hst=db")]
    [InlineData("Username=loyalty")]
    [InlineData("Host=db;Port=none")]
    public void What_is_no_connection_string_is_refused_with_an_example(string text)
    {
        var refusal = Assert.Throws<ArgumentException>("connectionString", () => OrleansSchema.ConnectionString(text));
        Assert.Contains("Example: Host=", refusal.Message);
    }

    [Fact]
    public void The_providers_look_in_the_schema_and_nowhere_else() =>
        Assert.Equal("books", new NpgsqlConnectionStringBuilder(OrleansSchema.ConnectionString("Host=db;Search Path=public", "books")).SearchPath);
}
