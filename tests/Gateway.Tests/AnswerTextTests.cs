using System.Text;
using System.Text.Json;
using Loyalty.Gateway.Http;
using NodaTime;

namespace Loyalty.Gateway.Tests;

/// <summary>Answers written by hand are the bytes that the framework's writer gives.</summary>
public sealed class AnswerTextTests
{
    [Theory]
    [InlineData("")]
    [InlineData("M-1001")]
    [InlineData("a \"quoted\" \\ text")]
    [InlineData("Müller & Söhne <tills> 'n' +more")]
    [InlineData("店舗 🎁 \u2028 \u00ad \ue000 \uffff \u007f")]
    [InlineData("tab\tline\r\nbell\u0007")]
    public void Texts_are_escaped_alike(string text)
    {
        var answer = new AnswerText();
        answer.Text(text);

        Assert.Equal(Framework(writer => writer.WriteStringValue(text)), Encoding.UTF8.GetString(answer.Written));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-7)]
    [InlineData(long.MaxValue)]
    [InlineData(long.MinValue)]
    public void Numbers_are_written_alike(long number)
    {
        var answer = new AnswerText();
        answer.Number(number);

        Assert.Equal(Framework(writer => writer.WriteNumberValue(number)), Encoding.UTF8.GetString(answer.Written));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1_772_366_096_000)]
    [InlineData(1_772_366_096_500)]
    [InlineData(1_772_366_096_120)]
    [InlineData(1_772_366_090_007)]
    [InlineData(253_402_300_799_999)]
    public void Times_are_written_alike(long unixMilliseconds)
    {
        var time = Instant.FromUnixTimeMilliseconds(unixMilliseconds);
        var answer = new AnswerText();
        answer.Time(time);

        Assert.Equal(Framework(writer => writer.WriteStringValue(time.ToDateTimeUtc())), Encoding.UTF8.GetString(answer.Written));
    }

    private static string Framework(Action<Utf8JsonWriter> write)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        HttpReplies.WriteTo(buffer, write, static (writer, write) => write(writer));
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
