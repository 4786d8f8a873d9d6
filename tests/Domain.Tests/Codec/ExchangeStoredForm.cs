using System.Runtime.CompilerServices;
using Loyalty.Domain.Encoding;
using Loyalty.Domain.Exchange;
using Xunit;

namespace Loyalty.Domain.Tests.Codec;

public class ExchangeStoredForm
{
    [Fact]
    public void There_is_an_example_of_every_type_of_event_and_step_and_all_are_read_again_in_every_version()
    {
        var all = typeof(PoolEvent).Assembly.GetTypes();
        Assert.Empty(all.Where(type => type.IsSubclassOf(typeof(PoolEvent))).Except(ExchangeExamples.Pools.Concat(ExchangeExamples.Shards).Select(fact => fact.GetType())));
        Assert.Empty(all.Where(type => type.IsSubclassOf(typeof(ExchangeEvent))).Except(ExchangeExamples.Exchanges.Select(fact => fact.GetType())));
        Assert.Empty(all.Where(type => type.IsSubclassOf(typeof(ExchangeStep))).Except(ExchangeExamples.Steps.Select(fact => fact.GetType())));
        var written = ExchangeExamples.Pools.Select(fact => Line(fact, PoolCodec.Write, static bytes => Read(bytes, PoolCodec.Read)))
            .Concat(ExchangeExamples.Exchanges.Select(fact => Line(fact, ExchangeCodec.Write, static bytes => Read(bytes, ExchangeCodec.Read))))
            .Concat(ExchangeExamples.Steps.Select(step => Line(step, ExchangeStepCodec.Write, static bytes => Read(bytes, ExchangeStepCodec.ReadStep))))
            .Append(Line(ExchangeExamples.Request, ExchangeRequestCodec.Write, static bytes => Read(bytes, ExchangeRequestCodec.ReadExchange)))
            .Append(Line(ExchangeExamples.Funding, ExchangeRequestCodec.Write, static bytes => Read(bytes, ExchangeRequestCodec.ReadFunding)))
            .ToArray();

        var shards = ExchangeExamples.Shards.Select(fact => Line(fact, PoolCodec.Write, static bytes => Read(bytes, PoolCodec.Read)))
            .Append(Line<ExchangeEvent>(ExchangeExamples.OnAShard, ExchangeCodec.Write, static bytes => Read(bytes, ExchangeCodec.Read)));
        RequireGolden("pools-v1.txt", written);
        RequireGolden("pools-shards-v1.txt", [.. shards]);
    }

    /// <summary>A file is never written again: what it holds is in somebody's books. A new form gets new lines in a file of its own.</summary>
    private static void RequireGolden(string name, string[] written)
    {
        var path = GoldenPath(name);
        if (Environment.GetEnvironmentVariable("LOYALTY_WRITE_GOLDEN") is not null && !File.Exists(path))
        {
            File.WriteAllLines(path, written);
        }

        Assert.Equal(File.ReadAllLines(path), written);
    }

    private delegate T Reading<T>(ref ByteReader reader);

    private static string Line<T>(T value, Action<ByteWriter, T> write, Func<byte[], T> read)
    {
        var writer = new ByteWriter();
        write(writer, value);
        var bytes = writer.Written.ToArray();
        Assert.Equal(Say(value), Say(read(bytes)));
        return $"{value!.GetType().Name} {Convert.ToHexStringLower(bytes)}";
    }

    /// <summary>Definitions are told by their source.</summary>
    private static string Say(object? value) => value is PoolDefined defined
        ? $"{defined.Definition.Id} {defined.Definition.Version} {Convert.ToHexStringLower(defined.Definition.Source.Span)} {defined.At} {defined.On}"
        : value!.ToString()!;

    private static T Read<T>(byte[] bytes, Reading<T> read)
    {
        var reader = new ByteReader(bytes);
        var value = read(ref reader);
        Assert.True(reader.AtEnd);
        return value;
    }

    private static string GoldenPath(string name, [CallerFilePath] string source = "") => Path.Combine(Path.GetDirectoryName(source)!, "..", "Golden", name);
}
