"""Why a need was not met: the same truth over HTTP, in the terminal, the portal and the report."""

import csv
from datetime import UTC, datetime
from io import StringIO

import pytest
from sqlalchemy import delete

from app.access.policy import TERMINAL
from app.cli.main import run as command
from app.database import Database
from app.errors import NotFound
from app.explanations import queries, words
from app.explanations.answers import kept_answers
from app.explanations.schemas import NeedAnswer
from app.insight.queries import report_data, result_of
from app.proposals import decisions
from app.settings import settings
from models.matching import Run, RunFile
from models.vocabulary import DecisionAction, DeclineReason, Reciprocity
from solver.explain.changes import IN_HALF_DAYS, KIND_OF_RULE, TABLE, ChangeKind
from solver.formulation.rules import ChangePenalty, NeedDays, NeedGivers, Pins, Rule
from tests import rows
from tests.callers import keyed
from tests.portal import broker
from tests.runs import FREELY, OPTIONS, match

API = "/api/v1"
CROWDED = "The school has as many supporting organisations as it can have at a time."


@pytest.fixture
def crowded(database: Database) -> Database:
    """Oak School may have one supporter and needs two; nobody offers its third need."""
    with database.write() as session:
        rows.add_calendar(session)
        oak = rows.add_school(session, 1, name="Oak School")
        rows.add_need(session, "N1", oak, priority=1)
        rows.add_need(session, "N2", oak, expertise_code="reading", priority=4)
        rows.add_need(session, "N3", oak, expertise_code="reading", mode="remote", priority=5)
        rows.add_limits(session, oak, max_taken=1)
        rows.add_offer(session, "O1", rows.add_school(session, 2, 1, name="Ash School"))
        elm = rows.add_school(session, 3, 2, name="Elm School")
        rows.add_offer(session, "O2", elm, expertise_code="reading")
    match(database, FREELY)
    return database


def test_the_school_s_own_limit_is_named_over_http(crowded: Database) -> None:
    """In the list and alone: the rule, who holds the place, and the change, tried when asked."""
    with keyed(crowded) as client:
        [first, second] = client.get(f"{API}/runs/1/unmet").json()["items"]
        assert [first["need"], second["need"]] == ["N2", "N3"]
        assert (first["participant"], first["name"], first["why"]) == ("1", "Oak School", CROWDED)
        [candidate] = first["candidates"]
        assert (candidate["offer"], candidate["alone"]) == ("O2", True)
        [binding] = candidate["binding"]
        assert (binding["rule"], binding["subject"], binding["lacking"]) == (
            "most taken",
            "urn:1",
            1,
        )
        [holder] = binding["holders"]
        assert (holder["giver"], holder["need"], holder["days"]) == ("Ash School", "N1", 2)
        assert first["change"]["kind"] == "max_taken"
        assert first["change"]["confirmed"] is None
        assert second["reasons"][0]["of"] == "pair"
        assert second["change"] is None

        alone = client.get(f"{API}/runs/1/unmet/N2").json()
        change = alone["change"]
        assert change["words"] == ("Allow Oak School one more supporting organisation at a time")
        assert (change["confirmed"], change["moved"]) == (True, 0)
        assert change["gain"] == alone["candidates"][0]["points"]
        assert alone["candidates"][0]["binding"][0]["holders"][0]["proposal"] == 1
        assert alone["loss"] > 0
        assert alone["left_out"] == ["N1"]
        [first, _] = client.get(f"{API}/runs/1/unmet").json()["items"]
        assert first["change"]["confirmed"] is True


def test_the_list_comes_in_pages_and_as_csv(crowded: Database) -> None:
    """Each need once, in the order of the run."""
    with keyed(crowded) as client:
        page = client.get(f"{API}/runs/1/unmet?limit=1")
        assert [each["need"] for each in page.json()["items"]] == ["N2"]
        rest = client.get(page.links["next"]["url"])
        assert [each["need"] for each in rest.json()["items"]] == ["N3"]
        assert "next" not in rest.links
        answer = client.get(f"{API}/runs/1/unmet", headers={"Accept": "text/csv"})
        text = answer.content.decode("utf-8-sig")
        [row, _] = csv.DictReader(StringIO(text))
        assert (row["need"], row["why"]) == ("N2", CROWDED)


