"""Who took whose place: predecessor and successor links of the register."""

from collections.abc import Iterable
from pathlib import Path

from app.errors import Fault
from app.import_kit.upsert import Row
from app.register.gias.rows import SuccessorRow


def check_successors(
    path: Path, rows: Iterable[tuple[int, SuccessorRow]], faults: list[Fault]
) -> None:
    for line, row in rows:
        if row.urn == row.link_urn:
            reason = "is the institution itself. Enter the one it succeeded"
            faults.append(Fault(path.name, line, "LinkURN", str(row.link_urn), reason))


def successions(rows: Iterable[SuccessorRow]) -> tuple[list[Row], int]:
    """One row per predecessor and successor, and how many links were of another kind.

    The register tells most successions from both sides; the earliest date and the fuller kind
    ("amalgamated", "merged", "split school") stand.
    """
    found: dict[tuple[int, int], Row] = {}
    others = 0
    for row in rows:
        side, _, kind = (part.strip().lower() for part in row.kind.partition("-"))
        if side == "predecessor":
            pair = (row.link_urn, row.urn)
        elif side == "successor":
            pair = (row.urn, row.link_urn)
        elif side == "result of amalgamation":
            pair, kind = (row.link_urn, row.urn), "amalgamated"
        else:
            others += 1
            continue
        succession = found.setdefault(
            pair,
            {
                "predecessor_urn": pair[0],
                "successor_urn": pair[1],
                "kind": "replaced",
                "effective": row.established,
            },
        )
        if kind:
            succession["kind"] = max(
                kind, "" if succession["kind"] == "replaced" else succession["kind"]
            )
        dates = [day for day in (succession["effective"], row.established) if day is not None]
        succession["effective"] = min(dates, default=None)
    return [found[pair] for pair in sorted(found)], others
