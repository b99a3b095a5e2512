"""Users, for administrators: who may come in, which roles they hold, and where they are."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from app.access import browser_sessions
from app.access.declared import does
from app.access.grants import combine, end_of
from app.access.holders import user_name
from app.access.policy import Action, Grant, Scope
from app.access.scope_names import scope_named, scope_texts
from app.database import ReadSession, WriteSession
from app.errors import Conflict, Problem
from app.files.csv_reading import Date, RowModel
from app.people import users
from app.people.passwords import BadPassword
from app.people.users import BadUser, UserShown
from app.portal import forms
from app.portal.forms import Filled
from app.portal.labels import USER_FIELDS
from app.portal.pages.issuer import offered
from app.portal.rendering import page
from app.portal.sessions import BASE, SentBy, Visitor, Who, our_address, texts
from models.vocabulary import SERVICE_ROLES, Role, ScopeKind

router = APIRouter()
ADDRESS: Final = f"{BASE}/users"
HELD: Final = tuple(role for role in Role if role not in SERVICE_ROLES)
"""Roles that can be given to people."""


class Limited(RowModel):
    """The end of a role as a form asks for it."""

    expires: Date | None = None


@router.get("/users")
@does(Action.MANAGE_USERS)
def list_(request: Request, who: Who) -> Response:
    with who.database.read() as session:
        found = users.list_users(session, who.principal)
        texts_ = _scope_texts(session, found)
    return page(request, "users.html", who, found=found, scopes=texts_, scope=_scope)


@router.get("/users/new")
@does(Action.MANAGE_USERS)
def new(request: Request, who: Who) -> Response:
    users.check_manages(who.principal)
    return _new(request, who, Filled())


@router.post("/users/new")
@does(Action.MANAGE_USERS)
def add(request: Request, who: Who, form: SentBy) -> Response:
    filled, made = Filled(texts(form)), None
    values = filled.values

    def make(session: WriteSession) -> None:
        nonlocal made
        user, code = users.add_user(
            session,
            who.principal,
            values.get("label", ""),
            _grants(session, filled),
            expires_at=_end(filled),
            password=values.get("password", "") if _by_password(request) else None,
        )
        made = user.id, code

    if not _tried(who, filled, make):
        return _new(request, who, filled, status=422)
    assert made is not None
    return _shown(request, who, made[0], code=made[1])


@router.get("/users/{user_id:id}")
@does(Action.MANAGE_USERS)
def show(request: Request, who: Who, user_id: int) -> Response:
    return _shown(request, who, user_id)


@router.post("/users/{user_id:id}/grant")
@does(Action.MANAGE_USERS)
def grant(request: Request, who: Who, user_id: int, form: SentBy) -> Response:
    filled = Filled(texts(form))

    def give(session: WriteSession) -> None:
        wanted = _grants(session, filled)
        users.grant(session, who.principal, user_id, wanted, expires_at=_end(filled))

    if not _tried(who, filled, give):
        return _shown(request, who, user_id, filled=filled, status=422)
    return _back(user_id, "granted")


@router.post("/users/{user_id:id}/roles/{grant_id:id}/remove")
@does(Action.MANAGE_USERS)
def remove_role(request: Request, who: Who, user_id: int, grant_id: int, form: SentBy) -> Response:
    with who.database.write() as session:
        users.revoke_role(session, who.principal, user_id, grant_id)
    return _back(user_id, "role_removed")


@router.post("/users/{user_id:id}/label")
@does(Action.MANAGE_USERS)
def rename(request: Request, who: Who, user_id: int, form: SentBy) -> Response:
    filled = Filled(texts(form))

    def change(session: WriteSession) -> None:
        users.rename(session, who.principal, user_id, filled.values.get("label", ""))

    if not _tried(who, filled, change):
        return _shown(request, who, user_id, filled=filled, status=422)
    return _back(user_id, "renamed")


@router.post("/users/{user_id:id}/invite")
@does(Action.MANAGE_USERS)
def invite(request: Request, who: Who, user_id: int, form: SentBy) -> Response:
    with who.database.write() as session:
        code = users.invite(session, who.principal, user_id)
    return _shown(request, who, user_id, code=code)


@router.post("/users/{user_id:id}/erase")
@does(Action.MANAGE_USERS)
def erase(request: Request, who: Who, user_id: int, form: SentBy) -> Response:
    with who.database.write() as session:
        users.erase_details(session, who.principal, user_id)
    return _back(user_id, "erased")


@router.post("/users/{user_id:id}/sessions/end")
@does(Action.MANAGE_USERS)
def end_sessions(request: Request, who: Who, user_id: int, form: SentBy) -> Response:
    with who.database.write() as session:
        browser_sessions.end_sessions(session, who.principal, user_name(user_id))
    return _back(user_id, "signed_out")


@router.get("/users/{user_id:id}/remove")
@does(Action.MANAGE_USERS)
def ask_removal(request: Request, who: Who, user_id: int) -> Response:
    with who.database.read() as session:
        found = users.get_user(session, who.principal, user_id)
    return page(request, "user_remove.html", who, found=found)


@router.post("/users/{user_id:id}/remove")
@does(Action.MANAGE_USERS)
def remove(request: Request, who: Who, user_id: int, form: SentBy) -> Response:
    with who.database.write() as session:
        users.revoke_user(session, who.principal, user_id)
    return _back(user_id, "removed")


def _grants(session: WriteSession, filled: Filled) -> list[Grant]:
    """The role and scope of a form, or an error at its field."""
    values = filled.values
    if values.get("role") not in HELD:
        raise _Wrong("role", USER_FIELDS["role"].enter)
    kind = values.get("scope_kind", "")
    if kind not in list(ScopeKind):
        raise _Wrong("scope_kind", USER_FIELDS["scope_kind"].enter)
    named = values.get("scope", "")
    if kind != ScopeKind.ALL and not named:
        raise _Wrong("scope", USER_FIELDS["scope"].enter)
    try:
        scope = scope_named(session, ScopeKind(kind), named)
    except Problem as unknown:
        raise _Wrong("scope", unknown.detail) from unknown
    try:
        return combine([Role(values["role"])], [scope])
    except Problem as unheld:
        raise _Wrong("scope_kind", unheld.detail) from unheld


def _end(filled: Filled) -> datetime | None:
    """When the role ends, after the last day of a form; none where it has none."""
    given = {"expires": filled.values.get("expires", "")}
    row = forms.read(Limited, asked := Filled(given), USER_FIELDS)
    if row is None:
        raise _Wrong("expires", asked.errors["expires"])
    return None if row.expires is None else end_of(row.expires)


class _Wrong(Exception):
    """An error at a field of a form."""

    def __init__(self, field: str, error: str) -> None:
        super().__init__(error)
        self.field, self.error = field, error


def _tried(who: Visitor, filled: Filled, act: Callable[[WriteSession], None]) -> bool:
    """Whether it was done; what is wrong with the form stands at its field."""
    users.check_manages(who.principal)
    try:
        with who.database.write() as session:
            act(session)
    except _Wrong as wrong:
        filled.add(wrong.field, wrong.error)
    except BadPassword as bad:
        filled.add("password", bad.detail)
    except (BadUser, Conflict) as bad:
        usual = "label" if "label" in filled.values else "role"
        filled.add(getattr(bad, "field", None) or usual, bad.detail)
    return not filled.wrong


def _new(request: Request, who: Visitor, filled: Filled, *, status: int = 200) -> Response:
    return page(
        request,
        "user_form.html",
        who,
        status=status,
        filled=filled,
        held_roles=HELD,
        **offered(request),
    )


def _shown(
    request: Request,
    who: Visitor,
    user_id: int,
    *,
    filled: Filled | None = None,
    code: str | None = None,
    status: int = 200,
) -> Response:
    with who.database.read() as session:
        found = users.get_user(session, who.principal, user_id)
        texts_ = _scope_texts(session, [found])
        sessions = browser_sessions.list_sessions(session, who.principal, user_name(user_id))
    filled = filled or Filled()
    filled.values.setdefault("label", found.user.label)
    return page(
        request,
        "user.html",
        who,
        status=status,
        found=found,
        sessions=sessions,
        scopes=texts_,
        scope=_scope,
        held_roles=HELD,
        filled=filled,
        invitation=None if code is None else our_address(request, f"/join/{code}"),
        is_self=who.principal.name == user_name(user_id),
        **offered(request),
    )


def _by_password(request: Request) -> bool:
    return bool(request.app.state.settings.local_sign_in)


def _scope(row: Any) -> Scope:
    """What a stored role is held for, or a user belongs to."""
    return Scope(ScopeKind(row.scope_kind), row.scope_id)


def _scope_texts(session: ReadSession, found: list[UserShown]) -> dict[Scope, str]:
    rows: list[Any] = [row for each in found for row in each.grants]
    rows += [each.user for each in found if each.user.scope_kind]
    return scope_texts(session, (_scope(row) for row in rows))


def _back(user_id: int, done: str) -> Response:
    return RedirectResponse(f"{ADDRESS}/{user_id}?done={done}", 303)
