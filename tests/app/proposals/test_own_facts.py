"""Nobody makes the facts by which their own proposal needs no approver."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from app.access.policy import Principal, Scope
from app.database import Database, WriteSession
from app.errors import Forbidden
from app.imports.kinds import KINDS
from app.proposals import agreements, decisions, flags, queries
from app.proposals.agreements import approval_if_any, set_public_money
from app.proposals.approval_rules import BY_OWN_FACT, NOT_YET
from app.proposals.heard import Heard
from app.proposals.terms import standing
from app.register import list_queries, service
from app.register.circumstances import CircumstanceRow
from app.register.organisation_rows import Described, OrganisationRow
from app.register.service import Member
from models.exchange import Offer
from models.matching import Proposal
from models.register import Circumstance, Participant
from models.vocabulary import DecisionAction, Role, Says, ScopeKind, Side
from tests import rows
from tests.factories import acting
from tests.runs import FREELY, contested, match

NOW = datetime(2026, 9, 2, 12, tzinfo=UTC)
MORE: dict[str, Any] = {"hold_days": 14, "now": NOW}
TAKER, GIVER = Side
OF_TAKER = acting(Role.CONTACT, name="taker", scope=Scope(ScopeKind.INSTITUTION, "1"))
OF_GIVER = acting(Role.CONTACT, name="giver", scope=Scope(ScopeKind.INSTITUTION, "2"))
BROKER = acting(Role.BROKER, name="broker")
OTHER = acting(Role.BROKER, name="other broker")
APPROVER = acting(Role.APPROVER, name="approver")
FAMILY = (Member("1", None, None), Member("2", None, None))
CONCERN = CircumstanceRow(
    participant="1", kind="formal_concern", starts=date(2026, 9, 1), source="told by the council"
)
Change = Callable[[WriteSession, Principal, Path], object]


@pytest.fixture
def exchange(database: Database) -> Database:
    """School 1 could get two days from school 2, and what rests on a change is looked at."""
    database.before_commit = flags.review
    match(contested(database), FREELY, now=NOW)
    with database.write() as session:
        session.execute(update(Participant).values(region_code="J"))
    return database


def prefer(database: Database) -> None:
    with database.write() as session:
        decisions.decide(session, BROKER, 1, DecisionAction.PREFER, **MORE)


def pays(database: Database, pounds: int, who: Principal = BROKER) -> None:
    with database.write() as session:
        set_public_money(session, who, 1, pounds, **MORE)


def both_agree(database: Database, number: int = 1) -> None:
    for who, side in ((OF_TAKER, TAKER), (OF_GIVER, GIVER)):
        with database.write() as session:
            agreements.agree(session, who, number, side, Says.YES, Heard("headteacher"), **MORE)


def outcome(database: Database, number: int = 1) -> tuple[str, str | None]:
    """The state, and why an approver decides."""
    with database.read() as session:
        full = queries.get_proposal(session, BROKER, number)
        said = standing(session, number)
        found = approval_if_any(session, full.proposal, full.need, full.offer, said)
        return full.proposal.state, found and found.statement


def proposed_again(database: Database) -> int:
    """The same two sides once more, in a new run, once the last proposal was withdrawn."""
    last = select(Proposal).order_by(Proposal.id.desc())
    with database.write() as session:
        before = session.scalars(last).first()
        assert before is not None
        of_before = before.id, before.offer_id
        decisions.decide(session, BROKER, before.id, DecisionAction.WITHDRAW, **MORE)
    match(database, FREELY, now=NOW)
    with database.write() as session:
        anew = session.scalars(last).first()
        assert anew is not None
        assert (anew.id - 1, anew.offer_id) == of_before
        anew.state, anew.public_money_pounds = "preferred", 0
        return anew.id


def approved_after(database: Database, change: Change, who: Principal, folder: Path) -> bool:
    """Whether the agreements suffice for a broker's proposal once somebody changed a fact."""
    with database.write() as session:
        change(session, who, folder)
    prefer(database)
    pays(database, 0)
    both_agree(database)
    state, why = outcome(database)
    assert why in (None, BY_OWN_FACT.statement)
    return state == "approved"


