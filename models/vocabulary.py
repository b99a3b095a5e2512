"""The words of the domain that code has to compare; standard library only.

Expertise, periods and kinds of network are data, not words of code: they are not here.
"""

from enum import StrEnum
from typing import Final

HALF_DAYS_PER_DAY: Final = 2
METRES_PER_MILE: Final = 1609.344
UNLIMITED: Final = 10**9
"""What "no limit" is in a problem file; clamped before tables are sized by it."""


def in_days(half_days: float) -> str:
    """Half-days as people read them, in days: "2", "2.5", "1,204"."""
    return f"{half_days / HALF_DAYS_PER_DAY:,.1f}".removesuffix(".0")


def days_text(half_days: float) -> str:
    """The same with the unit: "1 day", "2.5 days", "1,204 days"."""
    return f"{in_days(half_days)} {'day' if half_days == HALF_DAYS_PER_DAY else 'days'}"


def miles_text(miles: float) -> str:
    """A distance with its unit, to a tenth: "1 mile", "1.5 miles", "less than 0.1 miles"."""
    shown = f"{miles:,.1f}".removesuffix(".0")
    if shown == "0":
        return "less than 0.1 miles"
    return f"{shown} {'mile' if shown == '1' else 'miles'}"


class Word(StrEnum):
    """A word that sentences for people quote as it is written, wherever they quote a value."""

    def __repr__(self) -> str:
        return repr(self.value)


class ParticipantKind(Word):
    INSTITUTION = "institution"
    ORGANISATION = "organisation"


class AreaKind(Word):
    COUNTRY = "country"
    REGION = "region"
    LOCAL_AUTHORITY = "local_authority"
    DISTRICT = "district"


class BoundaryKind(Word):
    """Whose outline is drawn under maps."""

    COUNTRY = "country"
    LOCAL_AUTHORITY = "local_authority"


class GroupKind(Word):
    MULTI_ACADEMY_TRUST = "multi_academy_trust"
    SINGLE_ACADEMY_TRUST = "single_academy_trust"
    FOUNDATION_TRUST = "foundation_trust"
    FEDERATION = "federation"
    SPONSOR = "sponsor"
    OTHER = "other"


class RegisterChange(Word):
    """What the register says of an institution that live work hangs on."""

    CLOSED = "closed"
    TO_CLOSE = "to_close"
    MOVED_TRUST = "moved_trust"
    CHANGED_AUTHORITY = "changed_authority"


class SuccessorState(Word):
    """Whether what a closed institution left open can follow its successor."""

    CLEAR = "clear"
    NONE = "none"
    SEVERAL = "several"
    NOT_OPEN = "not_open"
    """The only successor is not open yet, or takes no part."""


class Mode(Word):
    """How support is given; distance does not limit remote support."""

    ON_SITE = "on_site"
    REMOTE = "remote"
    EITHER = "either"


class NeedState(Word):
    SUGGESTED = "suggested"
    IDENTIFIED = "identified"
    DIAGNOSED = "diagnosed"
    MATCH = "match"
    REVIEW_PROGRESS = "review_progress"
    UNABLE_TO_ASSESS = "unable_to_assess"
    MATCHED = "matched"
    MET = "met"
    CLOSED = "closed"


class NeedProgress(Word):
    """What has come of a need so far, in all runs: the furthest of it."""

    NOTHING = "nothing"
    PROPOSED = "proposed"
    HELD = "held"
    """Preferred: days are held for it."""
    AGREED = "agreed"
    APPROVED = "approved"
    RUNNING = "running"
    MET = "met"
    CLOSED = "closed"


class NeedEvidence(Word):
    SELF_EVALUATION = "self_evaluation"
    INSPECTION = "inspection"
    DATA_TRIGGER = "data_trigger"


class LadderStep(Word):
    """The ladder, nearest first: where a school looks for support.

    `Ladder` has those of its steps on which a giver stands for a taker. The school itself is no
    giver, and a direction is a way to decide, not a place.
    """

    SCHOOL = "school"
    OWN_GROUP = "own_group"
    OWN_NETWORK = "own_network"
    LOCAL_AREA = "local_area"
    REGION = "region"
    DESIGNATED = "designated"
    DIRECTION = "direction"
    ELSEWHERE = "elsewhere"


