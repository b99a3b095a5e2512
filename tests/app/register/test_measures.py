"""Published measures: what a cell says, by the kind that is declared, and what is imported."""

from pathlib import Path

import pytest
from sqlalchemy import select

from app.access.policy import TERMINAL
from app.database import Database
from app.errors import FaultyFile
from app.import_kit.report import ImportReport
from app.import_kit.upsert import Counts
from app.register.measure_table import (
    MeasureKind,
    Value,
    declared_measures,
    label_of,
    read_value,
    undeclared,
)
from app.register.measures import import_measures
from app.register.not_available import markers, meaning_of
from models.register import Measure
from tests.factories import import_schools

HEAD = "urn,measure,period,value\n"


@pytest.fixture
def schooled(database: Database, tmp_path: Path) -> Database:
    import_schools(database, tmp_path)
    return database


def take_in(database: Database, folder: Path, text: str) -> ImportReport:
    path = folder / "measures.csv"
    path.write_text(text, "utf-8", newline="")
    with database.write() as session:
        return import_measures(session, TERMINAL, path)


def kept(database: Database, name: str) -> list[tuple[float | None, str | None, bool]]:
    with database.read() as session:
        rows = session.execute(
            select(Measure.value, Measure.text, Measure.suppressed)
            .where(Measure.name == name)
            .order_by(Measure.urn)
        )
        return [(value, text, suppressed) for value, text, suppressed in rows]


def test_measures_keep_figures_words_and_gaps_apart(schooled: Database, tmp_path: Path) -> None:
    """A figure, a grade and a withheld value are three things; blank is withheld, never 0."""
    head = "urn,measure,period,value,kind\n"
    first = (
        "900001,pupils,2030-01,0,\n900001,grade,2030,Good,text\n"
        "900001,share,2030,low,percent\n900002,share,2030,,percent\n"
        "900009,share,2030,1.5,percent\n"
    )
    report = take_in(schooled, tmp_path, head + first)
    assert report.things["measures"] == Counts(added=5)
    assert report.notes == [
        "Not in the register, but kept: measures of 1 URN.",
        "Share: 2 of 3 values not available (1 low, rounds to 0, but is not 0; 1 blank).",
    ]
    with schooled.read() as session:
        stored = session.execute(
            select(Measure.urn, Measure.name, Measure.value, Measure.text, Measure.suppressed)
            .order_by(Measure.urn, Measure.name)
        ).all()  # fmt: skip
    assert [tuple(row) for row in stored] == [
        (900001, "grade", None, "Good", False),
        (900001, "pupils", 0.0, None, False),
        (900001, "share", None, None, True),
        (900002, "share", None, None, True),
        (900009, "share", 1.5, None, False),
    ]
    assert not take_in(schooled, tmp_path, head + first).any_change
    report = take_in(schooled, tmp_path, f"{head}900001,grade,2030,Outstanding,text\n")
    assert report.things["measures"] == Counts(changed=1, absent=4)


def test_two_inspection_scales_stay_two_measures(schooled: Database, tmp_path: Path) -> None:
    """The old grade and the report card each keep their name, date and words."""
    text = (
        "urn,measure,period,value\n"
        "900001,ofsted_overall_effectiveness,2024-04,Good\n"
        "900001,report_card_inclusion,2026-01,Strong standard\n"
    )
    take_in(schooled, tmp_path, text)
    with schooled.read() as session:
        stored = session.execute(
            select(Measure.name, Measure.period, Measure.text).order_by(Measure.name)
        )
        assert [tuple(row) for row in stored] == [
            ("ofsted_overall_effectiveness", "2024-04", "Good"),
            ("report_card_inclusion", "2026-01", "Strong standard"),
        ]


def test_a_first_file_of_nothing_but_gaps_does_not_make_words(
    schooled: Database, tmp_path: Path
) -> None:
    """After a file in which nobody was entered, the next file's numbers are numbers."""
    report = take_in(
        schooled, tmp_path, f"{HEAD}900001,progress8,2025,NE\n900002,progress8,2025,LOWCOV\n"
    )
    assert kept(schooled, "progress8") == [(None, None, True)] * 2
    assert report.notes == [
        "Progress 8: 2 of 2 values not available (1 NE, no pupils were entered; "
        "1 LOWCOV, fewer than half of the pupils are covered)."
    ]
    take_in(schooled, tmp_path, f"{HEAD}900001,progress8,2025,0.12\n900002,progress8,2025,-0.4\n")
    assert kept(schooled, "progress8") == [(0.12, None, False), (-0.4, None, False)]


