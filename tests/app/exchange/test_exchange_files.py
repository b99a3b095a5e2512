"""Needs, offers, limits, expertise and periods as files: in, out, and what is refused."""

import csv
from datetime import UTC, date, datetime
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from app.access.policy import TERMINAL, Role
from app.catalogue import calendar, taxonomy
from app.catalogue.rows import ExpertiseRow
from app.database import Database
from app.errors import FaultyFile, Forbidden
from app.exchange import files
from app.files.csv_writing import BYTE_ORDER_MARK, csv_text
from app.files.spreadsheets import unguard
from app.import_kit.upsert import Counts
from models.access import AuditEvent
from models.exchange import Expertise, Limits, Need, Offer, Period
from models.register import ImportBatch, Institution, Organisation, Participant
from models.vocabulary import NeedState
from tests import pots
from tests.factories import acting

IMPORTERS = {
    "expertise": taxonomy.import_expertise,
    "periods": calendar.import_periods,
    "needs": files.import_needs,
    "offers": files.import_offers,
    "limits": files.import_limits,
}
NEEDS = "reference,participant,expertise,period,days,"
NEED = "n1,100001,attendance,2026-27,4,"
OFFERS = "reference,participant,expertise,period,days,"
OFFER = "o1,hub-a,attendance,2026-27,6,"
N = f"{NEEDS}mode"
PERIODS = "code,kind,name,year,starts,ends"


@pytest.fixture
def peopled(database: Database) -> Database:
    return people(database)


@pytest.fixture
def peopled_sqlite(sqlite_database: Database) -> Database:
    """For what is refused before a database is asked to keep anything."""
    return people(sqlite_database)


def people(database: Database) -> Database:
    """Two made-up schools, a closed one and a hub."""
    now = datetime.now(UTC)
    with database.write() as session:
        for number, urn in enumerate((100001, 100002, 100003), start=1):
            session.add(
                Participant(
                    id=number,
                    reference=f"urn:{urn}",
                    kind="institution",
                    name=f"Made-up School {number}",
                    updated_at=now,
                )
            )
        session.add(
            Participant(
                id=4, reference="org:hub-a", kind="organisation", name="Made-up Hub", updated_at=now
            )
        )
        session.flush()
        for number, urn in enumerate((100001, 100002, 100003), start=1):
            session.add(
                Institution(
                    participant_id=number,
                    urn=urn,
                    type_code=1,
                    type_name="Community school",
                    status_code=1,
                    phases=["primary"],
                    sen_types=[],
                    specialist=False,
                    alternative_provision=False,
                    fee_paying=False,
                    in_scope=urn != 100003,
                )
            )
        session.add(Organisation(participant_id=4, key="hub-a", kind="subject_hub", funded=True))
    return database


def take(database: Database, kind: str, path: Path, text: str) -> Counts:
    """Import a file of this text and give back what it did to its kind of thing."""
    path.write_text(text, encoding="utf-8")
    with database.write() as session:
        return IMPORTERS[kind](session, TERMINAL, path).things[kind]


def refused(database: Database, kind: str, path: Path, text: str) -> FaultyFile:
    with pytest.raises(FaultyFile) as raised:
        take(database, kind, path, text)
    return raised.value


def test_a_new_database_has_the_packaged_taxonomy_and_calendar(database: Database) -> None:
    """Nobody has to load expertise or periods: a migrated database holds them, parents and all."""
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Expertise)) == 83
        assert session.get_one(Expertise, "send-asd").parent_code == "send"
        assert session.get_one(Period, "2026-27/spring").year_code == "2026-27"
        kinds = select(Period.kind, func.count()).group_by(Period.kind)
        assert dict(session.execute(kinds).all()) == {"year": 5, "term": 15}


def test_needs_are_added_changed_and_left_alone(peopled: Database, tmp_path: Path) -> None:
    """A file twice changes nothing and leaves no trace; a changed row raises its version."""
    path = tmp_path / "needs.csv"
    text = f"{NEEDS}days_min,priority,state\n{NEED}1.5,1,diagnosed\n"
    assert take(peopled, "needs", path, text) == Counts(added=1)
    assert take(peopled, "needs", path, text) == Counts(unchanged=1)
    assert take(peopled, "needs", path, text.replace("1.5,1,d", "2,1,d")) == Counts(changed=1)
    with peopled.read() as session:
        need = session.scalars(select(Need)).one()
        assert (need.half_days, need.half_days_min, need.priority) == (8, 4, 1)
        assert (need.window_starts, need.window_ends) == (date(2026, 9, 1), date(2027, 8, 31))
        assert (need.state, need.evidence, need.mode) == ("diagnosed", "self_evaluation", "either")
        assert (need.version, need.suggestion) == (2, None)
        assert session.scalar(select(func.count()).select_from(ImportBatch)) == 2
        actions = session.scalars(select(AuditEvent.action)).all()
        assert actions == ["import.needs", "import.needs"]


