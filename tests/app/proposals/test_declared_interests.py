"""Declared interests: asked of each candidate and at each decision, and no plan kept past one."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.access.policy import TERMINAL, Principal, Scope
from app.database import Database
from app.errors import Forbidden
from app.imports.kinds import KINDS
from app.interests import service
from app.interests.rows import InterestRow
from app.planning.load import load
from app.planning.options import MatchOptions
from app.planning.rows_digest import RowsDigest
from app.proposals import agreements, decisions, flags
from app.proposals.approval_rules import BY_OWN_FACT
from app.proposals.heard import Heard
from app.proposals.pair_check import NoException, RulesBroken, pair_today
from app.repairs.broken import list_broken
from models.exchange import Need, Offer
from models.interests import Interest
from models.matching import Proposal, ProposalFlag, Run
from models.register import Organisation, Participant
from models.vocabulary import (
    DecisionAction,
    InterestKind,
    ProposalState,
    Role,
    Says,
    ScopeKind,
    Side,
)
from tests import rows
from tests.factories import acting
from tests.runs import FREELY, contested, match, proposals_of

NOW = datetime(2026, 9, 2, 12, tzinfo=UTC)
PREFER: dict[str, Any] = {"hold_days": 14, "now": NOW}
BROKER = acting(Role.BROKER, name="broker")
OTHER = acting(Role.BROKER, name="other broker")


@pytest.fixture
def exchange(database: Database) -> Database:
    """School 1 needs what school 2, near, and school 3, far, can give."""
    database.before_commit = flags.review
    return contested(database)


def declare(
    database: Database,
    holder: int | str,
    about: int | str,
    kind: InterestKind = InterestKind.BIDS_FOR,
    who: Principal = BROKER,
    reference: str = "I",
    **more: Any,
) -> None:
    row = InterestRow(
        **{"reference": reference, "kind": kind, "holder": str(holder), "about": str(about)},
        **{"evidence": "made up", "declared_by": "clerk", "declared_on": rows.STARTS, **more},
    )
    with database.write() as session:
        service.declare(session, who, row)


def chosen(database: Database, options: MatchOptions = FREELY) -> list[str]:
    """The offers that a new run proposes."""
    run_id = match(database, options, now=NOW)
    with database.read() as session:
        return [offer.reference for _, _, offer in proposals_of(session, run_id)]


def prefer(database: Database, who: Principal = BROKER, number: int = 1) -> None:
    with database.write() as session:
        decisions.decide(session, who, number, DecisionAction.PREFER, **PREFER)


@pytest.mark.parametrize(("holder", "about"), [(2, 1), (1, 2)])
def test_an_interest_that_refuses_parts_its_sides_whichever_gives(
    exchange: Database, holder: int, about: int
) -> None:
    """The other offer is chosen; the refusal is counted by its name."""
    declare(exchange, holder, about)
    assert chosen(exchange) == ["far"]
    with exchange.read() as session:
        run = session.scalars(select(Run)).one()
        assert run.refusals == {"interest": 1}


def test_a_kind_that_is_shown_rules_nothing_out(exchange: Database) -> None:
    """It is kept with the proposal, and told as a warning."""
    declare(exchange, 2, 1, InterestKind.SUPPLIER_OF)
    assert chosen(exchange) == ["near"]
    with exchange.read() as session:
        proposal = session.get_one(Proposal, 1)
        figures = proposal.rule_figures or {}
        [interest] = figures["interest"]["interests"]
        assert (interest["kind"], interest["held_by"]) == ("supplier_of", "giver")
        sides = session.get_one(Need, proposal.need_id), session.get_one(Offer, proposal.offer_id)
        today = pair_today(session, proposal, *sides, NOW)
        [said] = [each for each in today.findings if each.rule.name == "interest"]
        assert said.holds
        assert said.rule.warns(said.figures)
    prefer(exchange)


@pytest.mark.parametrize(
    ("dates", "offers"),
    [
        ({"ends": date(2026, 8, 31)}, ["near"]),
        ({"ends": date(2026, 9, 1)}, ["far"]),
        ({"starts": date(2027, 8, 31)}, ["far"]),
        ({"starts": date(2027, 9, 1)}, ["near"]),
    ],
)
def test_an_interest_counts_on_the_days_of_the_period(
    exchange: Database, dates: dict[str, date], offers: list[str]
) -> None:
    """From the day planned from to the last day; one that ended before refuses nothing."""
    declare(exchange, 2, 1, **dates)
    assert chosen(exchange) == offers


def test_an_interest_that_was_withdrawn_counts_no_more(exchange: Database) -> None:
    """It stays on record with the reason."""
    declare(exchange, 2, 1)
    assert chosen(exchange) == ["far"]
    with exchange.write() as session:
        service.withdraw(session, BROKER, "I", "Entered for the wrong school.")
    assert chosen(exchange, FREELY.model_copy(update={"change_price": 0})) == ["near"]
    with exchange.read() as session:
        kept = session.scalars(select(Interest)).one()
        assert (kept.withdrawn_by, kept.withdrawn_reason) == (
            "broker",
            "Entered for the wrong school.",
        )


def test_an_interest_of_a_trust_counts_for_its_schools_and_its_team(exchange: Database) -> None:
    """Of a member on the day, as its trust's; of a school of another trust it does not."""
    with exchange.write() as session:
        near, far = (session.get_one(Participant, number) for number in (2, 3))
        group = rows.add_group(session, 71, "multi_academy_trust", [near])
        group.reference = "TR00071"
        rows.add_group(session, 72, "multi_academy_trust", [far])
    declare(exchange, "TR00071", 1)
    with exchange.read() as session:
        team = session.scalars(select(Organisation)).one()
        assert (team.key, team.group_uid) == ("TR00071", 71)
    assert chosen(exchange) == ["far"]
    with exchange.write() as session:
        proposal = session.get_one(Proposal, 1)
        proposal.offer_id = session.scalars(select(Offer.id).where(Offer.reference == "near")).one()
    with (
        exchange.write() as session,
        pytest.raises(RulesBroken, match="the trust or federation of"),
    ):
        decisions.decide(session, BROKER, 1, DecisionAction.PREFER, **PREFER)


