"""Measures, organisations, networks, circumstances and support: in, again, and changed."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import func, select

from app.access.policy import TERMINAL, Role
from app.catalogue.packaged import load_packaged
from app.database import Database
from app.errors import FaultyFile, Forbidden
from app.files.csv_reading import read_rows
from app.files.csv_writing import template
from app.import_kit.report import ImportReport
from app.import_kit.upsert import Counts
from app.imports.kinds import KINDS, Kind
from app.partnerships.service import SupportRow, import_support
from app.register.circumstances import (
    CircumstanceRuleRow,
    export_circumstance_rules,
    import_circumstance_rules,
    import_circumstances,
)
from app.register.measures import import_measures
from app.register.networks import import_networks
from app.register.organisations import import_organisations
from models.access import AuditEvent
from models.partnerships import Support
from models.register import (
    AreaServed,
    Circumstance,
    CircumstanceRule,
    Designation,
    Measure,
    NetworkMembership,
    Organisation,
    Participant,
)
from tests.factories import acting, establishment, import_schools

Importer = Callable[..., ImportReport]
TODAY = date(2026, 11, 23)


@pytest.fixture
def schooled(database: Database, tmp_path: Path) -> Database:
    import_schools(database, tmp_path)
    return database


def take_in(
    database: Database, importer: Importer, path: Path, text: str, **options: date
) -> ImportReport:
    path.write_text(text, "utf-8", newline="")
    with database.write() as session:
        return importer(session, TERMINAL, path, **options)


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_lines_end_as_any_system_ends_them(
    sqlite_database: Database, tmp_path: Path, ending: str
) -> None:
    """Faults are on the lines that an editor shows, with a byte order mark or without."""
    lines = ["\ufeffurn,measure,period,value", "", "900001,pupils,2030,1", "900001,pupils,2031,x y"]
    with pytest.raises(FaultyFile) as refused:
        take_in(sqlite_database, import_measures, tmp_path / "m.csv", ending.join(lines))
    assert [fault.line for fault in refused.value.faults] == [4]


ORGANISATIONS = (
    "key,name,kind,postcode,easting,northing,latitude,longitude,areas_served,funded,closed,"
    "designation,designated_by,designated_from,designated_to\n"
)


def test_organisations_serve_areas_and_hold_designations(
    schooled: Database, tmp_path: Path
) -> None:
    """Further rows of a key add designations; areas may be codes or names; nothing is doubled."""
    path = tmp_path / "organisations.csv"
    hub = (
        "hub,Made-up Hub,subject_hub,,420000,560000,,,Made-up County; region:A,yes,,"
        "maths,DfE,01-09-2024,\n"
    )
    second = "hub,,,,,,,,,,,english,DfE,01-09-2025,31-08-2027\n"
    service = "svc,Made-up Service,council_service,,,,51.5,-0.5,local_authority:001,no,,,,,\n"
    report = take_in(schooled, import_organisations, path, ORGANISATIONS + hub + second + service)
    assert report.things["organisations"] == Counts(added=2)
    assert report.things["designations"] == Counts(added=2)
    with schooled.read() as session:
        places = {
            key: (round(lat, 2), la, region, funded)
            for key, lat, la, region, funded in session.execute(
                select(
                    Organisation.key,
                    Participant.latitude,
                    Participant.local_authority_code,
                    Participant.region_code,
                    Organisation.funded,
                ).join(Participant)
            )
        }
        served = session.execute(select(AreaServed.area_kind, AreaServed.area_code)).all()
    assert places == {"hub": (54.93, None, "A", True), "svc": (51.5, "001", "A", False)}
    assert sorted(map(tuple, served)) == [
        ("local_authority", "001"),
        ("local_authority", "001"),
        ("region", "A"),
    ]
    assert not take_in(
        schooled, import_organisations, path, ORGANISATIONS + hub + second + service
    ).any_change


def test_what_an_organisation_lost_is_ended(schooled: Database, tmp_path: Path) -> None:
    """A designation that is gone ends today, an area that is gone is served no more."""
    path = tmp_path / "organisations.csv"
    before = "hub,Made-up Hub,subject_hub,,,,,,region:A,yes,,maths,DfE,01-09-2024,\n"
    take_in(schooled, import_organisations, path, ORGANISATIONS + before)
    after = "hub,Made-up Hub,subject_hub,,,,,,Made-up County,yes,,,,,\n"
    report = take_in(schooled, import_organisations, path, ORGANISATIONS + after, today=TODAY)
    assert report.things["organisations"] == Counts(changed=1)
    assert report.things["designations"] == Counts(closed=1)
    with schooled.read() as session:
        assert session.scalars(select(Designation.ends)).all() == [TODAY]
        assert session.scalars(select(AreaServed.area_kind)).all() == ["local_authority"]
        assert (
            session.scalar(select(Participant.version).where(Participant.reference == "org:hub"))
            == 2
        )
    closed = "hub,Made-up Hub,subject_hub,,,,,,Made-up County,yes,31-08-2026,,,,\n"
    report = take_in(schooled, import_organisations, path, ORGANISATIONS + closed, today=TODAY)
    assert report.things["organisations"] == Counts(closed=1)


def test_a_postcode_alone_places_an_organisation_among_its_schools(
    sqlite_database: Database, tmp_path: Path
) -> None:
    """The middle of the schools of the postcode's district; without such schools, unknown."""
    import_schools(
        sqlite_database,
        tmp_path,
        establishment(900001, postcode="ZZ1 1AA", easting="420000"),
        establishment(900002, postcode="ZZ1 9ZZ", easting="430000"),
        establishment(900003, postcode="ZZ10 1AA", easting="500000"),
    )
    rows = "near,Near,provider,ZZ1 5BB,,,,,,,,,,,\nfar,Far,provider,YY1 5BB,,,,,,,,,,,\n"
    path = tmp_path / "organisations.csv"
    report = take_in(sqlite_database, import_organisations, path, ORGANISATIONS + rows)
    assert report.notes == [
        "1 placed by postcode in the middle of the schools of its district.",
        "1 without a position: no place was found for the address or postcode.",
        "Not known where: far (line 3). Add the postcode or the position.",
    ]
    with sqlite_database.read() as session:
        longitude = dict(
            session.execute(select(Participant.reference, Participant.longitude)).all()
        )
    middle = (longitude["urn:900001"] + longitude["urn:900002"]) / 2
    assert longitude["org:near"] == pytest.approx(middle, abs=1e-5)
    assert longitude["org:far"] is None