class LookedOutcome(Word):
    """What came of looking for support on a step of the ladder."""

    NOBODY_SUITABLE = "nobody_suitable"
    NO_CAPACITY = "no_capacity"
    DECLINED = "declined"
    DID_NOT_WORK = "did_not_work"
    HELPED_IN_PART = "helped_in_part"
    NO_ANSWER = "no_answer"


LOOKED_IN_VAIN: Final = frozenset(
    {
        LookedOutcome.NOBODY_SUITABLE,
        LookedOutcome.NO_CAPACITY,
        LookedOutcome.DECLINED,
        LookedOutcome.DID_NOT_WORK,
    }
)
"""Outcomes after which a school looks further; the others leave a step open."""


class Availability(Word):
    """Whether the supporting organisation has said that it can give."""

    CAN_OFFER = "can_offer"
    MAY_OFFER = "may_offer"
    NOT_OFFERING = "not_offering"
    NOT_ANSWERED = "not_answered"


class IntroductionKind(Word):
    """What a school asks for that found somebody who could support it."""

    INTRODUCTION = "introduction"
    ARRANGEMENT = "arrangement"
    """Both heads have agreed it between themselves."""


class IntroductionState(Word):
    OPEN = "open"
    """Waits for a broker."""
    PROPOSED = "proposed"
    """A run was started that proposes the two."""
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


class OpenOfferKind(Word):
    """What is open to many schools, so that no days are counted."""

    RESOURCE = "resource"
    OPEN_DAY = "open_day"
    ONE_TO_MANY = "one_to_many"


class Phase(Word):
    EARLY_YEARS = "early_years"
    PRIMARY = "primary"
    SECONDARY = "secondary"
    POST_16 = "post_16"


class Reciprocity(Word):
    NONE = "none"
    BALANCED = "balanced"
    BOTH_ROLES = "both_roles"
    CLOSED_LOOPS = "closed_loops"


class BalanceHolder(Word):
    """Who balances giving and receiving."""

    SCHOOL = "school"
    FEDERATION = "federation"
    TRUST = "trust"


class Operation(Word):
    """What a run does: plan, or validate or evaluate a given plan."""

    SOLVE = "solve"
    CURVE = "curve"
    """Plan at several prices of change and tell what each comes to; nothing is proposed."""
    VALIDATE = "validate"
    EVALUATE = "evaluate"


class RunState(Word):
    QUEUED = "queued"
    RUNNING = "running"
    SOLVED = "solved"
    CHECKED = "checked"
    """A given plan was validated or evaluated, or prices of change were compared; what was found is
    in the summary."""
    INFEASIBLE = "infeasible"
    UNKNOWN = "unknown"
    FAILED = "failed"
    CANCELLED = "cancelled"


class BatchState(Word):
    """Where a batch of runs is."""

    RUNNING = "running"
    FINISHED = "finished"
    CANCELLED = "cancelled"


class Cadence(Word):
    """How often a schedule starts a batch."""

    DAY = "day"
    WEEK = "week"


class AreasNamed(Word):
    """Areas of a batch that a word names: those of a kind that have needs, or the country."""

    ALL = "all"
    """Local authorities."""
    REGIONS = "regions"
    DISTRICTS = "districts"
    COUNTRY = "country"


class AreaState(Word):
    """Where an area of a batch is: without a run it waits or has no needs."""

    WAITING = "waiting"
    NO_NEEDS = "no_needs"
    QUEUED = RunState.QUEUED.value
    RUNNING = RunState.RUNNING.value
    SOLVED = RunState.SOLVED.value
    INFEASIBLE = RunState.INFEASIBLE.value
    UNKNOWN = RunState.UNKNOWN.value
    FAILED = RunState.FAILED.value
    CANCELLED = RunState.CANCELLED.value


class ProposalState(Word):
    PROPOSED = "proposed"
    PREFERRED = "preferred"
    DUE_DILIGENCE = "due_diligence"
    AGREED = "agreed"
    APPROVED = "approved"
    APPROVED_WITH_CONDITIONS = "approved_with_conditions"
    DEFERRED = "deferred"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"
    REPLACED = "replaced"
    """Nobody had decided on it when a newer run of the same area and period was planned."""
    COMPLETED = "completed"
    """It became a partnership that is over."""


