"""Institutions that closed, will close or moved, as people read of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, Self

from app.import_kit.report import Affected
from app.register.successors.open_items import OpenItems
from app.register.successors.resolve import School
from app.wording import counted, number, on_day
from models.vocabulary import RegisterChange

SHOWN: Final = 5


class InUse(Protocol):
    """What work hangs on: an institution in the report of an import, or one to settle."""

    needs: list[str]
    offers: list[str]
    support: list[str]
    proposals: list[int]


@dataclass(slots=True)
class References:
    """What is open, as people look it up."""

    needs: list[str]
    offers: list[str]
    support: list[str]
    proposals: list[int]

    @classmethod
    def of(cls, items: OpenItems) -> Self:
        return cls(
            [each.reference for each in items.needs],
            [each.reference for each in items.offers],
            [each.reference for each in items.support],
            [each.id for each in items.proposals],
        )


def about(one: Affected) -> str:
    """One line on an institution for the terminal."""
    parts = [f"{one.urn} {one.name}", what_changed(one), hanging_on(one), carried_over(one)]
    if one.to_settle:
        parts += [*one.to_do, f"To settle it, run `givetake register settle {one.urn}`."]
    else:
        parts += one.to_do
    return " ".join(part for part in parts if part)


def what_changed(one: Affected) -> str:
    when = "" if one.on is None else f" on {on_day(one.on)}"
    if one.change is RegisterChange.CLOSED:
        urns = ", ".join(str(each) for each in one.successors)
        if not urns:
            return f"closed{when}."
        named = f"Its successor is {urns}" if len(one.successors) == 1 else f"Successors: {urns}"
        return f"closed{when}. {named}."
    if one.change is RegisterChange.TO_CLOSE:
        return f"closes{when}." if when else "is proposed to close."
    what = "trust" if one.change is RegisterChange.MOVED_TRUST else "local authority"
    return f"changed {what} from {one.before or 'none'} to {one.after or 'none'}."


def notes_on(replaced: Mapping[str, School], used: Iterable[str]) -> list[str]:
    """Which old URNs were taken for which successors, the first few by name."""
    told = sorted(used)
    notes = [
        f"{reference.partition(':')[2]} is closed. Its rows were taken for its successor, "
        f"{replaced[reference].urn} {replaced[reference].name}."
        for reference in told[:SHOWN]
    ]
    if len(told) > SHOWN:
        notes.append(f"So were the rows of {len(told) - SHOWN:,} other closed institutions.")
    return notes


def hanging_on(one: InUse) -> str:
    """Needs, offers, support and proposals, each by what people look them up by."""
    kinds: dict[str, Sequence[str | int]] = {
        "needs": one.needs,
        "offers": one.offers,
        "support": one.support,
        "proposals": one.proposals,
    }
    found = [
        f"{kind} ({number(len(each))}) {', '.join(map(str, each))}"
        for kind, each in kinds.items()
        if each
    ]
    return f"In use by {'; '.join(found)}." if found else ""


def carried_over(one: Affected) -> str:
    moved = kinds_counted(one.carried_over)
    return f"Carried over: {', '.join(moved)}." if moved else ""


def kinds_counted(counts: Mapping[str, int]) -> list[str]:
    """Each kind of thing with its number, as in "3 needs"."""
    words = {"limits": ("set of limits", "sets of limits"), "support": ("support", "support")}
    return [
        counted(count, *words.get(kind, (kind.replace("_", " "), None)))
        for kind, count in counts.items()
    ]


def closed_group(name: str, key: str, items: OpenItems) -> str:
    """What is still open at a trust or federation that took part and has closed."""
    return (
        f"{name} ({key}) has closed. {hanging_on(References.of(items))} Withdraw them, or enter "
        "them for whoever takes over."
    )
