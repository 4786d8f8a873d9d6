using Loyalty.Domain.Requests;
using NodaTime;

namespace Loyalty.Domain.Members;

/// <summary>
/// What an actor keeps of one member in memory: balances and standing, not the history (that is in the journal). Changed by
/// <see cref="Apply"/> alone. Not thread-safe: it never leaves its actor's turn.
/// </summary>
public sealed partial class MemberState(string id)
{
    /// <summary>Returns that may wait for their purchase.</summary>
    public const int MaxWaiting = 64;

    private CompactList<Return> _waiting;

    /// <summary>The member's id.</summary>
    public string Id { get; } = id;

    /// <summary>Whether it takes part.</summary>
    public MemberStatus Status { get; private set; }

    /// <summary>When it joined.</summary>
    public Instant EnrolledAt { get; private set; }

    /// <summary>The day it joined.</summary>
    public LocalDate EnrolledOn { get; private set; }

    /// <summary>Joined by a sale, and nobody enrolled it since.</summary>
    public bool IsAutomatic { get; private set; }

    /// <summary>Of the enrolment request; 0 when there was none.</summary>
    public UInt128 EnrolmentFingerprint { get; private set; }

    /// <summary>Other ids by which it is found.</summary>
    public IReadOnlyList<AlternativeId> AlternativeIds { get; private set; } = [];

    /// <summary>One for each unit the member ever had.</summary>
    public IEnumerable<UnitBook> Books
    {
        get
        {
            for (var book = FirstBook; book is not null; book = book.Next)
            {
                yield return book;
            }
        }
    }

    /// <summary>The first of <see cref="Books"/>; each names the next. Nearly every member has one or two, and every purchase walks over them.</summary>
    public UnitBook? FirstBook { get; private set; }

    /// <summary>Days of sales.</summary>
    public TierHistory History { get; } = new();

    /// <summary>Where it stands.</summary>
    public HeldTier Tier { get; private set; } = HeldTier.None;

    /// <summary>The fixed standing of <see cref="History"/> as a level id.</summary>
    public string? FixedLevel { get; private set; }

    /// <summary>The day of the last tier review.</summary>
    public LocalDate ReviewedOn { get; private set; } = LocalDate.MinIsoValue;

    /// <summary>The latest day on which points were given by hand.</summary>
    public LocalDate? LastGiven { get; private set; }

    /// <summary>Returns whose purchase is not known yet, in order of arrival. Valid until the state changes.</summary>
    public ReadOnlySpan<Return> Waiting => _waiting.Items;

    /// <summary>Purchases recorded.</summary>
    public long Purchases { get; private set; }

    /// <summary>Returns recorded, waiting ones not counted.</summary>
    public long Returns { get; private set; }

    /// <summary>Amounts of purchases less amounts of returns, minor units.</summary>
    public long Spend { get; private set; }

    /// <summary>The last day that counts as activity; a late sale from before the enrolment does not make it earlier.</summary>
    public LocalDate LastActive
    {
        get
        {
            var last = LocalDate.Max(History.LastVisit ?? EnrolledOn, EnrolledOn);
            last = Exchanges?.LastDay is { } exchanged && exchanged > last ? exchanged : last;
            return LastGiven is { } given && given > last ? given : last;
        }
    }

    /// <summary>About how many bytes of memory this takes.</summary>
    public int EstimateBytes()
    {
        var bytes = 420 + (History.Days.Length * 32) + (_waiting.Count * 600) + (AlternativeIds.Count * 120) + ((Exchanges?.Open.Count ?? 0) * 300);
        for (var book = FirstBook; book is not null; book = book.Next)
        {
            bytes += 200 + ((book.Lots.Length + book.Lapsed.Length) * 32);
        }

        bytes += Engagement?.EstimateBytes() ?? 0;
        foreach (var hold in Holds?.Open ?? [])
        {
            bytes += 300 + (hold.Lots.Length * 32);
        }

        foreach (var transfer in Transfers?.Open ?? [])
        {
            bytes += 500 + (transfer.Lots.Length * 32);
        }

        return bytes;
    }

    /// <summary>Reads what every decision reads; see the kernel's use of it. The result means nothing.</summary>
    public int Warm()
    {
        var sum = History.Days.Length > 0 ? History.Days[^1].Date.Day : 0;
        for (var book = FirstBook; book is not null; book = book.Next)
        {
            sum += book.Lots.Length > 0 ? book.Lots[^1].Id.EarnedOn.Day : 0;
        }

        return sum;
    }

    /// <summary>The book of a unit, or null when the member never had any.</summary>
    public UnitBook? FindBook(string unit)
    {
        var book = FirstBook;
        while (book is not null && !string.Equals(book.Unit, unit, StringComparison.Ordinal))
        {
            book = book.Next;
        }

        return book;
    }

    /// <summary>The book of a unit, made when needed.</summary>
    internal UnitBook Book(string unit) => FindBook(unit) ?? AddBook(unit);

    private UnitBook AddBook(string unit)
    {
        var added = new UnitBook(unit);
        if (FirstBook is null)
        {
            FirstBook = added;
        }
        else
        {
            var last = FirstBook;
            while (last.Next is { } next)
            {
                last = next;
            }

            last.Next = added;
        }

        return added;
    }

