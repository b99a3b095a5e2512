"""Broken files: each names line, column, value and reason, and leaves the database as it was."""

import csv
import io
import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import select

from app.access.policy import TERMINAL
from app.database import Database
from app.errors import Fault, FaultyFile
from app.files.csv_reading import MAX_FAULTS
from app.import_kit.report import ImportReport
from app.partnerships.service import import_support
from app.register.circumstances import import_circumstance_rules, import_circumstances
from app.register.gias import layout
from app.register.gias.importer import GiasFiles, import_gias
from app.register.measures import import_measures
from app.register.networks import import_networks
from app.register.organisations import import_organisations
from models.tables import metadata
from tests.factories import (
    Cells,
    establishment,
    group,
    import_schools,
    link,
    spell,
    succession,
    write_gias,
)

LAYOUTS = {
    "establishments": layout.ESTABLISHMENTS,
    "groups": layout.GROUPS,
    "links": layout.LINKS,
    "successors": layout.SUCCESSORS,
    "memberships": layout.MEMBERSHIPS,
}
IMPORTERS: dict[str, Callable[..., ImportReport]] = {
    "measures": import_measures,
    "organisations": import_organisations,
    "networks": import_networks,
    "circumstances": import_circumstances,
    "circumstance-rules": import_circumstance_rules,
    "support": import_support,
}
HUGE = "9" * 12


class Broken(NamedTuple):
    """A file, whose it is, and the one fault that must be found in it."""

    name: str
    kind: str
    content: bytes
    line: int | None
    column: str | None
    value: str | None
    reason: str


def table(kind: str, *rows: Cells, columns: tuple[str, ...] | None = None) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns or LAYOUTS[kind], restval="", quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode("cp1252")


def schools(*rows: Cells) -> bytes:
    return table("establishments", *rows)


def school(**cells: str) -> bytes:
    return schools(establishment(900001, **cells))


def renamed(content: bytes, old: str, new: str) -> bytes:
    return content.replace(f'"{old}"'.encode(), f'"{new}"'.encode(), 1)


