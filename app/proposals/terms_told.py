"""The terms of a proposal in words: what changed between two of them."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final

from app.wording import from_code, money, on_day
from models.vocabulary import days_text

Words = Callable[[Any], str]


def _day(text: Any) -> str:
    return "not set" if text is None else on_day(date.fromisoformat(str(text)))


def _days(half_days: Any) -> str:
    return "not set" if half_days is None else days_text(half_days)


def _code(code: Any) -> str:
    return from_code(str(code)).lower()


def _whether(answer: Any) -> str:
    return "yes" if answer else "no"


_OF_PROPOSAL: Final[Mapping[str, tuple[str, Words]]] = {
    "half_days": ("days of support", _days),
    "public_money_pounds": ("public money", money),
    "pot": ("pot that pays", lambda pot: pot or "none"),
    "closes": ("last day before a side closes", _day),
    "wanted": ("support is still needed", _whether),
    "given": ("support is still offered", _whether),
    "half_days_min": ("fewest useful days", _days),
}
_OF_ITEM: Final[Mapping[str, tuple[str, Words]]] = {
    "half_days": ("days", _days),
    "mode": ("on site or remote", _code),
    "window_starts": ("first day", _day),
    "window_ends": ("last day", _day),
    "expertise_code": ("expertise", _code),
    "period_code": ("period", str),
    "participant_id": ("whose it is", lambda _: "another school or organisation"),
}
_WHOSE: Final = {"need": "of the need", "offer": "of the offer"}


def what_changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What is not as it was, each with what it was and is: "days of support: 2 days, now 1 day"."""
    told = [
        f"{name}: {words(before.get(key))}, now {words(now.get(key))}"
        for key, (name, words) in _OF_PROPOSAL.items()
        if before.get(key) != now.get(key)
    ]
    for item, whose in _WHOSE.items():
        old, new = before.get(item, {}), now.get(item, {})
        told += [
            f"{name} {whose}: {words(old.get(key))}, now {words(new.get(key))}"
            for key, (name, words) in _OF_ITEM.items()
            if old.get(key) != new.get(key)
        ]
    return told
