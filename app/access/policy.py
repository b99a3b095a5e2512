"""Who may do what, and for which scope: the one place that says so."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.errors import Forbidden
from models.vocabulary import Role, ScopeKind, Side


class Action(StrEnum):
    IMPORT = "import"
    EDIT_RULES = "edit_rules"
    ADD_ORGANISATION = "add_organisation"
    CHANGE_REGISTER = "change_register"
    CHANGE_SUPPORT = "change_support"
    CHANGE_CATALOGUE = "change_catalogue"
    CHANGE_NEED = "change_need"
    CHANGE_OFFER = "change_offer"
    CONFIRM_NEED = "confirm_need"
    ANSWER_OFFER = "answer_offer"
    ADD_EVIDENCE = "add_evidence"
    MAKE_ALLIANCE = "make_alliance"
    CHANGE_ALLIANCE = "change_alliance"
    DECLARE_INTEREST = "declare_interest"
    SUGGEST = "suggest"
    RUN = "run"
    REVIEW = "review"
    AGREE_FOR_TAKER = "agree_for_taker"
    AGREE_FOR_GIVER = "agree_for_giver"
    APPROVE = "approve"
    CHANGE_POT = "change_pot"
    DECIDE_CLAIM = "decide_claim"
    DIRECT = "direct"
    STEER = "steer"
    EMBED = "embed"
    SUBSCRIBE = "subscribe"
    MANAGE_KEYS = "manage_keys"
    MANAGE_USERS = "manage_users"
    READ_AUDIT = "read_audit"
    READ_CONTACTS = "read_contacts"
    CHANGE_CONTACTS = "change_contacts"
    READ_PLAN = "read_plan"
    READ = "read"


BROKERS: Final = frozenset({Role.BROKER, Role.NETWORK_LEADER})
"""A network leader is the broker of a network."""
EVERYTHING: Final = frozenset({Role.ADMINISTRATOR, Role.SYSTEM})

MAY: dict[Action, frozenset[Role]] = {
    Action.IMPORT: BROKERS,
    Action.EDIT_RULES: frozenset(),
    # Not of a network's leader: what is new is in no network yet.
    Action.ADD_ORGANISATION: frozenset({Role.BROKER}),
    # Of the register, what is kept here: organisations, networks, circumstances.
    Action.CHANGE_REGISTER: BROKERS,
    # Of other agencies.
    Action.CHANGE_SUPPORT: BROKERS,
    # The taxonomy and the calendar.
    Action.CHANGE_CATALOGUE: BROKERS,
    Action.CHANGE_NEED: BROKERS | {Role.CONTACT},
    Action.CHANGE_OFFER: BROKERS | {Role.CONTACT},
    Action.CONFIRM_NEED: frozenset({Role.CONTACT}),
    Action.ANSWER_OFFER: frozenset({Role.CONTACT}),
    # A contact claims, and answers what others say; a broker records what others say.
    Action.ADD_EVIDENCE: BROKERS | {Role.CONTACT},
    Action.MAKE_ALLIANCE: BROKERS,
    # A contact answers for a school that is asked, and keeps the plan where it is in.
    Action.CHANGE_ALLIANCE: BROKERS | {Role.CONTACT},
    # Of either side; a contact withdraws what they recorded themselves.
    Action.DECLARE_INTEREST: BROKERS | {Role.CONTACT},
    Action.SUGGEST: BROKERS | {Role.ANALYST},
    Action.RUN: BROKERS | {Role.ANALYST},
    Action.REVIEW: BROKERS,
    # A broker writes down what a side said, naming the role of who said it there.
    Action.AGREE_FOR_TAKER: BROKERS | {Role.CONTACT},
    Action.AGREE_FOR_GIVER: BROKERS | {Role.CONTACT},
    Action.APPROVE: frozenset({Role.APPROVER}),
    # Of whom the pot is held by.
    Action.CHANGE_POT: BROKERS,
    Action.DECIDE_CLAIM: frozenset({Role.APPROVER}),
    # Of the school that is to be supported; the supporting organisation is never directed.
    Action.DIRECT: frozenset({Role.APPROVER}),
    Action.STEER: BROKERS,
    Action.EMBED: BROKERS,
    # To what they may read, wherever it happens.
    Action.SUBSCRIBE: BROKERS | {Role.ANALYST, Role.APPROVER},
    Action.MANAGE_KEYS: frozenset(),
    Action.MANAGE_USERS: frozenset(),
    Action.READ_AUDIT: frozenset({Role.AUDITOR}),
    # Personal data: for those who speak to people, and not for whoever looks at figures.
    Action.READ_CONTACTS: BROKERS | {Role.APPROVER, Role.CONTACT},
    Action.CHANGE_CONTACTS: BROKERS | {Role.CONTACT},
    # A whole plan has the needs and offers of everybody in it.
    Action.READ_PLAN: frozenset(Role) - {Role.CONTACT},
    Action.READ: frozenset(Role),
}
"""The administrator may do everything; nobody else does what is not listed here."""


PHRASES: dict[Action, str] = {
    Action.IMPORT: "import files",
    Action.EDIT_RULES: "change circumstance rules and approval rules",
    Action.ADD_ORGANISATION: "add organisations",
    Action.CHANGE_REGISTER: "change the register",
    Action.CHANGE_SUPPORT: "change support of other agencies",
    Action.CHANGE_CATALOGUE: "change the list of expertise or the calendar",
    Action.CHANGE_NEED: "change needs",
    Action.CHANGE_OFFER: "change offers",
    Action.CONFIRM_NEED: "confirm needs",
    Action.ANSWER_OFFER: "answer offers",
    Action.ADD_EVIDENCE: "add evidence of quality",
    Action.MAKE_ALLIANCE: "make alliances",
    Action.CHANGE_ALLIANCE: "change alliances",
    Action.DECLARE_INTEREST: "declare interests",
    Action.SUGGEST: "make suggestions",
    Action.RUN: "start runs",
    Action.REVIEW: "review proposals",
    Action.AGREE_FOR_TAKER: "agree for the school receiving support",
    Action.AGREE_FOR_GIVER: "agree for the supporting organisation",
    Action.APPROVE: "approve proposals",
    Action.CHANGE_POT: "change pots of money",
    Action.DECIDE_CLAIM: "decide claims",
    Action.DIRECT: "record statutory directions",
    Action.STEER: "pin or exclude pairings",
    Action.EMBED: "embed maps",
    Action.SUBSCRIBE: "subscribe to events",
    Action.MANAGE_KEYS: "manage keys",
    Action.MANAGE_USERS: "manage users",
    Action.READ_AUDIT: "read the audit",
    Action.READ_CONTACTS: "read contacts",
    Action.CHANGE_CONTACTS: "change contacts",
    Action.READ_PLAN: "read whole plans",
    Action.READ: "read records",
}
"""What each action is called in a refusal."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a role is held for; `id` is what the register calls it, and empty for all."""

    kind: ScopeKind
    id: str = ""


