"""Open, editable rules of who approves a proposal: the first whose conditions hold decides."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final

from pydantic import Field
from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session, aliased

from app.access.policy import Action, Principal, authorise
from app.database import ReadSession, WriteSession
from app.errors import Fault
from app.files.csv_reading import RowModel, SlugCell, Text, Whole, YesNo, read_rows
from app.files.csv_writing import csv_text
from app.files.findings import Findings
from app.import_kit.report import ImportReport, new_report, raise_faults, read_file, record
from app.import_kit.upsert import upsert
from app.progress import Progress, silent
from app.register.circumstances import DEFAULT_RULES as CIRCUMSTANCE_RULES
from app.register.circumstances import CircumstanceRuleRow
from app.register.group_members import MEMBERS, belongs_on
from models.exchange import Need, Offer
from models.matching import ApprovalRule, Proposal
from models.register import Circumstance, CircumstanceRule, NetworkMembership, Participant
from models.vocabulary import ApprovedBy, SidesIn

DEFAULT_RULES: Final = Path(__file__).parent / "data" / "approval_rules.csv"
MOST_POUNDS: Final = 100_000_000
Pounds = Annotated[Whole, Field(le=MOST_POUNDS)]


class ApprovalRuleRow(RowModel):
    examples: ClassVar = (
        {
            "public_money_above_pounds": "1000",
            "unfunded": "no",
            "sides_in": "two_regions",
            "circumstance": "",
            "approved_by": "approver",
            "statement": "A made-up rule: more than £1,000 across regions needs an approver.",
        },
        {
            "public_money_above_pounds": "",
            "unfunded": "no",
            "sides_in": "",
            "circumstance": "",
            "approved_by": "approver",
            "statement": "A made-up last rule: an approver decides.",
        },
    )

    public_money_above_pounds: Pounds | None = None
    unfunded: YesNo = False
    sides_in: SidesIn | None = None
    circumstance: SlugCell | None = None
    approved_by: ApprovedBy
    statement: Text

    @property
    def asks_nothing(self) -> bool:
        asked = (self.public_money_above_pounds, self.sides_in, self.circumstance)
        return not self.unfunded and asked == (None, None, None)


@dataclass(frozen=True, slots=True)
class Approval:
    """Who has to approve a proposal, and by which rule, counted from 1; 0 is none of them."""

    approved_by: ApprovedBy
    statement: str
    rule: int


DIRECTED: Final = Approval(
    ApprovedBy.APPROVER,
    "A statutory direction stands in for the agreement of the school receiving support, so an "
    "approver decides.",
    0,
)
BY_ONE: Final = Approval(
    ApprovedBy.APPROVER,
    "One person recorded the responses of both sides, so an approver decides.",
    0,
)


BY_OWN_FACT: Final = Approval(
    ApprovedBy.APPROVER,
    "Somebody who put this forward, entered its public money or recorded a response also changed, "
    "in the past year, a network, trust, region, circumstance or interest of a side, so an "
    "approver decides.",
    0,
)
NOT_RELEASED: Final = Approval(
    ApprovedBy.APPROVER,
    "The head who releases the person has not said yes, so an approver decides.",
    0,
)
NOT_YET: Final = Approval(
    ApprovedBy.APPROVER,
    "Support between these two sides was deferred, or declined after both agreed, so an approver "
    "decides.",
    0,
)


def approval_of(
    session: Session, proposal: Proposal, need: Need, offer: Offer, day: date
) -> Approval:
    """Who has to approve a proposal by the rules in force and the facts of `day`."""
    sides = _sides_in(session, need.participant_id, offer.participant_id, day)
    circumstances = _circumstances(session, [need.participant_id, offer.participant_id], day)
    pounds = proposal.public_money_pounds
    for number, rule in enumerate(rules_in_force(session), 1):
        above = rule.public_money_above_pounds
        if (
            (above is None or (pounds is not None and pounds > above))
            and (not rule.unfunded or pounds == 0)
            and (rule.sides_in is None or rule.sides_in in sides)
            and (rule.circumstance is None or rule.circumstance in circumstances)
        ):
            return Approval(ApprovedBy(rule.approved_by), rule.statement, number)
    raise AssertionError("the last rule has no conditions")


def _sides_in(session: Session, taker: int, giver: int, day: date) -> set[SidesIn]:
    found: set[SidesIn] = set()
    both = [taker, giver]
    other = MEMBERS.alias()
    in_one_group = (
        select(MEMBERS.c.group_id)
        .join(other, other.c.group_id == MEMBERS.c.group_id)
        .where(MEMBERS.c.participant_id == taker, other.c.participant_id == giver)
        .where(belongs_on(day), belongs_on(day, other))
    )
    if session.execute(in_one_group.limit(1)).first():
        found.add(SidesIn.ONE_GROUP)
    partner = aliased(NetworkMembership)
    in_one_network = (
        select(NetworkMembership.network_id)
        .join(partner, partner.network_id == NetworkMembership.network_id)
        .where(NetworkMembership.participant_id == taker, partner.participant_id == giver)
        .where(*(_runs_on(each, day) for each in (NetworkMembership, partner)))
    )
    if session.execute(in_one_network.limit(1)).first():
        found.add(SidesIn.ONE_NETWORK)
    regions = session.scalars(select(Participant.region_code).where(Participant.id.in_(both))).all()
    one = None not in regions and len(set(regions)) == 1
    found.add(SidesIn.ONE_REGION if one else SidesIn.TWO_REGIONS)
    return found


def _circumstances(session: Session, participants: Sequence[int], day: date) -> set[str]:
    found = select(Circumstance.kind).where(
        Circumstance.participant_id.in_(participants), _runs_on(Circumstance, day)
    )
    return set(session.scalars(found))


def _runs_on(dated: Any, day: date) -> Any:
    return or_(dated.starts.is_(None), dated.starts <= day) & or_(
        dated.ends.is_(None), dated.ends >= day
    )


def rules_in_force(session: Session) -> Sequence[ApprovalRuleRow]:
    """In order; those that come with this version where nobody has imported others."""
    stored = session.scalars(select(ApprovalRule).order_by(ApprovalRule.position)).all()
    columns = ApprovalRuleRow.model_fields
    return [
        ApprovalRuleRow.model_validate({name: getattr(rule, name) for name in columns})
        for rule in stored
    ] or _defaults()


@lru_cache
def _defaults() -> list[ApprovalRuleRow]:
    return [row for _, row in read_rows(DEFAULT_RULES, ApprovalRuleRow)]


def list_approval_rules(session: ReadSession, principal: Principal) -> Sequence[ApprovalRuleRow]:
    """The rules in force, in order."""
    authorise(principal, Action.READ)
    return rules_in_force(session)


def import_approval_rules(
    session: WriteSession, principal: Principal, path: Path, on_progress: Progress = silent
) -> ImportReport:
    """Put the rules of a file in the place of all those in force."""
    authorise(principal, Action.EDIT_RULES, everywhere=True)
    faults = Findings()
    rows = read_file(path, ApprovalRuleRow, faults, on_progress)
    known = set(session.scalars(select(CircumstanceRule.kind))) or {
        row.kind for _, row in read_rows(CIRCUMSTANCE_RULES, CircumstanceRuleRow)
    }
    faults += _faults(path.name, rows, known)
    raise_faults(faults)
    report = new_report("approval-rules", {"approval_rules": path}, faults.notes)
    written = upsert(
        session,
        ApprovalRule,
        ("position",),
        [{"position": number} | row.model_dump() for number, (_, row) in enumerate(rows, 1)],
    )
    session.execute(delete(ApprovalRule).where(ApprovalRule.position > len(rows)))
    counts = replace(written.counts, closed=written.absent, absent=0)
    report.things["approval_rules"] = counts
    return record(session, principal, report)


def _faults(file: str, rows: Sequence[tuple[int, ApprovalRuleRow]], known: set[str]) -> list[Fault]:
    """What keeps rows from deciding every proposal: see `approval_of`."""
    faults: list[Fault] = []
    for line, row in rows:
        if row.circumstance is not None and row.circumstance not in known:
            reason = f"is no kind of circumstance. Enter one of {', '.join(sorted(known))}"
            faults.append(Fault(file, line, "circumstance", row.circumstance, reason))
        if row.unfunded and row.public_money_above_pounds is not None:
            reason = "never holds together with unfunded. Leave one of the two blank"
            value = str(row.public_money_above_pounds)
            faults.append(Fault(file, line, "public_money_above_pounds", value, reason))
        if row.asks_nothing and line != rows[-1][0]:
            reason = (
                "The rule has no conditions, so none of those after it would ever count. Make it "
                "the last, or give it a condition"
            )
            faults.append(Fault(file, line, None, None, reason))
    if rows and not rows[-1][1].asks_nothing:
        reason = (
            "The last rule has conditions, so some proposals would have none. Add a last rule "
            "without conditions"
        )
        faults.append(Fault(file, rows[-1][0], None, None, reason))
    return faults


def export_approval_rules(session: ReadSession, principal: Principal) -> str:
    """The rules in force as CSV that can be edited and imported."""
    authorise(principal, Action.READ)
    return csv_text(ApprovalRuleRow, (row.model_dump() for row in rules_in_force(session)))
