"""Who approves: open rules, what public money pays, and directions in the place of a yes."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from app.access.keys import create_key
from app.access.policy import TERMINAL, Principal, Scope
from app.cases.states import state_after
from app.database import Database
from app.errors import FaultyFile, Forbidden
from app.events import audit
from app.events.verify import verify
from app.imports.kinds import KINDS
from app.proposals import agreements, decisions, queries
from app.proposals.agreements import approval_if_any, set_public_money
from app.proposals.approval_rules import BY_ONE, ApprovalRuleRow, rules_in_force
from app.proposals.decisions import BadDecision, Said
from app.proposals.directions import Direction, direct, withdraw_direction
from app.proposals.heard import Heard, NotHeard
from app.proposals.list_query import ProposalQuery
from app.proposals.states import NotNow
from app.proposals.terms import standing
from app.register.circumstances import ensure_default_rules
from models.matching import Agreement, Decision, Proposal
from models.register import Circumstance, Institution, Participant
from models.vocabulary import (
    Channel,
    Consultee,
    DecisionAction,
    DeclineReason,
    LegalBasis,
    Role,
    Says,
    ScopeKind,
    Side,
)
from tests import rows
from tests.factories import acting, heard
from tests.runs import FREELY, contested, match

NOW = datetime(2026, 9, 2, 12, tzinfo=UTC)
TAKER, GIVER = Side
MORE: dict[str, Any] = {"hold_days": 14, "now": NOW}
OF_TAKER = acting(Role.CONTACT, name="taker", scope=Scope(ScopeKind.INSTITUTION, "1"))
OF_GIVER = acting(Role.CONTACT, name="giver", scope=Scope(ScopeKind.INSTITUTION, "2"))
BROKER = acting(Role.BROKER, name="broker")
APPROVER = acting(Role.APPROVER, name="approver")
DIRECTOR = acting(Role.APPROVER, name="director")
GOVERNORS = {Consultee.GOVERNING_BODY: date(2026, 8, 1)}
NOTICE = Direction(LegalBasis.SECTION_63, date(2026, 8, 20), GOVERNORS)


@pytest.fixture
def exchange(database: Database) -> Database:
    """School 1 is to get two days from school 2, in one region, and it is preferred."""
    match(contested(database), FREELY, now=NOW)
    with database.write() as session:
        session.execute(update(Participant).values(region_code="J"))
        decisions.decide(session, BROKER, 1, DecisionAction.PREFER, **MORE)
    return database


def state(database: Database) -> str:
    with database.read() as session:
        return session.get_one(Proposal, 1).state


def agree(
    database: Database, who: Principal, side: Side, says: Says = Says.YES, how: Heard | None = None
) -> None:
    how = how or (heard(on=NOW) if who is BROKER else Heard("headteacher"))
    reason = Said() if says is Says.YES else Said(DeclineReason.CAPACITY)
    with database.write() as session:
        agreements.agree(session, who, 1, side, says, how, reason, **MORE)


def both_agree(database: Database) -> None:
    agree(database, OF_TAKER, TAKER)
    agree(database, OF_GIVER, GIVER)


def pays(database: Database, pounds: int) -> None:
    with database.write() as session:
        set_public_money(session, BROKER, 1, pounds, **MORE)


def directs(database: Database, notice: Direction = NOTICE, who: Principal = DIRECTOR) -> None:
    with database.write() as session:
        direct(session, who, 1, notice, **MORE)


def in_one(database: Database, kind: str) -> None:
    """Both schools in a trust or a network."""
    with database.write() as session:
        both = list(session.scalars(select(Participant).order_by(Participant.id)))[:2]
        if kind == "group":
            rows.add_group(session, 7, "multi_academy_trust", both)
        else:
            rows.add_network(session, "family", both)
        audit.record(session, actor="test", action="network.create", subject="network:family")


def set_rules(database: Database, folder: Path, text: str) -> None:
    path = folder / "rules.csv"
    path.write_text(f"{','.join(ApprovalRuleRow.columns())}\n{text}\n", "utf-8")
    with database.write() as session:
        KINDS["approval-rules"].import_files(session, TERMINAL, {"approval-rules": path})


@pytest.mark.parametrize(
    ("joined", "pounds", "changes", "ends"),
    [
        ("network", 0, {}, "approved"),
        ("group", 0, {}, "approved"),
        ("group", None, {}, "agreed"),
        ("group", 1, {}, "agreed"),
        (None, 0, {}, "agreed"),
        ("network", 0, {"region_code": "K"}, "approved"),
        ("network", 0, {"concern": "formal_concern"}, "agreed"),
        ("network", 0, {"concern": "new_head"}, "approved"),
    ],
)
def test_two_agreements_suffice_where_the_rules_say_so(
    exchange: Database, joined: str | None, pounds: int | None, changes: dict[str, str], ends: str
) -> None:
    """Unfunded inside one trust or network, whatever its regions, unless there is a concern."""
    if joined:
        in_one(exchange, joined)
    if pounds is not None:
        pays(exchange, pounds)
    with exchange.write() as session:
        taker = session.scalars(select(Participant).order_by(Participant.id)).all()[0]
        taker.region_code = changes.get("region_code", taker.region_code)
        if kind := changes.get("concern"):
            ensure_default_rules(session)
            starts = date(2026, 9, 1)
            rows.add(
                session,
                Circumstance(participant_id=taker.id, kind=kind, starts=starts, source="made up"),
            )
    both_agree(exchange)
    assert state(exchange) == ends


def test_what_the_rules_approve_is_on_record(exchange: Database) -> None:
    """As a decision by the rules, with their reason, in the history, the case and the audit."""
    in_one(exchange, "network")
    pays(exchange, 0)
    both_agree(exchange)
    with exchange.read() as session:
        last = session.scalars(select(Decision).order_by(Decision.id.desc())).first()
        assert last is not None
        assert (last.author, last.state_before) == ("approval rules", "agreed")
        assert "inside one network" in str(last.note)
        found = session.scalars(select(Decision)).all(), session.scalars(select(Agreement)).all()
        assert state_after(*found, until=datetime(2027, 1, 1, tzinfo=UTC)) == "approved"
    with exchange.read() as session:
        assert verify(session).fault is None


def test_one_person_never_speaks_for_both_and_approves(exchange: Database) -> None:
    """Where one recorded both words, somebody else has to look, whatever the rules say."""
    in_one(exchange, "network")
    pays(exchange, 0)
    agree(exchange, BROKER, TAKER)
    agree(exchange, BROKER, GIVER)
    assert state(exchange) == "agreed"
    with exchange.read() as session:
        full = queries.get_proposal(session, BROKER, 1)
        said = standing(session, 1)
        told = approval_if_any(session, full.proposal, full.need, full.offer, said)
    assert told == BY_ONE, "the page says who has to approve, as the decision does"
    with exchange.write() as session:
        decisions.decide(session, APPROVER, 1, DecisionAction.APPROVE, **MORE)


@pytest.mark.parametrize(("owner", "ends"), [("testshire", "agreed"), ("Othershire", "approved")])
def test_two_keys_of_one_owner_are_no_two_persons(
    exchange: Database, owner: str, ends: str
) -> None:
    """What one of them recorded for a side, the other does not make up to both."""
    in_one(exchange, "network")
    pays(exchange, 0)
    for side, owned_by in ((TAKER, "Testshire"), (GIVER, owner)):
        with exchange.write() as session:
            key, _ = create_key(session, TERMINAL, f"of {side}", BROKER.grants, owner=owned_by)
            who = acting(Role.BROKER, name=f"key:{key.prefix}")
        agree(exchange, who, side, how=heard(on=NOW))
    assert state(exchange) == ends


@pytest.mark.parametrize(
    ("pounds", "rules", "expected"),
    [
        (5, "5,no,,,approver,Much\n,no,,,agreements,Little", "agreements"),
        (6, "5,no,,,approver,Much\n,no,,,agreements,Little", "approver"),
        (None, "5,no,,,approver,Much\n,no,,,agreements,Little", "agreements"),
        (0, ",yes,one_region,,agreements,Near\n,no,,,approver,Else", "agreements"),
        (0, ",yes,two_regions,,agreements,Far\n,no,,,approver,Else", "approver"),
    ],
)
def test_rules_are_replaced_by_a_file(
    exchange: Database, tmp_path: Path, pounds: int | None, rules: str, expected: str
) -> None:
    """The first that holds decides, and its reason is told."""
    set_rules(exchange, tmp_path, rules)
    if pounds is not None:
        pays(exchange, pounds)
    with exchange.read() as session:
        full = queries.get_proposal(session, TERMINAL, 1)
        said = standing(session, 1)
        found = approval_if_any(session, full.proposal, full.need, full.offer, said)
        assert found is not None
        assert (found.approved_by, found.statement) == (
            expected,
            rules.split("\n")[found.rule - 1].rpartition(",")[2],
        )


def test_a_file_of_rules_comes_back_as_it_was(exchange: Database, tmp_path: Path) -> None:
    """Defaults can be exported, edited and imported; fewer rows leave nothing of the old."""
    kind = KINDS["approval-rules"]
    with exchange.read() as session:
        before = list(rules_in_force(session))
        path = tmp_path / "rules.csv"
        path.write_text(kind.export(session, TERMINAL), "utf-8")
    for changed in (True, False):
        with exchange.write() as session:
            report = kind.import_files(session, TERMINAL, {kind.name: path})
            assert report.any_change is changed
            assert list(rules_in_force(session)) == before
    set_rules(exchange, tmp_path, ",no,,,approver,Only")
    with exchange.read() as session:
        assert [rule.statement for rule in rules_in_force(session)] == ["Only"]
    with exchange.write() as session, pytest.raises(Forbidden):
        kind.import_files(session, BROKER, {kind.name: path})


@pytest.mark.parametrize(
    ("rules", "line", "reason"),
    [
        (",no,,gone,approver,A\n,no,,,approver,B", 2, "is no kind of circumstance"),
        ("5,yes,,,approver,A\n,no,,,approver,B", 2, "never holds together"),
        (",no,,,approver,A\n,no,,,approver,B", 2, "no conditions"),
        ("5,no,,,approver,A", 2, "Add a last rule"),
        ("-1,no,,,approver,A\n,no,,,approver,B", 2, "must"),
        (",no,both,,approver,A\n,no,,,approver,B", 2, "one_group"),
    ],
)
def test_faulty_rules_change_nothing(
    exchange: Database, tmp_path: Path, rules: str, line: int, reason: str
) -> None:
    """Every proposal has a rule that decides, and each fault its line."""
    with pytest.raises(FaultyFile) as refused:
        set_rules(exchange, tmp_path, rules)
    assert any(each.line == line and reason in each.reason for each in refused.value.faults)
    with exchange.read() as session:
        assert len(rules_in_force(session)) == 9


def test_money_is_of_the_terms(exchange: Database) -> None:
    """Another sum voids what both said; the same changes nothing, and what is approved stays."""
    pays(exchange, 500)
    both_agree(exchange)
    pays(exchange, 500)
    assert state(exchange) == "agreed"
    pays(exchange, 700)
    assert state(exchange) == "due_diligence"
    with exchange.read() as session:
        assert not standing(session, 1)
    both_agree(exchange)
    with exchange.write() as session:
        decisions.decide(session, APPROVER, 1, DecisionAction.APPROVE, **MORE)
    with pytest.raises(NotNow, match="is approved"):
        pays(exchange, 0)


@pytest.mark.parametrize(
    ("how", "field"),
    [
        (Heard("headteacher"), "channel"),
        (Heard("headteacher", None, Channel.EMAIL), "said_on"),
        (Heard("headteacher", NOW.date()), "channel"),
        (Heard("headteacher", NOW.date(), Channel.IN_SERVICE), "channel"),
        (Heard("headteacher", date(2026, 9, 3), Channel.EMAIL), "said_on"),
        (Heard("headteacher", date(2025, 8, 1), Channel.EMAIL), "said_on"),
        (Heard("broker", NOW.date(), Channel.EMAIL), "said_by"),
    ],
)
def test_whoever_records_for_a_side_says_when_and_how(
    exchange: Database, how: Heard, field: str
) -> None:
    """A contact of that side says it here and now, and nobody else does."""
    with pytest.raises(NotHeard) as refused:
        agree(exchange, BROKER, TAKER, how=how)
    assert refused.value.field == field
    agree(exchange, OF_TAKER, TAKER)
    with exchange.read() as session:
        (one,) = standing(session, 1)
        assert (one.channel, one.said_on) == ("in_service", NOW.date())


def test_a_direction_stands_in_for_the_school_alone(exchange: Database) -> None:
    """The supporting organisation still agrees, and another approver approves; counted apart."""
    in_one(exchange, "network")
    pays(exchange, 0)
    directs(exchange)
    directs(exchange)
    assert state(exchange) == "preferred"
    agree(exchange, OF_GIVER, GIVER)
    assert state(exchange) == "agreed"
    with exchange.write() as session, pytest.raises(Forbidden, match="recorded"):
        decisions.decide(session, DIRECTOR, 1, DecisionAction.APPROVE, **MORE)
    with exchange.write() as session:
        decisions.decide(session, APPROVER, 1, DecisionAction.APPROVE, **MORE)
    with exchange.read() as session:
        full = queries.get_proposal(session, TERMINAL, 1)
        assert full.directed
        assert queries.counts_by(session, TERMINAL, full.proposal.run_id)["directed"] == [
            ("approved", 1)
        ]
        wanted = ProposalQuery(directed=False)
        assert not queries.list_proposals(session, TERMINAL, wanted)
        (made,) = (each for each in standing(session, 1) if each.side == TAKER)
        assert made.said_by == "local authority"
        assert made.direction == {
            "legal_basis": "section_63",
            "consulted": {"governing_body": "2026-08-01"},
        }
    with exchange.read() as session:
        assert verify(session).fault is None


def test_the_word_of_the_school_is_better_than_a_direction(exchange: Database) -> None:
    """Its yes takes the place of a direction, its no does not; withdrawn, it is asked again."""
    directs(exchange)
    with pytest.raises(NotNow, match="withdraw the direction first"):
        agree(exchange, OF_TAKER, TAKER, Says.NO)
    agree(exchange, OF_GIVER, GIVER)
    with exchange.write() as session:
        withdraw_direction(session, DIRECTOR, 1, **MORE)
    assert state(exchange) == "due_diligence"
    with exchange.write() as session, pytest.raises(NotNow, match="no statutory direction"):
        withdraw_direction(session, DIRECTOR, 1, **MORE)
    directs(exchange)
    assert state(exchange) == "agreed"
    with exchange.write() as session:
        withdraw_direction(session, DIRECTOR, 1, **MORE)
    agree(exchange, OF_TAKER, TAKER)
    assert state(exchange) == "agreed"
    with pytest.raises(NotNow, match="no direction is needed"):
        directs(exchange)


@pytest.mark.parametrize("type_code", [1, 2, 8, 14, 28, 34])
@pytest.mark.parametrize(
    "consulted", [{}, GOVERNORS, GOVERNORS | {Consultee.DIOCESAN_AUTHORITY: date(2026, 8, 2)}]
)
def test_only_maintained_schools_are_directed_and_after_consultation(
    exchange: Database, type_code: int, consulted: Mapping[Consultee, date]
) -> None:
    """A voluntary school's diocese, or who appoints its foundation governors, is asked too."""
    with exchange.write() as session:
        school = session.scalars(select(Institution).where(Institution.urn == 1)).one()
        school.type_code = type_code
    notice = Direction(LegalBasis.SECTION_66A, date(2026, 8, 20), consulted)
    if (type_code == 1 and consulted) or (type_code == 2 and len(consulted) == 2):
        directs(exchange, notice)
        return
    with pytest.raises(BadDecision):
        directs(exchange, notice)


