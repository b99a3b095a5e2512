"""Pages: templates, what every page has, and headers that let nothing foreign in."""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from fastapi import Request
from jinja2 import (
    ChainableUndefined,
    ChoiceLoader,
    Environment,
    PackageLoader,
    PrefixLoader,
    pass_context,
)
from jinja2.runtime import Context
from starlette.responses import Response, StreamingResponse

from app.access import policy
from app.access.names import is_holder, names_of
from app.access.persons import LINK
from app.database import ReadSession
from app.files.csv_writing import csv_of
from app.http.replies import text_of_list
from app.insight.labels import part_name
from app.portal import labels
from app.portal.forms import Filled
from app.portal.sessions import BASE, Visitor
from app.register.successors.wording import carried_over, hanging_on, what_changed
from app.wording import (
    at_moment,
    at_most,
    capital,
    could_improve,
    counted,
    distance,
    from_code,
    given_up,
    how_good,
    last_day,
    miles,
    money,
    nothing_changed,
    number,
    on_day,
    percent,
    pounds,
    sentence,
)
from models.vocabulary import days_text, in_days, miles_text

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cache-Control": "private, no-store",
    "Referrer-Policy": "same-origin",
    "Vary": "Cookie, HX-Request",
}
APP: Final = Path(__file__).parents[1]
VENDOR: Final = APP / "static" / "vendor"
FOLDERS: Final = {
    "static": APP / "portal" / "static",
    "vendor": VENDOR,
    "insight": APP / "insight" / "static",
}
"""Where files lie that pages load, by the first part of their addresses."""
NAVIGATION: Final = (
    ("Find support", "/find", "/introductions"),
    ("Institutions", "/institutions", "/participants"),
    ("Needs", "/needs", "/needs"),
    ("Offers", "/offers", "/offers"),
    ("Runs", "/runs", "/runs"),
    ("Proposals", "/proposals", "/proposals"),
    ("Partnerships", "/partnerships", "/concerns"),
    ("Money", "/pots", "/claims"),
    ("Support graph", "/graph/isolated", "/graph"),
    ("Imports", "/imports", "/imports"),
)
"""A name, where it leads, and what else belongs to it."""
ABOUT: Final = {
    "help": "Help and contact",
    "accessibility": "Accessibility",
    "privacy": "Privacy",
    "cookies": "Cookies",
}
"""The end of each address below `/about`, and its name at the foot of every page."""


@dataclass(frozen=True, slots=True)
class Pager:
    """One page of a list whose length is known."""

    page: int
    size: int
    total: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // self.size))

    @property
    def first(self) -> int:
        return (self.page - 1) * self.size + 1 if self.total else 0

    @property
    def last(self) -> int:
        return min(self.page * self.size, self.total)


@cache
def _version(path: Path, changed: float) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def _asset(base: str, name: str) -> str:
    """The address of a file of ours, another one whenever the file is another."""
    folder, _, file = name.partition("/")
    path = FOLDERS[folder] / file
    if not path.is_file():
        return f"{base}/{name}"
    return f"{base}/{name}?v={_version(path, path.stat().st_mtime)}"


@pass_context
def _actor(context: Context, name: str) -> str:
    """Whoever acted as people read it."""
    who: Visitor | None = context.get("who")
    if name.startswith(LINK):
        return "their link"
    if who is None or not is_holder(name):
        return "the command line" if name == "terminal" else name
    with who.database.read() as session:
        return names_of(session, [name]).get(name, name)


@pass_context
def _by_actor(context: Context, name: str) -> str:
    """How it was done: "by M Broker", "through their link", "from the command line"."""
    how = "through" if name.startswith(LINK) else "from" if name == "terminal" else "by"
    return f"{how} {_actor(context, name)}"


