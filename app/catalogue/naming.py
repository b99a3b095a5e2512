"""Which area of expertise a cell names: by its code or name, in any case."""

from collections.abc import Mapping
from difflib import get_close_matches

from sqlalchemy import select

from app.database import ReadSession, WriteSession
from app.files.spreadsheets import heading
from app.import_kit.misfits import UNKNOWN_EXPERTISE
from models.exchange import Expertise

NEAREST = 3
Names = Mapping[str, str]
"""The name of every entry by its code."""


def expertise_names(session: ReadSession | WriteSession) -> Names:
    """Entries in use come first, so that a name is theirs rather than a retired one's."""
    query = select(Expertise.code, Expertise.name).order_by(Expertise.retired, Expertise.code)
    return {code: name for code, name in session.execute(query)}


def code_named(cell: str, names: Names) -> str | None:
    """The code that a cell means; none if it means none, or could mean several."""
    if cell in names:
        return cell
    said = heading(cell)
    for code in names:
        if code.casefold() == said.replace(" ", "-"):
            return code
    named = [code for code, name in names.items() if heading(name) == said]
    return named[0] if len(named) == 1 else None


def not_named(cell: str, names: Names) -> str:
    """Why a cell names no area of expertise, and which are nearest to it, in words."""
    said = heading(cell)
    words: dict[str, str] = {}
    for code, name in names.items():
        words |= {code.casefold(): code, heading(name): code}
    holding = sorted((one for one in words if said in one), key=len)
    near = [*holding, *get_close_matches(said, words, n=NEAREST, cutoff=0.5)]
    codes = list(dict.fromkeys(words[one] for one in near))[:NEAREST]
    if not codes:
        return UNKNOWN_EXPERTISE
    listed = " or ".join(f"{code} ({names[code]})" for code in codes)
    return f"is not in the list of expertise. Did you mean {listed}?"
