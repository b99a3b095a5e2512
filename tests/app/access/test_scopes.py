"""What lies in a scope: seen and changed by who holds a role there, and by nobody else."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.access.policy import EVERYWHERE, Action, Principal, Scope
from app.access.scoped import OUTSIDE, authorise_on, outside, visible
from app.database import Database
from app.errors import FaultyFile, Forbidden, NotFound
from app.exchange import queries as items
from app.exchange import service as exchange
from app.exchange.files import import_needs
from app.exchange.rows import NeedRow
from app.import_kit.misfits import Unfit
from app.import_kit.upsert import Counts
from app.maps import queries as maps
from app.partnerships.service import import_support
from app.planning.options import MatchOptions
from app.planning.scope import takers_in
from app.proposals import agreements, decisions
from app.proposals import queries as proposals
from app.proposals.decisions import Said
from app.proposals.pins_and_exclusions import steer
from app.register import service as register
from app.register.organisation_rows import Described, OrganisationRow, described_by
from app.runs import queries as runs
from app.runs import service as matching
from models.exchange import Need, Offer
from models.matching import Alternate, Proposal, Run
from models.partnerships import Support
from models.register import Area, Participant
from models.vocabulary import (
    Availability,
    DecisionAction,
    DeclineReason,
    Operation,
    Role,
    Says,
    ScopeKind,
    Side,
    SteeringKind,
)
from tests import rows
from tests.factories import acting, heard

HOLD_DAYS = 14
HERE = Scope(ScopeKind.AREA, "999")
PAIRED = {"half_days": 4, "points": 1, "components": [], "distance_m": None, "remote": True}
PAIRED |= {"ladder": "region", "sendable": True, "state": "preferred"}


@pytest.fixture
def two(database: Database) -> Database:
    """Two local authorities of two regions with a school each; here also a hub and a network.

    One proposal within each, and one from there to here.
    """
    with database.write() as session:
        rows.add_calendar(session)
        rows.add(session, Area(kind="local_authority", code="998", name="There", region_code="Y"))
        here = rows.add_school(session, 1)
        there = rows.add_school(session, 2, local_authority_code="998", region_code="Y")
        hub = rows.add_hub(session, "hub", group_uid=70)
        rows.add_group(session, 70, "multi_academy_trust", [here])
        rows.add_network(session, "n", [here, hub])
        for code, who in (("999", here), ("998", there)):
            rows.add_need(session, f"need-{code}", who, mode="remote")
            rows.add_offer(session, f"offer-{code}", who, mode="remote")
            scope = {"kind": "local_authority", "code": code, "name": code}
            rows.add(
                session,
                Run(
                    **{"id": int(code), "period_code": rows.YEAR, "options": {}},
                    **{"state": "solved", "scope": scope, "actor": "key:x"},
                    created_at=rows.NOW,
                ),
            )
            rows.add_support(session, f"support-{code}", who, None)
        rows.add_offer(session, "offer-hub", hub, mode="remote")
        ids = dict(session.execute(select(Need.reference, Need.id)).all())
        ids |= dict(session.execute(select(Offer.reference, Offer.id)).all())
        for number, (run, need, offer) in enumerate(
            [
                (999, "need-999", "offer-hub"),
                (999, "need-999", "offer-998"),
                (998, "need-998", "offer-998"),
            ],
            start=1,
        ):
            pair = {"need_id": ids[need], "offer_id": ids[offer], "run_id": run}
            rows.add(session, Proposal(id=number, **pair, **PAIRED))
    return database


def seen(session: Session, who: Principal, model: type, column: object) -> set[object]:
    query = select(column).where(visible(who, Action.READ, model))  # type: ignore[call-overload]
    return set(session.scalars(query))


@pytest.mark.parametrize(
    ("scope", "participants"),
    [
        (EVERYWHERE, {"urn:1", "urn:2", "org:hub"}),
        (HERE, {"urn:1"}),
        (Scope(ScopeKind.REGION, "Z"), {"urn:1"}),
        (Scope(ScopeKind.TRUST, "70"), {"urn:1", "org:hub"}),
        (Scope(ScopeKind.NETWORK, "n"), {"urn:1", "org:hub"}),
        (Scope(ScopeKind.INSTITUTION, "2"), {"urn:2"}),
        (Scope(ScopeKind.ORGANISATION, "hub"), {"org:hub"}),
        (Scope(ScopeKind.AREA, "1"), set()),
    ],
)
def test_what_lies_in_a_scope(two: Database, scope: Scope, participants: set[str]) -> None:
    """Of every kind of scope: its participants, and what is theirs; of pairs, either side's."""
    who = acting(Role.VIEWER, scope=scope)
    with two.read() as session:
        assert seen(session, who, Participant, Participant.reference) == participants
        everybody = set(session.scalars(select(Participant.id)))
        left = outside(session, who, Action.READ, everybody)
        assert len(left) == len(everybody) - len(participants)
        own = {one: one.partition(":")[2] for one in participants}
        codes = {"urn:1": "999", "urn:2": "998", "org:hub": "hub"}
        offers = {f"offer-{codes[one]}" for one in own}
        assert seen(session, who, Offer, Offer.reference) == offers
        needs = {f"need-{codes[one]}" for one in own} - {"need-hub"}
        assert seen(session, who, Need, Need.reference) == needs
        support = {each.replace("need", "support") for each in needs}
        assert seen(session, who, Support, Support.reference) == support
        pairs = {1: {"urn:1", "org:hub"}, 2: {"urn:1", "urn:2"}, 3: {"urn:2"}}
        expected = {number for number, sides in pairs.items() if sides & participants}
        assert seen(session, who, Proposal, Proposal.id) == expected
        listed = proposals.list_proposals(session, who)
        assert {each.proposal.id for each in listed} == expected
        assert proposals.count_proposals(session, who)[0] == len(expected)
        assert {each.reference for each in items.list_needs(session, who)} == needs