@pytest.mark.parametrize(
    "notice",
    [
        Direction(LegalBasis.SECTION_63, date(2026, 9, 3), GOVERNORS),
        Direction(LegalBasis.SECTION_63, date(2026, 7, 31), GOVERNORS),
        Direction(
            LegalBasis.SECTION_63, date(1200, 1, 1), {Consultee.GOVERNING_BODY: date(1200, 1, 1)}
        ),
    ],
)
def test_a_notice_is_given_and_follows_consultation(exchange: Database, notice: Direction) -> None:
    with pytest.raises(BadDecision):
        directs(exchange, notice)
    with exchange.read() as session:
        assert not standing(session, 1)


def test_who_may_direct(exchange: Database) -> None:
    """An approver of the school's area; never a broker, a contact, or who speaks for the giver."""
    giver = Scope(ScopeKind.INSTITUTION, "2")
    employed = Principal("employed", APPROVER.grants | acting(Role.VIEWER, scope=giver).grants)
    of_giver = acting(Role.APPROVER, name="of giver", scope=giver)
    for who in (BROKER, OF_TAKER, OF_GIVER, employed, of_giver):
        with pytest.raises(Forbidden):
            directs(exchange, who=who)
    directs(exchange, who=acting(Role.APPROVER, scope=Scope(ScopeKind.INSTITUTION, "1")))
