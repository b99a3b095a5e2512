"""Everyday words for areas of expertise, as data: what somebody types, and what it may mean."""

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import ClassVar, Final

from sqlalchemy import select

from app.database import ReadSession
from app.files.csv_reading import Key, RowModel, Text, read_rows
from app.folding import folded
from models.exchange import Expertise

PACKAGED: Final = Path(__file__).parent / "data" / "everyday_words.csv"
NEAR: Final = 0.75
SHORTEST: Final = 4
"""Letters of what may have been misspelt; of fewer, too many others are near."""


class EverydayRow(RowModel):
    """One word or phrase and one entry that it may mean; a phrase of several has several rows."""

    examples: ClassVar = ({"words": "phonics", "expertise": "early-reading"},)

    words: Text
    expertise: Key


@cache
def everyday_words() -> Mapping[str, tuple[str, ...]]:
    """Codes by words, folded as what people type is."""
    found: dict[str, list[str]] = {}
    for _, row in read_rows(PACKAGED, EverydayRow):
        found.setdefault(plain(row.words), []).append(row.expertise)
    return {words: tuple(codes) for words, codes in found.items()}


def plain(text: str) -> str:
    return " ".join(folded(text).split())


def meant_by(session: ReadSession, text: str) -> list[str]:
    """The entries in use that `text` may mean, a code, a name or everyday words; none: unknown.

    What is exact comes before what holds every word, and that before what is spelt nearly so.
    """
    entries = session.execute(
        select(Expertise.code, Expertise.name).where(~Expertise.retired).order_by(Expertise.code)
    )
    names = {code: plain(name) for code, name in entries}
    return codes_meant(text, names)


def codes_meant(text: str, names: Mapping[str, str]) -> list[str]:
    """The same of a taxonomy that is at hand, with folded names by code."""
    typed = plain(text)
    if not typed:
        return []
    if (code := typed.replace(" ", "-")) in names:
        return [code]
    known = {words: [code for code in codes if code in names] for words, codes in _words()}
    exact = [code for code, name in names.items() if name == typed]
    if found := _once(exact, known.get(typed, [])):
        return found
    words = typed.split()
    holding = [code for code, name in names.items() if _holds(name.split(), words)]
    spoken = [
        code for each, codes in known.items() if _holds(each.split(), words) for code in codes
    ]
    # A sentence has the words that count among others: "help with phonics in year 1".
    among = [
        code
        for each, codes in known.items()
        if f" {each} " in f" {typed} " and len(each) >= SHORTEST
        for code in codes
    ]
    among += [code for code, name in names.items() if f" {name} " in f" {typed} "]
    if found := _once(holding, spoken, among):
        return found
    return _nearly(typed, names, known)


def _words() -> Collection[tuple[str, tuple[str, ...]]]:
    return everyday_words().items()


def _nearly(
    typed: str, names: Mapping[str, str], known: Mapping[str, Collection[str]]
) -> list[str]:
    if len(typed) < SHORTEST:
        return []
    spelt = get_close_matches(typed, [*known, *names.values()], n=1, cutoff=NEAR)
    if not spelt:
        return []
    called = [code for code, name in names.items() if name == spelt[0]]
    return _once(called, known.get(spelt[0], ()))


def _holds(name: list[str], words: list[str]) -> bool:
    """Whether each word is one of the name's; of some letters, or begins one."""
    return all(
        any(part == word or (len(word) >= SHORTEST and part.startswith(word)) for part in name)
        for word in words
    )


def _once(*several: Collection[str]) -> list[str]:
    return list(dict.fromkeys(code for codes in several for code in codes))


def related(session: ReadSession, codes: Collection[str]) -> set[str]:
    """These entries with all above and below them: offers of which cover a need of one of them."""
    parents = dict(session.execute(select(Expertise.code, Expertise.parent_code)).all())
    found = set()
    for code in parents:
        path = _path(code, parents)
        above = {each for each in codes if each in path}
        if above or any(code in _path(each, parents) for each in codes):
            found.add(code)
    return found


def _path(code: str, parents: Mapping[str, str | None]) -> list[str]:
    """An entry and those above it; a circle is walked once."""
    path: list[str] = []
    at: str | None = code
    while at is not None and at not in path:
        path.append(at)
        at = parents.get(at)
    return path
