"""What the made-up county knows beyond the register, and the whole of it as files."""

from collections.abc import Iterable, Sequence
from datetime import date
from math import dist
from pathlib import Path
from random import Random

from app.catalogue.packaged import DATA
from app.catalogue.rows import ExpertiseRow
from app.demo.county import LOCAL_AUTHORITY_CODE, REGION_CODE, County, School, make_county
from app.demo.county_files import Row, write_register, write_rows
from app.demo.draw import DrawnFor, DrawnPeriod, draw, subjects_of, write_drawn
from app.files.csv_reading import read_rows
from app.register.gias.classification import ALTERNATIVE_PROVISION_TYPES, SPECIALIST_TYPES, phases
from models.vocabulary import (
    Phase,
    SupportAuthority,
    SupportResult,
    SupportState,
    TargetDirection,
)
from solver.pairing.similarity import Provision

PERIOD = DrawnPeriod("2026-27", date(2026, 9, 1), date(2027, 8, 31), date(2026, 9, 1))
EVERYWHERE = f"local_authority:{LOCAL_AUTHORITY_CODE}"
TEAM_SCHOOLS = 6
"""Trusts from this size up have a central team that can give."""

ORGANISATION_COLUMNS = (
    "key", "name", "kind", "group_uid", "postcode", "easting", "northing", "areas_served",
    "funded", "opened", "designation", "designated_by", "designated_from", "designated_to",
)  # fmt: skip
NETWORK_COLUMNS = ("key", "name", "kind", "member", "starts", "ends")
CIRCUMSTANCE_COLUMNS = ("participant", "kind", "starts", "ends", "source")
SUPPORT_COLUMNS = (
    "reference", "taker", "giver", "giver_name", "agency", "expertise", "target", "period",
    "days", "starts", "ends", "state", "result", "authority", "leader_days",
)  # fmt: skip
TARGET_COLUMNS = ("support", "measure", "direction", "value", "by_date", "owner")
RUNNING = 10
"""How much of the support runs."""
AUTHORITIES = (
    SupportAuthority.OWN_CHOICE,
    SupportAuthority.LOCAL_AUTHORITY,
    SupportAuthority.TRUST,
)
CIRCUMSTANCES = {
    "new_head": 12,
    "formal_concern": 5,
    "urgent_improvement": 3,
    "safeguarding_not_met": 1,
    "notice_to_improve": 1,
    "transfer_pending": 2,
}


def _organisation(
    county: County, key: str, name: str, kind: str, town: int, funded: bool, designation: str = ""
) -> Row:
    place = county.places[town]
    return {
        "key": f"made-up-{key}",
        "name": f"{name} (made up)",
        "kind": kind,
        "easting": place.easting,
        "northing": place.northing,
        "areas_served": f"region:{REGION_CODE}" if designation else EVERYWHERE,
        "funded": "yes" if funded else "no",
        "opened": "2019-09-01",
        "designation": designation,
        "designated_by": "Made-up department" if designation else "",
        "designated_from": "2024-09-01" if designation else "",
        "designated_to": "2028-08-31" if designation else "",
    }


def _organisations(county: County) -> list[Row]:
    rows = [
        {
            "key": f"made-up-trust-{trust.uid}",
            "name": f"{trust.name} central team",
            "kind": "trust_central_team",
            "group_uid": trust.uid,
            "easting": trust.members[0].spot[0],
            "northing": trust.members[0].spot[1],
            "areas_served": EVERYWHERE,
            "funded": "no",
        }
        for trust in county.trusts
        if len(trust.members) >= TEAM_SCHOOLS
    ]
    town = [place.name for place in county.places]
    hub, service = "teaching_school_hub", "council_service"
    return [
        *rows,
        _organisation(county, "tsh-1", f"{town[0]} Teaching School Hub", hub, 0, True, hub),
        _organisation(county, "tsh-2", f"{town[3]} Teaching School Hub", hub, 3, True, hub),
        *(
            _organisation(county, f"{subject}-hub", f"{county.name} {name} Hub", "subject_hub",
                          seat, True, f"{subject}_hub")
            for subject, name, seat in (
                ("english", "English", 1), ("mathematics", "Mathematics", 2),
                ("attendance", "Attendance and Behaviour", 4),
            )
        ),
        _organisation(county, "school-improvement", f"{county.name} School Improvement Service",
                      service, 0, True),
        _organisation(county, "inclusion", f"{county.name} Inclusion Service", service, 0, True),
        _organisation(county, "college", f"{town[1]} College", "college", 1, False),
        _organisation(county, "diocese", f"Diocese of {town[2]}", "diocese", 2, False),
        _organisation(county, "provider", f"{town[5]} Learning Partners", "provider", 5, False),
    ]  # fmt: skip