    /// <summary>Changes the state by a fact.</summary>
    /// <exception cref="InvalidOperationException">The fact does not fit: the books are damaged.</exception>
    public void Apply(MemberEvent fact)
    {
        switch (fact)
        {
            case PurchaseRecorded purchase:
                foreach (ref readonly var award in purchase.Awards.AsSpan())
                {
                    Give(award.Unit, award.Lot, award.Points);
                }

                ApplyCampaigns(purchase.Campaigns, purchase.Day);
                TakeTender(purchase);
                var spent = purchase.Money;
                History.Add(purchase.Day, spent, purchase.ProgressPoints, 1);
                Purchases++;
                Spend += spent;
                break;
            case ReturnRecorded returned:
                ApplyCampaigns(returned.Campaigns, returned.Day);
                Post(returned.Postings);
                GiveTenderBack(returned);
                History.Add(returned.Day, -returned.Spend, -returned.ProgressPoints, -returned.Visits);
                Returns++;
                Spend -= returned.Spend;
                if (returned.Waited)
                {
                    EndWaiting(returned.Return.Id);
                }

                break;
            case ActivityRecorded activity:
                foreach (ref readonly var award in activity.Awards.AsSpan())
                {
                    Give(award.Unit, award.Lot, award.Points);
                }

                Engage().Activity(activity.Activity.Type).Add(TallyKind.Activities, activity.Day, 1);
                ApplyCampaigns(activity.Campaigns, activity.Day);
                break;
            case AttributesSet set:
                Engage().Attributes = set.Attributes;
                break;
            case ReturnWaits waits:
                _waiting.Add(waits.Return);
                break;
            case PointsLapsed lapsed:
                var book = Book(lapsed.Unit);
                book.TakeMany(lapsed.Lots);
                foreach (var lot in lapsed.Lots)
                {
                    book.AddLapsed(lot.Id, lot.Points);
                }

                break;
            case TierChanged tier:
                Tier = tier.To;
                ReviewedOn = tier.ReviewedOn;
                break;
            case TierHistoryFolded folded:
                FixedLevel = folded.Standing.Level;
                History.Fold(new(0, folded.Standing.Since, folded.Standing.Through));
                break;
            case PointsAdjusted adjusted:
                Post(adjusted.Postings);
                LastGiven = adjusted.Adjustment.Points > 0 ? adjusted.Day : LastGiven;
                break;
            case MemberEnrolled enrolled:
                if (Status == MemberStatus.Unknown)
                {
                    (EnrolledAt, EnrolledOn, Status) = (enrolled.At, enrolled.On, MemberStatus.Active);
                }

                (IsAutomatic, EnrolmentFingerprint, AlternativeIds) = (enrolled.Automatic, enrolled.Fingerprint, enrolled.AlternativeIds);
                break;
            case VoucherPointsGiven given:
                Give(given.Unit, given.Lot, given.Points);
                LastGiven = given.Day;
                break;
            case MemberImported imported:
                Post(imported.Postings);
                (Tier, FixedLevel, LastGiven) = (imported.Tier, imported.Tier.Level, imported.Day);
                foreach (var day in imported.Request.Days)
                {
                    History.Add(day.Day, day.Spend, day.Points, day.Visits);
                }

                History.Begin(imported.Day.PlusDays(-1), new(0, imported.Tier.Since, imported.Tier.Through));
                break;
            case StatusChanged status:
                Status = status.Status;
                AlternativeIds = Status == MemberStatus.Closed ? [] : AlternativeIds;
                ForgetAttributesOfClosed();
                Post(status.Postings);
                break;
            case AlternativeIdsReplaced replaced:
                AlternativeIds = replaced.AlternativeIds;
                break;
            case RequestRefused or RequestAnswered:
                break;
            default:
                if (!ApplySpending(fact) && !ApplyTransfer(fact) && !ApplyHousehold(fact) && !ApplyExchange(fact))
                {
                    throw new InvalidOperationException($"no rule applies {fact.GetType().Name}");
                }

                break;
        }
    }

    /// <summary>Sum of the lines' amounts.</summary>
    public static long Sum(SaleLine[] lines)
    {
        long sum = 0;
        foreach (ref readonly var line in lines.AsSpan())
        {
            sum += line.Amount;
        }

        return sum;
    }

    private void Give(string unit, LotId lot, long points)
    {
        var book = Book(unit);
        var repaid = Math.Min(book.Debt, points);
        book.Debt -= repaid;
        if (points > repaid)
        {
            book.Add(lot, points - repaid);
        }
    }

    private void Post(Posting[] postings)
    {
        foreach (ref readonly var posting in postings.AsSpan())
        {
            var book = Book(posting.Unit);
            switch (posting.Place)
            {
                case PostingPlace.Lot when posting.Points > 0:
                    book.Add(posting.Lot, posting.Points);
                    break;
                case PostingPlace.Lot:
                    book.Take(posting.Lot, -posting.Points);
                    break;
                case PostingPlace.Lapsed:
                    book.TakeLapsed(posting.Lot, -posting.Points);
                    break;
                case PostingPlace.Debt:
                    book.Debt -= posting.Points;
                    break;
            }
        }
    }

    private void EndWaiting(string returnId)
    {
        for (var i = _waiting.Count - 1; i >= 0; i--)
        {
            if (_waiting[i].Id == returnId)
            {
                _waiting.RemoveAt(i);
            }
        }
    }

    internal void Restore(
        MemberStatus status, Instant enrolledAt, LocalDate enrolledOn, bool automatic, UInt128 fingerprint, AlternativeId[] alternativeIds, HeldTier tier,
        string? fixedLevel, LocalDate reviewedOn, LocalDate? lastGiven, long purchases, long returns, long spend, ReadOnlySpan<Return> waiting)
    {
        (Status, EnrolledAt, EnrolledOn, IsAutomatic, EnrolmentFingerprint) = (status, enrolledAt, enrolledOn, automatic, fingerprint);
        (AlternativeIds, Tier, FixedLevel, ReviewedOn, LastGiven) = (alternativeIds, tier, fixedLevel, reviewedOn, lastGiven);
        (Purchases, Returns, Spend) = (purchases, returns, spend);
        _waiting.Replace(waiting);
    }
}
