namespace Loyalty.Storage;

/// <summary>Until the PostgreSQL journal is merged: what the shared file PrivatePostgres.cs names. Delete it then, with its line in the project file.</summary>
internal static class PostgresSchema
{
    public static Task MigrateAsync(string connectionString, string schema) => throw new NotSupportedException($"no journal in {schema} of {connectionString}");
}
