"""What is open at a school that closed follows its successor, with one line in the audit each."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import aliased

from app.database import Database
from app.import_kit.report import ImportReport
from app.import_kit.upsert import Counts
from app.proposals.agreements import void_changed
from app.proposals.terms import terms_of
from app.register.successors.wording import about
from models.access import AuditEvent
from models.alliances import Alliance, AllianceMember
from models.evidence import Evidence
from models.exchange import Limits, Need, Offer
from models.interests import Interest
from models.matching import Agreement, Proposal, Run, Steering
from models.partnerships import Support
from models.register import Circumstance, NetworkMembership, Participant
from models.vocabulary import ProposalState, RegisterChange
from tests import rows
from tests.factories import MONDAY, TUESDAY, Cells, establishment, succession, take_in, write_gias

OLD, NEW, OTHER = 900001, 900011, 900002
CLOSED = {"status": "2", "closed": "31-08-2026"}


def learn(
    database: Database,
    folder: Path,
    *schools: Cells,
    links: Sequence[Cells] | None = None,
    today: date = MONDAY,
) -> ImportReport:
    return take_in(database, write_gias(folder, schools, successors=links), today)


def converted(
    database: Database, folder: Path, *, links: bool = True, today: date = MONDAY
) -> ImportReport:
    """The register after the old school became an academy."""
    said = [succession(OLD, NEW, "Successor", "01-09-2026")] if links else None
    schools = (establishment(OLD, **CLOSED), establishment(NEW), establishment(OTHER))
    return learn(database, folder, *schools, links=said, today=today)


def person(session: Any, urn: int) -> Participant:
    query = select(Participant).where(Participant.reference == f"urn:{urn}")
    found: Participant = session.scalars(query).one()
    return found


@pytest.fixture
def live(database: Database, tmp_path: Path) -> Database:
    """Two open schools that work together; the first is about to become an academy."""
    learn(database, tmp_path, establishment(OLD), establishment(OTHER))
    with database.write() as session:
        rows.add_calendar(session)
        old, other = person(session, OLD), person(session, OTHER)
        need = rows.add_need(session, "n-1", old)
        rows.add_need(session, "n-met", old, expertise_code="reading", state="met")
        rows.add_offer(session, "o-1", old, expertise_code="reading")
        rows.add_offer(session, "o-gone", old, withdrawn=True)
        theirs = rows.add_offer(session, "o-2", other)
        rows.add_limits(session, old, max_taken=1, carried_half_days=3)
        rows.add_support(session, "s-1", old, other)
        rows.add_support(session, "s-past", old, other, state="ended", result="worked")
        for kind in ("new_head", "closing"):
            since = {"starts": rows.STARTS, "source": "made up"}
            rows.add(session, Circumstance(participant_id=old.id, kind=kind, **since))
        rows.add_network(session, "family", [old, other])
        rows.add_interest(session, "i-1", other, old)
        rows.add_interest(session, "i-over", old, other, ends=date(2020, 7, 17))
        run = rows.add(
            session,
            Run(
                period_code=rows.YEAR,
                scope={"kind": "country", "code": "E92000001", "name": "England"},
                options={},
                state="solved",
                actor="test",
                created_at=rows.NOW,
            ),
        )
        pair = {"need_id": need.id, "offer_id": theirs.id}
        rows.add(
            session,
            Proposal(
                run_id=run.id,
                half_days=4,
                points=1,
                components=[],
                ladder="local_area",
                remote=False,
                sendable=True,
                state="proposed",
                **pair,
            ),
        )
        pin = {"kind": "pin", "reason": "asked", "author": "test", "created_at": rows.NOW}
        rows.add(session, Steering(**pair, **pin))
    return database


def owners(database: Database, model: Any, name: str = "reference") -> dict[Any, str]:
    """Whose each row is, by reference."""
    with database.read() as session:
        query = select(getattr(model, name), Participant.reference).join(
            Participant, Participant.id == model.participant_id
        )
        return dict(session.execute(query).all())


def _sides_of_interests(session: Any) -> dict[str, tuple[str, str]]:
    holder, about = aliased(Participant), aliased(Participant)
    query = (
        select(Interest.reference, holder.reference, about.reference)
        .join(holder, holder.id == Interest.holder_id)
        .join(about, about.id == Interest.about_id)
    )
    return {reference: (one, other) for reference, one, other in session.execute(query)}


def events(database: Database) -> list[tuple[str, str]]:
    with database.read() as session:
        query = select(AuditEvent.action, AuditEvent.subject).order_by(AuditEvent.sequence)
        found = session.execute(query).all()
    return [(action, subject) for action, subject in found if action.endswith("carry_over")]


def test_successor_takes_over_everything_open(live: Database, tmp_path: Path) -> None:
    """Needs, offers, limits, support, circumstances, networks, interests and proposals; once."""
    report = converted(live, tmp_path)
    new, old = f"urn:{NEW}", f"urn:{OLD}"
    assert owners(live, Need) == {"n-1": new, "n-met": old}
    assert owners(live, Offer) == {"o-1": new, "o-gone": old, "o-2": f"urn:{OTHER}"}
    assert owners(live, Limits, "carried_half_days") == {3: new}
    assert owners(live, Circumstance, "kind") == {"new_head": new, "closing": old}
    assert new in owners(live, NetworkMembership, "id").values()
    with live.read() as session:
        takers = select(Support.reference, Participant.reference).join(
            Participant, Participant.id == Support.taker_id
        )
        assert dict(session.execute(takers).all()) == {"s-1": new, "s-past": old}
        assert _sides_of_interests(session) == {
            "i-1": (f"urn:{OTHER}", new),
            "i-over": (old, f"urn:{OTHER}"),
        }
        assert session.scalars(select(Proposal.version)).one() == 2
        assert session.scalars(select(Steering.version)).one() == 2
    told = events(live)
    assert [action for action, _ in told] == [
        "need.carry_over", "offer.carry_over", "limits.carry_over", "support.carry_over",
        "circumstance.carry_over", "network_membership.carry_over", "interest.carry_over",
        "proposal.carry_over", "pin.carry_over",
    ]  # fmt: skip
    assert ("need.carry_over", "need:n-1") in told
    assert report.things["carried_over"] == Counts(changed=9)
    [one] = report.affected
    assert (one.urn, one.change, one.successors) == (OLD, RegisterChange.CLOSED, [NEW])
    assert (one.needs, one.offers, one.support) == (["n-1"], ["o-1"], ["s-1"])
    assert one.carried_over["need"] == 1
    assert one.to_do == []
    again = converted(live, tmp_path, today=TUESDAY)
    assert not again.any_change
    assert not again.affected
    assert events(live) == told


def test_successor_links_that_come_later_carry_over_then(live: Database, tmp_path: Path) -> None:
    """Without links nothing moves, and a person is told; the next import with them does it."""
    report = converted(live, tmp_path, links=False)
    assert owners(live, Need)["n-1"] == f"urn:{OLD}"
    [one] = report.affected
    assert one.on == date(2026, 8, 31)
    assert (one.to_do, one.to_settle) == (["No open successor is known."], True)
    assert about(one).endswith(f"To settle it, run `givetake register settle {OLD}`.")
    converted(live, tmp_path, today=TUESDAY)
    assert owners(live, Need)["n-1"] == f"urn:{NEW}"


def test_successor_of_a_successor_takes_over(live: Database, tmp_path: Path) -> None:
    """Links are followed to the last school, the one that is open; several ways may lead there."""
    last = 900021
    links = [
        succession(OLD, NEW, "Successor"),
        succession(last, NEW, "Predecessor"),
        succession(OLD, last, "Successor"),
    ]
    schools = [establishment(OLD, **CLOSED), establishment(NEW, **CLOSED), establishment(last)]
    learn(live, tmp_path, *schools, links=links)
    assert owners(live, Need)["n-1"] == f"urn:{last}"


@pytest.mark.parametrize(
    ("links", "status", "why"),
    [
        ([(OLD, NEW), (OLD, OTHER)], "1", "It has several possible successors."),
        ([(OLD, NEW)], "4", "Its successor is not open, or takes no part."),
        ([(OLD, 900099)], "1", "No open successor is known."),
        ([(OLD, NEW), (NEW, OLD)], "2", "No open successor is known."),
    ],
)
def test_without_one_clear_successor_nothing_moves(
    live: Database, tmp_path: Path, links: list[tuple[int, int]], status: str, why: str
) -> None:
    """Two successors, one not open yet, one unknown, a circle: a person settles it."""
    said = [succession(old, new, "Successor") for old, new in links]
    schools = [establishment(OLD, **CLOSED), establishment(NEW, status=status)]
    report = learn(live, tmp_path, *schools, establishment(OTHER), links=said)
    assert owners(live, Need)["n-1"] == f"urn:{OLD}"
    assert [one.to_do[0] for one in report.affected if one.urn == OLD] == [why]


def test_successor_keeps_what_it_has_already(live: Database, tmp_path: Path) -> None:
    """Never two of the same: the successor's own stand, and a person is told of the others."""
    learn(live, tmp_path, establishment(OLD), establishment(NEW), establishment(OTHER))
    with live.write() as session:
        new = person(session, NEW)
        rows.add_need(session, "n-new", new)
        rows.add_limits(session, new, max_taken=2)
        rows.add_support(session, "s-own", new, person(session, OLD))
    report = converted(live, tmp_path)
    assert owners(live, Need)["n-1"] == f"urn:{OLD}"
    assert owners(live, Offer)["o-1"] == f"urn:{NEW}"
    assert owners(live, Limits, "max_taken") == {1: f"urn:{OLD}", 2: f"urn:{NEW}"}
    [one] = report.affected
    assert one.to_settle
    assert [text.partition(" was not")[0].partition(" were not")[0] for text in one.to_do[:3]] == [
        "Need n-1", "Support s-own", f"The limits of {rows.YEAR}",
    ]  # fmt: skip
    assert converted(live, tmp_path, today=TUESDAY).affected[0].needs == ["n-1"]


