"""Making embed tokens, on the record."""

from datetime import UTC, datetime, timedelta
from html import escape

from app.access.policy import Action, Principal, authorise
from app.database import WriteSession
from app.events import audit
from app.maps import tokens
from app.maps.tokens import Grant
from app.matching.queries import get_run
from models.vocabulary import EmbedLayer


def create_embed(
    session: WriteSession,
    principal: Principal,
    secret: str,
    origins: list[str],
    layer: EmbedLayer,
    *,
    valid_for: timedelta | None = None,
    run_id: int | None = None,
) -> tuple[Grant, str]:
    """A token for pages of `origins`; it is not held, and ends by itself."""
    authorise(principal, Action.MANAGE_KEYS)
    now = datetime.now(UTC)
    granted = tokens.grant(origins, layer, now=now, valid_for=valid_for, run_id=run_id)
    if run_id is not None:
        get_run(session, principal, run_id)
    audit.record(
        session,
        actor=principal.name,
        action="embed.create",
        subject=f"layer:{layer}" if run_id is None else f"run:{run_id}",
        origins=list(granted.origins),
        expires_at=granted.expires_at.isoformat(),
    )
    return granted, tokens.sign(granted, secret, now)


def snippet(base: str, token: str) -> str:
    """The lines to copy into a page; without the script they lead to the list."""
    base, token = escape(base.rstrip("/")), escape(token)
    return (
        f'<script type="module" src="{base}/maps/static/partnership-map.js"></script>\n'
        f'<partnership-map src="{base}" token="{token}">'
        f'<a href="{base}/maps/list?token={token}">Schools and support partners</a>'
        "</partnership-map>"
    )


def frame(base: str, token: str) -> str:
    """The same as a plain frame, for pages that may run no script."""
    base, token = escape(base.rstrip("/")), escape(token)
    return (
        f'<iframe src="{base}/maps/widget?token={token}" title="Map of schools and partners"'
        ' sandbox="allow-scripts allow-popups allow-modals" width="100%" height="640"'
        ' style="border:0"></iframe>'
    )