HOLDING: Final = frozenset(
    {
        ProposalState.PREFERRED,
        ProposalState.DUE_DILIGENCE,
        ProposalState.AGREED,
        ProposalState.APPROVED,
        ProposalState.APPROVED_WITH_CONDITIONS,
        ProposalState.DEFERRED,
    }
)
"""States in which a proposal holds its days and places against every other."""
APPROVED_PROPOSALS: Final = frozenset(
    {ProposalState.APPROVED, ProposalState.APPROVED_WITH_CONDITIONS}
)
ENDED_PROPOSALS: Final = frozenset(
    {
        ProposalState.DECLINED,
        ProposalState.WITHDRAWN,
        ProposalState.LAPSED,
        ProposalState.REPLACED,
        ProposalState.COMPLETED,
    }
)
"""States that a proposal does not leave, but that a replaced one can still be preferred."""


class DecisionAction(Word):
    PREFER = "prefer"
    START_DUE_DILIGENCE = "start_due_diligence"
    APPROVE = "approve"
    APPROVE_WITH_CONDITIONS = "approve_with_conditions"
    DEFER = "defer"
    DECLINE = "decline"
    WITHDRAW = "withdraw"
    LAPSE = "lapse"
    """Nobody answered in time: the clock's decision, never a person's."""
    COMPLETE = "complete"
    """Its partnership is over: comes with that, never by itself."""


class Side(Word):
    """Which side agrees: each side's agreement is a record of its own."""

    TAKER = "taker"
    GIVER = "giver"


class Says(Word):
    YES = "yes"
    NO = "no"
    DIRECTED = "directed"
    """A statutory direction stands in for the agreement of the school receiving support."""


class Channel(Word):
    """How the word of a side reached whoever recorded it."""

    IN_SERVICE = "in_service"
    """A contact of that side recorded it."""
    IN_PERSON = "in_person"
    TELEPHONE = "telephone"
    VIDEO_CALL = "video_call"
    EMAIL = "email"
    LETTER = "letter"


class LegalBasis(Word):
    """Powers of the Education and Inspections Act 2006 to require a governing body to enter into
    arrangements with another school or supporter."""

    SECTION_63 = "section_63"
    """Of the local authority."""
    SECTION_66A = "section_66a"
    """Of the Secretary of State."""


class Consultee(Word):
    """Whom the Act wants consulted before such a notice (sections 63(2) and 66A(2))."""

    GOVERNING_BODY = "governing_body"
    DIOCESAN_AUTHORITY = "diocesan_authority"
    FOUNDATION_APPOINTER = "foundation_appointer"
    """Who appoints the foundation governors of a school without a diocesan authority."""


class ApprovedBy(Word):
    """Who has to approve a proposal."""

    APPROVER = "approver"
    AGREEMENTS = "agreements"
    """The agreements of both sides suffice."""


class SidesIn(Word):
    """What both sides of a proposal belong to, or do not."""

    ONE_GROUP = "one_group"
    ONE_NETWORK = "one_network"
    ONE_REGION = "one_region"
    TWO_REGIONS = "two_regions"
    """Or the region of a side is not known."""


class FactKind(Word):
    """What somebody changed of a participant that approval rules look at."""

    CIRCUMSTANCE = "circumstance"
    """One that was deleted, or given an earlier end."""
    NETWORK = "network"
    """A place in a network that was added or changed."""
    GROUP = "group"
    """The trust or other group that an organisation stands for."""
    REGION = "region"


class DeclineReason(Word):
    FINANCE = "finance"
    PERFORMANCE = "performance"
    GOVERNANCE = "governance"
    CHOICE_OF_TRUST = "choice_of_trust"
    CAPACITY = "capacity"
    CONFLICT_OF_INTEREST = "conflict_of_interest"
    OTHER = "other"


class InterestKind(Word):
    """What a participant has declared to be to another; who holds it comes first."""

    ADVISER_EMPLOYED_BY = "adviser_employed_by"
    """It employs an adviser of the other."""
    BIDS_FOR = "bids_for"
    """It would take the other over, as an incoming trust may."""
    GOVERNOR_IN_COMMON = "governor_in_common"
    SUPPLIER_OF = "supplier_of"
    PAID_TO_JUDGE = "paid_to_judge"
    OTHER = "other"


class InterestAnswer(Word):
    """What somebody who was asked to declare their interests answered."""

    NONE = "none"
    DECLARED = "declared"
    """They have some; each stands as a declared interest of its own."""


