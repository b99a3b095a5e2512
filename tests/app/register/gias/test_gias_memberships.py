"""Who belongs to which group, and since when, by the public register's files."""

from datetime import date
from pathlib import Path

from sqlalchemy import func, select

from app.database import Database
from app.import_kit.upsert import Counts
from models.register import FactChange, Group, Membership, Participant, Succession
from tests.factories import (
    MONDAY,
    TUESDAY,
    establishment,
    group,
    institution,
    link,
    spell,
    succession,
    take_in,
    write_gias,
)


def spells(database: Database) -> list[tuple[str, int, date | None, date | None]]:
    with database.read() as session:
        return list(
            session.execute(
                select(Participant.reference, Group.uid, Membership.joined, Membership.left)
                .join(Membership, Membership.participant_id == Participant.id)
                .join(Group, Group.id == Membership.group_id)
                .order_by(
                    Participant.reference, Group.uid, func.coalesce(Membership.joined, date.min)
                )
            )
        )


def test_groups_and_members_come_from_their_files(database: Database, tmp_path: Path) -> None:
    """A group is found by its UID; its reference, company number and kind are kept as given."""
    files = write_gias(
        tmp_path,
        [establishment(900001), establishment(900002)],
        groups=[group(5001), group(5002, type="01", reference="Made-up Federation")],
        links=[link(900001, 5001, "01/09/2020"), link(900002, 5002)],
    )
    report = take_in(database, files)
    assert report.things["groups"] == Counts(added=2)
    assert report.things["memberships"] == Counts(added=2)
    with database.read() as session:
        trust, federation = session.scalars(select(Group).order_by(Group.uid)).all()
        assert (trust.reference, trust.companies_house_number) == ("TR05001", "00000001")
        assert (trust.kind, federation.kind) == ("multi_academy_trust", "federation")
    assert spells(database) == [
        ("urn:900001", 5001, date(2020, 9, 1), None),
        ("urn:900002", 5002, None, None),
    ]


def test_who_put_whom_into_a_group_is_kept(sqlite_database: Database, tmp_path: Path) -> None:
    """For rules that let nobody decide by what they changed; the same files again add nothing."""
    schools = [establishment(900001), establishment(900002)]
    groups, links = [group(5001)], [link(900001, 5001, "01/09/2020"), link(900002, 5001)]
    files = write_gias(tmp_path, schools, groups=groups, links=links)
    for _ in range(2):
        take_in(sqlite_database, files)
    dated = [links[0], link(900002, 5001, "01/09/2021")]
    take_in(sqlite_database, write_gias(tmp_path, schools, groups=groups, links=dated))
    with sqlite_database.read() as session:
        query = select(Participant.reference, FactChange.kind, FactChange.changed_by)
        found = session.execute(query.join(FactChange).order_by(FactChange.id)).all()
    made = [f"urn:{urn}" for urn in (900001, 900002, 900002)]
    assert [tuple(each) for each in found] == [(who, "group", "terminal") for who in made]


def test_without_group_files_the_establishments_name_their_groups(
    sqlite_database: Database, tmp_path: Path
) -> None:
    """`Trusts (code)` is the Group UID: it makes the trust and the membership."""
    rows = [
        establishment(900001, trust="5001", trust_name="Made-up Trust", trust_flag="5"),
        establishment(900002, federation="5002", federation_name="Made-up Federation"),
    ]
    take_in(sqlite_database, write_gias(tmp_path, rows))
    with sqlite_database.read() as session:
        kinds = list(session.execute(select(Group.uid, Group.kind).order_by(Group.uid)))
    assert kinds == [(5001, "single_academy_trust"), (5002, "federation")]
    assert [row[:2] for row in spells(sqlite_database)] == [
        ("urn:900001", 5001),
        ("urn:900002", 5002),
    ]


def test_a_membership_that_left_the_links_ends(database: Database, tmp_path: Path) -> None:
    """A school that moved trust leaves the old one on the day of the import; both are kept."""
    schools, groups = [establishment(900001)], [group(5001), group(5002)]
    before = [link(900001, 5001, "01-09-2020")]
    take_in(database, write_gias(tmp_path, schools, groups=groups, links=before))
    after = [link(900001, 5002, "01-11-2026")]
    files = write_gias(tmp_path, schools, groups=groups, links=after)
    report = take_in(database, files)
    assert report.things["memberships"] == Counts(added=1, closed=1)
    assert spells(database) == [
        ("urn:900001", 5001, date(2020, 9, 1), MONDAY),
        ("urn:900001", 5002, date(2026, 11, 1), None),
    ]
    assert not take_in(database, files, TUESDAY).any_change


def test_without_links_the_establishment_says_what_ended(
    sqlite_database: Database, tmp_path: Path
) -> None:
    """Another trust, or "not in one", ends a membership; a federation left unnamed does not."""
    before = [
        establishment(900001, trust="5001", trust_flag="3", federation="5009"),
        establishment(900002, trust="5001", trust_flag="3"),
        establishment(900003, trust="5001", trust_flag="3"),
    ]
    take_in(sqlite_database, write_gias(tmp_path, before))
    after = [
        establishment(900001, trust="5002", trust_flag="3", federation_flag="In a federation"),
        establishment(900002, trust_flag="0"),
        establishment(900003, trust="5001", trust_flag="3"),
    ]
    report = take_in(sqlite_database, write_gias(tmp_path, after))
    assert report.things["memberships"] == Counts(added=1, closed=2, unchanged=1)
    assert [(row[0][-1], row[1], row[3]) for row in spells(sqlite_database)] == [
        ("1", 5001, MONDAY),
        ("1", 5002, None),
        ("1", 5009, None),
        ("2", 5001, MONDAY),
        ("3", 5001, None),
    ]


