"""What triggers a suggestion: each packaged rule, grades of both scales, and new heads."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select

from app.access.policy import TERMINAL
from app.database import Database
from app.errors import FaultyFile
from app.register.circumstances import ensure_default_rules
from app.register.measure_table import declared_measures
from app.suggestions.rules import read_rules
from app.suggestions.service import SuggestReport, suggest
from models.exchange import Need
from models.register import Circumstance, Measure
from tests.suggestions import RULES, TODAY, run, school

FIRST = 300001
OLD, CARD = "ofsted_overall_effectiveness", "report_card_leadership_and_governance"
GRADES: dict[str, Any] = RULES | {
    "rules": [RULES["rules"][0] | {"measure": "ks4_made_up"}],
    "grades": [
        {
            "id": "old",
            "measure": OLD,
            "need_when": ["Requires improvement"],
            "urgent_when": ["Inadequate"],
            "offer_when": ["Outstanding"],
            "superseded_by": [CARD],
            "need": {"expertise": "headship", "days": 4, "days_min": 2},
            "offer": {"expertise": "headship", "days": 4},
        },
        {
            "id": "card",
            "measure": CARD,
            "urgent_when": ["Urgent improvement"],
            "need": {"expertise": "headship", "days": 4, "days_min": 2},
        },
    ],
}


def graded(database: Database, grades: dict[int, list[tuple[str, str, str]]]) -> None:
    with database.write() as session:
        for urn, said in grades.items():
            school(session, urn, {})
            for name, period, word in said:
                session.add(Measure(urn=urn, name=name, period=period, text=word))


def found(report: SuggestReport) -> set[tuple[str, str, int]]:
    return {(each["rule"], each["kind"], each["urn"]) for each in report.suggestions}


def test_every_packaged_rule_has_its_trigger(sqlite_database: Database) -> None:
    """A school far on the worse side of one figure, or with one grade, gets that rule's need."""
    rules, _ = read_rules()
    urgent = {"urgent_when": "need", "need_when": "need", "offer_when": "offer"}
    wanted: set[tuple[str, str, int]] = set()
    alike: dict[str, float | None] = {c.measure: 10.0 for c in rules.criteria}
    alike |= {rule.measure: 10.0 for rule in rules.rules}
    urn = FIRST
    with sqlite_database.write() as session:
        for place in range(30):
            school(session, urn + place, {name: 10 + place % 3 * 0.01 for name in alike})
        urn += 30
        for rule in rules.rules:
            away = rule.gap + 5
            worse = 10.0 - away if rule.better == "higher" else 10.0 + away
            school(session, urn, alike | {rule.measure: worse})
            wanted.add((rule.id, "need", urn))
            urn += 1
        for grade in rules.grades:
            for words, kind in urgent.items():
                for word in getattr(grade, words):
                    school(session, urn, {})
                    session.add(Measure(urn=urn, name=grade.measure, period="2026-01", text=word))
                    wanted.add((grade.id, kind, urn))
                    urn += 1
    with sqlite_database.write() as session:
        report = suggest(session, TERMINAL, today=TODAY, preview=True)
    assert wanted <= found(report)
    assert set(report.by_rule) == {rule.id for rule in rules.both}
    families = ("absence", "suspension", "sen", "ehcp", "teacher", "ks4", "phonics", "ofsted")
    for family in (*families, "report_card", "report_card_safeguarding"):
        assert any(family in rule.measure for rule in rules.both), family


def test_no_packaged_rule_names_a_year() -> None:
    """A rule takes the newest figures, so that it holds next year; its measure is declared."""
    rules, _ = read_rules()
    for rule in rules.both:
        assert rule.measure in declared_measures()
        assert not any(part.startswith("20") for part in rule.measure.split("_"))


def test_grades_suggest_by_their_words(database: Database, tmp_path: Path) -> None:
    """The lower the grade the more urgent; the reason has its date and source."""
    graded(
        database,
        {
            FIRST: [(OLD, "2025-06", "Requires improvement")],
            FIRST + 1: [(OLD, "2025-06", "Inadequate")],
            FIRST + 2: [(OLD, "2025-06", "Outstanding")],
            FIRST + 3: [(OLD, "2025-06", "Good")],
        },
    )
    report = run(database, tmp_path, GRADES)
    assert found(report) == {
        ("old", "need", FIRST), ("old", "need", FIRST + 1), ("old", "offer", FIRST + 2),
    }  # fmt: skip
    with database.read() as session:
        needs = session.scalars(select(Need).order_by(Need.reference)).all()
        assert [need.priority for need in needs] == [3, 1]
        assert needs[0].suggestion is not None
        assert needs[0].suggestion["statement"] == (
            "Ofsted grade for overall effectiveness was Requires improvement in June 2025 "
            "(source: Ofsted, state-funded school inspections and outcomes)"
        )


