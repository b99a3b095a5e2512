"""Lists of needs, offers, proposals and partnerships: filtered, sorted and paged alike."""

from typing import Any
from urllib.parse import urlencode

import pytest
from fastapi.testclient import TestClient

from app.access.policy import Role, Scope
from app.database import Database
from app.exchange import queries
from app.exchange.list_query import NeedQuery, OfferQuery
from app.http.list_query import ListQuery
from app.partnerships.list_query import PartnershipQuery
from app.portal import labels
from app.portal.lists import ONLY_IN_ADDRESSES
from app.proposals.list_query import ProposalQuery
from models.register import Area
from models.vocabulary import ScopeKind
from tests import rows
from tests.callers import csv_rows, keyed, said
from tests.factories import acting

API = "/api/v1"
QUERIES = (NeedQuery, OfferQuery, ProposalQuery, PartnershipQuery)


@pytest.fixture
def patch(database: Database) -> Database:
    """Two local authorities, a trust, a network, and a secondary school among primary schools."""
    with database.write() as session:
        rows.add_calendar(session)
        rows.add(session, Area(kind="local_authority", code="998", name="Elsewhere"))
        oak = rows.add_school(session, 1, name="Oak School", phases=["secondary"])
        ash = rows.add_school(session, 2, name="Ash School")
        elm = rows.add_school(session, 3, name="Elm School", local_authority_code="998")
        rows.add_group(session, 5001, "multi_academy_trust", [oak, elm])
        rows.add_network(session, "north", [ash])
        rows.add_need(session, "n-oak", oak, priority=1, half_days=2, half_days_min=1)
        rows.add_need(session, "n-ash", ash, half_days=8, expertise_code="reading")
        rows.add_need(session, "n-elm", elm, half_days=4, state="met")
        rows.add_offer(session, "o-oak", oak, phases=["secondary"])
        rows.add_offer(session, "o-ash", ash, quality=4)
    return database


def found(client: TestClient, kind: str, **query: Any) -> list[str]:
    items = client.get(f"{API}/{kind}?{urlencode(query)}").json()["items"]
    return [each["reference"] for each in items]


def test_needs_and_offers_are_filtered_by_where_and_what_they_are(patch: Database) -> None:
    """Each filter narrows by itself, and together they narrow further."""
    with keyed(patch) as client:
        for query, expected in (
            ({"area": "local_authority:998"}, ["n-elm"]),
            ({"trust": "group 5001"}, ["n-oak", "n-elm"]),
            ({"trust": "5001", "area": "local_authority:999"}, ["n-oak"]),
            ({"network": "north"}, ["n-ash"]),
            ({"phase": "secondary"}, ["n-oak"]),
            ({"priority": 1}, ["n-oak"]),
            ({"q": "elm"}, ["n-elm"]),
            ({"q": "2"}, ["n-ash"]),
            ({"q": "testshire"}, ["n-oak", "n-ash"]),
            ({"progress": "met"}, ["n-elm"]),
            ({"expertise": "reading", "priority": 1}, []),
        ):
            assert found(client, "needs", **query) == expected, query
        assert found(client, "offers", phase="primary") == ["o-ash"]
        assert found(client, "offers", phase="secondary") == ["o-oak", "o-ash"]
        assert found(client, "offers", quality=4) == ["o-ash"]


@pytest.mark.parametrize("sort", NeedQuery.sorts())
def test_pages_in_any_order_hold_each_once(patch: Database, sort: str) -> None:
    """By whatever column, either way, page by page as all at once."""
    with keyed(patch) as client:
        for way in ("", "-"):
            whole = found(client, "needs", sort=f"{way}{sort}")
            seen = []
            url: str | None = f"{API}/needs?{urlencode({'sort': way + sort, 'limit': 1})}"
            while url:
                answer = client.get(url)
                seen += [each["reference"] for each in answer.json()["items"]]
                link = answer.headers.get("link")
                url = link and link.partition(">")[0].removeprefix("<")
            assert seen == whole
            assert sorted(whole) == ["n-ash", "n-elm", "n-oak"]
        assert found(client, "needs", sort="participant") == ["n-ash", "n-elm", "n-oak"]
        assert found(client, "needs", sort="-days") == ["n-ash", "n-elm", "n-oak"]


def test_a_place_of_another_order_is_refused(patch: Database) -> None:
    """What is no number cannot be followed in an order of numbers, nor an order that none is."""
    with keyed(patch) as client:
        for query, name in (
            ("sort=days&after=Ash~1", "after"),
            ("sort=participant&after=Ash", "after"),
            ("sort=shoe", "sort"),
        ):
            problem = said(client.get(f"{API}/needs?{query}"), 422, "invalid")
            assert problem["errors"][0]["parameter"] == name


def test_totals_are_of_what_is_filtered(patch: Database) -> None:
    """Over all pages: how many, their days, and what has come of needs; within one's own scope."""
    with keyed(patch) as client:
        everything = client.get(f"{API}/totals/needs").json()
        assert everything["total"] == {"number": 3, "days": 7}
        assert everything["came"] == {
            "nothing": {"number": 2, "days": 5},
            "met": {"number": 1, "days": 2},
        }
        some = client.get(f"{API}/totals/needs?area=local_authority:999&limit=1").json()
        assert some["total"] == {"number": 2, "days": 5}
        assert client.get(f"{API}/totals/offers?q=ash").json()["total"]["number"] == 1
        assert client.get(f"{API}/totals/proposals").json()["total"] == {"number": 0, "days": 0}
        assert client.get(f"{API}/totals/partnerships").json()["number"] == 0
    who = acting(Role.BROKER, scope=Scope(ScopeKind.AREA, "998"))
    with patch.read() as session:
        assert queries.count_needs(session, who, NeedQuery()).total == queries.Number(1, 4)


def test_a_long_list_is_sent_while_it_is_read(patch: Database) -> None:
    """A file of more rows than are read at once has all of them, in the order asked for."""
    with patch.write() as session:
        far = rows.add_school(session, 4)
        rows.add_network(session, "south", [far])
        for number in range(1_200):
            half_days = number % 7 + 1
            rows.add_need(session, f"many-{number}", far, half_days=half_days, half_days_min=1)
    with keyed(patch) as client:
        answer = client.get(
            f"{API}/needs?network=south&sort=-days&limit=1", headers={"Accept": "text/csv"}
        )
    assert "etag" not in answer.headers
    listed = csv_rows(answer)
    assert len({row["reference"] for row in listed}) == len(listed) == 1_200
    days = [float(row["days"]) for row in listed]
    assert days == sorted(days, reverse=True)


@pytest.mark.parametrize("kind", QUERIES)
def test_pages_have_words_for_what_lists_filter_and_sort_by(kind: type[ListQuery]) -> None:
    """Each filter of the form and each column has a label."""
    filters = set(kind.model_fields) - ONLY_IN_ADDRESSES
    assert filters <= labels.LIST_FILTERS.keys()
    assert set(kind.sorts()) <= labels.LIST_COLUMNS.keys()


def test_what_a_page_cannot_read_is_left_out() -> None:
    """A filter that means nothing filters nothing on a page; the others hold."""
    given = {"state": "shoe", "priority": "9", "q": " oak ", "page": "2", "sort": "shoe"}
    assert NeedQuery.kept(given) == {"q": "oak"}
    assert NeedQuery.read(given) == NeedQuery(q="oak")
    assert NeedQuery.read({}).is_filtered is False
