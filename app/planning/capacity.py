"""What is left of everybody's days and places once running support and holds are taken off."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from app.planning.holds import by_need
from app.planning.load import Loaded, PlannedLimits, PlannedNeed, runs_in
from app.planning.options import MatchOptions
from models.register import CircumstanceRule
from models.vocabulary import UNLIMITED, ParticipantKind


@dataclass(slots=True)
class Left:
    """Columns over `Loaded.participants`, `needs` and `offers`, in half-days and pairings."""

    give_limit: list[int]
    max_given: list[int]
    max_taken: list[int]
    allowance: list[int]
    exempt: list[bool]
    may_give: list[bool]
    may_take: list[bool]
    need_priority: list[int]
    need_half_days: list[int]
    need_givers: list[int]
    """0: any number."""
    offer_half_days: list[int]
    offer_pairings: list[int]


@dataclass(slots=True)
class Spent:
    """What running support and holds of the year already use, by participant."""

    given_in_term: Counter[int]
    given_in_year: Counter[int]
    taken_in_year: Counter[int]
    givings: Counter[int]
    takings: Counter[int]
    pairings: dict[tuple[int, str | None, str | None], list[int]]
    """Half-days of the running pairings of each giver, expertise and period."""


def spent(loaded: Loaded) -> Spent:
    """Count running support; that of other agencies fills places, ours also spends days.

    Partnerships are among the holds.
    """
    period = loaded.period
    used = Spent(Counter(), Counter(), Counter(), Counter(), Counter(), defaultdict(list))
    for support in loaded.support:
        if support.partnership_id is not None or not runs_in(support, loaded.day, period.ends):
            continue
        used.takings[support.taker_id] += 1
        if support.giver_id is None:
            continue
        used.givings[support.giver_id] += 1
        half_days = support.half_days or 0
        if support.period_code in loaded.year_and_terms:
            used.given_in_year[support.giver_id] += half_days
            if support.agency is None:
                used.taken_in_year[support.taker_id] += half_days
        if support.period_code == period.code:
            used.given_in_term[support.giver_id] += half_days
        key = (support.giver_id, support.expertise_code, support.period_code)
        used.pairings[key].append(half_days)
    _add_holds(loaded, used)
    return used


def _add_holds(loaded: Loaded, used: Spent) -> None:
    """A hold spends like running support: what it holds cannot be promised again."""
    counted: set[int] = set()
    for hold in loaded.holds:
        if hold.is_in(loaded.day, loaded.period.ends) and hold.partnership_id not in counted:
            used.takings[hold.taker_id] += 1
            used.givings[hold.giver_id] += 1
            # A partnership has a row for each of its periods, and one place.
            counted |= set() if hold.partnership_id is None else {hold.partnership_id}
        if hold.period_code in loaded.year_and_terms:
            used.given_in_year[hold.giver_id] += hold.half_days
            used.taken_in_year[hold.taker_id] += hold.half_days
        if hold.period_code == loaded.period.code:
            used.given_in_term[hold.giver_id] += hold.half_days


def what_is_left(loaded: Loaded, options: MatchOptions) -> Left:
    """Apply limits, circumstances, running support and holds to what was entered."""
    used = spent(loaded)
    urgent = {need.participant_id for need in loaded.needs if need.priority == 1}
    left = Left([], [], [], [], [], [], [], [], [], [], [], [])
    year = loaded.period.year_code or loaded.period.code
    for row in loaded.participants:
        own = loaded.limits.get((row.id, loaded.period.code))
        of_year = loaded.limits.get((row.id, year))
        rules = loaded.circumstances.get(row.id, [])
        percent = min((rule.days_percent for rule in rules), default=100)
        takes_part = row.in_scope is not False and row.closed is None
        left.may_take.append(takes_part)
        left.may_give.append(takes_part and all(rule.may_give for rule in rules))
        give_limit = _limit(of_year, "give_half_days", percent) - used.given_in_year[row.id]
        if own is not of_year:
            of_term = _limit(own, "give_half_days", percent) - used.given_in_term[row.id]
            give_limit = min(give_limit, of_term)
        left.give_limit.append(min(max(0, give_limit), UNLIMITED))
        own = own or of_year
        default_given = options.max_given if row.kind == ParticipantKind.INSTITUTION else UNLIMITED
        left.max_given.append(_places(own, "max_given", default_given, used.givings[row.id]))
        left.max_taken.append(_places(own, "max_taken", options.max_taken, used.takings[row.id]))
        balance = used.given_in_year[row.id] - used.taken_in_year[row.id]
        entered = own.allowance_half_days if own else None
        if entered is None:
            entered = options.allowance.half_days(
                row.free_school_meals_percent, urgent=row.id in urgent
            )
        extra = sum(rule.extra_allowance_half_days for rule in rules)
        carried = own.carried_half_days if own else 0
        left.allowance.append(min(max(0, entered + extra + carried + balance), UNLIMITED))
        left.exempt.append(bool(row.funded) or bool(own and own.exempt))
    _needs_left(loaded, left)
    _offers_left(loaded, used, left)
    return left


def _limit(limits: PlannedLimits | None, name: str, percent: int) -> int:
    given: int | None = getattr(limits, name) if limits else None
    return 2 * UNLIMITED if given is None else given * percent // 100


def _places(limits: PlannedLimits | None, name: str, default: int, used: int) -> int:
    given: int | None = getattr(limits, name) if limits else None
    return max(0, (default if given is None else given) - used)


def _priority(need: PlannedNeed, circumstances: Mapping[int, list[CircumstanceRule]]) -> int:
    """The more urgent of the need's own priority and its school's circumstances."""
    rules = circumstances.get(need.participant_id, [])
    return min([need.priority, *(rule.priority for rule in rules if rule.priority is not None)])


def _needs_left(loaded: Loaded, left: Left) -> None:
    held_of = by_need(loaded.holds)
    for need in loaded.needs:
        held = [hold.half_days for hold in held_of[need.id]]
        left.need_priority.append(_priority(need, loaded.circumstances))
        left.need_half_days.append(need.half_days - sum(held))
        left.need_givers.append(need.max_givers and need.max_givers - len(held))


def _offers_left(loaded: Loaded, used: Spent, left: Left) -> None:
    """Take each running pairing off the giver's offers of its expertise and period.

    Support in a term that no offer of the term covers comes out of the year's. Support on an
    expertise that no offer names spends the giver's days but no offer's.
    """
    for offer in loaded.offers:
        rules = loaded.circumstances.get(offer.participant_id, [])
        percent = min((rule.days_percent for rule in rules), default=100)
        left.offer_half_days.append(offer.half_days * percent // 100)
        left.offer_pairings.append(offer.max_pairings)
    for offer in loaded.other_offers:
        key = (offer.participant_id, offer.expertise_code, offer.period_code)
        del used.pairings[key][: offer.max_pairings]
    running_givers = {giver for giver, _, _ in used.pairings}
    running_offers = [
        (row, offer)
        for row, offer in enumerate(loaded.offers)
        if offer.participant_id in running_givers
    ]
    for of_year in (False, True):
        for row, offer in running_offers:
            if (offer.period_code == loaded.year_and_terms[0]) != of_year:
                continue
            periods = loaded.year_and_terms if of_year else (offer.period_code,)
            for period in periods:
                running = used.pairings[offer.participant_id, offer.expertise_code, period]
                while running and left.offer_pairings[row]:
                    left.offer_pairings[row] -= 1
                    left.offer_half_days[row] = max(0, left.offer_half_days[row] - running.pop(0))
    place = {offer.id: row for row, offer in enumerate(loaded.offers)}
    for hold in loaded.holds:
        if not hold.later and (at := place.get(hold.offer_id)) is not None:
            left.offer_half_days[at] = max(0, left.offer_half_days[at] - hold.half_days)
            if hold.is_in(loaded.day, loaded.period.ends):
                left.offer_pairings[at] = max(0, left.offer_pairings[at] - 1)
