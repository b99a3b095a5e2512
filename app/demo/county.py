"""A made-up county of about 300 institutions: who is in it; `county_files` writes it down."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from math import dist
from random import Random
from typing import Literal

from app.demo.places import STARTS, TOWNS, Place, outline, place_names, places, scatter
from solver.pairing.geography import to_wgs84

FIRST_URN = 900_001
FIRST_GROUP_UID = 90_001
LOCAL_AUTHORITY_CODE = "990"
REGION_CODE = "Q"
REGION_NAME = "Made-up region"


@dataclass(frozen=True, slots=True)
class EstablishmentType:
    """The public register's own codes and names of a type and its group."""

    code: int
    name: str
    group_code: int
    group_name: str


COMMUNITY = EstablishmentType(1, "Community school", 4, "Local authority maintained schools")
AIDED = EstablishmentType(2, "Voluntary aided school", 4, "Local authority maintained schools")
CONTROLLED = EstablishmentType(
    3, "Voluntary controlled school", 4, "Local authority maintained schools"
)
FOUNDATION = EstablishmentType(5, "Foundation school", 4, "Local authority maintained schools")
COMMUNITY_SPECIAL = EstablishmentType(7, "Community special school", 5, "Special schools")
NON_MAINTAINED_SPECIAL = EstablishmentType(8, "Non-maintained special school", 5, "Special schools")
INDEPENDENT_SPECIAL = EstablishmentType(
    10, "Other independent special school", 5, "Special schools"
)
INDEPENDENT = EstablishmentType(11, "Other independent school", 3, "Independent schools")
REFERRAL_UNIT = EstablishmentType(
    14, "Pupil referral unit", 4, "Local authority maintained schools"
)
NURSERY = EstablishmentType(
    15, "Local authority nursery school", 4, "Local authority maintained schools"
)
SPONSORED = EstablishmentType(28, "Academy sponsor led", 10, "Academies")
SPONSORED_SPECIAL = EstablishmentType(33, "Academy special sponsor led", 10, "Academies")
CONVERTER = EstablishmentType(34, "Academy converter", 10, "Academies")
FREE = EstablishmentType(35, "Free schools", 11, "Free Schools")
FREE_SPECIAL = EstablishmentType(36, "Free schools special", 11, "Free Schools")
FREE_ALTERNATIVE = EstablishmentType(38, "Free schools alternative provision", 11, "Free Schools")
ALTERNATIVE_CONVERTER = EstablishmentType(
    42, "Academy alternative provision converter", 10, "Academies"
)
SPECIAL_CONVERTER = EstablishmentType(44, "Academy special converter", 10, "Academies")
SIXTH_FORM_CONVERTER = EstablishmentType(45, "Academy 16-19 converter", 10, "Academies")

ACADEMY_OF = {
    COMMUNITY: CONVERTER,
    AIDED: CONVERTER,
    CONTROLLED: CONVERTER,
    FOUNDATION: SPONSORED,
    COMMUNITY_SPECIAL: SPECIAL_CONVERTER,
    REFERRAL_UNIT: ALTERNATIVE_CONVERTER,
}

SEN_TYPES = (
    "SpLD - Specific Learning Difficulty",
    "MLD - Moderate Learning Difficulty",
    "SLD - Severe Learning Difficulty",
    "PMLD - Profound and Multiple Learning Difficulty",
    "SEMH - Social, Emotional and Mental Health",
    "SLCN - Speech, language and Communication",
    "HI - Hearing Impairment",
    "VI - Visual Impairment",
    "PD - Physical Disability",
    "ASD - Autistic Spectrum Disorder",
)


@dataclass(slots=True)
class School:
    urn: int
    name: str
    type: EstablishmentType
    phase: tuple[int, str]
    ages: tuple[int, int]
    place: Place
    spot: tuple[int, int]
    """Easting and northing where it stands, whatever the register knows."""
    pupils: int
    free_school_meals: float
    religion: str = "Does not apply"
    sen: tuple[str, ...] = ()
    status: tuple[int, str] = (1, "Open")
    position: Literal["known", "blank", "zero"] = "known"
    """What the register has: some rows lack a position, some say (0, 0)."""
    trust: "Group | None" = None
    federation: "Group | None" = None
    successor: "School | None" = None

    @property
    def open(self) -> bool:
        return self.status[0] in (1, 3)