EVERYWHERE: Final = Scope(ScopeKind.ALL)


@dataclass(frozen=True, slots=True)
class Grant:
    """A role, held for a scope."""

    role: Role
    scope: Scope = EVERYWHERE


AGREES_FOR: Final = {
    Side.TAKER: Action.AGREE_FOR_TAKER,
    Side.GIVER: Action.AGREE_FOR_GIVER,
}
"""What it takes to record the word of a side."""


@dataclass(frozen=True, slots=True)
class Link:
    """What a single-use link opens: one proposal, to answer for one side of it and no more.

    A home head's link has no side: it opens the proposal to be read.
    """

    proposal_id: int
    side: Side | None = None

    def allows(self, action: Action) -> bool:
        return action is Action.READ or (self.side is not None and action is AGREES_FOR[self.side])


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody or something that acts.

    `name` is what the audit records, `label` what people read in its place.
    """

    name: str
    grants: frozenset[Grant]
    label: str = ""
    link: Link | None = None
    """What it holds a link to, and nothing else; such a principal has no role."""

    @property
    def roles(self) -> frozenset[Role]:
        return frozenset(grant.role for grant in self.grants)

    @property
    def employers(self) -> frozenset[Scope]:
        """The institutions, trusts and organisations that it speaks for."""
        return frozenset(grant.scope for grant in self.grants if grant.scope.kind in EMPLOYERS)


EMPLOYERS: Final = frozenset({ScopeKind.INSTITUTION, ScopeKind.TRUST, ScopeKind.ORGANISATION})

TERMINAL = Principal("terminal", frozenset({Grant(Role.ADMINISTRATOR)}))
"""Whoever can run the command on the machine that holds the database."""
WORKER = Principal("worker", frozenset({Grant(Role.SYSTEM)}))
"""The service itself where it carries out what somebody with the right to it asked for."""
CLOCK = Principal("clock", frozenset())
"""What ends by itself when its time is up; it has no rights to anything else."""
RULES = Principal("approval rules", frozenset())
"""What follows from the agreements of both sides where the rules ask for no approver."""
EMBED = Principal("embed", frozenset({Grant(Role.EMBED)}))
"""A map in somebody's page, as far as its token goes."""


def may(principal: Principal, action: Action) -> bool:
    """Whether one of the principal's roles may do `action`, wherever it is held."""
    return bool(grants_for(principal, action)) or _by_link(principal, action)


def _by_link(principal: Principal, action: Action) -> bool:
    return principal.link is not None and principal.link.allows(action)


def grants_for(principal: Principal, action: Action) -> frozenset[Grant]:
    """By which of its roles the principal may do `action`, and where."""
    roles = MAY[action] | EVERYTHING
    return frozenset(grant for grant in principal.grants if grant.role in roles)


def authorise(principal: Principal, action: Action, *, everywhere: bool = False) -> None:
    """Raise `Forbidden` unless one of the principal's roles may do `action`.

    `everywhere`: to what belongs to no area or institution, such as the taxonomy.
    """
    held = grants_for(principal, action)
    if not held and not _by_link(principal, action):
        raise Forbidden(f"You do not have permission to {PHRASES[action]}. Ask your administrator.")
    if everywhere and all(grant.scope != EVERYWHERE for grant in held):
        raise Forbidden(
            f"You have permission to {PHRASES[action]} in your own area only, and this counts "
            "everywhere. Ask your administrator."
        )
