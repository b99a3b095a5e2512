"""Making and changing pots; none is ever deleted, and none comes to less than it has committed."""

from typing import Any, Final

from sqlalchemy import select

from app.access.policy import Action, Principal, authorise
from app.access.scoped import authorise_for, authorise_on, visible
from app.catalogue.naming import code_named, expertise_names, not_named
from app.database import WriteSession, database_now
from app.errors import Conflict, NotFound, require_version
from app.events import audit, touched
from app.import_kit.misfits import Misfit, Unfit
from app.money.rows import NewPotContent, PotContent
from app.register.group_actors import name_participants
from app.wording import on_day, pounds
from models.exchange import Need
from models.money import Commitment, Pot
from models.partnerships import Partnership
from models.register import Area, Participant
from models.vocabulary import AreaKind, CommitmentState, ParticipantKind, PotHolder

LISTS: Final = ("areas", "organisations", "expertise")


def create(session: WriteSession, principal: Principal, content: NewPotContent) -> Pot:
    """Make a pot of who holds it.

    Raises
    ------
    Conflict
        If there is one of this reference.
    Unfit
        If something that it names is not stored, or its figures do not fit together.
    Forbidden
        If the holder is outside the principal's area.
    """
    authorise(principal, Action.CHANGE_POT)
    known = select(Pot.id).where(Pot.reference == content.reference)
    if session.scalar(known) is not None:
        raise Conflict(f"There is already a pot {content.reference}. Use another reference.")
    columns = _columns(session, principal, content)
    authorise_for(session, principal, Action.CHANGE_POT, [columns["holder_id"]])
    made = Pot(
        reference=content.reference,
        committed_pence=0,
        updated_at=database_now(session),
        **columns,
    )
    session.add(made)
    session.flush()
    _record(session, principal, made, "created", budget=made.budget_pence)
    return made


def change(
    session: WriteSession,
    principal: Principal,
    reference: str,
    content: PotContent,
    version: int | None = None,
) -> Pot:
    """Change a pot; what is committed stays so, at the price that it was committed at.

    Raises
    ------
    NotFound, Stale
        If there is no such pot, or it is no longer at `version`.
    Unfit
        As `create`; or if its budget or dates would leave out what is committed.
    Conflict
        If another is to hold what is committed already: who decides claims would change.
    """
    authorise(principal, Action.CHANGE_POT)
    seen = visible(principal, Action.READ, Pot)
    query = select(Pot).where(Pot.reference == reference, seen).with_for_update()
    found = session.scalar(query.execution_options(populate_existing=True))
    if found is None:
        raise NotFound(f"There is no pot {reference!r}. Check the reference.")
    authorise_on(session, principal, Action.CHANGE_POT, found)
    require_version(found.version, version, f"Pot {reference}")
    columns = _columns(session, principal, content, found)
    authorise_for(session, principal, Action.CHANGE_POT, [columns["holder_id"]])
    changed = [name for name, value in columns.items() if getattr(found, name) != value]
    if not changed:
        return found
    if "holder_id" in changed and _has_commitments(session, found):
        raise Conflict(
            f"Pot {reference} has money committed, so its holder stays. Make another pot for "
            "another holder."
        )
    for name in changed:
        setattr(found, name, columns[name])
    found.version += 1
    found.updated_at = database_now(session)
    session.flush()
    naming = select(Need.participant_id).where(Need.pot_reference == reference)
    touched.mark(session, principal.name, session.scalars(naming))
    _record(session, principal, found, "changed", changed=sorted(changed))
    return found


def _has_commitments(session: WriteSession, pot: Pot) -> bool:
    query = select(Commitment.id).where(
        Commitment.pot_id == pot.id, Commitment.state != CommitmentState.RELEASED
    )
    return session.scalar(query.limit(1)) is not None


