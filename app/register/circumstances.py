"""Dated circumstances, and the open rules of what each does to giving and taking."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field
from sqlalchemy import select

from app.access.policy import Action, Principal, authorise
from app.access.scoped import OUTSIDE, outside, visible
from app.database import ReadSession, WriteSession
from app.errors import Fault
from app.events import touched
from app.files.csv_reading import (
    Date,
    HalfDays,
    ParticipantCell,
    RowModel,
    Slug,
    SlugCell,
    Text,
    Whole,
    YesNo,
    read_rows,
)
from app.files.csv_writing import BYTE_ORDER_MARK, csv_text, days
from app.files.findings import Findings
from app.files.values import read_number
from app.import_kit.duplicates import note_duplicates
from app.import_kit.report import (
    ImportReport,
    check_unique,
    new_report,
    raise_faults,
    read_file,
    record,
)
from app.import_kit.upsert import Row, upsert
from app.progress import Progress, silent
from app.register import facts
from app.register.dates import not_before
from app.register.group_actors import name_participants
from app.register.naming import reference_of
from app.register.successors.open_items import CLOSING
from app.wording import on_day
from models.register import Circumstance, CircumstanceRule

DEFAULT_RULES = Path(__file__).parent / "data" / "circumstance_rules.csv"
Kind = Slug


class CircumstanceRuleRow(RowModel):
    examples: ClassVar = (
        {
            "kind": "made_up_circumstance",
            "statement": "A made-up circumstance halves the days a school may give.",
            "may_give": "yes",
            "days_percent": "50",
            "extra_allowance_days": "2.5",
            "priority": "2",
        },
    )

    kind: SlugCell
    statement: Text
    may_give: YesNo
    days_percent: Annotated[Whole, Field(le=100), BeforeValidator(read_number("%"))]
    extra_allowance_half_days: HalfDays = Field(0, alias="extra_allowance_days")
    priority: Annotated[Whole, Field(ge=1, le=5)] | None = None


class CircumstanceRow(RowModel):
    examples: ClassVar = (
        {
            "participant": "900001",
            "kind": "new_head",
            "starts": "2030-09-01",
            "ends": "2031-08-31",
            "source": "made up",
        },
    )

    participant: ParticipantCell
    kind: SlugCell
    starts: Date
    ends: Annotated[Date, AfterValidator(not_before("starts"))] | None = None
    source: Annotated[Text, Field(max_length=200)]


def ensure_default_rules(session: WriteSession) -> None:
    """Fill the table of rules where it is empty.

    Circumstances enter by `import_circumstances` alone, which calls this first, so that no
    circumstance is ever without its rule. The defaults come with the version, like the tables.
    """
    if session.scalar(select(CircumstanceRule.kind).limit(1)) is None:
        rows = read_rows(DEFAULT_RULES, CircumstanceRuleRow)
        upsert(session, CircumstanceRule, ("kind",), [_rule(row) for _, row in rows])


def _rule(row: CircumstanceRuleRow) -> Row:
    return row.model_dump()


def import_circumstance_rules(
    session: WriteSession, principal: Principal, path: Path, on_progress: Progress = silent
) -> ImportReport:
    """Add and change rules; a kind that the file does not name keeps its rule."""
    authorise(principal, Action.EDIT_RULES, everywhere=True)
    ensure_default_rules(session)
    faults = Findings()
    rows = read_file(path, CircumstanceRuleRow, faults, on_progress)
    check_unique(path, rows, "kind", lambda row: row.kind, faults)
    raise_faults(faults)
    report = new_report("circumstance-rules", {"circumstance_rules": path}, faults.notes)
    written = upsert(session, CircumstanceRule, ("kind",), [_rule(row) for _, row in rows])
    report.wrote(session, "circumstance_rules", written)
    kinds = [kind for (kind,) in written.changed]
    touched.mark(session, principal.name, having(session, kinds))
    return record(session, principal, report)


def having(session: WriteSession, kinds: Sequence[str]) -> Sequence[int]:
    """Participants that have, had or will have circumstances of these kinds."""
    return session.scalars(
        select(Circumstance.participant_id).where(Circumstance.kind.in_(kinds)).distinct()
    ).all()


def export_circumstance_rules(session: ReadSession, principal: Principal) -> str:
    """The rules as CSV that can be edited and imported; the defaults where none is stored."""
    authorise(principal, Action.READ)
    rules = session.scalars(select(CircumstanceRule).order_by(CircumstanceRule.kind)).all()
    if not rules:
        return BYTE_ORDER_MARK + DEFAULT_RULES.read_text("utf-8")
    return csv_text(
        CircumstanceRuleRow,
        (
            {
                "kind": rule.kind,
                "statement": rule.statement,
                "may_give": rule.may_give,
                "days_percent": rule.days_percent,
                "extra_allowance_days": days(rule.extra_allowance_half_days),
                "priority": rule.priority,
            }
            for rule in rules
        ),
    )


def import_circumstances(
    session: WriteSession, principal: Principal, path: Path, on_progress: Progress = silent
) -> ImportReport:
    """Add circumstances and change their ends; those that the file does not name are kept."""
    authorise(principal, Action.IMPORT)
    ensure_default_rules(session)
    faults = Findings()
    rows = read_file(path, CircumstanceRow, faults, on_progress)
    named = name_participants(session, principal, {row.participant for _, row in rows})
    stored = {
        tuple(one)
        for one in session.execute(
            select(Circumstance.participant_id, Circumstance.kind, Circumstance.starts)
        )
    }

    def whose(row: CircumstanceRow) -> str:
        return named.reference(
            row.participant,
            lambda old: row.kind == CLOSING or (old, row.kind, row.starts) in stored,
        )

    check_unique(path, rows, "participant", lambda row: (whose(row), row.kind, row.starts), faults)
    kinds = set(session.scalars(select(CircumstanceRule.kind)))
    for line, row in rows:
        if row.kind not in kinds:
            reason = f"has no circumstance rule. Use one of: {', '.join(sorted(kinds))}"
            faults.append(Fault(path.name, line, "kind", row.kind, reason))
        if whose(row) not in named.ids:
            reason = named.why_not(row.participant)
            faults.append(Fault(path.name, line, "participant", row.participant, reason))
    beyond = outside(session, principal, Action.IMPORT, set(named.ids.values()))
    for line, row in rows:
        if named.ids.get(whose(row)) in beyond:
            faults.append(Fault(path.name, line, "participant", row.participant, OUTSIDE))
    raise_faults(faults)
    report = new_report("circumstances", {"circumstances": path}, faults.notes)
    written = upsert(
        session,
        Circumstance,
        ("participant_id", "kind", "starts"),
        (
            {
                "participant_id": named.ids[whose(row)],
                "kind": row.kind,
                "starts": row.starts,
                "ends": row.ends,
                "source": row.source,
            }
            for _, row in rows
        ),
        closes=lambda before, after: is_earlier(after["ends"], before["ends"]),
        among=visible(principal, Action.READ, Circumstance),
    )
    report.wrote(session, "circumstances", written)
    held = (*written.added, *written.changed, *written.closed)
    touched.mark(session, principal.name, (participant_id for participant_id, *_ in held))
    ended = [(participant_id, kind) for participant_id, kind, _ in written.closed]
    facts.note_ended(session, principal.name, ended)
    report.notes += named.notes
    report.notes += _overlapping([row for _, row in rows])
    return record(session, principal, report, written)


def is_earlier(ends: date | None, than: date | None) -> bool:
    """Whether one end of a circumstance comes before another; none never comes."""
    return ends is not None and (than is None or ends < than)


def _overlapping(rows: Iterable[CircumstanceRow]) -> list[str]:
    """A note of circumstances that begin again before they are over."""
    spells: dict[tuple[str, str], list[CircumstanceRow]] = defaultdict(list)
    for row in rows:
        spells[reference_of(row.participant), row.kind].append(row)
    entries = []
    for (participant, kind), held in spells.items():
        held.sort(key=lambda row: row.starts)
        for place, (one, other) in enumerate(pairwise(held)):
            if one.ends is None or one.ends >= other.starts:
                about = f"{participant.partition(':')[2]}, {kind}"
                entries += [
                    ((participant, kind, place), f"from {on_day(row.starts)}", about)
                    for row in (one, other)
                ]
    return note_duplicates("circumstance", entries, {reference for _, reference, _ in entries})
