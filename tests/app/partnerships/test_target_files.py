"""Files of targets: in, again, changed, and refused whole with every line that is wrong."""

from pathlib import Path

import pytest
from sqlalchemy import select

from app.access.policy import TERMINAL, Principal, Scope
from app.database import Database
from app.errors import FaultyFile
from app.import_kit.report import ImportReport
from app.import_kit.upsert import Counts
from app.partnerships.service import import_support
from app.partnerships.target_files import import_targets
from models.partnerships import Support
from models.targets import SupportTarget
from models.vocabulary import Role, ScopeKind
from tests import rows
from tests.audit import intact, look
from tests.callers import count
from tests.factories import acting

HEAD = "support,measure,kind,direction,value,by_date,owner\n"
GOOD = "s,persistent_absence_pct,,lower,12.5%,16/07/2027,deputy headteacher\n"


@pytest.fixture
def supported(database: Database) -> Database:
    """A school with support of another agency."""
    with database.write() as session:
        rows.add_calendar(session)
        taker = rows.add_school(session, 100000)
        rows.add_school(session, 100001)
        starts = {"starts": rows.STARTS, "agency": "made up"}
        rows.add_support(session, "s", taker, None, **starts)
    return database


def take_in(database: Database, folder: Path, text: str, who: Principal = TERMINAL) -> ImportReport:
    path = folder / "targets.csv"
    path.write_text(HEAD + text, "utf-8", newline="")
    with database.write() as session:
        return import_targets(session, who, path)


def test_targets_go_in_and_again(supported: Database, tmp_path: Path) -> None:
    """Added, unchanged and changed by support, measure and date; the support's version counts."""
    more = "s,made_up_survey,percent,raise,80,2027-07-16,\n"
    report = take_in(supported, tmp_path, GOOD + more)
    assert report.things["targets"] == Counts(added=2)
    assert not take_in(supported, tmp_path, GOOD + more).any_change
    report = take_in(supported, tmp_path, GOOD.replace("12.5%", "11"))
    assert report.things["targets"] == Counts(changed=1, absent=1)
    with supported.read() as session:
        found = session.scalars(select(SupportTarget).order_by(SupportTarget.measure)).all()
        assert [(each.measure, each.kind, each.value) for each in found] == [
            ("made_up_survey", "percent", 80.0),
            ("persistent_absence_pct", None, 11.0),
        ]
        assert session.scalar(select(Support.version)) == 3
    assert intact(look(supported))


def test_a_file_with_errors_changes_nothing(supported: Database, tmp_path: Path) -> None:
    """Each error has its line, column and what to do."""
    text = GOOD + (
        "s,,,lower,12,2027-07-16,\n"
        "s,persistent_absence,,lower,12,2027-07-16,\n"
        "s,attendance_pct,,raise,101,2027-07-16,\n"
        "s,attendance_pct,,raise,z,2027-07-16,\n"
        "s,attendance_pct,,raise,,2027-07-16,\n"
        "s,attendance_pct,,raise,95,2026-01-01,\n"
        "t,attendance_pct,,raise,95,2027-07-16,\n"
        "s,report_card_inclusion,,raise,Good,2027-07-16,\n"
        "s,persistent_absence_pct,,lower,11,2027-07-16,\n"
    )
    with pytest.raises(FaultyFile) as refused:
        take_in(supported, tmp_path, text)
    told = [(each.line, each.column, each.reason) for each in refused.value.faults]
    assert [(line, column) for line, column, _ in told] == [
        (3, "measure"),
        (4, "measure"),
        (5, "value"),
        (6, "value"),
        (7, "value"),
        (8, "by_date"),
        (9, "support"),
        (10, "value"),
        (11, "measure"),
    ]
    reasons = [reason for *_, reason in told]
    assert reasons[0] == "is missing. Enter what the target measures, like persistent absence"
    assert "persistent_absence_pct" in reasons[1]
    assert reasons[2] == "must be between 0 and 100 for Attendance"
    assert reasons[3] == "is not a value. Enter what Attendance is to be"
    assert reasons[4] == "is missing. Enter what to raise Attendance to"
    assert reasons[6].endswith("Import the support first")
    assert reasons[7].endswith("Urgent improvement")
    assert reasons[8] == "is already on line 2. Keep one of them"
    assert count(supported, SupportTarget) == 0


def test_of_somebody_elses_support_no_targets_are_taken_in(
    supported: Database, tmp_path: Path
) -> None:
    """It is as if it were not there."""
    other = acting(Role.BROKER, scope=Scope(ScopeKind.INSTITUTION, "100001"))
    with pytest.raises(FaultyFile) as refused:
        take_in(supported, tmp_path, GOOD, other)
    assert [each.column for each in refused.value.faults] == ["support"]


def test_a_file_of_support_says_on_whose_authority(supported: Database, tmp_path: Path) -> None:
    """And what it takes of the school's own leaders."""
    path = tmp_path / "support.csv"
    head = "reference,taker,giver_name,agency,authority,leader_days,state\n"
    path.write_text(head + "s,100000,Made up,made up,local_authority,1.5,active\n", "utf-8")
    with supported.write() as session:
        import_support(session, TERMINAL, path)
    with supported.read() as session:
        found = session.scalars(select(Support)).one()
        assert (found.authority, found.leader_half_days) == ("local_authority", 3)
    path.write_text(head + "s,100000,Made up,made up,the_council,1.5,active\n", "utf-8")
    with supported.write() as session, pytest.raises(FaultyFile) as refused:
        import_support(session, TERMINAL, path)
    assert [(each.line, each.column) for each in refused.value.faults] == [(2, "authority")]


def test_support_does_not_start_after_its_targets(supported: Database, tmp_path: Path) -> None:
    """A file of support that would have it so is refused with the line."""
    take_in(supported, tmp_path, GOOD)
    path = tmp_path / "support.csv"
    path.write_text(
        "reference,taker,giver_name,agency,starts,state\n"
        "s,100000,Made up,made up,2027-07-17,active\n"
    )
    with supported.write() as session, pytest.raises(FaultyFile) as refused:
        import_support(session, TERMINAL, path)
    [fault] = refused.value.faults
    assert (fault.line, fault.column) == (2, "starts")
    assert "must not be after the date of its first target (16 July 2027)" in fault.reason