def test_percentages_and_thousands_are_numbers(schooled: Database, tmp_path: Path) -> None:
    """12.3% is 12.3 and 1,204 is 1204, though no earlier file said that these are numbers."""
    take_in(schooled, tmp_path, f'{HEAD}900001,fsm6,2025,12.3%\n900001,pupils,2025,"1,204"\n')
    assert kept(schooled, "fsm6") == [(12.3, None, False)]
    assert kept(schooled, "pupils") == [(1204.0, None, False)]


def test_what_was_stored_as_words_is_corrected_by_importing_again(
    schooled: Database, tmp_path: Path
) -> None:
    """Until then the report counts what is not of the kind that is declared."""
    with schooled.write() as session:
        for urn in (900001, 900002):
            session.add(Measure(urn=urn, name="progress8", period="2025", text="NE"))
    first = f"{HEAD}900001,progress8,2025,NE\n"
    report = take_in(schooled, tmp_path, first)
    assert "1 value stored by earlier imports is not of the kind number" in report.notes[-1]
    report = take_in(schooled, tmp_path, f"{first}900002,progress8,2025,0.5\n")
    assert kept(schooled, "progress8") == [(None, None, True), (0.5, None, False)]
    assert not any("earlier imports" in note for note in report.notes)


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        ("900001,shares,2030,1,", "measure", "is not a measure that givetake knows"),
        ("900001,pupils,2030,1,percent", "kind", "must be number for pupils"),
        ("900001,pupils,2030,many,", "value", "must be a number"),
        ('900001,pupils,2030,"1,2",', "value", "must be a number"),
        ("900001,pupils,2030,12%,", "value", "must be a number"),
        ("900001,fsm6_pct,2030,123,", "value", "must be between 0 and 100"),
        ('900001,fsm6_pct,2030,"12,3",', "value", "must be a number"),
        ("900001,report_card_inclusion,2030,Good,", "value", "must be one of: Exceptional"),
        ("900001,report_card_date,2030,31/02/2030,", "value", "is not a real date"),
        ("900001,made_up,2030,word,number", "value", "must be a number"),
    ],
)
def test_what_is_not_of_its_kind_is_refused_with_its_line(
    sqlite_database: Database, tmp_path: Path, row: str, column: str, reason: str
) -> None:
    """Nothing of the file is stored, and no number ever becomes words."""
    with pytest.raises(FaultyFile) as refused:
        take_in(sqlite_database, tmp_path, f"{HEAD.strip()},kind\n900001,pupils,2029,5,\n{row}\n")
    (fault,) = refused.value.faults
    assert (fault.line, fault.column) == (3, column)
    assert reason in fault.reason
    assert kept(sqlite_database, "pupils") == []


def test_an_unknown_measure_names_the_nearest_once(
    sqlite_database: Database, tmp_path: Path
) -> None:
    """One error for the measure, however many rows it has."""
    rows = "".join(f"{urn},persistent_absence,2030,5\n" for urn in range(900001, 900005))
    with pytest.raises(FaultyFile) as refused:
        take_in(sqlite_database, tmp_path, HEAD + rows)
    (fault,) = refused.value.faults
    assert "persistent_absence_pct" in fault.reason


@pytest.mark.parametrize(
    "cell",
    ["NE", "ne", "LOWCOV", "NP", "SUPP", "SP", ":", ".", "..", "u", "k", "c", "[c]", "z", "x",
     "low", "NA", "N/A", "#N/A", "-", "", None, "Not available"],
)  # fmt: skip
@pytest.mark.parametrize("kind", MeasureKind)
def test_what_publishers_write_for_no_figure_is_not_available(
    cell: str | None, kind: MeasureKind
) -> None:
    """Whatever the kind, such a cell is neither a number nor a word, and says why."""
    value = read_value(cell or None, undeclared("made_up", kind))
    assert value.suppressed
    assert value.unavailable


def test_a_word_of_a_scale_is_read_in_any_case_or_by_its_code() -> None:
    """Grade 3 of the old scale is Requires improvement; the report card has no such code."""
    old = declared_measures()["ofsted_overall_effectiveness"]
    assert read_value("3", old) == read_value("requires IMPROVEMENT", old)
    assert read_value("3", old) == Value(text="Requires improvement")
    with pytest.raises(ValueError, match="must be one of"):
        read_value("3", declared_measures()["report_card_inclusion"])


def test_the_packaged_tables_are_sound() -> None:
    """Scales have words, codes fit them, the two inspection scales share no word, labels differ."""
    for measure in declared_measures().values():
        assert bool(measure.words) == (measure.kind is MeasureKind.SCALE), measure.measure
        assert not measure.codes or len(measure.codes) == len(measure.words), measure.measure
        assert not any(meaning_of(word) for word in measure.words)
        assert label_of(measure.measure) == measure.label
    table = declared_measures()
    old, card = table["ofsted_overall_effectiveness"], table["report_card_achievement"]
    assert not set(old.words) & set(card.words)
    assert all(markers().values())
