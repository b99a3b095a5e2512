"""Open offers: what a giver offers to many schools at once, outside any plan."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from sqlalchemy import RowMapping, or_, select

from app.access.policy import Action, Principal, authorise
from app.access.scoped import authorise_for, authorise_on, visible
from app.database import ReadSession, WriteSession, database_now
from app.errors import Conflict, NotFound, Problem, require_version
from app.events import audit
from app.exchange.finding import Origin
from app.register.naming import participant_ids, reference_named
from models.exchange import Expertise, OpenOffer
from models.register import Institution, Organisation, Participant
from models.vocabulary import OpenOfferKind
from solver.pairing.geography import distance_m


class BadOpenOffer(Problem):
    """What is wrong with an open offer; `field` names which part."""

    status = 422
    title = "Invalid open offer"

    def __init__(self, detail: str, field: str) -> None:
        super().__init__(detail)
        self.field = field


@dataclass(frozen=True, slots=True)
class NewOpenOffer:
    reference: str
    participant: str
    expertise: str
    kind: OpenOfferKind
    title: str
    starts: date
    ends: date
    link: str | None = None


def create(
    session: WriteSession,
    principal: Principal,
    new: NewOpenOffer,
    *,
    now: datetime | None = None,
) -> OpenOffer:
    """Add an open offer; whoever may change the giver's offers may."""
    authorise(principal, Action.CHANGE_OFFER)
    now = now or database_now(session)
    taken = select(OpenOffer.id).where(OpenOffer.reference == new.reference)
    if session.scalar(taken) is not None:
        raise Conflict(f"There is already an open offer {new.reference}. Use another reference.")
    known = participant_ids(session, [reference_named(session, new.participant)])
    if not known:
        raise BadOpenOffer(
            f"There is no school or organisation {new.participant} in the register. Enter a URN or "
            "the key of an organisation",
            "participant",
        )
    [whose] = known.values()
    authorise_for(session, principal, Action.CHANGE_OFFER, [whose])
    entry = session.get(Expertise, new.expertise)
    if entry is None or entry.retired:
        raise BadOpenOffer(f"There is no area of expertise {new.expertise!r}", "expertise")
    if new.ends < new.starts:
        raise BadOpenOffer("The last day must be the first day or later", "ends")
    if new.link is not None and not new.link.startswith("https://"):
        raise BadOpenOffer("Enter an address that begins with https://", "link")
    made = OpenOffer(
        reference=new.reference,
        participant_id=whose,
        expertise_code=new.expertise,
        kind=new.kind,
        title=new.title,
        link=new.link,
        starts=new.starts,
        ends=new.ends,
        confirmed_on=now.date(),
        updated_at=now,
    )
    session.add(made)
    session.flush()
    _record(session, principal, made, "create")
    return made


def confirm(
    session: WriteSession,
    principal: Principal,
    reference: str,
    *,
    version: int | None = None,
    now: datetime | None = None,
) -> OpenOffer:
    """Say that an open offer still stands, on this day."""
    now = now or database_now(session)
    found = _locked(session, principal, reference, version)
    found.confirmed_on = now.date()
    return _changed(session, principal, found, "confirm", now)


def withdraw(
    session: WriteSession,
    principal: Principal,
    reference: str,
    *,
    version: int | None = None,
    now: datetime | None = None,
) -> OpenOffer:
    """Take an open offer back; it can still be read."""
    found = _locked(session, principal, reference, version)
    found.withdrawn = True
    return _changed(session, principal, found, "withdraw", now or database_now(session))


def giver_of(session: ReadSession, principal: Principal, reference: str) -> str:
    """URN or key of whose open offer it is, of the principal's own scope."""
    authorise(principal, Action.READ)
    query = (
        select(Participant.reference)
        .join(OpenOffer, OpenOffer.participant_id == Participant.id)
        .where(OpenOffer.reference == reference, visible(principal, Action.READ, OpenOffer))
    )
    found = session.scalar(query)
    if found is None:
        raise NotFound(f"There is no open offer {reference!r}. Check the reference.")
    return found.partition(":")[2]