def test_a_plan_is_not_kept_past_an_interest(exchange: Database) -> None:
    """Every change of what is declared, or of what its kind does, is a change of the rows."""

    def digest() -> str | None:
        with exchange.read() as session:
            loaded = load(session, TERMINAL, {1}, rows.YEAR, rows.STARTS, now=NOW)
            return RowsDigest.of(loaded, None).with_needs(loaded, FREELY)

    assert chosen(exchange) == ["near"]
    seen = [digest()]
    assert digest() == seen[0]
    declare(exchange, 2, 1, ends=date(2027, 3, 31))
    seen.append(digest())
    declare(exchange, 3, 1, InterestKind.OTHER, reference="J")
    seen.append(digest())
    with exchange.write() as session:
        session.get_one(Interest, 1).ends = date(2027, 3, 30)
    seen.append(digest())
    assert chosen(exchange, FREELY.model_copy(update={"change_price": 0})) == ["far"]
    with exchange.write() as session:
        service.withdraw(session, BROKER, "I", "It was a mistake.")
    seen.append(digest())
    assert len(set(seen)) == len(seen)
    assert None not in seen


def test_rules_decide_what_a_kind_does(exchange: Database, tmp_path: Path) -> None:
    """A file changes a kind; the others stay, and what rests on them is looked at."""
    declare(exchange, 2, 1, InterestKind.SUPPLIER_OF)
    assert chosen(exchange) == ["near"]
    path = tmp_path / "rules.csv"
    path.write_text("kind,effect,exceptions\nsupplier_of,refuses,yes\n")
    kind = KINDS["interest-rules"]
    with exchange.write() as session:
        report = kind.import_files(session, TERMINAL, {kind.name: path})
    assert "Flagged: 1 proposal" in " ".join(report.notes)
    assert chosen(exchange, FREELY.model_copy(update={"change_price": 0})) == ["far"]
    with exchange.read() as session:
        path.write_text(kind.export(session, TERMINAL))
    assert "bids_for,refuses,no" in path.read_text()
    with exchange.write() as session:
        assert not kind.import_files(session, TERMINAL, {kind.name: path}).any_change
    path.write_text("kind,effect\nfriend_of,refuses\n")
    with pytest.raises(Exception, match="1 error"), exchange.write() as session:
        kind.import_files(session, TERMINAL, {kind.name: path})


