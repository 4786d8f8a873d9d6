using System.Diagnostics;
using System.Globalization;

namespace Loyalty.Load;

/// <summary>Says on standard error how far long work has come: at once, then now and then, with rate and time left.</summary>
internal sealed class Progress : IDisposable
{
    private readonly Func<string> say;
    private readonly Timer timer;
    private readonly bool isTerminal = !Console.IsErrorRedirected;

    private Progress(Func<string> say)
    {
        this.say = say;
        TimeSpan every = isTerminal ? TimeSpan.FromMilliseconds(500) : TimeSpan.FromSeconds(5);
        Show();
        timer = new Timer(_ => Show(), null, every, every);
    }

    public static Progress Start(Func<string> say) => new(say);

    /// <summary>Progress of a known amount of work.</summary>
    public static Progress Start(string what, long total, Func<long> done)
    {
        long started = Stopwatch.GetTimestamp();
        return new Progress(() =>
        {
            long now = done();
            double seconds = Math.Max(0.001, Stopwatch.GetElapsedTime(started).TotalSeconds);
            double rate = now / seconds;
            string left = now > 0 && now < total ? $", {TimeText((total - now) / rate)} left" : "";
            return string.Create(CultureInfo.InvariantCulture, $"{what}: {now:N0} of {total:N0}, {rate:N0}/s{left}");
        });
    }

    public static void Say(string text) => Console.Error.WriteLine(text);

    public static string TimeText(double seconds) =>
        seconds < 120 ? $"{seconds:F0} s" : seconds < 7200 ? $"{seconds / 60:F0} min" : $"{seconds / 3600:F1} h";

    public void Dispose()
    {
        timer.Dispose();
        Show();
        if (isTerminal)
        {
            Console.Error.WriteLine();
        }
    }

    private void Show()
    {
        string text = say();
        if (isTerminal)
        {
            Console.Error.Write($"\r{text}\u001b[K");
        }
        else
        {
            Console.Error.WriteLine(text);
        }
    }
}
