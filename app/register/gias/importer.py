"""Importing the public register: institutions, groups, areas, and who was where when."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
from sqlalchemy import select

from app.access.policy import Action, Principal, authorise
from app.database import WriteSession
from app.errors import Fault
from app.files.csv_reading import R, read_header
from app.files.findings import Findings, Notes
from app.import_kit.report import (
    ImportReport,
    check_unique,
    new_report,
    present,
    raise_faults,
    read_file,
    record,
    watched,
)
from app.import_kit.upsert import Counts, Key, Row, upsert
from app.progress import Progress, silent
from app.register.england import may_be_in_england
from app.register.gias import classification
from app.register.gias.groups import described_groups, fill_groups, write_groups
from app.register.gias.memberships import check_memberships, write_memberships
from app.register.gias.rows import (
    EstablishmentRow,
    GroupRow,
    LinkRow,
    MembershipRow,
    SuccessorRow,
)
from app.register.gias.successions import check_successors, successions
from app.register.group_actors import follow_register
from app.register.participants import WrittenParticipants, write_participants
from app.register.plausible import Placed, note_places
from app.register.successors.carry_over import things
from app.register.successors.changes import look_after, standings
from app.register.successors.open_items import open_items
from app.register.successors.wording import closed_group
from app.search_index import refresh
from app.wording import counted
from models.register import Area, Group, Institution, Succession
from models.vocabulary import AreaKind, ParticipantKind
from solver.pairing.geography import to_wgs84

POSITION_DECIMALS = 6
"""Degrees are kept to about 0.1 m, so that they compare equal on every machine."""
NAMES_A_GROUP = ("URN", "Group UID", "Trusts (code)", "Federations (code)")
"""Columns of the files that say which groups there are, and who is in them."""
NOT_APPLICABLE_CODES = frozenset({"Z", "999", "000"})

# What is stored, and the column it comes from: without the column it is left as it is.
PARTICIPANT_SOURCES = {
    "town": "Town",
    "postcode": "Postcode",
    "easting": "Easting",
    "northing": "Northing",
    "latitude": "Easting",
    "longitude": "Easting",
    "region_code": "GOR (code)",
    "district_code": "DistrictAdministrative (code)",
}
INSTITUTION_SOURCES = {
    "establishment_number": "EstablishmentNumber",
    "ukprn": "UKPRN",
    "type_group_code": "EstablishmentTypeGroup (code)",
    "phase_code": "PhaseOfEducation (code)",
    "phases": "PhaseOfEducation (code)",
    "low_age": "StatutoryLowAge",
    "high_age": "StatutoryHighAge",
    "gender": "Gender (name)",
    "religious_character": "ReligiousCharacter (name)",
    "diocese": "Diocese (name)",
    "admissions_policy": "AdmissionsPolicy (name)",
    "urban_rural": "UrbanRural (name)",
    "pupils": "NumberOfPupils",
    "capacity": "SchoolCapacity",
    "free_school_meals_percent": "PercentageFSM",
    "sen_types": "SEN1 (name)",
    "resourced_provision": "TypeOfResourcedProvision (name)",
    "resourced_provision_pupils": "ResourcedProvisionOnRoll",
    "resourced_provision_capacity": "ResourcedProvisionCapacity",
    "sen_unit_pupils": "SenUnitOnRoll",
    "sen_unit_capacity": "SenUnitCapacity",
    "trust_flag": "TrustSchoolFlag (code)",
    "open_date": "OpenDate",
    "close_date": "CloseDate",
    "register_changed": "LastChangedDate",
}


@dataclass(frozen=True, slots=True)
class GiasFiles:
    """The register's downloads of one day; history stays unknown without the last two."""

    establishments: Path
    groups: Path | None = None
    links: Path | None = None
    successors: Path | None = None
    memberships: Path | None = None

    @property
    def paths(self) -> dict[str, Path]:
        named = {
            "establishments": self.establishments,
            "groups": self.groups,
            "links": self.links,
            "successors": self.successors,
            "memberships": self.memberships,
        }
        return {role: path for role, path in named.items() if path is not None}


@dataclass(frozen=True, slots=True)
class GiasRows:
    """What the files say, with line numbers; a file that was not given has no rows."""

    notes: Notes
    columns: frozenset[str]
    establishments: list[tuple[int, EstablishmentRow]]
    groups: list[tuple[int, GroupRow]]
    links: list[tuple[int, LinkRow]]
    successors: list[tuple[int, SuccessorRow]]
    memberships: list[tuple[int, MembershipRow]]


