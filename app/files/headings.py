"""Which columns the headings of a file mean: by name, in any case, and by other common names."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Final, Protocol

from pydantic.fields import FieldInfo

from app.errors import Fault
from app.files.findings import Notes
from app.files.spreadsheets import heading, plain

SHOWN_CHARACTERS: Final = 80
NEAREST: Final = 3


class Headed(Protocol):
    """What a row of a file has to say of its columns."""

    def columns(self) -> dict[str, FieldInfo]: ...

    @property
    def always_present(self) -> frozenset[str]: ...

    @property
    def synonyms(self) -> dict[str, str]: ...

    @property
    def told(self) -> tuple[str, ...]: ...


_OTHERS: Final[Mapping[str, tuple[str, ...]]] = {
    "about": ("about urn", "school"),
    "agency": ("provider", "programme"),
    "agreed_by": ("agreed with", "agreed with role"),
    "areas_served": ("areas", "area served", "serves"),
    "availability": ("available", "answer"),
    "availability_updated": ("last updated", "updated", "answered on", "date answered"),
    "by_date": ("by", "target date", "deadline"),
    "days": ("number of days", "days needed", "days wanted", "days offered", "total days"),
    "days_min": ("minimum days", "min days", "fewest days"),
    "ends": ("end date", "end", "to", "until", "date to"),
    "expertise": ("area of expertise", "expertise area", "area of support", "subject", "topic"),
    "give_days": ("days to give", "days it can give"),
    "giver": ("supporting organisation", "supporting school", "supporter", "giver urn"),
    "giver_name": ("name of supporting organisation", "name of giver", "supporter name"),
    "holder": ("holder urn", "who"),
    "key": ("organisation key", "network key"),
    "kind": ("type", "type of organisation"),
    "max_givers": ("maximum supporting organisations", "max supporters", "maximum supporters"),
    "max_pairings": ("maximum schools", "max schools", "maximum pairings"),
    "measure": ("indicator", "name of measure"),
    "member": ("member urn", "urn", "school", "school urn"),
    "mode": ("on site or remote", "delivery", "how"),
    "name": ("organisation name", "network name", "name of organisation"),
    "participant": (
        *("urn", "school urn", "school", "establishment", "organisation", "institution"),
        *("school or organisation", "dfe number", "laestab", "participant urn"),
    ),
    "period": ("academic year", "school year", "year"),
    "phases": ("phase", "school phases"),
    "postcode": ("post code",),
    "priority": ("need priority", "urgency"),
    "quality": ("rating", "own rating"),
    "reference": ("ref", "id", "reference number", "need reference", "offer reference"),
    "starts": ("start date", "start", "from", "date from"),
    "state": ("status",),
    "support": ("support reference",),
    "taker": ("school receiving support", "supported school", "receiving school", "taker urn"),
    "travel_limit_miles": ("miles", "max miles", "maximum miles", "travel miles"),
    "travel_limit_minutes": ("minutes", "max minutes", "maximum minutes", "travel minutes"),
    "urn": ("school urn", "establishment urn"),
    "value": ("figure", "result"),
    "window_ends": ("end date", "ends", "to", "until", "latest end"),
    "window_starts": ("start date", "starts", "from", "earliest start"),
}
"""What people call columns, in plain words; a heading that is a column's own name comes first."""
_NAMES_A_SCHOOL: Final = frozenset(
    {"school name", "name of school", "establishment name", "establishmentname", "local authority"}
)
"""Headings of what the register tells of a school: nothing is read from them."""
_NAMED_BY: Final = frozenset({"participant", "urn", "member", "taker"})