class InterestEffect(Word):
    """What a declared interest does to the pair of its two sides."""

    REFUSES = "refuses"
    SHOWN = "shown"
    """As a warning; people decide."""


class SteeringKind(Word):
    """Whether the next runs must include a pair, or must not."""

    PIN = "pin"
    EXCLUSION = "exclusion"


class FlagOutcome(Word):
    """How the flag of a proposal, that it no longer rests on what it was made for, was cleared."""

    DEALT_WITH = "dealt_with"
    CAUSE_GONE = "cause_gone"
    DECIDED = "decided"


class RepairSize(Word):
    """How much a repair of a pairing that broke may change."""

    SMALLEST = "smallest"
    """That pairing, and what cannot stand without it."""
    MIDDLE = "middle"
    """Its neighbours too, where that is well worth the price of a change."""
    LARGEST = "largest"
    """The whole area, planned again."""


class SupportState(Word):
    ACTIVE = "active"
    PAUSED = "paused"
    STOPPED = "stopped"
    ENDED = "ended"


RUNNING_SUPPORT: Final = frozenset({SupportState.ACTIVE, SupportState.PAUSED})
"""States in which support fills a place on both sides."""


class SupportResult(Word):
    """The result of support that has ended, in the view of the person who recorded it."""

    WORKED = "worked"
    PARTLY = "partly"
    DID_NOT_WORK = "did_not_work"
    NOT_KNOWN = "not_known"


class PaidBy(Word):
    """Who pays for a partnership."""

    TAKER = "taker"
    GIVER = "giver"
    GROUP = "group"
    """The trust, federation or network of a side."""
    LOCAL_AUTHORITY = "local_authority"
    DEPARTMENT = "department"
    POT = "pot"
    """The pot that the need names."""
    NOBODY = "nobody"


class PotHolder(Word):
    """Who holds a pot of money, and whom it supports unless it says otherwise."""

    COMMISSIONER = "commissioner"
    """A local authority, region or department: who lies in the areas that it serves."""
    NETWORK = "network"
    """Members of the networks that it belongs to."""
    TRUST = "trust"
    """Designated and commissioned: members of its own group."""


class CommitmentState(Word):
    """What money of a pot is committed for."""

    RESERVED = "reserved"
    """A proposal that holds its days."""
    RUNNING = "running"
    """A partnership."""
    ENDED = "ended"
    """A partnership that is over: what was delivered."""
    RELEASED = "released"
    """Nothing any more: the proposal ended."""


class ClaimState(Word):
    """What has become of a claim for visits."""

    MADE = "made"
    APPROVED = "approved"
    PAID = "paid"
    REFUSED = "refused"


class ClaimAction(Word):
    """What is decided on a claim."""

    APPROVE = "approve"
    REFUSE = "refuse"
    PAY = "pay"


class EndReason(Word):
    """Why a partnership was paused, or is over."""

    COMPLETED = "completed"
    AIMS_CHANGED = "aims_changed"
    GIVER_CAPACITY = "giver_capacity"
    TAKER_CIRCUMSTANCES = "taker_circumstances"
    RELATIONSHIP = "relationship"
    QUALITY = "quality"
    CONCERN = "concern"
    OTHER_SUPPORT = "other_support"
    """Somebody else supports the school instead."""
    OTHER = "other"


class VisitState(Word):
    BOOKED = "booked"
    WRITTEN_UP = "written_up"
    SIGNED = "signed"
    """By the school that received it."""
    DISPUTED = "disputed"
    """The school says that it was not so; it counts for nobody until that is settled."""
    CANCELLED = "cancelled"


DELIVERED: Final = frozenset({VisitState.WRITTEN_UP, VisitState.SIGNED})
"""Visits whose days were given."""


class Reviewer(Word):
    """Who looks at how a partnership goes, each for itself."""

    TAKER = "taker"
    GIVER = "giver"
    MONITOR = "monitor"
    """Somebody who is neither, and never of the supporting organisation."""


class Rating(Word):
    """How a partnership goes."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"


class AllianceKind(Word):
    """What several schools that plan together call themselves."""

    FAMILY = "family"
    ALLIANCE = "alliance"
    NETWORK = "network"


class AllianceRole(Word):
    LEAD = "lead"
    MEMBER = "member"


class MemberState(Word):
    """How far somebody is in an alliance: in only once its own head or body has said yes."""

    ASKED = "asked"
    MEMBER = "member"
    DECLINED = "declined"
    LEFT = "left"


class ActionState(Word):
    """What became of an action of an alliance's plan."""

    OPEN = "open"
    DONE = "done"
    DROPPED = "dropped"


