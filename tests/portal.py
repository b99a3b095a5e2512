"""Somebody at the portal without JavaScript: opens pages, fills forms in and sends them."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from html import unescape
from html.parser import HTMLParser
from typing import Any

from fastapi import Request
from fastapi.testclient import TestClient
from httpx import Response
from starlette.routing import Mount

from app.access.callers import moment
from app.access.policy import EVERYWHERE, Role, Scope
from app.database import Database
from app.main import create_app
from app.portal import sessions
from app.settings import Settings
from tests.factories import acting
from tests.factories import new_key as key_of_administrator

BASE = "/portal"
OURS = {"Sec-Fetch-Site": "same-origin"}


@dataclass
class Form:
    action: str
    method: str
    fields: dict[str, list[str]] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)


class Page(HTMLParser):
    """What a page says and the forms on it; `faults` breaks our own policy."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.status = response.status_code
        self.forms: list[Form] = []
        self.faults: list[str] = []
        self.links: list[str] = []
        self.boxes: dict[str, list[str]] = {}
        self._text: list[str] = []
        self._form: Form | None = None
        self._select: str | None = None
        self._area: str | None = None
        self.feed(response.text)
        self.text = " ".join(" ".join(self._text).split())

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        has = {name: value or "" for name, value in attributes}
        self.faults += [f"{tag} {name}" for name in has if name.startswith("on") or name == "style"]
        if tag == "style" or (tag == "script" and "src" not in has):
            self.faults.append(f"inline {tag}")
        if tag == "a":
            self.links.append(unescape(has.get("href", "")))
        if tag == "form":
            self._form = Form(has.get("action", ""), has.get("method", "get"))
            self.forms.append(self._form)
        if self._form is not None:
            self._control(tag, has)

    def _control(self, tag: str, has: dict[str, str]) -> None:
        assert self._form is not None
        name, fields = has.get("name", ""), self._form.fields
        if tag == "select":
            self._select = name
        elif tag == "option" and self._select and "selected" in has:
            fields[self._select] = [has.get("value", "")]
        elif tag == "textarea":
            self._area = name
            fields[name] = [""]
        elif tag == "button" and name:
            self._form.buttons.append((name, has.get("value", "")))
        elif tag == "input" and has.get("type") == "checkbox" and "checked" not in has:
            self.boxes.setdefault(name, []).append(has.get("value", ""))
        elif (tag, bool(name)) == ("input", True) and (
            has.get("type") not in ("checkbox", "radio") or "checked" in has
        ):
            fields.setdefault(name, []).append(has.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "select":
            self._select = None
        elif tag == "textarea":
            self._area = None

    def handle_data(self, data: str) -> None:
        self._text.append(data)
        if self._area is not None and self._form is not None:
            self._form.fields[self._area][0] += data.removeprefix("\n")

    def form(self, action: str) -> Form:
        posted = (form for form in self.forms if form.method == "post")
        return next(form for form in posted if form.action == f"{BASE}{action}")


@dataclass
class Visitor:
    client: TestClient

    def open(self, path: str, **headers: str) -> Page:
        """The page at an address, whatever its status."""
        return Page(self.client.get(f"{BASE}{path}", headers=headers))

    def send(self, page: Page, where: str, /, **values: str | list[str]) -> Page:
        """Fill in the page's form for `where` and send it; an empty text clears a field."""
        form = page.form(where)
        assert form.method == "post"
        sent = form.fields | {k: v if isinstance(v, list) else [v] for k, v in values.items()}
        return self.post(form.action.removeprefix(BASE), **sent)

    def post(self, where: str, /, **values: Any) -> Page:
        return Page(self.client.post(f"{BASE}{where}", data=values, headers=OURS))

    def limit_to(self, role: Role, scope: Scope = EVERYWHERE, name: str = "") -> None:
        """Let this visitor do no more than the role may, from now on.

        The key stands for an administrator: who a cookie stands for is the one thing faked.
        """

        def visitor(request: Request) -> sessions.Visitor:
            principal = acting(role, name=name or role.partition("_")[0], scope=scope)
            seen = replace(sessions.visitor(request), principal=principal)
            request.state.visitor = seen
            return seen

        pages_of(self.client.app).dependency_overrides[sessions.visitor] = visitor


def pages_of(app: Any) -> Any:
    """The portal's own application."""
    return next(each.app for each in app.routes if isinstance(each, Mount) and each.path == BASE)


def new_key(database: Database) -> str:
    with database.write() as session:
        return key_of_administrator(session)


def anybody(database: Database, now: datetime | None = None, **settings: Any) -> Visitor:
    """Somebody not signed in, on this machine; `now`: what is asked for, is asked for then."""
    url = database.url
    app = create_app(Settings(**({"workers": 0, "database_url": url} | settings)), database)
    if now is not None:
        pages_of(app).dependency_overrides[moment] = lambda: now
    return Visitor(TestClient(app, base_url="http://localhost", raise_server_exceptions=False))


def broker(database: Database, now: datetime | None = None, **settings: Any) -> Visitor:
    """Somebody signed in."""
    who = anybody(database, now, **settings)
    page = who.send(who.open("/sign-in"), "/sign-in", key=new_key(database))
    assert page.status == 200, page.text
    return who
