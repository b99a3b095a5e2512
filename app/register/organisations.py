"""Importing supporting organisations: where they are, what they serve, who designated them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

from sqlalchemy import delete, func, insert, select

from app.access.policy import Action, Principal, authorise
from app.database import WriteSession
from app.errors import Fault
from app.events import touched
from app.files.findings import Findings
from app.import_kit.duplicates import note_duplicates
from app.import_kit.report import ImportReport, new_report, raise_faults, read_file, record
from app.import_kit.upsert import Counts, Row, upsert
from app.progress import Progress, silent
from app.register import facts
from app.register.england import check_position
from app.register.lookups import COUNTRY, ENGLAND
from app.register.naming import ACTING, key_of
from app.register.organisation_positions import place_organisations
from app.register.organisation_rows import AreaCode, Described, OrganisationRow, described_by
from app.register.participants import WrittenParticipants, write_participants
from app.register.plausible import Placed, note_places, outcode, schools_of
from models.register import Area, AreaServed, Designation, Group, Organisation, Participant
from models.vocabulary import AreaKind, FactKind, ParticipantKind

Regions = dict[AreaCode, str | None]
"""The region of each area of the register."""


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
    authorise(principal, Action.IMPORT, everywhere=True)
    faults = Findings()
    rows = read_file(path, OrganisationRow, faults, on_progress)
    described = described_by(path, rows, faults)
    notes = [] if faults else place_organisations(session, described)
    regions = settle(session, path.name, described, faults)
    raise_faults(faults)
    report = new_report("organisations", {"organisations": path}, faults.notes)
    report.notes += notes
    report.notes += _unlikely_places(session, described)
    named = session.execute(
        select(Participant.name, Participant.postcode, Participant.reference).where(
            Participant.kind == ParticipantKind.ORGANISATION.value
        )
    ).all()
    of_file = [(one.row.name, one.row.postcode, one.reference) for one in described]
    report.notes += note_duplicates(
        "organisation",
        (
            ((str(name).casefold(), postcode), reference.partition(":")[2], str(name))
            for name, postcode, reference in (*named, *of_file)
        ),
        {one.row.key for one in described},
    )
    store(session, principal, described, regions, report, today or datetime.now(UTC).date())
    return record(session, principal, report)


def _unlikely_places(session: WriteSession, described: list[Described]) -> list[str]:
    """Notes of postcodes that are none, and of positions that were given far from theirs."""
    given = [
        Placed(one.line, one.row.key, one.row.postcode, one.position if one.is_placed else None)
        for one in described
        if one.row.postcode is not None
    ]
    districts = {outcode(one.postcode) for one in given if one.position is not None}
    return note_places("organisation", given, schools_of(session, districts))


def settle(
    session: WriteSession, file: str, described: list[Described], faults: list[Fault]
) -> Regions:
    """Fill in the areas served; what is named and not stored goes to `faults`."""
    regions = _settle_areas(session, file, described, faults)
    _settle_groups(session, file, described, faults)
    for one in described:
        row = one.row
        outside = check_position(session, row.latitude, row.longitude, row.easting, row.northing)
        if outside is not None:
            column, reason = outside
            faults.append(Fault(file, one.line, column, str(getattr(row, column)), reason))
    return regions


def _settle_groups(
    session: WriteSession, file: str, described: list[Described], faults: list[Fault]
) -> None:
    """Link those with a trust's own key with it; no trust takes part under two keys unasked."""
    groups = {group.uid: group for group in session.scalars(select(Group))}
    uid_of_key = {
        key_of(group).upper(): uid
        for uid, group in groups.items()
        if group.open and group.kind in ACTING
    }
    made: dict[int | None, str] = dict(
        session.execute(
            select(Organisation.group_uid, Organisation.key).where(
                Organisation.follows_register, Organisation.closed.is_(None)
            )
        ).all()
    )
    keys = {one.row.key for one in described}
    stored = set(session.scalars(select(Organisation.key)))
    for one in described:
        uid = one.row.group_uid
        if uid is None and (own := uid_of_key.get(one.row.key.upper())) is not None:
            one.row = one.row.model_copy(update={"group_uid": own})
        reason = None
        if uid is not None and uid not in groups:
            reason = "is not a group in the register. Import the groups first"
        elif uid in made and made[uid] not in keys and one.row.key not in stored:
            reason = (
                f"already takes part as the organisation {made[uid]}. Use that key, or describe "
                f"{made[uid]} in the same file"
            )
        if reason:
            faults.append(Fault(file, one.line, "group_uid", str(uid), reason))


