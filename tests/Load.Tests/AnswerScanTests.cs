using Loyalty.Load.Streams;

namespace Loyalty.Load.Tests;

public sealed class AnswerScanTests
{
    [Fact]
    public void A_success_is_known_by_its_awards()
    {
        ReadOnlySpan<byte> answer = """
            {"id":"a-1","member":"M1","replayed":false,"awards":[{"rule":"base","unit":"points","points":14},{"rule":"tier:gold","unit":"points","points": -3}],"balances":[{"unit":"points","available":321,"pending":0,"held":0}]}
            """u8;
        AnswerScan scan = AnswerScan.Of(answer);
        Assert.True(scan.IsSuccess);
        Assert.False(scan.IsReplayed);
        Assert.Equal(11, AnswerScan.Points(answer));
        Assert.True(AnswerScan.Names(answer, "a-1"u8));
        Assert.False(AnswerScan.Names(answer, "a-"u8));
        Assert.False(AnswerScan.Names(answer, "b-1"u8));
    }

    [Fact]
    public void A_return_has_a_status_in_words_and_is_no_problem()
    {
        AnswerScan scan = AnswerScan.Of("""{"status":"applied","id":"r","replayed": true,"awards":[],"balances":[]}"""u8);
        Assert.True(scan.IsSuccess);
        Assert.True(scan.IsReplayed);
    }

    [Theory]
    [InlineData(422, false)]
    [InlineData(409, false)]
    [InlineData(429, true)]
    [InlineData(503, true)]
    public void A_problem_has_a_status_in_figures(int status, bool transient)
    {
        AnswerScan scan = AnswerScan.Of(System.Text.Encoding.UTF8.GetBytes($$"""{"type":"urn:x","status": {{status}},"id":"a","replayed":true}"""));
        Assert.False(scan.IsSuccess);
        Assert.Equal((status, transient), (scan.Status, scan.IsTransient));
    }

    [Fact]
    public void Anything_else_is_neither()
    {
        AnswerScan scan = AnswerScan.Of("<html>"u8);
        Assert.False(scan.IsSuccess);
        Assert.Equal(0, scan.Status);
    }

    [Fact]
    public void An_id_is_found_wherever_it_stands()
    {
        Assert.True(AnswerScan.Names("""{"member":"M1", "id": "a-1"}"""u8, "a-1"u8));
    }
}