def test_what_may_not_be_read_is_not_there(two: Database) -> None:
    """A single thing outside the scope is answered like one that never was."""
    who = acting(Role.BROKER, scope=HERE)
    with two.read() as session:
        asked: list[Callable[[], object]] = [
            lambda: items.get_need(session, who, "need-998"),
            lambda: items.get_offer(session, who, "offer-998"),
            lambda: proposals.get_proposal(session, who, 3),
            lambda: runs.get_run(session, who, 998),
        ]
        for ask in asked:
            with pytest.raises(NotFound):
                ask()
        assert items.get_need(session, who, "need-999").reference == "need-999"
        assert proposals.get_proposal(session, who, 2).proposal.id == 2
        assert [run.id for run in runs.list_runs(session, who)] == [999]
        query = maps.pairings(session, who, 999)
        assert {row.key for row in session.execute(query)} == {1, 2}


def test_a_run_with_some_proposals_of_a_scope_shows_those_alone(two: Database) -> None:
    """Whoever may read some proposals of a run knows of it, and reads no file of it."""
    giver = acting(Role.CONTACT, scope=Scope(ScopeKind.INSTITUTION, "2"))
    with two.read() as session:
        assert [run.id for run in runs.list_runs(session, giver)] == [999, 998]
        assert not runs.sees_all(session, giver, runs.get_run(session, giver, 999))
        with pytest.raises(Forbidden):
            runs.problem_of(session, giver, 999)


def test_runs_are_started_for_ones_own(two: Database) -> None:
    """A broker of one area plans neither another nor the country."""
    who = acting(Role.BROKER, scope=HERE)
    options = MatchOptions(as_of=rows.STARTS)
    with two.write() as session:
        for area in ("There", "England"):
            takers = takers_in(session, who, area, rows.STARTS)
            with pytest.raises(Forbidden):
                matching.submit(session, who, takers, rows.YEAR, options)
        takers = takers_in(session, who, "Testshire", rows.STARTS)
        run = matching.submit(session, who, takers, rows.YEAR, options)
        assert matching.request_cancel(session, who, run.id).state == "cancelled"
        with pytest.raises(NotFound):
            matching.request_cancel(session, who, 998)


def test_nothing_hidden_is_pinned_or_excluded(two: Database) -> None:
    """The other side may lie elsewhere where a plan proposed the two; it is not there else."""
    who = acting(Role.BROKER, scope=HERE)
    kind = SteeringKind.EXCLUSION
    with two.write() as session:
        for need, offer, missing in (
            ("need-998", "offer-998", "need"),
            ("need-998", "offer-999", "need"),
            ("need-999", "offer-there", "offer"),
        ):
            if offer == "offer-there":
                there = select(Participant).where(Participant.reference == "urn:2")
                taker = session.scalars(there).one()
                rows.add_offer(session, offer, taker, expertise_code="reading")
            with pytest.raises(NotFound, match=f"no {missing} "):
                steer(session, who, kind, need, offer, reason="asked")
        assert steer(session, who, kind, "need-999", "offer-998", reason="asked").id == 1