@cache
def environment(base: str = BASE) -> Environment:
    """Templates whose links begin with `base`: below the path of the public address."""
    made = Environment(
        loader=ChoiceLoader(
            [
                PackageLoader("app.portal"),
                PrefixLoader(
                    {
                        "govuk_frontend_jinja": PackageLoader("govuk_frontend_jinja"),
                        "insight": PackageLoader("app.insight"),
                    }
                ),
            ]
        ),
        autoescape=True,
        # The components' macros look at options that nobody gave.
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "actor": _actor,
        "by_actor": _by_actor,
        "at_most": at_most,
        "capital": capital,
        "carried_over": carried_over,
        "colour": labels.colour,
        "could_improve": could_improve,
        "given_up": given_up,
        "how_good": how_good,
        "days_text": days_text,
        "distance": distance,
        "counted": counted,
        "day": on_day,
        "from_code": from_code,
        "hanging_on": hanging_on,
        "in_days": in_days,
        "iso_day": lambda text: on_day(date.fromisoformat(text)),
        "label": labels.label,
        "last_day": last_day,
        "miles": miles,
        "miles_text": miles_text,
        "moment": at_moment,
        "money": money,
        "nothing_changed": nothing_changed,
        "number": number,
        "path": lambda text: quote(str(text), safe="/"),
        "percent": percent,
        "part_name": lambda part, by: part_name(by, part),
        "pounds": pounds,
        "sentence": sentence,
        "what_changed": what_changed,
    }
    made.globals |= {
        "about_pages": ABOUT,
        "asset": partial(_asset, base),
        "base": base,
        "choices": labels.choices,
        "navigation": [(name, base + to, base + also) for name, to, also in NAVIGATION],
        "labels": labels,
    }
    made.globals |= {kind.__name__: kind for kind in labels.LABELS}
    return made


def page(
    request: Request, template: str, who: Visitor | None, *, status: int = 200, **content: Any
) -> Response:
    """A whole page, or what htmx asked for of it."""
    query = dict(request.query_params)
    path = request.url.path

    def link(**changes: object) -> str:
        """This page with another query; what is None or empty goes, and the page number too."""
        kept = {**query, "page": None, **changes}
        return path + _query(kept)

    def may(action: str) -> bool:
        return who is not None and policy.may(who.principal, policy.Action(action))

    templates = environment(request.scope["root_path"])
    # What every template has must not be another thing on one page.
    assert templates.globals.keys().isdisjoint(content), content.keys() & templates.globals.keys()

    def rendered() -> str:
        return templates.get_template(template).render(
            who=who,
            token=who.token if who else None,
            here=path,
            query=query,
            link=link,
            may=may,
            vendor_missing=not (VENDOR / "govuk.css").is_file(),
            **content,
        )

    text = rendered()
    filled = content.get("filled")
    if isinstance(filled, Filled) and len(filled.errors) > 1:
        # Errors are listed in the order of their fields, which only the page knows.
        places = {name: text.find(f' id="{name}"') for name in filled.errors}
        filled.errors = dict(sorted(filled.errors.items(), key=lambda each: places[each[0]]))
        text = rendered()
    return Response(text, status, HEADERS, "text/html; charset=utf-8")


def _query(values: Mapping[str, object]) -> str:
    pairs = [
        f"{quote(name, safe='')}={quote(str(value), safe='')}"
        for name, value in values.items()
        if value not in (None, "")
    ]
    return f"?{'&'.join(pairs)}" if pairs else ""


def csv_page(name: str, columns: list[str], rows: list[dict[str, object]]) -> Response:
    """A list as it was filtered, for a spreadsheet."""
    return csv_file(name, csv_of(columns, rows))


def csv_list(
    who: Visitor,
    name: str,
    columns: Sequence[str],
    ids: Sequence[int],
    read: Callable[[ReadSession, Sequence[int]], Iterable[Mapping[str, object]]],
) -> Response:
    """A whole list as it was filtered, of any length: sent while it is read."""
    headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{_file_name(name)}.csv"'}
    text = text_of_list(who.database, columns, ids, read)
    return StreamingResponse(text, 200, headers, "text/csv; charset=utf-8")


def csv_file(name: str, text: str) -> Response:
    """A file for a spreadsheet, to keep."""
    headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{_file_name(name)}.csv"'}
    return Response(text, 200, headers, "text/csv; charset=utf-8")


def json_page(name: str, text: str) -> Response:
    """What another program can read, to keep."""
    headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{_file_name(name)}.json"'}
    return Response(text, 200, headers, "application/json")


def _file_name(name: str) -> str:
    """Of a reference, what every system takes as the name of a file."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", name)


def page_number(request: Request) -> int:
    given = request.query_params.get("page", "1")
    return max(1, int(given)) if given.isascii() and given.isdigit() and len(given) < 7 else 1
