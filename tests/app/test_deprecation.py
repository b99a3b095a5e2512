"""What is to go says so; nothing is to go yet, so the routes are made up."""

from datetime import date

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.responses import Response

from app.http.deprecation import going
from app.http.middleware import Requests


def test_an_operation_that_is_to_go_says_so() -> None:
    """Since when, until when and what instead, beside what the answer says anyway."""
    app = FastAPI()
    app.add_middleware(Requests, guarded="/none/", files=("/none/",))
    plan = going(date(2027, 1, 1), date(2028, 2, 1), "/api/v2/new")

    @app.get("/old", deprecated=True, openapi_extra=plan)
    def old() -> Response:
        return Response("", headers={"Link": '</old?after=1>; rel="next"'})

    @app.get("/new")
    def new() -> Response:
        return Response("")

    client = TestClient(app)
    answer = client.get("/old")
    assert answer.headers["deprecation"] == "@1798761600"
    assert answer.headers["sunset"] == "Tue, 01 Feb 2028 00:00:00 GMT"
    assert answer.headers["link"] == (
        '</old?after=1>; rel="next", </api/v2/new>; rel="deprecation"'
    )
    assert not {"deprecation", "sunset", "link"} & set(client.get("/new").headers)
    assert app.openapi()["paths"]["/old"]["get"]["deprecated"]


def test_less_than_a_year_is_no_notice() -> None:
    """What is promised in the documentation holds by itself."""
    with pytest.raises(ValueError, match="365 days"):
        going(date(2027, 1, 1), date(2027, 12, 1), "/api/v2/new")