def test_a_plan_of_ones_own_run_is_checked(two: Database) -> None:
    """By whoever may start runs where that run lies, and by nobody who only reads of it."""
    given = matching.GivenPlan(999, b"made up")
    nobody = matching.Takers({}, None)
    more = {"operation": Operation.VALIDATE, "given": given}
    with two.write() as session:
        session.execute(update(Run).values(scope={"kind": "local_authority", "code": "999"}))
        for scope in (HERE, Scope(ScopeKind.AREA, "998")):
            who = acting(Role.BROKER, scope=scope)
            asked = (session, who, nobody, rows.YEAR, MatchOptions(as_of=rows.STARTS))
            if scope == HERE:
                assert matching.submit(*asked, **more).of_run_id == 999
            else:
                with pytest.raises(Forbidden):
                    matching.submit(*asked, **more)


def row(participant: str, reference: str = "new") -> NeedRow:
    return NeedRow(
        reference=reference,
        participant=participant,
        expertise="maths",
        period=rows.YEAR,
        days=1,
        evidence="self_evaluation",
    )


def test_a_contact_changes_its_own_alone(two: Database) -> None:
    """It neither closes another school's need nor answers another's offer."""
    head = acting(Role.CONTACT, scope=Scope(ScopeKind.INSTITUTION, "1"))
    network = acting(Role.NETWORK_LEADER, scope=Scope(ScopeKind.NETWORK, "n"))
    with two.write() as session:
        for who in (head, network):
            with pytest.raises(NotFound):
                exchange.withdraw_need(session, who, "need-998")
            with pytest.raises(Forbidden):
                exchange.create_need(session, who, row("2"))
        with pytest.raises(NotFound):
            exchange.answer_offer(session, head, "offer-998", Availability.MAY_OFFER)
        with pytest.raises(Unfit):
            exchange.change_need(session, head, row("2", "need-999"), None)
        exchange.create_need(session, head, row("1"))
        assert exchange.withdraw_need(session, head, "need-999").state == "closed"


def test_a_file_may_hold_ones_own_alone(two: Database, tmp_path: Path) -> None:
    """Each line that is not is told, also one that takes over what is somebody else's.

    Of that nothing else is told, so that no guess at its state or days is answered.
    """
    who = acting(Role.BROKER, scope=HERE)
    path = tmp_path / "needs.csv"
    lines = ["reference,participant,expertise,period,days,evidence,state"]
    for reference, participant, state in (("a", "1", ""), ("b", "2", ""), ("need-998", "1", "met")):
        lines.append(f"{reference},{participant},maths,{rows.YEAR},1,self_evaluation,{state}")
    path.write_text("\n".join(lines))
    with two.write() as session, pytest.raises(FaultyFile) as faulty:
        import_needs(session, who, path)
    assert [(fault.line, fault.reason) for fault in faulty.value.faults] == [
        (3, OUTSIDE),
        (4, OUTSIDE),
    ]


def test_support_of_others_is_not_taken_over(two: Database, tmp_path: Path) -> None:
    """A file names what is stored by its reference: also that has to lie in the scope."""
    who = acting(Role.BROKER, scope=HERE)
    path = tmp_path / "support.csv"
    path.write_text("reference,taker,giver,state\nsupport-998,1,hub,ended\nnew,1,hub,active\n")
    with two.write() as session, pytest.raises(FaultyFile) as faulty:
        import_support(session, who, path)
    assert [(fault.line, fault.reason) for fault in faulty.value.faults] == [(2, OUTSIDE)]
    path.write_text("reference,taker,giver,state\nsupport-999,1,hub,ended\nnew,1,hub,active\n")
    with two.write() as session:
        counts = import_support(session, who, path).things["support"]
    assert counts == Counts(added=1, closed=1), "what others have is not even counted"


def test_an_import_counts_ones_own_alone(two: Database, tmp_path: Path) -> None:
    """How many needs there are elsewhere is nobody's business here."""
    path = tmp_path / "needs.csv"
    lines = "reference,participant,expertise,period,days,evidence\n"
    path.write_text(lines + f"new,1,maths,{rows.YEAR},1,self_evaluation\n")
    for scope, absent in ((HERE, 1), (EVERYWHERE, 2)):
        with two.rehearse() as session:
            report = import_needs(session, acting(Role.BROKER, scope=scope), path)
        assert report.things["needs"] == Counts(added=1, absent=absent)


def test_who_gives_sees_no_other_offers_for_a_need(two: Database) -> None:
    """Alternatives lie where either side does, like proposals."""
    alternate = {"run_id": 999, "points": 1, "components": [], "distance_m": None, "remote": True}
    with two.write() as session:
        ids = dict(session.execute(select(Offer.reference, Offer.id)).all())
        need = session.scalars(select(Need.id).where(Need.reference == "need-999")).one()
        for rank, offer in enumerate(("offer-hub", "offer-998"), 1):
            place = {"need_id": need, "offer_id": ids[offer], "rank": rank, "ladder": "region"}
            rows.add(session, Alternate(**alternate, **place))
    for code, offers in (("1", ["offer-hub", "offer-998"]), ("2", ["offer-998"])):
        who = acting(Role.CONTACT, scope=Scope(ScopeKind.INSTITUTION, code))
        with two.read() as session:
            proposal = Proposal(run_id=999, need_id=need, offer_id=0)
            found = proposals.alternates_of(session, who, proposal)
        assert [offer.reference for _, offer, _ in found] == offers


