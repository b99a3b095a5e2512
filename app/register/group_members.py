"""Who belongs to a trust, federation or other group, and when: schools and central teams alike."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from sqlalchemy import ColumnElement, FromClause, or_, select, union_all
from sqlalchemy.orm import Session

from models.register import Group, Membership, Organisation

MEMBERS: Final = union_all(
    select(
        Membership.participant_id,
        Membership.group_id,
        Membership.joined,
        Membership.left,
    ),
    select(
        Organisation.participant_id,
        Group.id,
        Organisation.opened,
        Organisation.closed,
    ).join(Group, Group.uid == Organisation.group_uid),
).subquery("group_member")
"""`participant_id`, `group_id`, `joined`, `left` (the first day out) of every member ever.

An institution belongs by its membership, an organisation by its `group_uid`.
"""


def belongs_on(day: date, members: FromClause = MEMBERS) -> ColumnElement[bool]:
    """Whether a row of `MEMBERS`, or of an alias of it, holds on `day`."""
    joined, left = members.c.joined, members.c.left
    return or_(joined.is_(None), joined <= day) & or_(left.is_(None), left > day)


def members_of(session: Session, uid: int, day: date) -> Sequence[int]:
    """The participants that belong to the group with this UID on `day`, by id."""
    query = select(MEMBERS.c.participant_id).join(Group, Group.id == MEMBERS.c.group_id)
    return session.scalars(query.where(Group.uid == uid, belongs_on(day))).all()
