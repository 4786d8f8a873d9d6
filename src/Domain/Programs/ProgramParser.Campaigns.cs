using Loyalty.Domain.Requests;
using Loyalty.Domain.Validation;
using NodaTime;

namespace Loyalty.Domain.Programs;

/// <summary>The part of a program that campaigns need: stores, causes, kinds and values of units.</summary>
public static partial class ProgramParser
{
    /// <summary>Stores a program may list.</summary>
    public const int MaxStores = 10_000;

    /// <summary>Groups a store may belong to.</summary>
    public const int MaxGroupsOfStore = 16;

    /// <summary>Causes a program may list.</summary>
    public const int MaxCauses = 100;

    private static readonly string[] Kinds = ["points", "stamps", "miles", "cash", "badge", "entitlement"];

    private static (UnitKind Kind, UnitValue? Value) ReadKind(JsonFields unit)
    {
        var kind = (UnitKind)unit.Choice("kind", Kinds, 0);
        UnitValue? value = kind == UnitKind.Cash ? new UnitValue(1, 1) : null;
        if (unit.Nested("value", required: false) is { } fields)
        {
            value = new(fields.Whole("money", 0, 1_000_000_000), fields.Whole("points", 1, 1_000_000_000, 1));
            fields.RefuseUnknown();
            if (kind == UnitKind.Cash && value.Value.Money != value.Value.Points)
            {
                unit.Error("value", $"is {value.Value.Money} for {value.Value.Points}; a unit of kind cash has minor units of money: leave the value out");
            }
        }

        return (kind, value);
    }

    private static Dictionary<string, StoreDefinition> ReadStores(JsonFields fields, List<FieldError> errors)
    {
        var stores = new Dictionary<string, StoreDefinition>(StringComparer.Ordinal);
        // Stores of one zone share its calendar.
        var calendars = new Dictionary<string, BusinessCalendar>(StringComparer.Ordinal);
        foreach (var (element, path) in fields.List("stores", 0, MaxStores))
        {
            var store = new JsonFields(element, path, errors);
            var id = store.Text("id", RequestLimits.NameLength);
            BusinessCalendar? calendar = null;
            if (store.Has("zone"))
            {
                var zoneId = store.Text("zone", 64);
                if (!calendars.TryGetValue(zoneId, out calendar))
                {
                    if (DateTimeZoneProviders.Tzdb.GetZoneOrNull(zoneId) is { } zone)
                    {
                        calendars[zoneId] = calendar = new BusinessCalendar(zone);
                    }
                    else
                    {
                        store.Error("zone", $"is '{zoneId}'; an IANA time zone is needed, for example Europe/London");
                    }
                }
            }

            store.Known("zone");
            var groups = store.Words("groups", 1, MaxGroupsOfStore, 32) ?? [];
            store.RefuseUnknown();
            if (!stores.TryAdd(id, new(id, calendar, groups)))
            {
                store.Error("id", $"'{id}' is the id of an earlier store; each needs its own");
            }
        }

        return stores;
    }

    private static List<CauseDefinition> ReadCauses(JsonFields fields, List<FieldError> errors)
    {
        var causes = new List<CauseDefinition>();
        foreach (var (element, path) in fields.List("causes", 0, MaxCauses))
        {
            var cause = new JsonFields(element, path, errors);
            var id = Id(cause, "id");
            var label = cause.Text("name", 100, id.Length == 0 ? "cause" : id);
            cause.RefuseUnknown();
            if (causes.Any(other => other.Id == id))
            {
                cause.Error("id", $"'{id}' is the id of an earlier cause; each needs its own");
            }

            causes.Add(new(id, label));
        }

        return causes;
    }

    private static void CheckCauses(ProgramDefinition previous, JsonFields fields, List<CauseDefinition> causes)
    {
        foreach (var cause in previous.Causes.Where(cause => causes.All(other => other.Id != cause.Id)))
        {
            fields.Error("causes", $"lacks '{cause.Id}' of version {previous.Version}: points may have been given to it; keep it");
        }
    }
}
