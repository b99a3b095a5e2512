"""Changes to single needs and offers: states, versions, who may, and the audit of each."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access.policy import Principal, Scope
from app.database import Database
from app.errors import Conflict, Forbidden, NotFound, Stale
from app.exchange import queries, service
from app.exchange.list_query import NeedQuery, OfferQuery
from app.exchange.resolve import FOLLOWS, STARTS
from app.exchange.rows import NeedRow, OfferRow
from app.import_kit.misfits import Unfit
from models.access import AuditEvent
from models.exchange import Need
from models.register import Area, Participant
from models.vocabulary import Availability, NeedState, Role, ScopeKind
from tests.factories import acting

BROKER = acting(Role.BROKER, name="broker")
HEAD = acting(Role.CONTACT, name="head", scope=Scope(ScopeKind.INSTITUTION, "100001"))
GIVER = acting(Role.CONTACT, name="giver", scope=Scope(ScopeKind.ORGANISATION, "hub"))
ANALYST = acting(Role.ANALYST, name="analyst")


def need_row(**given: object) -> NeedRow:
    facts = {"reference": "n1", "participant": "100001", "expertise": "attendance"}
    return NeedRow.model_validate(facts | {"period": "2026-27", "days": "4"} | given)


def offer_row(**given: object) -> OfferRow:
    facts = {"reference": "o1", "participant": "hub", "expertise": "attendance"}
    return OfferRow.model_validate(facts | {"period": "2026-27", "days": "6"} | given)


@pytest.fixture
def peopled(database: Database) -> Database:
    """A made-up school and a hub, in two districts of one region."""
    with database.write() as session:
        for reference, kind, district in (
            ("urn:100001", "institution", "E1"),
            ("org:hub", "organisation", "E2"),
        ):
            session.add(
                Participant(
                    reference=reference,
                    kind=kind,
                    name=f"Made-up {kind}",
                    region_code="J",
                    local_authority_code="900",
                    district_code=district,
                    updated_at=datetime.now(UTC),
                )
            )
    return database


def state_of(session: Session, reference: str) -> str | None:
    return session.scalar(select(Need.state).where(Need.reference == reference))


def audited(database: Database) -> list[tuple[str, str, str]]:
    with database.read() as session:
        events = session.scalars(select(AuditEvent).order_by(AuditEvent.sequence))
        return [(event.actor, event.action, event.subject) for event in events]


def test_a_need_is_made_changed_and_closed(peopled: Database) -> None:
    """Each change raises the version and leaves one event; a change of nothing leaves none."""
    with peopled.write() as session:
        assert service.create_need(session, BROKER, need_row(agreed_by="head")).version == 1
    with peopled.write() as session:
        changed = service.change_need(session, HEAD, need_row(days="2.5", state="diagnosed"), 1)
        assert (changed.half_days, changed.half_days_min, changed.version) == (5, 5, 2)
    with peopled.write() as session:
        same = service.change_need(session, HEAD, need_row(days="2.5"), 2)
        assert (same.state, same.version) == ("diagnosed", 2)
    with peopled.write() as session:
        assert service.withdraw_need(session, HEAD, "n1", 2).state == "closed"
    assert audited(peopled) == [
        ("broker", "need.create", "need:n1"),
        ("head", "need.change", "need:n1"),
        ("head", "need.advance", "need:n1"),
    ]


def test_an_offer_is_made_changed_answered_and_withdrawn(peopled: Database) -> None:
    """A change keeps the giver's answer; a withdrawn offer takes no answer any more."""
    with peopled.write() as session:
        offer = service.create_offer(session, BROKER, offer_row(phases="primary"))
        assert (offer.availability, offer.phases) == ("not_answered", ["primary"])
    with peopled.write() as session:
        answered = service.answer_offer(
            session, GIVER, "o1", Availability.MAY_OFFER, half_days=7, on=date(2026, 9, 9)
        )
        assert (answered.half_days, answered.availability_updated) == (7, date(2026, 9, 9))
    with peopled.write() as session:
        changed = service.change_offer(session, BROKER, offer_row(days="5"), 2)
        assert (changed.half_days, changed.availability) == (10, "may_offer")
    with peopled.write() as session:
        withdrawn = service.withdraw_offer(session, GIVER, "o1", 3)
        assert (withdrawn.withdrawn, withdrawn.availability) == (True, "may_offer")
    with pytest.raises(Conflict, match="withdrawn"), peopled.write() as session:
        service.answer_offer(session, GIVER, "o1", Availability.CAN_OFFER)
    assert [action for _, action, _ in audited(peopled)] == [
        "offer.create",
        "offer.answer",
        "offer.change",
        "offer.withdraw",
    ]