class EvidenceKind(Word):
    """Who says how good somebody's support is."""

    CLAIM = "claim"
    """The supporting organisation itself."""
    OUTCOME = "outcome"
    """A school that it supported, of what came of a partnership."""
    MONITOR = "monitor"
    """A monitor of a partnership, who is never of the supporting organisation."""
    ACCREDITATION = "accreditation"
    """A body that designated or accredited it for this."""
    PEER_VISIT = "peer_visit"
    """Another school or organisation that visited it."""


class SupportAuthority(Word):
    """On whose authority a school has support."""

    OWN_CHOICE = "own_choice"
    LOCAL_AUTHORITY = "local_authority"
    TRUST = "trust"
    DFE_PROGRAMME = "dfe_programme"
    DIRECTION = "direction"
    OTHER = "other"


class TargetDirection(Word):
    """Which way a target moves its measure."""

    RAISE = "raise"
    LOWER = "lower"
    KEEP = "keep"


class TargetKind(Word):
    """What a target's measure is that the packaged table does not have."""

    NUMBER = "number"
    PERCENT = "percent"


class ContradictionKind(Word):
    """What is at odds in two targets for one measure."""

    DIRECTION = "direction"
    VALUE = "value"
    DATE = "date"


class Ladder(Word):
    """Where support comes from, nearest first."""

    OWN_GROUP = "own_group"
    OWN_NETWORK = "own_network"
    LOCAL_AREA = "local_area"
    REGION = "region"
    DESIGNATED = "designated"
    ELSEWHERE = "elsewhere"


class Party(Word):
    """Who is asked about a proposal by a link of their own."""

    TAKER = "taker"
    """The head or the responsible body of the school receiving support."""
    GIVER = "giver"
    HOME_HEAD = "home_head"
    """The head who releases the person that would give the support."""


class Reply(Word):
    """What somebody answers through a link."""

    YES = "yes"
    NO = "no"
    TALK_FIRST = "talk_first"


class RequestState(Word):
    """How far a request for an answer is, or how it ended."""

    WAITING = "waiting"
    """Not sent yet: somebody else is asked first."""
    OPEN = "open"
    YES = Reply.YES.value
    NO = Reply.NO.value
    TALK_FIRST = Reply.TALK_FIRST.value
    OTHERWISE = "otherwise"
    """Answered in another way, such as by telephone."""
    VOIDED = "voided"
    """What was asked about has changed."""
    REPLACED = "replaced"
    """Another link was sent."""
    ENDED = "ended"
    """The proposal came to its end before there was an answer."""
    LAPSED = "lapsed"


PENDING_REQUESTS: Final = frozenset({RequestState.WAITING, RequestState.OPEN})
"""What still waits for an answer."""


class MailKind(Word):
    """What an email is about."""

    ASKED = "asked"
    REMINDED = "reminded"
    REMINDED_AGAIN = "reminded_again"


class DeliveryState(Word):
    """What became of an event that is to be taken to a webhook."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"
    """Given up after the last attempt, until somebody asks for it again."""


class EmbedLayer(Word):
    """What an embedded map shows."""

    PUBLIC = "public"
    PARTNER = "partner"
    """With the proposals of a run: for pages that only those who work on it can open."""


class Role(Word):
    """What somebody does here; each is held for a scope."""

    VIEWER = "viewer"
    ANALYST = "analyst"
    BROKER = "broker"
    APPROVER = "approver"
    CONTACT = "contact"
    """Speaks for an institution or organisation; for which side, the proposal tells."""
    NETWORK_LEADER = "network_leader"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"
    SYSTEM = "system"
    EMBED = "embed"


SERVICE_ROLES: Final = frozenset({Role.SYSTEM, Role.EMBED})
"""Roles of the service itself: nobody is granted one."""


class ScopeKind(Word):
    """What a role is held for."""

    ALL = "all"
    REGION = "region"
    AREA = "area"
    """A local authority."""
    TRUST = "trust"
    """A trust, federation or other group of the register."""
    NETWORK = "network"
    INSTITUTION = "institution"
    ORGANISATION = "organisation"