@dataclass(slots=True)
class Group:
    uid: int
    name: str
    type_code: str
    members: list[School] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class County:
    seed: int
    name: str
    outline: tuple[tuple[int, int], ...]
    """Eastings and northings of the coast and border."""
    places: tuple[Place, ...]
    schools: tuple[School, ...]
    trusts: tuple[Group, ...]
    federations: tuple[Group, ...]

    @property
    def local_authority(self) -> str:
        return f"{self.name} (made up)"

    def coast(self) -> tuple[tuple[float, float], ...]:
        """The outline as latitudes and longitudes."""
        latitudes, longitudes = to_wgs84(*zip(*self.outline, strict=True))
        return tuple(zip(latitudes.tolist(), longitudes.tolist(), strict=True))

    def towns(self) -> tuple[tuple[str, float, float], ...]:
        """Names, latitudes and longitudes."""
        towns = self.places[:TOWNS]
        latitudes, longitudes = to_wgs84(
            [town.easting for town in towns], [town.northing for town in towns]
        )
        names = [town.name for town in towns]
        return tuple(zip(names, latitudes.tolist(), longitudes.tolist(), strict=True))


PRIMARY = (2, "Primary")
SECONDARY = (4, "Secondary")
NO_PHASE = (0, "Not applicable")
HOUSE_SCHOOL = "House School"
ALTERNATIVE = "Alternative Provision"


@dataclass(frozen=True, slots=True)
class Plan:
    """How many schools of a sort to make and what they are like."""

    number: int
    types: tuple[EstablishmentType, ...]
    phase: tuple[int, str]
    ages: tuple[int, int]
    pupils: tuple[int, int]
    title: str


PLANS = (
    Plan(150, (COMMUNITY, COMMUNITY, FOUNDATION), PRIMARY, (4, 11), (75, 460), "Primary School"),
    Plan(50, (AIDED, CONTROLLED), PRIMARY, (4, 11), (60, 320), "Church of England Primary School"),
    Plan(10, (AIDED,), PRIMARY, (3, 11), (160, 420), "Catholic Primary School"),
    Plan(6, (NURSERY,), (1, "Nursery"), (2, 5), (50, 120), "Nursery School"),
    Plan(33, (COMMUNITY, FOUNDATION, COMMUNITY), SECONDARY, (11, 16), (600, 1500), "School"),
    Plan(4, (AIDED,), SECONDARY, (11, 18), (800, 1300), "Catholic High School"),
    Plan(3, (FREE,), (7, "All-through"), (4, 18), (700, 1400), "All-Through School"),
    Plan(2, (COMMUNITY,), (5, "Middle deemed secondary"), (9, 13), (300, 480), "Middle School"),
    Plan(2, (SIXTH_FORM_CONVERTER,), (6, "16 plus"), (16, 19), (900, 1700), "Sixth Form College"),
    Plan(9, (COMMUNITY_SPECIAL,), NO_PHASE, (3, 19), (60, 190), "Special School"),
    Plan(2, (SPONSORED_SPECIAL, FREE_SPECIAL), NO_PHASE, (5, 16), (50, 120), "Learning Centre"),
    Plan(
        4, (NON_MAINTAINED_SPECIAL, INDEPENDENT_SPECIAL), NO_PHASE, (7, 18), (20, 70), HOUSE_SCHOOL
    ),
    Plan(
        6,
        (REFERRAL_UNIT, REFERRAL_UNIT, FREE_ALTERNATIVE),
        NO_PHASE,
        (11, 16),
        (25, 90),
        ALTERNATIVE,
    ),
    Plan(11, (INDEPENDENT,), NO_PHASE, (4, 18), (120, 620), "Independent School"),
)
TRUST_SIZES = (17, 14, 12, 11, 9, 8, 7, 6, 6, 5, 4, 4, 3, 3, 1, 1, 1, 1, 1, 1)
FEDERATION_SIZES = (3, 2, 2, 2, 2, 2, 2, 2)


def _school(
    random: Random, plan: Plan, place: Place, name: str, urn: int, ring: list[tuple[int, int]]
) -> School:
    specialist = plan.title in ("Special School", "Learning Centre", HOUSE_SCHOOL)
    small = 0.45 if place.weight == 1.0 and plan.phase == PRIMARY else 1.0
    # Schools of one place differ, and none is all hardship: the exponent keeps it below 1.
    hardship = 1 - (1 - place.hardship) ** (random.uniform(0.5, 1.5) + (0.4 if specialist else 0))
    extra = 15 if plan.title == ALTERNATIVE else 0
    fee_paying = plan.types == (INDEPENDENT,)
    return School(
        urn=urn,
        name=name,
        type=random.choice(plan.types),
        phase=plan.phase,
        ages=(11, 18) if plan.phase == SECONDARY and random.random() < 0.55 else plan.ages,
        place=place,
        spot=scatter(random, ring, place),
        pupils=round(random.triangular(*plan.pupils) * small),
        free_school_meals=0.0 if fee_paying else round(3 + 65 * hardship + extra, 2),
        religion=(
            "Church of England"
            if "Church of England" in plan.title
            else "Roman Catholic" if "Catholic" in plan.title else "Does not apply"
        ),
        sen=tuple(random.sample(SEN_TYPES, random.randint(1, 3))) if specialist else (),
    )  # fmt: skip