def store(
    session: WriteSession,
    principal: Principal,
    described: list[Described],
    regions: Regions,
    report: ImportReport,
    today: date,
) -> None:
    """Write organisations that were settled; a designation that one has lost ends `today`."""
    before = _what_rules_look_at(session)
    written = write_participants(
        session,
        ParticipantKind.ORGANISATION,
        Organisation,
        _places(described, regions),
        lambda ids: [_details(one.row, ids[one.reference]) for one in described],
        closes=lambda before, after: before["closed"] is None and after["closed"] is not None,
    )
    _write_areas(session, described, written)
    designations = _write_designations(session, described, written, today)
    touched.mark(session, principal.name, written.moved | written.redescribed | written.closed)
    for who, now in _what_rules_look_at(session).items():
        was = before.get(who, dict.fromkeys(now))
        for kind, name in now.items():
            if name is not None and name != was[kind]:
                facts.note(session, principal.name, kind, [(who, name)])
    written.tell(session, report, "organisations")
    report.things["designations"] = designations


def _what_rules_look_at(session: WriteSession) -> dict[int, dict[FactKind, str | None]]:
    """Of every organisation, what puts it with others in the eyes of approval rules."""
    query = select(Participant.id, Organisation.group_uid, Participant.region_code)
    return {
        who: {FactKind.GROUP: None if uid is None else str(uid), FactKind.REGION: region}
        for who, uid, region in session.execute(query.join(Organisation))
    }


def _settle_areas(
    session: WriteSession, file: str, described: list[Described], faults: list[Fault]
) -> Regions:
    by_code: Regions = {(COUNTRY, ENGLAND): None}
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
                f"could be several areas. Enter one of: {listed}"
                if areas
                else (
                    "is not an area in the register. Enter a name, or a code like "
                    "local_authority:886, region:J, district:E07000105 or country:England"
                )
            )
            faults.append(Fault(file, one.line, "areas_served", said, reason))
        one.areas = sorted(set(one.areas))
    return by_code


def _areas_named(said: str, by_code: Regions, by_name: dict[str, list[AreaCode]]) -> list[AreaCode]:
    kind, colon, rest = (part.strip() for part in said.partition(":"))
    if not colon:
        named = by_name.get(said.casefold(), [])
        wider = [area for area in named if area[0] != AreaKind.DISTRICT]
        return wider or named
    if (kind, rest) in by_code:
        return [(kind, rest)]
    return [area for area in by_name.get(rest.casefold(), []) if area[0] == kind]


def _places(described: list[Described], regions: Regions) -> Iterator[Row]:
    for one in described:
        authorities = [code for kind, code in one.areas if kind == AreaKind.LOCAL_AUTHORITY]
        served = {regions[area] for area in one.areas}
        latitude, longitude = one.position or (None, None)
        yield {
            "reference": one.reference,
            "kind": ParticipantKind.ORGANISATION.value,
            "name": one.row.name,
            "postcode": one.row.postcode,
            "easting": one.row.easting or None,
            "northing": one.row.northing or None,
            "latitude": latitude,
            "longitude": longitude,
            # Who serves one authority alone is local to it, and likewise for a region.
            "local_authority_code": authorities[0]
            if len(one.areas) == 1 == len(authorities)
            else None,
            "region_code": served.pop() if len(served) == 1 else None,
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
        "follows_register": False,
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
    session: WriteSession, described: Iterable[Described], to: WrittenParticipants, today: date
) -> Counts:
    named: dict[int, Described] = {to.ids[one.reference]: one for one in described}
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
    to.redescribed |= {key[0] for key in (*written.added, *written.changed, *written.closed)}
    return Counts(len(written.added), len(written.changed), len(written.closed), written.unchanged)
