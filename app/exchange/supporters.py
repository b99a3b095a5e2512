"""What the pages of Find support are filled with, besides what is found."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from app.database import ReadSession
from app.errors import NotFound
from app.register.naming import reference_named
from models.exchange import Expertise
from models.register import Area, Institution, Network, Organisation, Participant
from models.vocabulary import AreaKind


def expertise_to_choose(session: ReadSession) -> Sequence[Expertise]:
    """Areas of expertise that are in use, for anybody."""
    return session.scalars(select(Expertise).where(~Expertise.retired)).all()


def networks_to_choose(session: ReadSession, most: int = 500) -> Sequence[Any]:
    """Key and name of networks, by name, for anybody."""
    query = select(Network.key, Network.name).order_by(Network.name).limit(most)
    return session.execute(query).all()


def supporter(session: ReadSession, cell: str) -> dict[str, Any]:
    """What anybody may read of a school or organisation.

    Raises
    ------
    NotFound
        If the register has nobody of that name.
    """
    query = (
        select(
            Participant.id,
            Participant.reference,
            Participant.name,
            Participant.town,
            Participant.postcode,
            Institution.type_name,
            Institution.phases,
            Organisation.kind,
            Area.name.label("local_authority"),
        )
        .outerjoin(Institution, Institution.participant_id == Participant.id)
        .outerjoin(Organisation, Organisation.participant_id == Participant.id)
        .outerjoin(
            Area,
            (Area.kind == AreaKind.LOCAL_AUTHORITY.value)
            & (Area.code == Participant.local_authority_code),
        )
        .where(Participant.reference == reference_named(session, cell[:60]))
    )
    row = session.execute(query).mappings().one_or_none()
    if row is None:
        raise NotFound(f"There is no school or organisation {cell[:60]!r}. Check the address.")
    return dict(row)