def test_responses_before_the_successor_count_no_more_but_approvals_do(
    live: Database, tmp_path: Path
) -> None:
    """The legal person changed: both sides are asked again, unless it was approved already."""
    with live.write() as session:
        proposal = session.scalars(select(Proposal)).one()
        proposal.state = ProposalState.AGREED
        need = session.get_one(Need, proposal.need_id)
        offer = session.get_one(Offer, proposal.offer_id)
        for side in ("taker", "giver"):
            rows.add(
                session,
                Agreement(
                    proposal_id=proposal.id,
                    side=side,
                    says="yes",
                    said_by="headteacher",
                    recorded_by="test",
                    at=rows.NOW,
                    terms=terms_of(proposal, need, offer, {}),
                ),
            )
    report = converted(live, tmp_path)
    assert report.affected[0].to_do == [
        f"Responses to proposal 1 no longer count, because {NEW} took over. Ask both sides again."
    ]
    assert void_changed(live, 14, rows.NOW) == 1
    with live.read() as session:
        assert session.scalars(select(Proposal.state)).one() == ProposalState.DUE_DILIGENCE


def test_an_approved_proposal_stands_under_its_successor(live: Database, tmp_path: Path) -> None:
    """What was approved goes on holding its days, and a person is asked to check it."""
    with live.write() as session:
        session.scalars(select(Proposal)).one().state = ProposalState.APPROVED
    report = converted(live, tmp_path)
    [told] = report.affected[0].to_do
    assert told.startswith(f"Proposal 1 was approved before {NEW} took over and still counts.")
    assert void_changed(live, 14, rows.NOW) == 0


