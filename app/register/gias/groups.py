"""Trusts, federations and sponsors: from their own file, or as far as other files name them."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from sqlalchemy import select

from app.database import WriteSession
from app.files.csv_reading import read_header
from app.import_kit.report import present
from app.import_kit.upsert import Counts, Row, upsert
from app.register.gias import classification
from app.register.gias.rows import EstablishmentRow, GroupRow, LinkRow
from models.register import Group

# What is stored, and the column it comes from: without the column it is left as it is.
SOURCES = {
    "reference": "Group ID",
    "companies_house_number": "Companies House Number",
    "ukprn": "UKPRN",
    "opened": "Open date",
    "closed": "Closed Date",
}


def write_groups(session: WriteSession, path: Path, rows: list[tuple[int, GroupRow]]) -> Counts:
    columns = frozenset(read_header(path, GroupRow))
    return upsert(
        session,
        Group,
        ("uid",),
        (present(_group(row), SOURCES, columns) for _, row in rows),
        closes=lambda before, after: before["open"] and not after["open"],
    ).counts


def fill_groups(session: WriteSession, described: Iterable[Row]) -> Counts:
    """Add groups that are not there; what their own file said of the others is more."""
    stored = set(session.scalars(select(Group.uid)))
    missing = [row for row in described if row["uid"] not in stored]
    return replace(upsert(session, Group, ("uid",), missing).counts, absent=0)


def _is_open(status: str | None, closed: object) -> bool:
    return status.upper() == "OPEN" if status else closed is None


def _group(row: GroupRow) -> Row:
    return {
        "uid": row.uid,
        "reference": row.reference,
        "name": row.name,
        "kind": classification.group_kind(row.type_code).value,
        "type_code": row.type_code.zfill(2),
        "open": _is_open(row.status, row.closed),
        "companies_house_number": row.companies_house_number,
        "ukprn": row.ukprn,
        "opened": row.opened or row.incorporated,
        "closed": row.closed,
    }


def described_groups(
    links: Iterable[LinkRow], establishments: Iterable[EstablishmentRow]
) -> list[Row]:
    """Groups as links and establishments name them, for want of the groups' own file."""
    found: dict[int, Row] = {}

    def describe(
        uid: int | None,
        name: str | None,
        type_code: str,
        reference: str | None = None,
        *,
        is_open: bool = True,
    ) -> None:
        if uid is not None:
            described = {
                "uid": uid,
                "reference": reference,
                "name": name or f"Group {uid}",
                "kind": classification.group_kind(type_code).value,
                "type_code": type_code.zfill(2),
                "open": is_open,
            }
            found.setdefault(uid, described)

    for link in links:
        if link.name and link.type_code:
            is_open = _is_open(link.status, None)
            describe(link.uid, link.name, link.type_code, link.reference, is_open=is_open)
    for row in establishments:
        trust_type = classification.GROUP_TYPE_OF_TRUST_FLAG.get(row.trust_flag or 0, "06")
        describe(row.trust_uid, row.trust_name, trust_type)
        describe(row.federation_uid, row.federation_name, "01")
    return list(found.values())
