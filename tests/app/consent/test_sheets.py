"""The two-heads sheet: what it says, as HTML that prints and as PDF that opens."""

from datetime import date
from io import BytesIO
from typing import Any

import pytest
from pypdf import PdfReader
from sqlalchemy import update

from app.access.policy import TERMINAL, Link, Principal
from app.consent.printed import as_html, as_pdf
from app.consent.service import Whom
from app.consent.sheet import NOT_RECORDED, Sheet, sheet_of
from app.database import Database
from app.errors import NotFound
from app.proposals.agreements import set_public_money
from models.matching import Proposal
from models.register import Participant
from models.vocabulary import Side
from tests.consent import NOW, answer, ask, preferred

HEADINGS = [
    "Why you",
    "What the support is",
    "Days and rhythm",
    "Terms",
    "Who pays",
    "When it ends",
    "What happens if it does not work",
    "Who is asked, and what they said",
]
LONG = "Ysgol Gynradd Gymraeg Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch " * 2


@pytest.fixture
def exchange(database: Database) -> Database:
    return preferred(database)


def sheet(database: Database, who: Principal = TERMINAL) -> Sheet:
    with database.read() as session:
        return sheet_of(session, who, 1, NOW.date())


def section(made: Sheet, heading: str) -> str:
    (found,) = (" ".join(each.lines) for each in made.sections if each.heading == heading)
    return found


def named(database: Database, urn: int, name: str) -> None:
    with database.write() as session:
        at = Participant.reference == f"urn:{urn}"
        session.execute(update(Participant).where(at).values(name=name))


def text_of(pdf: bytes) -> tuple[int, str]:
    read = PdfReader(BytesIO(pdf))
    text = " ".join(page.extract_text() for page in read.pages)
    return len(read.pages), " ".join(text.split())


def test_a_sheet_says_it_all_in_plain_words(exchange: Database) -> None:
    """Who, why, what, when, who pays, how it ends, and who said what."""
    made = sheet(exchange)
    assert [each.heading for each in made.sections] == HEADINGS
    assert made.title == "School 2 supporting School 1"
    assert "2 days in all, between 2 September 2026 and 31 August 2027" in section(
        made, "Days and rhythm"
    )
    assert "about half a day every 13 weeks" in section(made, "Days and rhythm")
    assert section(made, "Who pays") == NOT_RECORDED
    assert "in the same local authority" in section(made, "Why you")
    assert "points" not in as_html(made)
    assert "not known" not in as_html(made)
    assert "1 mile" in section(made, "What the support is")
    with exchange.write() as session:
        set_public_money(session, TERMINAL, 1, 1800, hold_days=14, now=NOW)
    ask(exchange, Whom(1, 2, 4))
    answer(exchange, 1)
    made = sheet(exchange)
    assert section(made, "Who pays") == "Public funds pay £1,800 in all."
    assert section(made, HEADINGS[-1]) == (
        "School receiving support (School 1): yes, headteacher, in the service. "
        "Supporting organisation (School 2): not asked yet. "
        "Head who releases the person: asked."
    )


@pytest.mark.parametrize("name", ["Ysgol Tŷ Ŵyn", "Łódź & <b>Søns</b> Ćirić Primary", LONG])
def test_names_are_in_both_forms(exchange: Database, name: str) -> None:
    """Accented, long and with signs of HTML; the PDF has the letters, on one page or two."""
    named(exchange, 1, name.strip())
    made = sheet(exchange)
    html = as_html(made)
    assert "<b>S" not in html
    assert "@media print" in html
    pages, text = text_of(as_pdf(made))
    assert pages <= 2
    wanted = "".join(name.split())
    assert wanted in text.replace(" ", "")
    assert "School 2" in text
    for heading in HEADINGS:
        assert heading in text
        assert heading in html


def test_an_ordinary_sheet_is_one_page(exchange: Database) -> None:
    """As promised to heads."""
    pages, _ = text_of(as_pdf(sheet(exchange)))
    assert pages == 1


def test_what_is_missing_is_said(exchange: Database) -> None:
    """Without reasons, figures or money a sheet still says what to do."""
    with exchange.write() as session:
        bare: dict[str, Any] = {"components": [], "distance_m": None, "rule_figures": None}
        session.execute(update(Proposal).where(Proposal.id == 1).values(**bare))
    made = sheet(exchange)
    assert section(made, "Why you") == (
        "School 1 needs support with Maths, and School 2 offers it. "
        "The school found the need in its own evaluation."
    )
    assert text_of(as_pdf(made))[0] == 1


def test_the_pace_counts_days_that_are_left(exchange: Database) -> None:
    """Asked late, the same days are closer together; after the last day nothing is spread."""
    with exchange.read() as session:
        late = sheet_of(session, TERMINAL, 1, date(2027, 7, 1))
        over = sheet_of(session, TERMINAL, 1, date(2027, 9, 1))
    rhythm = section(late, "Days and rhythm")
    assert "between 1 July 2027 and 31 August 2027" in rhythm
    assert "about half a day every 2 weeks" in rhythm
    assert section(over, "Days and rhythm") == "2 days in all. The last day was 31 August 2027."


def test_who_may_not_read_the_proposal_reads_no_sheet(exchange: Database) -> None:
    """A link shows its own proposal, and no other."""
    mine = Principal("link:1", frozenset(), link=Link(1, Side.TAKER))
    assert sheet(exchange, mine).proposal_id == 1
    with pytest.raises(NotFound):
        sheet(exchange, Principal("link:1", frozenset(), link=Link(2)))
