"""Closed loops from the options of a run to what people read of its plan."""

import pytest
from pydantic import ValidationError
from sqlalchemy import select

from app.access.policy import TERMINAL
from app.database import Database
from app.insight import queries as insight
from app.planning.options import MatchOptions
from models.exchange import Expertise, Offer
from models.matching import Alternate
from models.vocabulary import Reciprocity
from tests import rows
from tests.runs import match

CLOSED = MatchOptions(as_of=rows.STARTS, workers=1, reciprocity=Reciprocity.CLOSED_LOOPS)


@pytest.mark.parametrize(("max_loop", "met"), [(3, 3), (2, 0)])
def test_a_ring_of_three_needs_loops_of_three(
    sqlite_database: Database, max_loop: int, met: int
) -> None:
    """With shorter ones nothing is planned, and each need says why; the rule is told in words."""
    with sqlite_database.write() as session:
        rows.add_calendar(session)
        rows.add(session, Expertise(code="attendance", name="Attendance", version="test"))
        codes = ["maths", "reading", "attendance"]
        for urn, (wanted, given) in enumerate(zip(codes, [*codes[1:], codes[0]], strict=True), 1):
            who = rows.add_school(session, urn, urn / 10)
            rows.add_need(session, f"N{urn}", who, expertise_code=wanted)
            rows.add_offer(session, f"O{urn}", who, expertise_code=given)
    run_id = match(sqlite_database, CLOSED.model_copy(update={"max_loop": max_loop}))
    with sqlite_database.read() as session:
        data = insight.report_data(session, insight.result_of(session, TERMINAL, run_id))
    assert len(data.pairings) == met
    assert len(data.unmet) == 3 - met
    assert all("No closed loop" in each.reasons[0].sentence for each in data.unmet)
    assert f"closed loops of at most {max_loop} schools" in data.rules[0]


@pytest.mark.parametrize(
    "asked",
    [{"reciprocity": "closed_loops", "method": "prices"}, {"method": "loops"}],
)
def test_a_method_that_does_not_apply_is_refused_at_once(asked: dict[str, str]) -> None:
    """Before any run is submitted, and with the way out."""
    with pytest.raises(ValidationError, match="does not work with reciprocity"):
        MatchOptions.model_validate(asked)


def test_of_a_closed_loop_only_its_giver_can_do_otherwise(sqlite_database: Database) -> None:
    """Another offer of the same giver keeps the loop closed; with another, others would move."""
    with sqlite_database.write() as session:
        rows.add_calendar(session)
        first, second, third = (rows.add_school(session, urn, urn / 10) for urn in (1, 2, 3))
        rows.add_need(session, "N1", first, expertise_code="maths")
        rows.add_need(session, "N2", second, expertise_code="reading")
        rows.add_offer(session, "O1", first, expertise_code="reading", quality=5)
        rows.add_offer(session, "O2", second, expertise_code="maths", quality=5)
        rows.add_offer(session, "O2 again", second, expertise_code="maths", quality=1)
        rows.add_offer(session, "O3", third, expertise_code="maths", quality=5)
    match(sqlite_database, CLOSED)
    with sqlite_database.read() as session:
        found = session.execute(
            select(Offer.reference, Alternate.loss).join(Offer, Offer.id == Alternate.offer_id)
        ).all()
        losses = {offer: loss for offer, loss in found}
    assert losses.keys() == {"O2 again", "O3"}
    assert losses["O2 again"] > 0
    assert losses["O3"] is None
