namespace Loyalty.Runtime.Tests.Loyalty;

/// <summary>The program of the behaviour tests: a point for a pound; silver from 500 pounds in three months, kept for three months, half as much again.</summary>
internal static class Programs
{
    public static readonly byte[] First = Of();

    public static byte[] Of(int points = 1, string extra = "", string currency = "GBP") => System.Text.Encoding.UTF8.GetBytes($$"""
        {
          "name": "Test", "currency": "{{currency}}", "timeZone": "Europe/London", {{extra}}
          "units": [ { "id": "points", "expiry": { "policy": "rolling", "months": 12 } } ],
          "earn": [ { "unit": "points", "points": {{points}}, "per": 100 } ],
          "tiers": {
            "basis": "spend", "window": "rollingMonths", "months": 3, "retention": { "policy": "months", "months": 3 },
            "levels": [ { "id": "silver", "threshold": 50000, "bonus": 0.5 } ]
          }
        }
        """);
}
