"""Search by name that forgives: one text per institution, organisation and group, and its trigrams.

Names and what people type are folded alike (`app.folding`), so that "St Marys" finds St Mary's, and
"c of e" finds CofE. `app.search_index` keeps the texts.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from typing import Any, Final
from unicodedata import normalize

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    and_,
    case,
    false,
    func,
    or_,
    select,
    true,
    tuple_,
    union_all,
)

from app.database import ReadSession, WriteSession
from app.folding import folded
from app.register.group_members import MEMBERS, belongs_on
from app.search_index import BAR, GROUP_SEARCH, PARTICIPANT_SEARCH
from models.register import Institution, Participant

_DFE_NUMBER: Final = re.compile(r"\s*(\d{3})\s*/?\s*(\d{4})\s*")
_NO_WORD: Final = re.compile(r"[^a-z0-9 ]+")

SHORTEST: Final = 4
"""Letters of a word that may have been misspelt; of fewer, too many others are near."""
NEAR: Final = 0.7
CANDIDATES: Final = 300
MOST_WORDS: Final = 12


def search_words(text: str) -> list[str]:
    """The words of `text` to look for, the longest first, as it is likely the rarest."""
    return sorted(dict.fromkeys(_words_of(text)), key=len, reverse=True)[:MOST_WORDS]


def _words_of(text: str) -> list[str]:
    """All words as they were typed, folded, of letters and digits alone."""
    return _NO_WORD.sub("", folded(normalize("NFC", text))).split()


def holds(text: str, on: date, participant: Any = Participant) -> ColumnElement[bool]:
    """Whether a participant is what `text` asks for; whoever has no word in it asks for nothing.

    Its name, town, postcode and local authority together hold every word, or the name of a trust
    or other group that it belongs to on a day does, or `text` is its DfE number (886/1234).
    """
    words = search_words(text)
    if not words:
        return false()
    return or_(
        and_(*(has_word(word, participant) for word in words)),
        participant.id.in_(
            # Groups first: looked up member by member, their texts take seconds.
            select(MEMBERS.c.participant_id).where(
                belongs_on(on),
                MEMBERS.c.group_id.in_(groups_with(words)),
            )
        ),
        *_has_dfe_number(text, participant),
    )


def groups_with(words: Sequence[str]) -> Select[Any]:
    """Ids of the groups whose names hold all of the folded words."""
    return select(GROUP_SEARCH.c.rowid).where(*(_holds(GROUP_SEARCH, word) for word in words))


def has_word(word: str, participant: Any = Participant) -> ColumnElement[bool]:
    """Whether a participant's name, town, postcode or local authority holds a folded word."""
    having = select(PARTICIPANT_SEARCH.c.rowid).where(_holds(PARTICIPANT_SEARCH, word))
    holding: ColumnElement[bool] = participant.id.in_(having)
    return holding


def each_word(text: str, *participants: Any) -> list[ColumnElement[bool]]:
    """Whether each word of `text` is of one of the participants, of which it may be an alias.

    Text without a word is of nobody, and no text narrows nothing.
    """
    words = search_words(text)
    if text.strip() and not words:
        return [false()]
    return [or_(*(has_word(word, each) for each in participants)) for word in words]


def _holds(searched: FromClause, word: str) -> ColumnElement[bool]:
    # Words are letters and digits: nothing to escape, which would keep SQLite from its index.
    holding: ColumnElement[bool] = searched.c.search_text.like(f"%{word}%")
    return holding


def _has_dfe_number(text: str, participant: Any) -> list[Any]:
    if (found := _DFE_NUMBER.fullmatch(text)) is None:
        return []
    authority, number = found.groups()
    numbered = select(Institution.participant_id).where(Institution.establishment_number == number)
    return [participant.id.in_(numbered) & (participant.local_authority_code == authority)]


