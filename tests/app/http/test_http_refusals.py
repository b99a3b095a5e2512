"""What over HTTP is refused: in bodies, in queries and in addresses."""

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.callers import NEED, NEEDS, raw, said
from tests.rows import YEAR


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"days": "2.5"}, "#/days"),
        ({"days": 2.3}, "#/days"),
        ({"days": 10**400}, "#/days"),
        ({"days": True}, "#/days"),
        ({"max_givers": 10**30}, "#/max_givers"),
        ({"max_givers": 1.5}, "#/max_givers"),
        ({"priority": 6}, "#/priority"),
        ({"agreed_by": "nul\0"}, "#/agreed_by"),
        ({"agreed_by": "lone\ud800"}, "#/agreed_by"),
        ({"agreed_by": "x" * 101}, "#/agreed_by"),
        ({"reference": "white space"}, "#/reference"),
        ({"window_starts": 20260901}, "#/window_starts"),
        ({"window_starts": "2026-09-01T00:00:00"}, "#/window_starts"),
        ({"window_starts": "9999-01-01"}, "#/window_starts"),
        ({"travel_limit_miles": 0}, "#/travel_limit_miles"),
        ({"mode": "by_post"}, "#/mode"),
        ({"unheard/of": 1}, "#/unheard~1of"),
        ({"\ud800": 1}, None),
    ],
)
def test_what_cannot_be_kept_is_refused_where_it_stands(
    client: TestClient, change: dict[str, Any], pointer: str | None
) -> None:
    """Each is named by a JSON pointer, and what was sent is not sent back."""
    answer = raw(client, json.dumps(NEED | {"reference": "n"} | change))
    problem = said(answer, 422, "invalid")
    if pointer is not None:
        assert pointer in [error["pointer"] for error in problem["errors"]]
    assert "input" not in answer.text


@pytest.mark.parametrize(
    "repeated",
    ['"days": 3, "days": 4', '"days": 3, "\\u0064ays": 4', '"x": [{"days": 1, "days": 1}]'],
)
def test_a_field_that_is_given_twice_is_refused(client: TestClient, repeated: str) -> None:
    """Which of the two was meant is not ours to guess, however deep and however it is written."""
    problem = said(raw(client, f"{{{repeated}}}"), 422, "invalid")
    assert problem["errors"] == [{"detail": "'days' is repeated. Send it once", "pointer": "#"}]


def test_words_are_quoted_as_they_are_written(client: TestClient) -> None:
    """What is possible instead is said in words of the document, not as Python shows them."""
    bad = client.post(
        "/api/v1/proposals/1/decisions", json={"action": "approved"}, headers={"If-Match": "*"}
    )
    said(bad, 422, "invalid")
    assert "'prefer'" in bad.json()["errors"][0]["detail"]
    assert "<" not in bad.text


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_numbers_that_are_none_are_refused(client: TestClient, number: str) -> None:
    """Python's JSON reader takes them; we do not."""
    body = json.dumps(NEED | {"reference": "n", "travel_limit_miles": 1}).replace(
        '"travel_limit_miles": 1', f'"travel_limit_miles": {number}'
    )
    said(raw(client, body), 422, "invalid")


@pytest.mark.parametrize("body", ["{", b"\xff", "[" * 100_000, "1" * 5_000, ""])
def test_what_is_no_json_is_told_so(client: TestClient, body: str | bytes) -> None:
    """Nothing that is sent as a body ends in a fault of ours."""
    assert raw(client, body).status_code in (400, 422)


def test_text_is_composed_one_way(client: TestClient) -> None:
    """An accent written apart from its letter is stored as one character."""
    made = client.post(NEEDS, json=NEED | {"reference": "n", "agreed_by": "chargee\u0301e"})
    assert made.json()["agreed_by"] == "charge\u00e9e"


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=501",
        "limit=x",
        "limit=5_0",
        "limit=%2B5",
        "limit=5.0",
        "limit=%205",
        "after=-1",
        f"after={10**30}",
        "area=x",
        "perod=2026",
        "limit=1&limit=2",
    ],
)
def test_a_query_that_means_nothing_is_refused(client: TestClient, query: str) -> None:
    """A misspelt filter is not silently none."""
    problem = said(client.get(f"{NEEDS}?{query}"), 422, "invalid")
    assert problem["errors"][0]["parameter"] == query.partition("=")[0]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/health"),
        ("GET", "/api/v1/institutions/100000"),
        ("GET", "/api/v1/institutions/100000/measures"),
        ("GET", "/api/v1/runs/1/events"),
        ("POST", "/api/v1/runs/1/cancellation"),
        ("POST", NEEDS),
    ],
)
def test_no_operation_takes_a_parameter_it_does_not_know(
    client: TestClient, method: str, path: str
) -> None:
    """Of any operation, list or not: one that is misspelt is named, not passed over."""
    problem = said(client.request(method, f"{path}?prety=1", json=NEED), 422, "invalid")
    assert {"prety"} == {error.get("parameter") for error in problem["errors"]} - {None}


@pytest.mark.parametrize("path", ["institutions/100_000", "runs/%201", "runs/+1", "runs/1.0"])
def test_a_number_in_an_address_is_written_in_digits(client: TestClient, path: str) -> None:
    """What Python would read as a number is no second address of the same thing."""
    said(client.get(f"/api/v1/{path}"), 422, "invalid")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("runs", {"operation": "validate", "of_run": "1", "plan": {}}),
        ("organisations", {"key": "k", "name": "n", "kind": "hub", "group_uid": "1"}),
        ("embed-tokens", {"layer": "partner", "origins": ["https://a.example"], "run_id": "1"}),
    ],
)
def test_a_number_in_a_body_is_no_text(client: TestClient, path: str, body: Any) -> None:
    """The document says integer, and text is none."""
    problem = said(client.post(f"/api/v1/{path}", json=body), 422, "invalid")
    assert [error["detail"] for error in problem["errors"]] == ["must be a valid integer"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("needs", {f"unknown-{number}": 1 for number in range(2_000)}),
        ("runs", {"period": YEAR, "takers": [1] * 2_000}),
        ("runs", {"area": "x", "period": YEAR, "options": {"pins": [1] * 2_000}}),
        ("offers", NEED | {"phases": [1] * 2_000}),
        ("organisations", {"key": "k", "name": "n", "kind": "hub", "areas_served": [1] * 2_000}),
    ],
)
def test_what_is_wrong_throughout_is_told_early(client: TestClient, path: str, body: Any) -> None:
    """A body of a thousand faults is not searched for all of them, of which few would be told."""
    problem = said(client.post(f"/api/v1/{path}", json=body), 422, "invalid")
    assert len(problem["errors"]) < 5


@pytest.mark.parametrize("path", ["/api/v1/institutions?q=%00", "/api/v1/networks?q=%00a"])
def test_a_search_for_what_cannot_be_is_refused(client: TestClient, path: str) -> None:
    """A NUL in a query reaches no database."""
    said(client.get(path), 422, "invalid")
