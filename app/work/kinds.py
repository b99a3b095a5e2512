"""What kinds of work there are, in which part of the first page each stands, and in which words."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class WorkGroup(StrEnum):
    """A part of the list of somebody's work."""

    WAITS = "waits"
    """For whoever looks."""
    DECIDE = "decide"
    """For whoever looks, as an approver."""
    AWAITED = "awaited"
    """For somebody else."""
    LAPSES = "lapses"
    """By itself, if nobody does anything."""
    VISITS = "visits"


class WorkKind(StrEnum):
    """What is to be done, or to be awaited."""

    RESPOND_TAKER = "respond_taker"
    RESPOND_GIVER = "respond_giver"
    WRITE_UP = "write_up"
    SIGN = "sign"
    CORRECT = "correct"
    RESULT = "result"
    CONFIRM_NEED = "confirm_need"
    ANSWER_OFFER = "answer_offer"
    RENEW_OFFER = "renew_offer"
    ANSWER_EVIDENCE = "answer_evidence"
    JOIN = "join"
    TALK = "talk"
    ASK = "ask"
    BLOCKED = "blocked"
    START = "start"
    INTRODUCE = "introduce"
    REVIEW_PROPOSAL = "review_proposal"
    APPROVE = "approve"
    CONCERN = "concern"
    DECIDE_CLAIM = "decide_claim"
    PAY_CLAIM = "pay_claim"
    LINK = "link"
    OTHER_SIDE = "other_side"
    APPROVAL = "approval"
    WRITING_UP = "writing_up"
    SIGNATURE = "signature"
    CLAIMED = "claimed"
    INTRODUCTION = "introduction"
    HOLD = "hold"
    END = "end"
    VISIT = "visit"
    REVIEW = "review"
    SILENT = "silent"


G, K = WorkGroup, WorkKind
GROUPS: Final[Mapping[WorkGroup, tuple[WorkKind, ...]]] = {
    G.WAITS: (
        *(K.RESPOND_TAKER, K.RESPOND_GIVER, K.WRITE_UP, K.SIGN, K.CORRECT, K.RESULT),
        *(K.CONFIRM_NEED, K.ANSWER_OFFER, K.RENEW_OFFER, K.ANSWER_EVIDENCE, K.JOIN),
        *(K.TALK, K.ASK, K.BLOCKED, K.START, K.INTRODUCE, K.REVIEW_PROPOSAL),
    ),
    G.DECIDE: (K.APPROVE, K.CONCERN, K.DECIDE_CLAIM, K.PAY_CLAIM),
    G.AWAITED: (
        *(K.LINK, K.OTHER_SIDE, K.APPROVAL, K.WRITING_UP, K.SIGNATURE, K.CLAIMED),
        K.INTRODUCTION,
    ),
    G.LAPSES: (K.HOLD, K.END),
    G.VISITS: (K.VISIT, K.REVIEW, K.SILENT),
}
GROUP_OF: Final = {kind: group for group, kinds in GROUPS.items() for kind in kinds}

TITLES: Final[Mapping[WorkGroup, str]] = {
    G.WAITS: "Waits for you",
    G.DECIDE: "To be decided",
    G.AWAITED: "You wait for others",
    G.LAPSES: "Lapses or ends next",
    G.VISITS: "Visits and reviews due",
}
STEPS: Final[Mapping[WorkKind, str]] = {
    K.RESPOND_TAKER: "Respond for the school receiving support",
    K.RESPOND_GIVER: "Respond for the supporting organisation",
    K.WRITE_UP: "Write up a visit",
    K.SIGN: "Sign or dispute a visit",
    K.CORRECT: "Put right a visit that the school disputes",
    K.RESULT: "Say what came of it",
    K.CONFIRM_NEED: "Confirm a suggested need",
    K.ANSWER_OFFER: "Say whether you can give this",
    K.RENEW_OFFER: "Say whether you can still give this",
    K.ANSWER_EVIDENCE: "Answer what was said of your support before it counts",
    K.JOIN: "Say whether you join an alliance",
    K.TALK: "Wants to talk first: contact them and record the response",
    K.ASK: "Ask both sides, or record what they say",
    K.BLOCKED: "Can no longer go ahead as planned: see why, and decide what to do",
    K.START: "Start the partnership",
    K.INTRODUCE: "Introduce a school to the supporting organisation that it found",
    K.REVIEW_PROPOSAL: "Review a proposal",
    K.APPROVE: "Approve or defer",
    K.CONCERN: "Answer a concern",
    K.DECIDE_CLAIM: "Approve or refuse a claim",
    K.PAY_CLAIM: "Record that a claim was paid",
    K.LINK: "Waits for the answer to a link",
    K.OTHER_SIDE: "Waits for the response of the other side",
    K.APPROVAL: "Waits for approval",
    K.WRITING_UP: "Waits for the supporting organisation to write up a visit",
    K.SIGNATURE: "Waits for the school to sign a visit",
    K.CLAIMED: "Waits until a claim is decided or paid",
    K.INTRODUCTION: "Waits for a broker to introduce the school",
    K.HOLD: "Lapses if nobody responds",
    K.END: "Plan its end",
    K.VISIT: "A visit is booked",
    K.REVIEW: "Review how it goes",
    K.SILENT: "Ask how it goes: a side has not reviewed it for 60 days",
}
"""What to do, or what is awaited."""
