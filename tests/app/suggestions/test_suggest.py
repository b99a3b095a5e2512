"""Suggestions from measures: what stands out from similar schools, and what becomes of it."""

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select, update

from app.access.policy import TERMINAL, Role
from app.database import Database
from app.errors import FaultyFile, Forbidden, NotFound
from app.exchange import service
from app.exchange.files import export_needs, import_needs
from app.suggestions.service import SuggestReport, suggest
from models.access import AuditEvent
from models.exchange import Need, Offer
from models.register import Area, Measure
from models.vocabulary import Availability
from tests.factories import acting
from tests.suggestions import RULES, run, school

LOW, HIGH = 200001, 200002
MIDDLING = range(200003, 200015)


def alike(urn: int, attainment: float | None) -> dict[str, float | None]:
    """Figures that differ little from school to school, but for the attainment."""
    return {
        "pupils": 900 + urn % 7,
        "fsm6_pct": 20 + urn % 5,
        "eal_pct": 10 + urn % 3,
        "ks4_attainment8": attainment,
    }


@pytest.fixture
def schools(database: Database) -> Database:
    """Twelve middling schools, one well below them and one well above."""
    with database.write() as session:
        for urn in MIDDLING:
            school(session, urn, alike(urn, 44 + urn % 4))
        school(session, LOW, alike(LOW, 25.0))
        school(session, HIGH, alike(HIGH, 66.0))
        session.add(Area(kind="local_authority", code="900", name="Made-up Shire"))
    return database


def suggested(report: SuggestReport) -> set[tuple[str, int]]:
    return {(each["kind"], each["urn"]) for each in report.suggestions}


def remeasure(database: Database, urn: int, value: float | None) -> None:
    with database.write() as session:
        session.execute(
            update(Measure)
            .where(Measure.urn == urn, Measure.name == "ks4_attainment8")
            .values(value=value, suppressed=value is None)
        )


def test_well_below_is_a_suggested_need_and_well_above_a_prompt(
    schools: Database, tmp_path: Path
) -> None:
    """Each names its rule, the figures and their dates; nobody has agreed or answered yet."""
    report = run(schools, tmp_path)
    assert suggested(report) == {("need", LOW), ("offer", HIGH)}
    with schools.read() as session:
        need, offer = session.scalars(select(Need)).one(), session.scalars(select(Offer)).one()
        assert need.reference == f"suggested/ks4/2026-27/{LOW}"
        assert (need.state, need.evidence, need.agreed_by) == ("suggested", "data_trigger", None)
        assert (need.half_days, need.half_days_min, need.expertise_code) == (12, 5, "curriculum")
        assert need.window_starts == date(2026, 9, 1)
        assert offer.availability == "not_answered"
        assert (offer.half_days, offer.phases) == (8, ["secondary"])
        assert need.suggestion is not None
        assert need.suggestion["rule"] == "ks4"
        assert need.suggestion["rules_version"] == "test"
        assert (need.suggestion["value"], need.suggestion["period"]) == (25.0, "2026")
        assert need.suggestion["measured_on"] == "2026-08-31"
        assert need.suggestion["similar_schools"] == 8
        assert 44 <= need.suggestion["similar_mean"] <= 50
        assert need.suggestion["criteria"][1]["period"] == "2026-01"
        assert need.suggestion["statement"].startswith(
            "Attainment 8 was 25 points in the school year 2025-26 "
            "(source: Department for Education, key stage 4 performance). "
            "This is well below the mean of "
        )
        event = session.scalars(select(AuditEvent)).one()
        assert (event.action, event.subject) == ("suggest", "period:2026-27")


def test_again_changes_nothing(schools: Database, tmp_path: Path) -> None:
    """The same measures and rules on another day leave the same suggestions and no new event."""
    run(schools, tmp_path)
    report = run(schools, tmp_path, today=date(2026, 11, 1))
    assert not report.any_change
    assert (report.needs.unchanged, report.offers.unchanged) == (1, 1)
    with schools.read() as session:
        assert len(session.scalars(select(AuditEvent)).all()) == 1
        assert session.scalars(select(Need.version)).one() == 1


def test_a_preview_changes_nothing(schools: Database, tmp_path: Path) -> None:
    """A preview says what it would add and adds nothing."""
    report = run(schools, tmp_path, preview=True)
    assert (report.needs.added, report.offers.added) == (1, 1)
    with schools.read() as session:
        assert session.scalars(select(Need)).all() == []
        assert session.scalars(select(AuditEvent)).all() == []


