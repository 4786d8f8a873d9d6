using System.Runtime.CompilerServices;

// Stack buffers of the hot path (ids, hash inputs) are written before they are read; clearing a kilobyte for each purchase is not free.
[module: SkipLocalsInit]
[assembly: InternalsVisibleTo("Loyalty.Runtime.Tests")]
[assembly: InternalsVisibleTo("Loyalty.Grains.Tests")]
[assembly: InternalsVisibleTo("Loyalty.Simulator")]
[assembly: InternalsVisibleTo("Loyalty.Simulator.Tests")]
