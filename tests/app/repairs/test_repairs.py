"""A pairing that broke has up to three repairs; one is taken in one step, or not at all."""

from collections.abc import Callable
from datetime import timedelta
from threading import Thread

import pytest
from sqlalchemy import select, update

from app.access.policy import TERMINAL, Role, Scope
from app.database import Database, database_now
from app.errors import Forbidden, NotFound
from app.repairs import service
from app.repairs.broken import list_broken
from app.repairs.queries import RepairView, repairs_of
from app.repairs.service import OutOfDate
from app.repairs.work_out import NothingBroken, work_out
from models.access import AuditEvent
from models.exchange import Need, Offer
from models.matching import Decision, Proposal
from models.register import Institution, Participant
from models.repairs import Repair
from models.vocabulary import RepairSize, ScopeKind
from tests import rows
from tests.factories import acting
from tests.repairs import (
    approve,
    chain,
    change,
    everything,
    lapse,
    of_need,
    pairs,
    prefer,
    refuse,
    take,
    worked_out,
)

SMALLEST, MIDDLE, LARGEST = RepairSize


@pytest.fixture
def exchange(database: Database) -> Database:
    return chain(database)


def test_a_supporter_drops_out(exchange: Database) -> None:
    """The smallest repair moves nobody else: the next best takes its place, in one step."""
    change(exchange, Offer, "O3", withdrawn=True)
    one = of_need(exchange, "N3")
    [first, *_] = worked_out(exchange, one)
    assert (first.repair.size, first.disturbed, first.rank, first.people) == (SMALLEST, 0, 1, 3)
    [line] = first.lines
    assert (line.need, line.after and line.after.offer) == ("N3", "spare")
    assert first.points == line.points < 0
    assert [each.who.name for each in first.asks] == ["Spare giver", "School 3", "Giver 3"]
    take(exchange, one, first)
    assert pairs(exchange) == {"N1": "O1", "N2": "O2", "N3": "spare"}
    with exchange.read() as session:
        assert list_broken(session, TERMINAL) == []
        [comes] = session.scalars(select(Proposal).where(Proposal.follows_id == one))
        assert (comes.run_id, comes.state, comes.alternate_due) == (1, "proposed", False)
        told = session.scalars(select(AuditEvent.action).order_by(AuditEvent.sequence.desc()))
        assert list(told)[:3] == ["proposal.repaired", "proposal.offered", "proposal.withdrawn"]
        assert session.scalars(select(Decision.note)).all() == [
            f"Repair {first.repair.id} of proposal {one}"
        ]


def test_neighbours_move_where_that_is_worth_it(exchange: Database) -> None:
    """Nobody who is free can help N1, so that the supporter of N2 does, and the spare one N2."""
    change(exchange, Offer, "O1", withdrawn=True)
    one = of_need(exchange, "N1")
    alone, moved = worked_out(exchange, one)
    assert [line.after for line in alone.lines] == [None]
    assert [each.who.name for each in alone.asks] == ["School 1", "Giver 1"]
    assert (moved.repair.size, moved.disturbed, moved.people) == (MIDDLE, 1, 5)
    assert [(line.need, line.after and line.after.offer) for line in moved.lines] == [
        ("N1", "O2"),
        ("N2", "spare"),
    ]
    assert moved.points > alone.points
    assert moved.repair.objective == moved.repair.bound
    assert (alone.gap or 0) > 0 == moved.gap
    take(exchange, one, moved)
    assert pairs(exchange) == {"N1": "O2", "N2": "spare", "N3": "O3"}


def test_the_same_again_changes_nothing(exchange: Database) -> None:
    """Whoever takes a repair twice finds it taken once; another of the pairing is out of date."""
    change(exchange, Offer, "O1", withdrawn=True)
    one = of_need(exchange, "N1")
    alone, moved = worked_out(exchange, one)
    take(exchange, one, moved)
    before = everything(exchange)
    take(exchange, one, moved)
    with pytest.raises(OutOfDate, match="proposals of those concerned have changed"):
        take(exchange, one, alone)
    assert everything(exchange) == before
    with pytest.raises(NothingBroken, match="needs no repair"):
        work_out(exchange, TERMINAL, one, None)


def test_one_worked_out_before_is_gone(exchange: Database) -> None:
    """Only what was worked out last can be taken."""
    change(exchange, Offer, "O1", withdrawn=True)
    one = of_need(exchange, "N1")
    [old, *_], _ = worked_out(exchange, one), worked_out(exchange, one)
    with pytest.raises(NotFound, match=r"no repair \d+ of proposal"):
        take(exchange, one, old)