def zipped(content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("edubasealldata.csv", content)
    return packed.getvalue()


PLAIN = school()
M = "urn,measure,period,value\n"
G = "key,name,kind,easting,northing,areas_served,designation,designated_by,group_uid\n"
N = "key,name,kind,member,starts,ends\n"
C = "participant,kind,starts,ends,source\n"
R = "kind,statement,may_give,days_percent,extra_allowance_days,priority\n"
S = "reference,taker,giver,giver_name,expertise,period,days,starts,ends,state,result\n"
GIAS = "establishments"
URN, TYPE = "URN", "TypeOfEstablishment (code)"
BROKEN = [
    # The file as such.
    Broken("empty file", GIAS, b"", None, None, None, "is empty"),
    Broken("blank lines only", GIAS, b"\r\n\r\n", None, None, None, "is empty"),
    Broken("header only", GIAS, schools(), None, None, None, "no rows"),
    Broken("broken UTF-16", GIAS, b"\xff\xfe" + PLAIN[:33], None, None, None, "UTF-16"),
    Broken("zip archive", GIAS, zipped(PLAIN), None, None, None, "archive"),
    Broken("spreadsheet", GIAS, b"\xd0\xcf\x11\xe0" + PLAIN, None, None, None, "old or prot"),
    Broken("PDF", GIAS, b"%PDF-1.7" + PLAIN, None, None, None, "PDF"),
    Broken("NUL byte", GIAS, PLAIN.replace(b"Made-up S", b"Made\0up S"), 2, None, None, "NUL"),
    Broken(
        "byte of no encoding", GIAS, PLAIN.replace(b"Made-up S", b"Made\x81up S"),
        2, None, None, "0x81 is neither UTF-8 nor cp1252",
    ),
    Broken("unclosed quote", "measures", M.encode() + b'900001,"pupils,2030,1\n',
           2, None, None, "unexpected end of data"),
    Broken("text after a quote", "measures", M.encode() + b'900001,"pupils"x,2030,1\n',
           2, None, None, "could not be split"),
    Broken("cut off", "measures", M.encode() + b"900001,pupils,2030", 2, None, None, "is cut off"),
    Broken("too many cells", "measures", M.encode() + b"900001,pupils,2030,1,2\n",
           2, None, None, "5 cells, but the header has 4"),
    Broken("decimal comma", "measures", M.encode() + b"900001,fsm6_pct,2030,12,5\n",
           2, None, None, "5 cells, but the header has 4"),
    Broken("colons", "measures", M.replace(",", ":").encode() + b"900001:pupils:2030:1\n",
           1, None, None, "has none of the headings"),
    # The header.
    Broken("missing column", GIAS, renamed(PLAIN, URN, "Urn number"), 1, URN, None, "missing"),
    Broken("column twice", GIAS, renamed(PLAIN, "UKPRN", URN), 1, URN, None, "twice"),
    Broken("unknown column", "measures", b"urn,measure,period,value,colour\n900001,a,2030,1,red\n",
           1, "colour", None, "is not a column"),
    Broken("no header", "measures", b"900001,pupils,2030,1\n", 1, None, None, "none of the head"),
    # The establishments.
    Broken("URN twice", GIAS, schools(establishment(900001), establishment(900001)),
           3, URN, "900001", "already on line 2"),
    Broken("letters in a number", GIAS, school(pupils="two hundred"),
           2, "NumberOfPupils", "two hundred", "must be a whole number"),
    Broken("number with a decimal comma", GIAS, school(pupils="1,20"),
           2, "NumberOfPupils", "1,20", "must be a whole number"),
    Broken("negative pupils", GIAS, school(pupils="-5"),
           2, "NumberOfPupils", "-5", "greater than or equal to 0"),
    Broken("number beyond 32 bits", GIAS, school(pupils=HUGE),
           2, "NumberOfPupils", HUGE, "less than or equal to 2147483647"),
    Broken("share over 100", GIAS, school(fsm="101"),
           2, "PercentageFSM", "101", "less than or equal to 100"),
    Broken("share that is infinite", GIAS, school(fsm="inf"), 2, "PercentageFSM", "inf", "finite"),
    Broken("impossible date", GIAS, school(opened="31-02-2020"),
           2, "OpenDate", "31-02-2020", "not a real date"),
    Broken("date in words", GIAS, school(opened="autumn 2020"),
           2, "OpenDate", "autumn 2020", "must be a date"),
    Broken("date of three-digit year", GIAS, school(opened="01-09-202"),
           2, "OpenDate", "01-09-202", "must be a date"),
    Broken("easting off the grid", GIAS, school(easting="700001"),
           2, "Easting", "700001", "less than or equal to 700000"),
    Broken("northing off the grid", GIAS, school(northing="5600000"),
           2, "Northing", "5600000", "less than or equal to 1300000"),
    Broken("unknown status", GIAS, school(status="9"),
           2, "EstablishmentStatus (code)", "9", "less than or equal to 4"),
    Broken("blank URN", GIAS, school().replace(b'"900001"', b'""', 1), 2, URN, None, "is missing"),
    Broken("URN of nought", GIAS, school().replace(b'"900001"', b'"0"', 1),
           2, URN, "0", "greater than or equal to 1"),
    Broken("digits of another script", GIAS,
           school().decode().replace('"900001"', '"９００００１"').encode(),
           2, URN, "９００００１", "must be a whole number"),
    Broken("blank type", GIAS, school(type=""), 2, TYPE, None, "is missing"),
    Broken("over-long name", GIAS, school(name="x" * 301),
           2, "EstablishmentName", "x" * 80 + "...", "at most 300 characters"),
    Broken("control character", GIAS, school(name="Bell\x07"),
           2, "EstablishmentName", "Bell\x07", "U+0007"),
    Broken("unknown trust", GIAS, school(trust="5009"),
           2, "Trusts (code)", "5009", "is not a group in the register"),
    # The register's other files, imported beside two sound schools and one sound trust.
    Broken("group UID twice", "groups", table("groups", group(5001), group(5001)),
           3, "Group UID", "5001", "already on line 2"),
    Broken("group without a name", "groups", table("groups", group(5001, name="")),
           2, "Group Name", None, "is missing"),
    Broken("member of an unknown group", "links", table("links", link(900001, 5009)),
           2, "Group UID", "5009", "is not a group in the register"),
    Broken("membership twice", "links", table("links", link(900001, 5001), link(900001, 5001)),
           3, "Group UID", "900001 / 5001", "already on line 2"),
    Broken("left before joined", "memberships",
           table("memberships", spell(900001, 5001, "01-09-2020", "31-08-2020")),
           2, "Date Left Group", "31-08-2020", "before the day of joining, 01-09-2020"),
    Broken("history without a group", "memberships",
           table("memberships", spell(900001, 5001) | {"Group UID": ""}),
           2, "Group UID", None, "is missing"),
    Broken("history without its dates", "memberships", b"URN,Group UID\n900001,5001\n",
           1, "Date Joined Group", None, "missing"),
    Broken("its own successor", "successors",
           table("successors", succession(900001, 900001, "Successor")),
           2, "LinkURN", "900001", "itself"),
    # Measures.
    Broken("measure twice", "measures", f"{M}900001,pupils,2030,1\n900001,pupils,2030,2\n".encode(),
           3, "urn", "900001 / pupils / 2030", "already on line 2"),
    Broken("word among numbers", "measures",
           f"{M}900001,pupils,2030,1\n900002,pupils,2030,9\n900001,pupils,2031,many\n".encode(),
           4, "value", "many", "must be a number, like"),
    Broken("infinite figure", "measures", f"{M}900001,pupils,2030,1e999\n".encode(),
           2, "value", "1e999", "must be a number, like"),
    Broken("measure with blanks", "measures", f"{M}900001,my pupils,2030,1\n".encode(),
           2, "measure", "my pupils", "match pattern"),
    Broken("control character in UTF-8", "measures",
           f"{M}900001,pupils,2030,Go\x85od\n".encode(), 2, "value", "Go\x85od", "U+0085"),
    # Organisations.
    Broken("organisation without a kind", "organisations", f"{G}hub,Hub,,,,,,,\n".encode(),
           2, "kind", None, "in the first row"),
    Broken("unknown area", "organisations", f"{G}hub,Hub,hub,,,Nowhere,,,\n".encode(),
           2, "areas_served", "Nowhere", "is not an area in the register"),
    Broken("half a position", "organisations", f"{G}hub,Hub,hub,420000,,,,,\n".encode(),
           2, "northing", None, "both parts of the position"),
    Broken("two names for a key", "organisations",
           f"{G}hub,Hub,hub,,,,a,b,\nhub,Hob,,,,,c,d,\n".encode(),
           3, "name", "Hob", "different on line 2"),
    Broken("organisation twice", "organisations", f"{G}hub,Hub,hub,,,,,,\nhub,,,,,,,,\n".encode(),
           3, "key", "hub", "already on line 2"),
    Broken("designated by nobody", "organisations", f"{G}hub,Hub,hub,,,,a,,\n".encode(),
           2, "designated_by", None, "Enter who gave the designation"),
    Broken("organisation of an unknown trust", "organisations",
           f"{G}hub,Hub,hub,,,,,,5009\n".encode(), 2, "group_uid", "5009", "is not a group in"),
    Broken("key with blanks", "organisations", f"{G}my hub,Hub,hub,,,,,,\n".encode(),
           2, "key", "my hub", "match pattern"),
    # Networks.
    Broken("unknown member", "networks", f"{N}fam,Family,family,900009,,\n".encode(),
           2, "member", "900009", "import it first"),
    Broken("member twice", "networks", f"{N}fam,Family,family,900001,,\nfam,,,900001,,\n".encode(),
           3, "member", "fam / urn:900001 / ", "already on line 2"),
    Broken("two kinds of one network", "networks",
           f"{N}fam,Family,family,900001,,\nfam,,alliance,900002,,\n".encode(),
           3, "kind", "alliance", "different on line 2"),
    Broken("ends before it starts", "networks",
           f"{N}fam,Family,family,900001,2030-09-01,2030-08-31\n".encode(),
           2, "ends", "2030-08-31", "must not be before starts (01-09-2030)"),
    # Circumstances and their rules.
    Broken("unknown circumstance", "circumstances", f"{C}900001,bad_luck,2030-09-01,,x\n".encode(),
           2, "kind", "bad_luck", "Use one of: closing, formal_concern"),
    Broken("circumstance of nobody", "circumstances",
           f"{C}900009,new_head,2030-09-01,,x\n".encode(),
           2, "participant", "900009", "import it first"),
    Broken("circumstance without a source", "circumstances",
           f"{C}900001,new_head,2030-09-01,,\n".encode(), 2, "source", None, "is missing"),
    Broken("percent over 100", "circumstance-rules", f"{R}a,A,yes,150,0,\n".encode(),
           2, "days_percent", "150", "less than or equal to 100"),
    Broken("negative days", "circumstance-rules", f"{R}a,A,yes,50,-1,\n".encode(),
           2, "extra_allowance_days", "-1", "between 0 and 10,000 days"),
    Broken("neither yes nor no", "circumstance-rules", f"{R}a,A,maybe,50,0,\n".encode(),
           2, "may_give", "maybe", "must be yes or no"),
    # Support.
    Broken("quarter of a day", "support", f"{S}s1,900001,900002,,,,1.25,,,active,\n".encode(),
           2, "days", "1.25", "steps of half a day"),
    Broken("supports itself", "support", f"{S}s1,900001,900001,,,,1,,,active,\n".encode(),
           2, "giver", "900001", "is also the school receiving support"),
    Broken("no giver at all", "support", f"{S}s1,900001,,,,,1,,,active,\n".encode(),
           2, "giver", None, "giver_name"),
    Broken("unknown state", "support", f"{S}s1,900001,900002,,,,1,,,lively,\n".encode(),
           2, "state", "lively", "'active', 'paused', 'stopped' or 'ended'"),
    Broken("unknown expertise", "support", f"{S}s1,900001,900002,,juggling,,1,,,active,\n".encode(),
           2, "expertise", "juggling", "list of expertise"),
    Broken("result of what still runs", "support",
           f"{S}s1,900001,900002,,,,1,,,active,worked\n".encode(),
           2, "result", "worked", "when the support has ended"),
    Broken("reference twice", "support",
           f"{S}s1,900001,900002,,,,1,,,active,\ns1,900001,900002,,,,1,,,active,\n".encode(),
           3, "reference", "s1", "already on line 2"),
]  # fmt: skip


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def schooled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    """A database with two schools and a trust; shared, since no broken file changes it."""
    folder = tmp_path_factory.mktemp("schooled")
    if request.param == "postgresql":
        opened = request.getfixturevalue("postgres_server").database()
    else:
        path = folder / "schooled.sqlite3"
        shutil.copy(request.getfixturevalue("migrated_sqlite"), path)
        opened = Database(f"sqlite:///{path}")
    with opened as database:
        import_schools(database, folder)
        files = write_gias(folder, [establishment(900001)], groups=[group(5001)])
        with database.write() as session:
            import_gias(session, TERMINAL, files)
        yield database


def everything(database: Database) -> dict[str, list[str]]:
    with database.read() as session:
        return {
            one.name: sorted(map(repr, session.execute(select(one))))
            for one in metadata.sorted_tables
        }


def take_in(database: Database, broken: Broken, folder: Path) -> Path:
    """Import the broken file, beside sound ones where it needs any; returns its path."""
    path = folder / f"{broken.kind}.csv"
    path.write_bytes(broken.content)
    with database.write() as session:
        if broken.kind in IMPORTERS:
            IMPORTERS[broken.kind](session, TERMINAL, path)
            return path
        sound = write_gias(
            folder, [establishment(900001), establishment(900002)], groups=[group(5001)]
        )
        path.write_bytes(broken.content)
        import_gias(session, TERMINAL, replace(sound, **{broken.kind: path}))
    return path


@pytest.mark.parametrize("broken", BROKEN, ids=[broken.name for broken in BROKEN])
def test_a_broken_file_is_refused(schooled: Database, tmp_path: Path, broken: Broken) -> None:
    """The one fault is named with its place, and not one row of any table has changed."""
    before = everything(schooled)
    with pytest.raises(FaultyFile) as refused:
        take_in(schooled, broken, tmp_path)
    fault = refused.value.faults[0]
    assert (fault.file, fault.line, fault.column, fault.value) == (
        f"{broken.kind}.csv", broken.line, broken.column, broken.value,
    )  # fmt: skip
    assert broken.reason in fault.reason
    assert everything(schooled) == before


def test_the_kinds_of_broken_file_are_many_and_named() -> None:
    """At least forty kinds, each under a name of its own."""
    assert len({broken.name for broken in BROKEN}) == len(BROKEN) >= 40


def test_every_faulty_row_is_listed(schooled: Database, tmp_path: Path) -> None:
    """Not only the first row, and not only the first fault of a row."""
    rows = [establishment(900000 + n, pupils="many", easting="east") for n in range(1, 21)]
    broken = Broken("many", GIAS, schools(*rows), 0, None, None, "")
    with pytest.raises(FaultyFile) as refused:
        take_in(schooled, broken, tmp_path)
    assert [(f.line, f.column) for f in refused.value.faults] == [
        (line, column) for line in range(2, 22) for column in ("NumberOfPupils", "Easting")
    ]


@pytest.mark.parametrize(
    "content",
    ["\n".join(["key,name", *["1,2,3"] * 5_000]), ",".join(f"c{i}" * 50 for i in range(50_000))],
    ids=["rows", "columns"],
)
def test_a_file_of_nothing_but_faults_is_refused_in_short(
    schooled: Database, tmp_path: Path, content: str
) -> None:
    """However many rows or columns are wrong, the answer stays readable, and soon to be had."""
    path = tmp_path / "organisations.csv"
    path.write_text(content)
    with pytest.raises(FaultyFile) as refused, schooled.write() as session:
        import_organisations(session, TERMINAL, path)
    assert len(refused.value.faults) <= MAX_FAULTS + 1
    assert max(len(str(fault)) for fault in refused.value.faults) < 1_000


def test_a_file_that_is_not_there_is_a_fault(schooled: Database, tmp_path: Path) -> None:
    """A wrong path is told like any other fault, naming the file."""
    with schooled.write() as session, pytest.raises(FaultyFile) as refused:
        import_gias(session, TERMINAL, GiasFiles(tmp_path / "gone.csv"))
    assert refused.value.faults == (
        Fault(
            "gone.csv",
            None,
            None,
            None,
            "could not be read (No such file or directory). Check the name of the file",
        ),
    )
