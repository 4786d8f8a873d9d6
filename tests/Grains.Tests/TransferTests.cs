using Loyalty.Runtime.Tests.Loyalty;

namespace Loyalty.Grains.Tests;

/// <summary>Transfers through a gateway of its own in front of two silos.</summary>
public sealed class TransfersOnTwoSilosTests() : TransferBehaviour(new ClusterFixture(GatewayPlace.Client));

/// <summary>Households through a gateway of its own in front of two silos.</summary>
public sealed class HouseholdsOnTwoSilosTests() : HouseholdBehaviour(new ClusterFixture(GatewayPlace.Client));
