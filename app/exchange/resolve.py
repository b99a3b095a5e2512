"""Whether a need, an offer or limits fit what is stored, and the columns they become."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, case, select, true

from app.access.policy import Principal
from app.catalogue.naming import Names, code_named, expertise_names, not_named
from app.database import WriteSession
from app.exchange.pots import Paying
from app.exchange.rows import LimitsRow, NeedRow, OfferRow
from app.import_kit.misfits import Columns, Misfit, Stored
from app.register.group_actors import Named, name_participants
from models.exchange import Expertise, Period
from models.register import Institution, Organisation, Participant
from models.vocabulary import (
    Availability,
    LadderStep,
    NeedState,
    ParticipantKind,
    days_text,
    in_days,
)

FEW = 100
"""Of so many rows what they name is looked up by name; of more, everything."""

FOLLOWS: dict[NeedState, frozenset[NeedState]] = {
    NeedState.SUGGESTED: frozenset({NeedState.IDENTIFIED, NeedState.CLOSED}),
    NeedState.IDENTIFIED: frozenset({NeedState.DIAGNOSED, NeedState.CLOSED}),
    NeedState.DIAGNOSED: frozenset(
        {
            NeedState.MATCH,
            NeedState.REVIEW_PROGRESS,
            NeedState.UNABLE_TO_ASSESS,
            NeedState.CLOSED,
        }
    ),
    NeedState.MATCH: frozenset({NeedState.MATCHED, NeedState.REVIEW_PROGRESS, NeedState.CLOSED}),
    NeedState.REVIEW_PROGRESS: frozenset({NeedState.DIAGNOSED, NeedState.MET, NeedState.CLOSED}),
    NeedState.UNABLE_TO_ASSESS: frozenset({NeedState.DIAGNOSED, NeedState.CLOSED}),
    NeedState.MATCHED: frozenset({NeedState.MATCH, NeedState.MET, NeedState.CLOSED}),
    NeedState.MET: frozenset(),
    NeedState.CLOSED: frozenset(),
}
"""What a need may become next; from `suggested` to `identified` only by its own side."""
STARTS: Final = (
    NeedState.SUGGESTED,
    NeedState.IDENTIFIED,
    NeedState.DIAGNOSED,
    NeedState.MATCH,
)
"""What a need may be when it is made: what became of it is never claimed, but comes about."""
SIGNED: Final = ("signed_by_head_on", "signed_by_adviser_on")
ANSWERED_FOR: Final = (
    "is the supporting organisation's own answer. Leave it blank until its contact answers"
)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What references in rows can mean."""

    named: Named
    participants: Mapping[str, tuple[int, bool]]
    """By reference: the id and whether it takes part, being open and in scope."""
    expertise: Mapping[str, bool]
    """By code: whether it is retired."""
    periods: Mapping[str, tuple[date, date]]
    names: Names = field(default_factory=dict)
    """Of expertise, by code."""
    paying: Paying = field(default_factory=Paying)
    today: date = field(default_factory=lambda: datetime.now(UTC).date())

    @classmethod
    def load(
        cls,
        session: WriteSession,
        principal: Principal,
        rows: Collection[NeedRow | OfferRow | LimitsRow],
    ) -> "Catalogue":
        """Read what rows can name; what they do name is not withdrawn before they are stored.

        A trust that they name takes part from now on.
        """
        today = datetime.now(UTC).date()
        cells = {row.participant for row in rows}
        named = name_participants(session, principal, cells)
        few = len(cells) <= FEW
        _hold(
            session,
            Participant.reference,
            # Of the many a register import alone takes any out, and says itself what it does.
            Participant.reference.in_(named.ids)
            if few
            else Participant.kind == ParticipantKind.ORGANISATION.value,
        )
        names = expertise_names(session)
        said = {row.expertise for row in rows if not isinstance(row, LimitsRow)}
        expertise = {code for cell in said if (code := code_named(cell, names))}
        _hold(session, Expertise.code, Expertise.code.in_(expertise) if few else true())
        periods = {row.period for row in rows}
        _hold(session, Period.code, Period.code.in_(periods) if few else true())
        takes_part = case(
            (Institution.participant_id.is_not(None), Institution.in_scope),
            (Organisation.closed.is_not(None), Organisation.closed > today),
            else_=True,
        )
        query = (
            select(Participant.reference, Participant.id, takes_part)
            .outerjoin(Institution, Institution.participant_id == Participant.id)
            .outerjoin(Organisation, Organisation.participant_id == Participant.id)
        )
        if few:
            query = query.where(Participant.reference.in_(named.ids))
        return cls(
            named,
            {reference: (i, bool(open_)) for reference, i, open_ in session.execute(query)},
            {
                c: retired
                for c, retired in session.execute(select(Expertise.code, Expertise.retired))
            },
            {
                code: (starts, ends)
                for code, starts, ends in session.execute(
                    select(Period.code, Period.starts, Period.ends)
                )
            },
            names,
            _paying(session, rows, today, few=few),
            today,
        )


