"""Whether a run could keep a pin at all, asked when it is made and not by everybody's next run."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.access.policy import WORKER
from app.errors import Conflict, Problem
from app.planning.capacity import Left, what_is_left
from app.planning.load import (
    PLANNED_NEEDS,
    Loaded,
    PlannedOffer,
    first_call_on,
    in_force,
    load,
    planned,
)
from app.planning.options import MatchOptions
from app.planning.pair_constraints import wishes_of
from app.planning.pair_tables import pair_tables, places_of
from app.planning.pots import left_of_pots
from app.register.water import estimated
from app.wording import counted, pounds
from models.exchange import Need, Offer, Period
from models.matching import Steering
from models.vocabulary import SteeringKind, days_text
from solver.pairing.findings import Finding, findings
from solver.pairing.pair_rules import MODE, TOO_FAR


class BadSteering(Problem):
    status = 422
    title = "Invalid pin or exclusion"


def check_pin(
    session: Session, need: Need, offer: Offer, now: datetime, what: str | None = None
) -> None:
    """Refuse a pin that no run with the options by default could keep, with the rows of today.

    The rules of the pair, what is left of days and places, and the other pins in force are asked.
    What only a whole plan can tell, such as reciprocity, is not. `what` begins the refusal.

    Raises
    ------
    BadSteering
        With what stands against it, and how to put it right.
    """
    what = what or f"{need.reference} and {offer.reference} cannot be pinned"
    loaded = _loaded(session, need, offer, now, what)
    if any((each.need_id, each.offer_id) == (need.id, offer.id) for each in loaded.holds):
        return
    if all(each.id != need.id for each in loaded.needs):
        raise BadSteering(
            f"{what}: need {need.reference} does not need more support. It is met or closed, or "
            "proposals hold all of it. Choose another need."
        )
    offered = any(each.id == offer.id for each in loaded.offers)
    loaded = replace(
        loaded,
        offers=loaded.offers
        if offered
        else [*loaded.offers, first_call_on(now.date(), planned(PlannedOffer, offer))],
        steering=(),
    )
    # As a pin it may be of a pair that was declined.
    options = MatchOptions().model_copy(update={"pins": (f"{need.reference}={offer.reference}",)})
    left = what_is_left(loaded, options)
    if against := _broken(loaded, options, left, need, offer):
        raise BadSteering(f"{what}. {against} Correct the need or the offer, or choose others.")
    if against := _full(loaded, left, _others(session, loaded, need, offer, now), need, offer):
        raise BadSteering(f"{what}: {against}. Lift another pin, or raise the limit.")


def _loaded(session: Session, need: Need, offer: Offer, now: datetime, what: str) -> Loaded:
    """What a run of the two sides alone would look at, in the period of both."""
    period = need.period_code
    if offer.period_code != period:
        year_of = dict(
            session.execute(
                select(Period.code, Period.year_code).where(
                    Period.code.in_((need.period_code, offer.period_code))
                )
            ).all()
        )
        if year_of[offer.period_code] == period:
            period = offer.period_code
        elif year_of[period] != offer.period_code:
            raise BadSteering(
                f"{what}: the need is for {need.period_code} and the offer for "
                f"{offer.period_code}. Choose an offer of the need's period."
            )
    try:
        return load(
            session,
            WORKER,
            {need.participant_id},
            period,
            now.date(),
            now=now,
            only={need.participant_id, offer.participant_id},
        )
    except Conflict as over:
        raise BadSteering(f"{what}: {over.detail}") from over


def _broken(
    loaded: Loaded, options: MatchOptions, left: Left, need: Need, offer: Offer
) -> str | None:
    """What the rules of the pair refuse both on site and remotely, in words."""
    wishes = wishes_of(loaded, options, places_of(loaded))
    # A router is not asked within a transaction.
    tables = pair_tables(loaded, options, left, wishes, estimated())
    rows = (
        next(at for at, each in enumerate(loaded.needs) if each.id == need.id),
        next(at for at, each in enumerate(loaded.offers) if each.id == offer.id),
    )
    forms = [
        [each for each in findings(tables, *rows, remote=remote) if _refuses(each)]
        for remote in (False, True)
    ]
    if not all(forms):
        return None
    fitting = [form for form in forms if all(each.rule is not MODE for each in form)]
    return " ".join(each.sentence for each in (fitting or forms)[0])


def _refuses(finding: Finding) -> bool:
    """Whether a rule refuses for certain: minutes are only estimated here, miles are known.

    Where there is no way over water there are no miles.
    """
    if finding.holds or finding.rule is not TOO_FAR:
        return not finding.holds
    miles, limit = finding.rule.measure(finding.figures)
    return miles is None or (limit is not None and miles > limit)


@dataclass(frozen=True, slots=True)
class _Pinned:
    need_id: int
    offer_id: int
    taker_id: int
    giver_id: int
    half_days_min: int


def _others(
    session: Session, loaded: Loaded, need: Need, offer: Offer, now: datetime
) -> Sequence[_Pinned]:
    """Pins in force that spend the same days and places and that no hold keeps already."""
    held = {(each.need_id, each.offer_id) for each in loaded.holds}
    found = session.execute(
        select(Need.id, Offer.id, Need.participant_id, Offer.participant_id, Need.half_days_min)
        .join_from(Steering, Need, Need.id == Steering.need_id)
        .join(Offer, Offer.id == Steering.offer_id)
        .where(
            Steering.kind == SteeringKind.PIN,
            Steering.id.in_(in_force(now).with_only_columns(Steering.id).order_by(None)),
            Need.state.in_(PLANNED_NEEDS),
            Need.period_code.in_(loaded.periods),
            Offer.period_code.in_(loaded.periods),
            or_(
                Need.participant_id == need.participant_id,
                Offer.participant_id == offer.participant_id,
            ),
        )
    )
    pinned = (_Pinned(*row) for row in found)
    return [each for each in pinned if (each.need_id, each.offer_id) not in held]


def _full(
    loaded: Loaded, left: Left, others: Sequence[_Pinned], need: Need, offer: Offer
) -> str | None:
    """Which limit this pin and the others exceed together, in words; None if none."""
    place = places_of(loaded)
    giver, taker = place[offer.participant_id], place[need.participant_id]
    giver_name, taker_name = (loaded.participants[at].name for at in (giver, taker))
    of_need = next(at for at, each in enumerate(loaded.needs) if each.id == need.id)
    of_offer = next(at for at, each in enumerate(loaded.offers) if each.id == offer.id)
    same_need = [each for each in others if each.need_id == need.id]
    same_offer = [each for each in others if each.offer_id == offer.id]
    same_giver = [each for each in others if each.giver_id == offer.participant_id]
    same_taker = [each for each in others if each.taker_id == need.participant_id]
    givers = left.need_givers[of_need]
    places = [
        (f"need {need.reference} can have", givers, same_need, "more supporting organisation")
        if givers
        else None,
        (f"offer {offer.reference} can have", left.offer_pairings[of_offer], same_offer, "pairing"),
        (f"{giver_name} can support", left.max_given[giver], same_giver, "more school"),
        (
            f"{taker_name} can have",
            left.max_taken[taker],
            same_taker,
            "more supporting organisation",
        ),
    ]
    days = [
        (f"need {need.reference} asks for", left.need_half_days[of_need], same_need),
        (f"offer {offer.reference} has", left.offer_half_days[of_offer], same_offer),
        (f"{giver_name} can give", left.give_limit[giver], same_giver),
    ]
    for limited in places:
        if limited is not None and len(limited[2]) + 1 > limited[1]:
            what, most, pinned, unit = limited
            return f"{what} {counted(most, unit)}, and has {counted(len(pinned), 'other pin')}"
    for what, most, pinned in days:
        asked = need.half_days_min + sum(each.half_days_min for each in pinned)
        if asked > most:
            return f"{what} {days_text(most)}, and its pins need at least {days_text(asked)}"
    pot = loaded.pots.get(need.pot_reference or "")
    if pot is not None and (
        (least := pot.half_day_pence * need.half_days_min)
        > (free := left_of_pots(loaded)[pot.reference])
    ):
        return f"pot {pot.reference} has {pounds(free)} left, and the pin needs {pounds(least)}"
    return None