def test_two_schools_that_become_one_successor(live: Database, tmp_path: Path) -> None:
    """Support and proposals between the two cannot go on: a person is told, nothing breaks."""
    links = [succession(NEW, each, "Result of Amalgamation") for each in (OLD, OTHER)]
    schools = [establishment(OLD, **CLOSED), establishment(OTHER, **CLOSED), establishment(NEW)]
    report = learn(live, tmp_path, *schools, links=links)
    assert set(owners(live, Need).values()) == {f"urn:{NEW}", f"urn:{OLD}"}
    told = " ".join(text for one in report.affected for text in one.to_do)
    assert "Proposal 1 now has the same school on both sides. Withdraw it." in told
    assert f"Support s-1 was not carried over: {NEW} would support itself." in told


def test_what_moves_or_will_close_is_listed_with_what_hangs_on_it(
    live: Database, tmp_path: Path
) -> None:
    """Proposed to close, a new trust and a new authority, each with references; once if moved."""
    report = learn(
        live,
        tmp_path,
        establishment(OLD, status="3", closed="31-12-2026"),
        establishment(OTHER, la="002", la_name="Made-up City", trust="5001", trust_flag="3",
                      trust_name="Made-up Trust"),
    )  # fmt: skip
    told = {one.change: one for one in report.affected}
    closing = told[RegisterChange.TO_CLOSE]
    assert (closing.urn, closing.on, closing.needs) == (OLD, date(2026, 12, 31), ["n-1"])
    assert closing.proposals == [1]
    assert closing.to_do == ["End support s-1 before the end of 31 December 2026."]
    moved = told[RegisterChange.MOVED_TRUST]
    assert (moved.urn, moved.before, moved.after) == (OTHER, None, "Made-up Trust")
    authority = told[RegisterChange.CHANGED_AUTHORITY]
    assert (authority.before, authority.after) == ("Made-up County", "Made-up City")
    assert authority.offers == ["o-2"]