@pytest.mark.parametrize("now", NeedState)
def test_every_step_between_states(sqlite_database: Database, now: NeedState) -> None:
    """A need goes where its state leads and nowhere else; a suggestion is not advanced."""
    with sqlite_database.write() as session:
        moment = datetime.now(UTC)
        who = Participant(
            reference="urn:100001", kind="institution", name="Made-up School", updated_at=moment
        )
        session.add(who)
        session.flush()
        for wanted in NeedState:
            row = need_row(reference=f"to-{wanted}")
            service.create_need(session, BROKER, row).state = now.value
            session.flush()
            confirms = now is NeedState.SUGGESTED and wanted is not NeedState.CLOSED
            if wanted is now or (wanted in FOLLOWS[now] and not confirms):
                need = service.advance_need(session, BROKER, row.reference, wanted)
                assert need.state == wanted
                continue
            with pytest.raises(Unfit, match="state"):
                service.advance_need(session, BROKER, row.reference, wanted)
            assert state_of(session, row.reference) == now


@pytest.mark.parametrize("state", sorted(set(NeedState) - set(STARTS)))
def test_no_need_starts_where_others_end(peopled: Database, state: NeedState) -> None:
    """What became of a need comes about, and is not claimed."""
    with pytest.raises(Unfit, match="how a need starts"), peopled.write() as session:
        service.create_need(session, BROKER, need_row(state=state.value))


def test_only_its_own_contact_makes_an_answered_offer(peopled: Database) -> None:
    """Nobody offers for somebody else."""
    row = offer_row(availability="can_offer")
    with pytest.raises(Unfit, match="own answer"), peopled.write() as session:
        service.create_offer(session, BROKER, row)
    with peopled.write() as session:
        assert service.create_offer(session, GIVER, row).availability == "can_offer"


def test_states_lead_to_an_end() -> None:
    """Nothing leads back to a suggestion, and from every state a need can come to its end."""
    assert set(FOLLOWS) == set(NeedState)
    assert all(NeedState.SUGGESTED not in after for after in FOLLOWS.values())
    ended = {state for state, after in FOLLOWS.items() if not after}
    assert ended == {NeedState.MET, NeedState.CLOSED}
    assert all(NeedState.CLOSED in after for state, after in FOLLOWS.items() if state not in ended)


def test_only_the_school_s_side_confirms(peopled: Database) -> None:
    """A broker cannot make a suggestion a need; the school can, once, and says in which role."""
    with peopled.write() as session:
        service.create_need(session, BROKER, need_row(state="suggested"))
    for other in (BROKER, GIVER, ANALYST):
        with pytest.raises((Forbidden, NotFound)), peopled.write() as session:
            service.confirm_need(session, other, "n1", by_role="headteacher")
    with peopled.write() as session:
        need = service.confirm_need(session, HEAD, "n1", by_role="headteacher", version=1)
        assert (need.state, need.agreed_by, need.version) == ("identified", "headteacher", 2)
    with pytest.raises(Conflict, match="only confirm a suggested need"), peopled.write() as session:
        service.confirm_need(session, HEAD, "n1", by_role="headteacher")


def test_only_the_giver_answers(peopled: Database) -> None:
    """Neither broker nor taker answers for a giver, and no answer is not an answer."""
    with peopled.write() as session:
        service.create_offer(session, BROKER, offer_row())
    for other in (BROKER, HEAD, ANALYST):
        with pytest.raises((Forbidden, NotFound)), peopled.write() as session:
            service.answer_offer(session, other, "o1", Availability.CAN_OFFER)
    with pytest.raises(Conflict, match="Choose an answer"), peopled.write() as session:
        service.answer_offer(session, GIVER, "o1", Availability.NOT_ANSWERED)
    with (
        pytest.raises(Unfit, match="until the supporting organisation answers"),
        peopled.write() as session,
    ):
        service.change_offer(session, BROKER, offer_row(availability="can_offer"), 1)


@pytest.mark.parametrize("answer", [a for a in Availability if a != "not_answered"])
def test_every_answer_may_follow_every_answer(peopled: Database, answer: Availability) -> None:
    """A giver may change its mind in any direction; the day is kept."""
    for before in (Availability.CAN_OFFER, Availability.MAY_OFFER, Availability.NOT_OFFERING):
        with peopled.write() as session:
            service.create_offer(session, BROKER, offer_row(reference=before.value))
            service.answer_offer(session, GIVER, before, before, on=date(2026, 9, 1))
            offer = service.answer_offer(session, GIVER, before, answer, on=date(2026, 9, 2))
            assert (offer.availability, offer.availability_updated) == (answer, date(2026, 9, 2))


