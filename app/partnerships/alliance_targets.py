"""The alliances that a school is in, and what they want of it: as binding as its own support."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.partnerships.contradictions import Target
from models.alliances import Alliance, AllianceMember, AllianceTarget
from models.vocabulary import MemberState


@dataclass(frozen=True, slots=True)
class AllianceOf:
    """An alliance that somebody is in, with its targets."""

    alliance: Alliance
    role: str
    targets: Sequence[AllianceTarget]

    @property
    def compared(self) -> list[Target]:
        """Its targets beside those of other support."""
        of = self.alliance
        support = f"alliance:{of.reference}"
        return [Target.of(each, support, of.name, of.starts) for each in self.targets]


def alliances_of(session: Session, participant_id: int, day: date) -> list[AllianceOf]:
    """Those that a participant has joined and not left on a day."""
    query = (
        select(Alliance, AllianceMember.role)
        .join(AllianceMember, AllianceMember.alliance_id == Alliance.id)
        .where(
            AllianceMember.participant_id == participant_id,
            AllianceMember.state == MemberState.MEMBER,
            Alliance.over_on.is_(None),
            or_(Alliance.ends.is_(None), Alliance.ends >= day),
        )
        .order_by(Alliance.id)
    )
    found = session.execute(query).all()
    return [AllianceOf(one, role, alliance_targets(session, one.id)) for one, role in found]


def alliance_targets(session: Session, alliance_id: int) -> list[AllianceTarget]:
    query = select(AllianceTarget).where(AllianceTarget.alliance_id == alliance_id)
    return list(
        session.scalars(query.order_by(AllianceTarget.measure, AllianceTarget.by_date)).all()
    )
