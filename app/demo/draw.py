"""Needs, offers and limits drawn at random, and labelled so, where no real ones are held.

What one participant gets depends on the seed, the period and itself alone: drawing for a county
and drawing for the country say the same of it.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import date
from io import StringIO
from pathlib import Path
from random import Random

from app.demo.draw_names import DrawnNames
from app.progress import Progress, silent
from models.vocabulary import Availability, Mode, NeedEvidence, NeedState, Phase
from solver.formats.whole_files import make_folder, write_whole
from solver.pairing.similarity import Provision

EVIDENCE = "drawn at random, no evidence of anything"
NOBODY = "nobody: drawn at random"

NEEDS_TRIED, NEED_CHANCE, NEED_CHANCE_BY_HARDSHIP = 6, 0.35, 0.35
OFFERS_TRIED, OFFER_CHANCE = 4, 0.45
FEWER_DAYS_DO, TWO_GIVERS_DO = 0.1, 0.07
"""Most needs are whole and of one giver, as in the instances that the methods were measured on."""
TYPICAL_FREE_SCHOOL_MEALS = 25.0


@dataclass(frozen=True, slots=True)
class Subject:
    """One entry of the expertise taxonomy; no phases: every phase."""

    code: str
    phases: frozenset[Phase]
    weight: float
    known_by: Mapping[Provision, int] = field(default_factory=dict)
    """How much likelier it comes up in provision that knows most of it."""
    seldom_elsewhere: bool = False
    """Others seldom offer it."""


PHASES_OF = {
    "-primary": {Phase.PRIMARY},
    "-secondary": {Phase.SECONDARY},
    "post-16": {Phase.POST_16},
    "early-": {Phase.EARLY_YEARS, Phase.PRIMARY},
    "careers": {Phase.SECONDARY, Phase.POST_16},
}
WANTED_MOST = (
    "early-reading", "english-primary", "english-secondary", "mathematics-primary",
    "mathematics-secondary", "attendance", "behaviour", "disadvantage", "send-coordination",
    "send-semh", "send-asd", "curriculum", "middle-leadership", "headship",
)  # fmt: skip
KNOWN_BY = {
    "send": {Provision.SPECIAL: 6},
    "send-semh": {Provision.ALTERNATIVE: 6},
    "alternative-provision": {Provision.ALTERNATIVE: 40},
    "behaviour": {Provision.SPECIAL: 6, Provision.ALTERNATIVE: 6},
}
"""Who knows most of what begins with a code, and how much likelier that comes up there."""
SELDOM_ELSEWHERE = "alternative-provision"
BRANCHES_OF_MANY = ("send", "alternative-provision")
SELDOM = 0.05


def subjects_of(taxonomy: Iterable[tuple[str, str | None]]) -> list[Subject]:
    """Subjects to draw from, of codes and their parents; those above others come up less."""
    entries = sorted(taxonomy, key=lambda entry: entry[0])
    parents = {parent for _, parent in entries}
    subjects = []
    for code, parent in entries:
        if parent is None and code in parents:
            continue
        phases: set[Phase] = set()
        for part, served in PHASES_OF.items():
            phases |= served if part in code else set()
        weight = 0.25 if code in parents else 0.3 if parent in BRANCHES_OF_MANY else 0.7
        weight *= 4 if code in WANTED_MOST else 1
        known_by = {
            provision: factor
            for start, who in KNOWN_BY.items()
            if code.startswith(start)
            for provision, factor in who.items()
        }
        seldom = code.startswith(SELDOM_ELSEWHERE)
        subjects.append(Subject(code, frozenset(phases), weight, known_by, seldom))
    return subjects


@dataclass(frozen=True, slots=True)
class DrawnFor:
    """What a draw depends on; `cell` is how files name the participant, a URN or a key."""

    cell: str
    phases: tuple[Phase, ...] = ()
    pupils: int | None = None
    free_school_meals_percent: float | None = None
    rural: bool = False
    provision: Provision = Provision.MAINSTREAM
    institution: bool = True
    funded: bool = False
    available: bool = True
    """False: the register says that it will close or has not opened."""

    @property
    def hardship(self) -> float:
        percent = self.free_school_meals_percent
        return (TYPICAL_FREE_SCHOOL_MEALS if percent is None else percent) / 100


@dataclass(frozen=True, slots=True)
class NeedRow:
    reference: str
    participant: str
    expertise: str
    period: str
    days: float
    days_min: float
    max_givers: int
    priority: int
    evidence: str
    agreed_by: str
    travel_limit_miles: float | None
    travel_limit_minutes: int | None
    mode: str
    window_starts: date | None
    window_ends: date | None
    state: str


@dataclass(frozen=True, slots=True)
class OfferRow:
    reference: str
    participant: str
    expertise: str
    period: str
    days: float
    max_pairings: int
    quality: int
    evidence: str
    travel_limit_miles: float | None
    travel_limit_minutes: int | None
    mode: str
    phases: str
    window_starts: date | None
    window_ends: date | None
    availability: str
    availability_updated: date


@dataclass(frozen=True, slots=True)
class LimitsRow:
    participant: str
    period: str
    give_days: float | None
    max_given: int
    max_taken: int | None
    exempt: str
    carried_days: float


@dataclass(frozen=True, slots=True)
class DrawnPeriod:
    """The period drawn for, and the first days of its later terms, for windows within it."""

    code: str
    starts: date
    ends: date
    updated: date
    """When the drawn givers are taken to have said what they can give."""


@dataclass(frozen=True, slots=True)
class Drawn:
    needs: tuple[NeedRow, ...]
    offers: tuple[OfferRow, ...]
    limits: tuple[LimitsRow, ...]


def _half(days: float) -> float:
    return max(0.5, round(2 * days) / 2)


def _travel(
    random: Random, each: DrawnFor, miles: Sequence[int]
) -> tuple[float | None, int | None]:
    """Most people say miles, some say minutes; who lives far out is used to go further."""
    if random.random() < 0.1:
        return None, random.choice((45, 60, 90))
    return random.choice(miles) + (5.0 if each.rural else 0.0), None


def _window(random: Random, period: DrawnPeriod) -> tuple[date | None, date | None]:
    """A tenth starts later or ends sooner than the period does."""
    if random.random() >= 0.1:
        return None, None
    middle = period.starts + (period.ends - period.starts) * random.choice((0.25, 0.35, 0.5))
    return (middle, period.ends) if random.random() < 0.6 else (period.starts, middle)


class _Popularity:
    """How often each subject is asked for and given: scarce in one place, plenty in another."""

    def __init__(self, subjects: Sequence[Subject], seed: int) -> None:
        random = Random(f"subjects {seed}")  # noqa: S311 - nothing here is a secret
        common = [subject.weight * random.lognormvariate(0, 0.6) for subject in subjects]
        self.asked = [
            (s, c * random.lognormvariate(0, 0.4)) for s, c in zip(subjects, common, strict=True)
        ]
        self.given = [
            (s, c * random.lognormvariate(0, 0.4)) for s, c in zip(subjects, common, strict=True)
        ]


def _choose(
    random: Random,
    popularity: Sequence[tuple[Subject, float]],
    each: DrawnFor,
    number: int,
    without: frozenset[str] = frozenset(),
    *,
    gives: bool = False,
) -> list[str]:
    """Different subjects that suit the participant, by weight without replacement."""
    drawn = [
        (random.random() ** (1 / (weight * _leaning(subject, each, gives=gives))), subject)
        for subject, weight in popularity
    ]
    fit = sorted(
        (key, subject.code)
        for key, subject in drawn
        if subject.code not in without
        and (not subject.phases or not each.phases or subject.phases.intersection(each.phases))
    )
    return [code for _, code in reversed(fit[-number:])] if number else []


def _leaning(subject: Subject, each: DrawnFor, *, gives: bool) -> float:
    """How much more a participant asks for or gives what its own kind of provision knows."""
    if each.provision in subject.known_by:
        return subject.known_by[each.provision]
    return SELDOM if gives and subject.seldom_elsewhere and each.institution else 1


def _needs(
    random: Random, each: DrawnFor, period: DrawnPeriod, popularity: _Popularity, names: DrawnNames
) -> list[NeedRow]:
    chance = NEED_CHANCE + NEED_CHANCE_BY_HARDSHIP * each.hardship
    number = sum(random.random() < chance for _ in range(NEEDS_TRIED))
    rows = []
    chosen = _choose(random, popularity.asked, each, number)
    for serial, code in enumerate(chosen, start=1):
        days = random.choices((1, 1.5, 2, 3, 4, 5, 6, 8), (3, 2, 6, 6, 5, 3, 3, 1))[0]
        severe = 0.5 + 3 * each.hardship
        miles, minutes = _travel(random, each, (10, 15, 20, 20, 25, 30))
        starts, ends = _window(random, period)
        rows.append(
            NeedRow(
                reference=names.reference("N", each.cell, serial),
                participant=each.cell,
                expertise=code,
                period=period.code,
                days=days,
                days_min=_half(days * 0.6)
                if days >= 2 and random.random() < FEWER_DAYS_DO
                else days,
                max_givers=2 if days >= 4 and random.random() < TWO_GIVERS_DO else 1,
                priority=random.choices((1, 2, 3, 4, 5), (severe, 2 * severe, 4, 2, 1))[0],
                evidence=random.choice(list(NeedEvidence)),
                agreed_by=NOBODY,
                travel_limit_miles=miles,
                travel_limit_minutes=minutes,
                mode=random.choices((Mode.ON_SITE, Mode.EITHER, Mode.REMOTE), (6, 3, 1))[0],
                window_starts=starts,
                window_ends=ends,
                state=NeedState.MATCH,
            )
        )
    return rows


def _days_on_offer(each: DrawnFor, own: bool) -> Sequence[int]:
    if not each.institution:
        return (10, 15, 20, 30)
    if own and each.provision is Provision.ALTERNATIVE:
        return (6, 8, 10, 15)
    return (2, 3, 3, 4, 5, 6, 8, 10)


def _offers(
    random: Random,
    each: DrawnFor,
    period: DrawnPeriod,
    popularity: _Popularity,
    names: DrawnNames,
    needed: frozenset[str],
) -> list[OfferRow]:
    if each.provision is Provision.ALTERNATIVE:
        number = random.randint(2, 5)
    elif each.institution:
        number = sum(random.random() < OFFER_CHANCE for _ in range(OFFERS_TRIED))
    else:
        number = random.randint(3, 7)
    rows = []
    own = {s.code for s, _ in popularity.given if each.provision in s.known_by}
    chosen = _choose(random, popularity.given, each, number, needed, gives=True)
    for serial, code in enumerate(chosen, start=1):
        days = random.choice(_days_on_offer(each, code in own))
        miles, minutes = _travel(random, each, (10, 15, 20, 25, 30) if each.institution else (40,))
        starts, ends = _window(random, period)
        rows.append(
            OfferRow(
                reference=names.reference("O", each.cell, serial),
                participant=each.cell,
                expertise=code,
                period=period.code,
                days=days,
                max_pairings=min(days // 2 + 1, 3) if each.institution else days // 3,
                quality=random.choices((1, 2, 3, 4, 5), (1, 2, 4, 3, 2))[0],
                evidence=EVIDENCE,
                travel_limit_miles=miles,
                travel_limit_minutes=minutes,
                mode=random.choices((Mode.ON_SITE, Mode.EITHER, Mode.REMOTE), (5, 4, 1))[0],
                phases=";".join(each.phases) if random.random() < 0.6 and code not in own else "",
                window_starts=starts,
                window_ends=ends,
                availability=random.choices(
                    (Availability.CAN_OFFER, Availability.MAY_OFFER, Availability.NOT_OFFERING),
                    (80, 16, 4),
                )[0],
                availability_updated=period.updated,
            )
        )
    return rows


def _limits(random: Random, each: DrawnFor, period: DrawnPeriod) -> LimitsRow:
    """Allowances are left to the rule, by which they grow with disadvantage."""
    if not each.institution:
        return LimitsRow(
            participant=each.cell, period=period.code, give_days=random.choice((30.0, 45.0, 60.0)),
            max_given=random.choice((10, 15, 20)), max_taken=None,
            exempt="yes" if each.funded else "no", carried_days=0.0,
        )  # fmt: skip
    size = min(2.0, (each.pupils or 250) / 600)
    # Alternative provision has staff for outreach.
    outreach = each.provision is Provision.ALTERNATIVE
    return LimitsRow(
        participant=each.cell,
        period=period.code,
        give_days=_half(random.uniform(3, 7) + (12 if outreach else 3 * size)),
        max_given=random.choices((1, 2, 3, 4), (1, 3, 4, 2))[0],
        max_taken=random.choices((2, 3, 4), (2, 6, 1))[0],
        exempt="no",
        carried_days=random.choice((-1.5, -0.5, 0.5, 2.0)) if random.random() < 0.15 else 0.0,
    )


def draw(
    takers: Sequence[DrawnFor],
    givers: Sequence[DrawnFor],
    subjects: Sequence[Subject],
    period: DrawnPeriod,
    seed: int,
    on_progress: Progress = silent,
    *,
    area: str = "",
) -> Drawn:
    """Draw needs for the takers that are institutions, offers for the givers, limits for all."""
    popularity = _Popularity(subjects, seed)
    names = DrawnNames.of(area, period.code, seed)
    takes = {each.cell for each in takers if each.institution and each.available}
    gives = {each.cell for each in givers if each.available}
    everybody = {each.cell: each for each in (*takers, *givers) if each.available}
    needs: list[NeedRow] = []
    offers: list[OfferRow] = []
    limits: list[LimitsRow] = []
    for done, (cell, each) in enumerate(sorted(everybody.items())):
        random = Random(f"{seed} {period.code} {cell}")  # noqa: S311 - nothing here is a secret
        own = _needs(random, each, period, popularity, names) if each.institution else []
        needed = frozenset(row.expertise for row in own)
        given = _offers(random, each, period, popularity, names, needed)
        limits.append(_limits(random, each, period))
        needs += own if cell in takes else []
        offers += given if cell in gives else []
        if done % 500 == 0:
            on_progress("Drawing needs and offers", done / len(everybody))
    return Drawn(tuple(needs), tuple(offers), tuple(limits))


def _write(path: Path, row_type: type, rows: Iterable[NeedRow | OfferRow | LimitsRow]) -> None:
    text = StringIO(newline="")
    writer = csv.DictWriter(text, [column.name for column in fields(row_type)])
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    write_whole(path, text.getvalue().encode())


def write_drawn(drawn: Drawn, folder: Path) -> None:
    """Write needs.csv, offers.csv and limits.csv."""
    make_folder(folder)
    _write(folder / "needs.csv", NeedRow, drawn.needs)
    _write(folder / "offers.csv", OfferRow, drawn.offers)
    _write(folder / "limits.csv", LimitsRow, drawn.limits)