def test_a_met_need_says_who_meets_it(crowded: Database) -> None:
    """With the offer, the days and the proposal."""
    answer = NeedAnswer.of(queries.why(crowded, TERMINAL, 1, "N1"))
    assert answer.why is None
    assert answer.change is None
    [met] = answer.met_by
    assert (met.giver, met.offer, met.days, met.proposal) == ("Ash School", "O1", 2, 1)
    who = broker(crowded)
    assert "Who meets it" in who.open("/runs/1/unmet/N1").text
    with crowded.write() as session:
        said = decisions.Said(DeclineReason.CAPACITY)
        now = datetime.now(UTC)
        decline = DecisionAction.DECLINE
        decisions.decide(session, TERMINAL, 1, decline, said, hold_days=14, now=now)
    page = who.open("/runs/1/unmet/N1").text
    assert "Who meets it" not in page
    assert "Who was to meet it" in page
    assert "proposal 1 , declined)" in page


def test_what_was_found_once_is_kept_with_the_run(crowded: Database) -> None:
    """Who asks next gets the same answer without solving, in every process."""
    first = queries.why(crowded, TERMINAL, 1, "N2").answer
    with crowded.write() as session:
        assert kept_answers(session, 1) == {"N2": first}
        session.execute(delete(RunFile).where(RunFile.name == "problem"))
    assert queries.why(crowded, TERMINAL, 1, "N2").answer == first


def test_runs_of_earlier_versions_are_explained_too(crowded: Database) -> None:
    """What was not stored with the plan is found from problem and plan."""
    with crowded.write() as session:
        before, _ = queries.unmet_needs(session, TERMINAL, 1)
        session.execute(delete(RunFile).where(RunFile.name == "explained"))
    with crowded.read() as session:
        after, _ = queries.unmet_needs(session, TERMINAL, 1)
    assert [each.unmet for each in after] == [each.unmet for each in before]


def test_who_asks_for_what_is_not_there_is_told(crowded: Database) -> None:
    """An unknown run, an unknown need, and a run that has no plan."""
    with crowded.write() as session:
        session.get_one(Run, match(crowded, FREELY)).state = "failed"
    with keyed(crowded) as client:
        assert client.get(f"{API}/runs/9/unmet").status_code == 404
        assert client.get(f"{API}/runs/1/unmet/N9").status_code == 404
        assert "has no plan" in client.get(f"{API}/runs/2/unmet").json()["detail"]


def test_a_later_need_was_not_planned(crowded: Database) -> None:
    """It is no unmet need of a run that did not know it, and no run is made up for it."""
    with crowded.write() as session:
        rows.add_need(session, "late", rows.add_school(session, 4))
    with pytest.raises(NotFound, match="did not plan need 'late'"):
        queries.why(crowded, TERMINAL, 1, "late")
    with crowded.read() as session:
        assert queries.latest_run(session, TERMINAL, "N2") == 1
        with pytest.raises(NotFound, match="No run has planned need 'late' yet"):
            queries.latest_run(session, TERMINAL, "late")


def told(monkeypatch: pytest.MonkeyPatch, database: Database, *arguments: str) -> None:
    settings.cache_clear()
    monkeypatch.setenv("GIVETAKE_DATABASE_URL", database.url)
    monkeypatch.setattr("sys.argv", ["givetake", "why", *arguments])
    with pytest.raises(SystemExit) as end:
        command()
    settings.cache_clear()
    assert end.value.code == 0