def _declare(database: Database) -> None:
    """Who is to help school 1 instead is said to supply it."""
    with database.write() as session:
        giver, taker = (
            session.scalars(
                select(Participant).join(model).where(model.reference == reference)
            ).one()
            for model, reference in ((Offer, "O2"), (Need, "N1"))
        )
        rows.add_interest(session, "I", giver, taker, kind="supplier_of")


CHANGES_SINCE: dict[str, Callable[[Database], None]] = {
    "offers": lambda database: change(database, Offer, "O2", half_days=2),
    "needs": lambda database: change(database, Need, "N2", priority=1),
    "declared interests": _declare,
    "proposals": lambda database: prefer(database, of_need(database, "N2")),
}


@pytest.mark.parametrize("what", CHANGES_SINCE)
def test_what_changed_since_refuses_it(exchange: Database, what: str) -> None:
    """A repair rests on the data of those whose pairings it changes; what changed is named."""
    change(exchange, Offer, "O1", withdrawn=True)
    one = of_need(exchange, "N1")
    moved = worked_out(exchange, one)[1]
    CHANGES_SINCE[what](exchange)
    before = everything(exchange)
    with pytest.raises(OutOfDate, match=f"out of date: .*{what} of those concerned have changed"):
        take(exchange, one, moved)
    assert everything(exchange) == before


def test_what_changed_elsewhere_does_not(exchange: Database) -> None:
    """Another school's need is nothing to those concerned."""
    change(exchange, Offer, "O1", withdrawn=True)
    one = of_need(exchange, "N1")
    moved = worked_out(exchange, one)[1]
    change(exchange, Need, "N3", priority=1)
    take(exchange, one, moved)
    assert pairs(exchange)["N1"] == "O2"


def test_an_approved_pairing_is_repaired(exchange: Database) -> None:
    """What was approved ends, and nothing of it carries over; what others decided on stays."""
    approve(exchange, one := of_need(exchange, "N3"))
    prefer(exchange, of_need(exchange, "N2"))
    change(exchange, Offer, "O3", withdrawn=True)
    [first, *_] = worked_out(exchange, one)
    take(exchange, one, first)
    assert pairs(exchange) == {"N1": "O1", "N2": "O2", "N3": "spare"}
    with exchange.read() as session:
        assert session.get_one(Proposal, of_need(exchange, "N3")).state == "proposed"


def test_a_matched_need_looks_for_support_again(exchange: Database) -> None:
    """Its supporter dropped out, so that it is matched no more."""
    approve(exchange, one := of_need(exchange, "N3"))
    change(exchange, Need, "N3", state="matched")
    change(exchange, Offer, "O3", withdrawn=True)
    [first, *_] = worked_out(exchange, one)
    take(exchange, one, first)
    assert pairs(exchange)["N3"] == "spare"
    with exchange.read() as session:
        need = session.scalars(select(Need).where(Need.reference == "N3")).one()
        assert need.state == "match"
        assert list_broken(session, TERMINAL) == []


def test_an_offer_lowered_gives_what_it_still_can(exchange: Database) -> None:
    """The same supporter with fewer days is one pairing changed, approved or not."""
    change(exchange, Need, "N3", half_days_min=1)
    change(exchange, Offer, "spare", withdrawn=True)
    approve(exchange, one := of_need(exchange, "N3"))
    change(exchange, Offer, "O3", half_days=2)
    [first, *_] = worked_out(exchange, one)
    [line] = first.lines
    assert (line.after and line.after.offer, line.after and line.after.half_days) == ("O3", 2)
    take(exchange, one, first)
    assert pairs(exchange) == {"N1": "O1", "N2": "O2", "N3": "O3"}


def test_a_need_withdrawn_sets_days_free(exchange: Database) -> None:
    """Whoever has nobody may get them; nothing is proposed for the need that is gone."""
    with exchange.write() as session:
        school = session.scalars(select(Need).where(Need.reference == "N3")).one().participant_id
        other = rows.add_school(session, 30, 9.5, name="School 4")
        assert other.id != school
        rows.add_need(session, "N4", other)
    change(exchange, Offer, "spare", withdrawn=True)
    change(exchange, Need, "N3", state="closed")
    one = of_need(exchange, "N3")
    alone, given = worked_out(exchange, one)
    assert [line.after for line in alone.lines] == [None]
    assert [(line.need, line.after and line.after.offer) for line in given.lines] == [
        ("N3", None),
        ("N4", "O3"),
    ]
    take(exchange, one, given)
    assert pairs(exchange) == {"N1": "O1", "N2": "O2", "N4": "O3"}