def test_a_membership_that_comes_back_goes_on(sqlite_database: Database, tmp_path: Path) -> None:
    """Links that forgot a member for a day, and know no date of joining, do not make it two."""
    schools, groups = [establishment(900001), establishment(900002)], [group(5001)]
    both, one = [link(900001, 5001), link(900002, 5001)], [link(900002, 5001)]
    for links in (both, one, both):
        take_in(sqlite_database, write_gias(tmp_path, schools, groups=groups, links=links))
    assert spells(sqlite_database) == [
        ("urn:900001", 5001, None, None),
        ("urn:900002", 5001, None, None),
    ]


def test_a_school_that_left_and_came_back_has_two_spells(
    sqlite_database: Database, tmp_path: Path
) -> None:
    """Spells are told apart by their day of joining; of two on one day the longer stands."""
    files = write_gias(
        tmp_path,
        [establishment(900001)],
        groups=[group(5001)],
        links=[link(900001, 5001, "01-09-2024")],
        memberships=[
            spell(900001, 5001, "01-09-2014", "31-08-2018"),
            spell(900001, 5001, "01-09-2014", "31-08-2019"),
            spell(900001, 5001, "01-09-2024"),
        ],
    )
    take_in(sqlite_database, files)
    assert spells(sqlite_database) == [
        ("urn:900001", 5001, date(2014, 9, 1), date(2019, 8, 31)),
        ("urn:900001", 5001, date(2024, 9, 1), None),
    ]
    assert not take_in(sqlite_database, files, TUESDAY).any_change


def test_a_file_of_one_area_ends_nothing_elsewhere(
    sqlite_database: Database, tmp_path: Path
) -> None:
    """Memberships of institutions that a file does not hold are not its business."""
    groups = [group(5001)]
    both = [establishment(900001), establishment(900002)]
    links = [link(900001, 5001), link(900002, 5001)]
    take_in(sqlite_database, write_gias(tmp_path, both, groups=groups, links=links))
    report = take_in(
        sqlite_database, write_gias(tmp_path, both[:1], groups=groups, links=links[:1])
    )
    assert not report.any_change
    assert [row[3] for row in spells(sqlite_database)] == [None, None]


def test_full_links_go_with_an_extract_of_one_authority(database: Database, tmp_path: Path) -> None:
    """Members that no establishments file has are left out and counted, each URN once."""
    files = write_gias(
        tmp_path,
        [establishment(900001)],
        groups=[group(5001), group(5002)],
        links=[link(900001, 5001), link(900098, 5001), link(900099, 5001), link(900099, 5002)],
    )
    report = take_in(database, files)
    assert spells(database) == [("urn:900001", 5001, None, None)]
    assert report.notes[0].startswith("Not in the register, so left out: memberships of 2 URNs")
    assert not take_in(database, files, TUESDAY).any_change


def test_history_dates_what_links_left_open(database: Database, tmp_path: Path) -> None:
    """The history adds past spells, and the day of joining where links did not know it."""
    schools, groups = [establishment(900001)], [group(5001), group(5002, status="CLOSED")]
    links = [link(900001, 5001)]
    take_in(database, write_gias(tmp_path, schools, groups=groups, links=links))
    files = write_gias(
        tmp_path,
        schools,
        groups=groups,
        links=links,
        successors=[
            succession(900001, 100, "Predecessor - merged", "01-09-2019"),
            succession(100, 900001, "Successor", "01-09-2019"),
            succession(900001, 101, "Sixth Form Centre School"),
        ],
        memberships=[
            spell(900001, 5001, "2020-09-01"),
            spell(900001, 5002, "2016-09-01", "2020-08-31"),
            spell(900009, 5002, "2016-09-01", "2020-08-31"),
            spell("", 5002),
        ],
    )
    report = take_in(database, files)
    assert report.things["memberships"] == Counts(added=1, changed=1)
    assert spells(database) == [
        ("urn:900001", 5001, date(2020, 9, 1), None),
        ("urn:900001", 5002, date(2016, 9, 1), date(2020, 8, 31)),
    ]
    assert institution(database, 900001)[1].history == "known"
    with database.read() as session:
        known = session.scalars(select(Succession)).one()
        assert (known.predecessor_urn, known.successor_urn, known.kind, known.effective) == (
            100, 900001, "merged", date(2019, 9, 1),
        )  # fmt: skip
    assert len(report.notes) == 2
    again = take_in(database, write_gias(tmp_path, schools, groups=groups, links=links))
    assert institution(database, 900001)[1].history == "known"
    assert not again.any_change


def test_a_spell_in_the_history_that_links_deny_has_ended(
    sqlite_database: Database, tmp_path: Path
) -> None:
    """A school is never a member of two trusts because one file forgot to say that it left."""
    files = write_gias(
        tmp_path,
        [establishment(900001)],
        groups=[group(5001), group(5002)],
        links=[link(900001, 5001, "01-09-2024")],
        memberships=[spell(900001, 5002, "01-09-2020"), spell(900001, 5001, "01-09-2024")],
    )
    take_in(sqlite_database, files)
    assert spells(sqlite_database) == [
        ("urn:900001", 5001, date(2024, 9, 1), None),
        ("urn:900001", 5002, date(2020, 9, 1), MONDAY),
    ]
    assert not take_in(sqlite_database, files, TUESDAY).any_change