def test_the_terminal_answers_why(
    crowded: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unmet need, a met one, and one that the rules for pairs allow no offer."""
    told(monkeypatch, crowded, "N2")
    said = capsys.readouterr().out
    assert "Run 1 does not meet it." in said
    assert f"Elm School, offer O2: {CROWDED}" in said
    assert "Held by: Ash School gives Oak School 2 days for need N1" in said
    assert "Smallest change: Allow Oak School one more supporting organisation at a time." in said
    assert "Confirmed by solving again" in said
    told(monkeypatch, crowded, "N1", "--run", "1")
    assert "Run 1 meets it:\n  Ash School gives 2 days from offer O1." in capsys.readouterr().out
    told(monkeypatch, crowded, "N3")
    assert "1 offer: One side wants support on site only" in capsys.readouterr().out


def test_the_portal_shows_why_with_links(crowded: Database) -> None:
    """From the list of unmet needs and from the need's page, to the proposal that holds it."""
    who = broker(crowded)
    unmet = who.open("/runs/1/unmet")
    assert f"1 offer {CROWDED}" in unmet.text
    assert "It would fit with one change: Allow Oak School one more" in unmet.text
    assert "/portal/runs/1/unmet/N2" in unmet.links
    assert "/portal/needs/N2/why" in who.open("/needs/N2").links
    page = who.open("/needs/N2/why")
    assert not page.faults
    assert "Allow Oak School one more supporting organisation at a time." in page.text
    assert "Confirmed by solving again" in page.text
    assert {"/portal/proposals/1", "/portal/needs/N1", "/portal/offers/O2"} <= set(page.links)
    assert "Ash School gives Oak School 2 days" in who.open("/runs/1/unmet/N1").text
    assert "The rules for pairs allow none." in who.open("/runs/1/unmet/N3").text


def test_the_report_names_the_rule_and_the_change(crowded: Database) -> None:
    """And says of no need that the plan does more good in other ways."""
    with crowded.read() as session:
        data = report_data(session, result_of(session, TERMINAL, 1))
    [second, third] = sorted(data.unmet, key=lambda each: each.need)
    assert [(each.sentence, each.offers) for each in second.reasons] == [(CROWDED, 1)]
    assert second.change == "Allow Oak School one more supporting organisation at a time"
    assert third.change is None


def test_reciprocity_is_named_where_it_binds(sqlite_database: Database) -> None:
    """A school without days to give and without allowance: the balance, not some better use."""
    with sqlite_database.write() as session:
        rows.add_calendar(session)
        oak = rows.add_school(session, 1, name="Oak School")
        rows.add_need(session, "N1", oak)
        rows.add_limits(session, oak, allowance_half_days=3)
        rows.add_offer(session, "O1", rows.add_school(session, 2, 1))
    match(sqlite_database, OPTIONS.model_copy(update={"reciprocity": Reciprocity.BALANCED}))
    answer = NeedAnswer.of(queries.why(sqlite_database, TERMINAL, 1, "N1"))
    assert answer.why == words.SENTENCES["balance"]
    assert answer.candidates[0].binding[0].figures == (
        "It receives 0 days more than it gives, with an allowance of 1.5 days."
    )
    assert answer.change is not None
    assert answer.change.confirmed
    assert answer.change.words == "Lower the need's minimum by half a day"


def test_every_rule_and_every_change_has_its_words() -> None:
    """A rule that may bind without a sentence, or a change without words, is an error."""
    never = {each.name for each in (NeedGivers, NeedDays, Pins, ChangePenalty)}
    binding = {each.name for each in Rule.__subclasses__()} - never
    assert binding == set(words.SENTENCES) == set(words.LIMITS)
    assert KIND_OF_RULE.keys() | IN_HALF_DAYS <= binding
    for kind in ChangeKind:
        assert kind in TABLE
        assert words.change_words(words.ChangeById(kind, "X", 1), words.Names())


def test_reasons_that_bind_together_are_one_sentence() -> None:
    """So that whoever reads it does not think that one of them would do."""
    assert words.why(["give limit", "most taken"]) == (
        "Several limits together: the days of the supporting organisation and the school's "
        "supporting organisations at a time."
    )
    assert words.why([]) == words.FITS