def test_suggestions_follow_the_measures_until_somebody_speaks(
    schools: Database, tmp_path: Path
) -> None:
    """Unspoken suggestions are updated, taken back when no longer supported, and come again."""
    run(schools, tmp_path)
    remeasure(schools, LOW, 24.0)
    assert run(schools, tmp_path).needs.changed == 1
    remeasure(schools, LOW, 45.0)
    remeasure(schools, HIGH, 45.0)
    report = run(schools, tmp_path)
    assert (report.needs.withdrawn, report.offers.withdrawn) == (1, 1)
    with schools.read() as session:
        need, offer = session.scalars(select(Need)).one(), session.scalars(select(Offer)).one()
        assert (need.state, offer.withdrawn, offer.availability) == ("closed", True, "not_answered")
    assert not run(schools, tmp_path).any_change
    remeasure(schools, LOW, 24.0)
    remeasure(schools, HIGH, 66.0)
    report = run(schools, tmp_path)
    assert (report.needs.changed, report.offers.changed) == (1, 1)
    with schools.read() as session:
        assert session.scalars(select(Need.state)).one() == "suggested"
        assert session.scalars(select(Offer.withdrawn)).one() is False


def test_what_the_school_has_spoken_on_is_never_touched(schools: Database, tmp_path: Path) -> None:
    """A confirmed need and an answered offer stay, whatever the measures say afterwards."""
    run(schools, tmp_path)
    with schools.write() as session:
        reference = f"suggested/ks4/2026-27/{LOW}"
        service.confirm_need(session, TERMINAL, reference, by_role="headteacher")
        reference = f"suggested/ks4/2026-27/{HIGH}"
        service.answer_offer(session, TERMINAL, reference, Availability.CAN_OFFER, half_days=3)
    report = run(schools, tmp_path)
    assert (report.needs.said, report.offers.said) == (1, 1)
    remeasure(schools, LOW, 45.0)
    remeasure(schools, HIGH, 45.0)
    assert not run(schools, tmp_path).any_change
    with schools.read() as session:
        need, offer = session.scalars(select(Need)).one(), session.scalars(select(Offer)).one()
        assert (need.state, need.agreed_by) == ("identified", "headteacher")
        assert (offer.availability, offer.half_days, offer.withdrawn) == ("can_offer", 3, False)


def test_a_suggestion_a_person_closed_stays_closed(schools: Database, tmp_path: Path) -> None:
    """The school's no outlives the figures that led to the suggestion."""
    run(schools, tmp_path)
    with schools.write() as session:
        service.withdraw_need(session, TERMINAL, f"suggested/ks4/2026-27/{LOW}")
        service.withdraw_offer(session, TERMINAL, f"suggested/ks4/2026-27/{HIGH}")
    report = run(schools, tmp_path)
    assert (report.needs.said, report.offers.said) == (1, 1)
    with schools.read() as session:
        assert session.scalars(select(Need.state)).one() == "closed"


def test_a_school_s_own_need_comes_first(schools: Database, tmp_path: Path) -> None:
    """Where the school named the need itself, a suggestion of the same is taken back."""
    run(schools, tmp_path)
    path = tmp_path / "needs.csv"
    path.write_text(
        f"reference,participant,expertise,period,days\nown,{LOW},curriculum,2026-27,3\n"
    )
    with schools.write() as session:
        import_needs(session, TERMINAL, path)
    report = run(schools, tmp_path)
    assert (report.needs.said, report.needs.withdrawn) == (1, 1)


def test_a_suggestion_of_the_year_stands_for_its_terms(schools: Database, tmp_path: Path) -> None:
    """A run for a term neither repeats nor takes back what was suggested for its year."""
    run(schools, tmp_path)
    report = run(schools, tmp_path, period_code="2026-27/spring")
    assert (report.needs.said, report.offers.said) == (1, 1)
    assert not report.any_change


def test_a_selective_school_is_not_asked(schools: Database, tmp_path: Path) -> None:
    """Among selective schools too one may be well below; none is prompted for being above."""
    with schools.write() as session:
        for urn in range(300001, 300011):
            figures = alike(urn, 60 + urn % 3)
            school(session, urn, figures, admissions_policy="Selective")
        school(session, 300011, alike(300011, 90.0), admissions_policy="Selective")
        school(session, 300012, alike(300012, 30.0), admissions_policy="Selective")
    found = suggested(run(schools, tmp_path))
    assert found == {("need", LOW), ("offer", HIGH), ("need", 300012)}


