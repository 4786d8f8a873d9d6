using Loyalty.Domain.Members;
using Loyalty.Domain.Requests;
using NodaTime;

namespace Loyalty.Domain.Encoding;

/// <summary>The stored form of activities and attributes. Like that of sales it is what fingerprints are taken of, and never changes.</summary>
public static class ActivityCodec
{
    /// <summary>Writes an activity.</summary>
    public static void Write(ByteWriter writer, Activity activity)
    {
        writer.Text(activity.Id);
        writer.Text(activity.Member);
        writer.Text(activity.Type);
        writer.Time(activity.At);
        writer.Text(activity.Store);
        writer.Text(activity.Channel);
        writer.VarInt(activity.Amount ?? -1);
        writer.Flag(activity.Quantity is not null);
        if (activity.Quantity is { } quantity)
        {
            writer.Number(quantity);
        }

        writer.Text(activity.Friend);
        writer.VarInt(activity.Score ?? -1);
        writer.Count(activity.Answers.Length);
        foreach (var answer in activity.Answers)
        {
            writer.Text(answer.Question);
            writer.Text(answer.Answer);
        }
    }

    /// <summary>Reads an activity.</summary>
    public static Activity Read(ref ByteReader reader)
    {
        var (id, member, type, at) = (reader.Text()!, reader.Text()!, reader.Text()!, reader.Time());
        var (store, channel, amount) = (reader.Text(), reader.Text(), reader.VarInt());
        decimal? quantity = reader.Flag() ? reader.Number() : null;
        var (friend, score) = (reader.Text(), reader.VarInt());
        var answers = new SurveyAnswer[reader.Count()];
        for (var i = 0; i < answers.Length; i++)
        {
            answers[i] = new(reader.Text()!, reader.Text()!);
        }

        return new()
        {
            Id = id, Member = member, Type = type, At = at, Store = store, Channel = channel, Amount = amount < 0 ? null : amount, Quantity = quantity, Friend = friend,
            Score = score < 0 ? null : (int)score, Answers = answers,
        };
    }

    /// <summary>Writes attributes.</summary>
    public static void Write(ByteWriter writer, MemberAttributes attributes)
    {
        writer.Count(attributes.Tags.Length);
        foreach (var tag in attributes.Tags)
        {
            writer.Text(tag);
        }

        writer.Byte((byte)(attributes.Birthday?.Month ?? 0));
        writer.Byte((byte)(attributes.Birthday?.Day ?? 0));
    }

    /// <summary>Reads attributes.</summary>
    public static MemberAttributes ReadAttributes(ref ByteReader reader)
    {
        var tags = new string[reader.Count()];
        for (var i = 0; i < tags.Length; i++)
        {
            tags[i] = reader.Text()!;
        }

        var (month, day) = (reader.Byte(), reader.Byte());
        if (month == 0)
        {
            return new(tags, null);
        }

        return month <= 12 && day >= 1 && day <= CalendarSystem.Iso.GetDaysInMonth(2000, month)
            ? new(tags, new AnnualDate(month, day))
            : throw new FormatException($"{month}-{day} is no birthday");
    }
}
