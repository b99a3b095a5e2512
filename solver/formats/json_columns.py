"""JSON of files: read into columns, with every fault by column and position, and written."""

from __future__ import annotations

import gzip
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np

from models.vocabulary import UNLIMITED, Reciprocity
from solver.arrays import FloatArray, IntArray
from solver.formats.bounded import MOST_MIB, FileTooLarge, read_bounded
from solver.formats.problem_checks import MOST_ALIKE
from solver.formats.tables import Linking, ProblemFault, Rules, frozen, pairs
from solver.formats.whole_files import write_whole

MOST_PARTS: Final = 1_000_000
"""Lists and objects of one file: each takes many times the memory of its two brackets."""


def load_json(path: Path, most_mib: int = MOST_MIB) -> dict[str, Any]:
    """Read a JSON object of at most `most_mib` MiB, gzip if the name ends in `.gz`.

    Raises
    ------
    ProblemFault
        If the file is too large or not the JSON of one object.
    OSError
        If the file cannot be read.
    """
    try:
        data = read_bounded(path, most_mib, unpack=path.name.endswith(".gz"))
        parts = data.count(b"[") + data.count(b"{")
        if parts > MOST_PARTS:
            raise FileTooLarge(f"has {parts:,} lists and objects; the limit is {MOST_PARTS:,}")
        content = json.loads(data, parse_constant=_refuse, object_pairs_hook=_without_repeats)
    except ProblemFault:
        raise
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ProblemFault([f"{path.name}: is not JSON ({error})"]) from error
    except RecursionError as error:
        raise ProblemFault([f"{path.name}: has lists within lists too deep to read"]) from error
    except ValueError as error:
        said = "has a number of too many digits" if "digits" in str(error) else str(error)
        raise ProblemFault([f"{path.name}: {said}"]) from error
    if not isinstance(content, dict):
        raise ProblemFault([f"{path.name}: expected an object, found {_kind(content)}"])
    return content


def encode(content: Mapping[str, Any], *, gzipped: bool) -> bytes:
    """Return JSON as bytes, with no time stamp inside."""
    data = (json.dumps(content, separators=(",", ":"), allow_nan=False) + "\n").encode()
    return gzip.compress(data, compresslevel=6, mtime=0) if gzipped else data


def decode(content: bytes) -> Any:
    """Return what gzipped JSON holds."""
    return json.loads(gzip.decompress(content))


def save(content: Mapping[str, Any], path: Path | str) -> None:
    """Write JSON, gzip if the name ends in `.gz`; what was there stays until the new file is whole.

    Raises
    ------
    CannotWrite
        If the file cannot be written.
    """
    write_whole(path, encode(content, gzipped=_is_gzip(path)))


def save_encoded(content: bytes, path: Path | str) -> None:
    """As `save`, of what was encoded gzipped.

    Raises
    ------
    CannotWrite
        If the file cannot be written.
    """
    write_whole(path, content if _is_gzip(path) else gzip.decompress(content))


def _is_gzip(path: Path | str) -> bool:
    return str(path).endswith(".gz")


def _refuse(constant: str) -> float:
    raise ProblemFault([f"{constant} is no number of JSON; leave unknown values out or use null"])