def import_gias(
    session: WriteSession,
    principal: Principal,
    files: GiasFiles,
    on_progress: Progress = silent,
    *,
    today: date | None = None,
) -> ImportReport:
    """Bring the register up to `files`, all of them or none.

    What the files no longer name is kept: institutions are counted as absent, memberships are
    ended as of `today`. A column that a download lacks leaves what is stored as it is. What is
    open at an institution that closed follows its successor, where the links name one.
    """
    authorise(principal, Action.IMPORT, everywhere=True)
    rows = _read(session, files, on_progress)
    today = today or datetime.now(UTC).date()
    before = standings(session, today)
    report = new_report("gias", files.paths, rows.notes)
    report.things["areas"] = _write_areas(session, rows.establishments)
    report.things["groups"] = (
        write_groups(session, files.groups, rows.groups)
        if files.groups
        else fill_groups(session, _described(rows))
    )
    _write_institutions(session, files, rows, on_progress).tell(session, report, "institutions")
    on_progress("Writing memberships", 0.0)
    report.things["memberships"], notes = write_memberships(
        session,
        principal.name,
        [row for _, row in rows.establishments],
        [row for _, row in rows.links] if files.links else None,
        [row for _, row in rows.memberships],
        today,
    )
    refresh(session)
    followed, closed_groups = follow_register(session, principal, today)
    items = open_items(session, [who.id for who, _ in closed_groups], today)
    notes += [
        closed_group(who.name, key, items[who.id])
        for who, key in closed_groups
        if items[who.id].any_work
    ]
    if followed.any_change:
        report.things["organisations"] = followed
    if files.successors:
        found, left_out = successions(row for _, row in rows.successors)
        written = upsert(session, Succession, ("predecessor_urn", "successor_urn"), found)
        report.wrote(session, "successions", written)
        if left_out:
            notes.append(f"Left out: {counted(left_out, 'link')} that are not successions.")
    on_progress("Looking after what hangs on closed institutions", 0.0)
    report.affected, carried = look_after(session, principal.name, before, today)
    if moved := sum(count for _, count in things(carried)):
        report.things["carried_over"] = Counts(changed=moved)
    report.notes += notes + _notes(rows)
    return record(session, principal, report)


def _read(session: WriteSession, files: GiasFiles, on_progress: Progress) -> GiasRows:
    faults = Findings()

    def read(path: Path | None, model: type[R]) -> list[tuple[int, R]]:
        if path is None:
            return []
        return read_file(path, model, faults, on_progress, ignore_unknown=True)

    establishments = read(files.establishments, EstablishmentRow)
    rows = GiasRows(
        notes=faults.notes,
        columns=frozenset()
        if faults
        else frozenset(read_header(files.establishments, EstablishmentRow)),
        establishments=establishments,
        groups=read(files.groups, GroupRow),
        links=read(files.links, LinkRow),
        successors=read(files.successors, SuccessorRow),
        memberships=read(files.memberships, MembershipRow),
    )
    check_unique(files.establishments, rows.establishments, "URN", lambda row: row.urn, faults)
    if files.groups:
        check_unique(files.groups, rows.groups, "Group UID", lambda row: row.uid, faults)
    if files.links:
        check_unique(files.links, rows.links, "Group UID", lambda row: (row.urn, row.uid), faults)
    if files.successors:
        check_successors(files.successors, rows.successors, faults)
    if not any(each.column in (None, *NAMES_A_GROUP) for each in faults):
        # What stands where a group could not be read would make others look unknown.
        _check_references(session, files, rows, faults)
    raise_faults(faults)
    return rows


def _check_references(
    session: WriteSession, files: GiasFiles, rows: GiasRows, faults: list[Fault]
) -> None:
    uids = set(session.scalars(select(Group.uid)))
    if files.groups:
        uids.update(row.uid for _, row in rows.groups)
    else:
        uids.update(row["uid"] for row in _described(rows))
    check_memberships(files.paths, rows.establishments, rows.links, rows.memberships, uids, faults)


def _described(rows: GiasRows) -> list[Row]:
    return described_groups((row for _, row in rows.links), (row for _, row in rows.establishments))


def _participants(rows: GiasRows) -> Iterator[Row]:
    unknown = float("nan")
    easting, northing = (
        np.array([value or unknown for value in values], dtype=np.float64)
        for values in (
            [row.easting for _, row in rows.establishments],
            [row.northing for _, row in rows.establishments],
        )
    )
    latitudes, longitudes = to_wgs84(easting, northing)
    for (_, row), latitude, longitude in zip(
        rows.establishments, latitudes.tolist(), longitudes.tolist(), strict=True
    ):
        known = latitude == latitude
        participant = {
            "reference": f"urn:{row.urn}",
            "kind": ParticipantKind.INSTITUTION.value,
            "name": row.name,
            "town": row.town,
            "postcode": row.postcode,
            "easting": row.easting if known else None,
            "northing": row.northing if known else None,
            "latitude": round(latitude, POSITION_DECIMALS) if known else None,
            "longitude": round(longitude, POSITION_DECIMALS) if known else None,
            "local_authority_code": row.la_code,
            "region_code": _code(row.region_code),
            "district_code": _code(row.district_code),
        }
        yield present(participant, PARTICIPANT_SOURCES, rows.columns)


def _code(code: str | None) -> str | None:
    return None if code in NOT_APPLICABLE_CODES else code


