"""A funder's report: what became of a pot's money, by school and expertise, and what came of it.

No free text, and nobody's name but those of schools and organisations.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from app.access.policy import Principal
from app.catalogue.queries import get_period
from app.files.csv_writing import csv_of
from app.money.queries import Committed, commitments_of, get_pot
from models.exchange import Expertise, Period
from models.matching import Run
from models.money import Commitment, Pot
from models.partnerships import Support, SupportVisit
from models.vocabulary import (
    DELIVERED,
    HALF_DAYS_PER_DAY,
    NeedState,
    SupportResult,
)


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One school and expertise."""

    school: str
    school_name: str
    expertise: str
    expertise_name: str
    supports: int
    days_agreed: float
    days_delivered: float
    committed_pence: int
    claimed_pence: int
    paid_pence: int
    needs: int
    needs_met: int
    worked: int


@dataclass(frozen=True, slots=True)
class PotReport:
    """A pot and its rows; `left_pence` is of the whole pot, whatever the period."""

    pot: str
    name: str
    holder_name: str
    period: str | None
    as_of: date
    budget_pence: int
    committed_pence: int
    claimed_pence: int
    paid_pence: int
    left_pence: int
    rows: tuple[ReportRow, ...]


CSV_COLUMNS = (
    *("school", "school_name", "expertise", "supports", "days_agreed", "days_delivered"),
    *("committed", "claimed", "paid", "needs", "needs_met", "worked"),
)


def pot_report(
    session: Session,
    principal: Principal,
    reference: str,
    period: str | None = None,
    *,
    today: date,
) -> PotReport:
    """What a pot has done; of support that was planned for one period, or of all.

    Raises
    ------
    NotFound
        If there is no such pot or period.
    """
    sums = get_pot(session, principal, reference)
    found = commitments_of(session, principal, sums.pot)
    if period is not None:
        code = get_period(session, principal, period).code
        terms = select(Period.code).where(or_(Period.code == code, Period.year_code == code))
        runs = set(session.scalars(select(Run.id).where(Run.period_code.in_(terms))))
        found = [each for each in found if each.proposal.run_id in runs]
    rows = _rows(session, sums.pot, found)
    return PotReport(
        pot=sums.pot.reference,
        name=sums.pot.name,
        holder_name=sums.holder.name,
        period=period,
        as_of=today,
        budget_pence=sums.pot.budget_pence,
        committed_pence=sum(each.committed_pence for each in rows),
        claimed_pence=sum(each.claimed_pence for each in rows),
        paid_pence=sum(each.paid_pence for each in rows),
        left_pence=sums.left_pence,
        rows=rows,
    )


def _rows(session: Session, pot: Pot, found: list[Committed]) -> tuple[ReportRow, ...]:
    partnerships = select(Commitment.partnership_id).where(Commitment.pot_id == pot.id)
    delivered = {
        number: half_days
        for number, half_days in session.execute(
            select(SupportVisit.partnership_id, func.sum(SupportVisit.half_days))
            .where(SupportVisit.partnership_id.in_(partnerships), SupportVisit.state.in_(DELIVERED))
            .group_by(SupportVisit.partnership_id)
        )
    }
    agreed = {
        number: half_days or 0
        for number, half_days in session.execute(
            select(Support.partnership_id, func.sum(Support.agreed_half_days))
            .where(Support.partnership_id.in_(partnerships))
            .group_by(Support.partnership_id)
        )
    }
    worked = set(
        session.scalars(
            select(Support.partnership_id).where(
                Support.partnership_id.in_(partnerships), Support.result == SupportResult.WORKED
            )
        )
    )
    names = {code: name for code, name in session.execute(select(Expertise.code, Expertise.name))}
    grouped: dict[tuple[str, str], list[Committed]] = defaultdict(list)
    for each in found:
        grouped[each.taker.reference, each.need.expertise_code].append(each)
    rows = []
    for (school, expertise), those in grouped.items():
        numbers = [each.commitment.partnership_id for each in those]
        needs = {each.need.id: each.need for each in those}
        half_days = sum(
            agreed.get(each.commitment.partnership_id or 0, each.commitment.half_days)
            for each in those
        )
        rows.append(
            ReportRow(
                school=school.partition(":")[2],
                school_name=those[0].taker.name,
                expertise=expertise,
                expertise_name=names.get(expertise, expertise),
                supports=len(those),
                days_agreed=half_days / HALF_DAYS_PER_DAY,
                days_delivered=sum(delivered.get(number or 0, 0) for number in numbers)
                / HALF_DAYS_PER_DAY,
                committed_pence=sum(each.commitment.pence for each in those),
                claimed_pence=sum(each.commitment.claimed_pence for each in those),
                paid_pence=sum(each.paid_pence for each in those),
                needs=len(needs),
                needs_met=len([need for need in needs.values() if need.state == NeedState.MET]),
                worked=sum(number in worked for number in numbers if number is not None),
            )
        )
    return tuple(sorted(rows, key=lambda row: (row.school_name, row.school, row.expertise)))


def as_csv(report: PotReport) -> str:
    """A row for each school and expertise; money in pounds with its pence."""

    def pounds(pence: int) -> str:
        return f"{pence // 100}.{pence % 100:02}"

    return csv_of(
        list(CSV_COLUMNS),
        (
            {name: getattr(row, name) for name in CSV_COLUMNS if hasattr(row, name)}
            | {
                name: pounds(getattr(row, f"{name}_pence"))
                for name in ("committed", "claimed", "paid")
            }
            for row in report.rows
        ),
    )
