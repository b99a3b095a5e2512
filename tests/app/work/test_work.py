"""What waits for whom, for each role, in two areas: counted, listed and paged."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event, select, update
from typer.testing import CliRunner

from app.access.grants import BadGrant
from app.access.policy import TERMINAL, Grant, Principal, Scope
from app.cli.main import app
from app.consent import reminders
from app.consent.reminders import NoReminder
from app.consent.service import Whom
from app.database import Database
from app.errors import Forbidden, NotFound
from app.events import audit
from app.partnerships import life, reviews, visits
from app.partnerships.terms import Terms
from app.proposals import agreements, decisions
from app.settings import settings
from app.work.kinds import GROUPS, WorkGroup, WorkKind
from app.work.narrowed import Narrowed
from app.work.own import Own, own_of
from app.work.queries import Place, count_work, first_of_groups, list_work
from models.consent import Mail
from models.exchange import Need, Offer
from models.matching import Proposal
from models.register import Participant
from models.vocabulary import (
    DecisionAction,
    EndReason,
    NeedProgress,
    NeedState,
    Rating,
    Reply,
    Reviewer,
    Role,
    Says,
    ScopeKind,
    Side,
    SupportResult,
)
from tests import rows
from tests.callers import csv_rows, keyed, said
from tests.consent import SECRET, add_people, answer, ask, now_of
from tests.factories import acting, heard, new_key
from tests.runs import FREELY, match

NOW = datetime(2026, 9, 2, 12, tzinfo=UTC)
HERE, THERE = "901", "902"
"""Two local authorities, each with a school that is helped by another."""
TAKERS, GIVERS = {HERE: "1", THERE: "3"}, {HERE: "2", THERE: "4"}
K = WorkKind


@pytest.fixture
def planned(database: Database) -> Database:
    """One proposal in each area: 1 helped by 2 and 3 helped by 4, of other kinds of support."""
    return plan(database)


def plan(database: Database, now: datetime = NOW) -> Database:
    database.secret = lambda: SECRET
    with database.write() as session:
        rows.add_calendar(session)
        for area, kind in ((HERE, "maths"), (THERE, "reading")):
            place = {"local_authority_code": area, "region_code": f"R{area}"}
            taker = rows.add_school(session, int(TAKERS[area]), **place)
            giver = rows.add_school(session, int(GIVERS[area]), 1, **place)
            rows.add_need(session, f"N{area}", taker, expertise_code=kind)
            rows.add_offer(session, f"O{area}", giver, expertise_code=kind)
    match(database, FREELY, takers=tuple(TAKERS.values()), now=now)
    add_people(
        database,
        *((urn, f"head{urn}@school.example") for urn in ("1", "2", "3", "4")),
    )
    return database


def number_of(database: Database, area: str) -> int:
    """The proposal of an area."""
    with database.read() as session:
        pairs = {need: number for number, need in session.execute(OF_NEED)}
        return pairs[f"N{area}"]


OF_NEED = select(Proposal.id, Need.reference).join(Need, Need.id == Proposal.need_id)


def of_area(role: Role, area: str = HERE) -> Principal:
    return acting(role, name=f"{role}-{area}", scope=Scope(ScopeKind.AREA, area))


def contact(urn: str) -> Principal:
    return acting(Role.CONTACT, name=f"of {urn}", scope=Scope(ScopeKind.INSTITUTION, urn))


def work(database: Database, who: Principal, now: datetime = NOW) -> dict[str, int]:
    """How much there is of each kind; the list has the same."""
    with database.read() as session:
        counts = count_work(session, who, now.date())
        listed = list_work(session, who, now.date(), limit=None)
    found: dict[str, int] = {}
    for each in listed:
        found[each.kind] = found.get(each.kind, 0) + 1
    assert found == {str(kind): number for kind, number in counts.items()}
    return found


def decide(database: Database, area: str, action: DecisionAction, now: datetime = NOW) -> None:
    with database.write() as session:
        decisions.decide(
            session, TERMINAL, number_of(database, area), action, hold_days=14, now=now
        )


def agree(database: Database, area: str, side: Side, now: datetime = NOW) -> None:
    with database.write() as session:
        agreements.agree(
            session,
            TERMINAL,
            number_of(database, area),
            side,
            Says.YES,
            heard("head", now),
            hold_days=14,
            now=now,
        )


def approved(database: Database, area: str, now: datetime = NOW) -> None:
    decide(database, area, DecisionAction.PREFER, now)
    for side in Side:
        agree(database, area, side, now)
    decide(database, area, DecisionAction.APPROVE, now)


def start(database: Database, area: str) -> int:
    terms = Terms("phonics taught daily", "headteacher", "deputy headteacher")
    dates: dict[str, Any] = {"starts": date(2026, 9, 7), "ends": date(2027, 7, 16), "now": NOW}
    with database.write() as session:
        return life.start(session, TERMINAL, number_of(database, area), terms, **dates).id


def test_a_proposal_waits_for_one_after_the_other(planned: Database) -> None:
    """Broker, contacts of both sides and approver, each as it is their turn, with what lapses."""
    broker, approver = of_area(Role.BROKER), of_area(Role.APPROVER)
    taker, giver = contact("1"), contact("2")
    everybody = (broker, approver, taker, giver)
    assert [work(planned, who) for who in everybody] == [{K.REVIEW_PROPOSAL: 1}, {}, {}, {}]
    decide(planned, HERE, DecisionAction.PREFER)
    assert [work(planned, who) for who in everybody] == [
        {K.ASK: 1, K.HOLD: 1},
        {},
        {K.RESPOND_TAKER: 1, K.HOLD: 1},
        {K.RESPOND_GIVER: 1, K.HOLD: 1},
    ]
    agree(planned, HERE, Side.TAKER)
    assert work(planned, taker) == {K.OTHER_SIDE: 1, K.HOLD: 1}
    assert work(planned, giver) == {K.RESPOND_GIVER: 1, K.HOLD: 1}
    agree(planned, HERE, Side.GIVER)
    assert [work(planned, who) for who in everybody] == [
        {K.APPROVAL: 1},
        {K.APPROVE: 1},
        {K.APPROVAL: 1},
        {K.APPROVAL: 1},
    ]
    decide(planned, HERE, DecisionAction.APPROVE)
    assert [work(planned, who) for who in everybody] == [{K.START: 1}, {}, {}, {}]
    start(planned, HERE)
    assert [work(planned, who) for who in everybody] == [{}, {}, {}, {}]


@pytest.mark.parametrize("area", [HERE, THERE])
def test_nobody_sees_the_work_of_another_area(planned: Database, area: str) -> None:
    """Whatever stands elsewhere, in every state, is neither counted nor listed."""
    other = THERE if area == HERE else HERE
    roles = (Role.BROKER, Role.APPROVER, Role.ANALYST, Role.VIEWER)
    strangers = [of_area(role, other) for role in roles]
    strangers += [contact(TAKERS[other]), contact(GIVERS[other])]
    before = [work(planned, who) for who in strangers]

    def unchanged(now: datetime = NOW) -> None:
        assert [work(planned, who, now) for who in strangers] == before

    decide(planned, area, DecisionAction.PREFER)
    ask(planned, Whom(int(TAKERS[area]), int(GIVERS[area])), proposal_id=number_of(planned, area))
    unchanged()
    for side in Side:
        agree(planned, area, side)
    unchanged()
    decide(planned, area, DecisionAction.APPROVE)
    started = start(planned, area)
    giver = contact(GIVERS[area])
    with planned.write() as session:
        visits.book(session, giver, started, date(2026, 9, 7), 1)
        visits.book(session, giver, started, date(2026, 12, 1), 1)
        reviews.raise_concern(
            session, contact(TAKERS[area]), started, "moved", "headteacher", now=NOW
        )
    unchanged(datetime(2026, 11, 20, tzinfo=UTC))
    everywhere = acting(Role.ADMINISTRATOR)
    found = work(planned, everywhere, datetime(2026, 11, 20, tzinfo=UTC))
    assert {K.CONCERN, K.VISIT, K.SILENT} <= set(found)


def test_a_partnership_waits_for_both_sides(planned: Database) -> None:
    """Visits to write up, sign and put right, reviews, its end, and what came of it."""
    approved(planned, HERE)
    with planned.write() as session:  # so that no offer is to be confirmed again
        session.execute(update(Offer).values(availability_updated=date(2027, 6, 1)))
    started = start(planned, HERE)
    taker, giver, broker = contact("1"), contact("2"), of_area(Role.BROKER)
    day, later = date(2026, 9, 7), datetime(2026, 9, 20, 12, tzinfo=UTC)
    with planned.write() as session:
        visit = visits.book(session, giver, started, day, 1).id
    assert [work(planned, who) for who in (taker, giver, broker)] == [{K.VISIT: 1}] * 3
    assert work(planned, giver, later) == {K.WRITE_UP: 1}
    assert work(planned, taker, later) == {K.WRITING_UP: 1}
    with planned.write() as session:
        visits.write_up(session, giver, started, visit, "done", now=later)
    assert work(planned, giver, later) == {K.SIGNATURE: 1}
    assert work(planned, taker, later) == {K.SIGN: 1}
    with planned.read() as session:
        [waits] = list_work(session, taker, later.date(), {K.SIGN})
        assert waits.day == day
    with planned.write() as session:
        visits.sign(session, taker, started, visit, "headteacher", "not so", now=later)
    assert work(planned, giver, later) == {K.CORRECT: 1}
    assert work(planned, taker, later) == {}
    with planned.write() as session:
        visits.write_up(session, giver, started, visit, "half a day", now=later)
        visits.sign(session, taker, started, visit, "headteacher", None, now=later)
    winter = datetime(2026, 12, 1, 12, tzinfo=UTC)
    assert work(planned, giver, winter) == {K.REVIEW: 1}
    assert work(planned, broker, winter) == {K.SILENT: 2}
    with planned.read() as session:
        (due,) = list_work(session, giver, winter.date())
    assert (due.since, due.due) == (day, day + timedelta(days=60))
    with planned.write() as session:
        reviews.add_review(
            session, taker, started, Reviewer.TAKER, Rating.GREEN, winter.date(), "head", now=winter
        )
    assert work(planned, taker, winter) == {}
    assert work(planned, broker, winter) == {K.SILENT: 1}
    summer = datetime(2027, 7, 1, 12, tzinfo=UTC)
    assert work(planned, broker, summer) == {K.END: 1, K.SILENT: 2}
    with planned.write() as session:
        life.end(
            session,
            broker,
            started,
            EndReason.COMPLETED,
            summer.date(),
            NeedState.MET,
            now=summer,
        )
    assert work(planned, taker, summer) == {K.RESULT: 1}
    assert work(planned, giver, summer) == {}
    with planned.write() as session:
        worked = SupportResult.WORKED
        reviews.set_outcome(session, taker, started, Side.TAKER, worked, None, "head", now=summer)
    assert work(planned, taker, summer) == {}
    assert work(planned, giver, summer) == {K.RESULT: 1}
    with planned.read() as session:
        (waits,) = list_work(session, giver, summer.date())
    assert (waits.since, waits.due) == (summer.date(), summer.date() + timedelta(days=28))


def test_links_are_awaited_and_reminded_of(planned: Database) -> None:
    """For whom, since when and until when; who wants to talk waits for the broker."""
    decide(planned, HERE, DecisionAction.PREFER)
    number, broker = number_of(planned, HERE), of_area(Role.BROKER)
    taker, giver = ask(planned, Whom(1, 2), proposal_id=number)
    assert work(planned, broker) == {K.LINK: 2, K.HOLD: 1}
    with planned.read() as session:
        waits = list_work(session, broker, NOW.date(), [K.LINK])
    assert [(each.party, each.role, each.number) for each in waits] == [
        ("giver", "headteacher", giver),
        ("taker", "headteacher", taker),
    ] or [(each.party, each.number) for each in waits] == [("taker", taker), ("giver", giver)]
    assert {(each.since_at, each.due_at) for each in waits} == {(NOW, NOW + timedelta(hours=168))}
    second = NOW + timedelta(hours=24)
    with planned.write() as session:
        reminders.remind(session, broker, taker, now=NOW)
    with planned.write() as session, pytest.raises(NoReminder, match="Wait until 3 September"):
        reminders.remind(session, broker, taker, now=second - timedelta(seconds=1))
    with planned.write() as session:
        reminders.remind(session, broker, taker, now=second)
    with planned.write() as session, pytest.raises(NoReminder, match="reminded twice"):
        reminders.remind(session, broker, taker, now=second)
    with planned.read() as session:
        kinds = session.scalars(select(Mail.kind).where(Mail.request_id == taker)).all()
    assert sorted(kinds) == ["asked", "reminded", "reminded_again"]
    for who, refusal in (
        (of_area(Role.BROKER, THERE), NotFound),
        (contact("1"), Forbidden),
    ):
        with planned.write() as session, pytest.raises(refusal):
            reminders.remind(session, who, giver, now=NOW)
    answer(planned, taker, Reply.TALK_FIRST)
    assert work(planned, broker) == {K.TALK: 1, K.LINK: 1, K.HOLD: 1}
    with planned.write() as session, pytest.raises(NoReminder, match="takes no answer"):
        reminders.remind(session, broker, taker, now=NOW)
    agree(planned, HERE, Side.TAKER)
    assert work(planned, broker) == {K.LINK: 1, K.HOLD: 1}


def test_a_contact_is_asked_what_it_has_not_said(planned: Database) -> None:
    """Suggested needs and offers without an answer, of periods that are not over."""
    with planned.write() as session:
        school = session.get_one(Need, 1).participant_id
        owner = session.get_one(Participant, school)
        rows.add_need(session, "S", owner, state="suggested", expertise_code="reading")
        rows.add_offer(session, "Q", owner, availability="not_answered", expertise_code="reading")
    assert work(planned, contact("1")) == {K.CONFIRM_NEED: 1, K.ANSWER_OFFER: 1}
    assert work(planned, contact("3")) == {}
    assert work(planned, contact("1"), datetime(2028, 9, 1, tzinfo=UTC)) == {}
    with planned.read() as session:
        one, two = list_work(session, contact("1"), NOW.date())
    assert {one.about, two.about} == {"/needs/S", "/offers/Q"}


def test_a_contact_reads_its_requests_partnerships_and_days(planned: Database) -> None:
    """Of its own schools alone; nobody else has any."""
    approved(planned, HERE)
    start(planned, HERE)

    def own(who: Principal) -> Own | None:
        with planned.read() as session:
            return own_of(session, who, date(2026, 10, 1), 5)

    taker, giver = own(contact("1")), own(contact("2"))
    assert taker is not None
    assert giver is not None
    assert [each.progress for each in taker.requests] == [NeedProgress.RUNNING]
    assert (taker.of_requests, taker.of_partnerships) == (1, 1)
    assert [(each.given, each.taken) for each in taker.days] == [(0, 4)]
    assert (giver.of_requests, giver.of_partnerships) == (0, 1)
    assert [(each.given, each.taken) for each in giver.days] == [(4, 0)]
    elsewhere = own(contact("3"))
    assert elsewhere is not None
    assert (elsewhere.of_requests, elsewhere.of_partnerships, elsewhere.days) == (1, 0, [])
    assert own(of_area(Role.BROKER)) is None


def test_what_is_due_first_stands_first(planned: Database) -> None:
    """What has no end comes last; a page goes on where the one before ended, and misses nothing."""
    everything = acting(Role.ADMINISTRATOR)
    decide(planned, THERE, DecisionAction.PREFER)
    decide(planned, HERE, DecisionAction.PREFER, NOW - timedelta(days=1))
    with planned.read() as session:
        whole = list_work(session, everything, NOW.date(), limit=None)
        assert [each.place for each in whole] == sorted(each.place for each in whole)
        assert whole[0].full is not None
        assert whole[0].full.taker.reference == "urn:1"
        paged, after = [], None
        for _ in range(len(whole)):
            (one,) = list_work(session, everything, NOW.date(), after=after, limit=1)
            after = Place.read(str(one.place))
            paged.append(one.place)
        assert paged == [each.place for each in whole]
        assert list_work(session, everything, NOW.date(), after=after) == []
        skipped = list_work(session, everything, NOW.date(), skip=1, limit=2)
        assert [each.place for each in skipped] == paged[1:3]
        groups = first_of_groups(session, everything, NOW.date(), 1)
        assert {name: len(found) for name, found in groups.items() if found} == {
            WorkGroup.WAITS: 1,
            WorkGroup.LAPSES: 1,
        }


def test_work_is_narrowed_by_name_and_period(planned: Database) -> None:
    """Lists and counts alike."""
    everything = acting(Role.ADMINISTRATOR)

    def found(narrowed: Narrowed) -> int:
        with planned.read() as session:
            listed = list_work(session, everything, NOW.date(), narrowed=narrowed)
            counts = count_work(session, everything, NOW.date(), narrowed)
        assert sum(counts.values()) == len(listed)
        return len(listed)

    assert found(Narrowed()) == 2
    assert found(Narrowed("School 2")) == 1
    assert found(Narrowed("school 3")) == 1
    assert found(Narrowed("100%")) == 0
    assert found(Narrowed(period=rows.YEAR)) == 2
    assert found(Narrowed(period="2027-28")) == 0


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    told: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        told.append(statement)

    event.listen(database.read_engine, "before_cursor_execute", note)
    try:
        yield told
    finally:
        event.remove(database.read_engine, "before_cursor_execute", note)


def test_a_long_list_takes_no_more_queries(planned: Database) -> None:
    """However many proposals wait, and whatever they are about."""
    broker = of_area(Role.BROKER)

    def asked() -> int:
        with planned.read() as session, statements(planned) as told:
            count_work(session, broker, NOW.date())
            list_work(session, broker, NOW.date(), limit=None)
            first_of_groups(session, broker, NOW.date(), 5)
        return len(told)

    before = asked()
    with planned.write() as session:
        first = session.get_one(Proposal, number_of(planned, HERE))
        school = session.get_one(Need, first.need_id)
        for n in range(40):
            need = Need(
                reference=f"many-{n}",
                **{
                    name: getattr(school, name)
                    for name in (
                        "participant_id",
                        "expertise_code",
                        "period_code",
                        "half_days",
                        "half_days_min",
                        "evidence",
                        "window_starts",
                        "window_ends",
                        "updated_at",
                    )
                },
            )
            session.add(need)
            session.flush()
            session.add(
                Proposal(
                    run_id=first.run_id,
                    need_id=need.id,
                    offer_id=first.offer_id,
                    half_days=2,
                    points=1,
                    components=[],
                    ladder="region",
                    remote=False,
                    sendable=True,
                )
            )
        audit.record(session, actor="test", action="test.rows", subject="test")
    assert work(planned, broker) == {K.REVIEW_PROPOSAL: 41}
    assert asked() == before
    assert before <= 14


@pytest.fixture
def client(planned: Database) -> Iterator[TestClient]:
    """A broker of one of the two areas."""
    with planned.write() as session:
        key = new_key(session, Grant(Role.BROKER, Scope(ScopeKind.AREA, HERE)))
    with keyed(planned, NOW) as client:
        client.headers["Authorization"] = f"Bearer {key}"
        yield client


MINE = "/api/v1/me/work"


def test_work_over_http(client: TestClient, planned: Database) -> None:
    """By kind and group, in pages, as CSV; with how much there is of each kind."""
    (only,) = client.get(MINE).json()["items"]
    assert (only["kind"], only["group"], only["step"]) == (
        "review_proposal",
        "waits",
        "Review a proposal",
    )
    assert (only["school"], only["school_name"], only["giver_name"]) == (
        "1",
        "School 1",
        "School 2",
    )
    assert only["link"] == f"/api/v1/proposals/{number_of(planned, HERE)}"
    assert client.get(only["link"]).status_code == 200
    decide(planned, HERE, DecisionAction.PREFER)
    number = number_of(planned, HERE)
    for asked in ask(planned, Whom(1, 2), proposal_id=number)[:1]:
        again = client.post(f"/api/v1/requests/{asked}/reminder")
        assert (again.status_code, again.json()["reminded_at"]) == (201, "2026-09-02T12:00:00Z")
        said(client.post(f"/api/v1/requests/{asked}/reminder"), 409, "no-reminder")
        said(client.post("/api/v1/requests/99/reminder"), 404, "not-found")
    whole = client.get(MINE)
    assert [(each["kind"], each["number"]) for each in whole.json()["counts"]] == [
        ("link", 2),
        ("hold", 1),
    ]
    kinds = [each["kind"] for each in whole.json()["items"]]
    assert sorted(kinds) == ["hold", "link", "link"]
    page, paged = client.get(MINE, params={"limit": 1}), []
    while True:
        paged += [each["kind"] for each in page.json()["items"]]
        if "next" not in page.links:
            break
        page = client.get(page.links["next"]["url"])
    assert paged == kinds
    assert len(client.get(MINE, params={"group": "awaited"}).json()["items"]) == 2
    assert client.get(MINE, params={"group": "awaited", "kind": "hold"}).json()["items"] == []
    table = csv_rows(client.get(MINE, headers={"Accept": "text/csv"}))
    assert [row["kind"] for row in table] == kinds
    assert len(client.get(MINE, params={"text": "School 2"}).json()["items"]) == 3
    for place in ("here", "2026-01-01~2026-01-01~tea~1~", "2026-01-01~2026-01-01~hold~1~\0"):
        said(client.get(MINE, params={"after": place}), 422, "bad-place")
    last = "2026-01-01~2026-01-01~hold~999999999999999999~"
    assert client.get(MINE, params={"after": last}).status_code == 200
    said(client.get(MINE, params={"kind": "tea"}), 422, "invalid")


def test_every_kind_stands_in_one_group() -> None:
    """And in no other."""
    assert sorted(kind for kinds in GROUPS.values() for kind in kinds) == sorted(WorkKind)


@pytest.fixture
def terminal(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setenv("GIVETAKE_DATABASE_URL", sqlite_database.url)
    settings.cache_clear()
    yield plan(sqlite_database, now_of(sqlite_database))
    settings.cache_clear()


def test_work_in_the_terminal(terminal: Database) -> None:
    """Of everybody, or of a role with its scope."""
    runner = CliRunner()
    everything = runner.invoke(app, ["work"])
    assert everything.exit_code == 0, everything.output
    assert "Waits for you (2)" in everything.stdout
    assert "Review a proposal: School 2 gives 2 days of maths to School 1" in everything.stdout
    few = runner.invoke(app, ["work", "--limit", "1"])
    assert "and 1 more" in few.stdout
    nobody = runner.invoke(app, ["work", "--as", "approver", "--everywhere"])
    assert "Nothing waits, and nobody is waited for." in nobody.stdout
    own = runner.invoke(app, ["work", "--as", "broker", "--institution", "3"])
    assert "Waits for you (1)" in own.stdout
    table = runner.invoke(app, ["work", "--csv", "--kind", "review_proposal"])
    assert table.stdout.count("review_proposal") == 2
    for words in (["--as", "broker"], ["--everywhere"], ["--as", "system", "--everywhere"]):
        assert isinstance(runner.invoke(app, ["work", *words]).exception, BadGrant), words
