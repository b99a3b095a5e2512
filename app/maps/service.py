"""Making embed tokens, listing and revoking them, on the record."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from html import escape
from typing import Final
from urllib.parse import urlencode

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access.holders import principal_of_holder
from app.access.keys import Unauthenticated
from app.access.names import is_holder
from app.access.policy import Action, Principal, authorise
from app.access.scoped import visible
from app.database import WriteSession, database_now
from app.errors import Forbidden, NotFound
from app.events import audit
from app.maps import tokens
from app.maps.tokens import Expired, Grant
from app.runs.queries import get_run
from models.access import EmbedToken
from models.vocabulary import EmbedLayer

OURS: Final = ("'self'",)
"""The origin of our own pages, as a policy names it."""


def create_embed(
    session: WriteSession,
    principal: Principal,
    secret: str,
    origins: list[str],
    layer: EmbedLayer,
    *,
    valid_for: timedelta | None = None,
    run_id: int | None = None,
    options: Mapping[str, str] | None = None,
) -> tuple[Grant, str]:
    """A token for pages of `origins`; it ends by itself, and what it is for is held, not it."""
    authorise(principal, Action.EMBED)
    now = database_now(session)
    granted = tokens.grant(origins, layer, now=now, valid_for=valid_for, run_id=run_id)
    if run_id is not None:
        get_run(session, principal, run_id, whole=True)
    made = EmbedToken(
        layer=layer,
        run_id=run_id,
        origins=list(granted.origins),
        made_by=principal.name,
        made_at=now,
        expires_at=granted.expires_at,
        options=dict(options) if options else None,
    )
    session.add(made)
    session.flush()
    granted = replace(granted, id=made.id, page=tokens.page_of(made.id, secret))
    audit.record(
        session,
        actor=principal.name,
        action="embed.create",
        subject=f"embed:{made.id}",
        layer=layer,
        run=run_id,
        origins=list(granted.origins),
        expires_at=granted.expires_at.isoformat(),
    )
    return granted, tokens.sign(granted, secret, now)


def renew_embed(
    session: WriteSession,
    principal: Principal,
    token_id: int,
    valid_for: timedelta | None = None,
) -> EmbedToken:
    """Let a token end later, or work again; the lines in the page stay as they are."""
    found = _own(session, principal, token_id, for_update=True)
    if found.revoked_at is not None:
        raise tokens.BadEmbed(f"code {token_id} was revoked; create new code")
    if found.run_id is not None:
        get_run(session, principal, found.run_id, whole=True)
    found.expires_at = tokens.end_of(EmbedLayer(found.layer), database_now(session), valid_for)
    session.flush()
    audit.record(
        session,
        actor=principal.name,
        action="embed.renew",
        subject=f"embed:{token_id}",
        expires_at=found.expires_at.isoformat(),
    )
    return found


def lines_of(
    session: Session, principal: Principal, secret: str, token_id: int
) -> tuple[EmbedToken, Grant, str]:
    """A token that was made, and what it is written as: always the same until it is renewed."""
    found = _own(session, principal, token_id)
    if found.revoked_at is not None:
        raise NotFound(f"code {token_id} was revoked; create new code")
    granted = Grant(
        tuple(found.origins),
        EmbedLayer(found.layer),
        found.expires_at,
        found.run_id,
        id=found.id,
        page=tokens.page_of(found.id, secret),
    )
    return found, granted, tokens.sign(granted, secret, found.made_at)


def _own(
    session: Session, principal: Principal, token_id: int, *, for_update: bool = False
) -> EmbedToken:
    authorise(principal, Action.EMBED)
    mine = visible(principal, Action.EMBED, EmbedToken)
    query = select(EmbedToken).where(EmbedToken.id == token_id, mine)
    found = session.scalar(query.with_for_update() if for_update else query)
    if found is None:
        raise NotFound(f"there is no embed token {token_id}")
    return found


def revoke_embed(
    session: WriteSession, principal: Principal, token_id: int, now: datetime | None = None
) -> EmbedToken:
    """End one token now; one that was revoked already stays as it was."""
    found = _own(session, principal, token_id, for_update=True)
    if found.revoked_at is None:
        found.revoked_at = now or database_now(session)
        found.revoked_by = principal.name
        session.flush()
        audit.record(
            session,
            actor=principal.name,
            action="embed.revoke",
            subject=f"embed:{token_id}",
        )
    return found


def list_embeds(
    session: Session, principal: Principal, *, before: int | None = None, limit: int | None = 50
) -> Sequence[EmbedToken]:
    """Tokens that were made, the newest first, without what opens anything."""
    authorise(principal, Action.EMBED)
    mine = visible(principal, Action.EMBED, EmbedToken)
    query = select(EmbedToken).where(mine).order_by(EmbedToken.id.desc()).limit(limit)
    if before is not None:
        query = query.where(EmbedToken.id < before)
    return session.scalars(query).all()


def check_stands(session: Session, granted: Grant, *, is_short: bool = False) -> Grant:
    """The token as it stands, with the end that its row has.

    Raises `Expired` for one that has ended or was revoked, or whose maker may not make it any
    more; `Unauthenticated` for one that nobody made here. One that `is_short` has its own end.
    """
    maker = granted.maker
    if granted.id is not None:
        found = session.get(EmbedToken, granted.id)
        if found is None:
            raise Unauthenticated("the token of this map was not created here; ask for a new one")
        if found.revoked_at is not None:
            raise Expired(granted, "has been revoked", "revoked")
        if not is_short:
            granted = replace(granted, expires_at=found.expires_at)
            if found.expires_at <= database_now(session):
                raise Expired(granted)
        maker = found.made_by
    if maker is None or not is_holder(maker):
        return granted
    principal = principal_of_holder(session, maker, database_now(session))
    if principal is None:
        raise Expired(granted, "has ended with the key that made it", "key_ended")
    try:
        if granted.id is not None:
            authorise(principal, Action.EMBED)
        if granted.run_id is not None:
            get_run(session, principal, granted.run_id, whole=True)
    except (Forbidden, NotFound) as lost:
        raise Expired(granted, "has ended with the role of its maker", "role_ended") from lost
    return granted


def granted_to(session: Session, page: str | None, secret: str, now: datetime) -> tuple[str, ...]:
    """The origins whose pages may frame what is named `page`; unnamed, it is for our own.

    Raises `Expired` where its token has ended, and `Unauthenticated` where there is none.
    """
    if page is None:
        return OURS
    found_id = tokens.id_of(page, secret)
    found = None if found_id is None else session.get(EmbedToken, found_id)
    if found is None:
        raise Unauthenticated("the code of this map is not valid; copy it again, or ask for it")
    granted = Grant(
        tuple(found.origins), EmbedLayer(found.layer), found.expires_at, found.run_id, id=found.id
    )
    if found.revoked_at is not None:
        raise Expired(granted, "has been revoked", "revoked")
    if found.expires_at <= now:
        raise Expired(granted)
    return granted.origins


def snippet(base: str, granted: Grant, token: str, options: Mapping[str, str] | None = None) -> str:
    """The lines to copy into a page; without the script they lead to the list."""
    base, token = escape(base.rstrip("/")), escape(token)
    begins = "".join(f' {name}="{escape(value)}"' for name, value in (options or {}).items())
    return (
        f'<script type="module" src="{base}/maps/static/partnership-map.js"></script>\n'
        f'<partnership-map src="{base}" token="{token}"{begins}>'
        f'<a href="{base}/maps/list?embed={granted.page}">Schools and support partners</a>'
        "</partnership-map>"
    )


def frame(base: str, granted: Grant, token: str, options: Mapping[str, str] | None = None) -> str:
    """The same as a plain frame, for pages that may run no script.

    What follows the # of an address stays in the browser.
    """
    base, token = escape(base.rstrip("/")), escape(token)
    query = escape(urlencode({"embed": granted.page or "", **(options or {})}))
    return (
        f'<iframe src="{base}/maps/widget?{query}#{token}"'
        ' title="Map of schools and support partners"'
        ' sandbox="allow-scripts allow-forms allow-popups allow-modals" width="100%" height="640"'
        ' style="border:0"></iframe>'
    )