def _paying(
    session: WriteSession, rows: Collection[NeedRow | OfferRow | LimitsRow], day: date, *, few: bool
) -> Paying:
    needs = [row for row in rows if isinstance(row, NeedRow)]
    if not needs:
        return Paying()
    named = {row.pot for row in needs if row.pot is not None}
    return Paying.load(session, named, [row.reference for row in needs] if few else [], day)


def _hold(session: WriteSession, column: Any, wanted: ColumnElement[bool]) -> None:
    """Lock rows against change, in one order, so that no two wait for each other."""
    session.execute(select(column).where(wanted).order_by(column).with_for_update(read=True)).all()


def cell_of(reference: str) -> str:
    return reference.partition(":")[2]


def need_columns(
    row: NeedRow, catalogue: Catalogue, stored: Stored | None, misfits: list[Misfit]
) -> Columns:
    """The columns a need is stored with; what is wrong with it goes to `misfits`."""
    half_days_min = row.half_days if row.half_days_min is None else row.half_days_min
    if half_days_min > row.half_days:
        reason = f"must be at most the {days_text(row.half_days)} asked for"
        misfits.append(Misfit("days_min", in_days(half_days_min), reason))
    columns = _item_columns(row, catalogue, stored, misfits) | {
        "half_days_min": half_days_min,
        "max_givers": row.max_givers,
        "priority": row.priority,
        "evidence": row.evidence.value,
        "agreed_by": row.agreed_by,
        "improvement_plan_line": row.improvement_plan_line,
        "looked_within": [
            step.value
            for step in LadderStep
            if step in row.looked_within or step in row.looked_outcomes
        ]
        or None,
        "looked_within_note": row.looked_within_note,
        "looked_outcomes": dict(row.looked_outcomes) or None,
        "outside_stimulus": row.outside_stimulus or None,
        "pot_reference": row.pot,
    }
    _check_pot(columns, catalogue, stored, misfits)
    if stored is not None:
        _check_changeable(columns, stored, misfits)
    return columns | {"state": next_state(row.state, stored, misfits).value}


def _check_pot(
    columns: Columns, catalogue: Catalogue, stored: Stored | None, misfits: list[Misfit]
) -> None:
    """Whether the pot that a need names pays for it, and is settled no other way already."""
    pot = columns["pot_reference"]
    before = None if stored is None else stored["pot_reference"]
    if pot != before and (proposal := catalogue.paying.held.get(columns["reference"])):
        reason = (
            f"cannot change while proposal {proposal} holds days for this need. Withdraw the "
            "proposal first"
        )
        misfits.append(Misfit("pot", pot, reason))
        return
    starts, ends = columns["window_starts"], columns["window_ends"]
    if pot is None or starts is None or ends is None:
        return
    names = ("pot_reference", "participant_id", "expertise_code", "window_starts", "window_ends")
    if stored is not None and all(columns[name] == stored[name] for name in names):
        return  # What stands goes on, though the pot may be closed by now.
    of = columns["participant_id"], columns["expertise_code"]
    if (against := catalogue.paying.why_not(pot, *of, starts, ends)) is not None:
        misfits.append(Misfit("pot", pot, against))