def _file(session: WriteSession, who: Principal, folder: Path, kind: str, text: str) -> None:
    path = folder / f"{kind}.csv"
    path.write_text(text, "utf-8")
    KINDS[kind].import_files(session, who, {kind: path})


def new_network(session: WriteSession, who: Principal, folder: Path) -> None:
    service.create_network(session, who, key="f", name="F", kind="family", members=FAMILY)


def joined(session: WriteSession, who: Principal, folder: Path) -> None:
    members = FAMILY[:1]
    service.create_network(session, OTHER, key="f", name="F", kind="family", members=members)
    service.change_network(
        session, who, key="f", name="F", kind="family", members=FAMILY, version=None
    )


def network_file(session: WriteSession, who: Principal, folder: Path) -> None:
    _file(session, who, folder, "networks", "key,name,kind,member\nf,F,family,1\nf,,,2\n")


@pytest.mark.parametrize("change", [new_network, joined, network_file])
@pytest.mark.parametrize("who", [BROKER, OTHER])
def test_a_network_of_ones_own_making_decides_nothing(
    exchange: Database, tmp_path: Path, change: Change, who: Principal
) -> None:
    """Also not one from before the proposal; one that somebody else made does."""
    assert approved_after(exchange, change, who, tmp_path) is (who is OTHER)


def test_a_network_kept_as_it_was_is_nobodys_change(exchange: Database, tmp_path: Path) -> None:
    """Whoever renames it changed no place in it."""
    with exchange.write() as session:
        new_network(session, OTHER, tmp_path)

    def rename(session: WriteSession, who: Principal, folder: Path) -> None:
        service.change_network(
            session, who, key="f", name="G", kind="family", members=FAMILY, version=None
        )

    assert approved_after(exchange, rename, BROKER, tmp_path)


@pytest.mark.parametrize("who", [BROKER, OTHER])
def test_an_organisation_that_somebody_let_stand_for_a_trust(
    exchange: Database, who: Principal
) -> None:
    """That both sides are of one trust counts as little where whoever proposes said so."""
    with exchange.write() as session:
        taker = session.scalars(select(Participant).order_by(Participant.id)).first()
        assert taker is not None
        rows.add_group(session, 7, "multi_academy_trust", [taker])
        hub = rows.add_hub(session, "hub")
        mine = {"participant_id": hub.id}
        session.execute(update(Offer).where(Offer.reference == "near").values(mine))
    with exchange.write() as session:
        row = OrganisationRow(key="hub", name="Hub", kind="subject_hub", group_uid=7)
        described = Described(0, row, position=(55.0, 2.0))
        service.change_organisation(session, who, described, None)
    prefer(exchange)
    pays(exchange, 0)
    of_hub = acting(Role.CONTACT, name="hub", scope=Scope(ScopeKind.ORGANISATION, "hub"))
    for contact, side in ((OF_TAKER, TAKER), (of_hub, GIVER)):
        with exchange.write() as session:
            agreements.agree(session, contact, 1, side, Says.YES, Heard("head"), **MORE)
    assert outcome(exchange)[0] == ("agreed" if who is BROKER else "approved")


def test_who_says_that_nothing_is_paid_acts_for_it(exchange: Database, tmp_path: Path) -> None:
    """And cannot have made the network, whoever put the proposal forward."""
    with exchange.write() as session:
        new_network(session, OTHER, tmp_path)
    prefer(exchange)
    pays(exchange, 0, OTHER)
    both_agree(exchange)
    assert outcome(exchange) == ("agreed", BY_OWN_FACT.statement)


def deleted(session: WriteSession, who: Principal, folder: Path) -> None:
    service.withdraw_circumstance(session, who, 1, "Of another school.", None)


def ended(session: WriteSession, who: Principal, folder: Path) -> None:
    ends = date(2026, 9, 1)
    service.change_circumstance(session, who, 1, ends=ends, source="told", version=None)


