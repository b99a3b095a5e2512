"""What a plan would lose by an alternate is what it does lose."""

import random
from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import select

from app.access.policy import TERMINAL
from app.database import Database
from app.planning.alternates import MOST_ALTERNATES
from app.planning.options import AllowanceRule, MatchOptions
from app.runs import queries
from models.exchange import Need, Offer
from models.matching import Alternate
from models.vocabulary import Reciprocity
from solver.check.verify import verify
from solver.formats.plan import Status, Stopped, gap_of
from tests import rows
from tests.runs import match


@pytest.mark.parametrize("reciprocity", [Reciprocity.NONE, Reciprocity.BALANCED])
def test_a_known_loss_is_that_of_a_plan_that_keeps_every_rule(
    sqlite_database: Database, reciprocity: Reciprocity
) -> None:
    """Put each alternate in its pairing's place: the plan holds, and is worth that much less."""
    draw = random.Random(7)
    with sqlite_database.write() as session:
        rows.add_calendar(session)
        for urn in range(1, 25):
            who = rows.add_school(session, urn, draw.uniform(0, 15))
            codes = draw.sample(["maths", "reading"], 2)
            days = draw.choice([2, 4])
            if urn % 3:
                need = {"expertise_code": codes[0], "half_days": days, "half_days_min": days}
                rows.add_need(session, f"N{urn}", who, **need)
            rows.add_offer(
                session,
                f"O{urn}",
                who,
                expertise_code=codes[1],
                half_days=draw.choice([4, 8]),
                quality=draw.randint(1, 5),
            )
    options = MatchOptions(
        as_of=rows.STARTS,
        workers=1,
        method="exact",
        reciprocity=reciprocity,
        allowance=AllowanceRule(base_half_days=2, half_days_for_an_urgent_need=0),
    )
    run_id = match(sqlite_database, options)
    with sqlite_database.read() as session:
        problem = queries.problem_of(session, TERMINAL, run_id)
        plan = queries.plan_of(session, TERMINAL, run_id)
        alternates = session.execute(
            select(Alternate, Need.reference, Offer.reference)
            .join(Need, Need.id == Alternate.need_id)
            .join(Offer, Offer.id == Alternate.offer_id)
        ).all()
    assert plan.objective is not None
    assert plan.bound is not None
    known = 0
    for alternate, need, offer in alternates:
        assert 1 <= alternate.rank <= MOST_ALTERNATES
        if alternate.loss is None:
            continue
        known += 1
        at = plan.need == problem.needs.id.index(need)
        swapped = replace(
            plan,
            status=Status.FEASIBLE,
            stopped=Stopped.GAP,
            offer=np.where(at, problem.offers.id.index(offer), plan.offer),
            objective=plan.objective - alternate.loss,
            gap=gap_of(plan.objective - alternate.loss, plan.bound),
        )
        assert verify(problem, swapped) == ()
    assert known > 3