def next_state(wanted: NeedState | None, stored: Stored | None, misfits: list[Misfit]) -> NeedState:
    """The state a need gets; nobody but its own side makes a suggestion a need."""
    if stored is None:
        if wanted is not None and wanted not in STARTS:
            reason = f"cannot be how a need starts. Use one of: {', '.join(STARTS)}"
            misfits.append(Misfit("state", wanted, reason))
        return wanted or NeedState.IDENTIFIED
    now = NeedState(stored["state"])
    if wanted is None or wanted is now:
        return now
    if now is NeedState.SUGGESTED and wanted is not NeedState.CLOSED:
        reason = (
            "must stay suggested until the school confirms it. To confirm it, run "
            f"`givetake confirm need {stored['reference']}`"
        )
        misfits.append(Misfit("state", wanted, reason))
    elif wanted not in FOLLOWS[now]:
        may = ", ".join(state for state in NeedState if state in FOLLOWS[now])
        choices = f"Use one of: {may}" if may else "Leave it as it is"
        misfits.append(Misfit("state", wanted, f"does not follow {now}. {choices}"))
    return wanted


def offer_columns(
    row: OfferRow, catalogue: Catalogue, stored: Stored | None, misfits: list[Misfit]
) -> Columns:
    """The columns an offer is stored with; only its giver changes an answer that is stored."""
    columns = _item_columns(row, catalogue, stored, misfits) | {
        "max_pairings": row.max_pairings,
        "quality": row.quality,
        "evidence": row.evidence,
        "strength_line": row.strength_line,
        "phases": list(row.phases),
        "first_call_until": row.first_call_until,
    }
    if stored is not None:
        _check_changeable(columns, stored, misfits)
        answer = f"givetake answer offer {stored['reference']} {row.availability or 'can_offer'}"
        for column, said in (
            ("availability", row.availability),
            ("availability_updated", row.availability_updated),
        ):
            if said is not None and said != stored[column]:
                reason = (
                    f"must stay {stored[column]} until the supporting organisation answers. To "
                    f"record its answer, run `{answer}`"
                )
                misfits.append(Misfit(column, str(said), reason))
        columns["availability"] = stored["availability"]
        columns["availability_updated"] = stored["availability_updated"]
        return columns
    if row.availability_updated is not None and row.availability_updated > catalogue.today:
        reason = "is in the future. Enter the day of the answer"
        misfits.append(Misfit("availability_updated", str(row.availability_updated), reason))
    columns["availability"] = (row.availability or Availability.NOT_ANSWERED).value
    columns["availability_updated"] = row.availability_updated or catalogue.today
    return columns


def limits_columns(row: LimitsRow, catalogue: Catalogue, misfits: list[Misfit]) -> Columns:
    if row.period not in catalogue.periods:
        misfits.append(_unknown_period(row.period, catalogue))
    return {
        "participant_id": _participant_id(row.participant, catalogue, misfits, new=False),
        "period_code": row.period,
        "give_half_days": row.give_half_days,
        "max_given": row.max_given,
        "max_taken": row.max_taken,
        "allowance_half_days": row.allowance_half_days,
        "exempt": row.exempt,
        "carried_half_days": row.carried_half_days,
    }


def _item_columns(
    row: NeedRow | OfferRow, catalogue: Catalogue, stored: Stored | None, misfits: list[Misfit]
) -> Columns:
    owner = None if stored is None else stored["participant_id"]
    participant_id = _participant_id(
        row.participant, catalogue, misfits, new=stored is None, owner=owner
    )
    if stored is not None and participant_id not in (None, stored["participant_id"]):
        reason = f"does not own {row.reference}. Use a new reference for this participant"
        misfits.append(Misfit("participant", row.participant, reason))
    code = code_named(row.expertise, catalogue.names)
    if code is None:
        reason = not_named(row.expertise, catalogue.names)
        misfits.append(Misfit("expertise", row.expertise, reason))
    elif catalogue.expertise[code] and (stored is None or stored["expertise_code"] != code):
        reason = "is retired from the list of expertise. Choose one in use"
        misfits.append(Misfit("expertise", row.expertise, reason))
    window_starts, window_ends = _window(row, catalogue, misfits)
    return {
        "reference": row.reference,
        "participant_id": participant_id,
        "expertise_code": code,
        "period_code": row.period,
        "half_days": row.half_days,
        "travel_limit_miles": row.travel_limit_miles,
        "travel_limit_minutes": row.travel_limit_minutes,
        "mode": row.mode.value,
        "window_starts": window_starts,
        "window_ends": window_ends,
        **{name: _signed(row, name, catalogue, misfits) for name in SIGNED},
    }


