using Loyalty.Domain.Campaigns;
using Loyalty.Domain.Encoding;
using Xunit;

namespace Loyalty.Domain.Tests.Campaigns;

/// <summary>Leader boards: each record counts once, whatever comes twice.</summary>
public class Boards
{
    [Fact]
    public void What_two_feeds_bring_in_parts_that_overlap_counts_once()
    {
        var board = new Board();
        foreach (var batch in new[] { Batch(10, (3, "a", 5), (9, "b", 7)), Batch(7, (3, "a", 5)), Batch(12, (9, "b", 7), (11, "a", 3)), Batch(10, (3, "a", 5), (9, "b", 7)) })
        {
            if (board.NewOf(batch) is { } news)
            {
                board.Apply(news);
            }
        }

        Assert.Equal([new(1, "a", 8), new(2, "b", 7)], board.Shown);
        board.Apply(Batch(13, (13, "b", -7), (13, "c", -2)));
        Assert.Equal([new(1, "a", 8)], board.Shown);
    }

    [Fact]
    public void The_form_of_a_board_never_changes()
    {
        var board = new Board();
        board.Apply(Batch(10, (3, "b", 5), (9, "a", 7)));
        var writer = new ByteWriter();
        board.Write(writer);
        BoardBatch.Write(writer, Batch(10, (3, "a", 5), (9, "b", -7)));
        Assert.Equal("01140300" + "02610e" + "02620a" + "0b14030206" + "02610a" + "1202620d", Convert.ToHexStringLower(writer.Written));
        var reader = new ByteReader(writer.Written[..10]);
        Assert.Equal(board.Shown, Board.ReadSnapshot(ref reader)!.Shown);
    }

    [Fact]
    public void Of_very_many_members_those_with_the_fewest_points_are_forgotten()
    {
        var board = new Board();
        board.Apply(new(1, 3, [.. Enumerable.Range(1, Board.MaxMembers + 1).Select(i => new BoardEntry(1, $"m{i}", i))]));
        Assert.Equal((90_000, 10_001), (board.Count, board.Forgotten));
        Assert.Equal(Board.MaxMembers + 1, board.Shown[0].Points);
    }

    private static BoardBatch Batch(long through, params (long Position, string Member, long Points)[] entries) =>
        new(through, 3, [.. entries.Select(entry => new BoardEntry(entry.Position, entry.Member, entry.Points))]);
}