def test_an_offer_keeps_the_giver_s_phases_and_answer(peopled: Database, tmp_path: Path) -> None:
    """Phases come in the vocabulary's order; a blank answer leaves the stored one as it is."""
    path = tmp_path / "offers.csv"
    header = f"{OFFERS}phases,availability,availability_updated\n"
    answered = f"{header}{OFFER}secondary; primary,may_offer,14/10/2026\n"
    assert take(peopled, "offers", path, answered) == Counts(added=1)
    assert take(peopled, "offers", path, f"{header}{OFFER}primary;secondary,,\n").unchanged == 1
    with peopled.read() as session:
        offer = session.scalars(select(Offer)).one()
        assert (offer.phases, offer.availability) == (["primary", "secondary"], "may_offer")
        assert offer.availability_updated == date(2026, 10, 14)


ROUND = {
    "needs": (
        "reference,participant,expertise,period,days,days_min,max_givers,priority,evidence,"
        "agreed_by,improvement_plan_line,looked_within,looked_within_note,looked_outcomes,"
        "outside_stimulus,signed_by_head_on,signed_by_adviser_on,travel_limit_miles,travel_limit_minutes,mode,window_starts,"
        "window_ends,state,pot,progress\n"
        "n-1,100001,english-primary,2026-27,4.5,0.5,0,1,inspection,'=head,'=2.3,school;own_group,"
        "nobody free,own_group:no_capacity,yes,2026-09-01,2026-09-02,12.5,40,on_site,2026-10-01,"
        "2027-02-01,match,fund,nothing\n"
        "n-2,100002,governance,2026-27/spring,2,2,1,3,self_evaluation,,,,,,,,,,,either,"
        "2027-01-04,2027-03-25,suggested,,nothing\n"
    ),
    "offers": (
        "reference,participant,expertise,period,days,max_pairings,quality,evidence,strength_line,"
        "signed_by_head_on,signed_by_adviser_on,"
        "travel_limit_miles,travel_limit_minutes,mode,phases,first_call_until,window_starts,"
        "window_ends,availability,availability_updated\n"
        "o-1,hub-a,governance,2026-27,40,8,5,''+ strong,4.1,2026-09-01,,30.0,,remote,"
        "primary;post_16,2026-10-31,2026-09-01,2027-08-31,can_offer,2026-09-02\n"
    ),
    "limits": (
        "participant,period,give_days,max_given,max_taken,allowance_days,exempt,carried_days\n"
        "hub-a,2026-27,,,,,yes,0\n"
        "100001,2026-27,10,3,0,2.5,no,-1.5\n"
    ),
}


@pytest.mark.parametrize("kind", ROUND)
def test_what_is_exported_is_imported_unchanged(
    peopled: Database, tmp_path: Path, kind: str
) -> None:
    """Export gives every field back, formulas disarmed, and importing it again does nothing."""
    path = tmp_path / f"{kind}.csv"
    exporters = {
        "needs": files.export_needs,
        "offers": files.export_offers,
        "limits": files.export_limits,
    }
    add_fund(peopled)
    take(peopled, kind, path, ROUND[kind])
    with peopled.read() as session:
        exported = exporters[kind](session, TERMINAL, None)
    assert exported == BYTE_ORDER_MARK + ROUND[kind]
    assert take(peopled, kind, path, exported) == Counts(unchanged=exported.count("\n") - 1)


def add_fund(database: Database) -> None:
    """The pot that a need of the files names."""
    with database.write() as session:
        holder = session.scalars(select(Participant)).first()
        assert holder is not None
        pots.add_pot(session, "fund", holder, areas=["country:E92000001"])


def test_a_guarded_cell_is_stored_without_its_guard(peopled: Database, tmp_path: Path) -> None:
    """The apostrophe is the file's, not the need's."""
    add_fund(peopled)
    take(peopled, "needs", tmp_path / "needs.csv", ROUND["needs"])
    take(peopled, "offers", tmp_path / "offers.csv", ROUND["offers"])
    with peopled.read() as session:
        assert session.scalars(select(Need.agreed_by).order_by(Need.reference)).first() == "=head"
        assert session.scalars(select(Offer.evidence)).one() == "'+ strong"


