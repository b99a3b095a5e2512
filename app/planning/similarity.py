"""What similarity is told by for each branch of expertise: a table, and the rows it looks at."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, ClassVar, Final

from pydantic import AfterValidator

from app.errors import Fault, FaultyFile
from app.files.csv_reading import Key, RowModel, read_rows
from app.planning.load import AnyRow, Loaded
from app.planning.pair_constraints import Unplannable
from app.settings import settings
from models.vocabulary import ParticipantKind
from solver.pairing.similarity import PARTS, PROVISIONS, Provision, SimilarityPart, Specialisms

PACKAGED: Final = Path(__file__).parent / "data" / "similarity.csv"


def _listed(text: str | None) -> tuple[str, ...]:
    return tuple(each.strip() for each in (text or "").split(";") if each.strip())


def _parts(text: str | None) -> str | None:
    if unknown := [each for each in _listed(text) if each not in list(SimilarityPart)]:
        known = ", ".join(SimilarityPart)
        raise ValueError(f"has the unknown part {unknown[0]!r}. Use parts of: {known}")
    return text


class SimilarityRow(RowModel):
    """A branch of expertise; what is blank is as for the branch above."""

    examples: ClassVar = (
        {"parts": "expertise;phases;size;disadvantage;surroundings"},
        {"expertise": "send", "parts": "expertise;phases;need_types", "provision": "special"},
    )

    expertise: Key | None = None
    parts: Annotated[str | None, AfterValidator(_parts)] = None
    need_types: str | None = None
    provision: Provision | None = None


def read_rules(path: Path) -> dict[str | None, SimilarityRow]:
    """The rows of a table by branch; the row without one is for everything else.

    Raises
    ------
    FaultyFile
        If a row is wrong, a branch is there twice, or the row for everything else is missing.
    """
    faults: list[Fault] = []
    rules: dict[str | None, SimilarityRow] = {}
    for line, row in read_rows(path, SimilarityRow, faults=faults):
        if row.expertise in rules:
            reason = "is there twice. Keep one row for each branch"
            faults.append(Fault(path.name, line, "expertise", row.expertise, reason))
        rules[row.expertise] = row
    if not faults and (None not in rules or not rules[None].parts):
        reason = "has no row without an expertise that names the parts for all others. Add it"
        faults.append(Fault(path.name, None, None, None, reason))
    if faults:
        raise FaultyFile(faults)
    return rules


@lru_cache(maxsize=4)
def _known_rules(path: Path, changed_ns: int) -> Mapping[str | None, SimilarityRow]:
    return read_rules(path)


def specialisms(loaded: Loaded) -> Specialisms:
    """What each expertise is told by, and what kind of provision each participant is.

    Raises
    ------
    Unplannable
        If the table of the settings has errors.
    """
    path = settings().similarity or PACKAGED
    try:
        rules = _known_rules(path, path.stat().st_mtime_ns)
    except FaultyFile as faulty:
        said = " ".join(f"{fault}." for fault in faulty.faults)
        raise Unplannable(f"The file of GIVETAKE_SIMILARITY has errors. {said}") from faulty
    except OSError as unreadable:
        raise Unplannable(
            f"The file of GIVETAKE_SIMILARITY could not be read ({unreadable.strerror}). Check its "
            "name."
        ) from unreadable
    parents: dict[str, str | None] = {row.code: row.parent_code for row in loaded.expertise}
    bits: dict[str, int] = {}
    made = Specialisms.none(len(loaded.expertise), len(loaded.participants))
    for entry, code in enumerate(parents):
        branches = [rules[each] for each in _path(code, parents) if each in rules]
        parts = next(_listed(row.parts) for row in branches if row.parts)
        made.uses[entry] = [part in parts for part in PARTS]
        made.asked_types[entry] = _mask(
            next((_listed(row.need_types) for row in branches if row.need_types), ()), bits
        )
        asked = next((row.provision for row in branches if row.provision), Provision.UNKNOWN)
        made.asked_provision[entry] = PROVISIONS.index(asked)
    for position, row in enumerate(loaded.participants):
        made.types[position] = _mask(row.sen_types or (), bits)
        made.provision[position] = PROVISIONS.index(provision_of(row))
    return made


def _path(code: str, parents: Mapping[str, str | None]) -> list[str | None]:
    """An expertise, those above it, and last the row for everything."""
    path: list[str | None] = []
    at: str | None = code
    while at is not None:
        path.append(at)
        at = parents[at]
    return [*path, None]


def _mask(types: Sequence[str], bits: dict[str, int]) -> int:
    return sum({bits.setdefault(each.upper(), 1 << len(bits)) for each in types})


def provision_of(row: AnyRow) -> Provision:
    """What sort of provision a participant is, as far as the register tells."""
    if row.kind != ParticipantKind.INSTITUTION:
        return Provision.UNKNOWN
    if row.alternative_provision:
        return Provision.ALTERNATIVE
    if row.specialist:
        return Provision.SPECIAL
    return Provision.UNIT if row.resourced_provision else Provision.MAINSTREAM
