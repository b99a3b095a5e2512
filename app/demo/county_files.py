"""The made-up county as files in the layout of the public register."""

import csv
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from random import Random
from typing import Any

from app.demo.county import LOCAL_AUTHORITY_CODE, REGION_CODE, REGION_NAME, County, Group, School
from app.register.gias import layout
from solver.formats.whole_files import make_folder, write_whole

Row = Mapping[str, Any]

MADE_UP = """\
Everything in this folder is made up.

{authority}, its schools, trusts, networks and organisations do not exist; no name, number or
postcode in it belongs to anybody, and it lies in the open sea. Needs, offers and limits were
drawn at random. The layout is that of the public register, so that the same commands import the
real one. Seed: {seed}.
"""

CENSUS = "15-01-2026"
CHANGED = "01-09-2026"
GROUP_TYPES = {"01": "Federation", "06": "Multi-academy trust", "10": "Single-academy trust"}


def write_rows(path: Path, columns: Iterable[str], rows: Iterable[Row], encoding: str) -> None:
    text = StringIO(newline="")
    writer = csv.DictWriter(text, list(columns), restval="", quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(rows)
    write_whole(path, text.getvalue().encode(encoding))


def group_id(group: Group) -> str:
    return f"TR{group.uid}" if group.type_code != "01" else ""


def opened(school: School) -> date:
    """The day the register says it opened; academies opened when they became one."""
    if school.status[0] == 4:
        return date(2027, 9, 1)
    random = Random(f"opened {school.urn}")  # noqa: S311 - nothing here is a secret
    if school.trust is not None:
        return date(random.randint(2011, 2024), random.choice((4, 9)), 1)
    return date(random.randint(1950, 2009), 9, 1)


def postcode(school: School) -> str:
    """No real postcode begins with Q."""
    return f"{school.place.outcode} {school.urn % 10}{'ABDEFGHJ'[school.urn % 8]}Z"


def _position(school: School) -> Row:
    if school.position == "blank":
        return {}
    easting, northing = (0, 0) if school.position == "zero" else school.spot
    return {"Easting": easting, "Northing": northing}


def _sixth_form(school: School) -> str:
    if school.phase[0] not in (4, 6, 7):
        return "Not applicable"
    return "Has a sixth form" if school.ages[1] > 16 else "Does not have a sixth form"


def _trust_flag(trust: Group | None) -> tuple[int, str]:
    if trust is None:
        return 0, "Not applicable"
    if trust.type_code == "06":
        return 3, "Supported by a multi-academy trust"
    return 5, "Supported by a single-academy trust"


def _special_needs(school: School) -> Row:
    """Some rows of the register say "Not Applicable" first and name the kinds after it."""
    named = ("Not Applicable", *school.sen) if school.sen and school.urn % 4 == 0 else school.sen
    return {f"SEN{place} (name)": name for place, name in enumerate(named, start=1)}


def _closure(school: School) -> Row:
    if school.successor is None:
        return {}
    return {
        "ReasonEstablishmentClosed (name)": "Academy Converter",
        "CloseDate": f"{opened(school.successor) - timedelta(days=1):%d-%m-%Y}",
    }


def _establishment(county: County, school: School) -> Row:
    flag, flag_name = _trust_flag(school.trust)
    return {
        "URN": school.urn,
        "LA (code)": LOCAL_AUTHORITY_CODE,
        "LA (name)": county.local_authority,
        "EstablishmentNumber": 2000 + school.urn % 1000,
        "EstablishmentName": school.name,
        "TypeOfEstablishment (code)": school.type.code,
        "TypeOfEstablishment (name)": school.type.name,
        "EstablishmentTypeGroup (code)": school.type.group_code,
        "EstablishmentTypeGroup (name)": school.type.group_name,
        "EstablishmentStatus (code)": school.status[0],
        "EstablishmentStatus (name)": school.status[1],
        "OpenDate": f"{opened(school):%d-%m-%Y}",
        **_closure(school),
        "PhaseOfEducation (code)": school.phase[0],
        "PhaseOfEducation (name)": school.phase[1],
        "StatutoryLowAge": school.ages[0],
        "StatutoryHighAge": school.ages[1],
        "OfficialSixthForm (name)": _sixth_form(school),
        "Gender (name)": "Mixed",
        "ReligiousCharacter (name)": school.religion,
        "AdmissionsPolicy (name)": "Non-selective" if school.phase[0] == 4 else "Not applicable",
        "SchoolCapacity": round(school.pupils * 1.1) or "",
        "CensusDate": CENSUS,
        "NumberOfPupils": school.pupils if school.open else "",
        "PercentageFSM": school.free_school_meals or "",
        "TrustSchoolFlag (code)": flag,
        "TrustSchoolFlag (name)": flag_name,
        "Trusts (code)": school.trust.uid if school.trust else "",
        "Trusts (name)": school.trust.name if school.trust else "",
        "FederationFlag (name)": (
            "Supported by a federation" if school.federation else "Not under a federation"
        ),
        "Federations (code)": school.federation.uid if school.federation else "",
        "Federations (name)": school.federation.name if school.federation else "",
        "LastChangedDate": CHANGED,
        "Town": school.place.name,
        "County (name)": county.local_authority,
        "Postcode": postcode(school),
        **_special_needs(school),
        "TypeOfResourcedProvision (name)": "Not applicable",
        "GOR (code)": REGION_CODE,
        "GOR (name)": REGION_NAME,
        "DistrictAdministrative (code)": f"Q0700000{school.place.district}",
        "DistrictAdministrative (name)": f"{county.places[int(school.place.district) - 1].name} "
        "(made up)",
        "UrbanRural (name)": school.place.urban_rural,
        **_position(school),
    }


def _group(group: Group) -> Row:
    return {
        "Group UID": group.uid,
        "Group ID": group_id(group),
        "Group Name": group.name,
        "Group Type (code)": group.type_code,
        "Group Type": GROUP_TYPES[group.type_code],
        "Group Status (code)": "OPEN",
        "Group Status": "Open",
        "Group Contact Town": group.members[0].place.name,
        "Group Contact Postcode": postcode(group.members[0]),
        "Open date": f"{min(opened(school) for school in group.members):%d-%m-%Y}",
    }


def _link(county: County, group: Group, school: School) -> Row:
    return {
        **{column: value for column, value in _group(group).items() if column in layout.LINKS},
        "URN": school.urn,
        "Joined date": f"{opened(school):%d-%m-%Y}" if school.trust else "01-09-2015",
        "EstablishmentName": school.name,
        "TypeOfEstablishment (code)": school.type.code,
        "TypeOfEstablishment (name)": school.type.name,
        "PhaseOfEducation (code)": school.phase[0],
        "PhaseOfEducation (name)": school.phase[1],
        "LA (code)": LOCAL_AUTHORITY_CODE,
        "LA (name)": county.local_authority,
    }


def _successions(county: County) -> Iterable[Row]:
    for former in county.schools:
        if former.successor is None:
            continue
        since = f"{opened(former.successor):%d-%m-%Y}"
        for school, other, kind in (
            (former, former.successor, "Successor"),
            (former.successor, former, "Predecessor"),
        ):
            yield {
                "URN": school.urn, "LinkURN": other.urn, "LinkName": other.name,
                "LinkType": kind, "LinkEstablishedDate": since,
            }  # fmt: skip


def _membership(trust: Group, school: School) -> Row:
    return {
        "URN": school.urn,
        "EstablishmentName": school.name,
        "Group UID": trust.uid,
        "Group ID": group_id(trust),
        "Group Name": trust.name,
        "Group Type": GROUP_TYPES[trust.type_code],
        "Group Status": "Open",
        "Date Joined Group": f"{opened(school):%d/%m/%Y}",
    }


def _measures(county: County) -> Iterable[Row]:
    """Figures of the public kinds; small schools' are suppressed, as the real ones are."""
    for school in county.schools:
        if not school.open:
            continue
        random = Random(f"measures {county.seed} {school.urn}")  # noqa: S311 - no secret
        need = 60.0 if school.sen else 3.5
        hardship = school.free_school_meals
        figures: dict[tuple[str, str], float] = {
            ("pupils", "2026-01"): school.pupils,
            ("fsm6_pct", "2026-01"): round(min(95.0, hardship * 1.08), 1),
            ("sen_support_pct", "2026-01"): round(random.gauss(14 + 0.1 * hardship, 2), 1),
            ("ehcp_pct", "2026-01"): round(need * random.uniform(0.6, 1.5), 1),
            ("eal_pct", "2026-01"): round(random.uniform(1, 30), 1),
        }
        if school.phase[0] == 4:
            attainment = random.gauss(52 - 0.25 * hardship, 5)
            figures["ks4_attainment8", "2026"] = round(attainment, 1)
            figures["ks4_basics_grade4_pct", "2026"] = round(min(98, attainment * 1.4), 1)
        for (measure, period), value in figures.items():
            suppressed = school.pupils < 50 and measure != "pupils"
            yield {
                "urn": school.urn, "measure": measure, "period": period,
                "value": "c" if suppressed else value,
            }  # fmt: skip


def write_register(county: County, folder: Path) -> None:
    """Write the county's part of the public register, and README.txt which says what it is."""
    make_folder(folder)
    note = MADE_UP.format(authority=county.local_authority, seed=county.seed)
    write_whole(folder / "README.txt", note.encode())
    groups = (*county.trusts, *county.federations)
    register: dict[str, tuple[tuple[str, ...], Iterable[Row]]] = {
        "edubasealldata.csv": (
            layout.ESTABLISHMENTS,
            (_establishment(county, school) for school in county.schools),
        ),
        "allgroupsdata.csv": (layout.GROUPS, map(_group, groups)),
        "alllinksdata.csv": (
            layout.LINKS,
            (_link(county, group, school) for group in groups for school in group.members),
        ),
        "links_edubasealldata.csv": (layout.SUCCESSORS, _successions(county)),
        "academiesmatmembership.csv": (
            layout.MEMBERSHIPS,
            (_membership(trust, school) for trust in county.trusts for school in trust.members),
        ),
    }
    for name, (columns, rows) in register.items():
        write_rows(folder / name, columns, rows, encoding="cp1252")
    columns = ("urn", "measure", "period", "value")
    write_rows(folder / "measures.csv", columns, _measures(county), encoding="utf-8")
