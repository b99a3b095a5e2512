"""What people write for expertise, and what they enter twice."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from app.access.policy import TERMINAL
from app.catalogue.naming import code_named, not_named
from app.catalogue.packaged import load_packaged
from app.database import Database
from app.errors import FaultyFile
from app.exchange.files import import_limits, import_needs, import_offers
from app.import_kit.report import ImportReport
from app.partnerships.service import import_support
from app.register.circumstances import import_circumstances
from app.register.networks import import_networks
from app.register.organisations import import_organisations
from models.exchange import Limits, Need, Offer
from models.partnerships import Support
from models.register import Participant
from tests.factories import establishment, import_schools

Importer = Callable[..., ImportReport]
NAMES = {
    "early-reading": "Early reading and phonics",
    "reading-primary": "Reading, primary",
    "music": "Music",
    "old-music": "Music",
}
ITEMS = "reference,participant,expertise,period,days\n"
SUPPORT = "reference,taker,giver,expertise,starts,state\n"


@pytest.fixture
def exchange(database: Database, tmp_path: Path) -> Database:
    import_schools(database, tmp_path, establishment(900001), establishment(900002))
    with database.write() as session:
        load_packaged(session)
    return database


def take_in(database: Database, importer: Importer, folder: Path, text: str) -> ImportReport:
    path = folder / "file.csv"
    path.write_text(text, "utf-8")
    with database.write() as session:
        return importer(session, TERMINAL, path)


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("early-reading", "early-reading"),
        ("Early reading", "early-reading"),
        (" early READING and phonics", "early-reading"),
        ("music", "music"),
        ("phonics", None),
        ("alchemy", None),
    ],
)
def test_expertise_is_named_by_code_or_name(cell: str, code: str | None) -> None:
    """In any case; what names nothing exactly is not guessed."""
    assert code_named(cell, NAMES) == code


def test_what_names_nothing_is_told_the_nearest_in_words() -> None:
    """Codes come with their names; where nothing is near, where to find the codes."""
    assert not_named("phonics", NAMES) == (
        "is not in the list of expertise. Did you mean early-reading (Early reading and phonics)?"
    )
    assert "givetake export expertise" in not_named("xyz", NAMES)


@pytest.mark.parametrize(
    ("importer", "model", "text"),
    [
        (import_needs, Need, f"{ITEMS}n,900001.0,Early Reading and phonics,2026-27,6\n"),
        (import_offers, Offer, f"{ITEMS}o,900001.0,Early Reading and phonics,2026-27,6\n"),
        (
            import_support,
            Support,
            f"{SUPPORT}s,900001.0,900002.0,Early Reading and phonics,2026-09-01,active\n",
        ),
    ],
)
def test_names_and_floats_are_taken_in_every_file(
    exchange: Database, tmp_path: Path, importer: Importer, model: type[Need], text: str
) -> None:
    """What is stored is the code and the school, as if they had been written so."""
    take_in(exchange, importer, tmp_path, text)
    with exchange.read() as session:
        stored = session.scalars(select(model)).one()
        school = session.scalars(select(Participant.id).filter_by(reference="urn:900001")).one()
        assert stored.expertise_code == "early-reading"
        of = stored.taker_id if isinstance(stored, Support) else stored.participant_id
        assert of == school


@pytest.mark.parametrize(
    ("importer", "text"),
    [
        (import_needs, f"{ITEMS}n,900001,phonic,2026-27,6\n"),
        (import_support, f"{SUPPORT}s,900001,900002,phonic,2026-09-01,active\n"),
    ],
)
def test_unknown_expertise_is_refused_with_the_nearest(
    exchange: Database, tmp_path: Path, importer: Importer, text: str
) -> None:
    with pytest.raises(FaultyFile) as refused:
        take_in(exchange, importer, tmp_path, text)
    assert "Did you mean early-reading (Early reading and phonics)" in str(
        refused.value.faults[0].reason
    )


@pytest.mark.parametrize(
    ("importer", "text", "listed"),
    [
        (
            import_needs,
            f"{ITEMS}n-1,900001,music,2026-27,6\nn-2,900001,Music,2026-27,6\n"
            "n-3,900002,music,2026-27,6\n",
            "1 need looks to have been entered more than once: n-1 and n-2 (Music, 2026-27)",
        ),
        (
            import_offers,
            f"{ITEMS}o-1,900001,music,2026-27,6\no-2,900001,music,2026-27,4\n",
            "o-1 and o-2 (Music, 2026-27)",
        ),
        (
            import_support,
            f"{SUPPORT}s-1,900001,900002,music,2026-09-01,active\n"
            "s-2,900001,900002,music,2026-09-01,active\n",
            "s-1 and s-2 (900001 by 900002)",
        ),
        (
            import_organisations,
            "key,name,kind,postcode\nhub-1,Made-up Hub,hub,ZZ1 1AA\n"
            "hub-2,made-up hub,hub,ZZ1 1AA\n",
            "hub-1 and hub-2",
        ),
        (
            import_networks,
            "key,name,kind,member\nfam-1,Family,family,900001\nfam-2,family,family,900001\n",
            "fam-1 and fam-2",
        ),
        (
            import_circumstances,
            "participant,kind,starts,ends,source\n900001,new_head,2026-09-01,,x\n"
            "900001,new_head,2026-10-01,,x\n",
            "from 1 October 2026 and from 1 September 2026 (900001, new_head)",
        ),
    ],
)
def test_what_is_entered_twice_is_noted_and_kept(
    exchange: Database, tmp_path: Path, importer: Importer, text: str, listed: str
) -> None:
    """A likely duplicate is told by its references; it is not refused."""
    report = take_in(exchange, importer, tmp_path, text)
    assert any(listed in note for note in report.notes)
    assert report.any_change


def test_a_second_file_is_compared_with_the_first(exchange: Database, tmp_path: Path) -> None:
    """The same need under another reference, sent a week later, is noted too."""
    first = take_in(exchange, import_needs, tmp_path, f"{ITEMS}n-1,900001,music,2026-27,6\n")
    assert first.notes == []
    later = take_in(exchange, import_needs, tmp_path, f"{ITEMS}n-2,900001,music,2026-27,6\n")
    assert "n-1 and n-2" in later.notes[0]


def test_limits_of_a_float_are_of_the_school(exchange: Database, tmp_path: Path) -> None:
    """900001.0 and 900001 are one school: twice in a file is refused."""
    head = "participant,period,give_days\n"
    take_in(exchange, import_limits, tmp_path, f"{head}900001.0,2026-27,6\n")
    with exchange.read() as session:
        assert len(session.scalars(select(Limits)).all()) == 1
    with pytest.raises(FaultyFile, match="1 error"):
        take_in(exchange, import_limits, tmp_path, f"{head}900001,2026-27,6\n900001.0,2026-27,6\n")