def _schools(
    random: Random, made: list[Place], names: Iterator[str], ring: list[tuple[int, int]]
) -> list[School]:
    urns = count(FIRST_URN)
    bare = {place for place in made if place.weight == 1.0}
    used: Counter[str] = Counter()
    schools = []
    for plan in PLANS:
        for _ in range(plan.number):
            if plan.title == "Primary School" and bare:
                place = min(bare, key=lambda each: each.name)
                bare.discard(place)
            else:
                towns = made if plan.phase == PRIMARY else made[:TOWNS]
                place = random.choices(towns, [each.weight for each in towns])[0]
            local = place.name if used[place.name] == 0 else next(names)
            used[place.name] += 1
            schools.append(_school(random, plan, place, f"{local} {plan.title}", next(urns), ring))
    return schools


def _make_academy(school: School) -> None:
    school.type = ACADEMY_OF.get(school.type, school.type)
    school.name = school.name.replace(" Primary School", " Primary Academy")
    if school.phase == SECONDARY and school.name.endswith(" School"):
        school.name = school.name.removesuffix(" School") + " Academy"


def _trusts(random: Random, schools: list[School], names: Iterator[str]) -> list[Group]:
    """Trusts grow around a seat, with a school far away now and then, as real ones do."""
    uids = count(FIRST_GROUP_UID)
    free = [s for s in schools if s.type in ACADEMY_OF or s.type.group_code in (10, 11)]
    trusts = []
    for size in TRUST_SIZES:
        seats = [s for s in free if s.phase == SECONDARY or size == 1] or free
        seat = random.choice(seats)
        near = sorted(free, key=lambda s: dist(seat.spot, s.spot) * random.uniform(0.7, 1.4))
        members = near[:size]
        if size > 5:
            members[-1] = random.choice(near[size:])
        title = "Multi-Academy Trust" if size > 1 else "Academy Trust"
        trust = Group(next(uids), f"{next(names)} {title}", "06" if size > 1 else "10", members)
        for school in members:
            _make_academy(school)
            school.trust = trust
            free.remove(school)
        trusts.append(trust)
    for school in free:  # an academy or free school always belongs to a trust
        if school.type.group_code in (10, 11):
            school.trust = random.choice([trust for trust in trusts if trust.type_code == "06"])
            school.trust.members.append(school)
    return trusts


def _federations(random: Random, schools: list[School], names: Iterator[str]) -> list[Group]:
    uids = count(FIRST_GROUP_UID + len(TRUST_SIZES))
    free = [s for s in schools if s.phase == PRIMARY and s.trust is None]
    federations = []
    for size in FEDERATION_SIZES:
        seat = random.choice(free)
        members = sorted(free, key=lambda s: dist(seat.spot, s.spot))[:size]
        federation = Group(next(uids), f"The {next(names)} Federation", "01", members)
        for school in members:
            school.federation = federation
            free.remove(school)
        federations.append(federation)
    return federations


def _history(random: Random, schools: list[School]) -> list[School]:
    """Closed schools that academies took over, one that will open, some that will close."""
    urns = count(schools[-1].urn + 1)
    converted = [s for s in schools if s.type in (CONVERTER, SPONSORED) and s.phase == PRIMARY]
    more = []
    for successor in random.sample(converted, 6):
        former = School(
            urn=next(urns), name=successor.name.replace(" Primary Academy", " Primary School"),
            type=COMMUNITY, phase=successor.phase, ages=successor.ages, place=successor.place,
            spot=successor.spot, pupils=0,
            free_school_meals=0.0, status=(2, "Closed"), successor=successor,
        )  # fmt: skip
        more.append(former)
    lonely = [s for s in schools if s.phase == PRIMARY and s.trust is None and not s.federation]
    for school in random.sample(lonely, 3):
        school.status = (3, "Open, but proposed to close")
    lonely[0].status = (4, "Proposed to open")
    unknown = random.sample([s for s in schools if s.phase == PRIMARY], 4)
    for school in unknown[:3]:
        school.position = "blank"
    unknown[3].position = "zero"
    return more


def make_county(seed: int) -> County:
    """The same county for the same seed."""
    random = Random(f"county {seed}")  # noqa: S311 - nothing here is a secret
    names = place_names(random)
    name = random.choice(STARTS) + "shire"
    ring = outline(random)
    made = places(random, ring, names)
    schools = _schools(random, made, names, ring)
    trusts = _trusts(random, schools, names)
    federations = _federations(random, schools, names)
    schools += _history(random, schools)
    return County(
        seed, name, tuple(ring), tuple(made), tuple(schools), tuple(trusts), tuple(federations)
    )