def test_each_side_speaks_for_itself(two: Database) -> None:
    """Which side a contact speaks for is read from the proposal; a broker records either."""
    taker = acting(Role.CONTACT, name="taker", scope=Scope(ScopeKind.INSTITUTION, "1"))
    giver = acting(Role.CONTACT, name="giver", scope=Scope(ScopeKind.INSTITUTION, "2"))
    with two.write() as session:
        proposal = session.get_one(Proposal, 2)
        authorise_on(session, taker, Action.AGREE_FOR_TAKER, proposal)
        authorise_on(session, giver, Action.AGREE_FOR_GIVER, proposal)
        for who, action in ((taker, Action.AGREE_FOR_GIVER), (giver, Action.AGREE_FOR_TAKER)):
            with pytest.raises(Forbidden):
                authorise_on(session, who, action, proposal)
        said = Said(DeclineReason.CAPACITY)
        with pytest.raises(Forbidden):
            agreements.agree(
                session, taker, 2, Side.GIVER, Says.NO, heard(), said, hold_days=HOLD_DAYS
            )


def test_nobody_decides_wholly_outside(two: Database) -> None:
    """A broker decides where either side is in its area, and knows of no other proposal."""
    who = acting(Role.BROKER, scope=HERE)
    viewer = acting(Role.VIEWER)
    reads = Principal("both", who.grants | viewer.grants)
    withdraw = DecisionAction.WITHDRAW
    with two.write() as session:
        with pytest.raises(NotFound):
            decisions.decide(session, who, 3, withdraw, hold_days=HOLD_DAYS)
        with pytest.raises(Forbidden, match="outside"):
            decisions.decide(session, reads, 3, withdraw, hold_days=HOLD_DAYS)
        decisions.decide(session, who, 2, withdraw, hold_days=HOLD_DAYS)


def test_a_network_is_not_widened_by_its_leader(two: Database) -> None:
    """Whoever took a school into the network would reach what is the school's by that."""
    who = acting(Role.NETWORK_LEADER, scope=Scope(ScopeKind.NETWORK, "n"))
    members = [register.Member(each, None, None) for each in ("1", "2")]
    change = {"key": "n", "name": "N", "kind": "alliance", "version": 1}
    with pytest.raises(Forbidden), two.write() as session:
        register.change_network(session, who, members=members, **change)
    with two.write() as session:
        register.change_network(session, who, members=members[:1], **change)


def described(**columns: object) -> Described:
    row = OrganisationRow.model_validate(
        {"name": "Made-up", "kind": "teaching_school_hub", "areas_served": "local_authority:999"}
        | columns
    )
    (one,) = described_by(Path("organisations.csv"), [(2, row)], [])
    return one


def test_nobody_stands_for_a_trust_of_others(two: Database) -> None:
    """Neither by its key nor by a link, or what is entered for the trust would become theirs."""
    with two.write() as session:
        both = session.scalars(
            select(Participant).where(Participant.reference.in_(["urn:1", "urn:2"]))
        ).all()
        rows.add_group(session, 71, "multi_academy_trust", both[1:])
        rows.add_group(session, 72, "multi_academy_trust", both)
        rows.add_group(session, 73, "multi_academy_trust", both[:1])
    who = acting(Role.BROKER, scope=HERE)
    new: list[dict[str, object]] = [
        {"key": "group-71"},
        {"key": "new", "group_uid": 71},
        {"key": "new", "group_uid": 72},
    ]
    for columns in new:
        with pytest.raises(Forbidden, match="outside it"), two.write() as session:
            register.create_organisation(session, who, described(**columns))
    with two.write() as session:
        register.create_organisation(session, who, described(key="new", group_uid=73))
    moved = described(key="new", group_uid=71)
    with pytest.raises(Forbidden, match="outside it"), two.write() as session:
        register.change_organisation(session, who, moved, None)
    renamed = described(key="new", group_uid=73, name="Renamed")
    with two.write() as session:
        register.change_organisation(session, who, renamed, None)


def test_what_counts_everywhere_takes_a_role_everywhere(two: Database) -> None:
    """Nobody changes the rules of all for being an administrator of some."""
    some = acting(Role.ADMINISTRATOR, scope=HERE)
    with two.write() as session, pytest.raises(Forbidden, match="everywhere"):
        register.withdraw_rule(session, some, "new_head", None)
