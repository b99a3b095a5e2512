"""Answers: one thing or a page of them, with an ETag, as JSON or as a CSV file."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Generic, TypeVar, get_args
from urllib.parse import quote

from fastapi import Request
from pydantic import BaseModel, Field
from starlette.responses import Response, StreamingResponse

from app.chunks import chunked
from app.database import Database, ReadSession
from app.files.csv_writing import csv_of, csv_parts
from app.http.conditions import is_known, tag_of_both, tag_of_content, tag_of_version
from app.http.fields import DIGITS, Content
from app.http.media import CSV, JSON, wants_csv

MOST_PER_PAGE = 500
ROWS_AT_ONCE = 1_000
T = TypeVar("T", bound=BaseModel)


class Page(Content):
    """How much of a list at once; the `Link` of an answer leads to what follows."""

    limit: Annotated[int, Field(ge=1, le=MOST_PER_PAGE), DIGITS] = 50


class Listed(BaseModel, Generic[T]):
    """A page of a list."""

    items: list[T]


def shown(
    request: Request,
    content: BaseModel,
    *,
    status: int = 200,
    version: int | None = None,
    with_others: bool = False,
    location: str | None = None,
    link: str | None = None,
) -> Response:
    """Answer with `content`, or with 304 where the caller has it already.

    `with_others`: it shows more than what its version counts the changes of.
    """
    # Rows hold plain strings where the schema has words of the vocabulary: the same in JSON.
    body = content.model_dump_json(warnings=False).encode()
    if version is None:
        tag = tag_of_content(body)
    else:
        tag = tag_of_both(version, body) if with_others else tag_of_version(version)
    headers = {"ETag": tag}
    if location is not None:
        headers["Location"] = location
    if link is not None:
        headers["Link"] = link
    if is_known(request, tag):
        return Response(None, 304, headers)
    return Response(body, status, headers, JSON)


def place_of(request: Request, key: object) -> str:
    """Where what a list was given under `key` can be read."""
    return f"{request.url.path}/{quote(str(key), safe='')}"


def listed(
    request: Request,
    wanted: Page | None,
    page: type[Listed[T]],
    read: Callable[[int | None], Sequence[T]],
    after: Callable[[T], object],
    columns: Sequence[str] | None = None,
    query: Mapping[str, str] | None = None,
    **more: Any,
) -> Response:
    """Answer with a page, or as CSV with the whole list as filtered; `wanted` None: no pages.

    `read` takes how many are wanted at most, `after` gives the key that the next page follows,
    and `query` what else its address holds anew. `more` stands in the page beside its items.
    """
    if wants_csv(request):
        name = request.url.path.rpartition("/")[2]
        item: type[BaseModel] = get_args(page.model_fields["items"].annotation)[0]
        return csv_file(request, name, columns or list(item.model_fields), read(None))
    items = list(read(None if wanted is None else wanted.limit + 1))
    link = None
    if wanted is not None and len(items) > wanted.limit:
        items.pop()
        url = request.url.include_query_params(after=after(items[-1]), **(query or {}))
        link = f'<{url.path}?{url.query}>; rel="next"'
    return shown(request, page.model_construct(items=items, **more), link=link)


def whole_list(
    request: Request,
    name: str,
    columns: Sequence[str],
    ids: Sequence[int],
    read: Callable[[ReadSession, Sequence[int]], Sequence[BaseModel]],
) -> Response:
    """Answer with all rows of a list as a CSV file, in the order of their ids.

    A long one is sent while it is read, and has no ETag.
    """
    database: Database = request.app.state.database
    if len(ids) <= ROWS_AT_ONCE:
        with database.read() as session:
            return csv_file(request, name, columns, read(session, ids))

    def rows(session: ReadSession, some: Sequence[int]) -> list[dict[str, Any]]:
        return [row.model_dump(mode="json", warnings=False) for row in read(session, some)]

    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return StreamingResponse(
        text_of_list(database, columns, ids, rows), 200, headers, f"{CSV}; charset=utf-8"
    )


def text_of_list(
    database: Database,
    columns: Sequence[str],
    ids: Sequence[int],
    read: Callable[[ReadSession, Sequence[int]], Iterable[Mapping[str, object]]],
) -> Iterator[str]:
    """A list as CSV in pieces, so that no more of it than one is in memory."""

    def parts() -> Iterator[Iterable[Mapping[str, object]]]:
        with database.snapshot() as session:
            for some in chunked(ids, ROWS_AT_ONCE):
                yield read(session, some)
                session.expunge_all()

    return csv_parts(columns, parts())


def csv_file(
    request: Request, name: str, columns: Sequence[str], rows: Sequence[BaseModel]
) -> Response:
    """Answer with a CSV file, guarded against spreadsheets that run cells, or with 304."""
    text = csv_of(columns, (row.model_dump(mode="json", warnings=False) for row in rows)).encode()
    tag = tag_of_content(text)
    if is_known(request, tag):
        return Response(None, 304, {"ETag": tag})
    headers = {"ETag": tag, "Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(text, 200, headers, f"{CSV}; charset=utf-8")
