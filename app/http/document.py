"""The OpenAPI document: made from the routes, with an example for everything."""

import json
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from starlette.responses import Response

from app.http.conditions import is_known, tag_of_content
from app.http.media import JSON
from app.http.problems import MEDIA_TYPE, ProblemDocument

OPENAPI: Final = "3.1.0"
Schema = dict[str, Any]

_ETAG: Final[Schema] = {
    "ETag": {"description": "identifies this version", "schema": {"type": "string"}}
}
_LOCATION: Final[Schema] = {
    "Location": {"description": "address of the new resource", "schema": {"type": "string"}}
}
_LINK: Final[Schema] = {
    "Link": {"description": 'rel="next": the next page', "schema": {"type": "string"}}
}
_IF_NONE_MATCH: Final[Schema] = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "an `ETag` that you have: the answer is 304 while it is the newest",
    "schema": {"type": "string"},
}

_OF_FORMAT: Final = {"date": "2026-09-01", "date-time": "2026-09-01T09:30:00Z"}


def document(app: FastAPI) -> Schema:
    """The document of `app`, made once."""
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title,
            version=app.version,
            openapi_version=OPENAPI,
            summary=app.summary,
            description=app.description,
            routes=app.routes,
        )
        settings = getattr(app.state, "settings", None)
        if settings is not None and settings.public_url is not None:
            made["servers"] = [{"url": settings.public_url}]
        schemas = made["components"]["schemas"]
        schemas["ProblemDocument"] = ProblemDocument.model_json_schema(
            ref_template="#/components/schemas/{model}"
        )
        schemas |= schemas["ProblemDocument"].pop("$defs")
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        shared: Schema = made["components"].setdefault("responses", {})
        for operations in made["paths"].values():
            for method, operation in operations.items():
                _say_headers(method, operation)
                _show_examples(operation, schemas)
                _share_problems(operation, shared)
        app.openapi_schema = made
    return app.openapi_schema


def _say_headers(method: str, operation: Schema) -> None:
    """Add what all answers in JSON have: an ETag, and on reads the short answer to a known one."""
    answers = operation["responses"]
    for status in ("200", "201", "202"):
        if JSON in answers.get(status, {}).get("content", {}):
            answers[status]["headers"] = _ETAG | (_LOCATION if status != "200" else {})
            if "text/csv" in answers[status]["content"]:
                answers[status]["headers"] |= _LINK
    if method == "get" and "headers" in answers["200"]:
        operation.setdefault("parameters", []).append(_IF_NONE_MATCH)
        answers["304"] = {"description": "Not modified.", "headers": _ETAG}


def _show_examples(operation: Schema, schemas: Schema) -> None:
    asked = operation.get("requestBody", {}).get("content", {})
    answered = [answer.get("content", {}) for answer in operation["responses"].values()]
    for content in (asked, *answered):
        for form, described in content.items():
            if form in ("application/json", MEDIA_TYPE) and described.get("schema"):
                described.setdefault("example", example(described["schema"], schemas))


def _share_problems(operation: Schema, shared: Schema) -> None:
    """Say once what many operations answer alike."""
    for status, answer in operation["responses"].items():
        if MEDIA_TYPE in answer.get("content", {}):
            name = f"Problem{status}"
            if shared.setdefault(name, answer) == answer:
                operation["responses"][status] = {"$ref": f"#/components/responses/{name}"}


def example(schema: Schema, schemas: Schema) -> Any:
    """An example put together from those of the fields."""
    for known in ("example", "const", "default"):
        if schema.get(known) is not None:
            return schema[known]
    for listed in ("examples", "enum"):
        if schema.get(listed):
            return schema[listed][0]
    if "$ref" in schema:
        return example(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            return example(schema[choice][0], schemas)
    if schema.get("type") == "array":
        return [example(schema["items"], schemas)]
    if "properties" in schema:
        return {name: example(field, schemas) for name, field in schema["properties"].items()}
    if schema.get("format") in _OF_FORMAT:
        return _OF_FORMAT[schema["format"]]
    return {"boolean": False, "object": {}}.get(schema.get("type", ""))


router = APIRouter(tags=["service"])


@router.get("/openapi.json", response_model=dict[str, Any])
def openapi(request: Request) -> Response:
    """This document."""
    body = as_text(request.app).encode()
    tag = tag_of_content(body)
    if is_known(request, tag):
        return Response(None, 304, {"ETag": tag})
    return Response(body, 200, {"ETag": tag}, JSON)


def as_text(app: FastAPI) -> str:
    """The document as the snapshot holds it."""
    return json.dumps(document(app), indent=1, ensure_ascii=False, sort_keys=True) + "\n"
