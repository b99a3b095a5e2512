"""What may become of a proposal: the one place that says so."""

from typing import Final

from app.errors import Conflict
from models.vocabulary import (
    APPROVED_PROPOSALS,
    ENDED_PROPOSALS,
    DecisionAction,
    ProposalState,
)

A, S = DecisionAction, ProposalState

LAPSING: Final = frozenset({S.PREFERRED, S.DUE_DILIGENCE})
"""Held states that end by themselves when nobody answers; what both sides agreed does not."""
APPROVED: Final = APPROVED_PROPOSALS
ENDED: Final = ENDED_PROPOSALS
NOBODYS: Final = frozenset({A.LAPSE, A.COMPLETE})
"""Decisions that nobody takes: they come with time, or with the end of a partnership."""

_FROM: Final[dict[DecisionAction, tuple[frozenset[ProposalState], ProposalState]]] = {
    # Whoever reviews a newer plan can keep what stood before it.
    A.PREFER: (frozenset({S.PROPOSED, S.REPLACED}), S.PREFERRED),
    A.START_DUE_DILIGENCE: (frozenset({S.PREFERRED}), S.DUE_DILIGENCE),
    A.APPROVE: (frozenset({S.AGREED, S.DEFERRED}), S.APPROVED),
    A.APPROVE_WITH_CONDITIONS: (
        frozenset({S.AGREED, S.DEFERRED}),
        S.APPROVED_WITH_CONDITIONS,
    ),
    A.DEFER: (frozenset({S.AGREED}), S.DEFERRED),
    A.DECLINE: (
        frozenset({S.PROPOSED, S.PREFERRED, S.DUE_DILIGENCE, S.AGREED, S.DEFERRED}),
        S.DECLINED,
    ),
    A.WITHDRAW: (frozenset(S) - ENDED, S.WITHDRAWN),
    A.LAPSE: (LAPSING, S.LAPSED),
    A.COMPLETE: (APPROVED, S.COMPLETED),
}
"""The states each decision may be taken in, and the one it leads to.

`agreed` is reached by two records, the taker's and the giver's, not by a decision; a change of
what they agreed to leads back to due diligence.
"""


def possible_from(state: ProposalState) -> frozenset[DecisionAction]:
    """What people can decide on a proposal in `state`, as far as its state alone tells."""
    return frozenset(each for each, (allowed, _) in _FROM.items() if state in allowed) - NOBODYS


class NotNow(Conflict):
    """A decision that the proposal's state does not allow."""

    title = "Not possible in the current state of the proposal"


def after(state: ProposalState, action: DecisionAction) -> ProposalState:
    """The state that `action` leads to from `state`.

    Raises
    ------
    NotNow
        With the states in which it can be done.
    """
    allowed, result = _FROM[action]
    if state in allowed:
        return result
    verb, now = action.replace("_", " "), state.replace("_", " ")
    if action in (A.APPROVE, A.APPROVE_WITH_CONDITIONS, A.DEFER) and state not in ENDED:
        raise NotNow(
            f"You cannot {verb} this proposal: it is {now}, and both sides must agree first."
        )
    listed = " or ".join(sorted(each.replace("_", " ") for each in allowed))
    raise NotNow(f"You cannot {verb} this proposal: it is {now}, and it must be {listed} first.")