def list_open(
    session: ReadSession,
    today: date,
    *,
    origin: Origin | None = None,
    expertise: Collection[str] | None = None,
    participant: str | None = None,
    limit: int = 20,
) -> list[dict[str, Any]]:
    """Open offers that stand, for anybody who looks: the nearest first, then those without place.

    Resources have no place, so that no distance leaves anything out.
    """
    query = (
        select(
            OpenOffer.reference,
            OpenOffer.kind,
            OpenOffer.title,
            OpenOffer.link,
            OpenOffer.starts,
            OpenOffer.ends,
            OpenOffer.confirmed_on,
            OpenOffer.version,
            OpenOffer.expertise_code.label("expertise"),
            Expertise.name.label("expertise_name"),
            Participant.reference.label("giver"),
            Participant.name.label("participant_name"),
            Participant.latitude,
            Participant.longitude,
        )
        .join(Participant, Participant.id == OpenOffer.participant_id)
        .join(Expertise, Expertise.code == OpenOffer.expertise_code)
        .outerjoin(Institution, Institution.participant_id == Participant.id)
        .outerjoin(Organisation, Organisation.participant_id == Participant.id)
        .where(
            ~OpenOffer.withdrawn,
            OpenOffer.ends >= today,
            or_(Institution.participant_id.is_(None), Institution.in_scope),
            or_(Organisation.closed.is_(None), Organisation.closed > today),
        )
        .order_by(OpenOffer.starts, OpenOffer.id)
    )
    if expertise is not None:
        query = query.where(OpenOffer.expertise_code.in_(sorted(expertise)))
    if participant is not None:
        query = query.where(Participant.reference == participant)
    rows = session.execute(query).mappings().all()
    away = [None] * len(rows) if origin is None else _metres(rows, origin)
    found = [
        {**row, "participant": row["giver"].partition(":")[2], "distance_m": metres}
        for row, metres in zip(rows, away, strict=True)
    ]
    if origin is not None:
        found.sort(key=lambda each: (each["distance_m"] is None, each["distance_m"] or 0.0))
    return found[:limit]


def _metres(rows: Sequence[RowMapping], origin: Origin) -> list[float | None]:
    if not rows:
        return []
    latitudes, longitudes = (
        np.array([np.nan if row[name] is None else row[name] for row in rows])
        for name in ("latitude", "longitude")
    )
    metres = distance_m(latitudes, longitudes, origin.latitude, origin.longitude)
    return [None if np.isnan(each) else float(each) for each in metres.tolist()]


def _locked(
    session: WriteSession, principal: Principal, reference: str, version: int | None
) -> OpenOffer:
    authorise(principal, Action.CHANGE_OFFER)
    seen = visible(principal, Action.READ, OpenOffer)
    found = session.scalar(
        select(OpenOffer).where(OpenOffer.reference == reference, seen).with_for_update()
    )
    if found is None:
        raise NotFound(f"There is no open offer {reference!r}. Check the reference.")
    authorise_on(session, principal, Action.CHANGE_OFFER, found)
    require_version(found.version, version, f"Open offer {reference}")
    if found.withdrawn:
        raise Conflict(f"Open offer {reference} was withdrawn. Add a new one.")
    return found


def _changed(
    session: WriteSession, principal: Principal, found: OpenOffer, action: str, now: datetime
) -> OpenOffer:
    found.version += 1
    found.updated_at = now.astimezone(UTC)
    session.flush()
    _record(session, principal, found, action)
    return found


def _record(session: WriteSession, principal: Principal, of: OpenOffer, action: str) -> None:
    audit.record(
        session,
        actor=principal.name,
        action=f"open_offer.{action}",
        subject=f"open_offer:{of.reference}",
        of=of,
    )