def ended_by_file(session: WriteSession, who: Principal, folder: Path) -> None:
    text = "participant,kind,starts,ends,source\n1,formal_concern,2026-09-01,2026-09-01,told\n"
    _file(session, who, folder, "circumstances", text)


@pytest.fixture
def concern(exchange: Database, tmp_path: Path) -> Database:
    """School 1 is under formal concern; both schools are in a network of somebody else's."""
    with exchange.write() as session:
        service.create_circumstance(session, OTHER, CONCERN)
        new_network(session, OTHER, tmp_path)
    return exchange


@pytest.mark.parametrize("change", [deleted, ended, ended_by_file])
def test_a_concern_is_closed_by_nobody_who_acts_for_the_proposal(
    concern: Database, tmp_path: Path, change: Change
) -> None:
    """Whichever way; somebody else can, and then the agreements suffice."""
    prefer(concern)
    pays(concern, 0)
    with pytest.raises(Forbidden, match="proposal 1"), concern.write() as session:
        change(session, BROKER, tmp_path)
    with concern.write() as session:
        change(session, OTHER, tmp_path)
    both_agree(concern)
    assert outcome(concern)[0] == "approved"


@pytest.mark.parametrize("change", [deleted, ended, ended_by_file])
def test_a_concern_closed_before_proposing_still_counts(
    concern: Database, tmp_path: Path, change: Change
) -> None:
    """Of whoever then puts the proposal forward."""
    assert not approved_after(concern, change, BROKER, tmp_path)


def test_what_no_rule_asks_for_is_ended_by_anybody(exchange: Database, tmp_path: Path) -> None:
    """A new head is no concern; nor is a concern that lasts longer than was known."""
    new_head = CONCERN.model_copy(update={"kind": "new_head"})
    with exchange.write() as session:
        new_network(session, OTHER, tmp_path)
        service.create_circumstance(session, OTHER, new_head)
    prefer(exchange)
    pays(exchange, 0)
    with exchange.write() as session:
        ended(session, BROKER, tmp_path)
        service.change_circumstance(session, BROKER, 1, ends=None, source="told", version=None)
    both_agree(exchange)
    assert outcome(exchange)[0] == "approved"


def test_a_deleted_concern_stays_on_record(concern: Database, tmp_path: Path) -> None:
    """As it was, with who deleted it and why, for who may read of the school."""
    with concern.write() as session:
        deleted(session, OTHER, tmp_path)
        assert session.scalars(select(Circumstance)).all() == []
    with concern.read() as session:
        (kept,) = list_queries.list_withdrawn(session, BROKER, participant="1")
        assert (kept["kind"], kept["reason"]) == ("formal_concern", "Of another school.")
        was = {"starts": "2026-09-01", "ends": None, "source": "told by the council"}
        assert (kept["deleted"], kept["withdrawn_by"]) == (was, OTHER.name)
        elsewhere = acting(Role.VIEWER, scope=Scope(ScopeKind.INSTITUTION, "2"))
        assert list_queries.list_withdrawn(session, elsewhere) == []


def test_what_an_approver_deferred_no_rule_approves(exchange: Database, tmp_path: Path) -> None:
    """Not after a change of terms, nor in another run, until an approver has approved."""
    with exchange.write() as session:
        new_network(session, OTHER, tmp_path)
    prefer(exchange)
    pays(exchange, 10)
    both_agree(exchange)
    with exchange.write() as session:
        decisions.decide(session, APPROVER, 1, DecisionAction.DEFER, **MORE)
    pays(exchange, 0)
    both_agree(exchange)
    assert outcome(exchange) == ("agreed", NOT_YET.statement)
    second = proposed_again(exchange)
    both_agree(exchange, second)
    assert outcome(exchange, second) == ("agreed", NOT_YET.statement)
    with exchange.write() as session:
        decisions.decide(session, APPROVER, second, DecisionAction.APPROVE, **MORE)
    third = proposed_again(exchange)
    both_agree(exchange, third)
    assert outcome(exchange, third)[0] == "approved"
