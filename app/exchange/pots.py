"""Which needs a pot of money pays for, and what it pays for a day."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, false, or_, select, true
from sqlalchemy.orm import Session

from app.register.group_members import MEMBERS, belongs_on
from app.wording import on_day
from models.exchange import Expertise, Need
from models.matching import Proposal
from models.money import Pot
from models.register import AreaServed, Group, NetworkMembership, Organisation, Participant
from models.vocabulary import HOLDING, AreaKind, PotHolder

WHOLE: Final = 10_000
"""Basis points of the whole day rate."""


class Price(NamedTuple):
    """What a day of support costs a pot."""

    day_rate_pence: int
    """To the supporting organisation."""
    fee_pence: int
    """For brokerage."""

    @property
    def day_pence(self) -> int:
        return self.day_rate_pence + self.fee_pence

    @property
    def half_day_pence(self) -> int:
        """Rounded up to whole pence: so every sum of half-days is exact."""
        return -(-self.day_pence // 2)

    def of(self, half_days: int) -> int:
        return self.half_day_pence * half_days


def price(pot: Pot, day_rate_pence: int | None = None) -> Price:
    """What a pot pays for a day, at its standard rate or another."""
    rate = pot.day_rate_pence if day_rate_pence is None else day_rate_pence
    if pot.fee_basis_points is not None:
        return Price(rate, -(-rate * pot.fee_basis_points // WHOLE))
    return Price(rate, pot.fee_pence or 0)


def supported_by(pot: Pot, day: date) -> ColumnElement[bool]:
    """Whether a pot may pay for support of the participant that a query reads."""
    areas = pot.areas or []
    named = pot.organisations or []
    if not areas and not named:
        return _HOLDERS[PotHolder(pot.holder_kind)](pot, day)
    groups = select(Organisation.group_uid).where(
        Organisation.participant_id.in_(
            select(Participant.id).where(Participant.reference.in_(named)).correlate(None)
        ),
        Organisation.group_uid.is_not(None),
    )
    members = (
        select(MEMBERS.c.participant_id)
        .join(Group, Group.id == MEMBERS.c.group_id)
        .where(Group.uid.in_(groups), belongs_on(day))
    )
    pairs = [area.partition(":") for area in areas]
    return or_(
        _lies_in([(kind, code) for kind, _, code in pairs]),
        Participant.reference.in_(named),
        Participant.id.in_(members),
    )


def _lies_in(areas: Collection[tuple[str, str]]) -> ColumnElement[bool]:
    if any(kind == AreaKind.COUNTRY for kind, _ in areas):
        return true()
    columns = {
        AreaKind.LOCAL_AUTHORITY: Participant.local_authority_code,
        AreaKind.REGION: Participant.region_code,
        AreaKind.DISTRICT: Participant.district_code,
    }
    return or_(
        false(),
        *(
            column.in_([code for of, code in areas if of == kind])
            for kind, column in columns.items()
        ),
    )


def _of_commissioner(pot: Pot, day: date) -> ColumnElement[bool]:
    """Who lies in an area that it serves; without any, in its own authority."""
    served = select(AreaServed.area_code).where(AreaServed.participant_id == pot.holder_id)
    own = select(Participant.local_authority_code).where(
        Participant.id == pot.holder_id, ~served.exists()
    )

    def codes(kind: AreaKind) -> ColumnElement[bool]:
        column = {
            AreaKind.LOCAL_AUTHORITY: Participant.local_authority_code,
            AreaKind.REGION: Participant.region_code,
            AreaKind.DISTRICT: Participant.district_code,
        }[kind]
        return column.in_(served.where(AreaServed.area_kind == kind).correlate(None))

    everywhere = served.where(AreaServed.area_kind == AreaKind.COUNTRY).exists()
    return or_(
        everywhere,
        codes(AreaKind.LOCAL_AUTHORITY),
        codes(AreaKind.REGION),
        codes(AreaKind.DISTRICT),
        Participant.local_authority_code.in_(own.correlate(None)),
    )


def _of_network(pot: Pot, day: date) -> ColumnElement[bool]:
    goes_on = or_(NetworkMembership.starts.is_(None), NetworkMembership.starts <= day) & or_(
        NetworkMembership.ends.is_(None), NetworkMembership.ends >= day
    )
    networks = select(NetworkMembership.network_id).where(
        NetworkMembership.participant_id == pot.holder_id, goes_on
    )
    members = select(NetworkMembership.participant_id).where(
        NetworkMembership.network_id.in_(networks), goes_on
    )
    return Participant.id.in_(members)


def _of_trust(pot: Pot, day: date) -> ColumnElement[bool]:
    groups = select(MEMBERS.c.group_id).where(
        MEMBERS.c.participant_id == pot.holder_id, belongs_on(day)
    )
    members = select(MEMBERS.c.participant_id).where(
        MEMBERS.c.group_id.in_(groups), belongs_on(day)
    )
    return or_(Participant.id == pot.holder_id, Participant.id.in_(members))


_HOLDERS: Final = {
    PotHolder.COMMISSIONER: _of_commissioner,
    PotHolder.NETWORK: _of_network,
    PotHolder.TRUST: _of_trust,
}


@dataclass(frozen=True, slots=True)
class Paying:
    """Pots that rows of needs name, and needs whose pot is settled."""

    pots: Mapping[str, Pot] = field(default_factory=dict)
    supported: Mapping[str, frozenset[int]] = field(default_factory=dict)
    """By pot, the participants that it may support."""
    above: Mapping[str, str | None] = field(default_factory=dict)
    """The broader entry of each expertise."""
    held: Mapping[str, int] = field(default_factory=dict)
    """By reference of needs, a proposal that holds days for it."""

    @classmethod
    def load(
        cls,
        session: Session,
        references: Collection[str],
        needs: Collection[str],
        day: date,
        *,
        participant: int | None = None,
    ) -> "Paying":
        """Read the pots of these references, for these needs (none: all), or one participant."""
        among = true() if participant is None else Participant.id == participant
        pots = {
            pot.reference: pot
            for pot in session.scalars(select(Pot).where(Pot.reference.in_(sorted(references))))
        }
        holding = (
            select(Need.reference, Proposal.id)
            .join(Proposal, Proposal.need_id == Need.id)
            .where(Proposal.state.in_(HOLDING))
        )
        if needs:
            holding = holding.where(Need.reference.in_(needs))
        return cls(
            pots,
            {
                pot.reference: frozenset(
                    session.scalars(select(Participant.id).where(supported_by(pot, day), among))
                )
                for pot in pots.values()
            },
            {
                code: parent
                for code, parent in session.execute(select(Expertise.code, Expertise.parent_code))
            },
            {reference: proposal for reference, proposal in session.execute(holding)},
        )

    def covers(self, pot: Pot, code: str) -> bool:
        """Whether a pot pays for an expertise: one that it names, or one below."""
        at: str | None = code
        while at is not None and pot.expertise:
            if at in pot.expertise:
                return True
            at = self.above.get(at)
        return not pot.expertise

    def why_not(
        self, reference: str, participant: int | None, code: str | None, starts: date, ends: date
    ) -> str | None:
        """Why a pot does not pay for a need, as words that follow its reference."""
        pot = self.pots.get(reference)
        if pot is None:
            return "is not a pot. Use a reference from `givetake pots`, or leave it blank"
        if not pot.open:
            return "is closed. Choose an open pot, or leave it blank"
        if participant is not None and participant not in self.supported[reference]:
            return "does not pay for this school. Choose another pot, or ask who holds it"
        if code is not None and not self.covers(pot, code):
            return "does not pay for this expertise. Choose another pot, or ask who holds it"
        if ends < pot.starts or starts > pot.ends:
            return (
                f"pays for support from {on_day(pot.starts)} to {on_day(pot.ends)} only. Choose "
                "another pot, or other dates"
            )
        return None
