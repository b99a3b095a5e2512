"""A digest of all that a run's problem is made from: equal where building it again is for nothing.

It is of more than what decides about the plan, so it tells that nothing has changed and never that
something has.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from app.planning.load import Loaded
from app.planning.options import MatchOptions
from app.planning.similarity import PACKAGED
from app.planning.unchanged import SEARCH
from app.register.water import sources as water_files
from app.settings import settings
from models.base import Base

APART = {*SEARCH, "workers", "change_price", "free", "as_of"}
"""Options that say how to search, what a change costs, or what `Loaded` has anyway."""


@dataclass(frozen=True, slots=True)
class RowsDigest:
    """Of what the runs of one `Loaded` share, read once; each adds the needs that it plans."""

    shared: str | None
    """None where it cannot be known, as where a router is asked for journeys."""

    @classmethod
    def of(cls, loaded: Loaded, travel_source: str | None) -> "RowsDigest":
        if travel_source is not None and travel_source.startswith(("http://", "https://")):
            return cls(None)
        digest = hashlib.sha256(version("givetake").encode())
        # Who takes part for nothing but a need elsewhere makes no difference.
        giving = {row.participant_id for row in (*loaded.offers, *loaded.other_offers)}
        giving |= {row.giver_id for row in loaded.support if row.giver_id is not None}
        for part in (
            [_stored(loaded.period), loaded.periods, loaded.year_and_terms, loaded.day],
            [row for row in loaded.participants if row.id in giving],
            loaded.offers,
            loaded.other_offers,
            loaded.expertise,
            sorted(loaded.limits.items()),
            [
                (who, [_stored(rule) for rule in rules])
                for who, rules in sorted(loaded.circumstances.items())
            ],
            sorted(loaded.last_days.items()),
            loaded.memberships,
            sorted(loaded.networks),
            sorted(loaded.areas_served),
            sorted(loaded.designated),
            map(_stored, loaded.support),
            loaded.holds,
            map(_stored, loaded.steering),
            loaded.declined,
            loaded.interests,
            loaded.evidence,
            sorted(loaded.refusing.items()),
        ):
            _add(digest, part)
        try:
            for path in (
                settings().similarity or PACKAGED,
                travel_source and Path(travel_source),
                *water_files(),
            ):
                if path:
                    digest.update(hashlib.sha256(path.read_bytes()).digest())
        except OSError:  # A run that needs it says what is wrong with it.
            return cls(None)
        return cls(digest.hexdigest())

    def with_needs(self, loaded: Loaded, options: MatchOptions) -> str | None:
        """The digest of a run that plans the needs of `loaded`."""
        if self.shared is None:
            return None
        digest = hashlib.sha256(self.shared.encode())
        digest.update(options.model_dump_json(exclude=APART).encode())
        takers = {need.participant_id for need in loaded.needs}
        _add(digest, loaded.needs)
        pots = {need.pot_reference for need in loaded.needs}
        _add(digest, [pot for name, pot in sorted(loaded.pots.items()) if name in pots])
        _add(digest, [row for row in loaded.participants if row.id in takers])
        return digest.hexdigest()


def _add(digest: "hashlib._Hash", rows: Iterable[object]) -> None:
    for row in rows:
        digest.update(repr(row).encode())
    digest.update(b"\n")


def _stored(row: Base) -> list[object]:
    return [getattr(row, column.key) for column in row.__mapper__.column_attrs]
