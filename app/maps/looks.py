"""How an embedded map begins: heading, area, colour and kinds, as attributes of its element."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import Problem
from app.insight.report import Symbol
from models.register import Area
from models.vocabulary import AreaKind

HEADING: Final = "Schools and support partners"
ACCENT: Final = "12436d"
LONGEST_HEADING: Final = 100
LEAST_CONTRAST: Final = 3.0
"""Of a colour against white: what WCAG asks of controls (1.4.11)."""
_HEX: Final = re.compile(r"#?([0-9a-fA-F]{6})")


class BadLook(Problem):
    """Something that a map cannot begin with; `errors` says what, by field."""

    status = 422
    title = "Invalid request to embed the map"

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(errors.values()))
        self.errors = errors


def look(
    session: Session, heading: str, area: str, accent: str, kinds: Sequence[str]
) -> dict[str, str]:
    """What differs from how every map begins, checked; raises `BadLook`."""
    errors = {}
    if len(heading) > LONGEST_HEADING:
        errors["heading"] = f"Heading must be {LONGEST_HEADING} characters or fewer"
    if area and area not in areas(session):
        errors["area"] = f"There is no area called {area[:60]}. Choose one from the list"
    colour = _HEX.fullmatch(accent)
    if accent and colour is None:
        errors["accent"] = "Enter a colour as 6 letters and digits, like 12436d"
    elif colour is not None and (found := contrast_with_white(colour[1])) < LEAST_CONTRAST:
        errors["accent"] = (
            f"Enter a darker colour: this one has a contrast of {found:.1f} to 1 with white, and "
            f"some people cannot see less than {LEAST_CONTRAST:g} to 1"
        )
    every = [symbol.value for symbol in Symbol]
    if not kinds or not set(kinds) <= set(every):
        errors["kinds"] = "Select at least one kind of school or organisation"
    if errors:
        raise BadLook(errors)
    found_look = {
        "heading": heading if heading != HEADING else "",
        "area": area,
        "accent": colour[1].lower() if colour and colour[1].lower() != ACCENT else "",
        "kinds": "" if _is_all(kinds, every) else ",".join(k for k in every if k in kinds),
    }
    return {name: value for name, value in found_look.items() if value}


def _is_all(kinds: Collection[str], every: Collection[str]) -> bool:
    return set(kinds) == set(every)


def areas(session: Session) -> list[str]:
    """Regions and local authorities by name, as the map has them."""
    query = select(Area.name).where(Area.kind.in_((AreaKind.REGION, AreaKind.LOCAL_AUTHORITY)))
    return sorted(set(session.scalars(query)))


def contrast_with_white(colour: str) -> float:
    """The contrast of six hexadecimal digits with white, from 1 to 21, as WCAG reckons it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)
