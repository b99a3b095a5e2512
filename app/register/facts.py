"""Who changed the facts that approval rules look at; kept, whatever is so now."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import insert

from app.database import WriteSession, database_now
from app.events import touched
from models.register import Circumstance, FactChange
from models.vocabulary import FactKind


def note(
    session: WriteSession,
    actor: str,
    kind: FactKind,
    changed: Iterable[tuple[int, str | None]],
    **more: Any,
) -> None:
    """Write down that `actor` changed a fact of participants, each with its name if it has one."""
    who = {"kind": kind, "changed_by": actor, "changed_at": database_now(session)}
    rows = [
        {"participant_id": participant_id, "name": name, **who, **more}
        for participant_id, name in sorted(set(changed), key=str)
    ]
    if rows:
        session.execute(insert(FactChange), rows)


def note_ended(session: WriteSession, actor: str, ended: Iterable[tuple[int, str]]) -> None:
    """The same of circumstances, by participant and kind, that were given an earlier end."""
    ended = list(ended)
    note(session, actor, FactKind.CIRCUMSTANCE, ended)
    touched.mark(session, actor, (participant_id for participant_id, _ in ended), ended=ended)


def note_deleted(session: WriteSession, actor: str, gone: Circumstance, reason: str) -> None:
    """The same of a circumstance that is deleted: what it was stays on record, and why."""
    was = {
        "starts": gone.starts.isoformat(),
        "ends": None if gone.ends is None else gone.ends.isoformat(),
        "source": gone.source,
    }
    ended = [(gone.participant_id, gone.kind)]
    note(session, actor, FactKind.CIRCUMSTANCE, ended, deleted=was, reason=reason)
    touched.mark(session, actor, [gone.participant_id], ended=ended)
