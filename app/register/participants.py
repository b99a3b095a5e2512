"""Writing participants: the row that all share, and what an institution or organisation adds."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select, update

from app.chunks import chunked
from app.database import WriteSession
from app.import_kit.changes import changes_of
from app.import_kit.report import ImportReport
from app.import_kit.upsert import Counts, Row, Upserted, upsert
from app.search_index import refresh
from models.base import Base
from models.register import Participant
from models.vocabulary import ParticipantKind


@dataclass(slots=True)
class WrittenParticipants:
    """Which participants a file added, changed and closed, by id."""

    ids: dict[str, int]
    total: int
    added: set[int]
    moved: set[int]
    """Whose own row changed, and with it their version."""
    redescribed: set[int]
    closed: set[int]
    absent: int
    upserted: tuple[Upserted, Upserted]
    """The rows that all share, and the details."""

    def tell(self, session: WriteSession, report: ImportReport, thing: str) -> None:
        """Count them, and tell their first changes; details of new ones go without saying."""
        _, more = self.upserted
        report.things[thing] = self.finish(session)
        more.shown = [row for row in more.shown if row[1] is not None]
        for written in self.upserted:
            report.changes += changes_of(session, thing, written)

    def finish(self, session: WriteSession) -> Counts:
        """Raise the versions of those of whom only details changed, and count all."""
        touched = sorted((self.redescribed | self.closed) - self.moved - self.added)
        for ids in chunked(touched):
            session.execute(
                update(Participant)
                .where(Participant.id.in_(ids))
                .values(version=Participant.version + 1, updated_at=datetime.now(UTC))
                .execution_options(synchronize_session=False)
            )
        changed = (self.moved | self.redescribed) - self.closed - self.added
        unchanged = self.total - len(self.added) - len(changed) - len(self.closed)
        return Counts(len(self.added), len(changed), len(self.closed), unchanged, self.absent)


def write_participants(
    session: WriteSession,
    kind: ParticipantKind,
    model: type[Base],
    places: Iterable[Row],
    details: Callable[[dict[str, int]], Iterable[Row]],
    closes: Callable[[Mapping[str, Any], Mapping[str, Any]], bool],
) -> WrittenParticipants:
    """Write participants by reference, then `details` (of their ids by reference) in `model`."""
    among = Participant.kind == kind.value
    own = upsert(session, Participant, ("reference",), places, among=among)
    query = select(Participant.reference, Participant.id).where(among)
    ids: dict[str, int] = dict(session.execute(query).all())
    refresh(session, [ids[key[0]] for key in (*own.added, *own.changed)])
    more = upsert(session, model, ("participant_id",), details(ids), closes=closes)
    return WrittenParticipants(
        ids=ids,
        total=len(own.added) + len(own.changed) + own.unchanged,
        added={ids[key[0]] for key in own.added},
        moved={ids[key[0]] for key in own.changed},
        redescribed={key[0] for key in more.changed},
        closed={key[0] for key in more.closed},
        absent=own.absent,
        upserted=(own, more),
    )
