"""Small files in the public register's real layout; every name and number is made up."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path

from sqlalchemy import select

from app.access.keys import create_key
from app.access.policy import EVERYWHERE, TERMINAL, Grant, Principal, Scope
from app.database import Database, WriteSession
from app.import_kit.report import ImportReport
from app.proposals.heard import Heard
from app.register.gias import layout
from app.register.gias.importer import GiasFiles, import_gias
from models.register import Institution, Participant
from models.vocabulary import Channel, Role

Cells = dict[str, str]
ADMINISTRATOR = Grant(Role.ADMINISTRATOR)
_OWNERS = count()
MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)


def acting(*roles: Role, name: str = "somebody", scope: Scope = EVERYWHERE) -> Principal:
    """Somebody who holds roles, unless said otherwise for everything."""
    return Principal(name, frozenset(Grant(role, scope) for role in roles), name)


def heard(by: str = "headteacher", on: datetime | None = None) -> Heard:
    """A side's word, told by telephone on that day or today."""
    return Heard(by, (on or datetime.now(UTC)).date(), Channel.TELEPHONE)


def told() -> dict[str, str]:
    """The same as HTTP and forms take it, beside the role of who said it."""
    word = heard()
    assert word.said_on is not None
    return {"said_on": word.said_on.isoformat(), "channel": Channel.TELEPHONE}


def new_key(session: WriteSession, *grants: Grant, label: str = "test") -> str:
    """The text of a new key with an owner of its own, an administrator's unless `grants` differ."""
    owner = f"owner {next(_OWNERS)}"
    return create_key(session, TERMINAL, label, grants or [ADMINISTRATOR], owner=owner)[1]


def establishment(urn: int, **cells: str) -> Cells:
    """A row of edubasealldata: an open community primary school, unless `cells` say otherwise."""
    named = {
        "name": "EstablishmentName",
        "la": "LA (code)",
        "la_name": "LA (name)",
        "type": "TypeOfEstablishment (code)",
        "group": "EstablishmentTypeGroup (code)",
        "status": "EstablishmentStatus (code)",
        "phase": "PhaseOfEducation (code)",
        "low": "StatutoryLowAge",
        "high": "StatutoryHighAge",
        "easting": "Easting",
        "northing": "Northing",
        "postcode": "Postcode",
        "pupils": "NumberOfPupils",
        "fsm": "PercentageFSM",
        "trust": "Trusts (code)",
        "trust_name": "Trusts (name)",
        "trust_flag": "TrustSchoolFlag (code)",
        "federation": "Federations (code)",
        "federation_name": "Federations (name)",
        "federation_flag": "FederationFlag (name)",
        "opened": "OpenDate",
        "closed": "CloseDate",
        "sixth_form": "OfficialSixthForm (name)",
        "sen1": "SEN1 (name)",
        "sen2": "SEN2 (name)",
        "region": "GOR (code)",
        "region_name": "GOR (name)",
        "district": "DistrictAdministrative (code)",
        "district_name": "DistrictAdministrative (name)",
    }
    return {
        "URN": str(urn),
        "LA (code)": "001",
        "LA (name)": "Made-up County",
        "EstablishmentName": f"Made-up School {urn}",
        "TypeOfEstablishment (code)": "1",
        "TypeOfEstablishment (name)": "Community school",
        "EstablishmentTypeGroup (code)": "4",
        "EstablishmentStatus (code)": "1",
        "PhaseOfEducation (code)": "2",
        "StatutoryLowAge": "4",
        "StatutoryHighAge": "11",
        "NumberOfPupils": "200",
        "PercentageFSM": "21.5",
        "TrustSchoolFlag (code)": "0",
        "FederationFlag (name)": "Not under a federation",
        "Postcode": "ZZ1 1AA",
        "GOR (code)": "A",
        "GOR (name)": "North East",
        "Easting": "420000",
        "Northing": "560000",
    } | {named[name]: value for name, value in cells.items()}


def group(uid: int, **cells: str) -> Cells:
    """A row of allgroupsdata: an open multi-academy trust, unless `cells` say otherwise."""
    named = {
        "name": "Group Name",
        "type": "Group Type (code)",
        "status": "Group Status (code)",
        "reference": "Group ID",
    }
    return {
        "Group UID": str(uid),
        "Group ID": f"TR{uid:05d}",
        "Group Name": f"Made-up Trust {uid}",
        "Companies House Number": "00000001",
        "Group Type (code)": "06",
        "Group Type": "Multi-academy trust",
        "Group Status (code)": "OPEN",
        "Group Status": "Open",
    } | {named[name]: value for name, value in cells.items()}


def link(urn: int, uid: int, joined: str = "") -> Cells:
    return {
        "URN": str(urn),
        "Group UID": str(uid),
        "Group Name": f"Made-up Trust {uid}",
        "Group Type (code)": "06",
        "Group Status (code)": "OPEN",
        "Joined date": joined,
    }


def spell(urn: int | str, uid: int, joined: str = "", left: str = "") -> Cells:
    return {
        "URN": str(urn),
        "Group UID": str(uid),
        "Date Joined Group": joined,
        "Date Left Group": left,
    }


def succession(urn: int, link_urn: int, kind: str, established: str = "") -> Cells:
    return {
        "URN": str(urn),
        "LinkURN": str(link_urn),
        "LinkType": kind,
        "LinkEstablishedDate": established,
    }


def write_table(
    path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, str]], encoding: str = "cp1252"
) -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, columns, restval="", quoting=csv.QUOTE_ALL)
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_gias(
    folder: Path,
    establishments: Sequence[Cells],
    *,
    groups: Sequence[Cells] | None = None,
    links: Sequence[Cells] | None = None,
    successors: Sequence[Cells] | None = None,
    memberships: Sequence[Cells] | None = None,
    without: Iterable[str] = (),
) -> GiasFiles:
    """The register's files, in cp1252; `without` are columns that the download lacks."""
    lacking = set(without)
    columns = [column for column in layout.ESTABLISHMENTS if column not in lacking]
    kept = [{c: v for c, v in row.items() if c not in lacking} for row in establishments]

    def write(name: str, layout_of: Sequence[str], rows: Sequence[Cells] | None) -> Path | None:
        return None if rows is None else write_table(folder / f"{name}.csv", layout_of, rows)

    return GiasFiles(
        write_table(folder / "edubasealldata.csv", columns, kept),
        write("allgroupsdata", layout.GROUPS, groups),
        write("alllinksdata", layout.LINKS, links),
        write("links_edubasealldata", layout.SUCCESSORS, successors),
        write("academiesmatmembership", layout.MEMBERSHIPS, memberships),
    )


def import_schools(database: Database, folder: Path, *rows: Cells) -> None:
    """Fill a database's register with these establishments, or two plain schools."""
    files = write_gias(folder, rows or (establishment(900001), establishment(900002)))
    with database.write() as session:
        import_gias(session, TERMINAL, files)


def take_in(database: Database, files: GiasFiles, today: date = MONDAY) -> ImportReport:
    with database.write() as session:
        return import_gias(session, TERMINAL, files, today=today)


def institution(database: Database, urn: int) -> tuple[Participant, Institution]:
    with database.read() as session:
        return session.execute(
            select(Participant, Institution)
            .join(Institution)
            .where(Participant.reference == f"urn:{urn}")
        ).one()
