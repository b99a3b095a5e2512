"""The made-up county: the real layout, nobody's names, the same for the same seed."""

import csv
from pathlib import Path

import pytest

from app.demo.county import FIRST_GROUP_UID, FIRST_URN, make_county
from app.demo.county_exchange import write_county
from app.demo.places import ENDS, STARTS, inside

SEEDS = (1, 2, 7)


def read(path: Path, encoding: str = "utf-8") -> list[dict[str, str]]:
    with path.open(encoding=encoding, newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("county")
    write_county(made, seed=1)
    return made


def test_same_seed_same_files(folder: Path, tmp_path: Path) -> None:
    """A seed names a county: every file is the same byte for byte, another seed's differs."""
    write_county(tmp_path / "again", seed=1)
    write_county(tmp_path / "other", seed=2)
    names = sorted(path.name for path in folder.iterdir())
    assert names == sorted(path.name for path in (tmp_path / "again").iterdir())
    for name in names:
        assert (folder / name).read_bytes() == (tmp_path / "again" / name).read_bytes(), name
    assert (folder / "needs.csv").read_bytes() != (tmp_path / "other/needs.csv").read_bytes()


@pytest.mark.parametrize("seed", SEEDS)
def test_about_300_institutions_and_20_trusts(seed: int) -> None:
    """Whatever the seed: the promised size, special and alternative provision, whole trusts."""
    county = make_county(seed)
    assert 280 <= len(county.schools) <= 320
    assert len(county.trusts) == 20
    assert len(county.federations) >= 5
    assert sum(bool(school.sen) for school in county.schools) >= 10
    assert sum(school.name.endswith("Alternative Provision") for school in county.schools) >= 5
    members = [school.urn for trust in county.trusts for school in trust.members]
    assert len(members) == len(set(members))


@pytest.mark.parametrize("seed", SEEDS)
def test_schools_stand_on_dry_land(seed: int) -> None:
    """Every position lies within the county's outline, in the open North Sea of the grid."""
    county = make_county(seed)
    ring = list(county.outline)
    assert all(inside(ring, *school.spot) for school in county.schools)
    assert min(easting for easting, _ in ring) > 560_000
    assert min(northing for _, northing in ring) > 385_000
    assert max(easting for easting, _ in ring) < 700_000


@pytest.mark.parametrize("seed", SEEDS)
def test_names_and_numbers_are_unique(seed: int) -> None:
    """No two open institutions or groups share a name or number."""
    county = make_county(seed)
    groups = (*county.trusts, *county.federations)
    names = [each.name for each in (*county.schools, *groups) if each.name]
    assert len(names) == len(set(names))
    assert len({school.urn for school in county.schools}) == len(county.schools)
    assert len({group.uid for group in groups}) == len(groups)


@pytest.mark.national
@pytest.mark.parametrize("seed", SEEDS)
def test_nobody_bears_the_names(seed: int, national_data: Path) -> None:
    """No name, number, code or postcode of the county is in the national register."""
    schools = read(national_data / "gias/edubasealldata.csv", "cp1252")
    groups = read(national_data / "gias/allgroupsdata.csv", "cp1252")
    taken = {row["EstablishmentName"].lower() for row in schools}
    taken |= {row["Group Name"].lower() for row in groups} | {
        row["Town"].lower() for row in schools
    }
    words = {word for name in taken for word in name.replace("'", " ").split()}
    county = make_county(seed)
    made_groups = (*county.trusts, *county.federations)
    made = {each.name.lower() for each in (*county.schools, *made_groups, *county.places)}
    assert not made & taken
    assert not {(start + end).lower() for start in STARTS for end in ENDS} & words
    assert county.name.lower() not in {row["LA (name)"].lower() for row in schools}
    assert max(int(row["URN"]) for row in schools) < FIRST_URN
    assert max(int(row["Group UID"]) for row in groups) < FIRST_GROUP_UID
    assert not any(row["LA (code)"] == "990" or row["GOR (code)"] == "Q" for row in schools)
    assert not any(row["Postcode"].startswith("Q") for row in schools)


@pytest.mark.national
@pytest.mark.parametrize("name", ["edubasealldata.csv", "allgroupsdata.csv", "alllinksdata.csv"])
def test_layout_is_the_real_one(folder: Path, national_data: Path, name: str) -> None:
    """The header is the public download's own, column by column."""
    with (national_data / "gias" / name).open(encoding="cp1252") as real:
        expected = next(csv.reader(real))
    with (folder / name).open(encoding="cp1252") as made:
        assert next(csv.reader(made)) == expected


def test_register_holds_its_traps(folder: Path) -> None:
    """Unknown and zero positions, closed, opening and closing schools, and successors occur."""
    rows = read(folder / "edubasealldata.csv", "cp1252")
    assert len(rows[0]) == 140
    assert {row["EstablishmentStatus (code)"] for row in rows} == {"1", "2", "3", "4"}
    assert {"", "0"} < {row["Easting"] for row in rows}
    assert any(row["SEN1 (name)"] == "Not Applicable" and row["SEN2 (name)"] for row in rows)
    closed = {row["URN"] for row in rows if row["CloseDate"]}
    links = read(folder / "links_edubasealldata.csv", "cp1252")
    assert {row["URN"] for row in links if row["LinkType"] == "Successor"} == closed
    assert closed


def test_everything_says_that_it_is_made_up(folder: Path) -> None:
    """The folder, the local authority and the drawn rows all say so."""
    assert "made up" in (folder / "README.txt").read_text(encoding="utf-8")
    for row in read(folder / "edubasealldata.csv", "cp1252"):
        assert row["LA (name)"].endswith("(made up)")
        assert row["GOR (name)"] == "Made-up region"
    for name in ("needs", "offers"):
        rows = read(folder / f"{name}.csv")
        assert rows
        assert all(row["reference"].startswith("DRAWN-") for row in rows)
    for name in ("organisations", "networks"):
        assert all(row["key"].startswith("made-up-") for row in read(folder / f"{name}.csv"))
