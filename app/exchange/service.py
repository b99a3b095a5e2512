"""Changes to one need or offer at a time; each checks the version and leaves an audit event."""

from datetime import UTC, date, datetime
from typing import TypeVar

from sqlalchemy import select

from app.access.policy import Action, Principal, authorise
from app.access.scoped import authorise_for, authorise_on, outside, visible
from app.database import WriteSession
from app.errors import Conflict, NotFound, require_version
from app.events import audit, touched
from app.exchange.resolve import ANSWERED_FOR, Catalogue, need_columns, next_state, offer_columns
from app.exchange.rows import NeedRow, OfferRow
from app.import_kit.misfits import Columns, Misfit, Unfit
from models.exchange import Need, Offer
from models.vocabulary import Availability, NeedState

Item = TypeVar("Item", Need, Offer)


def create_need(session: WriteSession, principal: Principal, row: NeedRow) -> Need:
    authorise(principal, Action.CHANGE_NEED)
    _refuse_known(session, Need, row.reference)
    misfits: list[Misfit] = []
    columns = need_columns(row, Catalogue.load(session, principal, [row]), None, misfits)
    need = Need(**_fitting(columns, misfits))
    authorise_for(session, principal, Action.CHANGE_NEED, [need.participant_id])
    return _add(session, principal, need)


def create_offer(session: WriteSession, principal: Principal, row: OfferRow) -> Offer:
    authorise(principal, Action.CHANGE_OFFER)
    _refuse_known(session, Offer, row.reference)
    misfits: list[Misfit] = []
    columns = offer_columns(row, Catalogue.load(session, principal, [row]), None, misfits)
    whose = columns["participant_id"]
    answered = columns["availability"] != Availability.NOT_ANSWERED and whose is not None
    if answered and outside(session, principal, Action.ANSWER_OFFER, [whose]):
        misfits.append(Misfit("availability", columns["availability"], ANSWERED_FOR))
    offer = Offer(**_fitting(columns, misfits))
    authorise_for(session, principal, Action.CHANGE_OFFER, [offer.participant_id])
    return _add(session, principal, offer)


def change_need(
    session: WriteSession, principal: Principal, row: NeedRow, version: int | None
) -> Need:
    """Replace a need's content by the row's; its state moves only as `FOLLOWS` allows."""
    authorise(principal, Action.CHANGE_NEED)
    need = _find(session, principal, Action.CHANGE_NEED, Need, row.reference, version)
    misfits: list[Misfit] = []
    columns = need_columns(
        row, Catalogue.load(session, principal, [row]), _columns_of(need), misfits
    )
    fitting = _fitting(columns, misfits)
    # Nobody hands a need over to where they could not have made it.
    authorise_for(session, principal, Action.CHANGE_NEED, [fitting["participant_id"]])
    return _change(session, principal, need, "change", fitting)


def change_offer(
    session: WriteSession, principal: Principal, row: OfferRow, version: int | None
) -> Offer:
    """Replace an offer's content by the row's; the giver's answer stays what it is."""
    authorise(principal, Action.CHANGE_OFFER)
    offer = _find(session, principal, Action.CHANGE_OFFER, Offer, row.reference, version)
    misfits: list[Misfit] = []
    columns = offer_columns(
        row, Catalogue.load(session, principal, [row]), _columns_of(offer), misfits
    )
    fitting = _fitting(columns, misfits)
    authorise_for(session, principal, Action.CHANGE_OFFER, [fitting["participant_id"]])
    return _change(session, principal, offer, "change", fitting)


def advance_need(
    session: WriteSession,
    principal: Principal,
    reference: str,
    state: NeedState,
    version: int | None = None,
) -> Need:
    """Move a need to a state that may follow its own."""
    authorise(principal, Action.CHANGE_NEED)
    need = _find(session, principal, Action.CHANGE_NEED, Need, reference, version)
    misfits: list[Misfit] = []
    next_state(state, _columns_of(need), misfits)
    return _change(session, principal, need, "advance", _fitting({"state": state.value}, misfits))


def set_what_came(
    session: WriteSession, principal: Principal, need: Need, state: NeedState
) -> Need:
    """Say what came of a need as support for it begins or ends, which whoever calls authorised."""
    return _change(session, principal, need, "came", {"state": state.value})


def withdraw_need(
    session: WriteSession, principal: Principal, reference: str, version: int | None = None
) -> Need:
    return advance_need(session, principal, reference, NeedState.CLOSED, version)