def _columns(
    session: WriteSession, principal: Principal, content: PotContent, before: Pot | None = None
) -> dict[str, Any]:
    """The columns that a pot is stored with, once everything that it names is found."""
    misfits: list[Misfit] = []
    named = name_participants(session, principal, {content.holder, *content.organisations})

    def reference_of(column: str, cell: str) -> str:
        if (found := named.id_of(cell)) is None:
            misfits.append(Misfit(column, cell, named.why_not(cell)))
            return cell
        return session.get_one(Participant, found).reference

    holder = named.id_of(content.holder)
    if holder is None:
        misfits.append(Misfit("holder", content.holder, named.why_not(content.holder)))
    elif (reason := _cannot_hold(session, content.holder_kind, holder)) is not None:
        misfits.append(Misfit("holder_kind", content.holder_kind, reason))
    organisations = [reference_of("organisations", cell) for cell in content.organisations]
    names = expertise_names(session)
    codes = [code_named(cell, names) for cell in content.expertise]
    for cell, code in zip(content.expertise, codes, strict=True):
        if code is None:
            misfits.append(Misfit("expertise", cell, not_named(cell, names)))
    misfits += _unknown_areas(session, content)
    misfits += _misfits(content)
    if before is not None:
        misfits += _committed_beyond(session, content, before)
    if misfits:
        raise Unfit(misfits)
    return {
        **content.model_dump(exclude={"reference", "holder", *LISTS}, mode="python"),
        "holder_kind": content.holder_kind.value,
        "holder_id": holder,
        "areas": sorted(set(content.areas)) or None,
        "organisations": sorted(set(organisations)) or None,
        "expertise": sorted({code for code in codes if code is not None}) or None,
    }


def _cannot_hold(session: WriteSession, kind: PotHolder, holder: int) -> str | None:
    """Why a holder cannot be of this kind, for people."""
    if kind is not PotHolder.COMMISSIONER:
        return None
    found = session.get_one(Participant, holder)
    if found.kind != ParticipantKind.INSTITUTION:
        return None
    return (
        f"does not fit {found.name}, which is a school or other institution. Choose network or "
        "trust, or name the organisation that commissions"
    )


def _unknown_areas(session: WriteSession, content: PotContent) -> list[Misfit]:
    found = []
    for area in content.areas:
        kind, _, code = area.partition(":")
        query = select(Area.code).where(Area.kind == kind, Area.code == code)
        if kind == AreaKind.COUNTRY or session.scalar(query) is not None:
            continue
        reason = "is not an area of the register. Use kind:code, like local_authority:886"
        found.append(Misfit("areas", area, reason))
    return found


def _misfits(content: PotContent) -> list[Misfit]:
    """Figures that do not fit together."""
    found = []
    if content.ends < content.starts:
        reason = f"must not be before the first day, {on_day(content.starts)}"
        found.append(Misfit("ends", content.ends.isoformat(), reason))
    highest = content.highest_day_rate_pence
    if highest is not None and highest < content.day_rate_pence:
        reason = f"must be the standard rate, {pounds(content.day_rate_pence)}, or more"
        found.append(Misfit("highest_day_rate_pence", pounds(highest), reason))
    if content.fee_pence is not None and content.fee_basis_points is not None:
        reason = "must be blank where the fee is a sum for each day. Enter one of the two"
        found.append(Misfit("fee_basis_points", f"{content.fee_basis_points / 100:g}", reason))
    return found


def _committed_beyond(session: WriteSession, content: PotContent, before: Pot) -> list[Misfit]:
    """What is committed already that a budget or dates would leave out."""
    found = []
    if content.budget_pence < before.committed_pence:
        reason = (
            f"is less than the {pounds(before.committed_pence)} that are committed. Enter that or "
            "more, or end what is not needed first"
        )
        found.append(Misfit("budget_pence", pounds(content.budget_pence), reason))
    running = (
        select(Partnership.starts, Partnership.ends)
        .join(Commitment, Commitment.partnership_id == Partnership.id)
        .where(Commitment.pot_id == before.id, Commitment.state == CommitmentState.RUNNING)
    )
    dates = session.execute(running).all()
    if dates and content.starts > (first := min(starts for starts, _ in dates)):
        reason = f"is after {on_day(first)}, when support that it pays for starts"
        found.append(Misfit("starts", content.starts.isoformat(), reason))
    if dates and content.ends < (last := max(ends for _, ends in dates)):
        reason = f"is before {on_day(last)}, when support that it pays for ends"
        found.append(Misfit("ends", content.ends.isoformat(), reason))
    return found


def _record(
    session: WriteSession, principal: Principal, pot: Pot, what: str, **detail: Any
) -> None:
    audit.record(
        session,
        actor=principal.name,
        action=f"pot.{what}",
        subject=f"pot:{pot.reference}",
        of=pot,
        **detail,
    )