def test_a_later_report_card_supersedes_the_old_grade(
    sqlite_database: Database, tmp_path: Path
) -> None:
    """The scales are not merged: a school has the rules of its newer inspection alone."""
    graded(
        sqlite_database,
        {
            FIRST: [(OLD, "2025-06", "Inadequate"), (CARD, "2026-02-03", "Expected standard")],
            FIRST + 1: [(OLD, "2025-06", "Good"), (CARD, "2026-02-03", "Urgent improvement")],
        },
    )
    report = run(sqlite_database, tmp_path, GRADES)
    assert found(report) == {("card", "need", FIRST + 1)}
    assert "on 3 February 2026" in report.suggestions[0]["statement"]


def test_the_newest_grade_counts_and_old_ones_are_left_out(
    sqlite_database: Database, tmp_path: Path
) -> None:
    """Each school has its newest; one over the rule's age is counted and left out."""
    graded(
        sqlite_database,
        {
            FIRST: [(OLD, "2024-06", "Inadequate"), (OLD, "2025-06", "Good")],
            FIRST + 1: [(OLD, "2022-12", "Inadequate")],
        },
    )
    report = run(sqlite_database, tmp_path, GRADES, preview=True)
    assert found(report) == set()
    assert any("1 grade over 3 years old left out" in note for note in report.notes)
    patient = GRADES | {"grades": [GRADES["grades"][0] | {"oldest_years": 4}]}
    assert found(run(sqlite_database, tmp_path, patient, preview=True)) == {
        ("old", "need", FIRST + 1)
    }
    assert found(run(sqlite_database, tmp_path, GRADES, include_old=True)) == {
        ("old", "need", FIRST + 1)
    }


def test_one_expertise_is_suggested_once(database: Database, tmp_path: Path) -> None:
    """The most urgent rule suggests it, and says what the other found."""
    rules = GRADES | {
        "grades": [
            GRADES["grades"][0] | {"superseded_by": []},
            GRADES["grades"][1]
            | {"measure": "report_card_safeguarding", "urgent_when": ["Not met"]},
        ]
    }
    graded(
        database,
        {
            FIRST: [
                (OLD, "2025-06", "Requires improvement"),
                ("report_card_safeguarding", "2026-02", "Not met"),
            ]
        },
    )
    report = run(database, tmp_path, rules)
    assert found(report) == {("card", "need", FIRST)}
    assert "Requires improvement" in report.suggestions[0]["also"][0]
    assert report.needs.added == 1


@pytest.mark.parametrize(
    ("starts", "ends", "left_out"),
    [
        (date(2026, 9, 1), None, True),
        (date(2025, 11, 1), None, True),
        (date(2025, 9, 1), None, False),
        (date(2026, 1, 1), date(2026, 8, 31), False),
        (date(2027, 1, 1), None, False),
    ],
)
def test_a_new_head_is_left_alone_in_the_first_year(
    sqlite_database: Database, tmp_path: Path, starts: date, ends: date | None, left_out: bool
) -> None:
    """From its first day until a year later or its end; unless it is asked for."""
    graded(sqlite_database, {FIRST: [(OLD, "2025-06", "Inadequate")]})
    with sqlite_database.write() as session:
        ensure_default_rules(session)
        session.add(
            Circumstance(participant_id=1, kind="new_head", starts=starts, ends=ends, source="x")
        )
    need = {("old", "need", FIRST)}
    report = run(sqlite_database, tmp_path, GRADES, preview=True)
    assert found(report) == (set() if left_out else need)
    assert any("1 school left out" in note for note in report.notes) == left_out
    asked = run(sqlite_database, tmp_path, GRADES, include_new_heads=True)
    assert found(asked) == need


def test_a_suggestion_is_withdrawn_when_a_head_is_new_and_comes_again(
    database: Database, tmp_path: Path
) -> None:
    """What nobody has spoken on follows, as it follows the figures."""
    graded(database, {FIRST: [(OLD, "2025-06", "Inadequate")]})
    assert run(database, tmp_path, GRADES).needs.added == 1
    with database.write() as session:
        ensure_default_rules(session)
        session.add(
            Circumstance(participant_id=1, kind="new_head", starts=date(2026, 9, 1), source="x")
        )
    assert run(database, tmp_path, GRADES).needs.withdrawn == 1
    with database.write() as session:
        session.execute(delete(Circumstance))
    assert run(database, tmp_path, GRADES).needs.changed == 1


@pytest.mark.parametrize(
    ("where", "change", "reason"),
    [
        ("grades", {"need_when": ["Good enough"]}, "must be one of: Outstanding"),
        ("grades", {"need_when": ["Inadequate"]}, "must have each word once"),
        ("grades", {"measure": "pupils"}, "kind number"),
        ("rules", {"measure": OLD}, "kind scale"),
        ("rules", {"id": "card"}, "'card' is repeated"),
    ],
)
def test_rules_that_mistake_their_measure_are_refused(
    sqlite_database: Database, tmp_path: Path, where: str, change: dict[str, Any], reason: str
) -> None:
    """Words of another scale, and figures where there are words, would never suggest anything."""
    rules = GRADES | {where: [GRADES[where][0] | change, *GRADES[where][1:]]}
    with pytest.raises(FaultyFile) as refused:
        run(sqlite_database, tmp_path, rules)
    assert reason in refused.value.faults[0].reason
