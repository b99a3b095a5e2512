"""A trust's central team and its schools belong together in planning."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from sqlalchemy import update

from app.access.policy import TERMINAL
from app.database import Database, WriteSession
from app.partnerships.balance import accounts, balances
from app.planning.build import Built, build
from app.planning.load import load
from app.planning.options import AllowanceRule, MatchOptions
from app.planning.scope import takers_in
from models.register import Group, Organisation, Participant
from models.vocabulary import GroupKind, Ladder
from solver.pairing.ladder import LADDER
from solver.pairing.travel import EstimatedTravelTimes
from tests import rows

MAT = GroupKind.MULTI_ACADEMY_TRUST
OPTIONS = MatchOptions(allowance=AllowanceRule(base_half_days=4))


@pytest.fixture
def session(database: Database) -> Iterator[WriteSession]:
    with database.write() as session:
        rows.add_calendar(session)
        yield session


def add_team(
    session: WriteSession, school: Participant, kind: GroupKind = MAT, **changes: object
) -> Participant:
    """The central team of the school's trust, far from its area."""
    rows.add_group(session, 5143, kind, [school])
    return rows.add_hub(session, "team", group_uid=5143, funded=False, **changes)


def built(session: WriteSession, options: MatchOptions = OPTIONS) -> Built:
    session.expire_all()
    loaded = load(session, TERMINAL, None, rows.YEAR, rows.STARTS)
    return build(loaded, options, EstimatedTravelTimes())


def steps(made: Built) -> dict[str, Ladder]:
    found = made.candidates
    return {
        made.loaded.offers[offer].reference: LADDER[step]
        for offer, step in zip(found.offer, found.ladder, strict=True)
    }


@pytest.mark.parametrize("kind", [MAT, GroupKind.FEDERATION])
def test_trust_team_stands_on_the_own_group_step_and_earns_more_than_a_stranger(
    session: WriteSession, kind: GroupKind
) -> None:
    """The same offer at the same place is worth more from the own central team."""
    school = rows.add_school(session, 1)
    rows.add_need(session, "N", school)
    rows.add_offer(session, "own", add_team(session, school, kind))
    rows.add_offer(session, "other", rows.add_hub(session, "stranger", funded=False))
    made = built(session)
    assert steps(made) == {"own": Ladder.OWN_GROUP, "other": Ladder.ELSEWHERE}
    points = dict(zip(made.problem.offers.id, made.problem.candidates.points, strict=True))
    assert points["own"] > points["other"]


@pytest.mark.parametrize(
    "dates",
    [{"opened": rows.STARTS + timedelta(1)}, {"closed": rows.STARTS}],
    ids=["not yet", "no more"],
)
def test_trust_team_belongs_from_its_opening_to_its_closing(
    session: WriteSession, dates: dict[str, date]
) -> None:
    """Before it opens and once it is closed it is no member."""
    school = rows.add_school(session, 1)
    team = add_team(session, school, **dates)
    rows.add_need(session, "N", school)
    rows.add_offer(session, "O", team)
    belonging = members(session)
    assert team.id not in belonging
    session.execute(update(Organisation).values(opened=rows.STARTS, closed=None))
    assert team.id in members(session)
    session.execute(update(Group).values(open=False))
    assert members(session) == set()


def members(session: WriteSession) -> set[int]:
    loaded = load(session, TERMINAL, None, rows.YEAR, rows.STARTS)
    return {row.participant_id for row in loaded.memberships}


@pytest.mark.parametrize("by", ["group", "network"])
def test_trust_team_is_considered_beyond_the_nearest(session: WriteSession, by: str) -> None:
    """No limit on the offers of a need cuts off its own group or network."""
    school = rows.add_school(session, 1)
    if by == "group":
        own = add_team(session, school)
    else:
        own = rows.add_hub(session, "kin")
        rows.add_network(session, "kin", [school, own])
    session.execute(update(Participant).where(Participant.id == own.id).values(latitude=55.1))
    rows.add_need(session, "N", school)
    rows.add_offer(session, "own", own)
    for key, latitude in (("near", 55.01), ("further", 55.02)):
        hub = rows.add_hub(session, key)
        session.execute(
            update(Participant).where(Participant.id == hub.id).values(latitude=latitude)
        )
        rows.add_offer(session, key, hub)
    made = built(session, OPTIONS.model_copy(update={"max_neighbours": 1}))
    assert set(steps(made)) == {"near", "own"}
    assert made.refusals.sentence(0) == "1 refused: 1 not among the nearest"


def test_trust_team_shares_the_account_of_its_trust(session: WriteSession) -> None:
    """Where trusts hold balances, what the team gives lets its schools receive."""
    school, stranger = rows.add_school(session, 1), rows.add_school(session, 2)
    team = add_team(session, school)
    rows.add_need(session, "N", school)
    for who in (stranger, team):
        rows.add_offer(session, f"O{who.id}", who)
    held = built(session, OPTIONS.model_copy(update={"balance_held_by": "trust"}))
    participants = held.problem.participants
    account = dict(zip(participants.id, participants.account.tolist(), strict=True))
    assert account["org:team"] == account["urn:1"] != account["urn:2"]
    own = built(session).problem.participants.account.tolist()
    assert own == [0, 1, 2]


def test_trust_team_is_in_the_scope_of_its_trust(session: WriteSession) -> None:
    """A run for the trust plans the needs of its central team too."""
    school, stranger = rows.add_school(session, 1), rows.add_school(session, 2)
    team = add_team(session, school)
    found = takers_in(session, TERMINAL, "group:5143", rows.STARTS)
    assert found.participant_ids == {school.id, team.id}
    assert stranger.id not in found.participant_ids


def test_trust_team_counts_in_the_balance_of_its_trust(session: WriteSession) -> None:
    """What one member gives another is nothing to the trust; what it gives others is."""
    school, stranger = rows.add_school(session, 1), rows.add_school(session, 2)
    team = add_team(session, school)
    rows.add_support(session, "inside", school, team, half_days=6)
    rows.add_support(session, "outside", stranger, team, half_days=4)
    rows.add_limits(session, school, carried_half_days=-1)
    [own] = balances(session, TERMINAL, team.id)
    assert (own.given, own.taken, own.total) == (10, 0, 10)
    for member in (school, team):
        [account] = accounts(session, TERMINAL, member.id, rows.STARTS)
        [balance] = account.balances
        assert (balance.given, balance.taken, balance.carried) == (10, 6, -1)
        assert balance.total == 3
        assert account.name == "Group 5143"
    assert accounts(session, TERMINAL, stranger.id, rows.STARTS) == []
