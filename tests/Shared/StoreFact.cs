using System.ComponentModel;
using Loyalty.Tests.Shared;
using Xunit;
using Xunit.Abstractions;
using Xunit.Sdk;

namespace Loyalty.Tests.Shared;

/// <summary>Put on a test class that needs a PostgreSQL server: where none can be started its <see cref="StoreFactAttribute"/> tests, inherited ones too, are skipped and say why.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class NeedsPostgresAttribute : Attribute;

/// <summary>A fact that is skipped when its class needs something that is not here.</summary>
[AttributeUsage(AttributeTargets.Method)]
[XunitTestCaseDiscoverer("Loyalty.Tests.Shared.StoreFactDiscoverer", ThisAssembly)]
public sealed class StoreFactAttribute : FactAttribute
{
    /// <summary>The assembly that this file is compiled into: xunit looks for the discoverer by name.</summary>
    private const string ThisAssembly = TestAssembly.Name;
}

/// <summary>Makes the test cases of <see cref="StoreFactAttribute"/>.</summary>
public sealed class StoreFactDiscoverer(IMessageSink messages) : IXunitTestCaseDiscoverer
{
    /// <inheritdoc />
    public IEnumerable<IXunitTestCase> Discover(ITestFrameworkDiscoveryOptions discoveryOptions, ITestMethod testMethod, IAttributeInfo factAttribute) =>
        [new StoreTestCase(messages, discoveryOptions.MethodDisplayOrDefault(), discoveryOptions.MethodDisplayOptionsOrDefault(), testMethod)];
}

/// <summary>A test case that asks its class whether it can run here.</summary>
public sealed class StoreTestCase : XunitTestCase
{
    /// <summary>For xunit, which reads test cases from text.</summary>
    [EditorBrowsable(EditorBrowsableState.Never)]
    [Obsolete("Called by xunit only.")]
    public StoreTestCase()
    {
    }

    public StoreTestCase(IMessageSink messages, TestMethodDisplay display, TestMethodDisplayOptions displayOptions, ITestMethod method)
        : base(messages, display, displayOptions, method)
    {
    }

    /// <inheritdoc />
    protected override string? GetSkipReason(IAttributeInfo factAttribute) =>
        base.GetSkipReason(factAttribute)
        ?? (TestMethod.TestClass.Class.GetCustomAttributes(typeof(NeedsPostgresAttribute).AssemblyQualifiedName).Any() ? PrivatePostgres.WhyNot : null);
}
