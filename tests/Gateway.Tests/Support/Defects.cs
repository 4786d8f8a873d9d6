using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Loyalty.Gateway.Tests;

/// <summary>Collects what is logged as an error: a defect, whatever the caller was told.</summary>
internal sealed class Defects(ConcurrentQueue<string> all) : ILoggerProvider
{
    public ILogger CreateLogger(string categoryName) => new Logger(categoryName, all);

    public void Dispose()
    {
    }

    private sealed class Logger(string category, ConcurrentQueue<string> all) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                all.Enqueue($"{category}: {formatter(state, exception)} {exception}");
            }
        }
    }
}