def _without_repeats(items: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(items)
    if len(content) != len(items):
        repeated = Counter(name for name, _ in items).most_common(1)[0][0]
        raise ProblemFault([f"{repeated}: is given twice"])
    return content


class Reader:
    """Turns lists of JSON into columns and collects every fault on the way.

    Attributes
    ----------
    faults
        One sentence each, naming column and position.
    columns
        Columns read, by section and name.
    """

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.columns: dict[str, dict[str, Any]] = {}

    def known_fields(
        self,
        where: str,
        content: Mapping[str, Any],
        required: Sequence[str],
        optional: Sequence[str],
    ) -> None:
        """Name fields that are missing or that the format does not have."""
        prefix = f"{where}." if where else ""
        self.faults += [f"{prefix}{name}: is missing" for name in required if name not in content]
        known = (*required, *optional)
        self.faults += [
            f"{prefix}{name}: is no field of the format (known: {', '.join(known)})"
            for name in islice((name for name in content if name not in known), MOST_ALIKE)
        ]

    def section(
        self, section: str, content: Any, required: Sequence[str], optional: Sequence[str]
    ) -> None:
        """Read one table of columns."""
        columns = self.columns.setdefault(section, {})
        if not isinstance(content, dict):
            self.faults.append(f"{section}: expected an object of columns, got {_kind(content)}")
            return
        self.known_fields(section, content, required, optional)
        for name in (*required, *optional):
            if name in content:
                columns[name] = self._column(f"{section}.{name}", content[name])
        sizes = {name: len(column) for name, column in columns.items()}
        if required[0] in sizes:
            self.faults += [
                f"{section}.{name}: has {size} entries, {section}.{required[0]} has "
                f"{sizes[required[0]]}"
                for name, size in sizes.items()
                if size != sizes[required[0]]
            ]

    def _column(self, column: str, values: Any) -> Any:
        if not isinstance(values, list):
            self.faults.append(f"{column}: expected a list, got {_kind(values)}")
            return []
        name = column.partition(".")[2]
        if name in ("id", "expertise"):
            return self._texts(column, values)
        if name in ("lat", "lon"):
            return self._degrees(column, values)
        if name == "exempt":
            self._types(column, values, (bool,), "true or false")
            return np.array([value is True for value in values], np.bool_)
        if name == "account":
            return self._accounts(column, values)
        if column == "candidates.half_days":
            low = [at for at, value in enumerate(values) if value == 0 and type(value) is int]
            self.faults += [
                f"{column}[{at}]: 0 is not between 1 and {UNLIMITED}; null leaves it free"
                for at in low[:MOST_ALIKE]
            ]
            values = [0 if value is None else value for value in values]
        return self.integers(column, values)

    def _types(
        self, column: str, values: Sequence[Any], allowed: tuple[type, ...], expected: str
    ) -> bool:
        if set(map(type, values)) <= set(allowed):
            return True
        wrong = [at for at, value in enumerate(values) if type(value) not in allowed]
        self.faults += [
            f"{column}[{at}]: {_shown(values[at])} is {_kind(values[at])}, expected {expected}"
            for at in wrong[:MOST_ALIKE]
        ]
        return False

    def integers(self, column: str, values: Sequence[Any]) -> IntArray:
        """Return whole numbers; a fault for each that is none or does not fit 64 bits."""
        if not self._types(column, values, (int,), "an integer"):
            return np.zeros(len(values), np.int64)
        try:
            return np.array(values, np.int64)
        except OverflowError:
            huge = [at for at, value in enumerate(values) if not -(2**63) <= value < 2**63]
            self.faults += [
                f"{column}[{at}]: {_shown(values[at])} is not between 0 and {UNLIMITED}"
                for at in huge[:MOST_ALIKE]
            ]
            return np.zeros(len(values), np.int64)

    def _texts(self, column: str, values: list[Any]) -> list[str]:
        if not self._types(column, values, (str,), "a string"):
            return [str(at) for at in range(len(values))]
        try:
            "".join(values).encode()
        except UnicodeEncodeError:
            self.faults += [
                f"{column}[{at}]: {value!a} holds half a character (a lone surrogate)"
                for at, value in enumerate(values)
                if any("\ud800" <= letter <= "\udfff" for letter in value)
            ][:MOST_ALIKE]
        return values

    def _degrees(self, column: str, values: list[Any]) -> FloatArray:
        unknown = float("nan")
        if not self._types(column, values, (float, int, type(None)), "degrees or null"):
            return np.zeros(len(values))
        wrong = [
            at
            for at, value in enumerate(values)
            if value is not None and not (abs(value) <= 180 and math.isfinite(value))
        ]
        if wrong:
            self.faults += [
                f"{column}[{at}]: {_shown(values[at])} is not between -180 and 180 degrees"
                for at in wrong[:MOST_ALIKE]
            ]
            return np.zeros(len(values))
        return np.array([unknown if value is None else value for value in values], np.float64)

    def _accounts(self, column: str, values: list[Any]) -> IntArray:
        """Give every account the position of its first member."""
        expected = "a participant's position or an account's label"
        self._types(column, values, (int, str, type(None)), expected)
        wrong = [
            at
            for at, value in enumerate(values)
            if type(value) is int and not 0 <= value < len(values)
        ]
        self.faults += [
            f"{column}[{at}]: {_shown(values[at])} is no participant (there are {len(values)})"
            for at in wrong[:MOST_ALIKE]
        ]
        first: dict[Any, int] = {}
        return np.array(
            [
                first.setdefault(_label(at if value is None else value), at)
                for at, value in enumerate(values)
            ],
            np.int64,
        )

    def number(self, where: str, value: Any) -> int:
        """Return one whole number of at most 64 bits."""
        if type(value) is not int:
            self.faults.append(f"{where}: {_shown(value)} is {_kind(value)}, expected an integer")
            return 0
        if not -(2**63) <= value < 2**63:
            self.faults.append(f"{where}: {_shown(value)} is not between 0 and {UNLIMITED}")
            return 0
        return value

    def rules(self, content: Any) -> Rules:
        """Read the rules; defaults for what is left out."""
        if not isinstance(content, dict):
            self.faults.append(f"rules: expected an object, got {_kind(content)}")
            return Rules()
        self.known_fields("rules", content, (), ("reciprocity", "max_loop"))
        reciprocity = content.get("reciprocity", Reciprocity.BALANCED)
        if not isinstance(reciprocity, str) or reciprocity not in tuple(Reciprocity):
            known = ", ".join(Reciprocity)
            self.faults.append(f"rules.reciprocity: {_shown(reciprocity)} is none of {known}")
            return Rules()
        return Rules(
            Reciprocity(reciprocity), self.number("rules.max_loop", content.get("max_loop", 3))
        )

    def rows(self, name: str, content: Any, width: int) -> IntArray:
        """Read a list of rows of `width` whole numbers."""
        if not isinstance(content, list):
            self.faults.append(f"{name}: expected a list, got {_kind(content)}")
            return pairs(width=width)
        wrong = [
            at for at, row in enumerate(content) if not isinstance(row, list) or len(row) != width
        ]
        if wrong:
            self.faults += [
                f"{name}[{at}]: {_shown(content[at])} is no row of {width} integers"
                for at in wrong[:MOST_ALIKE]
            ]
            return pairs(width=width)
        columns = [
            self.integers(f"{name}.{part}", [row[at] for row in content])
            for at, part in enumerate(("offer", "need", "half_days")[:width])
        ]
        return pairs(np.column_stack(columns) if content else None, width)

    def linking(self, content: Any) -> tuple[Linking, ...]:
        """Read the rules over many participants."""
        if not isinstance(content, list):
            self.faults.append(f"linking: expected a list, got {_kind(content)}")
            return ()
        return tuple(
            self._linking_rule(f"linking[{at}]", rule)
            for at, rule in enumerate(content)
            if len(self.faults) <= MOST_ALIKE and self._is_object(f"linking[{at}]", rule)
        )

    def _is_object(self, where: str, content: Any) -> bool:
        if not isinstance(content, dict):
            self.faults.append(f"{where}: expected an object, got {_kind(content)}")
        return isinstance(content, dict)

    def _linking_rule(self, where: str, rule: dict[str, Any]) -> Linking:
        required = ("id", "sense", "limit", "unit", "candidates")
        self.known_fields(where, rule, required, ("weight",))
        texts = {name: rule.get(name, "") for name in ("id", "sense", "unit")}
        for name, value in texts.items():
            if not isinstance(value, str):
                self.faults.append(f"{where}.{name}: {_shown(value)} is no string")
        lists = {name: rule.get(name, []) for name in ("candidates", "weight")}
        for name, values in lists.items():
            if not isinstance(values, list):
                self.faults.append(f"{where}.{name}: expected a list, got {_kind(values)}")
                lists[name] = []
        candidates = self.integers(f"{where}.candidates", lists["candidates"])
        weight = self.integers(f"{where}.weight", lists["weight"])
        return Linking(
            id=str(texts["id"]),
            sense=str(texts["sense"]),
            limit=self.number(f"{where}.limit", rule.get("limit", 0)),
            unit=str(texts["unit"]),
            candidates=frozen(candidates, np.int64),
            weight=frozen(weight if "weight" in rule else 1, np.int64, len(candidates)),
        )


def _label(value: Any) -> tuple[str, Any]:
    return type(value).__name__, value


def _kind(value: Any) -> str:
    kinds = {
        bool: "a boolean",
        int: "an integer",
        float: "a decimal number",
        str: "a string",
        list: "a list",
        dict: "an object",
        type(None): "null",
    }
    return kinds.get(type(value), type(value).__name__)


def _shown(value: Any) -> str:
    if isinstance(value, int) and abs(value) >= 10**30:
        return "a number of over 30 digits"
    text = ascii(value)
    return text if len(text) <= 40 else text[:37] + "..."
