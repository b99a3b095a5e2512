"""Taking in givers that are no schools: where they are, what they serve, who named them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
from pydantic import AfterValidator, Field, StringConstraints
from sqlalchemy import delete, func, insert, select

from app.access.policy import Action, Principal, authorise
from app.csv_in import Date, Key, RowModel, Text, Whole, YesNo
from app.database import WriteSession
from app.imports import (
    Counts,
    ImportReport,
    Row,
    new_report,
    raise_faults,
    read_file,
    record,
    upsert,
)
from app.problems import Fault
from app.progress import Progress, silent
from app.register.dates import not_before
from app.register.gias_rows import Urn
from app.register.participants import WrittenParticipants, write_participants
from app.register.queries import COUNTRY, ENGLAND
from models.register import Area, AreaServed, Designation, Group, Organisation, Participant
from models.vocabulary import AreaKind, ParticipantKind
from solver.geography import GRID_HEIGHT_M, GRID_WIDTH_M, to_wgs84

POSITION_DECIMALS = 6
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
AreaCode = tuple[str, str]


class OrganisationRow(RowModel):
    """An organisation and one of its designations; further rows of a key hold only the latter."""

    examples: ClassVar = (
        {
            "key": "made-up-hub",
            "name": "Made-up Teaching School Hub",
            "kind": "teaching_school_hub",
            "latitude": "51.5",
            "longitude": "-0.5",
            "areas_served": "country:England",
            "funded": "yes",
            "opened": "2030-09-01",
            "designation": "teaching_school_hub",
            "designated_by": "Made-up department",
            "designated_from": "2030-09-01",
            "designated_to": "2034-08-31",
        },
        {
            "key": "made-up-hub",
            "designation": "english_hub",
            "designated_by": "Made-up department",
            "designated_from": "2031-09-01",
        },
    )

    key: Key
    name: Text | None = None
    kind: Slug | None = None
    group_uid: Urn | None = None
    postcode: Annotated[Text, Field(max_length=10)] | None = None
    easting: Annotated[Whole, Field(le=GRID_WIDTH_M)] | None = None
    northing: Annotated[Whole, Field(le=GRID_HEIGHT_M)] | None = None
    latitude: Annotated[float, Field(ge=49, le=61, allow_inf_nan=False)] | None = None
    longitude: Annotated[float, Field(ge=-9, le=3, allow_inf_nan=False)] | None = None
    areas_served: Annotated[str, Field(max_length=20_000)] | None = None
    funded: YesNo | None = None
    opened: Date | None = None
    closed: Annotated[Date, AfterValidator(not_before("opened"))] | None = None
    designation: Annotated[Text, Field(max_length=100)] | None = None
    designated_by: Annotated[Text, Field(max_length=100)] | None = None
    designated_from: Date | None = None
    designated_to: Annotated[Date, AfterValidator(not_before("designated_from"))] | None = None


OWN_COLUMNS = (
    "name", "kind", "group_uid", "postcode", "easting", "northing", "latitude", "longitude",
    "areas_served", "funded", "opened", "closed",
)  # fmt: skip


@dataclass(slots=True)
class Described:
    """One organisation of the file with what was settled about it."""

    line: int
    row: OrganisationRow
    areas: list[AreaCode] = field(default_factory=list)
    designations: dict[tuple[str, date | None], OrganisationRow] = field(default_factory=dict)

    @property
    def reference(self) -> str:
        return f"org:{self.row.key}"


def import_organisations(
    session: WriteSession,
    principal: Principal,
    path: Path,
    on_progress: Progress = silent,
    *,
    today: date | None = None,
) -> ImportReport:
    """Add and change organisations; those that the file does not name are kept.

    A designation that the file no longer gives to one of its organisations ends `today`.
    """
    authorise(principal, Action.IMPORT)
    faults: list[Fault] = []
    rows = read_file(path, OrganisationRow, faults, on_progress)
    described = _described(path, rows, faults)
    regions = _settle_areas(session, path, described, faults)
    uids = set(session.scalars(select(Group.uid)))
    for one in described:
        if one.row.group_uid is not None and one.row.group_uid not in uids:
            reason = "is no group of the register; import the groups first"
            faults.append(Fault(path.name, one.line, "group_uid", str(one.row.group_uid), reason))
    raise_faults(faults)
    report = new_report("organisations", {"organisations": path})
    written = write_participants(
        session,
        ParticipantKind.ORGANISATION,
        Organisation,
        _places(session, described, regions, report),
        lambda ids: [_details(one.row, ids[one.reference]) for one in described],
        closes=lambda before, after: before["closed"] is None and after["closed"] is not None,
    )
    _write_areas(session, described, written)
    report.things["organisations"] = written.finish(session)
    report.things["designations"] = _write_designations(
        session, described, written.ids, today or datetime.now(UTC).date()
    )
    return record(session, principal, report)


def _described(
    path: Path, rows: list[tuple[int, OrganisationRow]], faults: list[Fault]
) -> list[Described]:
    found: dict[str, Described] = {}

    def refuse(line: int, column: str, value: object, reason: str) -> None:
        said = None if value is None else str(value)
        faults.append(Fault(path.name, line, column, said, reason))

    for line, row in rows:
        one = found.get(row.key)
        if one is None:
            one = found[row.key] = Described(line, row)
            for column, why in _misfits(row):
                refuse(line, column, getattr(row, column), why)
        else:
            for column in OWN_COLUMNS:
                if getattr(row, column) not in (None, getattr(one.row, column)):
                    reason = f"differs from line {one.line}; leave it blank in further rows"
                    refuse(line, column, getattr(row, column), reason)
            if row.designation is None:
                refuse(line, "key", row.key, f"stands already on line {one.line}")
        if row.designation is None:
            if row.designated_by or row.designated_from or row.designated_to:
                refuse(line, "designation", None, "is missing beside who gave it and when")
        elif row.designated_by is None:
            refuse(line, "designated_by", None, "is missing; name who designated")
        elif (row.designation, row.designated_from) in one.designations:
            refuse(line, "designation", row.designation, "stands twice from the same day")
        else:
            one.designations[(row.designation, row.designated_from)] = row
    return list(found.values())


def _misfits(row: OrganisationRow) -> Iterator[tuple[str, str]]:
    for column in ("name", "kind"):
        if getattr(row, column) is None:
            yield column, "is missing from the first row of this key"
    for one, other in (("easting", "northing"), ("latitude", "longitude")):
        if (getattr(row, one) is None) != (getattr(row, other) is None):
            missing = one if getattr(row, one) is None else other
            yield missing, "is missing; a position has both parts"
    if row.easting is not None and row.latitude is not None:
        yield "latitude", "stands beside an easting; give one position"


def _settle_areas(
    session: WriteSession, path: Path, described: list[Described], faults: list[Fault]
) -> dict[AreaCode, str | None]:
    """Fill in the areas served; returns the region of each area of the register."""
    by_code: dict[AreaCode, str | None] = {(COUNTRY, ENGLAND): None}
    by_name: dict[str, list[AreaCode]] = {"england": [(COUNTRY, ENGLAND)]}
    for kind, code, name, region in session.execute(
        select(Area.kind, Area.code, Area.name, Area.region_code)
    ):
        by_code[(kind, code)] = code if kind == AreaKind.REGION else region
        by_name.setdefault(name.casefold(), []).append((kind, code))
    for one in described:
        for part in (one.row.areas_served or "").split(";"):
            if not (said := part.strip()):
                continue
            areas = _areas_named(said, by_code, by_name)
            if len(areas) == 1:
                one.areas.append(areas[0])
                continue
            listed = ", ".join(f"{kind}:{code}" for kind, code in areas)
            reason = (
                f"may be {listed}; write one of these"
                if areas
                else (
                    "is no area of the register; write local_authority:886, region:J, "
                    "district:E07000105, country:England, or a name"
                )
            )
            faults.append(Fault(path.name, one.line, "areas_served", said, reason))
        one.areas = sorted(set(one.areas))
    return by_code


def _areas_named(
    said: str, by_code: dict[AreaCode, str | None], by_name: dict[str, list[AreaCode]]
) -> list[AreaCode]:
    kind, colon, rest = (part.strip() for part in said.partition(":"))
    if not colon:
        named = by_name.get(said.casefold(), [])
        wider = [area for area in named if area[0] != AreaKind.DISTRICT]
        return wider or named
    if (kind, rest) in by_code:
        return [(kind, rest)]
    return [area for area in by_name.get(rest.casefold(), []) if area[0] == kind]


def _places(
    session: WriteSession,
    described: list[Described],
    regions: dict[AreaCode, str | None],
    report: ImportReport,
) -> list[Row]:
    """Positions as given, else the middle of the schools of the postcode's district."""
    unknown = float("nan")
    latitudes, longitudes = to_wgs84(
        np.array([one.row.easting or unknown for one in described], dtype=np.float64),
        np.array([one.row.northing or unknown for one in described], dtype=np.float64),
    )
    middles: dict[str, tuple[float, float]] | None = None
    estimated = 0
    places = []
    for one, grid_latitude, grid_longitude in zip(
        described, latitudes.tolist(), longitudes.tolist(), strict=True
    ):
        position = (one.row.latitude, one.row.longitude)
        if grid_latitude == grid_latitude:
            position = (grid_latitude, grid_longitude)
        elif one.row.latitude is None and one.row.postcode:
            middles = _middles(session) if middles is None else middles
            position = middles.get(outcode(one.row.postcode), (None, None))
            estimated += position[0] is not None
        authorities = [code for kind, code in one.areas if kind == AreaKind.LOCAL_AUTHORITY]
        served = {regions[area] for area in one.areas}
        places.append(
            {
                "reference": one.reference,
                "kind": ParticipantKind.ORGANISATION.value,
                "name": one.row.name,
                "postcode": one.row.postcode,
                "easting": one.row.easting or None,
                "northing": one.row.northing or None,
                "latitude": _rounded(position[0]),
                "longitude": _rounded(position[1]),
                # Who serves one authority alone is local to it, and likewise for a region.
                "local_authority_code": authorities[0]
                if len(one.areas) == 1 == len(authorities)
                else None,
                "region_code": served.pop() if len(served) == 1 else None,
            }
        )
    if estimated:
        report.notes.append(
            f"{estimated:,} placed by postcode in the middle of the schools of its district."
        )
    return places


