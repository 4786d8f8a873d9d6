using System.Globalization;
using System.Text.RegularExpressions;

namespace Loyalty.Load.Bench;

/// <summary>
/// What a plain PostgreSQL does with the same purchase on the same machine: idempotency row, purchase with its lines, member balance and tier
/// progress, ledger posting, in one stored procedure and one durable commit; driven by pgbench.
/// </summary>
internal static partial class PostgresBaseline
{
    private const int Clients = 16;
    private const int ClientThreads = 2;

    private const string Schema = """
        create table member (id int primary key, points bigint not null, spend bigint not null, visits bigint not null, tier text);
        create table request (id text primary key, member int not null, content_hash text not null, reply jsonb not null);
        create table purchase (id text not null, member int not null, at timestamptz not null, amount bigint not null, lines jsonb not null);
        create table posting (seq bigserial primary key, member int not null, purchase text not null,
                              from_account text not null, to_account text not null, points bigint not null);
        insert into member select n, 0, 0, 0, null from generate_series(1, 100000) n;
        create function accrue(p_id text, p_member int, p_lines jsonb) returns jsonb language plpgsql as $$
        declare v_reply jsonb; v_hash text; v_known text; v_amount bigint; v_points bigint; v_balance bigint; v_tier text;
        begin
          v_hash := md5(p_lines::text);
          select reply, content_hash into v_reply, v_known from request where id = p_id;
          if found then
            if v_known <> v_hash then raise exception 'conflict'; end if;
            return v_reply || '{"replayed": true}';
          end if;
          select sum((line->>'amount')::bigint) into v_amount from jsonb_array_elements(p_lines) line;
          v_points := v_amount / 100;
          update member set points = points + v_points, spend = spend + v_amount, visits = visits + 1,
                 tier = case when spend + v_amount >= 100000 then 'gold' when spend + v_amount >= 30000 then 'silver' end
           where id = p_member returning points, tier into v_balance, v_tier;
          v_reply := jsonb_build_object('id', p_id, 'member', p_member, 'replayed', false, 'points', v_points, 'available', v_balance, 'tier', v_tier);
          insert into request values (p_id, p_member, v_hash, v_reply);
          insert into purchase values (p_id, p_member, now(), v_amount, p_lines);
          insert into posting (member, purchase, from_account, to_account, points) values (p_member, p_id, 'issued', 'member', v_points);
          return v_reply;
        end $$;
        checkpoint;
        """;

    private const string Script = """
        \set r random(1, 9000000000000000000)
        \set m random(1, 100000)
        \set a random(35, 9000)
        \set b random(35, 9000)
        \set c random(35, 9000)
        select accrue(concat('b-', :r::bigint), :m::int, jsonb_build_array(jsonb_build_object('sku', '20001', 'category', 'c01', 'brand', 'b001', 'quantity', 1, 'amount', :a::int), jsonb_build_object('sku', '20002', 'category', 'c02', 'brand', 'b002', 'quantity', 1, 'amount', :b::int), jsonb_build_object('sku', '20003', 'category', 'c03', 'brand', 'b003', 'quantity', 2, 'amount', :c::int)));

        """;

    /// <summary>Transactions a second, each one durable purchase; null, with the reason, when it cannot be measured.</summary>
    public static (double? PerSecond, string Why) Measure(int seconds)
    {
        if (PostgresServer.FindBinaries() is null)
        {
            return (null, PostgresServer.HowToInstall);
        }

        try
        {
            using PostgresServer server = PostgresServer.Start();
            return (Run(server, seconds), "");
        }
        catch (UserError error)
        {
            return (null, error.Message);
        }
    }

    private static double Run(PostgresServer server, int seconds)
    {
        string script = server.Write("accrue.sql", Script);
        string schema = server.Write("schema.sql", Schema);
        server.Do("psql", "-h", server.SocketFolder, "-U", "postgres", "-q", "-v", "ON_ERROR_STOP=1", "-f", schema);
        string said = server.Do(
            "pgbench", "-h", server.SocketFolder, "-U", "postgres", "-n", "-M", "prepared", "-c", $"{Clients}", "-j", $"{ClientThreads}", "-T", $"{seconds}", "-f", script, "postgres");
        Match tps = Tps().Match(said);
        return tps.Success
            ? double.Parse(tps.Groups[1].Value, CultureInfo.InvariantCulture)
            : throw new UserError($"pgbench did not say how many transactions it made: {said}");
    }

    [GeneratedRegex(@"tps = ([0-9.]+)")]
    private static partial Regex Tps();
}