def test_two_supporters_drop_out(exchange: Database) -> None:
    """Each pairing has its own repair; the area planned again repairs both, and counts one loss."""
    for offer in ("O1", "O3"):
        change(exchange, Offer, offer, withdrawn=True)
    one, other = (of_need(exchange, need) for need in ("N1", "N3"))
    found = worked_out(exchange, one)
    assert [each.repair.size for each in found][:1] == [SMALLEST]
    whole = found[-1]
    assert (whole.repair.size, whole.repair.content["lost"]) == (LARGEST, [other])
    assert all(other not in view.repair.content["ends"] for view in found[:-1])
    assert whole.points > found[0].points
    take(exchange, one, whole)
    assert other not in (one, of_need(exchange, "N3"))
    with exchange.read() as session:
        assert list_broken(session, TERMINAL) == []


def test_an_institution_closed(exchange: Database) -> None:
    """Its pairing is repaired as if it had withdrawn its offer."""
    with exchange.write() as session:
        giver = session.scalars(select(Offer.participant_id).where(Offer.reference == "O3")).one()
        session.execute(
            update(Institution).where(Institution.participant_id == giver).values(in_scope=False)
        )
    one = of_need(exchange, "N3")
    take(exchange, one, worked_out(exchange, one)[0])
    assert pairs(exchange)["N3"] == "spare"


def test_a_refusal_and_a_hold_that_lapsed(exchange: Database) -> None:
    """Both leave a need with nobody; what ended is not proposed again, and nobody waits for it."""
    for need, ends in (("N3", refuse), ("N2", lapse)):
        one = of_need(exchange, need)
        prefer(exchange, one)
        ends(exchange, one)
        found = worked_out(exchange, one)
        assert all(
            line.after is None or line.after.offer != f"O{need[1]}"
            for view in found
            for line in view.lines
            if line.need == need
        )
        if need == "N3":
            take(exchange, one, found[0])
            assert pairs(exchange)["N3"] == "spare"
            with exchange.read() as session:
                assert not session.get_one(Proposal, one).alternate_due


def test_a_hold_that_ran_out_lapses_by_the_clock(exchange: Database) -> None:
    """Whoever repairs it before the worker looked ends it as the clock would."""
    prefer(exchange, one := of_need(exchange, "N3"))
    with exchange.write() as session:
        past = database_now(session) - timedelta(minutes=1)
        session.execute(update(Proposal).where(Proposal.id == one).values(held_until=past))
    take(exchange, one, worked_out(exchange, one)[0])
    with exchange.read() as session:
        assert session.get_one(Proposal, one).state == "lapsed"
    assert pairs(exchange)["N3"] == "spare"


def test_nobody_else_can_help(exchange: Database) -> None:
    """The pairing can be ended; of one that has ended already there is nothing to take."""
    change(exchange, Offer, "spare", withdrawn=True)
    for n in (1, 2):
        prefer(exchange, of_need(exchange, f"N{n}"))
    prefer(exchange, one := of_need(exchange, "N3"))
    refuse(exchange, one)
    assert worked_out(exchange, one) == []


def test_another_broker_may_not(exchange: Database) -> None:
    """Somebody else's pairing is not there; one that is only read is refused; so is a contact."""
    change(exchange, Offer, "O1", withdrawn=True)
    one = of_need(exchange, "N1")
    moved = worked_out(exchange, one)[1]
    own = Scope(ScopeKind.INSTITUTION, "1")
    for who, kind in (
        (acting(Role.BROKER, scope=Scope(ScopeKind.AREA, "998")), NotFound),
        (acting(Role.APPROVER), Forbidden),
        (acting(Role.CONTACT, scope=own), Forbidden),
        (acting(Role.BROKER, scope=own), Forbidden),
    ):
        with pytest.raises(kind), exchange.write() as session:
            service.take(session, who, one, moved.repair.id)
    only_own = acting(Role.BROKER, scope=own)
    with exchange.read() as session:
        found, beyond = repairs_of(session, only_own, one)
    assert ([each.repair.size for each in found], beyond) == ([SMALLEST], 1)


def test_two_brokers_at_once(exchange: Database) -> None:
    """One of two different repairs is taken; the same one by both is taken once."""
    change(exchange, Offer, "O1", withdrawn=True)
    one = of_need(exchange, "N1")
    found = worked_out(exchange, one)
    outcomes: list[str] = []

    def attempt(view: RepairView) -> None:
        try:
            take(exchange, one, view)
            outcomes.append("taken")
        except OutOfDate:
            outcomes.append("refused")

    threads = [Thread(target=attempt, args=(view,)) for view in (*found, *found)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["refused", "refused", "taken", "taken"]
    with exchange.read() as session:
        assert len(session.scalars(select(Repair).where(Repair.taken_at.is_not(None))).all()) == 1