def test_every_decision_asks_again_and_an_approver_can_allow_an_exception(
    exchange: Database,
) -> None:
    """As long as nothing else is declared; where the kind allows none there is none."""
    assert chosen(exchange) == ["near"]
    declare(exchange, 2, 1, InterestKind.ADVISER_EMPLOYED_BY)
    with pytest.raises(RulesBroken, match="ask an approver"), exchange.write() as session:
        decisions.decide(session, BROKER, 1, DecisionAction.PREFER, **PREFER)

    def allow() -> None:
        with exchange.write() as session:
            decisions.allow_exception(session, TERMINAL, 1, "interest", "she steps aside", now=NOW)

    allow()
    prefer(exchange)
    declare(exchange, 1, 2, InterestKind.BIDS_FOR, reference="J")
    with pytest.raises(RulesBroken, match="may take over"), exchange.write() as session:
        decisions.decide(session, BROKER, 1, DecisionAction.START_DUE_DILIGENCE, **PREFER)
    with pytest.raises(NoException, match="No exception from this is possible"):
        allow()


def test_an_interest_declared_late_flags_what_is_open(exchange: Database) -> None:
    """The repair desk lists it with the sentence; withdrawn, the cause is gone."""
    assert chosen(exchange) == ["near"]
    prefer(exchange)
    declare(exchange, 1, 3, reference="elsewhere")
    with exchange.read() as session:
        assert session.scalars(select(ProposalFlag)).all() == []
    declare(exchange, 2, 1)
    with exchange.read() as session:
        flag = session.scalars(select(ProposalFlag)).one()
        assert "may take over the school receiving support" in flag.reasons[0]
        [broken] = list_broken(session, TERMINAL, now=NOW)
        assert broken.reasons == flag.reasons
    with exchange.write() as session:
        service.withdraw(session, OTHER, "I", "It was another school.")
    with exchange.read() as session:
        flag = session.scalars(select(ProposalFlag)).one()
        assert flag.outcome == "cause_gone"


def test_who_acts_for_a_proposal_makes_less_of_no_interest_between_its_sides(
    exchange: Database, tmp_path: Path
) -> None:
    """Neither by withdrawing it nor by a file that ends it; another broker may."""
    assert chosen(exchange) == ["near"]
    prefer(exchange)
    declare(exchange, 2, 1, who=OTHER)
    with pytest.raises(Forbidden, match="between its two sides"), exchange.write() as session:
        service.withdraw(session, BROKER, "I", "made up")
    path = tmp_path / "interests.csv"
    path.write_text(
        "reference,kind,holder,about,ends,evidence,declared_by,declared_on\n"
        "I,bids_for,2,1,2026-08-31,made up,clerk,2026-09-01\n"
    )
    kind = KINDS["interests"]
    with pytest.raises(Forbidden, match="withdraw or shorten"), exchange.write() as session:
        kind.import_files(session, BROKER, {kind.name: path})
    with exchange.write() as session:
        assert kind.import_files(session, OTHER, {kind.name: path}).any_change
    with exchange.read() as session:
        found = session.scalars(select(Interest)).one()
        assert (found.shortened_by, found.version) == ("other broker", 2)
        assert session.get_one(Proposal, 1).state == ProposalState.PREFERRED


@pytest.mark.parametrize("who", [BROKER, OTHER])
def test_an_approver_decides_where_who_acts_withdrew_an_interest_before(
    exchange: Database, who: Principal
) -> None:
    """Also in preparation, when there was no proposal yet that it could be refused for."""
    with exchange.write() as session:
        rows.add_network(session, "family", [session.get_one(Participant, n) for n in (1, 2)])
    declare(exchange, 2, 1)
    with exchange.write() as session:
        service.withdraw(session, who, "I", "made up")
    assert chosen(exchange) == ["near"]
    prefer(exchange)
    with exchange.write() as session:
        agreements.set_public_money(session, BROKER, 1, 0, **PREFER)
    said = {Side.TAKER: "1", Side.GIVER: "2"}
    for side, urn in said.items():
        contact = acting(Role.CONTACT, name=urn, scope=Scope(ScopeKind.INSTITUTION, urn))
        with exchange.write() as session:
            agreements.agree(session, contact, 1, side, Says.YES, Heard("headteacher"), **PREFER)
    with exchange.read() as session:
        proposal = session.get_one(Proposal, 1)
        assert proposal.state == (ProposalState.APPROVED if who is OTHER else ProposalState.AGREED)
        sides = session.get_one(Need, proposal.need_id), session.get_one(Offer, proposal.offer_id)
        said_of = agreements.standing(session, 1)
        approval = agreements.approval_if_any(session, proposal, *sides, said_of)
        assert approval == (None if who is OTHER else BY_OWN_FACT)