def outcode(postcode: str) -> str:
    """The postcode's district: all but the last three characters."""
    return postcode.replace(" ", "").upper()[:-3]


def _rounded(degrees: float | None) -> float | None:
    return None if degrees is None else round(degrees, POSITION_DECIMALS)


def _middles(session: WriteSession) -> dict[str, tuple[float, float]]:
    spots: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for postcode, latitude, longitude in session.execute(
        select(Participant.postcode, Participant.latitude, Participant.longitude).where(
            Participant.kind == ParticipantKind.INSTITUTION.value
        )
    ):
        if postcode and latitude is not None and longitude is not None:
            spots[outcode(postcode)].append((latitude, longitude))
    return {
        code: (sum(s[0] for s in near) / len(near), sum(s[1] for s in near) / len(near))
        for code, near in spots.items()
    }


def _details(row: OrganisationRow, participant_id: int) -> Row:
    return {
        "participant_id": participant_id,
        "key": row.key,
        "kind": row.kind,
        "group_uid": row.group_uid,
        "funded": bool(row.funded),
        "opened": row.opened,
        "closed": row.closed,
    }


def _write_areas(
    session: WriteSession, described: Iterable[Described], written: WrittenParticipants
) -> None:
    """Replace the areas of the organisations whose areas differ from what is stored."""
    stored: dict[int, set[AreaCode]] = defaultdict(set)
    for participant_id, kind, code in session.execute(
        select(AreaServed.participant_id, AreaServed.area_kind, AreaServed.area_code)
    ):
        stored[participant_id].add((kind, code))
    for one in described:
        participant_id = written.ids[one.reference]
        if stored[participant_id] == set(one.areas):
            continue
        session.execute(delete(AreaServed).where(AreaServed.participant_id == participant_id))
        if one.areas:
            session.execute(
                insert(AreaServed),
                [
                    {"participant_id": participant_id, "area_kind": kind, "area_code": code}
                    for kind, code in one.areas
                ],
            )
        written.redescribed.add(participant_id)


def _write_designations(
    session: WriteSession, described: Iterable[Described], ids: dict[str, int], today: date
) -> Counts:
    named: dict[int, Described] = {ids[one.reference]: one for one in described}
    rows = [
        {
            "participant_id": participant_id,
            "name": name,
            "starts": starts,
            "designated_by": row.designated_by,
            "ends": row.designated_to,
        }
        for participant_id, one in named.items()
        for (name, starts), row in one.designations.items()
    ]
    rows += [
        {
            "participant_id": gone.participant_id,
            "name": gone.name,
            "starts": gone.starts,
            "designated_by": gone.designated_by,
            "ends": max(today, gone.starts or today),
        }
        for gone in session.scalars(
            select(Designation).where(func.coalesce(Designation.ends, date.max) > today)
        )
        if gone.participant_id in named
        and (gone.name, gone.starts) not in named[gone.participant_id].designations
    ]
    written = upsert(
        session,
        Designation,
        ("participant_id", "name", "starts"),
        rows,
        among=Designation.participant_id.in_(sorted(named)),
        closes=lambda before, after: before["ends"] is None and after["ends"] is not None,
    )
    return Counts(len(written.added), len(written.changed), len(written.closed), written.unchanged)
