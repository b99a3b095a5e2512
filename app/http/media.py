"""Which forms a request may come in and an answer may have: what the document says."""

from collections.abc import Iterator
from typing import Any, Final

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.routing import BaseRoute

from app.http.problems import NotAcceptable, UnsupportedMedia

JSON: Final = "application/json"
CSV: Final = "text/csv"
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


async def negotiate(request: Request) -> None:
    """Refuse what this operation neither reads nor writes, and what is asked for twice."""
    route = request.scope["route"]
    offered = _offered(route)
    if not any(_fits(form, offered) for form in _accepted(request)):
        raise NotAcceptable(f"this is offered as {' or '.join(offered)}; ask for that in Accept")
    _refuse_repetition(request)
    if getattr(route, "body_field", None) is None:
        return
    expected = FORM if _is_form(route) else JSON
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != expected:
        raise UnsupportedMedia(f"send the body as {expected}")
    if expected == FORM:
        _refuse_parts((await request.form()).multi_items(), _parts_of(route))


def _refuse_repetition(request: Request) -> None:
    """Of two values of one parameter neither is surely meant."""
    names = [name for name, _ in request.query_params.multi_items()]
    errors = [
        {"type": "repeated", "loc": ("query", name), "msg": "is given more than once"}
        for name in dict.fromkeys(names)
        if names.count(name) > 1
    ]
    if errors:
        raise RequestValidationError(errors)


def _refuse_parts(parts: list[tuple[str, Any]], known: set[str]) -> None:
    """Take no file for another, and none that would be left unread."""
    names = [name for name, _ in parts]
    errors = [
        {"type": "extra_forbidden", "loc": ("body", name), "msg": ""}
        if name not in known
        else {"type": "repeated", "loc": ("body", name), "msg": "is given more than once"}
        for name in dict.fromkeys(names)
        if name not in known or names.count(name) > 1
    ]
    if errors:
        raise RequestValidationError(errors)


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