def _institutions(files: GiasFiles, rows: GiasRows, ids: dict[str, int]) -> Iterator[Row]:
    history = {"history": "known"} if files.successors and files.memberships else {}
    for _, row in rows.establishments:
        institution: Row = {
            "participant_id": ids[f"urn:{row.urn}"],
            "urn": row.urn,
            "establishment_number": row.establishment_number,
            "ukprn": row.ukprn,
            "type_code": row.type_code,
            "type_name": row.type_name,
            "type_group_code": row.type_group_code,
            "status_code": row.status_code,
            "phase_code": row.phase_code,
            "phases": classification.phases(
                row.phase_code, row.low_age, row.high_age, row.sixth_form
            ),
            "low_age": row.low_age,
            "high_age": row.high_age,
            "gender": row.gender,
            "religious_character": row.religious_character,
            "diocese": row.diocese,
            "admissions_policy": row.admissions_policy,
            "urban_rural": row.urban_rural,
            "pupils": row.pupils,
            "capacity": row.capacity,
            "free_school_meals_percent": row.free_school_meals_percent,
            "sen_types": classification.sen_types(row.sen_needs),
            "resourced_provision": classification.resourced_provision(row.resourced_provision),
            "resourced_provision_pupils": row.resourced_provision_pupils,
            "resourced_provision_capacity": row.resourced_provision_capacity,
            "sen_unit_pupils": row.sen_unit_pupils,
            "sen_unit_capacity": row.sen_unit_capacity,
            "specialist": row.type_code in classification.SPECIALIST_TYPES,
            "alternative_provision": row.type_code in classification.ALTERNATIVE_PROVISION_TYPES,
            "fee_paying": row.type_code in classification.FEE_PAYING_TYPES,
            "in_scope": classification.in_scope(row.status_code, row.type_code),
            "trust_flag": row.trust_flag,
            "open_date": row.open_date,
            "close_date": row.close_date,
            "register_changed": row.register_changed,
        }
        yield present(institution, INSTITUTION_SOURCES, rows.columns) | history


def _write_institutions(
    session: WriteSession, files: GiasFiles, rows: GiasRows, on_progress: Progress
) -> WrittenParticipants:
    total = len(rows.establishments)
    return write_participants(
        session,
        ParticipantKind.INSTITUTION,
        Institution,
        watched(_participants(rows), total, "Writing institutions", on_progress),
        lambda ids: watched(
            _institutions(files, rows, ids), total, "Writing their details", on_progress
        ),
        closes=lambda before, after: (
            before["status_code"] != classification.CLOSED_STATUS
            and after["status_code"] == classification.CLOSED_STATUS
        ),
    )


def _most_common(values: Iterable[str | None]) -> str | None:
    counted = Counter(value for value in values if value is not None)
    return min(counted, key=lambda value: (-counted[value], value)) if counted else None


def _write_areas(
    session: WriteSession, establishments: list[tuple[int, EstablishmentRow]]
) -> Counts:
    names: dict[Key, list[str | None]] = defaultdict(list)
    regions: dict[Key, list[str | None]] = defaultdict(list)
    for _, row in establishments:
        region = _code(row.region_code)
        for kind, code, name in (
            (AreaKind.REGION, region, row.region_name),
            (AreaKind.LOCAL_AUTHORITY, _code(row.la_code), row.la_name),
            (AreaKind.DISTRICT, _code(row.district_code), row.district_name),
        ):
            if code is not None:
                names[(kind.value, code)].append(name)
                regions[(kind.value, code)].append(None if kind is AreaKind.REGION else region)
    areas = [
        {
            "kind": kind,
            "code": code,
            "name": _most_common(names[(kind, code)]) or code,
            "region_code": _most_common(regions[(kind, code)]),
        }
        for kind, code in sorted(names)
    ]
    return replace(upsert(session, Area, ("kind", "code"), areas).counts, absent=0)


def _notes(rows: GiasRows) -> list[str]:
    without = sum(1 for _, row in rows.establishments if not (row.easting and row.northing))
    placed = [
        (line, row)
        for line, row in rows.establishments
        if row.easting and row.northing and classification.in_scope(row.status_code, row.type_code)
    ]
    latitudes, longitudes = to_wgs84(
        np.array([row.easting for _, row in placed], dtype=np.float64),
        np.array([row.northing for _, row in placed], dtype=np.float64),
    )
    outside = [
        str(row.urn)
        for (_, row), latitude, longitude in zip(
            placed, latitudes.tolist(), longitudes.tolist(), strict=True
        )
        if not may_be_in_england(latitude, longitude)
    ]
    notes = []
    if without:
        are = "institution has" if without == 1 else "institutions have"
        notes.append(f"{without:,} {are} no known position. It was left as unknown.")
    notes += note_places(
        "institution",
        [
            Placed(line, str(row.urn), row.postcode, (latitude, longitude))
            for (line, row), latitude, longitude in zip(
                placed, latitudes.tolist(), longitudes.tolist(), strict=True
            )
            if row.postcode is not None
        ],
    )
    # A made-up register lies at sea as a whole, so that nobody takes it for a real one.
    if 0 < len(outside) <= len(placed) / 2:
        are = "institution has" if len(outside) == 1 else "institutions have"
        notes.append(
            f"{len(outside):,} {are} a position at sea or outside England, kept as it is. Check "
            f"the easting and northing of {', '.join(outside[:5])}."
        )
    return notes
