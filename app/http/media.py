"""Which forms a request may come in and an answer may have: what the document says."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.routing import BaseRoute

from app.http.problems import NotAcceptable, UnsupportedMedia

JSON: Final = "application/json"
MOST_FIELDS: Final = 1_000
"""Of one object of a body: each that is not known would be a fault of its own."""
CSV: Final = "text/csv"
HTML: Final = "text/html"
PDF: Final = "application/pdf"
FORM: Final = "multipart/form-data"
AS_CSV: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {CSV: {"schema": {"type": "string"}}}}
}
"""What a list adds to its documented answers: the same, as filtered and whole, for `Accept`."""


def wants_csv(request: Request) -> bool:
    """Whether CSV is the first of what the caller takes that a list is offered as."""
    for form in _accepted(request):
        if _fits(form, [JSON]):
            return False
        if _fits(form, [CSV]):
            return True
    return False


def first_of(request: Request, offered: Sequence[str]) -> str:
    """Which of these forms the caller wants most; without a word, the first."""
    for form in _accepted(request):
        for each in offered:
            if _fits(form, [each]):
                return each
    return offered[0]


async def negotiate(request: Request) -> None:
    """Refuse what this operation neither reads nor writes, and what is asked for twice."""
    route = request.scope["route"]
    offered = _offered(route)
    if not any(_fits(form, offered) for form in _accepted(request)):
        raise NotAcceptable(f"Ask for {' or '.join(offered)} in Accept.")
    if request.query_params:
        _refuse_parameters([name for name, _ in request.query_params.multi_items()], route)
    if getattr(route, "body_field", None) is None:
        return
    expected = FORM if _is_form(route) else JSON
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != expected:
        raise UnsupportedMedia(f"Send the body as {expected}.")
    if expected == FORM:
        _refuse_parts([name for name, _ in (await request.form()).multi_items()], _parts_of(route))
    elif body := await request.body():
        json.loads(body, object_pairs_hook=_refuse_fields)


def _refuse_parameters(names: list[str], route: Any) -> None:
    """Of two values of one parameter neither is surely meant; an unknown one may be misspelt."""
    errors = _repeated("query", names)
    kinds = {field.alias: field.field_info.annotation for field in route.dependant.query_params}
    if not any(isinstance(kind, type) and issubclass(kind, BaseModel) for kind in kinds.values()):
        # Where a model takes them it says itself what it does not know.
        errors += _unknown("query", names, set(kinds))
    if errors:
        raise RequestValidationError(errors)


def _refuse_parts(names: list[str], known: set[str]) -> None:
    """Take no file for another, and none that would be left unread."""
    if errors := _repeated("body", names) + _unknown("body", names, known):
        raise RequestValidationError(errors)


def _refuse_fields(pairs: list[tuple[str, Any]]) -> None:
    """Of two fields of one name, readers of JSON take whichever they like; of very many, none."""
    if len(pairs) > MOST_FIELDS:
        said = f"has {len(pairs):,} fields. Send {MOST_FIELDS:,} at most"
        raise RequestValidationError([{"type": "too_long", "loc": ("body",), "msg": said}])
    if errors := _repeated("body", [name for name, _ in pairs]):
        # How deep it stands is not known here, so that no pointer would be right.
        name = errors[0]["loc"][1][:100]
        fault = {"type": "repeated", "loc": ("body",), "msg": f"{name!r} is repeated. Send it once"}
        raise RequestValidationError([fault])


def _repeated(where: str, names: list[str]) -> list[dict[str, Any]]:
    return [
        {"type": "repeated", "loc": (where, name), "msg": "is repeated. Send it once"}
        for name, times in Counter(names).items()
        if times > 1
    ]


def _unknown(where: str, names: list[str], known: set[str]) -> list[dict[str, Any]]:
    return [
        {"type": "extra_forbidden", "loc": (where, name), "msg": ""}
        for name in dict.fromkeys(names)
        if name not in known
    ]


def _parts_of(route: Any) -> set[str]:
    return {field.alias for field in route.dependant.body_params}


def _accepted(request: Request) -> Iterator[str]:
    """What the caller takes, the most wanted first; without a word, anything."""
    wanted = []
    for place, part in enumerate(request.headers.get("accept", "*/*").split(",")):
        form, *parameters = (word.strip().lower() for word in part.split(";"))
        quality = next((p[2:] for p in parameters if p.startswith("q=")), "1")
        try:
            weight = float(quality)
        except ValueError:
            weight = 0.0
        if weight > 0:
            wanted.append((-weight, place, form))
    return (form for _, _, form in sorted(wanted))


def _offered(route: BaseRoute) -> list[str]:
    documented = getattr(route, "responses", {}).get(200, {}).get("content", {})
    return list(dict.fromkeys([JSON, *documented]))


def _fits(form: str, offered: list[str]) -> bool:
    if form in ("*/*", ""):
        return True
    family = form.removesuffix("*")
    return form in offered or (form.endswith("/*") and any(o.startswith(family) for o in offered))


def _is_form(route: Any) -> bool:
    return type(route.body_field.field_info).__name__ in ("Form", "File")
