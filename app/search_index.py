"""The text by which institutions, organisations and groups are searched, kept beside their rows.

`participant_search` and `group_search` have the columns `rowid`, the id, and `search_text`: tables
of trigrams by FTS5 on SQLite, and with an index by `pg_trgm` on PostgreSQL. SQLite does not trust
triggers with them, so that `follow` writes them with every flush, and imports call `refresh`.
"""

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import Integer, String, column, delete, insert, select, table
from sqlalchemy.orm import Session, UOWTransaction

from app.chunks import chunked
from app.folding import folded
from models.register import Area, Group, Participant
from models.vocabulary import AreaKind


def _search_table(name: str) -> Any:
    return table(name, column("rowid", Integer), column("search_text", String))


PARTICIPANT_SEARCH: Final = _search_table("participant_search")
GROUP_SEARCH: Final = _search_table("group_search")
BAR: Final = "|"
"""Ends the name; what follows it is where somebody is."""
_PARTICIPANTS: Final = select(
    Participant.id, Participant.name, Participant.town, Participant.postcode, Area.name
).outerjoin(
    Area,
    (Area.kind == AreaKind.LOCAL_AUTHORITY.value) & (Area.code == Participant.local_authority_code),
)
_GROUPS: Final = select(Group.id, Group.name)


def search_text(
    name: str, town: str | None = None, postcode: str | None = None, authority: str | None = None
) -> str:
    """The folded name and, after a bar, town, local authority, and postcode with and without space.

    Each word has a space before and after it.
    """
    code = (postcode or "").lower()
    place = folded(f"{town or ''}  {authority or ''}")
    return f"{folded(name)}{BAR}{place} {code} {''.join(code.split())} "


def refresh(
    session: Session, participants: Collection[int] | None = None, groups: Collection[int] = ()
) -> None:
    """Bring the texts of participants and groups, by id, up to their rows; none: of all."""
    everything = participants is None
    for searched, query, key, ids in (
        (PARTICIPANT_SEARCH, _PARTICIPANTS, Participant.id, participants),
        (GROUP_SEARCH, _GROUPS, Group.id, None if everything else groups),
    ):
        if ids is None:
            _write(session, searched, query, select(searched.c.rowid, searched.c.search_text))
            continue
        for some in chunked(sorted(ids)):
            kept = select(searched.c.rowid, searched.c.search_text)
            kept = kept.where(searched.c.rowid.in_(some))
            _write(session, searched, query.where(key.in_(some)), kept)


def _write(session: Session, searched: Any, query: Any, kept: Any) -> None:
    connection = session.connection()
    stored: dict[int, str] = dict(connection.execute(kept).all())
    texts = {row[0]: search_text(*row[1:]) for row in connection.execute(query)}
    changed = {rowid for rowid, text in stored.items() if texts.get(rowid) != text}
    for some in chunked(sorted(changed)):
        connection.execute(delete(searched).where(searched.c.rowid.in_(some)))
    new = [
        {"rowid": rowid, "search_text": text}
        for rowid, text in texts.items()
        if rowid not in stored or rowid in changed
    ]
    if new:
        connection.execute(insert(searched), new)


def follow(session: Session, _: UOWTransaction) -> None:
    """After a flush: the texts of participants and groups that it wrote or deleted."""
    ids: dict[type[Any], set[int]] = {Participant: set(), Group: set()}
    for one in (*session.new, *session.dirty, *session.deleted):
        if isinstance(one, Participant | Group):
            ids[type(one)].add(one.id)
    if ids[Participant] or ids[Group]:
        refresh(session, ids[Participant], ids[Group])
