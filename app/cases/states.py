"""The state of a proposal at a moment, told from what was decided and said by then."""

from collections.abc import Sequence
from datetime import datetime

from app.proposals.states import LAPSING
from models.matching import Agreement, Decision
from models.vocabulary import ProposalState, Says, Side

S = ProposalState


def state_after(
    decisions: Sequence[Decision], agreements: Sequence[Agreement], until: datetime
) -> ProposalState:
    """Follow decisions and records of both sides before a moment, in the order they came in.

    Both sides' yes, or a direction and the giver's yes, makes a held proposal agreed; one voided
    takes it back to due diligence (`app.proposals.agreements`). Every other step is a decision.
    """
    steps: list[tuple[datetime, Decision | Agreement, bool]] = [
        *((each.at, each, False) for each in decisions if each.at < until),
        *((each.at, each, False) for each in agreements if each.at < until),
    ]
    steps += [
        (each.voided_at, each, True)
        for each in agreements
        if each.voided_at is not None and each.voided_at < until
    ]
    state, standing = S.PROPOSED, dict[Side, int]()
    left = sorted(steps, key=lambda step: (step[0], step[2]))
    while left:
        moment = left[0][0]
        together = [step for step in left if step[0] == moment]
        step = next((each for each in together if _follows(each, state)), together[0])
        left.remove(step)
        state = _apply(step, state, standing)
    return state


def _follows(step: tuple[datetime, Decision | Agreement, bool], state: ProposalState) -> bool:
    """Whether a step can come next, of several at one moment."""
    _, what, voided = step
    if isinstance(what, Decision):
        return what.state_before == state
    return not voided and (state in LAPSING or what.says == Says.NO)


def _apply(
    step: tuple[datetime, Decision | Agreement, bool],
    state: ProposalState,
    standing: dict[Side, int],
) -> ProposalState:
    _, what, voided = step
    if isinstance(what, Decision):
        return ProposalState(what.state_after)
    side = Side(what.side)
    if not voided:
        standing[side] = what.id
        is_agreed = what.says != Says.NO and len(standing) == len(Side) and state in LAPSING
        return S.AGREED if is_agreed else state
    if standing.get(side) == what.id:
        del standing[side]
        return S.DUE_DILIGENCE if state in (S.AGREED, S.DEFERRED) else state
    return state