def test_a_stale_change_is_refused(peopled: Database) -> None:
    """A change made from an older version writes nothing."""
    with peopled.write() as session:
        service.create_need(session, BROKER, need_row())
        service.change_need(session, BROKER, need_row(days="5"), 1)
    with pytest.raises(Stale, match="at version 2"), peopled.write() as session:
        service.change_need(session, BROKER, need_row(days="6"), 1)
    with peopled.read() as session:
        assert session.scalars(select(Need.half_days)).one() == 10


def test_what_does_not_fit_is_named_with_all_reasons(peopled: Database) -> None:
    """One error names every column that does not fit, for a form to show beside its fields."""
    row = need_row(participant="5", expertise="alchemy", window_starts="2026-01-01")
    with pytest.raises(Unfit) as raised, peopled.write() as session:
        service.create_need(session, BROKER, row)
    columns = [misfit.column for misfit in raised.value.misfits]
    assert columns == ["participant", "expertise", "window_starts"]


def test_references_are_made_once_and_must_exist(peopled: Database) -> None:
    """A second need of a reference is a conflict; an unknown one is not found."""
    with peopled.write() as session:
        service.create_need(session, BROKER, need_row())
    with pytest.raises(Conflict, match="already"), peopled.write() as session:
        service.create_need(session, BROKER, need_row())
    with pytest.raises(NotFound, match="'n9'"), peopled.write() as session:
        service.withdraw_need(session, BROKER, "n9")


@pytest.mark.parametrize("principal", [ANALYST, GIVER])
def test_who_may_not_change_needs(peopled: Database, principal: Principal) -> None:
    """Analysts and givers read needs and change none."""
    with pytest.raises(Forbidden), peopled.write() as session:
        service.create_need(session, principal, need_row())


def test_needs_and_offers_are_listed_by_filter_and_page(peopled: Database) -> None:
    """Filters narrow, pages continue after an id, and withdrawn offers are not listed."""
    with peopled.write() as session:
        for number, expertise in enumerate(("attendance", "behaviour", "attendance")):
            row = need_row(reference=f"n{number}", expertise=expertise)
            service.create_need(session, BROKER, row)
        service.create_offer(session, BROKER, offer_row())
        service.create_offer(session, BROKER, offer_row(reference="o2"))
        service.withdraw_offer(session, BROKER, "o1")
    with peopled.read() as session:
        page = queries.list_needs(session, ANALYST, NeedQuery(expertise="attendance"), limit=1)
        assert [need.reference for need in page] == ["n0"]
        further = NeedQuery(expertise="attendance", after=str(page[0].id))
        rest = queries.list_needs(session, ANALYST, further)
        assert [need.reference for need in rest] == ["n2"]
        in_region = NeedQuery(area="region:J", period="2026-27")
        assert len(queries.list_needs(session, ANALYST, in_region)) == 3
        assert queries.list_needs(session, ANALYST, NeedQuery(area="district:E2")) == []
        assert queries.list_needs(session, ANALYST, NeedQuery(state=NeedState.MATCHED)) == []
        wanted = OfferQuery(participant="hub", availability=Availability.NOT_ANSWERED)
        offers = queries.list_offers(session, ANALYST, wanted)
        assert [offer.reference for offer in offers] == ["o2"]
        assert queries.get_need(session, ANALYST, "n1").expertise_code == "behaviour"
        assert queries.get_offer(session, ANALYST, "o1").withdrawn
        with pytest.raises(NotFound):
            queries.get_need(session, ANALYST, "n9")


def test_an_area_is_found_by_name_or_code(sqlite_database: Database) -> None:
    """A name that is both a region's and an authority's has to be told apart by its kind."""
    with sqlite_database.write() as session:
        session.add(Area(kind="region", code="H", name="Made-up City"))
        session.add(Area(kind="local_authority", code="900", name="Made-up City"))
    with sqlite_database.read() as session:
        assert queries.find_area(session, "900").kind == "local_authority"
        assert queries.find_area(session, "region:H").code == "H"
        assert queries.find_area(session, "region:made-up city").code == "H"
        with pytest.raises(Conflict, match="local_authority:900"):
            queries.find_area(session, "Made-up City")