@given(st.text(alphabet=st.sampled_from("=+-@\uff1d\uff20'\t1a."), max_size=6))
def test_no_cell_is_a_formula_and_none_is_altered(cell: str) -> None:
    """What a spreadsheet would run is disarmed, and reading takes exactly that away again."""
    text = csv_text(ExpertiseRow, [{"code": "x", "name": cell}])
    written = next(csv.DictReader(StringIO(text.removeprefix(BYTE_ORDER_MARK), newline="")))["name"]
    assert unguard(written) == cell
    assert not written.startswith(("=", "+", "@", "\t", "\uff1d", "\uff20"))
    if written.startswith("-"):
        float(written)


@pytest.mark.parametrize("kind", ["expertise", "periods"])
def test_packaged_data_go_round(database: Database, tmp_path: Path, kind: str) -> None:
    """The taxonomy and calendar in use can be exported, edited and taken in again."""
    exporters = {"expertise": taxonomy.export_expertise, "periods": calendar.export_periods}
    with database.read() as session:
        exported = exporters[kind](session, TERMINAL)
    counts = take(database, kind, tmp_path / "file.csv", exported)
    assert counts == Counts(unchanged=exported.count("\n") - 1)


def test_expertise_left_out_is_retired_and_comes_back(peopled: Database, tmp_path: Path) -> None:
    """Nothing is deleted, what still names a retired entry is told, and a new need may not."""
    take(peopled, "needs", tmp_path / "needs.csv", f"{NEEDS}\n{NEED}\n".replace(",\n", "\n"))
    path = tmp_path / "expertise.csv"
    path.write_text("code,parent,name,version\ncalm,,Calm corridors,2\n", encoding="utf-8")
    with peopled.write() as session:
        report = taxonomy.import_expertise(session, TERMINAL, path)
    assert report.things["expertise"] == Counts(added=1, closed=83)
    assert report.notes == ["Retired, but still used by needs or offers: attendance (1)."]
    text = f"{NEEDS}state\n{NEED}\nn2,100002,attendance,2026-27,4,\n"
    faults = refused(peopled, "needs", tmp_path / "needs.csv", text).faults
    assert [(fault.line, fault.column) for fault in faults] == [(3, "expertise")]
    both = "code,parent,name,version\ncalm,,Calm corridors,2\nattendance,calm,Attendance,2\n"
    assert take(peopled, "expertise", path, both) == Counts(changed=1, unchanged=83)
    with peopled.read() as session:
        entry = session.get_one(Expertise, "attendance")
        assert (entry.retired, entry.parent_code) == (False, "calm")


