"""Who may do what: the one place that says so."""

from dataclasses import dataclass
from enum import StrEnum

from app.errors import Forbidden


class Role(StrEnum):
    ADMINISTRATOR = "administrator"
    BROKER = "broker"
    APPROVER = "approver"
    ANALYST = "analyst"
    TAKER_CONTACT = "taker_contact"
    GIVER_CONTACT = "giver_contact"


class Action(StrEnum):
    IMPORT = "import"
    EDIT_RULES = "edit_rules"
    CHANGE_REGISTER = "change_register"
    CHANGE_CATALOGUE = "change_catalogue"
    CHANGE_NEED = "change_need"
    CHANGE_OFFER = "change_offer"
    CONFIRM_NEED = "confirm_need"
    ANSWER_OFFER = "answer_offer"
    SUGGEST = "suggest"
    RUN = "run"
    REVIEW = "review"
    AGREE_FOR_TAKER = "agree_for_taker"
    AGREE_FOR_GIVER = "agree_for_giver"
    APPROVE = "approve"
    STEER = "steer"
    EMBED = "embed"
    MANAGE_KEYS = "manage_keys"
    READ_AUDIT = "read_audit"
    READ = "read"


MAY: dict[Action, frozenset[Role]] = {
    Action.IMPORT: frozenset({Role.BROKER}),
    Action.EDIT_RULES: frozenset(),
    # Of the register, what is kept here: organisations, networks, circumstances.
    Action.CHANGE_REGISTER: frozenset({Role.BROKER}),
    # The taxonomy and the calendar.
    Action.CHANGE_CATALOGUE: frozenset({Role.BROKER}),
    Action.CHANGE_NEED: frozenset({Role.BROKER, Role.TAKER_CONTACT}),
    Action.CHANGE_OFFER: frozenset({Role.BROKER, Role.GIVER_CONTACT}),
    Action.CONFIRM_NEED: frozenset({Role.TAKER_CONTACT}),
    Action.ANSWER_OFFER: frozenset({Role.GIVER_CONTACT}),
    Action.SUGGEST: frozenset({Role.BROKER, Role.ANALYST}),
    Action.RUN: frozenset({Role.BROKER, Role.ANALYST}),
    Action.REVIEW: frozenset({Role.BROKER}),
    # A broker writes down what a side said, naming the role of who said it there.
    Action.AGREE_FOR_TAKER: frozenset({Role.BROKER, Role.TAKER_CONTACT}),
    Action.AGREE_FOR_GIVER: frozenset({Role.BROKER, Role.GIVER_CONTACT}),
    Action.APPROVE: frozenset({Role.APPROVER}),
    Action.STEER: frozenset({Role.BROKER}),
    Action.EMBED: frozenset({Role.BROKER}),
    Action.MANAGE_KEYS: frozenset(),
    Action.READ_AUDIT: frozenset(),
    Action.READ: frozenset(Role),
}
"""The administrator may do everything; nobody else does what is not listed here."""


PHRASES: dict[Action, str] = {
    Action.IMPORT: "import files",
    Action.EDIT_RULES: "change circumstance rules",
    Action.CHANGE_REGISTER: "change the register",
    Action.CHANGE_CATALOGUE: "change the taxonomy or the calendar",
    Action.CHANGE_NEED: "change needs",
    Action.CHANGE_OFFER: "change offers",
    Action.CONFIRM_NEED: "confirm needs",
    Action.ANSWER_OFFER: "answer offers",
    Action.SUGGEST: "make suggestions",
    Action.RUN: "start runs",
    Action.REVIEW: "review proposals",
    Action.AGREE_FOR_TAKER: "agree for the school receiving support",
    Action.AGREE_FOR_GIVER: "agree for the supporting organisation",
    Action.APPROVE: "approve proposals",
    Action.STEER: "pin or exclude pairings",
    Action.EMBED: "embed maps",
    Action.MANAGE_KEYS: "manage keys",
    Action.READ_AUDIT: "read the audit",
    Action.READ: "read records",
}
"""What each action is called in a refusal."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody or something that acts; `name` is what the audit records."""

    name: str
    roles: frozenset[Role]


TERMINAL = Principal("terminal", frozenset({Role.ADMINISTRATOR}))
"""Whoever can run the command on the machine that holds the database."""
WORKER = Principal("worker", frozenset({Role.ADMINISTRATOR}))
"""The service itself where it carries out what somebody with the right to it asked for."""
CLOCK = Principal("clock", frozenset())
"""What ends by itself when its time is up; it has no rights to anything else."""
EMBED = Principal("embed", frozenset({Role.ANALYST}))
"""A map in somebody's page, as far as its token goes."""


def may(principal: Principal, action: Action) -> bool:
    """Whether one of the principal's roles may do `action`."""
    return bool(principal.roles & (MAY[action] | {Role.ADMINISTRATOR}))


def authorise(principal: Principal, action: Action) -> None:
    """Raise `Forbidden` unless one of the principal's roles may do `action`."""
    if may(principal, action):
        return
    raise Forbidden(f"You do not have permission to {PHRASES[action]}. Ask your administrator.")