def named(
    session: ReadSession | WriteSession, text: str, name: Any, *key: Any
) -> ColumnElement[bool]:
    """Whether a name that has no folded text holds every word; for tables of a few thousand."""
    words = search_words(text)
    if not words:
        return false() if text.strip() else true()
    rows = session.execute(select(name, *key))
    found = [row[1:] for row in rows if all(word in folded(row[0]) for word in words)]
    holding: ColumnElement[bool] = tuple_(*key).in_(found)
    return holding


def by_relevance(text: str) -> list[Any]:
    """How to sort participants that `holds` finds, joined with `PARTICIPANT_SEARCH`.

    First whose name is what was typed, then whose name begins with it, then who has it word for
    word, then who has words that begin so: Dover before Dovercourt, and both before Andover.
    """
    has = PARTICIPANT_SEARCH.c.search_text
    phrase = " ".join(_words_of(text))
    words = search_words(text)
    rank = case(
        (has.like(f" {phrase} {BAR}%"), 0),
        (has.like(f" {phrase} %"), 1),
        (has.like(f"% {phrase} %"), 2),
        (and_(*(has.like(f"% {word} %") for word in words)), 3),
        (and_(*(has.like(f"% {word}%") for word in words)), 4),
        (and_(*(has.like(f"%{word}%") for word in words)), 5),
        else_=6,
    )
    return [rank, Participant.name, Participant.id]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is searched for, and which words of it stand for what nothing holds."""

    text: str
    instead: Mapping[str, str] = field(default_factory=dict)

    @property
    def note(self) -> str | None:
        """For whoever typed it: what was searched for instead."""
        if not self.instead:
            return None
        typed = " and ".join(f"“{word}”" for word in self.instead)
        used = " and ".join(f"“{word}”" for word in self.instead.values())
        return f"Nothing matches {typed}. Showing results for {used}."


def asked(session: ReadSession | WriteSession, text: str) -> Asked:
    """What `text` may have meant: a word that nothing holds becomes the nearest that something has.

    Words that differ by a letter or two are near, also where two letters changed places. What has
    a digit is taken as it is.
    """
    instead = {}
    for word in search_words(text):
        guessed = len(word) >= SHORTEST and word.isalpha() and not _is_known(session, word)
        if guessed and (nearest := _nearest(session, word)) is not None:
            instead[word] = nearest
    if not instead:
        return Asked(text)
    return Asked(" ".join(instead.get(word, word) for word in _words_of(text)), instead)


def _is_known(session: ReadSession | WriteSession, word: str) -> bool:
    tables = (
        select(searched.c.rowid).where(_holds(searched, word)).limit(1)
        for searched in (PARTICIPANT_SEARCH, GROUP_SEARCH)
    )
    return any(session.execute(query).first() is not None for query in tables)


def _nearest(session: ReadSession | WriteSession, word: str) -> str | None:
    """The word most like `word` in the texts that have most of its trigrams."""
    counts: Counter[str] = Counter()
    for searched in (PARTICIPANT_SEARCH, GROUP_SEARCH):
        counts.update(_words_alike(session, searched, _trigrams(word)))
    # Of words that are equally near the more common one, then the first by the alphabet.
    known = sorted(counts, key=lambda each: (-counts[each], each))
    near = get_close_matches(word, [each for each in known if each.isalpha()], n=1, cutoff=NEAR)
    return near[0] if near else None


def _words_alike(
    session: ReadSession | WriteSession, searched: FromClause, trigrams: Sequence[str]
) -> Iterable[str]:
    each = [select(searched.c.rowid).where(_holds(searched, some)) for some in trigrams]
    found = union_all(*each).subquery()
    alike = (
        select(found.c.rowid)
        .group_by(found.c.rowid)
        .order_by(func.count().desc(), found.c.rowid)
        .limit(CANDIDATES)
    )
    texts = session.scalars(select(searched.c.search_text).where(searched.c.rowid.in_(alike)))
    return (word for text in texts for word in text.replace(BAR, "").split())


def _trigrams(word: str) -> list[str]:
    """Those of a word, and of it with two neighbouring letters the other way round."""
    swapped = (word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in range(len(word) - 1))
    return sorted({one[at : at + 3] for one in (word, *swapped) for at in range(len(one) - 2)})
