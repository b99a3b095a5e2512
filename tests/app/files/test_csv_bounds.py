"""CSV files from others are read within bounds."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.errors import FaultyFile
from app.files import tables
from app.files.csv_reading import RowModel, read_rows
from app.settings import settings


class Row(RowModel):
    name: str


@pytest.fixture
def one_mib(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("GIVETAKE_FILE_MIB", "1")
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


def refused(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(FaultyFile) as faulty:
        read_rows(path, Row)
    assert len(faulty.value.faults) < 10
    return str(faulty.value.faults[0])


@pytest.mark.usefixtures("one_mib")
def test_a_file_over_the_limit_says_how_to_raise_it(tmp_path: Path) -> None:
    """The limit of the settings holds, and is named."""
    said = refused(tmp_path / "names.csv", b"name\n" + b"x\n" * 2**20)
    assert said == (
        "names.csv: has more than 1 MiB. Send a smaller file, or raise GIVETAKE_FILE_MIB"
    )


@pytest.mark.usefixtures("one_mib")
def test_a_file_without_end_is_read_up_to_the_limit() -> None:
    """A device claims to be empty, and never ends."""
    if not Path("/dev/zero").exists():
        pytest.skip("this system has no /dev/zero")
    with pytest.raises(FaultyFile) as faulty:
        tables.read_text(Path("/dev/zero"))
    assert "more than 1 MiB" in str(faulty.value.faults[0])


def test_a_row_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a huge cell nor a quotation mark that is never closed swallows the file."""
    monkeypatch.setattr(tables, "MAX_RECORD_CHARACTERS", 1000)
    path = tmp_path / "names.csv"
    assert "line 2: is longer than 1,000 characters" in refused(path, b"name\n" + b"x" * 1001)
    assert "line 2: is longer than 1,000" in refused(path, b'name\n"' + b"x,\n" * 1000 + b'"\n')
    path.write_bytes(b"name\n" + b"x\n" * 1000)
    assert len(read_rows(path, Row)) == 1000


def test_a_huge_cell_is_refused(tmp_path: Path) -> None:
    """A cell of over 131,072 characters is no cell that somebody wrote."""
    said = refused(tmp_path / "names.csv", b"name\n" + b"x" * 200_000 + b"\n")
    assert "line 2: could not be split into columns (field larger than" in said


def test_very_many_columns_are_refused(tmp_path: Path) -> None:
    """Not one fault for each column that is not known, but one for all."""
    said = refused(tmp_path / "names.csv", b"name," + b"x," * 10_000 + b"x\n")
    assert said == "names.csv, line 1: has 10,002 columns. The limit is 5,000. Remove some"


def test_nul_bytes_are_refused_with_their_line(tmp_path: Path) -> None:
    """A NUL byte is of a broken or binary file."""
    said = refused(tmp_path / "names.csv", b"name\nx\ny\0z\n")
    assert said.startswith("names.csv, line 3: contains a NUL byte")
