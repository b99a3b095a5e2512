"""Who is the same person under several names: a key with those it was rotated to, and its owner's.

A user is themselves, and so is whatever else acts.
"""

import unicodedata
from collections.abc import Iterable
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.access import OWNER_NOT_RECORDED, ApiKey

KEY: Final = "key:"


def persons_of(session: Session, names: Iterable[str]) -> dict[str, str]:
    """Whom each name stands for: the same text for names of the same person."""
    names = list(names)
    keys = _persons_of_keys(session) if any(each.startswith(KEY) for each in names) else {}
    return {name: keys.get(name, name) for name in names}


def same_person(session: Session, name: str) -> frozenset[str]:
    """Every name under which whoever acts as `name` acts, or did."""
    keys = _persons_of_keys(session) if name.startswith(KEY) else {}
    person = keys.get(name, name)
    return frozenset(each for each, of in keys.items() if of == person) | {name}


def _persons_of_keys(session: Session) -> dict[str, str]:
    """Of all keys, ended ones too, the name of the first that is the same person's."""
    query = select(ApiKey.prefix, ApiKey.owner, ApiKey.replaced_by)
    rows = session.execute(query.order_by(ApiKey.created_at, ApiKey.prefix)).all()
    leads_to = {prefix: prefix for prefix, _, _ in rows}
    rank = {prefix: number for number, prefix in enumerate(leads_to)}

    def first(prefix: str) -> str:
        while leads_to[prefix] != prefix:
            prefix = leads_to[prefix]
        return prefix

    first_of_owner: dict[str, str] = {}
    for prefix, owner, replaced_by in rows:
        same = [] if replaced_by is None else [replaced_by]
        if owner != OWNER_NOT_RECORDED:
            same.append(first_of_owner.setdefault(_folded(owner), prefix))
        for other in same:
            early, late = sorted((first(prefix), first(other)), key=rank.__getitem__)
            leads_to[late] = early
    return {f"{KEY}{prefix}": f"{KEY}{first(prefix)}" for prefix in leads_to}


def _folded(owner: str) -> str:
    """An owner whatever the case, the spaces and the form of its letters."""
    return " ".join(unicodedata.normalize("NFKC", owner).casefold().split())
