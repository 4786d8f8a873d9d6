using System.Diagnostics;

namespace Loyalty.Load.Bench;

/// <summary>A program with its first arguments, as written on a command line: words, or "quoted words".</summary>
internal sealed record CommandLine(string Program, IReadOnlyList<string> Arguments)
{
    public static CommandLine Parse(string text)
    {
        var words = new List<string>();
        bool quoted = false;
        bool inWord = false;
        var word = new System.Text.StringBuilder();
        foreach (char c in text)
        {
            if (c == '"')
            {
                quoted = !quoted;
                inWord = true;
            }
            else if (c == ' ' && !quoted)
            {
                Finish();
            }
            else
            {
                word.Append(c);
                inWord = true;
            }
        }

        Finish();
        return words.Count > 0 ? new CommandLine(words[0], words[1..]) : throw new UserError("--server is empty: give a command line.");

        void Finish()
        {
            if (inWord)
            {
                words.Add(word.ToString());
            }

            word.Clear();
            inWord = false;
        }
    }

    public ProcessStartInfo With(params IEnumerable<string> more)
    {
        var start = new ProcessStartInfo(Program) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        foreach (string argument in Arguments.Concat(more))
        {
            start.ArgumentList.Add(argument);
        }

        return start;
    }

    /// <summary>Runs it to its end, at most <paramref name="timeout"/>; null when it cannot be started or takes longer.</summary>
    public (int ExitCode, string Output, string Errors)? Run(TimeSpan timeout, params IEnumerable<string> more)
    {
        try
        {
            ProcessStartInfo start = With(more);
            start.WorkingDirectory = "/";
            using var process = Process.Start(start)!;
            process.StandardInput.Close();
            Task<string> output = process.StandardOutput.ReadToEndAsync();
            Task<string> errors = process.StandardError.ReadToEndAsync();
            if (!process.WaitForExit(timeout))
            {
                process.Kill(entireProcessTree: true);
                return null;
            }

            // A daemon that was started may hold the pipes open; what came so far is enough then.
            Task.WaitAll([output, errors], TimeSpan.FromSeconds(2));
            return (process.ExitCode, output.IsCompleted ? output.Result : "", errors.IsCompleted ? errors.Result : "");
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }
}
