"""What people read for those who act: what a key is for and its roles, never how it begins."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access.grants import held_by
from app.access.holders import user_id_of, user_name
from app.access.persons import KEY
from app.access.policy import Principal
from app.http.fields import Shown
from models.access import ApiKey
from models.people import User
from models.vocabulary import Role

Item = TypeVar("Item", bound=Shown)


def text_of(label: str, roles: Iterable[Role | str]) -> str:
    """A label with the roles: "portal (broker, approver)"."""
    listed = ", ".join(sorted({str(role).replace("_", " ") for role in roles}))
    return f"{label or 'a key'} ({listed or 'no role'})"


def name_of(principal: Principal) -> str:
    """What a visitor reads of itself."""
    if principal.label:
        return text_of(principal.label, principal.roles)
    return text_of("", principal.roles) if principal.name.startswith(KEY) else principal.name


def names_of(session: Session, actors: Iterable[str | None]) -> dict[str, str]:
    """By what the audit calls them, the actors that are called otherwise before people."""
    holders = {actor for actor in actors if actor is not None and is_holder(actor)}
    if not holders:
        return {}
    prefixes = [each.removeprefix(KEY) for each in holders if each.startswith(KEY)]
    keys = select(ApiKey.prefix, ApiKey.label).where(ApiKey.prefix.in_(prefixes))
    users = select(User.id, User.label).where(
        User.id.in_([found for each in holders if (found := user_id_of(each)) is not None])
    )
    labels = {f"{KEY}{prefix}": label for prefix, label in session.execute(keys)}
    labels |= {user_name(user_id): label for user_id, label in session.execute(users)}
    held = held_by(session, labels)
    return {
        holder: text_of(label, (row.role for row in held.get(holder, [])))
        for holder, label in labels.items()
    }


def is_holder(actor: str) -> bool:
    """Whether it is a key or a user, and none of the service's own."""
    return actor.startswith(KEY) or user_id_of(actor) is not None


def with_names(session: Session, items: Sequence[Item], *fields: str) -> list[Item]:
    """The same answers with those who acted as people read them."""
    names = names_of(session, (getattr(item, field) for item in items for field in fields))
    return renamed(items, names, *fields)


def renamed(items: Sequence[Item], names: Mapping[str, str], *fields: str) -> list[Item]:
    """The same answers with what `names_of` gave for those who acted."""
    if not names:
        return list(items)
    return [
        item.model_copy(
            update={
                field: names.get(getattr(item, field), getattr(item, field)) for field in fields
            }
        )
        for item in items
    ]


def named_one(session: Session, item: Item, *fields: str) -> Item:
    """The same of one answer."""
    return with_names(session, [item], *fields)[0]
