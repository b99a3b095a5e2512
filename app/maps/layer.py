"""A layer for the widget: columns instead of records, small enough for the whole country."""

import gzip
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import Any, Final, Generic, TypeVar

from sqlalchemy.orm import Session

from app.access.policy import EMBED
from app.http.conditions import tag_of_content
from app.insight.report import Symbol, symbol_of
from app.maps import queries
from app.maps.queries import AnyRow
from app.maps.tokens import Grant
from app.wording import from_code
from models.vocabulary import METRES_PER_MILE, EmbedLayer, Ladder

FORMAT: Final = "givetake-map/1"
"""Whom a token of the partner layer stands for: one who reads."""
STEPS_PER_DEGREE: Final = 100_000
MOST_KEPT: Final = 8
SYMBOLS: Final = list(Symbol)
LADDER: Final = list(Ladder)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Packed:
    tag: str
    gzipped: bytes


class Kept:
    """Layers as they were last asked for; one that may have changed is made anew."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._held: dict[tuple[Any, ...], tuple[tuple[Any, ...], Packed]] = {}

    def get(self, session: Session, granted: Grant, *, offers: bool) -> Packed:
        key = (granted.layer, granted.run_id, granted.drafts, offers)
        stamp = queries.stamp(session, granted.run_id)
        held = self._held.get(key)
        if held is not None and held[0] == stamp:
            return held[1]
        with self._lock:  # one makes it, the others wait for it
            held = self._held.get(key)
            if held is None or held[0] != stamp:
                held = stamp, packed(layer(session, granted, offers=offers))
                self._held.pop(key, None)
                while len(self._held) >= MOST_KEPT:
                    self._held.pop(next(iter(self._held)))
                self._held[key] = held
            return held[1]


def packed(content: dict[str, Any]) -> Packed:
    """Anything as JSON, with its tag."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    return Packed(tag_of_content(text), gzip.compress(text, 6, mtime=0))


def layer(session: Session, granted: Grant, *, offers: bool) -> dict[str, Any]:
    """What a token opens; indices are positions in the columns, `x`, `y` and `at` are steps.

    Without a position both coordinates are null: unknown is never near.
    """
    today = datetime.now(UTC).date()
    rows = [
        *session.execute(queries.INSTITUTIONS).all(),
        *session.execute(queries.organisations(today)).all(),
    ]
    rows.sort(key=_curve)  # neighbours lie side by side, which packs well
    place = {row.key: number for number, row in enumerate(rows)}
    expertise: _Words[str] = _Words()
    content = {
        "format": FORMAT,
        "layer": granted.layer.value,
        "run": granted.run_id,
        "day": today.isoformat(),
        "symbols": SYMBOLS,
        "ladder": LADDER,
        **_participants(rows),
        "offers": _offers(session, place, expertise) if offers else {"at": [], "expertise": []},
        "pairings": _pairings(session, granted, place, expertise),
    }
    return content | {"expertise": expertise.listed}


class _Words(Generic[T]):
    """Numbers words in the order in which they come."""

    def __init__(self) -> None:
        self._number: dict[T, int] = {}

    def number(self, word: T) -> int:
        return self._number.setdefault(word, len(self._number))

    @property
    def listed(self) -> list[T]:
        return list(self._number)


def _curve(row: AnyRow) -> tuple[int, int]:
    """A place along a Z-order curve over the country."""
    if row.longitude is None or row.latitude is None:
        return 1 << 62, row.key
    x, y = int((row.longitude + 180) * 1_000), int((row.latitude + 90) * 1_000)
    return sum((x >> b & 1) << 2 * b | (y >> b & 1) << 2 * b + 1 for b in range(19)), row.key


def _steps(values: Iterable[int | None]) -> list[int | None]:
    """Each value as its difference from the last known one."""
    last, steps = 0, []
    for value in values:
        steps.append(None if value is None else value - last)
        last = last if value is None else value
    return steps


def _participants(rows: Sequence[AnyRow]) -> dict[str, Any]:
    types: _Words[str] = _Words()
    areas: _Words[tuple[str | None, str | None]] = _Words()
    columns: dict[str, list[Any]] = {
        name: [] for name in ("id", "name", "symbol", "type", "area", "postcode", "low", "high")
    }
    for row in rows:
        is_school = "urn" in row._fields
        columns["id"].append(row.urn if is_school else row.organisation)
        columns["name"].append(row.name)
        columns["symbol"].append(SYMBOLS.index(_symbol(row)))
        kind = row.type_name if is_school else from_code(row.kind)
        columns["type"].append(types.number(kind))
        columns["area"].append(areas.number((row.local_authority, row.region)))
        columns["postcode"].append(row.postcode or "")
        columns["low"].append(row.low_age if is_school else None)
        columns["high"].append(row.high_age if is_school else None)
    x = _steps(None if r.longitude is None else round(r.longitude * STEPS_PER_DEGREE) for r in rows)
    y = _steps(None if r.latitude is None else round(r.latitude * STEPS_PER_DEGREE) for r in rows)
    return {
        "types": types.listed,
        "areas": [area for area, _ in areas.listed],
        "regions": [region for _, region in areas.listed],
        "participants": columns | {"x": x, "y": y},
    }


def _symbol(row: AnyRow) -> Symbol:
    if "urn" not in row._fields:
        return Symbol.ORGANISATION
    return symbol_of(
        specialist=row.specialist, alternative=row.alternative_provision, phases=row.phases
    )


def _offers(session: Session, place: dict[int, int], expertise: _Words[str]) -> dict[str, Any]:
    """Who publicly offers what, each once."""
    query = queries.published_offers(datetime.now(UTC).date())
    found = sorted(
        {
            (place[row.participant_id], expertise.number(row.expertise))
            for row in session.execute(query)
            if row.participant_id in place
        }
    )
    return {"at": _steps(at for at, _ in found), "expertise": [code for _, code in found]}


def _pairings(
    session: Session, granted: Grant, place: dict[int, int], expertise: _Words[str]
) -> dict[str, Any]:
    query = queries.PUBLIC_PAIRINGS
    if granted.layer is EmbedLayer.PARTNER and granted.run_id is not None:
        query = queries.pairings(session, EMBED, granted.run_id, drafts=granted.drafts)
    found = sorted(
        (place[row.giver_id], place[row.taker_id], row)
        for row in session.execute(query)
        if row.giver_id in place and row.taker_id in place
    )
    states: _Words[str] = _Words()
    columns: dict[str, Any] = {
        "at": _steps(giver for giver, _, _ in found),
        "taker": [taker - giver for giver, taker, _ in found],
        "id": [row.key for _, _, row in found],
        "expertise": [expertise.number(row.expertise) for _, _, row in found],
        "half_days": [row.half_days for _, _, row in found],
        "ladder": [LADDER.index(Ladder(row.ladder)) for _, _, row in found],
        "miles": [_miles(row.distance_m) for _, _, row in found],
        "remote": [int(row.remote) for _, _, row in found],
        "state": [states.number(row.state) for _, _, row in found],
    }
    if granted.drafts:  # how urgent a need is, is for the portal's own page alone
        columns["priority"] = [row.priority for _, _, row in found]
    return columns | {"states": states.listed}


def _miles(distance_m: int | None) -> float | None:
    return None if distance_m is None else round(distance_m / METRES_PER_MILE, 1)
