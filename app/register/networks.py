"""Taking in families of schools, alliances and other groups that agreed to work together."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import AfterValidator
from sqlalchemy import select, update

from app.access.policy import Action, Principal, authorise
from app.database import WriteSession
from app.errors import Fault
from app.files.csv_reading import Date, Key, ParticipantCell, RowModel, SlugCell, Text
from app.files.findings import Findings
from app.import_kit.duplicates import note_duplicates
from app.import_kit.report import (
    ImportReport,
    check_unique,
    new_report,
    raise_faults,
    read_file,
    record,
)
from app.import_kit.upsert import Row, Upserted, upsert
from app.progress import Progress, silent
from app.register import facts
from app.register.dates import not_before
from app.register.group_actors import name_participants
from models.register import Network, NetworkMembership
from models.vocabulary import FactKind


class NetworkRow(RowModel):
    """One member; name and kind may be blank after the network's first row."""

    examples: ClassVar = (
        {
            "key": "made-up-family",
            "name": "Made-up Family of Schools",
            "kind": "family",
            "member": "900001",
            "starts": "2030-09-01",
        },
        {"key": "made-up-family", "member": "900002", "starts": "2031-01-01"},
    )

    key: Key
    name: Text | None = None
    kind: SlugCell | None = None
    member: ParticipantCell
    starts: Date | None = None
    ends: Annotated[Date, AfterValidator(not_before("starts"))] | None = None


def import_networks(
    session: WriteSession,
    principal: Principal,
    path: Path,
    on_progress: Progress = silent,
    *,
    today: date | None = None,
) -> ImportReport:
    """Add and change networks and their members; networks not in the file are kept.

    A member that the file no longer gives to one of its networks leaves it `today`.
    """
    authorise(principal, Action.IMPORT, everywhere=True)
    faults = Findings()
    rows = read_file(path, NetworkRow, faults, on_progress)
    named = name_participants(session, principal, {row.member for _, row in rows})
    stored = {
        tuple(one)
        for one in session.execute(
            select(Network.key, NetworkMembership.participant_id, NetworkMembership.starts).join(
                Network
            )
        )
    }

    def who(row: NetworkRow) -> str:
        return named.reference(row.member, lambda old: (row.key, old, row.starts) in stored)

    check_unique(path, rows, "member", lambda row: (row.key, who(row), row.starts), faults)
    networks = _networks(path, rows, faults)
    for line, row in rows:
        if who(row) not in named.ids:
            reason = named.why_not(row.member)
            faults.append(Fault(path.name, line, "member", row.member, reason))
    raise_faults(faults)
    report = new_report("networks", {"networks": path}, faults.notes)
    known = session.execute(select(Network.key, Network.name)).all()
    own_names = [(one["key"], one["name"]) for one in networks.values()]
    report.notes += note_duplicates(
        "network",
        ((name.casefold(), key, name) for key, name in (*known, *own_names)),
        set(networks),
    )
    own = upsert(session, Network, ("key",), networks.values())
    ids: dict[str, int] = dict(
        session.execute(
            select(Network.key, Network.id)
            .where(Network.key.in_(sorted(networks)))
            .order_by(Network.id)
            .with_for_update()
        ).all()
    )
    members = [
        {
            "network_id": ids[row.key],
            "participant_id": named.ids[who(row)],
            "starts": row.starts,
            "ends": row.ends,
        }
        for _, row in rows
    ]
    day = today or datetime.now(UTC).date()
    written = _write_members(session, members, ids.values(), day)
    key_of = {network_id: key for key, network_id in ids.items()}
    placed = [(key[1], key_of[key[0]]) for key in (*written.added, *written.changed)]
    facts.note(session, principal.name, FactKind.NETWORK, placed)
    moved = {key[0] for key in (*written.added, *written.changed, *written.closed)}
    counted = {ids[key[0]] for key in (*own.added, *own.changed)}
    session.execute(
        update(Network)
        .where(Network.id.in_(sorted(moved - counted)))
        .values(version=Network.version + 1)
    )
    # Who had left before is history, and nothing that the file lacks.
    report.wrote(session, "networks", own)
    report.wrote(session, "members", written)
    report.things["members"] = replace(written.counts, absent=0)
    report.notes += named.notes
    return record(session, principal, report)


def _networks(
    path: Path, rows: list[tuple[int, NetworkRow]], faults: list[Fault]
) -> dict[str, Row]:
    found: dict[str, Row] = {}
    first: dict[str, int] = {}
    for line, row in rows:
        if row.key not in found:
            found[row.key] = {"key": row.key, "name": row.name, "kind": row.kind}
            first[row.key] = line
            for column in ("name", "kind"):
                if getattr(row, column) is None:
                    reason = "is missing. Enter it in the first row of the network"
                    faults.append(Fault(path.name, line, column, None, reason))
            continue
        for column in ("name", "kind"):
            said = getattr(row, column)
            if said not in (None, found[row.key][column]):
                reason = (
                    f"is different on line {first[row.key]:,}. Use one {column} for each network"
                )
                faults.append(Fault(path.name, line, column, said, reason))
    return found


def _write_members(
    session: WriteSession, members: list[Row], network_ids: Iterable[int], today: date
) -> Upserted:
    among = NetworkMembership.network_id.in_(sorted(network_ids))
    named = {(row["network_id"], row["participant_id"], row["starts"]) for row in members}
    gone = [
        {
            "network_id": one.network_id,
            "participant_id": one.participant_id,
            "starts": one.starts,
            "ends": max(today, one.starts or today),
        }
        for one in session.scalars(select(NetworkMembership).where(among))
        if (one.network_id, one.participant_id, one.starts) not in named
        and (one.ends is None or one.ends > today)
    ]
    return upsert(
        session,
        NetworkMembership,
        ("network_id", "participant_id", "starts"),
        members + gone,
        among=among,
        closes=lambda before, after: before["ends"] is None and after["ends"] is not None,
    )
