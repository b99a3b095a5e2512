"""Every label that people read in the portal, by the enum whose members it names.

A template shows a member as `{{ run.state | label(RunState) }}`: the argument says which enum a
stored string belongs to, and all enums in `LABELS` are known to templates by name. To add a label,
add the member to the enum's entry; to show another enum, add an entry. A member without a label is
an error, never a guess, and tests/app/portal/test_labels.py fails before a page does. Codes that
are data (measures, circumstances, kinds of organisation) are no enum: `| from_code` shows those.

Labels that the report and the portal share stand in app.insight.labels.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from app.consent.wording import PARTIES, REPLIES, STATES
from app.graph.families import WhyProposed
from app.graph.kinds import EdgeKind, NodeKind, Over
from app.import_kit.changes import RowChange
from app.insight.breakdown import BrokenDownBy
from app.insight.labels import (
    BREAKDOWN_NAMES,
    COMPONENT_NAMES,
    LADDER_NAMES,
    PHASE_NAMES,
    ROLE_NAMES,
    STATUS_NAMES,
    STOPPED_NAMES,
    SYMBOL_NAMES,
)
from app.insight.report import Symbol
from app.insight.report_map import MapRole
from app.portal.choices import (
    AllianceStep,
    ClaimStep,
    ItemKind,
    Joins,
    PartnershipStep,
    ReviewAction,
    Saved,
    SessionsEnded,
    UserChange,
    VisitAnswer,
)
from app.portal.forms import Field
from app.register.answering import Answers
from app.runs.decided import Became
from app.runs.diff import Change
from app.work.kinds import STEPS, TITLES, WorkGroup, WorkKind
from models.vocabulary import (
    ActionState,
    AllianceKind,
    AllianceRole,
    ApprovedBy,
    AreaKind,
    AreasNamed,
    AreaState,
    Availability,
    BalanceHolder,
    BatchState,
    Channel,
    ClaimAction,
    ClaimState,
    CommitmentState,
    Consultee,
    DecisionAction,
    DeclineReason,
    EmbedLayer,
    EndReason,
    EvidenceKind,
    GroupKind,
    InterestAnswer,
    InterestEffect,
    InterestKind,
    IntroductionKind,
    IntroductionState,
    Ladder,
    LadderStep,
    LegalBasis,
    LookedOutcome,
    MemberState,
    Mode,
    NeedEvidence,
    NeedProgress,
    NeedState,
    OpenOfferKind,
    PaidBy,
    Party,
    Phase,
    PotHolder,
    ProposalState,
    Rating,
    Reciprocity,
    RepairSize,
    Reply,
    RequestState,
    Reviewer,
    Role,
    RunState,
    Says,
    ScopeKind,
    Side,
    SidesIn,
    SteeringKind,
    SuccessorState,
    SupportAuthority,
    SupportResult,
    SupportState,
    TargetDirection,
    TargetKind,
    VisitState,
)
from solver.formats.plan import Status, Stopped
from solver.pairing.points import Component

Kind = type[StrEnum]

LABELS: Final[Mapping[Kind, Mapping[Any, str]]] = {
    RowChange: {
        RowChange.ADDED: "Added",
        RowChange.CHANGED: "Changed",
        RowChange.CLOSED: "Closed",
    },
    ActionState: {
        ActionState.OPEN: "Open",
        ActionState.DONE: "Done",
        ActionState.DROPPED: "Dropped",
    },
    AllianceKind: {
        AllianceKind.FAMILY: "Family of schools",
        AllianceKind.ALLIANCE: "Alliance",
        AllianceKind.NETWORK: "Network",
    },
    AllianceRole: {AllianceRole.LEAD: "Lead", AllianceRole.MEMBER: "Member"},
    AllianceStep: {
        AllianceStep.MAKE: "Make an alliance",
        AllianceStep.CHANGE: "Change name, aims or dates",
        AllianceStep.ASK: "Ask a school to join",
        AllianceStep.ANSWER: "Record whether it joins",
        AllianceStep.LEAVE: "Leave the alliance",
        AllianceStep.ACTION: "Add an action",
        AllianceStep.END_ACTION: "End an action",
        AllianceStep.TARGET: "Add a target",
        AllianceStep.REVIEW: "Review for a member",
        AllianceStep.END: "End the alliance",
    },
    AreaKind: {
        AreaKind.COUNTRY: "Country",
        AreaKind.REGION: "Region",
        AreaKind.LOCAL_AUTHORITY: "Local authority",
        AreaKind.DISTRICT: "District",
    },
    Answers: {
        Answers.RESPONSIBLE_BODY: "Responsible body",
        Answers.TRUST: "Trust, federation or sponsor",
        Answers.COUNCIL: "Council",
        Answers.DIOCESE: "Diocese",
        Answers.REGION: "Region",
        Answers.ADVISER: "Adviser",
    },
    Availability: {
        Availability.CAN_OFFER: "Can offer",
        Availability.MAY_OFFER: "May offer",
        Availability.NOT_OFFERING: "Not offering",
        Availability.NOT_ANSWERED: "No response yet",
    },
    BrokenDownBy: BREAKDOWN_NAMES,
    BalanceHolder: {
        BalanceHolder.SCHOOL: "For each school",
        BalanceHolder.FEDERATION: "Across each federation",
        BalanceHolder.TRUST: "Across each trust",
    },
    Change: {
        Change.CHANGED: "Changed",
        Change.UNMET: "No longer met",
        Change.ENDED: "Ended",
        Change.NEW: "New",
        Change.KEPT: "Kept",
    },
    Component: COMPONENT_NAMES,
    DecisionAction: {
        DecisionAction.PREFER: "Marked as preferred",
        DecisionAction.START_DUE_DILIGENCE: "Due diligence started",
        DecisionAction.APPROVE: "Approved",
        DecisionAction.APPROVE_WITH_CONDITIONS: "Approved with conditions",
        DecisionAction.DEFER: "Deferred",
        DecisionAction.DECLINE: "Declined",
        DecisionAction.WITHDRAW: "Withdrawn",
        DecisionAction.LAPSE: "Lapsed because nobody responded in time",
        DecisionAction.COMPLETE: "Completed with its partnership",
    },
    DeclineReason: {
        DeclineReason.FINANCE: "Finance",
        DeclineReason.PERFORMANCE: "Performance",
        DeclineReason.GOVERNANCE: "Governance",
        DeclineReason.CHOICE_OF_TRUST: "Choice of trust",
        DeclineReason.CAPACITY: "Capacity",
        DeclineReason.CONFLICT_OF_INTEREST: "Conflict of interest",
        DeclineReason.OTHER: "Other",
    },
    EmbedLayer: {
        EmbedLayer.PUBLIC: "Public map",
        EmbedLayer.PARTNER: "Proposals of a run",
    },
    EndReason: {
        EndReason.COMPLETED: "Completed as agreed",
        EndReason.AIMS_CHANGED: "The aims changed",
        EndReason.GIVER_CAPACITY: "The supporting organisation has no capacity",
        EndReason.TAKER_CIRCUMSTANCES: "The circumstances of the school changed",
        EndReason.RELATIONSHIP: "The two did not work well together",
        EndReason.QUALITY: "The support was not good enough",
        EndReason.CONCERN: "Because of a concern",
        EndReason.OTHER_SUPPORT: "Somebody else supports the school",
        EndReason.OTHER: "Other",
    },
    EvidenceKind: {
        EvidenceKind.CLAIM: "Claim of the supporting organisation",
        EvidenceKind.OUTCOME: "Result of a partnership, as the school says",
        EvidenceKind.MONITOR: "Review by a monitor",
        EvidenceKind.ACCREDITATION: "Designation or accreditation",
        EvidenceKind.PEER_VISIT: "Visit by another organisation",
    },
    GroupKind: {
        GroupKind.MULTI_ACADEMY_TRUST: "Multi-academy trust",
        GroupKind.SINGLE_ACADEMY_TRUST: "Single-academy trust",
        GroupKind.FOUNDATION_TRUST: "Foundation trust",
        GroupKind.FEDERATION: "Federation",
        GroupKind.SPONSOR: "Sponsor",
        GroupKind.OTHER: "Other group",
    },
    InterestAnswer: {
        InterestAnswer.NONE: "They have none",
        InterestAnswer.DECLARED: "They declared some",
    },
    EdgeKind: {
        EdgeKind.MEMBER: "Member",
        EdgeKind.SUCCESSION: "Took the place of",
        EdgeKind.SUPPORT: "Support",
        EdgeKind.PAST_SUPPORT: "Past support",
        EdgeKind.PROPOSED: "Proposed support",
        EdgeKind.INTEREST: "Declared interest",
        EdgeKind.FORMER_MEMBER: "Former member",
        EdgeKind.CLOSED_PROPOSAL: "Closed proposal",
        EdgeKind.PAST_INTEREST: "Past interest",
        EdgeKind.AREA: "Area",
    },
    NodeKind: {
        NodeKind.INSTITUTION: "Institution",
        NodeKind.ORGANISATION: "Organisation",
        NodeKind.TRUST: "Trust",
        NodeKind.FEDERATION: "Federation",
        NodeKind.GROUP: "Other group",
        NodeKind.NETWORK: "Network",
        NodeKind.AREA: "Area",
        NodeKind.OTHER_SUPPORTER: "Other supporting organisation",
    },
    Over: {
        Over.DAYS: "Days",
        Over.TAKERS: "Schools at a time",
        Over.PEOPLE: "People",
    },
    InterestEffect: {
        InterestEffect.REFUSES: "Rules the pairing out",
        InterestEffect.SHOWN: "Shown as a warning",
    },
    InterestKind: {
        InterestKind.ADVISER_EMPLOYED_BY: "Employs an adviser of the other",
        InterestKind.BIDS_FOR: "May take the other over",
        InterestKind.GOVERNOR_IN_COMMON: "Has a governor in common with the other",
        InterestKind.SUPPLIER_OF: "Is a supplier of the other",
        InterestKind.PAID_TO_JUDGE: "Is paid to judge the other",
        InterestKind.OTHER: "Another interest",
    },
    IntroductionKind: {
        IntroductionKind.INTRODUCTION: "Introduction",
        IntroductionKind.ARRANGEMENT: "Arrangement of both heads",
    },
    IntroductionState: {
        IntroductionState.OPEN: "Waits for a broker",
        IntroductionState.PROPOSED: "Proposed",
        IntroductionState.CLOSED: "Closed",
        IntroductionState.WITHDRAWN: "Withdrawn",
    },
    ItemKind: {
        ItemKind.NEED: "Need",
        ItemKind.OFFER: "Offer",
    },
    Ladder: LADDER_NAMES,
    Joins: {Joins.YES: "Yes, it joins", Joins.NO: "No"},
    LadderStep: {
        LadderStep.SCHOOL: "In the school itself",
        LadderStep.OWN_GROUP: "In its own trust or federation",
        LadderStep.OWN_NETWORK: "In its own network",
        LadderStep.LOCAL_AREA: "In its local authority",
        LadderStep.REGION: "In its region",
        LadderStep.DESIGNATED: "At nationally designated organisations",
        LadderStep.DIRECTION: "Through a statutory direction",
        LadderStep.ELSEWHERE: "Elsewhere",
    },
    WhyProposed: {
        WhyProposed.NO_NETWORK: "In no network",
        WhyProposed.NEEDS_LEFT_OPEN: "Its network leaves needs open",
    },
    LookedOutcome: {
        LookedOutcome.NOBODY_SUITABLE: "Nobody there can give this support",
        LookedOutcome.NO_CAPACITY: "Nobody there has the days",
        LookedOutcome.DECLINED: "Asked, and declined",
        LookedOutcome.DID_NOT_WORK: "Support did not work",
        LookedOutcome.HELPED_IN_PART: "Support helped in part",
        LookedOutcome.NO_ANSWER: "Asked, no answer yet",
    },
    MapRole: ROLE_NAMES,
    MemberState: {
        MemberState.ASKED: "Asked to join",
        MemberState.MEMBER: "In",
        MemberState.DECLINED: "Declined",
        MemberState.LEFT: "Left",
    },
    Mode: {
        Mode.ON_SITE: "On site only",
        Mode.REMOTE: "Remote only",
        Mode.EITHER: "On site or remote",
    },
    NeedEvidence: {
        NeedEvidence.SELF_EVALUATION: "School self-evaluation",
        NeedEvidence.INSPECTION: "Inspection",
        NeedEvidence.DATA_TRIGGER: "Published data",
    },
    NeedProgress: {
        NeedProgress.NOTHING: "Nothing yet",
        NeedProgress.PROPOSED: "Proposed",
        NeedProgress.HELD: "Days held",
        NeedProgress.AGREED: "Agreed",
        NeedProgress.APPROVED: "Approved",
        NeedProgress.RUNNING: "Support running",
        NeedProgress.MET: "Met",
        NeedProgress.CLOSED: "Closed",
    },
    NeedState: {
        NeedState.SUGGESTED: "Suggested",
        NeedState.IDENTIFIED: "Identified",
        NeedState.DIAGNOSED: "Diagnosed",
        NeedState.MATCH: "Ready to match",
        NeedState.REVIEW_PROGRESS: "Reviewing progress",
        NeedState.UNABLE_TO_ASSESS: "Unable to assess",
        NeedState.MATCHED: "Matched",
        NeedState.MET: "Met",
        NeedState.CLOSED: "Closed",
    },
    PaidBy: {
        PaidBy.TAKER: "School receiving support",
        PaidBy.GIVER: "Supporting organisation",
        PaidBy.GROUP: "Trust, federation or network",
        PaidBy.LOCAL_AUTHORITY: "Local authority",
        PaidBy.DEPARTMENT: "Department for Education",
        PaidBy.POT: "The pot that the need names",
        PaidBy.NOBODY: "Nobody, it is free",
    },
    PotHolder: {
        PotHolder.COMMISSIONER: "Commissioner, such as a local authority",
        PotHolder.NETWORK: "Network",
        PotHolder.TRUST: "Trust",
    },
    CommitmentState: {
        CommitmentState.RESERVED: "Reserved",
        CommitmentState.RUNNING: "Running",
        CommitmentState.ENDED: "Ended",
        CommitmentState.RELEASED: "Released",
    },
    ClaimState: {
        ClaimState.MADE: "To be decided",
        ClaimState.APPROVED: "Approved",
        ClaimState.PAID: "Paid",
        ClaimState.REFUSED: "Refused",
    },
    ClaimAction: {
        ClaimAction.APPROVE: "Approve",
        ClaimAction.REFUSE: "Refuse",
        ClaimAction.PAY: "Record as paid",
    },
    ClaimStep: {
        ClaimStep.POT: "The pot was saved.",
        ClaimStep.CLAIM: "The claim was made.",
        ClaimStep.APPROVE: "The claim was approved.",
        ClaimStep.REFUSE: "The claim was refused. Its visits can be claimed again.",
        ClaimStep.PAY: "The claim was recorded as paid.",
    },
    PartnershipStep: {
        PartnershipStep.START: "Start the partnership",
        PartnershipStep.CHANGE: "Change the terms",
        PartnershipStep.BOOK: "Book a visit",
        PartnershipStep.WRITE_UP: "Write up the visit",
        PartnershipStep.SIGN: "Sign or dispute the visit",
        PartnershipStep.CANCEL: "Cancel the visit",
        PartnershipStep.REVIEW: "Add a review",
        PartnershipStep.OUTCOME: "Say what came of it",
        PartnershipStep.CONCERN: "Raise a concern",
        PartnershipStep.ANSWER: "Answer the concern",
        PartnershipStep.PAUSE: "Pause the partnership",
        PartnershipStep.RESUME: "Resume the partnership",
        PartnershipStep.END: "End the partnership",
    },
    Phase: PHASE_NAMES,
    ProposalState: {
        ProposalState.PROPOSED: "Proposed",
        ProposalState.PREFERRED: "Preferred",
        ProposalState.DUE_DILIGENCE: "Due diligence",
        ProposalState.AGREED: "Agreed",
        ProposalState.APPROVED: "Approved",
        ProposalState.APPROVED_WITH_CONDITIONS: "Approved with conditions",
        ProposalState.DEFERRED: "Deferred",
        ProposalState.DECLINED: "Declined",
        ProposalState.WITHDRAWN: "Withdrawn",
        ProposalState.LAPSED: "Lapsed",
        ProposalState.REPLACED: "Replaced",
        ProposalState.COMPLETED: "Completed",
    },
    Rating: {
        Rating.GREEN: "Green",
        Rating.AMBER: "Amber",
        Rating.RED: "Red",
    },
    Reciprocity: {
        Reciprocity.NONE: "Nothing",
        Reciprocity.BALANCED: "About as much as they receive",
        Reciprocity.BOTH_ROLES: "Support at least once",
        Reciprocity.CLOSED_LOOPS: "Support in a closed loop",
    },
    Reviewer: {
        Reviewer.TAKER: "School receiving support",
        Reviewer.GIVER: "Supporting organisation",
        Reviewer.MONITOR: "Monitor",
    },
    ReviewAction: {
        ReviewAction.PREFER: "Mark as preferred",
        ReviewAction.START_DUE_DILIGENCE: "Start due diligence",
        ReviewAction.APPROVE: "Approve",
        ReviewAction.APPROVE_WITH_CONDITIONS: "Approve with conditions",
        ReviewAction.DEFER: "Defer",
        ReviewAction.DECLINE: "Decline",
        ReviewAction.WITHDRAW: "Withdraw",
        ReviewAction.PIN: "Pin",
        ReviewAction.EXCLUDE: "Exclude",
    },
    AreasNamed: {
        AreasNamed.ALL: "Every local authority with needs",
        AreasNamed.REGIONS: "Every region with needs",
        AreasNamed.DISTRICTS: "Every district with needs",
        AreasNamed.COUNTRY: "England at once",
    },
    AreaState: {
        AreaState.WAITING: "Waiting",
        AreaState.NO_NEEDS: "No needs",
        AreaState.QUEUED: "Queued",
        AreaState.RUNNING: "Running",
        AreaState.SOLVED: "Planned",
        AreaState.INFEASIBLE: "No plan possible",
        AreaState.UNKNOWN: "No plan found",
        AreaState.FAILED: "Failed",
        AreaState.CANCELLED: "Cancelled",
    },
    Became: {
        Became.PROPOSED: "Proposed",
        Became.PREFERRED: "Preferred",
        Became.DUE_DILIGENCE: "Due diligence",
        Became.AGREED: "Agreed by both sides",
        Became.APPROVED: "Approved",
        Became.RUNNING: "Running as a partnership",
        Became.COMPLETED: "Completed",
        Became.STOPPED: "Stopped early",
        Became.DECLINED: "Declined",
        Became.WITHDRAWN: "Withdrawn",
        Became.LAPSED: "Lapsed",
        Became.REPLACED: "Replaced by a newer run",
    },
    BatchState: {
        BatchState.RUNNING: "Running",
        BatchState.FINISHED: "Finished",
        BatchState.CANCELLED: "Cancelled",
    },
    RunState: {
        RunState.QUEUED: "Queued",
        RunState.RUNNING: "Running",
        RunState.SOLVED: "Planned",
        RunState.CHECKED: "Checked",
        RunState.INFEASIBLE: "No plan possible",
        RunState.UNKNOWN: "No plan found",
        RunState.FAILED: "Failed",
        RunState.CANCELLED: "Cancelled",
    },
    RepairSize: {
        RepairSize.SMALLEST: "Repair this pairing alone",
        RepairSize.MIDDLE: "Move neighbours too",
        RepairSize.LARGEST: "Plan the area again",
    },
    OpenOfferKind: {
        OpenOfferKind.RESOURCE: "Resource",
        OpenOfferKind.OPEN_DAY: "Open day",
        OpenOfferKind.ONE_TO_MANY: "For many schools at once",
    },
    Party: PARTIES,
    Reply: REPLIES,
    RequestState: STATES,
    Role: {
        Role.VIEWER: "Viewer",
        Role.ANALYST: "Analyst",
        Role.BROKER: "Broker",
        Role.APPROVER: "Approver",
        Role.CONTACT: "Contact",
        Role.NETWORK_LEADER: "Network leader",
        Role.AUDITOR: "Auditor",
        Role.ADMINISTRATOR: "Administrator",
        Role.SYSTEM: "Service",
        Role.EMBED: "Embedded map",
    },
    ScopeKind: {
        ScopeKind.ALL: "Everything",
        ScopeKind.REGION: "Region",
        ScopeKind.AREA: "Local authority",
        ScopeKind.TRUST: "Trust or federation",
        ScopeKind.NETWORK: "Network",
        ScopeKind.INSTITUTION: "Institution",
        ScopeKind.ORGANISATION: "Organisation",
    },
    UserChange: {
        UserChange.GRANTED: "Role added",
        UserChange.ROLE_REMOVED: "Role removed",
        UserChange.RENAMED: "Label changed",
        UserChange.ERASED: "Name and email address erased",
        UserChange.SIGNED_OUT: "Signed out everywhere",
        UserChange.REMOVED: "Access removed",
    },
    SessionsEnded: {
        SessionsEnded.ONE: "Session ended",
        SessionsEnded.ALL: "All other sessions ended",
    },
    Saved: {
        Saved.CREATED: "Saved",
        Saved.CHANGED: "Changes saved",
        Saved.WITHDRAWN: "Withdrawn",
        Saved.ANSWERED: "Response saved",
        Saved.CONFIRMED: "Need confirmed",
    },
    Says: {
        Says.YES: "Yes",
        Says.NO: "No",
        Says.DIRECTED: "Statutory direction",
    },
    ApprovedBy: {
        ApprovedBy.APPROVER: "An approver",
        ApprovedBy.AGREEMENTS: "The agreements of both sides",
    },
    SidesIn: {
        SidesIn.ONE_GROUP: "In one trust or federation",
        SidesIn.ONE_NETWORK: "In one network",
        SidesIn.ONE_REGION: "In one region",
        SidesIn.TWO_REGIONS: "In different regions",
    },
    Channel: {
        Channel.IN_SERVICE: "In this service",
        Channel.IN_PERSON: "In person",
        Channel.TELEPHONE: "By telephone",
        Channel.VIDEO_CALL: "By video call",
        Channel.EMAIL: "By email",
        Channel.LETTER: "By letter",
    },
    LegalBasis: {
        LegalBasis.SECTION_63: "Education and Inspections Act 2006, section 63 (local authority)",
        LegalBasis.SECTION_66A: (
            "Education and Inspections Act 2006, section 66A (Secretary of State)"
        ),
    },
    Consultee: {
        Consultee.GOVERNING_BODY: "Governing body",
        Consultee.DIOCESAN_AUTHORITY: "Diocesan authority",
        Consultee.FOUNDATION_APPOINTER: "Body that appoints the foundation governors",
    },
    Side: {
        Side.TAKER: "School receiving support",
        Side.GIVER: "Supporting organisation",
    },
    Status: STATUS_NAMES,
    SuccessorState: {
        SuccessorState.CLEAR: "Has the same already",
        SuccessorState.NONE: "Not known",
        SuccessorState.SEVERAL: "Several possible",
        SuccessorState.NOT_OPEN: "Not open yet, or takes no part",
    },
    SteeringKind: {
        SteeringKind.PIN: "Pinned",
        SteeringKind.EXCLUSION: "Excluded",
    },
    Stopped: STOPPED_NAMES,
    SupportAuthority: {
        SupportAuthority.OWN_CHOICE: "The school's own choice",
        SupportAuthority.LOCAL_AUTHORITY: "Local authority",
        SupportAuthority.TRUST: "Trust or federation",
        SupportAuthority.DFE_PROGRAMME: "Department for Education programme",
        SupportAuthority.DIRECTION: "Statutory direction",
        SupportAuthority.OTHER: "Other",
    },
    SupportResult: {
        SupportResult.WORKED: "Worked",
        SupportResult.PARTLY: "Partly worked",
        SupportResult.DID_NOT_WORK: "Did not work",
        SupportResult.NOT_KNOWN: "Not known",
    },
    SupportState: {
        SupportState.ACTIVE: "Active",
        SupportState.PAUSED: "Paused",
        SupportState.STOPPED: "Stopped",
        SupportState.ENDED: "Ended",
    },
    VisitAnswer: {
        VisitAnswer.SIGN: "Yes, sign it",
        VisitAnswer.DISPUTE: "No, dispute it",
    },
    VisitState: {
        VisitState.BOOKED: "Booked",
        VisitState.WRITTEN_UP: "Written up",
        VisitState.SIGNED: "Signed",
        VisitState.DISPUTED: "Disputed",
        VisitState.CANCELLED: "Cancelled",
    },
    WorkGroup: TITLES,
    WorkKind: STEPS,
    Symbol: SYMBOL_NAMES,
    TargetDirection: {
        TargetDirection.RAISE: "Raise",
        TargetDirection.LOWER: "Lower",
        TargetDirection.KEEP: "Keep",
    },
    TargetKind: {
        TargetKind.NUMBER: "A number",
        TargetKind.PERCENT: "A percentage",
    },
}

JOINS_HEADING: Final = "Say whether you join {alliance}"
"""Of the form in which a school that was asked answers for itself."""

ALLIANCE_DONE: Final[Mapping[AllianceStep, str]] = {
    AllianceStep.MAKE: "Alliance made",
    AllianceStep.CHANGE: "Changes saved",
    AllianceStep.ASK: "Asked to join",
    AllianceStep.ANSWER: "Answer saved",
    AllianceStep.LEAVE: "Departure saved",
    AllianceStep.ACTION: "Action added",
    AllianceStep.END_ACTION: "Action ended",
    AllianceStep.TARGET: "Target added",
    AllianceStep.REVIEW: "Review added",
    AllianceStep.END: "Alliance ended",
}
"""What was just done, once it is done."""

EVIDENCE_DONE: Final = {
    "added": "Evidence added",
    "answered": "Answer saved",
    "withdrawn": "Evidence withdrawn",
}

HINTS: Final[Mapping[Kind, Mapping[Any, str]]] = {
    Availability: {
        Availability.NOT_ANSWERED: "You cannot send a proposal until they respond",
    },
    BalanceHolder: {
        BalanceHolder.SCHOOL: "Each school balances what it gives and receives on its own",
        BalanceHolder.FEDERATION: "The schools of a federation balance together",
        BalanceHolder.TRUST: "The schools of a trust balance together",
    },
    DeclineReason: {
        DeclineReason.OTHER: "Explain in the note",
    },
    InterestKind: {
        InterestKind.BIDS_FOR: "For example, it bids for the school as its incoming trust",
        InterestKind.PAID_TO_JUDGE: "For example, it inspects, reviews or moderates it for a fee",
        InterestKind.OTHER: "Explain it as evidence",
    },
    Role: {
        Role.VIEWER: "Reads",
        Role.ANALYST: "Reads, starts runs and makes suggestions",
        Role.BROKER: (
            "Keeps needs, offers and the register up to date, imports files, starts runs, reviews "
            "proposals and records what both sides said"
        ),
        Role.APPROVER: (
            "Approves or defers proposals, allows exceptions to rules and records statutory "
            "directions"
        ),
        Role.CONTACT: (
            "Speaks for a school, a trust or an organisation: its needs, its offers, its interests "
            "and its responses"
        ),
        Role.NETWORK_LEADER: "Does what a broker does, for a network",
        Role.AUDITOR: "Reads everything, also the audit",
        Role.ADMINISTRATOR: "Does everything, and manages keys, users and rules",
    },
    Reciprocity: {
        Reciprocity.BALANCED: (
            "Each school receives at most what it gives, plus an allowance. The allowance grows "
            "with disadvantage and with urgent needs"
        ),
        Reciprocity.BOTH_ROLES: (
            "Each school that receives support also gives support, unless it is exempt"
        ),
        Reciprocity.CLOSED_LOOPS: (
            "Each school supports the next one, and the last school supports the first"
        ),
        Reciprocity.NONE: "Schools can receive support without giving any",
    },
}
"""What stands below a choice in a form, where its label does not say enough."""

DONE: Final[Mapping[ReviewAction, str]] = {
    ReviewAction.PREFER: "marked as preferred",
    ReviewAction.START_DUE_DILIGENCE: "moved to due diligence",
    ReviewAction.APPROVE: "approved",
    ReviewAction.APPROVE_WITH_CONDITIONS: "approved with conditions",
    ReviewAction.DEFER: "deferred",
    ReviewAction.DECLINE: "declined",
    ReviewAction.WITHDRAW: "withdrawn",
    ReviewAction.PIN: "pinned",
    ReviewAction.EXCLUDE: "excluded",
}
"""What has become of proposals: "Proposal ...", "2 proposals ..."."""

CONSEQUENCES: Final[Mapping[ReviewAction, str]] = {
    ReviewAction.APPROVE: "Once you approve, support can begin.",
    ReviewAction.APPROVE_WITH_CONDITIONS: "Once the conditions are met, support can begin.",
    ReviewAction.DEFER: (
        "Deferred proposals stay agreed and keep their days until someone approves or declines "
        "them."
    ),
    ReviewAction.DECLINE: (
        "Declined proposals end, and stay on record. The next alternative for each need is then "
        "proposed."
    ),
    ReviewAction.WITHDRAW: (
        "Withdrawn proposals end, and stay on record. The days that they hold are free again."
    ),
    ReviewAction.PIN: "Future runs keep pinned pairs, as far as the rules allow.",
    ReviewAction.EXCLUDE: (
        "Future runs leave out excluded pairs. Proposals that have been made do not change."
    ),
}
"""What follows from an action that is confirmed on a page of its own."""

AGREED: Final[Mapping[bool, str]] = {
    False: "Both sides have agreed.",
    True: (
        "The supporting organisation has agreed. A statutory direction stands in for the agreement "
        "of the school."
    ),
}
"""What an approver decides on, by whether the school was directed."""

AFTER_ANSWER: Final[Mapping[Reply, str]] = {
    Reply.YES: "Your broker will tell you what happens next. You can close this page.",
    Reply.NO: "Nothing else is asked of you. You can close this page.",
    Reply.TALK_FIRST: (
        "Your broker will contact you, and records whether you then say yes or no: this link takes "
        "no other answer."
    ),
}
"""What follows from an answer through a link, while the proposal holds its days."""

NOTHING_FOLLOWS: Final = "No days are held any more, and nothing else is asked of you."
"""What follows from it once the proposal does not hold its days."""

BY_TWO: Final = "Two people need to record them."
"""Of agreements that suffice."""

NOTES: Final[Mapping[ReviewAction, str]] = {
    ReviewAction.APPROVE: "Note (optional)",
    ReviewAction.APPROVE_WITH_CONDITIONS: "Conditions",
    ReviewAction.DEFER: "What the decision is waiting for",
    ReviewAction.DECLINE: "Note (optional)",
    ReviewAction.WITHDRAW: "Note (optional)",
    ReviewAction.PIN: "Reason for pinning",
    ReviewAction.EXCLUDE: "Reason for excluding",
}
"""What the note is called that goes with such an action."""

NOTE_NEEDED: Final[Mapping[ReviewAction, str]] = {
    ReviewAction.APPROVE_WITH_CONDITIONS: "Enter the conditions",
    ReviewAction.DEFER: "Enter what the decision is waiting for",
    ReviewAction.PIN: "Enter a reason for pinning",
    ReviewAction.EXCLUDE: "Enter a reason for excluding",
}
"""What is wrong where a note is needed and there is none."""

_WHERE = {
    "travel_limit_miles": Field("Travel limit in miles", "Enter a number of miles, like 12"),
    "travel_limit_minutes": Field("Travel limit in minutes", "Enter a number of minutes, like 45"),
    "mode": Field("How support is given", "Select how support is given"),
    "window_starts": Field("Earliest date", "Enter a date, like 27/11/2026"),
    "window_ends": Field("Latest date", "Enter a date, like 27/11/2026"),
}
_WHAT = {
    "participant": Field(
        "School or organisation",
        "Enter a URN, the key of an organisation, or the reference of a trust",
    ),
    "expertise": Field("Area of expertise", "Select an area of expertise"),
    "period": Field("Period", "Select a period"),
    "days": Field("Days", "Enter the number of days, like 2 or 2.5"),
}
_SIGNED = {
    "signed_by_head_on": Field(
        "Day on which the head teacher signed (optional)", "Enter a date, like 27/11/2026"
    ),
    "signed_by_adviser_on": Field(
        "Day on which the adviser signed (optional)", "Enter a date, like 27/11/2026"
    ),
}
EMBED_FIELDS: Final[Mapping[str, Field]] = {
    "heading": Field("Heading", "Enter a heading"),
    "area": Field("Area that the map shows first", "Select an area"),
    "accent": Field("Colour", "Enter a colour, like 12436d"),
    "kinds": Field("Schools and organisations", "Select at least one kind"),
}
CONTACT_FIELDS: Final[Mapping[str, Field]] = {
    "role": Field("Role", "Enter a role, like headteacher"),
    "name": Field("Name", "Enter a name"),
    "email": Field("Email address", "Enter an email address, like name@example.org"),
    "telephone": Field("Telephone number", "Enter a telephone number, like 01632 960 001"),
}
INTEREST_FIELDS: Final[Mapping[str, Field]] = {
    "holder": Field(
        "Who has the interest",
        "Enter a URN, the key of an organisation, or the reference of a trust",
    ),
    "kind": Field("What it is to the other", "Select what it is to the other"),
    "about": Field(
        "Who the other is",
        "Enter a URN, the key of an organisation, or the reference of a trust",
    ),
    "starts": Field("First day (optional)", "Enter a date, like 27/11/2026"),
    "ends": Field("Last day (optional)", "Enter a date, like 27/11/2026"),
    "evidence": Field("Evidence", "Enter the evidence"),
    "declared_by": Field(
        "Role of the person who declared it", "Enter a role, like business manager"
    ),
    "declared_on": Field("Day on which it was declared", "Enter a date, like 27/11/2026"),
}
DECLARE_FIRST: Final = (
    "Ask both sides, and whoever advises the school, to declare any interest in the other before "
    "you mark this match as preferred."
)
WITHDRAWAL_NEEDED: Final = "Enter a reason for withdrawing it"
MINUTES_WRONG: Final = "Enter minutes between 1 and {}, like 30"
NEED_FIELDS: Final[Mapping[str, Field]] = {
    **_WHAT,
    "days_min": Field("Minimum days", "Enter the minimum number of days, like 2 or 2.5"),
    "max_givers": Field(
        "Maximum supporting organisations at a time",
        "Enter the maximum number of supporting organisations at a time",
    ),
    "priority": Field("Priority", "Select a priority"),
    "evidence": Field("Evidence of the need", "Select evidence of the need"),
    "agreed_by": Field("Role of the person who agreed the need", "Enter a role, like headteacher"),
    "improvement_plan_line": Field(
        "Line of the improvement plan that it serves (optional)",
        "Enter the line of the improvement plan",
    ),
    "looked_within": Field("Where the school looked first", "Select where the school looked first"),
    "looked_within_note": Field(
        "What the school found there (optional)", "Enter what the school found there"
    ),
    "looked_outcomes": Field("What came of it", "Select what came of it"),
    "outside_stimulus": Field(
        "Support from outside the own trust or federation only", "Select yes or no"
    ),
    "pot": Field("Pot that pays (optional)", "Enter the reference of a pot"),
    **_SIGNED,
    **_WHERE,
    "state": Field("State", "Select a state"),
}
ASKING_FIELDS: Final[Mapping[str, Field]] = {
    "participant": Field("Which school is it for?", "Enter a URN"),
    "use": Field("Is it one of these needs?", "Select a need, or a new one"),
    "expertise": Field("What would help?", "Select an area of expertise"),
    "period": Field("When?", "Select a period"),
    "days": Field("How many days?", "Enter a number of days, like 2 or 2.5"),
    "mode": Field("How should it be given?", "Select how it should be given"),
    "improvement_plan_line": Field(
        "Line of your self-evaluation or improvement plan (optional)",
        "Enter the line of your self-evaluation",
    ),
    "agreed_by": Field("Your role", "Enter your role, like headteacher"),
    "agreed_with": Field(
        "Role of the person who agreed it at the supporting organisation",
        "Enter the role of the person who agreed it, like headteacher",
    ),
    "agreed_on": Field("Day on which you agreed it", "Enter a date, like 27/11/2026"),
}
OPEN_OFFER_FIELDS: Final[Mapping[str, Field]] = {
    "participant": Field(
        "School or organisation that offers it", "Enter a URN or the key of an organisation"
    ),
    "expertise": Field("Expertise", "Select an area of expertise"),
    "kind": Field("What it is", "Select what it is"),
    "title": Field("Title", "Enter a title"),
    "link": Field("Where it is described (optional)", "Enter an address, like https://example.org"),
    "starts": Field("First day", "Enter a date, like 27/11/2026"),
    "ends": Field("Last day", "Enter a date, like 16/7/2027"),
}
CLOSURE_NEEDED: Final = "Enter why there is no proposal"
POT_FIELDS: Final[Mapping[str, Field]] = {
    "reference": Field("Reference", "Enter a reference, like fund-2026"),
    "name": Field("Name", "Enter a name"),
    "holder": Field(
        "Who holds it", "Enter a URN, the key of an organisation, or the reference of a trust"
    ),
    "holder_kind": Field("What the holder is", "Select what the holder is"),
    "budget": Field("Budget", "Enter the budget in pounds"),
    "starts": Field("First day of support that it pays for", "Enter a date, like 1/9/2026"),
    "ends": Field("Last day of support that it pays for", "Enter a date, like 31/8/2027"),
    "day_rate": Field("Standard day rate", "Enter the day rate in pounds"),
    "highest_day_rate": Field("Highest day rate (optional)", "Enter the highest rate in pounds"),
    "fee": Field("Brokerage fee for each day (optional)", "Enter the fee in pounds"),
    "fee_percent": Field(
        "Or brokerage fee as a percentage of the rate (optional)", "Enter the fee in per cent"
    ),
    "areas": Field("Areas whose schools it supports (optional)", "Enter areas"),
    "organisations": Field("Schools and organisations that it supports (optional)", "Enter URNs"),
    "expertise": Field("Expertise that it pays for (optional)", "Enter codes"),
    "open": Field("Whether more can be committed", "Select whether more can be committed"),
}
CLAIM_FIELDS: Final[Mapping[str, Field]] = {
    "visits": Field("Visits", "Select one visit or more"),
    "pounds": Field("Sum to claim", "Enter a sum in pounds"),
}
CLAIM_DECISION_FIELDS: Final[Mapping[str, Field]] = {
    "action": Field("Decision", "Select a decision"),
    "reason": Field("Reason, if you refuse it", "Enter a reason"),
}
OFFER_FIELDS: Final[Mapping[str, Field]] = {
    **_WHAT,
    "max_pairings": Field(
        "Maximum schools at a time", "Enter the maximum number of schools at a time"
    ),
    "evidence": Field("Evidence of quality", "Enter the evidence of quality"),
    "strength_line": Field(
        "Line of the self-evaluation that the strength comes from (optional)",
        "Enter the line of the self-evaluation",
    ),
    **_SIGNED,
    "quality": Field(
        "Strength that the supporting organisation claims", "Select the strength that it claims"
    ),
    "phases": Field("Phases", "Select phases"),
    "first_call_until": Field(
        "Last day of the own network's first call (optional)", "Enter a date, like 31/10/2026"
    ),
    "availability": Field(
        "Response of the supporting organisation",
        "Select the response of the supporting organisation",
    ),
    "availability_updated": Field(
        "Date of the response", "Enter the date of the response, like 27/11/2026"
    ),
    **_WHERE,
}
EVIDENCE_FIELDS: Final[Mapping[str, Field]] = {
    "kind": Field("Kind of evidence", "Select a kind of evidence"),
    "strength": Field("How good the support is", "Select how good the support is"),
    "on_day": Field("Day on which it was said", "Enter a day, like 14/9/2026"),
    "role": Field("Role of the person who said it", "Enter a role, like headteacher"),
    "said_by": Field(
        "School or organisation that said it",
        "Enter a URN, the key of an organisation, or the reference of a trust",
    ),
    "body": Field(
        "Name of an organisation that is not in this service", "Enter the name of the organisation"
    ),
    "source": Field("What it rests on", "Enter what it rests on, like the number of a certificate"),
}
EVIDENCE_ANSWER_FIELDS: Final[Mapping[str, Field]] = {
    "answer": Field("What the supporting organisation says to it", "Enter what it says"),
    "role": Field("Role of the person who said it", "Enter a role, like headteacher"),
}
SUPPORT_FIELDS: Final[Mapping[str, Field]] = {
    "giver": Field(
        "Supporting organisation",
        "Enter a URN, the key of an organisation, or the reference of a trust",
    ),
    "giver_name": Field(
        "Name of a supporting organisation that is not in this service",
        "Enter the name of the supporting organisation",
    ),
    "agency": Field("Agency that arranged it", "Enter the agency that arranged the support"),
    "authority": Field("On whose authority", "Select on whose authority the school has it"),
    "expertise": _WHAT["expertise"],
    "target": Field("Aim in words", "Enter the aim in words"),
    "period": _WHAT["period"],
    "days": Field("Days in the period", "Enter the number of days, like 2 or 2.5"),
    "leader_days": Field(
        "Days of the school's own leaders that it takes in the period",
        "Enter the number of days, like 2 or 2.5",
    ),
    "starts": Field("Start date", "Enter a date, like 27/11/2026"),
    "ends": Field("End date", "Enter a date, like 27/11/2026"),
    "state": Field("State", "Select a state"),
    "result": Field("Result", "Select a result"),
}
TARGET_FIELDS: Final[Mapping[str, Field]] = {
    "measure": Field("Measure", "Select a measure"),
    "other": Field("Name of another measure", "Enter the name of the measure"),
    "kind": Field("What the other measure is", "Select what the other measure is"),
    "direction": Field("Direction", "Select a direction"),
    "value": Field("Value", "Enter a value, like 95"),
    "by_date": Field("Date", "Enter a date, like 27/11/2026"),
    "owner": Field("Role of the person who answers for it", "Enter a role, like headteacher"),
    "statement": Field("Target in words (optional)", "Enter the target in words"),
}
USER_FIELDS: Final[Mapping[str, Field]] = {
    "label": Field("Label", "Enter a label, like Broker for Kent 1"),
    "role": Field("Role", "Select a role"),
    "scope_kind": Field("What the role is for", "Select what the role is for"),
    "scope": Field("Name or code", "Enter the name or code of what the role is for"),
    "expires": Field("Last day of the role (optional)", "Enter a day, like 31/8/2027"),
    "password": Field("Password", "Enter a password"),
}
RUN_FIELDS: Final[Mapping[str, Field]] = {
    "area": Field("Area", "Enter an area, like Kent"),
    "period": Field("Period", "Select a period"),
    "reciprocity": Field("What schools give in return", "Select what schools give in return"),
    "max_loop": Field("Largest loop of schools", "Enter the largest loop of schools, like 4"),
    "balance_held_by": Field(
        "How giving and receiving are balanced",
        "Select how giving and receiving are balanced",
    ),
    "travel_limit_miles": Field("Travel limit", "Enter a travel limit in miles, like 20"),
    "max_taken": Field(
        "Maximum supporting organisations at a time",
        "Enter the maximum number of supporting organisations at a time",
    ),
    "max_given": Field(
        "Maximum schools supported at a time",
        "Enter the maximum number of schools supported at a time",
    ),
    "refuse_failed_support_years": Field(
        "Leave out pairs whose earlier support did not work",
        "Enter for how many years after its end, like 2, or 0 for none",
    ),
    "steps": Field("Where to look for support", "Select steps of the ladder"),
    "nearest_step_first": Field("Nearest step first", "Select yes or no"),
    "change_price": Field(
        "Price of a change", "Enter the price of a change in points, like 125, or 0 for none"
    ),
    "free": Field("Needs that can change at no price", "Enter references of needs"),
    "minutes": Field("Time limit", "Enter a time limit in minutes, like 5"),
    "include_suggestions": Field(
        "Suggested needs, and organisations that have not responded", "Select yes or no"
    ),
    "include_declined": Field("Pairs that were declined", "Select yes or no"),
}
BATCH_FIELDS: Final[Mapping[str, Field]] = {
    "areas": Field("Areas", "Enter areas, like Kent, Medway"),
    "period": RUN_FIELDS["period"],
    "minutes": RUN_FIELDS["minutes"],
    "at": Field("Time of day", "Enter a time, like 02:00"),
    "weekday": Field("Day", "Select a day"),
}
SETTLE_FIELDS: Final[Mapping[str, Field]] = {
    "how": Field("What should happen to what is open?", "Select what should happen"),
    "to": Field("URN of the institution that takes over", "Enter a URN, like 100000"),
}
RESPONSE_FIELDS: Final[Mapping[str, Field]] = {
    "says": Field("Response", "Select yes or no"),
    "said_by": Field(
        "Role of the person who responded", "Enter the role of the person who responded"
    ),
    "said_on": Field("Day on which they told you", "Enter a day, like 14/9/2026"),
    "channel": Field("How they told you", "Select how they told you"),
    "reason": Field("Reason for saying no", "Select a reason for saying no"),
    "note": Field("Note (optional)", "Enter a note"),
}
CONSENT_FIELDS: Final[Mapping[str, Field]] = {
    "said_by": Field(
        "Role of the person who gives consent", "Enter the role of the person who gives consent"
    ),
    "said_on": RESPONSE_FIELDS["said_on"],
    "channel": RESPONSE_FIELDS["channel"],
}
ASK_FIELDS: Final[Mapping[str, Field]] = {
    "taker": Field("School receiving support", "Select a contact of the school"),
    "giver": Field("Supporting organisation", "Select a contact of the organisation"),
    "home_head": Field("Head who releases the person (optional)", "Select a contact, or nobody"),
    "home_head_elsewhere": Field(
        "Number of the head's contact, if they are at another school (optional)",
        "Enter the number of a contact, like 12",
    ),
    "choices": Field(
        "Offer the school a choice (optional)", "Select 2 other organisations at most"
    ),
}
ANSWER_FIELDS: Final[Mapping[str, Field]] = {
    "says": Field("Your answer", "Select yes, no or talk to us first"),
    "chosen": Field("Which organisation do you choose?", "Select the organisation that you choose"),
    "role": Field("Your role", "Enter your role, like headteacher"),
    "reason": Field("Reason for saying no", "Select a reason for saying no"),
    "note": Field("Note (optional)", "Enter a note"),
}
RELEASE_FIELDS: Final[Mapping[str, Field]] = {
    **RESPONSE_FIELDS,
    "says": Field("Response", "Select yes, no or talk to us first"),
}
QUESTION_FIELDS: Final[Mapping[str, Field]] = {
    "asked_role": Field("Role of the person who was asked", "Enter a role, like headteacher"),
    "asked_on": Field("Day on which they were asked", "Enter a day, like 14/9/2026"),
    "answer": Field("What did they answer?", "Select what they answered"),
    "answered_by": Field("Role of the person who answered", "Enter a role, like headteacher"),
    "answered_on": Field("Day on which they answered", "Enter a day, like 14/9/2026"),
}
MANY_FIELDS: Final[Mapping[str, Field]] = {
    **RESPONSE_FIELDS,
    "says": Field("Answer", "Select yes, no, talk to us first, or no answer yet"),
}
MONEY_FIELDS: Final[Mapping[str, Field]] = {
    "pounds": Field("Public money in pounds", "Enter pounds, like 1800, or 0 for none"),
}
DIRECTION_FIELDS: Final[Mapping[str, Field]] = {
    "legal_basis": Field("Legal basis", "Select a legal basis"),
    "notice_on": Field("Day of the notice", "Enter a day, like 14/9/2026"),
    "governing_body": Field(
        "Day on which the governing body was consulted", "Enter a day, like 1/9/2026"
    ),
    "diocesan_authority": Field(
        "Day on which the diocesan authority was consulted (optional)",
        "Enter a day, like 1/9/2026",
    ),
    "foundation_appointer": Field(
        "Day on which the body that appoints the foundation governors was consulted (optional)",
        "Enter a day, like 1/9/2026",
    ),
}
_DAY = "Enter a day, like 14/9/2026"
_ROLE_NEEDED = "Enter a role, like headteacher"
START_FIELDS: Final[Mapping[str, Field]] = {
    "starts": Field("First day", _DAY),
    "ends": Field("Last day", _DAY),
    "aims": Field("Aims", "Enter what the support is to achieve"),
    "taker_role": Field("Role of the person who leads it in the school", _ROLE_NEEDED),
    "giver_role": Field("Role of the person who gives it", _ROLE_NEEDED),
    "monitor_role": Field("Role of the person who monitors it (optional)", _ROLE_NEEDED),
    "rhythm": Field("Rhythm (optional)", "Enter the rhythm, like half a day a week"),
    "exit_plan": Field("How it ends (optional)", "Enter how it ends"),
    "paid_by": Field("Who pays (optional)", "Select who pays"),
    "day_rate_pounds": Field("Pounds for each day (optional)", "Enter pounds, like 300"),
    "fee_pounds": Field("Brokerage fee in pounds for each day (optional)", "Enter pounds, like 50"),
    "conditions_met": Field(
        "The conditions of the approval are met", "Confirm that the conditions are met"
    ),
    "later_said_on": Field("Day on which both sides agreed to later periods (optional)", _DAY),
    "later_channel": Field("How they told you (optional)", "Select how they told you"),
} | {
    f"{name}_{n}": each
    for n in (1, 2, 3)
    for name, each in {
        "period": Field(f"Later period {n} (optional)", "Select a period"),
        "days": Field(f"Days in later period {n} (optional)", "Enter days, like 2 or 2.5"),
    }.items()
}
REASON_FIELDS: Final[Mapping[str, Field]] = {
    "reason": Field("Reason", "Select a reason"),
    "note": Field("Note (optional)", "Enter a note"),
}
END_FIELDS: Final[Mapping[str, Field]] = {
    **REASON_FIELDS,
    "over_on": Field("Day on which it was over", _DAY),
    "need_becomes": Field("What becomes of the need?", "Select what becomes of the need"),
}
VISIT_FIELDS: Final[Mapping[str, Field]] = {
    "on_day": Field("Day", _DAY),
    "days": Field("Length", "Select the length"),
    "remote": Field("The visit is remote", "Select yes or no"),
}
REPORT_FIELDS: Final[Mapping[str, Field]] = {
    "report": Field(
        "What was done, and what was agreed to do next",
        "Enter what was done, and what was agreed to do next",
    ),
}
SIGNATURE_FIELDS: Final[Mapping[str, Field]] = {
    "answer": Field("Was the visit as written up?", "Select yes or no"),
    "dispute": Field("What was not so", "Enter what was not so"),
    "role": Field("Role of the person who answers for the school", _ROLE_NEEDED),
}
REVIEW_FIELDS: Final[Mapping[str, Field]] = {
    "reviewer": Field("Who says this?", "Select who says this"),
    "rating": Field("How does it go?", "Select green, amber or red"),
    "on_day": Field("Day of the review", _DAY),
    "role": Field("Role of the person who says this", _ROLE_NEEDED),
    "note": Field("Note", "Enter a note"),
}
OUTCOME_FIELDS: Final[Mapping[str, Field]] = {
    "result": Field("Did it work?", "Select whether it worked"),
    "what_worked": Field("What worked and what did not (optional)", "Enter what worked"),
    "role": REVIEW_FIELDS["role"],
}
CONCERN_FIELDS: Final[Mapping[str, Field]] = {
    "text": Field("Concern", "Enter your concern"),
    "role": Field("Your role", _ROLE_NEEDED),
}
CONCERN_ANSWER_FIELDS: Final[Mapping[str, Field]] = {
    "answer": Field("What was done", "Enter what was done"),
}
ALLIANCE_FIELDS: Final[Mapping[str, Field]] = {
    "reference": Field("Reference", "Enter a reference, like north-family"),
    "name": Field("Name", "Enter the name of the alliance"),
    "kind": Field("Kind", "Select a kind"),
    "aims": Field("Aims", "Enter the aims"),
    "starts": Field("Start date", _DAY),
    "ends": Field("End date (optional)", _DAY),
    "lead": Field("School or organisation that is asked to lead", "Enter a URN or key"),
    "network": Field("Key of the network that it is (optional)", "Enter the key of a network"),
    "participant": Field("School or organisation", "Enter a URN or key"),
    "role": Field("Role of the person who says it", _ROLE_NEEDED),
    "as_role": Field("Role in the alliance", "Select a role in the alliance"),
    "joins": Field("Does it join?", "Select what it says"),
    "said_on": Field("Day on which they told you", _DAY),
    "channel": Field("How they told you", "Select how they told you"),
    "reason": Field("Reason", "Enter a reason"),
    "what": Field("What is to be done", "Enter what is to be done"),
    "leader": Field("Member that leads it", "Select the member that leads it"),
    "due": Field("Due date", _DAY),
    "need": Field("Need that it serves (optional)", "Enter the reference of a need"),
    "partnership": Field("Number of the partnership that it serves (optional)", "Enter a number"),
    "state": Field("What became of it", "Select what became of it"),
    "rating": Field("How it goes", "Select how it goes"),
    "on_day": Field("Day of the review", _DAY),
    "note": Field("Why, and what happens next", "Enter why, and what happens next"),
    "over_on": Field("Day on which it was over", _DAY),
}
LIST_FILTERS: Final[Mapping[str, str]] = {
    "q": "Name or place",
    "area": "Area",
    "trust": "Trust or federation",
    "network": "Network",
    "phase": "Phase",
    "period": "Period",
    "expertise": "Expertise",
    "priority": "Priority",
    "quality": "Quality",
    "state": "State",
    "availability": "Availability",
    "progress": "What has come of it",
    "open": "Still open",
    "ladder": "Where support comes from",
    "miles": "Distance",
    "waits": "Waiting for",
    "sendable": "Ready to send",
    "flagged": "Needs attention",
    "directed": "Statutory direction",
}
"""Fields that filter lists."""
FIRST_FILTERS: Final[Mapping[str, int]] = {
    name: place
    for place, name in enumerate(
        ("q", "area", "expertise", "state", "availability", "progress", "waits", "ladder", "miles")
    )
}
"""Those that most people use, in the order that a form has them."""
AREA_GROUPS: Final = (
    ("Regions", AreaKind.REGION),
    ("Local authorities", AreaKind.LOCAL_AUTHORITY),
)
LIST_COLUMNS: Final[Mapping[str, str]] = {
    "id": "Date added",
    "expertise": "Expertise",
    "participant": "Name",
    "area": "Area",
    "period": "Period",
    "days": "Days",
    "priority": "Priority",
    "quality": "Quality",
    "state": "State",
    "availability": "Availability",
    "progress": "What has come of it",
    "taker": LABELS[Side][Side.TAKER],
    "giver": LABELS[Side][Side.GIVER],
    "points": "Points per half-day",
    "total_points": "Points",
    "distance": "Miles",
    "ladder": "From",
    "run": "Run",
    "starts": "Start",
    "ends": "End",
    "agreed": "Days agreed",
    "delivered": "Delivered",
    "signed": "Signed",
    "booked": "Booked",
}
"""What lists can be sorted by, which is what their columns are called."""
NEED_AFTER: Final[Mapping[NeedState, str]] = {
    NeedState.MET: "It is met",
    NeedState.MATCH: "It is open again for other support",
    NeedState.CLOSED: "It is closed",
}
"""What a need can become when its partnership ends."""

CONCERN_READERS: Final = (
    "Approvers for a region or the country, administrators of this service, and whoever raised a "
    "concern can read it. Nobody else can."
)
NOBODY_READS: Final = (
    "Nobody else who may read a concern about this partnership uses this service yet. Tell whoever "
    "runs the service before you rely on an answer."
)

STEP_DONE: Final[Mapping[PartnershipStep, str]] = {
    PartnershipStep.START: "Partnership started",
    PartnershipStep.CHANGE: "Terms changed",
    PartnershipStep.BOOK: "Visit booked",
    PartnershipStep.WRITE_UP: "Visit written up",
    PartnershipStep.SIGN: "Answer to the visit saved",
    PartnershipStep.CANCEL: "Visit cancelled",
    PartnershipStep.REVIEW: "Review saved",
    PartnershipStep.OUTCOME: "What came of it is saved",
    PartnershipStep.CONCERN: "Concern raised",
    PartnershipStep.ANSWER: "Answer to the concern saved",
    PartnershipStep.PAUSE: "Partnership paused",
    PartnershipStep.RESUME: "Partnership resumed",
    PartnershipStep.END: "Partnership ended",
}
EXCEPTION_NEEDED: Final = "Enter a reason for allowing an exception"
DECLINE_NEEDED: Final = "Select a reason for declining"
OTHER_NEEDED: Final = "Enter a note to explain the other reason"

COLOURS: Final[Mapping[Kind, Mapping[Any, str]]] = {
    IntroductionState: {
        IntroductionState.OPEN: "yellow",
        IntroductionState.PROPOSED: "green",
        IntroductionState.CLOSED: "grey",
        IntroductionState.WITHDRAWN: "grey",
    },
    ClaimState: {
        ClaimState.MADE: "yellow",
        ClaimState.PAID: "green",
        ClaimState.REFUSED: "red",
    },
    CommitmentState: {
        CommitmentState.RUNNING: "green",
        CommitmentState.ENDED: "grey",
        CommitmentState.RELEASED: "grey",
    },
    ActionState: {ActionState.DONE: "green", ActionState.DROPPED: "grey"},
    MemberState: {
        MemberState.ASKED: "yellow",
        MemberState.MEMBER: "green",
        MemberState.DECLINED: "grey",
        MemberState.LEFT: "grey",
    },
    Availability: {
        Availability.CAN_OFFER: "green",
        Availability.MAY_OFFER: "yellow",
        Availability.NOT_OFFERING: "red",
        Availability.NOT_ANSWERED: "grey",
    },
    Change: {
        Change.CHANGED: "yellow",
        Change.UNMET: "red",
        Change.ENDED: "grey",
        Change.NEW: "green",
    },
    NeedProgress: {
        NeedProgress.NOTHING: "grey",
        NeedProgress.HELD: "yellow",
        NeedProgress.AGREED: "green",
        NeedProgress.APPROVED: "green",
        NeedProgress.RUNNING: "green",
        NeedProgress.MET: "green",
        NeedProgress.CLOSED: "grey",
    },
    NeedState: {
        NeedState.SUGGESTED: "grey",
        NeedState.MATCHED: "green",
        NeedState.MET: "green",
        NeedState.CLOSED: "grey",
    },
    ProposalState: {
        ProposalState.PREFERRED: "yellow",
        ProposalState.DUE_DILIGENCE: "yellow",
        ProposalState.AGREED: "green",
        ProposalState.APPROVED: "green",
        ProposalState.APPROVED_WITH_CONDITIONS: "green",
        ProposalState.DEFERRED: "yellow",
        ProposalState.DECLINED: "red",
        ProposalState.WITHDRAWN: "grey",
        ProposalState.LAPSED: "grey",
        ProposalState.REPLACED: "grey",
        ProposalState.COMPLETED: "grey",
    },
    Rating: {
        Rating.GREEN: "green",
        Rating.AMBER: "yellow",
        Rating.RED: "red",
    },
    BatchState: {
        BatchState.FINISHED: "green",
        BatchState.CANCELLED: "grey",
    },
    AreaState: {
        AreaState.SOLVED: "green",
        AreaState.NO_NEEDS: "grey",
        AreaState.INFEASIBLE: "red",
        AreaState.UNKNOWN: "red",
        AreaState.FAILED: "red",
        AreaState.CANCELLED: "grey",
    },
    RunState: {
        RunState.QUEUED: "yellow",
        RunState.SOLVED: "green",
        RunState.CHECKED: "green",
        RunState.INFEASIBLE: "red",
        RunState.UNKNOWN: "red",
        RunState.FAILED: "red",
        RunState.CANCELLED: "grey",
    },
    Says: {
        Says.YES: "green",
        Says.NO: "red",
        Says.DIRECTED: "purple",
    },
    SuccessorState: {
        SuccessorState.CLEAR: "blue",
        SuccessorState.NONE: "red",
        SuccessorState.SEVERAL: "yellow",
        SuccessorState.NOT_OPEN: "grey",
    },
    SteeringKind: {
        SteeringKind.PIN: "purple",
        SteeringKind.EXCLUSION: "purple",
    },
    RequestState: {
        RequestState.YES: "green",
        RequestState.NO: "red",
        RequestState.TALK_FIRST: "yellow",
        RequestState.OTHERWISE: "green",
        RequestState.WAITING: "grey",
        RequestState.VOIDED: "grey",
        RequestState.REPLACED: "grey",
        RequestState.ENDED: "grey",
        RequestState.LAPSED: "orange",
    },
    SupportResult: {
        SupportResult.WORKED: "green",
        SupportResult.PARTLY: "yellow",
        SupportResult.DID_NOT_WORK: "red",
    },
    SupportState: {
        SupportState.ACTIVE: "green",
        SupportState.PAUSED: "yellow",
        SupportState.STOPPED: "grey",
        SupportState.ENDED: "grey",
    },
    VisitState: {
        VisitState.WRITTEN_UP: "yellow",
        VisitState.SIGNED: "green",
        VisitState.DISPUTED: "red",
        VisitState.CANCELLED: "grey",
    },
}
"""Colours of tags; a state that is not named here is blue."""


def label(value: str | None, kind: Kind) -> str:
    """What people read for a member of an enum, or for the string that is stored of it."""
    return "" if value is None else LABELS[kind][kind(value)]


def colour(value: str, kind: Kind) -> str:
    """The class of a state's tag."""
    return f"govuk-tag--{COLOURS[kind].get(kind(value), 'blue')}"


def choices(kind: Kind, besides: str = "") -> list[tuple[str, str, str]]:
    """The value, label and hint of each member but `besides`, for a form to choose from."""
    hints = HINTS.get(kind, {})
    return [
        (member.value, LABELS[kind][member], hints.get(member, ""))
        for member in kind
        if member.value != besides
    ]
