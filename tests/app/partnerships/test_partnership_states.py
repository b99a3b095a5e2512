"""Whatever anybody does in whatever order, needs, proposals and partnerships stay in order."""

import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Final

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from app.access.policy import TERMINAL
from app.database import Database, WriteSession
from app.errors import Problem
from app.events.verify import verify
from app.partnerships import life, reviews, visits
from app.partnerships.balance import balances
from app.partnerships.terms import Terms
from app.proposals import agreements, decisions
from models.exchange import Need, Offer
from models.matching import Proposal
from models.partnerships import Partnership, Support, SupportVisit
from models.vocabulary import (
    DecisionAction,
    DeclineReason,
    EndReason,
    NeedState,
    ProposalState,
    Rating,
    Reviewer,
    Says,
    Side,
    SupportResult,
    SupportState,
    VisitState,
)
from tests import rows
from tests.factories import heard
from tests.runs import FREELY, match

PAIRS, STEPS, MOST_EXAMPLES, STEPS_AT_LEAST = 4, 50, 40, 2_000
BEGINS: Final = datetime(2026, 9, 2, 12, tzinfo=UTC)
TERMS: Final = Terms("made up", "headteacher", "deputy headteacher", day_rate_pounds=300)
P, V, S = ProposalState, VisitState, SupportState
OVER: Final = frozenset({S.ENDED, S.STOPPED})
FINAL: Final = frozenset({P.DECLINED, P.WITHDRAWN, P.LAPSED, P.COMPLETED})
APPROVED: Final = frozenset({P.APPROVED, P.APPROVED_WITH_CONDITIONS})
HOLDS: Final = APPROVED | {P.PREFERRED, P.DUE_DILIGENCE, P.AGREED, P.DEFERRED}
VISITS: Final = {
    V.BOOKED: {V.WRITTEN_UP, V.CANCELLED},
    V.WRITTEN_UP: {V.SIGNED, V.DISPUTED},
    V.DISPUTED: {V.WRITTEN_UP, V.CANCELLED},
    V.SIGNED: set(),
    V.CANCELLED: set(),
}
"""What a visit in each state can become."""
PARTNERSHIPS: Final = {
    S.ACTIVE: {S.PAUSED, *OVER},
    S.PAUSED: {S.ACTIVE, *OVER},
    S.ENDED: set(),
    S.STOPPED: set(),
}
WHICH = st.integers(1, PAIRS)
VISIT = st.integers(0, 12)
REASONS = st.sampled_from(EndReason)
ACTIONS = st.sampled_from([*DecisionAction, *[DecisionAction.PREFER, DecisionAction.APPROVE] * 4])
BECOMES = st.sampled_from([NeedState.MET, NeedState.MATCH, NeedState.CLOSED, NeedState.MATCHED])


def fill(path: Path) -> None:
    """Four schools that each need two days, a giver for each, and a run that proposes them."""
    with Database(f"sqlite:///{path}") as database:
        with database.write() as session:
            rows.add_calendar(session)
            for n in range(1, PAIRS + 1):
                rows.add_need(session, f"N{n}", rows.add_school(session, n, 50.0 * n))
                giver = rows.add_school(session, 10 + n, 50.0 * n + 1)
                rows.add_offer(session, f"O{n}", giver, half_days=6)
        match(database, FREELY, now=BEGINS)


