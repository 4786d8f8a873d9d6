using Xunit;

namespace Loyalty.Domain.Tests.Properties;

public class AgreesWithTheModelInShortLives
{
    [Fact]
    public void After_every_command_the_books_are_those_of_the_model() => Checks.ForAll(1, 2000, Scripts.Of(12), script => Run.Of(script));
}

public class AgreesWithTheModelInLongLives
{
    [Fact]
    public void After_every_command_the_books_are_those_of_the_model() => Checks.ForAll(2, 700, Scripts.Of(60), script => Run.Of(script));
}