@lru_cache(maxsize=64)
def _known(model: Any) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Columns by their own names, and by other names that people have for them."""
    named = (*model.columns(), *model.told)
    own = {plain(column): column for column in named} | {
        heading(column): column for column in named
    }
    own |= model.synonyms
    others: dict[str, str] = {}
    for column in named:
        for other in _OTHERS.get(column, ()):
            if other not in own:
                others.setdefault(other, column)
    return own, others


def _names_of(model: Any) -> tuple[Mapping[str, str], Mapping[str, str]]:
    found: tuple[Mapping[str, str], Mapping[str, str]] = _known(model)
    return found


def looks_like_headings(cells: Sequence[str], model: Headed) -> bool:
    """Whether a row has the name of a column, or two where there are several."""
    own, others = _names_of(model)
    found = {_column(cell, own) or others.get(plain(cell)) for cell in cells} - {None}
    return len(found) >= min(2, len(model.columns()))


def _column(cell: str, own: Mapping[str, str]) -> str | None:
    return own.get(heading(cell)) or own.get(plain(cell))


def columns_of(header: Sequence[str], model: Headed, notes: Notes) -> list[str]:
    """The columns that headings name; what names none stays as it is, and what is left out blank.

    A heading by another name than the column's own is noted.
    """
    own, others = _names_of(model)
    columns = [_column(each, own) or each.strip() for each in header]
    taken = set(columns)
    for place, written in enumerate(columns):
        if written in own.values() or not written:
            continue
        other = others.get(plain(written))
        if other is not None and other not in taken:
            taken.add(other)
            columns[place] = other
            notes.say(f"The column “{_shortened(written)}” was read as {other}.")
    for place, written in enumerate(columns):
        if plain(written) in _NAMES_A_SCHOOL and written not in own.values() and taken & _NAMED_BY:
            columns[place] = ""
            notes.say(f"The column “{_shortened(written)}” was left out: the register tells it.")
    return columns


def header_faults(
    file: str, line: int, header: Sequence[str], model: Headed, *, ignore_unknown: bool
) -> list[Fault]:
    """What is wrong with the headings as a whole: one fault for each kind of thing."""
    known = model.columns()
    present = {*known} & {*header}
    missing = [
        column
        for column, field in known.items()
        if (field.is_required() or column in model.always_present) and column not in header
    ]
    if not present and missing:
        return [Fault(file, line, None, None, _no_headings(header, known))]
    faults = [
        Fault(file, line, _shortened(column), None, "is in the header twice. Keep one of them")
        for column, times in Counter(header).items()
        if column and times > 1
    ]
    if missing:
        faults.append(_fault_of(file, line, missing, "missing from the header. Add the column"))
    unknown = [] if ignore_unknown else [each for each in header if each and each not in known]
    unknown = [each for each in unknown if each not in model.told]
    if unknown:
        reason = f"not {'a column' if len(unknown) == 1 else 'columns'} of this file. Remove "
        reason += f"{'it' if len(unknown) == 1 else 'them'}, or use {_nearest(unknown, known)}"
        faults.append(_fault_of(file, line, unknown, reason, many=reason))
    return faults


def _fault_of(
    file: str, line: int, columns: Sequence[str], reason: str, many: str | None = None
) -> Fault:
    if len(columns) == 1:
        return Fault(file, line, _shortened(columns[0]), None, f"is {reason}")
    listed = ", ".join(_shortened(column) for column in columns)
    return Fault(file, line, listed, None, f"are {many or reason + 's'}")


def _no_headings(header: Sequence[str], known: Iterable[str]) -> str:
    """Why a file is not of its kind at all: often the separator or the kind is another one."""
    names = ", ".join(known)
    if len(header) == 1 and len(header[0]) > SHOWN_CHARACTERS // 2:
        return (
            "has none of the headings, and looks like one column. Separate columns with commas, "
            f"semicolons or tabs, and name them: {names}"
        )
    return (
        "has none of the headings of this kind of file. Check that you chose the right kind, or "
        f"name the columns: {names}"
    )


def _nearest(unknown: Sequence[str], known: Iterable[str]) -> str:
    """The columns that are most like the first that is unknown, or all of them."""
    by_plain = {plain(column): column for column in known}
    near = get_close_matches(plain(unknown[0]), by_plain, n=NEAREST, cutoff=0.6)
    if len(unknown) == 1 and near:
        return " or ".join(by_plain[each] for each in near)
    return f"one of: {', '.join(by_plain.values())}"


def _shortened(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."
