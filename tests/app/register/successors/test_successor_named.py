"""An old URN leads to the successor: in files, searches, pages, HTTP and runs."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.access.policy import TERMINAL
from app.database import Database
from app.errors import FaultyFile
from app.exchange.files import import_limits, import_needs, import_offers
from app.import_kit.report import ImportReport
from app.partnerships.service import import_support
from app.planning.scope import takers_listed
from app.register.circumstances import import_circumstances
from app.register.lookups import find_participants
from app.register.networks import import_networks
from app.register.successors.carry_over import carry_over
from app.register.successors.resolve import schools
from models.exchange import Limits, Need, Offer
from models.partnerships import Support
from models.register import (
    Circumstance,
    Institution,
    NetworkMembership,
    Participant,
    Succession,
)
from tests import rows
from tests.callers import keyed
from tests.portal import broker

OLD, NEW, OTHER = 900001, 900011, 900002
ITEMS = "reference,participant,expertise,period,days\n"
FILES: dict[str, tuple[Callable[..., ImportReport], str]] = {
    "needs": (import_needs, f"{ITEMS}n-1,{OLD},maths,{rows.YEAR},2\n"),
    "offers": (import_offers, f"{ITEMS}o-1,{OLD},maths,{rows.YEAR},2\n"),
    "limits": (import_limits, f"participant,period,max_taken\n{OLD},{rows.YEAR},2\n"),
    "support": (import_support, f"reference,taker,giver,state\ns-1,{OLD},{OTHER},active\n"),
    "networks": (import_networks, f"key,name,kind,member\nkin,Kin,family,{OLD}\n"),
    "circumstances": (
        import_circumstances,
        f"participant,kind,starts,source\n{OLD},new_head,2026-09-01,made up\n",
    ),
}  # fmt: skip
OWNER: dict[str, Any] = {
    "needs": Need.participant_id,
    "offers": Offer.participant_id,
    "limits": Limits.participant_id,
    "support": Support.taker_id,
    "networks": NetworkMembership.participant_id,
    "circumstances": Circumstance.participant_id,
}


@pytest.fixture
def exchange(database: Database) -> Database:
    """A school that is open still, one beside it, and the academy that it becomes."""
    with database.write() as session:
        rows.add_calendar(session)
        for urn in (OLD, NEW, OTHER):
            rows.add_school(session, urn)
    return database


def close(database: Database) -> None:
    """The old school closes, and the links name the academy."""
    with database.write() as session:
        link = Succession(predecessor_urn=OLD, successor_urn=NEW, kind="replaced", effective=None)
        rows.add(session, link)
        [old] = schools(session, [OLD])
        institution = session.get_one(Institution, old.participant_id)
        institution.status_code, institution.in_scope = 2, False


def take(database: Database, folder: Path, kind: str, text: str | None = None) -> ImportReport:
    importer, content = FILES[kind]
    path = folder / f"{kind}.csv"
    path.write_text(text or content)
    with database.write() as session:
        return importer(session, TERMINAL, path)


def owners(database: Database, kind: str) -> list[str]:
    with database.read() as session:
        query = select(Participant.reference).join_from(
            OWNER[kind].class_, Participant, Participant.id == OWNER[kind]
        )
        return sorted(session.scalars(query))


@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_names_the_old_urn_means_the_successor(
    exchange: Database, tmp_path: Path, kind: str
) -> None:
    """It is taken with a note; one imported before the school closed changes nothing after."""
    close(exchange)
    report = take(exchange, tmp_path, kind)
    assert owners(exchange, kind) == [f"urn:{NEW}"]
    assert report.notes == [
        f"{OLD} is closed. Its rows were taken for its successor, {NEW} School {NEW}."
    ]
    assert not take(exchange, tmp_path, kind).any_change


@pytest.mark.parametrize("kind", FILES)
def test_the_file_of_before_changes_nothing_after_the_successor_took_over(
    exchange: Database, tmp_path: Path, kind: str
) -> None:
    """What was carried over is not fetched back, and nothing is there twice."""
    take(exchange, tmp_path, kind)
    assert owners(exchange, kind) == [f"urn:{OLD}"]
    close(exchange)
    with exchange.write() as session:
        [old, new] = schools(session, [OLD, NEW])
        carry_over(session, "test", [(old, new)], date(2026, 11, 23))
    assert owners(exchange, kind) == [f"urn:{NEW}"]
    assert not take(exchange, tmp_path, kind).any_change
    assert owners(exchange, kind) == [f"urn:{NEW}"]


def test_limits_of_a_school_and_of_its_successor_in_one_file(
    exchange: Database, tmp_path: Path
) -> None:
    """They are limits of one: the second line is named, and nothing is stored."""
    close(exchange)
    text = f"participant,period,max_taken\n{NEW},{rows.YEAR},2\n{OLD},{rows.YEAR},1\n"
    with pytest.raises(FaultyFile) as refused:
        take(exchange, tmp_path, "limits", text)
    assert [(fault.line, fault.value) for fault in refused.value.faults] == [
        (3, f"urn:{NEW} {rows.YEAR}")
    ]


def test_searches_and_lists_lead_to_the_successor(exchange: Database) -> None:
    """A search by the old URN shows both; a run for it is one for its successor."""
    close(exchange)
    with exchange.read() as session:
        day = date(2026, 11, 23)
        results = find_participants(session, TERMINAL, str(OLD), on=day, open_only=True)
        assert [(each.reference, each.successor) for each in results.found] == [
            (f"urn:{OLD}", str(NEW)), (f"urn:{NEW}", None),
        ]  # fmt: skip
        assert results.total == 2
        assert len(find_participants(session, TERMINAL, str(OLD), on=day, limit=1).found) == 1
        listed = takers_listed(session, TERMINAL, [str(OLD)])
        new = session.scalars(select(Participant.id).where(Participant.reference == f"urn:{NEW}"))
        assert listed.participant_ids == {new.one()}


def test_an_institution_shows_its_successor_over_http(exchange: Database) -> None:
    """The closed one keeps its page, with a link; a need for it is one of its successor."""
    close(exchange)
    with keyed(exchange) as client:
        old = client.get(f"/api/v1/institutions/{OLD}")
        successor = {"urn": NEW, "name": f"School {NEW}", "kind": "replaced", "effective": None}
        assert (old.json()["successors"], old.json()["followed_by"]) == ([successor], NEW)
        assert old.links["successor-version"]["url"] == f"/api/v1/institutions/{NEW}"
        new = client.get(f"/api/v1/institutions/{NEW}")
        assert [each["urn"] for each in new.json()["predecessors"]] == [OLD]
        assert (new.json()["followed_by"], "Link" in new.headers) == (None, False)
        need = {"participant": str(OLD), "expertise": "maths", "period": rows.YEAR, "days": 2}
        made = client.post("/api/v1/needs", json=need | {"reference": "n-9"})
        assert made.status_code == 201, made.text
        assert made.json()["participant"] == str(NEW)


def test_the_portal_shows_the_successor_of_an_old_urn(exchange: Database) -> None:
    """In the search and on the page of the closed school."""
    close(exchange)
    who = broker(exchange)
    assert f"Succeeded by {NEW}" in who.open(f"/institutions?q={OLD}").text
    assert f"Its place was taken by School {NEW}" in who.open(f"/participants/{OLD}").text
    assert f"Predecessor School {OLD}" in who.open(f"/participants/{NEW}").text