def _networks(county: County, random: Random) -> Iterable[Row]:
    """A family of schools about every town, and two alliances across the county."""
    schools = [school for school in county.schools if school.open]
    towns = county.places[:10]
    for number, town in enumerate(towns, start=1):
        members = [
            school
            for school in schools
            if min(towns, key=lambda t: dist((t.easting, t.northing), school.spot)) is town
            and random.random() < 0.7
        ]
        for school in members:
            yield {
                "key": f"made-up-family-{number}", "name": f"{town.name} Family of Schools",
                "kind": "family", "member": school.urn, "starts": "2022-09-01",
            }  # fmt: skip
    specialist = [school for school in schools if school.type.code in SPECIALIST_TYPES]
    church = [school for school in schools if school.religion != "Does not apply"]
    for key, name, members in (
        ("inclusion", f"{county.name} Inclusion Alliance", specialist),
        ("church", f"{county.name} Church Schools Alliance", random.sample(church, 20)),
    ):
        for school in members:
            yield {
                "key": f"made-up-alliance-{key}", "name": name, "kind": "alliance",
                "member": school.urn, "starts": "2023-01-01", "ends": "2028-08-31",
            }  # fmt: skip


def _circumstances(county: County, random: Random) -> Iterable[Row]:
    schools = [school for school in county.schools if school.status[0] == 1]
    chosen = iter(random.sample(schools, sum(CIRCUMSTANCES.values())))
    for kind, number in CIRCUMSTANCES.items():
        for _ in range(number):
            starts = date(2026, random.randint(1, 9), 1)
            ends = date(2027, starts.month, 1) if kind == "new_head" else ""
            yield {
                "participant": next(chosen).urn, "kind": kind, "starts": starts,
                "ends": ends, "source": "made up",
            }  # fmt: skip
    for school in county.schools:
        if school.status[0] == 3:
            yield {
                "participant": school.urn, "kind": "closing", "starts": "2026-09-01",
                "source": "made up",
            }  # fmt: skip


def _support(county: County, random: Random, expertise: Sequence[str]) -> Iterable[Row]:
    """Support that runs already, and what came of last year's."""
    schools = [school for school in county.schools if school.status[0] == 1]
    for number in range(1, 41):
        taker, giver = random.sample(schools, 2)
        running = number <= RUNNING
        authority = AUTHORITIES[number % len(AUTHORITIES)]
        yield {
            "reference": f"made-up-support-{number}",
            "taker": taker.urn,
            "giver": giver.urn if number % 5 else "",
            "giver_name": "" if number % 5 else "Made-up Consultants",
            "agency": "" if number % 5 else "made-up programme",
            "expertise": random.choice(expertise),
            "target": "made up",
            "period": PERIOD.code if running else "2025-26",
            "days": random.choice((2, 3, 4.5, 6)),
            "starts": "2026-09-01" if running else "2025-09-08",
            "ends": "2027-07-16" if running else "2026-07-17",
            "state": SupportState.ACTIVE if running else SupportState.ENDED,
            "result": "" if running else random.choice(list(SupportResult)),
            "authority": authority if number % 5 else SupportAuthority.DFE_PROGRAMME,
            "leader_days": 1.5 if running else "",
        }


def _targets() -> Iterable[Row]:
    """What support that runs is to achieve."""
    for number in range(1, RUNNING + 1):
        attends = number % 2
        yield {
            "support": f"made-up-support-{number}",
            "measure": "attendance_pct" if attends else "persistent_absence_pct",
            "direction": TargetDirection.RAISE if attends else TargetDirection.LOWER,
            "value": 95 if attends else 15,
            "by_date": "2027-07-16",
            "owner": "headteacher",
        }


def _provision(type_code: int) -> Provision:
    if type_code in ALTERNATIVE_PROVISION_TYPES:
        return Provision.ALTERNATIVE
    return Provision.SPECIAL if type_code in SPECIALIST_TYPES else Provision.MAINSTREAM


def _drawn_for(school: School) -> DrawnFor:
    sixth_form = "Has a sixth form" if school.ages[1] > 16 else None
    return DrawnFor(
        cell=str(school.urn),
        phases=tuple(map(Phase, phases(school.phase[0], *school.ages, sixth_form))),
        pupils=school.pupils,
        free_school_meals_percent=school.free_school_meals or None,
        rural=school.place.urban_rural.startswith("Rural"),
        provision=_provision(school.type.code),
        available=school.status[0] == 1,
    )


def write_county(folder: Path, seed: int) -> County:
    """Make the county and write every file that the importers take."""
    county = make_county(seed)
    random = Random(f"beyond the register {seed}")  # noqa: S311 - nothing here is a secret
    taxonomy = [row for _, row in read_rows(DATA / "expertise.csv", ExpertiseRow)]
    leaves = sorted({row.code for row in taxonomy} - {row.parent for row in taxonomy})
    organisations = _organisations(county)
    write_register(county, folder)
    for name, columns, rows in (
        ("organisations", ORGANISATION_COLUMNS, organisations),
        ("networks", NETWORK_COLUMNS, _networks(county, random)),
        ("circumstances", CIRCUMSTANCE_COLUMNS, _circumstances(county, random)),
        ("support", SUPPORT_COLUMNS, _support(county, random, leaves)),
        ("targets", TARGET_COLUMNS, _targets()),
    ):
        write_rows(folder / f"{name}.csv", columns, rows, encoding="utf-8")
    schools = [_drawn_for(school) for school in county.schools]
    givers = [
        DrawnFor(cell=row["key"], institution=False, funded=row["funded"] == "yes")
        for row in organisations
    ]
    subjects = subjects_of((row.code, row.parent) for row in taxonomy)
    drawn = draw(schools, schools + givers, subjects, PERIOD, seed, area=county.local_authority)
    write_drawn(drawn, folder)
    return county