NETWORKS = "key,name,kind,member,starts,ends\n"


def test_networks_are_dated_and_several_per_school(schooled: Database, tmp_path: Path) -> None:
    """A school is in two networks; one that left is ended today, none is deleted."""
    path = tmp_path / "networks.csv"
    text = (
        f"{NETWORKS}fam,Made-up Family,family,900001,01-09-2024,\nfam,,,900002,,\n"
        "all,Made-up Alliance,alliance,900001,,31-08-2028\n"
    )
    report = take_in(schooled, import_networks, path, text)
    assert report.things["networks"] == Counts(added=2)
    assert report.things["members"] == Counts(added=3)
    assert not take_in(schooled, import_networks, path, text).any_change
    less = f"{NETWORKS}fam,Made-up Family,family,900001,01-09-2024,\n"
    report = take_in(schooled, import_networks, path, less, today=TODAY)
    assert report.things["networks"] == Counts(unchanged=1, absent=1)
    assert report.things["members"] == Counts(closed=1, unchanged=1)
    with schooled.read() as session:
        left = session.scalars(
            select(NetworkMembership.ends).where(NetworkMembership.starts.is_(None))
        ).all()
    assert sorted(left) == [TODAY, date(2028, 8, 31)]


def test_circumstances_bring_their_rules(schooled: Database, tmp_path: Path) -> None:
    """The first circumstance finds the packaged rules in place; an end closes it."""
    path = tmp_path / "circumstances.csv"
    head = "participant,kind,starts,ends,source\n"
    take_in(schooled, import_circumstances, path, f"{head}900001,new_head,01-09-2026,,made up\n")
    with schooled.read() as session:
        assert set(session.scalars(select(CircumstanceRule.kind))) == {
            "closing", "formal_concern", "new_head", "notice_to_improve",
            "safeguarding_not_met", "transfer_pending", "urgent_improvement",
        }  # fmt: skip
    ended = f"{head}900001,new_head,01-09-2026,31-08-2027,made up\n"
    report = take_in(schooled, import_circumstances, path, ended)
    assert report.things["circumstances"] == Counts(closed=1)
    assert not take_in(schooled, import_circumstances, path, ended).any_change
    with schooled.read() as session:
        assert session.scalars(select(Circumstance.ends)).all() == [date(2027, 8, 31)]