def test_fee_paying_schools_only_when_asked_for(schools: Database, tmp_path: Path) -> None:
    """They are compared with each other, and only when named."""
    with schools.write() as session:
        for urn in range(400001, 400012):
            school(session, urn, alike(urn, 55 + urn % 3), fee_paying=True)
        school(session, 400012, alike(400012, 20.0), fee_paying=True)
    assert ("need", 400012) not in suggested(run(schools, tmp_path, preview=True))
    assert ("need", 400012) in suggested(run(schools, tmp_path, include_fee_paying=True))


def test_old_measures_only_when_asked_for(schools: Database, tmp_path: Path) -> None:
    """Three years after the last day of its period a measure is left out, and this is said."""
    late = date(2029, 1, 31)
    assert suggested(run(schools, tmp_path, today=late, preview=True)) == {
        ("need", LOW),
        ("offer", HIGH),
    }
    later = date(2029, 9, 1)
    report = run(schools, tmp_path, today=later, preview=True)
    assert report.suggestions == []
    assert any("Attainment 8 was left out" in note for note in report.notes)
    report = run(schools, tmp_path, today=later, include_old=True)
    assert suggested(report) == {("need", LOW), ("offer", HIGH)}


def test_a_missing_figure_is_never_nought(schools: Database, tmp_path: Path) -> None:
    """A suppressed figure is neither well below, nor does it pull others' means down."""
    with schools.write() as session:
        for urn in range(500001, 500009):
            school(session, urn, alike(urn, None))
    report = run(schools, tmp_path)
    assert suggested(report) == {("need", LOW), ("offer", HIGH)}
    remeasure(schools, LOW, None)
    report = run(schools, tmp_path)
    assert suggested(report) == {("offer", HIGH)}
    assert report.needs.withdrawn == 1


def test_too_few_common_criteria_or_schools_suggest_nothing(
    schools: Database, tmp_path: Path
) -> None:
    """A school of which one criterion is known has no similar schools; nor has one of few."""
    with schools.write() as session:
        figures: dict[str, float | None] = {"pupils": 900, "ks4_attainment8": 5.0}
        school(session, 600001, figures)
    assert suggested(run(schools, tmp_path, preview=True)) == {("need", LOW), ("offer", HIGH)}
    rules = RULES | {"similar_schools": 20, "minimum_similar": 14}
    assert suggested(run(schools, tmp_path, rules, preview=True)) == set()


def test_an_area_limits_whose_suggestions_are_kept(schools: Database, tmp_path: Path) -> None:
    """Schools outside the area serve to compare with, and keep the suggestions they have."""
    run(schools, tmp_path)
    remeasure(schools, HIGH, 45.0)
    report = run(schools, tmp_path, area_named="made-up shire")
    assert suggested(report) == {("need", LOW)}
    assert report.offers.withdrawn == 0
    with pytest.raises(NotFound, match="Atlantis"):
        run(schools, tmp_path, area_named="Atlantis")


def test_lower_can_be_better(schools: Database, tmp_path: Path) -> None:
    """For a measure such as absence the high figure is the need."""
    rule = RULES["rules"][0] | {"better": "lower"}
    found = suggested(run(schools, tmp_path, RULES | {"rules": [rule]}))
    assert found == {("need", HIGH), ("offer", LOW)}


def test_an_exported_suggestion_comes_back_unchanged_but_not_edited(
    schools: Database, tmp_path: Path
) -> None:
    """A file may hold suggestions; to change one, the school confirms it first."""
    run(schools, tmp_path)
    path = tmp_path / "needs.csv"
    with schools.read() as session:
        exported = export_needs(session, TERMINAL)
    path.write_text(exported, encoding="utf-8")
    with schools.write() as session:
        assert import_needs(session, TERMINAL, path).things["needs"].unchanged == 1
    path.write_text(exported.replace(",6,2.5,", ",8,2.5,"), encoding="utf-8")
    with pytest.raises(FaultyFile) as raised, schools.write() as session:
        import_needs(session, TERMINAL, path)
    assert "givetake confirm need suggested/ks4" in raised.value.faults[0].reason


def test_contacts_do_not_suggest(schools: Database) -> None:
    """Suggesting is for brokers and analysts."""
    contact = acting(Role.CONTACT, name="contact")
    with pytest.raises(Forbidden), schools.write() as session:
        suggest(session, contact)
