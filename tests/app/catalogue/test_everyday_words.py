"""Everyday words for expertise: each leads somewhere, and what people type finds what they mean."""

import csv

import pytest

from app.catalogue.everyday_words import PACKAGED, codes_meant, everyday_words, plain, related
from app.catalogue.packaged import DATA, load_packaged
from app.database import Database

NAMES = {
    row["code"]: plain(row["name"])
    for row in csv.DictReader((DATA / "expertise.csv").read_text().splitlines())
}
ROWS = list(csv.DictReader(PACKAGED.read_text().splitlines()))


@pytest.mark.parametrize("words", [row["words"] for row in ROWS])
def test_every_word_leads_to_expertise_that_exists(words: str) -> None:
    """To every entry that its rows name, each of which is in the packaged taxonomy."""
    wanted = {row["expertise"] for row in ROWS if plain(row["words"]) == plain(words)}
    assert wanted <= set(NAMES)
    assert wanted <= set(codes_meant(words, NAMES))


def test_no_row_is_there_twice() -> None:
    """Of words as they are compared."""
    pairs = [(plain(row["words"]), row["expertise"]) for row in ROWS]
    assert len(set(pairs)) == len(pairs)
    assert set(everyday_words()) == {words for words, _ in pairs}


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("reading", ["early-reading", "reading-primary"]),
        ("Phonics", ["early-reading"]),
        ("phonix", ["early-reading"]),
        ("help with phonics in Year 1", ["early-reading"]),
        ("exclusions", ["alternative-provision-exclusion"]),
        ("EHCP", ["send-coordination"]),
        ("attendance", ["attendance"]),
        ("behavior", ["behaviour"]),
        ("send-semh", ["send-semh"]),
        ("SEND", ["send"]),
        ("Music", ["music"]),
        ("RE", ["religious-education"]),
        ("x", []),
        ("nothing of the kind", []),
        ("  ", []),
        ("%'\0", []),
    ],
)
def test_what_people_type_finds_what_they_mean(text: str, codes: list[str]) -> None:
    """A code, a name, a word for it, a word among others, or nearly so; else nothing."""
    assert codes_meant(text, NAMES) == codes


def test_what_is_retired_or_not_there_is_never_meant() -> None:
    """A taxonomy of one's own may lack what the words lead to."""
    assert codes_meant("phonics", {"letters": "phonics and letters"}) == ["letters"]
    assert codes_meant("exclusions", {"maths": "maths"}) == []


def test_what_is_broader_or_narrower_covers(database: Database) -> None:
    """As the rule of a pair says: not what lies beside."""
    with database.write() as session:
        load_packaged(session)
    with database.read() as session:
        assert related(session, ["send-semh"]) == {"send-semh", "send", "inclusion"}
        found = related(session, ["send"])
        assert {"inclusion", "send", "send-semh", "send-asd"} <= found
        assert "alternative-provision" not in found
        assert related(session, []) == set()