def test_rules_can_be_exported_edited_and_imported(schooled: Database, tmp_path: Path) -> None:
    """What is exported is imported unchanged; an edit changes that rule and keeps the others."""
    path = tmp_path / "rules.csv"
    with schooled.read() as session:
        exported = export_circumstance_rules(session, TERMINAL)
    assert not take_in(schooled, import_circumstance_rules, path, exported).any_change
    with schooled.read() as session:
        assert export_circumstance_rules(session, TERMINAL) == exported
    head = exported.splitlines()[0]
    edited = f"{head}\nnew_head,A new head gives nothing.,no,0,1.5,\n"
    report = take_in(schooled, import_circumstance_rules, path, edited)
    assert report.things["circumstance_rules"] == Counts(changed=1, absent=6)
    with schooled.read() as session:
        rule = session.get_one(CircumstanceRule, "new_head")
        assert (rule.may_give, rule.extra_allowance_half_days) == (False, 3)


def test_rules_are_edited_by_administrators_alone(
    sqlite_database: Database, tmp_path: Path
) -> None:
    """A broker imports circumstances, and does not change what they mean."""
    broker = acting(Role.BROKER, name="broker")
    path = tmp_path / "rules.csv"
    path.write_text(template(CircumstanceRuleRow), "utf-8")
    with (
        sqlite_database.write() as session,
        pytest.raises(Forbidden, match="permission to change circumstance rules"),
    ):
        import_circumstance_rules(session, broker, path)


def test_support_is_one_register_of_ours_and_others(schooled: Database, tmp_path: Path) -> None:
    """Running, external and past support with its result; an end closes it."""
    path = tmp_path / "support.csv"
    head = (
        "reference,taker,giver,giver_name,agency,expertise,period,days,starts,ends,state,result\n"
    )
    running = "s1,900001,900002,,,mathematics,2026-27,4.5,01-09-2026,,active,\n"
    external = "s2,900001,,Made-up Agency,programme,,,,,,ended,worked\n"
    report = take_in(schooled, import_support, path, head + running + external)
    assert report.things["support"] == Counts(added=2)
    with schooled.read() as session:
        kept = session.scalars(select(Support).order_by(Support.reference)).all()
        assert [(s.half_days, s.giver_name, s.state, s.result) for s in kept] == [
            (9, None, "active", None),
            (None, "Made-up Agency", "ended", "worked"),
        ]
    assert not take_in(schooled, import_support, path, head + running + external).any_change
    stopped = running.replace("active", "stopped")
    report = take_in(schooled, import_support, path, head + stopped)
    assert report.things["support"] == Counts(closed=1, absent=1)


def test_each_import_is_one_audit_event(schooled: Database, tmp_path: Path) -> None:
    """What changed something leaves one event with counts and digest; what did not, none."""
    path = tmp_path / "measures.csv"
    text = "urn,measure,period,value\n900001,pupils,2030,1\n"
    for _ in range(2):
        report = take_in(schooled, import_measures, path, text)
    with schooled.read() as session:
        events = session.scalars(select(AuditEvent).order_by(AuditEvent.sequence)).all()
    assert [event.action for event in events] == ["import.gias", "import.measures"]
    assert events[1].digest == report.digest
    assert events[1].detail["counts"]["measures"]["added"] == 1


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS.values() if kind.row], ids=lambda kind: kind.name
)
def test_every_template_is_imported_as_it_is(
    schooled: Database, tmp_path: Path, kind: Kind
) -> None:
    """A template's made-up rows pass its importer, whole, beside two made-up schools."""
    with schooled.write() as session:
        load_packaged(session)
    if kind.name == "targets":
        take_in(schooled, import_support, tmp_path / "s.csv", template(SupportRow))
    path, model = tmp_path / f"{kind.name}.csv", kind.row_model
    path.write_text(template(model), "utf-8", newline="")
    with schooled.write() as session:
        report = kind.import_files(session, TERMINAL, {kind.name: path})
    assert report.kind == kind.name
    assert len(read_rows(path, model)) == len(model.examples) >= 1


@pytest.mark.national
def test_the_national_measures(sqlite_database: Database, national_data: Path) -> None:
    """All published measures are taken in without a fault."""
    with sqlite_database.write() as session:
        report = import_measures(session, TERMINAL, national_data / "measures.csv")
    assert report.things["measures"] == Counts(added=190_498)
    with sqlite_database.read() as session:
        assert session.scalar(select(func.count(Measure.text))) == 20_430
