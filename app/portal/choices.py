"""What people choose and do on pages, where the vocabulary has no word for it."""

from enum import StrEnum


class ItemKind(StrEnum):
    NEED = "need"
    OFFER = "offer"


class Saved(StrEnum):
    """What has just been done to a need or an offer."""

    CREATED = "created"
    CHANGED = "changed"
    WITHDRAWN = "withdrawn"
    ANSWERED = "answered"
    CONFIRMED = "confirmed"


class UserChange(StrEnum):
    """What has just been done to a user."""

    GRANTED = "granted"
    ROLE_REMOVED = "role_removed"
    RENAMED = "renamed"
    ERASED = "erased"
    SIGNED_OUT = "signed_out"
    REMOVED = "removed"


class SessionsEnded(StrEnum):
    """Which of somebody's sessions have just been ended."""

    ONE = "one"
    ALL = "all"


class ReviewAction(StrEnum):
    """What a reviewer can do with proposals: decisions, pins and exclusions."""

    PREFER = "prefer"
    START_DUE_DILIGENCE = "start_due_diligence"
    APPROVE = "approve"
    APPROVE_WITH_CONDITIONS = "approve_with_conditions"
    DEFER = "defer"
    DECLINE = "decline"
    WITHDRAW = "withdraw"
    PIN = "pin"
    EXCLUDE = "exclude"


class PartnershipStep(StrEnum):
    """What people do with a partnership."""

    START = "start"
    CHANGE = "change"
    BOOK = "book"
    WRITE_UP = "write_up"
    SIGN = "sign"
    CANCEL = "cancel"
    REVIEW = "review"
    OUTCOME = "outcome"
    CONCERN = "concern"
    ANSWER = "answer"
    PAUSE = "pause"
    RESUME = "resume"
    END = "end"


class AllianceStep(StrEnum):
    """What people do with an alliance."""

    MAKE = "make"
    CHANGE = "change"
    ASK = "ask"
    ANSWER = "answer"
    LEAVE = "leave"
    ACTION = "action"
    END_ACTION = "end_action"
    TARGET = "target"
    REVIEW = "review"
    END = "end"


class Joins(StrEnum):
    """What a school that was asked to join says."""

    YES = "yes"
    NO = "no"


class VisitAnswer(StrEnum):
    """What a school says to a visit that was written up."""

    SIGN = "sign"
    DISPUTE = "dispute"


class ClaimStep(StrEnum):
    """What people do with pots and claims."""

    POT = "pot"
    CLAIM = "claim"
    APPROVE = "approve"
    REFUSE = "refuse"
    PAY = "pay"
