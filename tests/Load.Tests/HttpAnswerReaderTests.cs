using System.Text;
using Loyalty.Load.Http;

namespace Loyalty.Load.Tests;

/// <summary>Answers are read alike however the network cuts them into pieces.</summary>
public sealed class HttpAnswerReaderTests
{
    public static TheoryData<int> PieceSizes => [1, 2, 3, 7, 64, 100_000];

    [Theory]
    [MemberData(nameof(PieceSizes))]
    public void Two_answers_follow_each_other(int pieceSize)
    {
        HttpAnswerReader reader = Reader(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 503 Busy\r\nretry-after: 7\r\ncontent-length:   2  \r\nConnection: close\r\n\r\nno",
            pieceSize);
        Assert.Equal("hello", Body(reader));
        Assert.Equal((200, true, 0), (reader.Status, reader.KeepsAlive, reader.RetryAfterSeconds));
        Assert.Equal("no", Body(reader));
        Assert.Equal((503, false, 7), (reader.Status, reader.KeepsAlive, reader.RetryAfterSeconds));
    }

    [Theory]
    [MemberData(nameof(PieceSizes))]
    public void Chunks_are_put_together(int pieceSize)
    {
        HttpAnswerReader reader = Reader(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nB;x=1\r\n, world of \r\n06\r\ntills.\r\n0\r\nTrailer: x\r\n\r\n" +
            "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n!",
            pieceSize);
        Assert.Equal("hello, world of tills.", Body(reader));
        Assert.Equal("", Body(reader));
        Assert.Equal(204, reader.Status);
        Assert.Equal("!", Body(reader));
    }

    [Fact]
    public void A_body_without_length_ends_with_the_connection()
    {
        Assert.Equal("all of it", Body(Reader("HTTP/1.1 200 OK\r\n\r\nall of it", 4)));
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")]
    [InlineData("HTTP/1.1 200 O")]
    [InlineData("")]
    public void An_answer_that_breaks_off_is_an_error(string text) => Assert.ThrowsAny<IOException>(() => Body(Reader(text, 3)));

    [Theory]
    [InlineData("SMTP ready, what do you want\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n")]
    public void What_is_no_http_is_an_error(string text) => Assert.Throws<InvalidDataException>(() => Body(Reader(text, 3)));

    private static HttpAnswerReader Reader(string text, int pieceSize) => new(new Pieces(Encoding.ASCII.GetBytes(text), pieceSize));

    private static string Body(HttpAnswerReader reader)
    {
        var body = new ByteBuffer();
        reader.ReadWhole(body);
        return Encoding.ASCII.GetString(body.Filled);
    }

    /// <summary>Gives at most so many bytes at once.</summary>
    private sealed class Pieces(byte[] bytes, int pieceSize) : MemoryStream(bytes)
    {
        public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(count, pieceSize));
    }
}
