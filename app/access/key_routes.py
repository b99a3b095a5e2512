"""Keys over HTTP: for administrators of everything."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import Field, StringConstraints
from sqlalchemy.orm import Session
from starlette.responses import Response

from app.access import keys
from app.access.callers import Caller, Reads, Writes
from app.access.declared import does
from app.access.grants import combine, scope_of
from app.access.policy import Action
from app.access.scope_names import scope_named, scope_texts
from app.http.fields import Content, Instant, Moment, Shown, Words
from app.http.media import AS_CSV
from app.http.replies import Listed, listed, shown
from models.access import ApiKey
from models.vocabulary import Role, ScopeKind

router = APIRouter(tags=["keys"])
Prefix = Annotated[str, StringConstraints(pattern="^[0-9a-f]{8}$"), Path(examples=["0a1b2c3d"])]


class ScopeContent(Content):
    """What roles are held for: its kind, and its name or the register's id for it."""

    kind: ScopeKind
    named: Annotated[str, Field(max_length=100, description="empty for all")] = ""


class NewKey(Content):
    """Roles, each held for each of the scopes; for everything with the scope `all` alone.

    An administrator and an auditor always are, and need no scope.
    """

    label: Annotated[str, Field(max_length=keys.LONGEST_LABEL, examples=["portal"])]
    owner: Annotated[Words, Field(description="the role or organisation that answers for it")] = (
        Field(examples=["Kent County Council"])
    )
    roles: Annotated[list[Role], Field(min_length=1, max_length=10, examples=[["viewer"]])]
    scopes: Annotated[list[ScopeContent], Field(max_length=100, default_factory=list)]
    expires_at: Instant | None = None


class Rotation(Content):
    """How long the old key still works, and when the new one ends."""

    keep_old_hours: Annotated[int, Field(strict=True, ge=0, le=31 * 24)] = 24
    expires_at: Instant | None = None


class GrantShown(Shown):
    role: Role
    scope_kind: ScopeKind
    scope_id: str = Field(examples=[""])
    scope: str = Field(description="as people read it", examples=["all"])
    granted_at: Moment
    expires_at: Moment | None = Field(examples=[None])


class KeyShown(Shown):
    """A key without what opens anything; `prefix` is how it begins, after `gt_`."""

    prefix: str = Field(examples=["0a1b2c3d"])
    label: str = Field(examples=["portal"])
    owner: str = Field(examples=["Kent County Council"])
    created_at: Moment
    expires_at: Moment | None = Field(examples=[None])
    last_used_at: Moment | None = Field(examples=[None], description="to within minutes")
    replaced_by: str | None = Field(examples=[None])
    revoked_at: Moment | None = Field(examples=[None])
    grants: list[GrantShown]


class KeyMade(KeyShown):
    """A new key; `key` is shown this once."""

    key: str = Field(examples=["gt_0a1b2c3d_..."])


class Keys(Listed[KeyShown]):
    pass


def _all_shown(session: Session, held: list[keys.KeyHeld]) -> list[KeyShown]:
    texts = scope_texts(session, (scope_of(row) for each in held for row in each.grants))
    return [
        KeyShown(
            **{name: getattr(each.key, name) for name in KeyShown.model_fields if name != "grants"},
            grants=[
                GrantShown(
                    role=Role(row.role),
                    scope_kind=ScopeKind(row.scope_kind),
                    scope_id=row.scope_id,
                    scope=texts[scope_of(row)],
                    granted_at=row.granted_at,
                    expires_at=row.expires_at,
                )
                for row in each.grants
            ],
        )
        for each in held
    ]


def _one_shown(session: Session, key: ApiKey) -> KeyShown:
    return _all_shown(session, [keys.held(session, key)])[0]


@router.get("/keys", response_model=Keys, responses=AS_CSV)
@does(Action.MANAGE_KEYS)
def list_keys(request: Request, principal: Caller, session: Reads) -> Response:
    """List keys in the order in which they were made, with the roles that they hold."""
    found = _all_shown(session, keys.list_keys(session, principal))
    return listed(request, None, Keys, lambda limit: found, lambda key: key.prefix)


@router.post("/keys", response_model=KeyMade, status_code=201)
@does(Action.MANAGE_KEYS)
def create_key(request: Request, principal: Caller, session: Writes, wanted: NewKey) -> Response:
    """Make a key. Its text is in this answer and nowhere else."""
    keys.check_manages(principal)
    scopes = [scope_named(session, each.kind, each.named) for each in wanted.scopes]
    key, text = keys.create_key(
        session,
        principal,
        wanted.label,
        combine(wanted.roles, scopes),
        owner=wanted.owner,
        expires_at=wanted.expires_at,
    )
    return _made(request, session, key, text)


@router.post("/keys/{prefix}/rotation", response_model=KeyMade, status_code=201)
@does(Action.MANAGE_KEYS)
def rotate_key(
    request: Request, principal: Caller, session: Writes, prefix: Prefix, wanted: Rotation
) -> Response:
    """Replace a key by a new one with the same roles. The old one ends a little later."""
    key, text = keys.rotate_key(
        session,
        principal,
        prefix,
        keep_old=timedelta(hours=wanted.keep_old_hours),
        expires_at=wanted.expires_at,
    )
    return _made(request, session, key, text)


@router.post("/keys/{prefix}/revocation", response_model=KeyShown)
@does(Action.MANAGE_KEYS)
def revoke_key(request: Request, principal: Caller, session: Writes, prefix: Prefix) -> Response:
    """End a key now, with the visits and embedded maps that it began."""
    key = keys.revoke_key(session, principal, prefix)
    return shown(request, _one_shown(session, key))


def _made(request: Request, session: Session, key: ApiKey, text: str) -> Response:
    content = KeyMade(**_one_shown(session, key).model_dump(), key=text)
    return shown(request, content, status=201, location=f"/api/v1/keys/{key.prefix}")
