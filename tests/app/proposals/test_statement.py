"""The statement of a match: who made it, what was declared, who allowed that; and who reads it."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.access.policy import TERMINAL
from app.database import Database
from app.main import create_app
from app.proposals import agreements, decisions, publication
from app.proposals.statement import NOT_MATCHED, statement_of
from app.settings import Settings
from models.interests import InterestQuestion
from models.matching import RuleException
from models.register import Participant
from models.vocabulary import DecisionAction, Role, Says, Side
from tests import rows
from tests.callers import keyed
from tests.factories import acting, heard
from tests.runs import FREELY, contested, match

NOW = datetime(2026, 9, 2, 12, tzinfo=UTC)
MORE: dict[str, Any] = {"hold_days": 14, "now": NOW}
BROKER = acting(Role.BROKER, name="broker of Testshire")
ITEMS = "/maps/features/collections/pairings/items"


@pytest.fixture
def exchange(database: Database) -> Database:
    """School 2 is to support school 1, as far as a plan goes."""
    contested(database)
    match(database, FREELY, now=NOW)
    return database


def declare(database: Database, reference: str, holder: int, about: int, **more: Any) -> None:
    with database.write() as session:
        sides = (session.get_one(Participant, number) for number in (holder, about))
        rows.add_interest(session, reference, *sides, **more)


def prefer(database: Database) -> None:
    with database.write() as session:
        decisions.decide(session, BROKER, 1, DecisionAction.PREFER, **MORE)


def text(database: Database) -> str:
    with database.read() as session:
        return statement_of(session, 1, NOW.date()).text


def test_a_statement_says_who_matched_and_that_nobody_was_asked(exchange: Database) -> None:
    """Before anybody has preferred it, it says so."""
    assert text(exchange) == f"{NOT_MATCHED}; neither side was asked to declare interests."
    prefer(exchange)
    assert text(exchange) == (
        "Matched by broker of Testshire on 2 September 2026; neither side was asked to declare "
        "interests."
    )


def asked(
    database: Database, who: int, on: date = date(2026, 9, 1), none_on: date | None = None
) -> None:
    """A question to a participant and, where it has a day, the answer that it has none."""
    said = {}
    if none_on is not None:
        said = {"answer": "none", "answered_by": "clerk", "answered_on": none_on}
        said |= {"answer_recorded_by": "x", "answer_recorded_at": NOW}
    with database.write() as session:
        rows.add(
            session,
            InterestQuestion(
                **{"participant_id": who, "asked_role": "head", "asked_on": on, "asked_by": "x"},
                **{"recorded_at": NOW, **said},
            ),
        )


def test_nothing_is_declared_only_where_both_sides_were_asked(exchange: Database) -> None:
    """Within a year before; and who has said that it has none, and when."""
    prefer(exchange)
    begins = "Matched by broker of Testshire on 2 September 2026; "
    asked(exchange, 1, date(2025, 8, 31))
    assert text(exchange) == f"{begins}neither side was asked to declare interests."
    asked(exchange, 2, none_on=date(2026, 9, 2))
    none = "the supporting organisation said on 2 September 2026 that it has none"
    assert text(exchange) == (
        f"{begins}the school receiving support was not asked to declare interests; {none}."
    )
    asked(exchange, 1)
    assert text(exchange) == (
        f"{begins}no interest declared: {none} and the school receiving support has not answered."
    )
    asked(exchange, 1, none_on=date(2026, 9, 1))
    assert text(exchange) == (
        f"{begins}no interest declared: the school receiving support said on 1 September 2026 "
        f"that it has none and {none}."
    )
    declare(exchange, "other", 2, 1, kind="other")
    assert "has none" not in text(exchange)


def test_who_was_asked_and_did_not_answer_is_said_to_be_asked(exchange: Database) -> None:
    """Without a word on what they have."""
    for who in (1, 2):
        asked(exchange, who)
    assert text(exchange) == (
        f"{NOT_MATCHED}; no interest declared: both sides were asked, and neither has answered yet."
    )


def test_a_statement_names_what_is_declared_and_who_allowed_it(exchange: Database) -> None:
    """Of what held since the match or the start of the period, and was not withdrawn."""
    prefer(exchange)
    shown = {"kind": "supplier_of", "ends": date(2026, 9, 1)}
    declare(exchange, "shown", 2, 1, **shown)
    declare(exchange, "over", 2, 1, kind="other", ends=date(2026, 8, 31))
    declare(exchange, "elsewhere", 3, 1)
    gone = {"withdrawn_at": NOW, "withdrawn_by": "x", "withdrawn_reason": "a mistake"}
    declare(exchange, "gone", 2, 1, **gone)
    declare(exchange, "employs", 1, 2, kind="adviser_employed_by")
    with exchange.write() as session:
        made = {"proposal_id": 1, "rule": "interest", "figures": {}, "reason": "made up"}
        rows.add(session, RuleException(author="an approver", at=NOW, **made))
    assert text(exchange) == (
        "Matched by broker of Testshire on 2 September 2026. Declared interest: the supporting "
        "organisation is a supplier of the school receiving support until 1 September 2026 "
        "(declared on 1 September 2026). Declared interest: the school receiving support employs "
        "an adviser of the supporting organisation (declared on 1 September 2026). An exception "
        "was allowed by an approver on 2 September 2026."
    )


def test_a_statement_is_public_with_its_pairing_alone(exchange: Database) -> None:
    """Over HTTP for those who may read the proposal; on the public map once both sides consent."""
    prefer(exchange)
    declare(exchange, "shown", 2, 1, kind="supplier_of")
    with keyed(exchange, now=NOW) as client:
        path = "/api/v1/proposals/1/statement"
        said = client.get(path).json()
        assert said["statement"] == text(exchange)
        assert [each["kind"] for each in said["interests"]] == ["supplier_of"]
        assert (said["matched_on"], said["public"]) == ("2026-09-02", False)
        assert client.get("/api/v1/proposals/9/statement").status_code == 404
        assert client.get(ITEMS).json()["features"] == []
        with exchange.write() as session:
            for side in Side:
                agreements.agree(session, TERMINAL, 1, side, Says.YES, heard(on=NOW), **MORE)
        with exchange.write() as session:
            decisions.decide(session, TERMINAL, 1, DecisionAction.APPROVE, **MORE)
            for side in Side:
                publication.consent(session, TERMINAL, 1, side, heard(on=NOW), now=NOW)
        assert client.get(path).json()["public"] is True
    with TestClient(create_app(Settings(workers=0), exchange)) as anybody:
        [feature] = anybody.get(ITEMS).json()["features"]
        assert feature["properties"]["statement"] == text(exchange)
        one = anybody.get(f"{ITEMS}/1").json()
        assert one["properties"] == feature["properties"]
        assert anybody.get("/api/v1/proposals/1/statement").status_code == 401