class Exchange(RuleBasedStateMachine):
    """Services of one exchange, asked for anything; what they refuse changes nothing."""

    template: ClassVar[Path]
    folder: ClassVar[Path]
    asked: ClassVar[int] = 0
    done: ClassVar[set[str]] = set()
    """Which rules were carried out at least once."""

    def __init__(self) -> None:
        super().__init__()
        path = self.folder / "exchange.sqlite3"
        for old in self.folder.glob("exchange.sqlite3*"):
            old.unlink()
        shutil.copy(self.template, path)
        self.database = Database(f"sqlite:///{path}")
        self.now = BEGINS
        self.before: dict[tuple[str, int], str] = {}

    def teardown(self) -> None:
        with self.database.read() as session:
            assert verify(session).fault is None
        self.database.__exit__(None, None, None)

    def _try(self, name: str, act: Callable[[WriteSession], object]) -> None:
        type(self).asked += 1
        try:
            with self.database.write() as session:
                act(session)
        except Problem:
            return
        self.done.add(name)
        self.states_are_as_declared()

    @initialize(begun=st.integers(0, PAIRS))
    def begin(self, begun: int) -> None:
        """Some partnerships run from the first day."""
        for which in range(1, begun + 1):
            self.go_ahead(which)
        self.wait(14)

    @rule(days=st.integers(1, 40))
    def wait(self, days: int) -> None:
        self.now = min(self.now + timedelta(days=days), datetime(2027, 8, 1, tzinfo=UTC))

    @rule(which=WHICH, action=ACTIONS, reason=st.sampled_from(DeclineReason))
    def decide(self, which: int, action: DecisionAction, reason: DeclineReason) -> None:
        declines = action is DecisionAction.DECLINE
        said = decisions.Said(reason if declines else None, "made up")

        def act(session: WriteSession) -> object:
            given: dict[str, Any] = {"hold_days": 400, "now": self.now}
            return decisions.decide(session, TERMINAL, which, action, said, **given)

        self._try(action, act)

    @rule(which=WHICH)
    def go_ahead(self, which: int) -> None:
        """All that leads to a partnership, as far as it is possible."""
        given: dict[str, Any] = {"hold_days": 400, "now": self.now}
        for action in (DecisionAction.PREFER, DecisionAction.APPROVE):
            if action is DecisionAction.APPROVE:
                self.both_say(which, Says.YES)
            self._try(action, partial(self._decide, which, action, given))
        self.start(which, 0, 200)

    def _decide(
        self, which: int, action: DecisionAction, given: dict[str, Any], session: WriteSession
    ) -> object:
        return decisions.decide(session, TERMINAL, which, action, **given)

    @rule(which=WHICH, says=st.sampled_from([Says.YES, Says.YES, Says.YES, Says.NO]))
    def both_say(self, which: int, says: Says) -> None:
        for side in Side:
            self.say(which, side, says if side is Side.GIVER else Says.YES)

    def say(self, which: int, side: Side, says: Says) -> None:
        no = decisions.Said(DeclineReason.CAPACITY, None)
        yes = decisions.Said(None, None)
        self._try(
            f"say {says}",
            lambda session: agreements.agree(
                *(session, TERMINAL, which, side, says, heard("head", self.now)),
                no if says is Says.NO else yes,
                hold_days=400,
                now=self.now,
            ),
        )

    @rule(which=WHICH, side=st.sampled_from(Side))
    def one_says(self, which: int, side: Side) -> None:
        self.say(which, side, Says.YES)

    @rule(which=WHICH, starts=st.integers(-5, 30), lasts=st.integers(-2, 300))
    def start(self, which: int, starts: int, lasts: int) -> None:
        first = self.now.date() + timedelta(days=starts)
        last = first + timedelta(days=lasts)
        self._try(
            "start",
            lambda s: life.start(s, TERMINAL, which, TERMS, first, last, now=self.now),
        )

    @rule(which=WHICH, day=st.integers(-14, 14), half_days=st.integers(0, 3))
    def book(self, which: int, day: int, half_days: int) -> None:
        on = self.now.date() + timedelta(days=day)
        self._try("book", lambda s: visits.book(s, TERMINAL, which, on, half_days))

    @rule(which=WHICH, visit=VISIT)
    def write_up(self, which: int, visit: int) -> None:
        text = f"made up {self.now.date()}"
        self._try(
            "write up",
            lambda s: visits.write_up(s, TERMINAL, *self._of(s, visit, which), text, now=self.now),
        )

    @rule(which=WHICH, visit=VISIT, dispute=st.sampled_from([None, None, "not so"]))
    def sign(self, which: int, visit: int, dispute: str | None) -> None:
        self._try(
            "dispute" if dispute else "sign",
            lambda s: visits.sign(
                *(s, TERMINAL, *self._of(s, visit, which), "head", dispute), now=self.now
            ),
        )

    @rule(which=WHICH, visit=VISIT)
    def cancel(self, which: int, visit: int) -> None:
        self._try("cancel", lambda s: visits.cancel(s, TERMINAL, *self._of(s, visit, which)))

    @rule(which=WHICH, half_days=st.integers(1, 2), dispute=st.sampled_from([None, "not so"]))
    def visit(self, which: int, half_days: int, dispute: str | None) -> None:
        """All that makes a visit of today, as far as it is possible; the last one is signed."""
        self.book(which, 0, half_days)
        with self.database.read() as session:
            made = session.scalars(select(SupportVisit).order_by(SupportVisit.id)).all()
            last = made[-1].id if made else 0
        said = {"now": self.now}
        text = "made up"
        self._try("write up", lambda s: visits.write_up(s, TERMINAL, which, last, text, **said))
        name = "dispute" if dispute else "sign"
        self._try(name, lambda s: visits.sign(s, TERMINAL, which, last, "head", dispute, **said))

    def _of(self, session: WriteSession, pick: int, otherwise: int) -> tuple[int, int]:
        """A visit with the partnership that it is of; sometimes one that there is not."""
        known = session.scalars(select(SupportVisit).order_by(SupportVisit.id)).all()
        if pick == 0 or not known:
            return otherwise, pick
        found = known[pick % len(known)]
        return found.partnership_id, found.id

    @rule(which=WHICH, reason=REASONS)
    def pause(self, which: int, reason: EndReason) -> None:
        self._try("pause", lambda s: life.pause(s, TERMINAL, which, reason))

    @rule(which=WHICH)
    def resume(self, which: int) -> None:
        self._try("resume", lambda s: life.resume(s, TERMINAL, which))

    @rule(which=WHICH, of=st.sampled_from(Reviewer), rating=st.sampled_from(Rating))
    def review(self, which: int, of: Reviewer, rating: Rating) -> None:
        today = self.now.date()
        self._try(
            "review",
            lambda s: reviews.add_review(
                s, TERMINAL, which, of, rating, today, "head", now=self.now
            ),
        )

    @rule(
        which=WHICH,
        reason=REASONS,
        ago=st.integers(-2, 20),
        becomes=BECOMES,
    )
    def end(self, which: int, reason: EndReason, ago: int, becomes: NeedState) -> None:
        day = self.now.date() - timedelta(days=ago)
        self._try(
            "end",
            lambda s: life.end(s, TERMINAL, which, reason, day, becomes, now=self.now),
        )

    @rule(which=WHICH, side=st.sampled_from(Side), result=st.sampled_from(SupportResult))
    def say_what_came(self, which: int, side: Side, result: SupportResult) -> None:
        self._try(
            "outcome",
            lambda s: reviews.set_outcome(
                s, TERMINAL, which, side, result, "made up", "head", now=self.now
            ),
        )

    @invariant()
    def states_are_as_declared(self) -> None:
        """Nothing takes a step that there is not, nor comes back from its end."""
        with self.database.read() as session:
            now = {
                (model.__name__, each): state
                for model in (Proposal, Partnership, SupportVisit, Need)
                for each, state in session.execute(select(model.id, model.state))
            }
        for (kind, number), state in now.items():
            was = self.before.get((kind, number), state)
            if was == state:
                continue
            if kind == "Proposal":
                assert P(was) not in FINAL, (number, was, state)
                assert P(state) is not P.COMPLETED or P(was) in APPROVED
                assert P(state) not in APPROVED or P(was) in APPROVED | {P.AGREED, P.DEFERRED}
            elif kind != "Need":
                steps: Any = VISITS if kind == "SupportVisit" else PARTNERSHIPS
                assert state in steps[was], (kind, number, was, state)
            else:
                assert NeedState(was) not in (NeedState.MET, NeedState.CLOSED), (was, state)
        self.before = now

    @invariant()
    def partnerships_fit_their_proposals_and_needs(self) -> None:
        """One for each proposal at most; over with it; a need is met after one that is over."""
        with self.database.read() as session:
            query = select(Partnership, Proposal, Need).join(
                Proposal, Proposal.id == Partnership.proposal_id
            )
            found = session.execute(query.join(Need, Need.id == Proposal.need_id)).all()
            met = set(session.scalars(select(Need.id).where(Need.state == NeedState.MET)))
        assert len({proposal.id for _, proposal, _ in found}) == len(found)
        for partnership, proposal, _ in found:
            over = S(partnership.state) in OVER
            assert over == (P(proposal.state) in FINAL), (partnership.state, proposal.state)
            assert over == (partnership.over_on is not None)
        assert met <= {need.id for each, _, need in found if S(each.state) in OVER}

    @invariant()
    def days_are_as_counted_by_hand(self) -> None:
        """What a giver gives and holds is nowhere negative, counted twice or more than agreed."""
        with self.database.read() as session:
            offers = {each.id: each.participant_id for each in session.scalars(select(Offer))}
            proposals = session.scalars(select(Proposal)).all()
            partnerships = {each.proposal_id: each for each in session.scalars(select(Partnership))}
            booked = session.scalars(select(SupportVisit)).all()
            for giver in set(offers.values()):
                given = held = 0
                for proposal in proposals:
                    if offers[proposal.offer_id] != giver:
                        continue
                    partnership = partnerships.get(proposal.id)
                    if partnership is None:
                        held += proposal.half_days if P(proposal.state) in HOLDS else 0
                        continue
                    mine = [each for each in booked if each.partnership_id == partnership.id]
                    used = [each for each in mine if each.state in ("written_up", "signed")]
                    delivered = sum(
                        each.half_days
                        for each in used
                        if each.on_day <= (partnership.over_on or date.max)
                    )
                    over = S(partnership.state) in OVER
                    assert delivered <= proposal.half_days
                    given += delivered if over else proposal.half_days
                found = balances(session, TERMINAL, giver)
                assert [(each.given, each.held_to_give) for each in found] in (
                    [(given, held)],
                    [] if given == held == 0 else None,
                )
            assert all((each.half_days or 0) >= 0 for each in session.scalars(select(Support)))


def test_no_order_of_actions_leads_to_an_illegal_state(
    migrated_sqlite: Path, tmp_path: Path
) -> None:
    """Thousands of actions, most of them refused; every kind is carried out now and then."""
    template = tmp_path / "template.sqlite3"
    shutil.copy(migrated_sqlite, template)
    fill(template)
    Exchange.template, Exchange.folder = template, tmp_path
    Exchange.asked, Exchange.done = 0, set()
    run_state_machine_as_test(
        Exchange,
        settings=settings(
            max_examples=MOST_EXAMPLES,
            stateful_step_count=STEPS,
            derandomize=True,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert Exchange.asked >= STEPS_AT_LEAST
    assert {"start", "book", "write up", "sign", "dispute", "cancel", "end"} <= Exchange.done
    assert {"pause", "resume", "review", "outcome"} <= Exchange.done