TERM = "2030-31/autumn,term,Autumn,2030-31,2030-09-02,2030-12-20"
YEAR = "2030-31,year,2030,,2030-09-01,2031-08-31"
BROKEN = {
    "need of nobody": ("needs", f"{N}\nn,999999,attendance,2026-27,4,", "participant"),
    "need of a closed one": ("needs", f"{N}\nn,100003,attendance,2026-27,4,", "participant"),
    "unknown expertise": ("needs", f"{N}\nn,100001,alchemy,2026-27,4,", "expertise"),
    "unknown period": ("needs", f"{N}\nn,100001,attendance,2099-00,4,", "period"),
    "quarter days": ("needs", f"{N}\nn,100001,attendance,2026-27,4.25,", "days"),
    "no days": ("needs", f"{N}\nn,100001,attendance,2026-27,0,", "days"),
    "negative days": ("needs", f"{N}\nn,100001,attendance,2026-27,-2,", "days"),
    "days in words": ("needs", f"{N}\nn,100001,attendance,2026-27,four,", "days"),
    "huge days": ("needs", f"{N}\nn,100001,attendance,2026-27,1e9,", "days"),
    "shortest longer than all": ("needs", f"{NEEDS}days_min\n{NEED}4.5", "days_min"),
    "no reference": ("needs", f"{N}\n,100001,attendance,2026-27,4,", "reference"),
    "a space in a reference": ("needs", f"{N}\nn 1,100001,attendance,2026-27,4,", "reference"),
    "a reference twice": ("needs", f"{N}\n{NEED}\n{NEED}", "reference"),
    "priority 6": ("needs", f"{NEEDS}priority\n{NEED}6", "priority"),
    "unknown evidence": ("needs", f"{NEEDS}evidence\n{NEED}gossip", "evidence"),
    "unknown state": ("needs", f"{NEEDS}state\n{NEED}urgent", "state"),
    "unknown mode": ("needs", f"{N}\n{NEED}telepathy", "mode"),
    "travel of nought": ("needs", f"{NEEDS}travel_limit_miles\n{NEED}0", "travel_limit_miles"),
    "travel not a number": (
        "needs", f"{NEEDS}travel_limit_miles\n{NEED}nan", "travel_limit_miles",
    ),
    "window before the period": (
        "needs", f"{NEEDS}window_starts\n{NEED}2026-08-31", "window_starts",
    ),
    "window after the period": ("needs", f"{NEEDS}window_ends\n{NEED}2027-09-01", "window_ends"),
    "window turned round": (
        "needs", f"{NEEDS}window_starts,window_ends\n{NEED}2027-02-01,2027-01-01", "window_ends",
    ),
    "no such date": ("needs", f"{NEEDS}window_starts\n{NEED}30/02/2027", "window_starts"),
    "unknown column": ("needs", f"{NEEDS}colour\n{NEED}red", "colour"),
    "missing column": (
        "needs", "reference,participant,expertise,period\nn,100001,attendance,2026-27", "days",
    ),
    "unknown phase": ("offers", f"{OFFERS}phases\n{OFFER}primary;sixth", "phases"),
    "unknown answer": ("offers", f"{OFFERS}availability\n{OFFER}perhaps", "availability"),
    "an answer of tomorrow": (
        "offers", f"{OFFERS}availability_updated\n{OFFER}2199-01-01", "availability_updated",
    ),
    "no pairings": ("offers", f"{OFFERS}max_pairings\n{OFFER}0", "max_pairings"),
    "quality 0": ("offers", f"{OFFERS}quality\n{OFFER}0", "quality"),
    "offer of nobody": ("offers", f"{OFFERS}mode\no,hub-z,attendance,2026-27,4,", "participant"),
    "limits twice": (
        "limits", "participant,period\n100001,2026-27\n0100001,2026-27", "participant",
    ),
    "negative limit": ("limits", "participant,period,give_days\n100001,2026-27,-1", "give_days"),
    "exempt perhaps": ("limits", "participant,period,exempt\n100001,2026-27,maybe", "exempt"),
    "limits of no period": ("limits", "participant,period\n100001,2026", "period"),
    "unknown parent": ("expertise", "code,parent,name,version\na,b,A,1", "parent"),
    "own parent": ("expertise", "code,parent,name,version\na,a,A,1", "parent"),
    "a circle": ("expertise", "code,parent,name,version\na,b,A,1\nb,c,B,1\nc,a,C,1", "parent"),
    "a code twice": ("expertise", "code,parent,name,version\na,,A,1\na,,B,1", "code"),
    "an empty taxonomy": ("expertise", "code,parent,name,version\n", None),
    "a term of no year": ("periods", f"{PERIODS}\n{TERM}", "year"),
    "a term outside its year": (
        "periods", f"{PERIODS}\n{YEAR}\n{TERM}".replace("2030-12", "2032-12"), "starts",
    ),
    "years that overlap": (
        "periods", f"{PERIODS}\n{YEAR}".replace("2030-09-01", "2030-08-01"), "starts",
    ),
    "a year of a year": ("periods", f"{PERIODS}\n{YEAR}".replace(",,", ",2029-30,"), None),
    "a period turned round": ("periods", f"{PERIODS}\n{YEAR}".replace("2031-", "2029-"), None),
    "a year become a term": (
        "periods", f"{PERIODS}\n2026-27,term,X,2025-26,2025-10-01,2025-10-02", "kind",
    ),
    "a year that leaves its terms": (
        "periods", f"{PERIODS}\n2026-27,year,X,,2026-10-01,2027-08-31", "starts",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_changes_nothing_and_names_its_fault(
    peopled_sqlite: Database, tmp_path: Path, name: str
) -> None:
    """The fault has its column; sound rows before it are not kept; no audit event is left."""
    kind, text, column = BROKEN[name]
    with peopled_sqlite.read() as session:
        before = [session.scalar(select(func.count()).select_from(m)) for m in HELD]
    faulty = refused(peopled_sqlite, kind, tmp_path / f"{kind}.csv", text + "\n")
    assert column in [fault.column for fault in faulty.faults]
    assert all(fault.file == f"{kind}.csv" and fault.reason for fault in faulty.faults)
    with peopled_sqlite.read() as session:
        assert [session.scalar(select(func.count()).select_from(m)) for m in HELD] == before


HELD = (Need, Offer, Limits, Expertise, Period, AuditEvent, ImportBatch)


def test_every_fault_of_a_file_is_named_at_once(peopled: Database, tmp_path: Path) -> None:
    """Faults of form and of meaning come together, in the order of their lines."""
    text = f"{N}\nn1,100001,alchemy,2026-27,4,\nn2,100001,attendance,2026-27,x,\n"
    text += "n3,999999,attendance,2026-27/easter,1,\n"
    faults = refused(peopled, "needs", tmp_path / "needs.csv", text).faults
    assert [(fault.line, fault.column) for fault in faults] == [
        (2, "expertise"),
        (3, "days"),
        (4, "participant"),
        (4, "period"),
    ]


STATES_BY_FILE = [
    ("suggested", "identified", "givetake confirm need n1"),
    ("suggested", "match", "givetake confirm need n1"),
    ("identified", "suggested", "does not follow identified. Use one of: diagnosed, closed"),
    ("identified", "match", "does not follow identified. Use one of: diagnosed, closed"),
    ("matched", "identified", "does not follow matched. Use one of: match, met, closed"),
    ("met", "identified", "does not follow met. Leave it as it is"),
]


@pytest.mark.parametrize(("held", "wanted", "reason"), STATES_BY_FILE)
def test_a_file_does_not_jump_states(
    peopled_sqlite: Database, tmp_path: Path, held: str, wanted: str, reason: str
) -> None:
    """A state that may not follow is refused with what may; a file confirms no suggestion."""
    path = tmp_path / "needs.csv"
    take(peopled_sqlite, "needs", path, f"{N}\n{NEED}\n")
    with peopled_sqlite.write() as session:
        session.execute(update(Need).values(state=held))
    faulty = refused(peopled_sqlite, "needs", path, f"{NEEDS}state\n{NEED}{wanted}\n")
    assert reason in faulty.faults[0].reason


def test_a_file_does_not_answer_for_the_giver(peopled: Database, tmp_path: Path) -> None:
    """Only the giver changes its answer, from any answer to any other."""
    path = tmp_path / "offers.csv"
    take(peopled, "offers", path, f"{OFFERS}availability\n{OFFER}not_answered\n")
    faulty = refused(peopled, "offers", path, f"{OFFERS}availability\n{OFFER}can_offer\n")
    assert "givetake answer offer o1 can_offer" in faulty.faults[0].reason


def test_what_has_ended_or_is_another_s_is_not_changed(peopled: Database, tmp_path: Path) -> None:
    """A closed need keeps its content, and a reference stays with its school."""
    path = tmp_path / "needs.csv"
    take(peopled, "needs", path, f"{N}\n{NEED}\n")
    with peopled.write() as session:
        session.execute(update(Need).values(state=NeedState.CLOSED))
    changed = f"{NEEDS}state\nn1,100001,attendance,2026-27,5,\n"
    assert refused(peopled, "needs", path, changed).faults[0].column == "reference"
    take(peopled, "needs", path, f"{NEEDS}state\n{NEED.replace('n1', 'n2')}\n")
    moved = f"{NEEDS}state\nn2,100002,attendance,2026-27,4,\n"
    assert refused(peopled, "needs", path, moved).faults[0].column == "participant"


def test_a_period_does_not_shrink_under_a_window(peopled: Database, tmp_path: Path) -> None:
    """New dates of a period that would leave a need's window outside are refused."""
    term = "2026-27/spring,term,Spring term 2027,2026-27,2027-01-04,{}"
    take(peopled, "needs", tmp_path / "n.csv", f"{N}\n{NEED}\n".replace("7,4", "7/spring,4"))
    later, sooner = (f"{PERIODS}\n{term.format(day)}\n" for day in ("2027-04-02", "2027-03-19"))
    assert take(peopled, "periods", tmp_path / "p.csv", later).changed == 1
    faulty = refused(peopled, "periods", tmp_path / "p.csv", sooner)
    assert "leaves windows of 1 need outside" in faulty.faults[0].reason


@pytest.mark.parametrize("kind", IMPORTERS)
def test_only_brokers_import(peopled_sqlite: Database, tmp_path: Path, kind: str) -> None:
    """A school's contact brings in no files, whatever is in them."""
    contact = acting(Role.CONTACT, name="contact")
    with pytest.raises(Forbidden), peopled_sqlite.write() as session:
        IMPORTERS[kind](session, contact, tmp_path / "absent.csv")
