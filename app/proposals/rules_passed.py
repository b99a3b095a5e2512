"""The rules that a proposal's pair passed, each with its figures."""

from typing import Any

from app.proposals.queries import Full
from models.vocabulary import HALF_DAYS_PER_DAY, METRES_PER_MILE, Mode

Passed = dict[str, str | float | None]


def rules_passed(full: Full, options: dict[str, Any]) -> list[Passed]:
    """What was looked at, what was found, and the limit it stayed within."""
    need, offer, proposal = full.need, full.offer, full.proposal
    first = max(need.window_starts, offer.window_starts)
    last = min(need.window_ends, offer.window_ends)
    days = proposal.half_days / HALF_DAYS_PER_DAY
    least, most = need.half_days_min / HALF_DAYS_PER_DAY, need.half_days / HALF_DAYS_PER_DAY
    offered = offer.half_days / HALF_DAYS_PER_DAY
    givers = "any number of givers" if not need.max_givers else f"at most {need.max_givers}"
    return [
        _rule(
            "expertise",
            f"An offer of {offer.expertise_code} covers a need of {need.expertise_code}.",
        ),
        _travel(full, options),
        _rule(
            "need_days",
            f"{days:g} days lie within the {least:g} to {most:g} that the need can use.",
            days,
            most,
        ),
        _rule("offer_days", f"{days:g} of the offer's {offered:g} days.", days, offered),
        _rule("need_givers", f"The need takes {givers}.", None, need.max_givers or None),
        _rule(
            "offer_pairings",
            f"The offer serves at most {offer.max_pairings} at once.",
            None,
            offer.max_pairings,
        ),
        _rule("dates", f"Both can from {first:%d %B %Y} to {last:%d %B %Y}."),
        _rule(
            "mode",
            f"The need wants it {_words(need.mode)}, the offer gives it {_words(offer.mode)}.",
        ),
        _rule("conflict", "No conflict of interest between the two is recorded."),
    ]


def _travel(full: Full, options: dict[str, Any]) -> Passed:
    if full.proposal.distance_m is None:
        return _rule("distance", "It is remote: distance does not bind it.")
    miles = full.proposal.distance_m / METRES_PER_MILE
    default = float(options["travel_limit_miles"])
    # A side that limits minutes alone is not bound in miles.
    own = {
        "taker": (full.need.travel_limit_miles, full.need.travel_limit_minutes),
        "giver": (full.offer.travel_limit_miles, full.offer.travel_limit_minutes),
    }
    limits, parts = [], []
    for side, (in_miles, in_minutes) in own.items():
        if in_miles is None and in_minutes is not None:
            parts.append(f"the {side}'s {in_minutes} minutes")
            continue
        limit = default if in_miles is None else in_miles
        limits.append(limit)
        parts.append(f"the {side}'s {limit:g} miles")
    return _rule(
        "distance",
        f"{miles:.1f} miles lie within {' and '.join(parts)}.",
        round(miles, 1),
        min(limits, default=None),
    )


def _words(mode: str) -> str:
    return {Mode.EITHER: "either way", Mode.ON_SITE: "on site", Mode.REMOTE: "remote"}[Mode(mode)]


def _rule(
    name: str, sentence: str, value: float | None = None, limit: float | None = None
) -> Passed:
    return {"rule": name, "sentence": sentence, "value": value, "limit": limit}
