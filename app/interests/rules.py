"""What each kind of declared interest does to a pair: open data, readable by everybody."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, ClassVar, Final

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access.policy import Action, Principal, authorise
from app.database import ReadSession, WriteSession
from app.events import touched
from app.files.csv_reading import RowModel, YesNo, read_rows
from app.files.csv_writing import csv_text
from app.files.findings import Findings
from app.import_kit.report import (
    ImportReport,
    check_unique,
    new_report,
    raise_faults,
    read_file,
    record,
)
from app.import_kit.upsert import upsert
from app.interests.edges import all_it_counts_for
from app.interests.paths import MOST_STEPS, Refusing
from app.progress import Progress, silent
from models.interests import Interest, InterestRule
from models.vocabulary import InterestEffect, InterestKind

DEFAULT_RULES: Final = Path(__file__).parent / "data" / "interest_rules.csv"


class InterestRuleRow(RowModel):
    examples: ClassVar = ({"kind": "supplier_of", "effect": "refuses", "exceptions": "yes"},)

    kind: InterestKind
    effect: InterestEffect
    exceptions: YesNo = False
    """Whether an approver may let a proposal go on although this kind refuses its pair."""
    steps: Annotated[int, Field(ge=1, le=MOST_STEPS)] = 1
    """Interests of a path that it refuses as a part of, from one side of a pair to the other."""


def rules_in_force(session: Session) -> Mapping[InterestKind, InterestRuleRow]:
    """By kind, in the order of kinds; of a kind that nobody has imported, that of this version."""
    stored = {
        InterestKind(rule.kind): InterestRuleRow(
            kind=InterestKind(rule.kind),
            effect=InterestEffect(rule.effect),
            exceptions=rule.exceptions,
            steps=rule.most_steps or _defaults()[InterestKind(rule.kind)].steps,
        )
        for rule in session.scalars(select(InterestRule))
    }
    return {kind: stored.get(kind, row) for kind, row in _defaults().items()}


def refusing_kinds(session: Session) -> dict[InterestKind, Refusing]:
    """Kinds that rule a pair out, and how far."""
    return {
        kind: Refusing(row.exceptions, row.steps)
        for kind, row in rules_in_force(session).items()
        if row.effect is InterestEffect.REFUSES
    }


@lru_cache
def _defaults() -> dict[InterestKind, InterestRuleRow]:
    rows = {row.kind: row for _, row in read_rows(DEFAULT_RULES, InterestRuleRow)}
    return {kind: rows[kind] for kind in InterestKind}


def list_interest_rules(
    session: ReadSession, principal: Principal
) -> Mapping[InterestKind, InterestRuleRow]:
    authorise(principal, Action.READ)
    return rules_in_force(session)


def import_interest_rules(
    session: WriteSession, principal: Principal, path: Path, on_progress: Progress = silent
) -> ImportReport:
    """Change what kinds do; a kind that the file does not name keeps its rule."""
    authorise(principal, Action.EDIT_RULES, everywhere=True)
    faults = Findings()
    rows = read_file(path, InterestRuleRow, faults, on_progress)
    check_unique(path, rows, "kind", lambda row: row.kind, faults)
    raise_faults(faults)
    report = new_report("interest-rules", {"interest_rules": path}, faults.notes)
    before = rules_in_force(session)
    # What comes with the version is stored with the first change, so that all of it is seen.
    wanted = {**before, **{row.kind: row for _, row in rows}}
    written = upsert(
        session,
        InterestRule,
        ("kind",),
        [
            {
                **{"kind": kind.value, "effect": row.effect.value},
                **{"exceptions": row.exceptions, "most_steps": row.steps},
            }
            for kind, row in wanted.items()
        ],
    )
    report.wrote(session, "interest_rules", written)
    changed = [kind for kind, row in wanted.items() if row != before[kind]]
    if changed:
        of_these = select(Interest.holder_id, Interest.about_id).where(Interest.kind.in_(changed))
        sides = {side for both in session.execute(of_these) for side in both}
        touched.mark(session, principal.name, all_it_counts_for(session, sides))
    return record(session, principal, report)


def export_interest_rules(session: ReadSession, principal: Principal) -> str:
    """The rules in force as CSV that can be edited and imported."""
    authorise(principal, Action.READ)
    rules = rules_in_force(session).values()
    return csv_text(InterestRuleRow, (row.model_dump() for row in rules))