def _signed(
    row: NeedRow | OfferRow, name: str, catalogue: Catalogue, misfits: list[Misfit]
) -> date | None:
    """The day of a signature: nobody has signed tomorrow."""
    day: date | None = getattr(row, name)
    if day is not None and day > catalogue.today:
        misfits.append(Misfit(name, day.isoformat(), "is in the future. Enter the day of signing"))
    return day


def _participant_id(
    cell: str, catalogue: Catalogue, misfits: list[Misfit], *, new: bool, owner: int | None = None
) -> int | None:
    named = catalogue.named
    found = catalogue.participants.get(named.reference(cell, lambda old: old == owner))
    if found is None:
        misfits.append(Misfit("participant", cell, named.why_not(cell)))
        return None
    participant_id, takes_part = found
    if new and (cell in named.ended or not takes_part):
        reason = "has closed or takes no part. Enter who takes over"
        misfits.append(Misfit("participant", cell, reason))
    return participant_id


def _window(
    row: NeedRow | OfferRow, catalogue: Catalogue, misfits: list[Misfit]
) -> tuple[date | None, date | None]:
    """The window, by default the period's dates; it lies within them and ends after it starts."""
    if row.period not in catalogue.periods:
        misfits.append(_unknown_period(row.period, catalogue))
        return None, None
    starts, ends = catalogue.periods[row.period]
    window = {
        "window_starts": row.window_starts or starts,
        "window_ends": row.window_ends or ends,
    }
    for column, day in window.items():
        if not starts <= day <= ends:
            reason = f"must be within the period {row.period} ({starts} to {ends})"
            misfits.append(Misfit(column, day.isoformat(), reason))
    if window["window_starts"] > window["window_ends"]:
        reason = f"must not be before the window starts ({window['window_starts']})"
        misfits.append(Misfit("window_ends", window["window_ends"].isoformat(), reason))
    return window["window_starts"], window["window_ends"]


def _unknown_period(code: str, catalogue: Catalogue) -> Misfit:
    known = ", ".join(sorted(catalogue.periods))
    return Misfit("period", code, f"is not a period of the calendar. Use one of: {known}")


def _check_changeable(columns: Columns, stored: Stored, misfits: list[Misfit]) -> None:
    """Refuse to change what its rule still keeps, and what has come to its end."""
    changed = [name for name, value in columns.items() if value != stored[name]]
    if not changed:
        return
    if stored.get("withdrawn") or stored.get("state") in (NeedState.MET, NeedState.CLOSED):
        ended = stored.get("state", "withdrawn")
        reason = f"is {ended} and closed to changes. Use a new reference"
        misfits.append(Misfit("reference", stored["reference"], reason))
    elif stored["suggestion"] is not None and stored.get("state") == NeedState.SUGGESTED:
        reason = (
            f"is a suggestion, so {', '.join(changed)} must stay as suggested until the school "
            f"confirms it. To confirm it, run `givetake confirm need {stored['reference']}`"
        )
        misfits.append(Misfit("reference", stored["reference"], reason))
    elif stored["suggestion"] is not None and _unanswered(stored):
        reason = (
            f"is a prompt to ask, so {', '.join(changed)} must stay as suggested until the "
            "supporting organisation answers. To record its answer, run "
            f"`givetake answer offer {stored['reference']} can_offer`"
        )
        misfits.append(Misfit("reference", stored["reference"], reason))


def _unanswered(stored: Stored) -> bool:
    return bool(stored.get("availability") == Availability.NOT_ANSWERED)
