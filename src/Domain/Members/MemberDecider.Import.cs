using Loyalty.Domain.Programs;
using Loyalty.Domain.Requests;
using Loyalty.Domain.Validation;
using NodaTime;

namespace Loyalty.Domain.Members;

public readonly ref partial struct MemberDecider
{
    /// <summary>Brings a member in from another system, or refuses it: a member that is known stays as it is.</summary>
    public Refusal? Record(MemberImport import, UInt128 fingerprint)
    {
        if (_state.Status != MemberStatus.Unknown)
        {
            return new("member-exists", "member", $"member {_state.Id} is known already; only new members are brought in");
        }

        var errors = new List<FieldError>();
        CheckImport(import, _context, errors);
        if (errors.Count > 0)
        {
            return new("import-rule", errors[0].Field, errors[0].Message);
        }

        var program = _context.Program;
        var today = _context.Today;
        var enrolledAt = import.EnrolledAt ?? _context.Now;
        var enrolledOn = LocalDate.Min(program.Calendar.DayOf(enrolledAt), today);
        var postings = new List<Posting>(import.Lots.Length + import.Debts.Length);
        foreach (var lot in import.Lots)
        {
            postings.Add(new(lot.Unit, PostingPlace.Lot, LotOf(program, lot), lot.Points));
        }

        foreach (var debt in import.Debts)
        {
            postings.Add(new(debt.Unit, PostingPlace.Debt, default, -debt.Points));
        }

        var tier = import.Tier is { } held && program.Tiers is { } tiers
            ? new HeldTier(held.Level, held.Since, held.Through ?? tiers.KeptThrough(held.Since, enrolledOn))
            : HeldTier.None;
        Raise(new MemberEnrolled(enrolledAt, enrolledOn, Automatic: false, IsFirst: true, import.AlternativeIds, fingerprint));
        Raise(new MemberImported(import, enrolledAt, enrolledOn, today, tier, [.. postings]));
        BringUpToDate();
        return null;
    }

    /// <summary>What is wrong with an import by the program in force: also what a dry run says.</summary>
    public static void CheckImport(MemberImport import, TurnContext context, List<FieldError> errors)
    {
        ArgumentNullException.ThrowIfNull(import);
        var (program, today) = (context.Program, context.Today);
        if (import.EnrolledAt is { } at && at > context.Now + program.ClockSkew)
        {
            errors.Add(new("enrolledAt", $"is {at}; the engine's clock says {context.Now}"));
        }

        CheckTier(import, program, today, errors);
        var sums = new Dictionary<string, decimal>(StringComparer.Ordinal);
        for (var i = 0; i < import.Lots.Length; i++)
        {
            var (lot, path) = (import.Lots[i], $"lots[{i}]");
            if (!IsKnown(program, lot.Unit, path, errors))
            {
                continue;
            }

            sums[lot.Unit] = sums.GetValueOrDefault(lot.Unit) + lot.Points;
            if (lot.EarnedOn > today)
            {
                errors.Add(new($"{path}.earnedOn", $"is {lot.EarnedOn:uuuu'-'MM'-'dd}; today is {today:uuuu'-'MM'-'dd}"));
            }

            if (lot.AvailableOn < lot.EarnedOn)
            {
                errors.Add(new($"{path}.availableOn", "is before earnedOn"));
            }

            if (LotOf(program, lot) is { LastDay: { } last } id && (last < today || last < id.AvailableOn))
            {
                errors.Add(new($"{path}.lastDay", last < today
                    ? $"is {last:uuuu'-'MM'-'dd}{(lot.LastDay is null ? ", as the program says" : "")}: these points have lapsed; leave them out"
                    : "is before availableOn: they could never be spent"));
            }
        }

        foreach (var (unit, sum) in sums)
        {
            if (sum > MaxBalance)
            {
                errors.Add(new("lots", $"bring {sum} {unit}; a member can have at most {MaxBalance}"));
            }
        }

        for (var i = 0; i < import.Debts.Length; i++)
        {
            var (debt, path) = (import.Debts[i], $"debts[{i}]");
            if (IsKnown(program, debt.Unit, path, errors) && (sums.ContainsKey(debt.Unit) || Array.FindIndex(import.Debts, one => one.Unit == debt.Unit) != i))
            {
                errors.Add(new($"{path}.unit", $"{debt.Unit} is there already; a member has points of a unit or owes some, not both"));
            }
        }

        for (var i = 0; i < import.Days.Length; i++)
        {
            if (import.Days[i].Day > today)
            {
                errors.Add(new($"progress[{i}].day", $"is {import.Days[i].Day:uuuu'-'MM'-'dd}; today is {today:uuuu'-'MM'-'dd}"));
            }
        }
    }

    private static void CheckTier(MemberImport import, ProgramDefinition program, LocalDate today, List<FieldError> errors)
    {
        if (import.Tier is not { } tier)
        {
            return;
        }

        if (program.Tiers?.IndexOf(tier.Level) is not > 0)
        {
            errors.Add(new("tier.level", program.Tiers is { } tiers
                ? $"is '{tier.Level}'; the program has {string.Join(", ", tiers.Levels.Select(level => level.Id))}"
                : "is given, and the program has no tiers"));
        }

        if (tier.Since > today)
        {
            errors.Add(new("tier.since", $"is {tier.Since:uuuu'-'MM'-'dd}; today is {today:uuuu'-'MM'-'dd}"));
        }

        if (tier.Through < tier.Since)
        {
            errors.Add(new("tier.through", "is before since"));
        }
    }

    private static bool IsKnown(ProgramDefinition program, string unit, string path, List<FieldError> errors)
    {
        if (program.FindUnit(unit) is not null)
        {
            return true;
        }

        errors.Add(new($"{path}.unit", $"is '{unit}'; the program has {string.Join(", ", program.Units.Select(one => one.Id))}"));
        return false;
    }

    private static LotId LotOf(ProgramDefinition program, ImportedLot lot) => new(
        lot.EarnedOn, lot.AvailableOn ?? lot.EarnedOn, lot.NeverLapses ? null : lot.LastDay ?? program.FindUnit(lot.Unit)!.Expiry.LastDay(lot.EarnedOn));
}
