"""All faults of a file come in one pass, whoever finds them, and likely slips come as notes."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from app.access.policy import TERMINAL
from app.catalogue.packaged import load_packaged
from app.database import Database
from app.errors import FaultyFile
from app.exchange.files import import_limits, import_needs, import_offers
from app.import_kit.report import ImportReport
from app.interests.service import import_interests
from app.partnerships.service import import_support
from app.register.circumstances import import_circumstances
from app.register.networks import import_networks
from models.exchange import Need
from models.register import Participant
from tests.factories import establishment, import_schools

Importer = Callable[..., ImportReport]
ITEMS = "reference,participant,expertise,period,days"


@pytest.fixture
def exchange(database: Database, tmp_path: Path) -> Database:
    import_schools(
        database,
        tmp_path,
        establishment(900001, name="Dovecot Grammar School for Girls")
        | {"EstablishmentNumber": "4065"},
        establishment(900002, name="Amber Lane Primary") | {"EstablishmentNumber": "2001"},
        establishment(900003, status="2", name="Amber Lane Infants")
        | {"EstablishmentNumber": "2001", "CloseDate": "01-09-2020"},
    )
    with database.write() as session:
        load_packaged(session)
    return database


def take_in(database: Database, importer: Importer, folder: Path, text: str) -> ImportReport:
    path = folder / "file.csv"
    path.write_text(text, "utf-8")
    with database.write() as session:
        return importer(session, TERMINAL, path)


def refused(
    database: Database, importer: Importer, folder: Path, text: str
) -> list[tuple[int | None, str | None]]:
    with pytest.raises(FaultyFile) as faulty:
        take_in(database, importer, folder, text)
    return [(fault.line, fault.column) for fault in faulty.value.faults]


@pytest.mark.parametrize(
    ("importer", "text", "expected"),
    [
        (
            import_needs,
            f"{ITEMS},days_min,window_starts,window_ends,priority\n"
            "n-1,900001,phonic,2026-27,many,3,2027-02-01,2027-01-01,9\n"
            "n-2,900009,early-reading,2026-99,6,8,,,1\n"
            "n-2,900001,early-reading,2026-27,6,,,,x\n"
            "!,900001,music,2026-27,6,,2030-01-01,,\n",
            [
                *((2, "days"), (2, "priority"), (2, "expertise"), (2, "window_ends")),
                *((3, "days_min"), (3, "participant"), (3, "period")),
                *((4, "priority"), (4, "reference")),
                *((5, "reference"), (5, "window_starts"), (5, "window_ends")),
            ],
        ),
        (
            import_offers,
            f"{ITEMS},availability_updated,mode\no-1,900001,phonic,2026-27,6,2999-01-01,by post\n",
            [(2, "mode"), (2, "expertise"), (2, "availability_updated")],
        ),
        (
            import_limits,
            "participant,period,give_days,exempt\n900009,2026-99,x,maybe\n",
            [(2, "give_days"), (2, "exempt"), (2, "period"), (2, "participant")],
        ),
        (
            import_circumstances,
            "participant,kind,starts,ends,source\n900009,no_such,2026-09-01,soon,x\n",
            [(2, "ends"), (2, "kind"), (2, "participant")],
        ),
        (
            import_support,
            "reference,taker,giver,expertise,starts,state\n"
            "s-1,900001,900009,phonic,2026-09-01,going on\n",
            [(2, "state"), (2, "giver"), (2, "expertise")],
        ),
        (
            import_networks,
            "key,name,kind,member,starts\nfam,Family,family,900009,soon\n",
            [(2, "starts"), (2, "member")],
        ),
        (
            import_interests,
            "reference,kind,holder,about,evidence,declared_by,declared_on\n"
            "i-1,no_such,900001,900009,x,x,soon\n",
            [(2, "kind"), (2, "declared_on"), (2, "about")],
        ),
    ],
)
def test_every_fault_of_a_file_is_found_in_one_pass(
    exchange: Database,
    tmp_path: Path,
    importer: Importer,
    text: str,
    expected: list[tuple[int, str]],
) -> None:
    """Cells that cannot be read, what they name, how they fit each other: all kinds together."""
    found = refused(exchange, importer, tmp_path, text)
    assert sorted(set(found), key=str) == sorted(expected, key=str)


def test_mending_all_of_them_is_enough(exchange: Database, tmp_path: Path) -> None:
    """Nothing else is told once what was told is put right."""
    bad = f"{ITEMS},priority\nn-1,900001,phonic,2026-27,many,9\n"
    assert len(refused(exchange, import_needs, tmp_path, bad)) == 3
    good = f"{ITEMS},priority\nn-1,900001,early-reading,2026-27,6,1\n"
    assert take_in(exchange, import_needs, tmp_path, good).any_change


def test_each_fault_says_how_to_put_it_right(exchange: Database, tmp_path: Path) -> None:
    with pytest.raises(FaultyFile) as faulty:
        take_in(exchange, import_needs, tmp_path, f"{ITEMS}\nn-1,900001,phonic,2026-27,many\n")
    assert [fault["mend"] for fault in faulty.value.extra["faults"]] == [
        "Change it: days must be a number of days, like 2 or 2.5.",
        "Did you mean early-reading (Early reading and phonics)?",
    ]


@pytest.mark.parametrize(
    ("cell", "reference", "note"),
    [
        ("900001.0", "urn:900001", None),
        ("001/4065", "urn:900001", "001/4065 was read as 900001 Dovecot Grammar School for Girls."),
        ("0014065", "urn:900001", "0014065 was read as 900001 Dovecot Grammar School for Girls."),
        ("001/2001", "urn:900002", "001/2001 was read as 900002 Amber Lane Primary."),
    ],
)
def test_a_school_is_named_by_urn_or_dfe_number(
    exchange: Database, tmp_path: Path, cell: str, reference: str, note: str | None
) -> None:
    """What is not a URN is told with the school; of two with one number the open one is meant."""
    report = take_in(exchange, import_needs, tmp_path, f"{ITEMS}\nn-1,{cell},music,2026-27,6\n")
    assert report.notes == ([] if note is None else [note])
    with exchange.read() as session:
        query = select(Participant.reference).join(Need, Need.participant_id == Participant.id)
        assert session.scalars(query).all() == [reference]


@pytest.mark.parametrize(
    "cell", ["Dovecot Grammar School for Girls", "dovecot gramar", "Dovecot Grammar"]
)
@pytest.mark.parametrize(
    ("importer", "text"),
    [
        (import_needs, f"{ITEMS}\nn-1,CELL,music,2026-27,6\n"),
        (import_limits, "participant,period,give_days\nCELL,2026-27,6\n"),
        (import_networks, "key,name,kind,member\nfam,Family,family,CELL\n"),
        (
            import_support,
            "reference,taker,giver,starts,state\ns-1,CELL,900002,2026-09-01,active\n",
        ),
    ],
)
def test_a_name_is_answered_with_whom_it_may_mean(
    exchange: Database, tmp_path: Path, cell: str, importer: Importer, text: str
) -> None:
    """It is not taken: two schools may have one name."""
    with pytest.raises(FaultyFile) as faulty:
        take_in(exchange, importer, tmp_path, text.replace("CELL", cell))
    (fault,) = faulty.value.faults
    assert fault.reason == (
        "is not in the register. Did you mean 900001 Dovecot Grammar School for Girls?"
    )


def test_what_is_like_nobody_is_told_what_to_enter(exchange: Database, tmp_path: Path) -> None:
    with pytest.raises(FaultyFile) as faulty:
        take_in(exchange, import_needs, tmp_path, f"{ITEMS}\nn-1,xqzvw,music,2026-27,6\n")
    assert "Use a URN" in faulty.value.faults[0].reason


def test_a_need_of_thousands_of_days_is_noted(exchange: Database, tmp_path: Path) -> None:
    """It is taken in; the note names the row."""
    text = f'{ITEMS}\nn-1,900001,music,2026-27,"3,000"\nn-2,900001,attendance,2026-27,190\n'
    report = take_in(exchange, import_needs, tmp_path, text)
    assert report.notes == [
        "Line 2, days: “3,000” was read as 3000.",
        "1 need is of more days than the 190 of a school year: n-1, 3,000 days (line 2). Check "
        "the days.",
    ]
    assert report.things["needs"].added == 2
