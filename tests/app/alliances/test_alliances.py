"""Alliances: who is in and by whose word, their plan, and what it means for their members."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.access.policy import TERMINAL, Principal, Scope
from app.alliances import members, plan, queries, service
from app.alliances.plan import NewAction
from app.alliances.queries import Whole
from app.alliances.service import BadAlliance, NewAlliance
from app.database import Database
from app.errors import Conflict, Forbidden, NotFound, Stale
from app.events import audit
from app.events.verify import verify
from app.import_kit.misfits import Unfit
from app.partnerships.support_register import support_register
from app.partnerships.targets import TargetRow
from app.portal.choices import AllianceStep
from app.portal.labels import ALLIANCE_DONE, LABELS
from app.wording import TOLD_HOW
from models.alliances import AllianceMember
from models.targets import SupportTarget
from models.vocabulary import (
    ActionState,
    AllianceKind,
    AllianceRole,
    Channel,
    Rating,
    Role,
    ScopeKind,
    TargetDirection,
)
from tests import rows
from tests.callers import keyed
from tests.factories import acting
from tests.portal import broker

NOW = datetime(2026, 9, 2, 12, tzinfo=UTC)
DAY = NOW.date()
BROKER = acting(Role.BROKER, name="broker")
CONTENT: dict[str, Any] = {
    "reference": "north",
    "name": "North Family",
    "kind": AllianceKind.FAMILY,
    "aims": "every child reads",
    "starts": rows.STARTS,
    "lead": "1",
}
DUE = date(2027, 3, 1)


def contact(urn: int) -> Principal:
    scope = Scope(ScopeKind.INSTITUTION, str(urn))
    return acting(Role.CONTACT, name=f"contact {urn}", scope=scope)


@pytest.fixture
def exchange(database: Database) -> Database:
    """Four schools; the second supports the first, and the third the second."""
    with database.write() as session:
        rows.add_calendar(session)
        schools = [rows.add_school(session, urn, urn) for urn in (1, 2, 3, 4)]
        first, second, third, fourth = schools
        rows.add_need(session, "N", first)
        rows.add_need(session, "elsewhere", fourth)
        days = {"starts": rows.STARTS, "ends": rows.ENDS}
        rows.add_support(session, "s1", first, second, half_days=6, **days)
        rows.add_support(session, "s2", second, third, half_days=4, **days)
        rows.add_support(session, "s3", first, fourth, half_days=9, **days)
        rows.add_support(session, "s4", third, None, agency="made up", half_days=9, **days)
    return database


@pytest.fixture
def made(exchange: Database) -> Database:
    """North Family, to which three schools have said yes, the first of them as its lead."""
    with exchange.write() as session:
        service.make(session, BROKER, NewAlliance(**CONTENT), now=NOW)
    for urn in (2, 3):
        ask(exchange, urn)
    for member, urn in enumerate((1, 2, 3), start=1):
        join(exchange, member, contact(urn))
    return exchange


def ask(database: Database, urn: int, who: Principal = BROKER) -> None:
    with database.write() as session:
        members.ask(session, who, 1, str(urn), AllianceRole.MEMBER, now=NOW)


def join(database: Database, member: int, who: Principal, joins: bool = True, **said: Any) -> None:
    with database.write() as session:
        members.answer(session, who, 1, member, joins, "headteacher", now=NOW, **said)


def act(database: Database, who: Principal = BROKER, **changes: Any) -> None:
    content: dict[str, Any] = {"what": "train leaders", "leader": "1", "due": DUE} | changes
    with database.write() as session:
        plan.add_action(session, who, 1, NewAction(**content), now=NOW)


def target(value: str = "95", direction: TargetDirection = TargetDirection.RAISE) -> TargetRow:
    return TargetRow(
        support="north",
        measure="attendance_pct",
        direction=direction,
        value=value,
        by_date=date(2027, 7, 16),
        owner="headteacher",
    )


def whole(database: Database, who: Principal = TERMINAL) -> Whole:
    with database.read() as session:
        return queries.get_alliance(session, who, 1)


def states(database: Database) -> list[str]:
    with database.read() as session:
        query = select(AllianceMember.state).order_by(AllianceMember.id)
        return list(session.scalars(query))


def test_a_school_is_in_only_once_it_has_said_yes_itself(exchange: Database) -> None:
    """Its contact says so here; a broker says when and how it was told, and no other does."""
    with exchange.write() as session:
        service.make(session, BROKER, NewAlliance(**CONTENT), now=NOW)
    ask(exchange, 2)
    assert states(exchange) == ["asked", "asked"]
    with pytest.raises(Forbidden):
        join(exchange, 2, contact(1))
    with pytest.raises(BadAlliance, match="enter how they told you") as refused:
        join(exchange, 2, BROKER)
    assert refused.value.field == "channel"
    with pytest.raises(BadAlliance, match="enter the day on which they told you"):
        join(exchange, 2, BROKER, channel=Channel.TELEPHONE)
    tomorrow = DAY + timedelta(days=1)
    with pytest.raises(BadAlliance, match="enter a day from 2 September 2026"):
        join(exchange, 2, BROKER, channel=Channel.TELEPHONE, said_on=tomorrow)
    join(exchange, 2, BROKER, channel=Channel.TELEPHONE, said_on=DAY)
    join(exchange, 1, contact(1), joins=False)
    assert states(exchange) == ["declined", "member"]
    with pytest.raises(Conflict, match="has answered already: declined"):
        join(exchange, 1, contact(1))
    with pytest.raises(Conflict, match="2 is in it already"):
        ask(exchange, 2)
    ask(exchange, 1)
    assert states(exchange) == ["declined", "member", "asked"]
    with exchange.read() as session:
        assert verify(session).fault is None


def test_only_brokers_make_alliances_and_only_of_their_own(exchange: Database) -> None:
    elsewhere = acting(Role.BROKER, name="other", scope=Scope(ScopeKind.AREA, "1"))
    for who in (contact(1), elsewhere):
        with exchange.write() as session, pytest.raises(Forbidden):
            service.make(session, who, NewAlliance(**CONTENT), now=NOW)
    with exchange.write() as session:
        service.make(session, BROKER, NewAlliance(**CONTENT), now=NOW)
    with exchange.write() as session, pytest.raises(Conflict, match="already an alliance north"):
        service.make(session, BROKER, NewAlliance(**CONTENT), now=NOW)
    with exchange.read() as session, pytest.raises(NotFound):
        queries.get_alliance(session, contact(4), 1)
    with exchange.write() as session, pytest.raises(Forbidden):
        members.ask(session, contact(1), 1, "2", AllianceRole.MEMBER, now=NOW)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"lead": "77"}, "lead"),
        ({"network": "none"}, "network"),
        ({"ends": date(2026, 1, 1)}, "ends"),
    ],
)
def test_what_does_not_fit_is_named(
    exchange: Database, changes: dict[str, Any], field: str
) -> None:
    with exchange.write() as session, pytest.raises(BadAlliance) as refused:
        service.make(session, BROKER, NewAlliance(**(CONTENT | changes)), now=NOW)
    assert refused.value.field == field


def test_the_balance_of_each_member_is_of_support_within(made: Database) -> None:
    """Not of schools that are not in, and not of other agencies."""
    found = {each.participant.name: each.between for each in whole(made).members}
    assert {name: (each.given, each.taken) for name, each in found.items()} == {
        "School 1": (0, 6),
        "School 2": (6, 4),
        "School 3": (4, 0),
    }
    assert sum(each.balance for each in found.values()) == 0


def test_members_keep_the_plan(made: Database) -> None:
    """Whoever is in; an action is led by a member, and dropped with a reason only."""
    act(made, contact(1), leader="3", need="N")
    ask(made, 4)
    with pytest.raises(Forbidden, match="Only members that are in"):
        act(made, contact(4))
    for changes, field in (
        ({"leader": "4"}, "leader"),
        ({"due": date(2026, 1, 1)}, "due"),
        ({"need": "elsewhere"}, "need"),
    ):
        with pytest.raises(BadAlliance) as refused:
            act(made, **changes)
        assert refused.value.field == field
    with made.write() as session, pytest.raises(BadAlliance, match="the reason for dropping"):
        plan.end_action(session, contact(1), 1, 1, ActionState.DROPPED, now=NOW)
    with made.write() as session:
        plan.end_action(session, contact(1), 1, 1, ActionState.DROPPED, "no money", now=NOW)
    with made.write() as session, pytest.raises(Conflict, match="it is dropped"):
        plan.end_action(session, contact(1), 1, 1, ActionState.DONE, now=NOW)
    [planned] = whole(made).actions
    assert (planned.leader.name, planned.need, planned.action.state) == ("School 3", "N", "dropped")
    with made.write() as session, pytest.raises(Stale):
        plan.add_target(session, BROKER, 1, target(), version=1)


def test_its_targets_are_every_members_and_contradictions_show(made: Database) -> None:
    """Beside those of other support, on the page of each member and of nobody else."""
    with made.write() as session:
        plan.add_target(session, contact(1), 1, target())
    with made.write() as session, pytest.raises(Unfit, match="for the same date"):
        plan.add_target(session, contact(1), 1, target("96"))
    with made.write() as session:
        want = {"measure": "attendance_pct", "direction": "lower", "value": 90.0}
        rows.add(session, SupportTarget(support_id=1, **want, by_date=date(2027, 7, 16)))
        audit.record(session, actor="test", action="test.rows", subject="test")

    def warned(urn: str) -> tuple[list[str], int]:
        with made.read() as session:
            found = support_register(session, TERMINAL, urn, DAY)
        return [each.sentence for each in found.contradictions], len(found.alliances)

    [sentence], alliances = warned("1")
    assert sentence.startswith("Attendance")
    assert "School 2 wants to lower it" in sentence
    assert "North Family to raise it to 95%" in sentence
    assert alliances == 1
    assert warned("2") == ([], 1)
    assert warned("4") == ([], 0)
    with made.write() as session:
        plan.remove_target(session, contact(2), 1, 1)
    assert warned("1") == ([], 1)
    with made.read() as session:
        assert verify(session).fault is None


def test_each_member_reviews_for_itself(made: Database) -> None:
    def review(who: Principal, urn: int, rating: Rating, note: str | None = None) -> None:
        with made.write() as session:
            plan.review(session, who, 1, str(urn), rating, DAY, "headteacher", note, now=NOW)

    review(contact(1), 1, Rating.GREEN)
    with pytest.raises(Forbidden):
        review(contact(1), 2, Rating.GREEN)
    with pytest.raises(BadAlliance, match="say with a note why it is red"):
        review(contact(2), 2, Rating.RED)
    with pytest.raises(BadAlliance, match="is not in the alliance"):
        review(BROKER, 4, Rating.GREEN)
    review(contact(2), 2, Rating.RED, "nobody came")
    assert [each.participant.name for each in whole(made).reviews] == ["School 2", "School 1"]


def test_members_leave_and_it_ends_with_a_reason(made: Database) -> None:
    """Who left keeps reading, and no longer has its targets; nothing of an ended one changes."""
    with made.write() as session:
        members.leave(session, contact(3), 1, 3, "another family", now=NOW)
    assert states(made) == ["member", "member", "left"]
    assert whole(made, contact(3)).alliance.name == "North Family"
    with pytest.raises(Forbidden, match="Only members that are in"):
        act(made, contact(3))
    with made.write() as session:
        service.end(session, BROKER, 1, DAY, "aims met", now=NOW)
    assert states(made) == ["left", "left", "left"]
    with pytest.raises(Conflict, match="it was over on 2 September 2026"):
        act(made)
    with made.read() as session:
        assert support_register(session, TERMINAL, "1", DAY).alliances == []
    with made.read() as session:
        assert verify(session).fault is None


def test_over_http_it_is_made_joined_planned_and_read(exchange: Database) -> None:
    """Each answer is the whole alliance; a change needs the version that was read."""
    with keyed(exchange) as client:
        content = CONTENT | {"starts": "2026-09-01", "kind": "family"}
        answer = client.post("/api/v1/alliances", json=content)
        assert answer.status_code == 201, answer.text
        at = answer.headers["location"]
        tag = {"If-Match": answer.headers["etag"]}
        said = {"role": "headteacher", "channel": "telephone", "joins": True}
        today = datetime.now(UTC).date().isoformat()
        joined = client.post(f"{at}/members/1/answer", json=said | {"said_on": today}, headers=tag)
        assert joined.json()["members"][0]["state"] == "member", joined.text
        assert client.post(f"{at}/reviews", json={}, headers=tag).status_code in (412, 422)
        tag = {"If-Match": joined.headers["etag"]}
        action = {"what": "train", "leader": "1", "due": "2027-03-01"}
        planned = client.post(f"{at}/actions", json=action, headers=tag)
        assert planned.json()["actions"][0]["leader_name"] == "School 1"
        assert client.get(at).json() == planned.json()
        [listed] = client.get("/api/v1/alliances", params={"participant": "1"}).json()["items"]
        assert (listed["reference"], listed["members"]) == ("north", 1)


def test_the_portal_makes_one_and_keeps_its_plan(exchange: Database) -> None:
    """With forms alone; what is wrong is said at its field."""
    who = broker(exchange)
    form = who.open("/alliances/new")
    wrong = who.send(form, "/alliances/new", reference="north", name="North Family")
    assert wrong.status == 422
    assert "Enter the aims" in wrong.text
    typed = {"reference": "north", "name": "North Family", "kind": "family", "aims": "reading"}
    made = who.send(form, "/alliances/new", **typed, starts="1/9/2026", lead="1")
    assert "Asked to join" in made.text
    assert ALLIANCE_DONE[AllianceStep.MAKE] in made.text
    today = datetime.now(UTC).date()
    said = {"joins": "yes", "role": "headteacher", "channel": "telephone"}
    said["said_on"] = f"{today.day}/{today.month}/{today.year}"
    answer = who.open("/alliances/1/members/1/answer")
    assert LABELS[AllianceStep][AllianceStep.ANSWER] in answer.text
    lacking = who.send(answer, "/alliances/1/members/1/answer", joins="yes", role="headteacher")
    assert f"Enter how they told you: {TOLD_HOW}" in lacking.text
    assert "in_person" not in lacking.text
    assert "headteacher" in who.send(answer, "/alliances/1/members/1/answer", **said).text
    action = who.open("/alliances/1/actions/new")
    typed = {"what": "train leaders", "leader": "1", "due": "1/3/2027"}
    for unknown, says in (
        ({"need": "nowhere"}, "There is no need"),
        ({"partnership": "99"}, "There is no partnership 99"),
    ):
        wrong = who.send(action, "/alliances/1/actions/new", **typed, **unknown)
        assert (wrong.status, says in wrong.text) == (422, True)
        assert "train leaders" in wrong.form("/alliances/1/actions/new").fields["what"][0]
    planned = who.send(action, "/alliances/1/actions/new", **typed)
    assert "train leaders" in planned.text
    assert ALLIANCE_DONE[AllianceStep.ACTION] in planned.text
    done = who.open("/alliances/1/actions/1/end")
    assert "Done" in who.send(done, "/alliances/1/actions/1/end", state="done").text
    aim = who.open("/alliances/1/targets/new")
    assert "Permanent exclusions (exclusions)" in aim.text
    assert "Permanent exclusions (% of pupils)" in aim.text
    assert aim.text.count("eligible for free school meals in the last six years") == 1
    want = {"measure": "attendance_pct", "direction": "raise", "by_date": "16/7/2027"}
    wrong = who.send(aim, "/alliances/1/targets/new", **want)
    assert wrong.status == 422
    set_to = who.send(aim, "/alliances/1/targets/new", **want, value="95")
    assert "95%" in set_to.text
    assert set_to.faults == []
    assert "North Family" in who.open("/alliances").text
    assert "North Family" in who.open("/participants/1/support").text
    gone = who.send(set_to, "/alliances/1/targets/1/remove")
    assert "95%" not in gone.text


def test_a_broker_whose_school_said_no_changes_nothing(exchange: Database) -> None:
    """It reads on; the plan and the end are for brokers of those who are in it or asked now."""
    with exchange.write() as session:
        service.make(session, BROKER, NewAlliance(**CONTENT), now=NOW)
    ask(exchange, 2)
    join(exchange, 1, contact(1))
    join(exchange, 2, contact(2), joins=False)
    theirs = acting(Role.BROKER, name="theirs", scope=Scope(ScopeKind.INSTITUTION, "2"))
    assert whole(exchange, theirs).alliance.reference == "north"
    with exchange.write() as session, pytest.raises(Forbidden, match="outside it"):
        service.end(session, theirs, 1, DAY, "we are not in it", now=NOW)
    with pytest.raises(Forbidden, match="outside it"):
        act(exchange, theirs)


def test_nobody_joins_before_it_was_asked(exchange: Database) -> None:
    """A yes of last year would count days that nobody gave inside."""
    with exchange.write() as session:
        service.make(session, BROKER, NewAlliance(**CONTENT), now=NOW)
    before = DAY - timedelta(days=1)
    with pytest.raises(BadAlliance, match="when they were asked"):
        join(exchange, 1, BROKER, channel=Channel.TELEPHONE, said_on=before)