def test_what_was_said_of_its_support_and_its_alliances_follow(
    live: Database, tmp_path: Path
) -> None:
    """Evidence is about whoever gives from now on; what the successor said of it stays behind."""
    learn(live, tmp_path, establishment(OLD), establishment(NEW), establishment(OTHER))
    with live.write() as session:
        old, new, other = (person(session, urn) for urn in (OLD, NEW, OTHER))
        said = {"giver_id": old.id, "expertise_code": "reading", "strength": 4, "role": "adviser"}
        said |= {"on_day": rows.STARTS, "counts_from": rows.STARTS, "recorded_by": "test"}
        for number, (kind, by) in enumerate(
            (("claim", old), ("peer_visit", other), ("peer_visit", new)), start=1
        ):
            of = {"id": number, "kind": kind, "said_by_id": by.id, "recorded_at": rows.NOW}
            rows.add(session, Evidence(**said, **of))
        family = {"reference": "north", "name": "North", "kind": "family", "aims": "reading"}
        made = {"starts": rows.STARTS, "made_by": "test", "made_at": rows.NOW}
        alliance = rows.add(session, Alliance(**family, **made))
        asked = {"role": "lead", "state": "asked", "asked_by": "test", "asked_at": rows.NOW}
        rows.add(session, AllianceMember(alliance_id=alliance.id, participant_id=old.id, **asked))
        before = (old.id, new.id, other.id)
    converted(live, tmp_path)
    with live.read() as session:
        old_id, new_id, other_id = before
        found = session.scalars(select(Evidence).order_by(Evidence.id)).all()
        assert [(each.giver_id, each.said_by_id) for each in found] == [
            (new_id, new_id),
            (new_id, other_id),
            (old_id, new_id),
        ]
        assert session.scalars(select(AllianceMember.participant_id)).one() == new_id
