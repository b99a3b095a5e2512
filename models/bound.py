"""Which tables the audit binds, row by row, and why it does not bind the others."""

from typing import Final

from sqlalchemy import Table

from models import (
    access,
    alliances,
    batches,
    consent,
    evidence,
    exchange,
    history,
    interests,
    introductions,
    matching,
    money,
    partnerships,
    people,
    register,
    targets,
    webhooks,
)

_OF_REVIEW: Final = (
    matching.Agreement,
    matching.Alternate,
    matching.ApprovalRule,
    consent.ConsentRequest,
    matching.Decision,
    matching.Proposal,
    matching.ProposalFlag,
    matching.PublicationConsent,
    matching.RuleException,
    matching.Steering,
)
_OF_EXCHANGE: Final = (
    evidence.Evidence,
    exchange.Expertise,
    exchange.Limits,
    exchange.Need,
    exchange.Offer,
    exchange.OpenOffer,
    exchange.Period,
    introductions.Introduction,
    partnerships.Support,
    targets.SupportTarget,
)
_OF_PARTNERSHIPS: Final = (
    partnerships.Concern,
    partnerships.Outcome,
    partnerships.Partnership,
    partnerships.Review,
    partnerships.SupportVisit,
)
_OF_MONEY: Final = (money.Claim, money.Commitment, money.Pot)
_OF_ALLIANCES: Final = (
    alliances.Alliance,
    alliances.AllianceAction,
    alliances.AllianceMember,
    alliances.AllianceReview,
    alliances.AllianceTarget,
)
_OF_REGISTER: Final = (
    register.Area,
    register.AreaServed,
    register.Circumstance,
    register.CircumstanceRule,
    register.Designation,
    register.FactChange,
    register.Group,
    register.ImportBatch,
    register.Institution,
    register.Membership,
    register.Network,
    register.NetworkMembership,
    register.Organisation,
    register.Participant,
    register.Succession,
)
_OF_INTERESTS: Final = (interests.Interest, interests.InterestQuestion, interests.InterestRule)
_OF_ACCESS: Final = (
    access.ApiKey,
    access.EmbedToken,
    access.RoleGrant,
    access.Visit,
    people.User,
    webhooks.Webhook,
)

BOUND: Final[dict[str, Table]] = {
    table.name: table
    for table in (
        *(
            model.metadata.tables[model.__tablename__]
            for model in (
                *_OF_REVIEW,
                *_OF_EXCHANGE,
                *_OF_PARTNERSHIPS,
                *_OF_MONEY,
                *_OF_ALLIANCES,
                *_OF_REGISTER,
                *_OF_INTERESTS,
                *_OF_ACCESS,
                matching.Run,
                batches.Schedule,
            )
        ),
        history.NEED_VERSION,
        history.OFFER_VERSION,
    )
}
"""Tables of which every row is what the last event that wrote it says."""

VERSIONS: Final = {"need": history.NEED_VERSION, "offer": history.OFFER_VERSION}
"""Tables that triggers write with each change of another, by the name of that one."""

NOT_BOUND: Final[dict[str, dict[str, str]]] = {
    "api_key": {"last_used_at": "moves with use, which is no change"},
    "proposal": {"alternate_due": "moves where the worker finds no alternative to offer"},
    "schedule": {
        "due_at": "moves each time it is due",
        "last_due_at": "moves each time it is due",
        "last_batch_id": "moves each time it is due",
        "told": "says how it went the last time",
    },
    "user_account": {"signed_in_at": "moves with each sign-in, which is an event"},
    "visit": {"seen_at": "moves with use, which is no change"},
    "webhook": {"queued_to": "moves with each delivery"},
}
"""Columns of bound tables that change without an event, and why."""

WHILE_WORKED_ON: Final = frozenset(
    {
        *("attempt", "worker", "leased_until", "cancel_requested", "stage", "last_event", "state"),
        *("problem_sha256", "basis_sha256", "rows_sha256", "refusals", "summary"),
    }
)
"""Columns of a run that move without an event until it has ended, and are bound from then on."""

UNBOUND: Final[dict[str, str]] = {
    "attempt_count": "counts attempts for some minutes",
    "audit_event": "is the audit, whose chain is checked",
    "audit_head": "is the audit, whose end is checked",
    "audit_row": "is what binds rows: each event has the digest of its own",
    "audit_salt": "is held to the event it belongs to",
    "batch": "groups runs, each of which is bound",
    "batch_area": "groups runs, each of which is bound",
    "boundary": "holds published outlines, which the file of the import gives again",
    "contact": "holds personal data, erased on request; each read and change is an event",
    "import_rows": "holds what rows were before an import; undoing it is an event that binds them",
    "idempotency_key": "holds answers that can be sent again, for some hours",
    "mail": "shows what became of sending an email",
    "measure": "holds published figures, which the file of the import gives again",
    "repair": "holds what was worked out; carried out, it is an event and bound proposals",
    "run_event": "shows the progress of runs",
    "run_file": "holds files of runs: the event of a run's end has the digest of its plan",
    "user_details": "holds personal data, erased on request",
    "webhook_delivery": "shows what became of telling others",
}
"""Tables that the audit does not bind, and why."""