def withdraw_offer(
    session: WriteSession, principal: Principal, reference: str, version: int | None = None
) -> Offer:
    """Withdraw an offer; the last answer is kept as it was."""
    authorise(principal, Action.CHANGE_OFFER)
    offer = _find(session, principal, Action.CHANGE_OFFER, Offer, reference, version)
    return _change(session, principal, offer, "withdraw", {"withdrawn": True})


def confirm_need(
    session: WriteSession,
    principal: Principal,
    reference: str,
    *,
    by_role: str,
    version: int | None = None,
) -> Need:
    """Make a suggestion a need, on the word of the school's own side in the role `by_role`."""
    authorise(principal, Action.CONFIRM_NEED)
    need = _find(session, principal, Action.CONFIRM_NEED, Need, reference, version)
    if need.state != NeedState.SUGGESTED:
        raise Conflict(f"Need {reference} is {need.state}. You can only confirm a suggested need.")
    columns = {"state": NeedState.IDENTIFIED.value, "agreed_by": by_role}
    return _change(session, principal, need, "confirm", columns)


def answer_offer(
    session: WriteSession,
    principal: Principal,
    reference: str,
    availability: Availability,
    *,
    half_days: int | None = None,
    on: date | None = None,
    version: int | None = None,
) -> Offer:
    """Record what the giver says it can give, and when it said so; `half_days` if it said them."""
    authorise(principal, Action.ANSWER_OFFER)
    if availability is Availability.NOT_ANSWERED:
        raise Conflict(
            "Choose an answer: can_offer, may_offer or not_offering. To take the offer out of use, "
            "withdraw it."
        )
    offer = _find(session, principal, Action.ANSWER_OFFER, Offer, reference, version)
    if offer.withdrawn:
        raise Conflict(f"Offer {reference} was withdrawn. Create a new one.")
    columns: Columns = {
        "availability": availability.value,
        "availability_updated": on or datetime.now(UTC).date(),
    }
    if half_days is not None:
        if half_days < 1:
            raise Conflict("Days must be 0.5 or more. To offer none, answer not_offering.")
        columns["half_days"] = half_days
    return _change(session, principal, offer, "answer", columns)


def _refuse_known(session: WriteSession, model: type[Item], reference: str) -> None:
    if session.scalar(select(model.id).where(model.reference == reference)) is not None:
        raise Conflict(
            f"There is already a {model.__tablename__} {reference}. Use another reference."
        )


def _find(
    session: WriteSession,
    principal: Principal,
    action: Action,
    model: type[Item],
    reference: str,
    version: int | None,
) -> Item:
    """The item, compared with the version a change was made from before anything is written."""
    found = session.scalar(
        select(model)
        .where(model.reference == reference, visible(principal, Action.READ, model))
        .with_for_update()
    )
    if found is None:
        raise NotFound(f"There is no {model.__tablename__} {reference!r}. Check the reference.")
    authorise_on(session, principal, action, found)
    require_version(found.version, version, f"{model.__tablename__.capitalize()} {reference}")
    return found


def _columns_of(item: Need | Offer) -> Columns:
    return {column.key: getattr(item, column.key) for column in item.__table__.columns}


def _fitting(columns: Columns, misfits: list[Misfit]) -> Columns:
    if misfits:
        raise Unfit(misfits)
    return columns


def _add(session: WriteSession, principal: Principal, item: Item) -> Item:
    item.updated_at = datetime.now(UTC)
    session.add(item)
    session.flush()
    _record(session, principal, item, "create", {})
    return item


def _change(
    session: WriteSession, principal: Principal, item: Item, action: str, columns: Columns
) -> Item:
    """Write what differs; a change of nothing is none and keeps the version."""
    changed = [name for name, value in columns.items() if value != getattr(item, name)]
    if not changed:
        return item
    moved = {
        name: [getattr(item, name), columns[name]]
        for name in ("state", "availability")
        if name in changed
    }
    for name in changed:
        setattr(item, name, columns[name])
    item.version += 1
    item.updated_at = datetime.now(UTC)
    session.flush()
    if isinstance(item, Need):
        touched.mark_needs(session, principal.name, [item.reference])
    else:
        touched.mark(session, principal.name, [item.participant_id])
    _record(session, principal, item, action, {"changed": changed, **moved})
    return item


def _record(
    session: WriteSession, principal: Principal, item: Need | Offer, action: str, detail: Columns
) -> None:
    audit.record(
        session,
        actor=principal.name,
        action=f"{item.__tablename__}.{action}",
        subject=f"{item.__tablename__}:{item.reference}",
        of=item,
        **detail,
    )
