"""What webhooks are told: events of the audit on what can be read over HTTP, as CloudEvents.

The content is thin: what happened to what, and where to read it. Whoever is told reads the rest
with a key, and so no more than they may.
"""

import json
import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import ColumnElement, Integer, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.access.policy import Action, Principal
from app.access.scoped import runs_seen, visible
from app.webhooks.addresses import BadWebhook
from models.access import AuditEvent
from models.base import Base
from models.batches import Batch
from models.exchange import Need, Offer
from models.matching import Proposal, Run
from models.partnerships import Support

OF: Final[dict[str, tuple[type[Base], InstrumentedAttribute[Any], str]]] = {
    "run": (Run, Run.id, "runs"),
    "proposal": (Proposal, Proposal.id, "proposals"),
    "need": (Need, Need.reference, "needs"),
    "offer": (Offer, Offer.reference, "offers"),
    "support": (Support, Support.reference, "support"),
    "batch": (Batch, Batch.id, "batches"),
}
"""Of each kind of event its table, what its subject names there, and where that is read."""
WANTED: Final = re.compile(rf"\*|({'|'.join(OF)})\.(\*|[a-z][a-z_]{{0,40}})")
CONTENT_TYPE: Final = "application/cloudevents+json"
AT_ONCE: Final = 500


def check_events(events: Sequence[str]) -> list[str]:
    """The same once each, in order. Raises `BadWebhook` for what is no kind of event."""
    for each in events:
        if not WANTED.fullmatch(each):
            raise BadWebhook(
                f"{each!r} is no kind of event. Use *, a kind ({', '.join(f'{k}.*' for k in OF)}) "
                "or one event, like proposal.approved."
            )
    if not events:
        raise BadWebhook("Name at least one kind of event, like proposal.*.")
    return sorted(set(events))


def is_wanted(events: Sequence[str], action: str) -> bool:
    kind = action.partition(".")[0]
    return kind in OF and not {"*", f"{kind}.*", action}.isdisjoint(events)


def readable(
    session: Session, principal: Principal, found: Sequence[AuditEvent]
) -> list[AuditEvent]:
    """Those of the events whose subject the principal may read, in their order."""
    subjects: dict[str, set[str]] = defaultdict(set)
    for event in found:
        kind, _, name = event.subject.partition(":")
        if kind in OF:
            subjects[kind].add(name)
    seen = {
        f"{kind}:{name}"
        for kind, names in subjects.items()
        for name in _seen(session, principal, kind, names)
    }
    return [event for event in found if event.subject in seen]


def _seen(session: Session, principal: Principal, kind: str, names: set[str]) -> list[str]:
    model, column, _ = OF[kind]
    if isinstance(column.type, Integer):
        wanted: list[Any] = [int(name) for name in names if name.isdecimal()]
    else:
        wanted = sorted(names)
    mine: ColumnElement[bool] = (
        runs_seen(principal) if kind == "run" else visible(principal, Action.READ, model)
    )
    return [str(each) for each in session.scalars(select(column).where(column.in_(wanted), mine))]


def body_of(event: AuditEvent, source: str) -> str:
    """The event as CloudEvents 1.0 in JSON; the same whenever it is sent."""
    kind, _, name = event.subject.partition(":")
    return json.dumps(
        {
            "specversion": "1.0",
            "id": str(event.sequence),
            "source": source,
            "type": f"givetake.{event.action}",
            "subject": event.subject,
            "time": event.at.isoformat().replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            "data": {"href": f"{source}/api/v1/{OF[kind][2]}/{quote(name, safe='/')}"},
        }
    )
