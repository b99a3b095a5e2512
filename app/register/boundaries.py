"""Outlines under maps: taking a file in, and what there is to draw."""

import hashlib
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app.access.policy import Action, Principal, authorise
from app.database import WriteSession, database_now
from app.events import audit
from app.register.boundary_files import read_boundaries
from models.boundaries import Boundary
from models.vocabulary import BoundaryKind

Ring = tuple[tuple[float, float], ...]
_LAND: Final = {"E92000001", "W92000004", "S92000003"}


@dataclass(frozen=True, slots=True)
class Taken:
    """What a file held, by kind."""

    countries: int
    local_authorities: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """Rings of longitude and latitude: land to fill, and boundaries to draw upon it."""

    land: tuple[Ring, ...]
    borders: tuple[Ring, ...]
    year: int | None

    @property
    def credit(self) -> str:
        """What has to be said beside a map, or nothing."""
        if self.year is None:
            return ""
        return (
            "Boundaries: Office for National Statistics licensed under the Open Government Licence "
            f"v3.0. Contains OS data © Crown copyright and database right {self.year}."
        )


def import_boundaries(
    session: WriteSession, principal: Principal, content: bytes, year: int
) -> Taken:
    """Put a file's outlines in place of those of the same kinds; a bad file changes nothing."""
    authorise(principal, Action.IMPORT)
    outlines = read_boundaries(content)
    kinds = {each.kind for each in outlines}
    session.execute(delete(Boundary).where(Boundary.kind.in_(kinds)))
    now = database_now(session)
    session.add_all(
        Boundary(
            kind=each.kind,
            code=each.code,
            name=each.name,
            rings=[[list(point) for point in ring] for ring in each.rings],
            year=year,
            imported_at=now,
        )
        for each in outlines
    )
    session.flush()
    counts = {kind: sum(each.kind is kind for each in outlines) for kind in BoundaryKind}
    audit.record(
        session,
        actor=principal.name,
        action="boundaries.import",
        subject="boundaries",
        digest=hashlib.sha256(content).hexdigest(),
        countries=counts[BoundaryKind.COUNTRY],
        local_authorities=counts[BoundaryKind.LOCAL_AUTHORITY],
    )
    return Taken(counts[BoundaryKind.COUNTRY], counts[BoundaryKind.LOCAL_AUTHORITY])


def boundaries(session: Session) -> Drawn:
    """What was imported; without countries the local authorities are the land as well."""
    rows = session.execute(select(Boundary.kind, Boundary.rings, Boundary.year)).all()
    of = {
        kind: tuple(
            tuple((x, y) for x, y in ring) for row in rows if row.kind == kind for ring in row.rings
        )
        for kind in BoundaryKind
    }
    borders = of[BoundaryKind.LOCAL_AUTHORITY]
    years = [row.year for row in rows]
    return Drawn(of[BoundaryKind.COUNTRY] or borders, borders, max(years, default=None))


def has_whole_coast(session: Session) -> bool:
    """Whether the countries of Great Britain were imported, so that no other coast is needed."""
    codes = set(session.scalars(select(Boundary.code).where(Boundary.code.in_(_LAND))))
    return codes == _LAND


def stamp(session: Session) -> tuple[Any, ...]:
    """What differs whenever the outlines may differ."""
    query = select(func.count(), func.max(Boundary.imported_at)).select_from(Boundary)
    return tuple(session.execute(query).one())
