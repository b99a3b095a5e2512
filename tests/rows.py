"""Made-up rows for tests, with defaults that nobody has to think about."""

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from models.exchange import Expertise, Limits, Need, Offer, Period
from models.interests import Interest
from models.partnerships import Support
from models.register import (
    Area,
    Group,
    Institution,
    Membership,
    Network,
    NetworkMembership,
    Organisation,
    Participant,
)

NOW = datetime(2026, 9, 1, tzinfo=UTC)
YEAR, TERM = "2026-27", "2026-27/autumn"
STARTS, ENDS = date(2026, 9, 1), date(2027, 8, 31)


def add(session: Session, row: Any) -> Any:
    session.add(row)
    session.flush()
    return row


def add_calendar(session: Session) -> None:
    """One year with one of its terms and a small tree of expertise, in place of the packaged."""
    for table in (Period, Expertise):
        session.execute(delete(table))
    add(session, Period(code=YEAR, kind="year", name="2026 to 2027", starts=STARTS, ends=ENDS))
    term = {"kind": "term", "name": "Autumn 2026", "year_code": YEAR}
    add(session, Period(code=TERM, starts=STARTS, ends=date(2026, 12, 31), **term))
    for code, parent in (("maths", None), ("maths-primary", "maths"), ("reading", None)):
        add(session, Expertise(code=code, parent_code=parent, name=code.title(), version="test"))
    add(session, Area(kind="local_authority", code="999", name="Testshire", region_code="Z"))


def add_school(session: Session, urn: int, miles_north: float = 0.0, **changes: Any) -> Participant:
    """A primary school so many miles north of a point in the North Sea."""
    place = {"latitude": 55.0 + miles_north / 69.17, "longitude": 2.0}
    place |= {"local_authority_code": "999", "region_code": "Z"}
    mine = {name: changes.pop(name) for name in tuple(changes) if hasattr(Institution, name)}
    who = Participant(
        **{
            "reference": f"urn:{urn}",
            "kind": "institution",
            "name": f"School {urn}",
            "updated_at": NOW,
            **place,
            **changes,
        }
    )
    add(session, who)
    school = {
        "urn": urn,
        "type_code": 1,
        "type_name": "Community school",
        "status_code": 1,
        "phases": ["primary"],
        "sen_types": [],
        "specialist": False,
        "alternative_provision": False,
        "fee_paying": False,
        "in_scope": True,
    }
    add(session, Institution(participant_id=who.id, **(school | mine)))
    return who


def add_hub(session: Session, key: str, **changes: Any) -> Participant:
    who = Participant(
        reference=f"org:{key}",
        kind="organisation",
        name=f"Hub {key}",
        latitude=55.0,
        longitude=2.0,
        updated_at=NOW,
    )
    add(session, who)
    hub = {"kind": "subject_hub", "funded": True} | changes
    add(session, Organisation(participant_id=who.id, key=key, **hub))
    return who


def add_group(session: Session, uid: int, kind: str, members: list[Participant]) -> Group:
    group = add(session, Group(uid=uid, name=f"Group {uid}", kind=kind, type_code="06", open=True))
    for member in members:
        add(session, Membership(group_id=group.id, participant_id=member.id))
    return group


def add_network(session: Session, key: str, members: list[Participant]) -> Network:
    network = add(session, Network(key=key, name=f"Network {key}", kind="alliance"))
    for member in members:
        add(session, NetworkMembership(network_id=network.id, participant_id=member.id))
    return network


def add_need(session: Session, reference: str, taker: Participant, **changes: Any) -> Need:
    row = {
        "expertise_code": "maths",
        "period_code": YEAR,
        "half_days": 4,
        "half_days_min": 4,
        "priority": 3,
        "evidence": "self_evaluation",
        "window_starts": STARTS,
        "window_ends": ENDS,
        "state": "identified",
        "mode": "on_site",
        "updated_at": NOW,
    }
    return add(session, Need(reference=reference, participant_id=taker.id, **(row | changes)))


def add_offer(session: Session, reference: str, giver: Participant, **changes: Any) -> Offer:
    row = {
        "expertise_code": "maths",
        "period_code": YEAR,
        "half_days": 8,
        "max_pairings": 2,
        "phases": [],
        "window_starts": STARTS,
        "window_ends": ENDS,
        "mode": "on_site",
        "availability": "can_offer",
        "availability_updated": STARTS,
        "updated_at": NOW,
    }
    return add(session, Offer(reference=reference, participant_id=giver.id, **(row | changes)))


def add_limits(session: Session, who: Participant, period: str = YEAR, **changes: Any) -> Limits:
    return add(session, Limits(participant_id=who.id, period_code=period, **changes))


def add_support(
    session: Session, reference: str, taker: Participant, giver: Participant | None, **changes: Any
) -> Support:
    row = {"state": "active", "period_code": YEAR, "updated_at": NOW}
    return add(
        session,
        Support(
            reference=reference,
            taker_id=taker.id,
            giver_id=giver.id if giver else None,
            giver_name=None if giver else "Somebody else",
            **(row | changes),
        ),
    )


def add_interest(
    session: Session, reference: str, holder: Participant, about: Participant, **changes: Any
) -> Interest:
    row = {
        "kind": "bids_for",
        "evidence": "made up",
        "declared_by": "clerk to governors",
        "declared_on": STARTS,
        "recorded_by": "somebody",
        "recorded_at": NOW,
    }
    return add(
        session,
        Interest(reference=reference, holder_id=holder.id, about_id=about.id, **(row | changes)),
    )
