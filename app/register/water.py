"""The tables of waters and of what leads over and round them, as the settings name them."""

from collections import defaultdict
from functools import lru_cache
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field, model_validator

from app.errors import Fault, FaultyFile, Problem
from app.files.csv_reading import RowModel, Text, YesNo, read_rows
from app.settings import settings
from solver.pairing.lines import Position
from solver.pairing.travel import EstimatedTravelTimes
from solver.pairing.water import Crossing, Water

DATA: Final = Path(__file__).parent / "data"
WATERS: Final = DATA / "water.csv"
CROSSINGS: Final = DATA / "crossings.csv"

Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]


class BadTravelTimes(Problem):
    status = 422
    title = "Invalid travel times"


class WaterRow(RowModel):
    """One point of the middle line of a water, in the order of the line."""

    examples: ClassVar = (
        {"water": "Made-up Firth", "latitude": "55.1", "longitude": "-1.2"},
        {"water": "Made-up Firth", "latitude": "55.2", "longitude": "-0.9"},
    )

    water: Text
    latitude: Latitude
    longitude: Longitude


class CrossingRow(RowModel):
    """A bridge, tunnel or ferry with both ends, or a place on the road round a water."""

    examples: ClassVar = (
        {
            "crossing": "the Made-up Bridge", "kind": "bridge", "latitude": "55.1",
            "longitude": "-1.2", "to_latitude": "55.2", "to_longitude": "-1.2", "mph": "40",
            "minutes": "2", "vehicles": "yes",
        },
        {
            "crossing": "Made-up Head", "kind": "road", "latitude": "55.3", "longitude": "-1.4",
            "vehicles": "yes",
        },
    )  # fmt: skip

    crossing: Text
    kind: Literal["bridge", "tunnel", "ferry", "road"]
    latitude: Latitude
    longitude: Longitude
    to_latitude: Latitude | None = None
    to_longitude: Longitude | None = None
    mph: Annotated[float, Field(gt=0, le=70, allow_inf_nan=False)] | None = None
    minutes: Annotated[float, Field(ge=0, le=1_440, allow_inf_nan=False)] = 0.0
    vehicles: YesNo

    @model_validator(mode="after")
    def _whole(self) -> "CrossingRow":
        over = (self.to_latitude, self.to_longitude, self.mph)
        if self.kind == "road" and (any(each is not None for each in over) or self.minutes):
            raise ValueError(
                "is a road: leave to_latitude, to_longitude, mph and minutes blank, or enter "
                "bridge, tunnel or ferry as its kind"
            )
        if self.kind != "road" and any(each is None for each in over):
            raise ValueError(
                f"is a {self.kind}: enter to_latitude, to_longitude and mph, or road as its kind"
            )
        return self

    def as_crossing(self) -> Crossing:
        if self.to_latitude is None or self.to_longitude is None:
            return Crossing(self.crossing, (self.latitude, self.longitude))
        start, end = (self.latitude, self.longitude), (self.to_latitude, self.to_longitude)
        return Crossing(self.crossing, start, end, self.mph or 0.0, self.minutes)


def read_waters(path: Path) -> dict[str, list[Position]]:
    """Lines of waters by name.

    Raises
    ------
    FaultyFile
        If a row is wrong, or a water has but one point; nothing of the file is taken.
    """
    faults: list[Fault] = []
    lines: dict[str, list[Position]] = defaultdict(list)
    first: dict[str, int] = {}
    for line, row in read_rows(path, WaterRow, faults=faults):
        first.setdefault(row.water, line)
        lines[row.water].append((row.latitude, row.longitude))
    for name, points in lines.items():
        if len(points) < 2 and not faults:
            reason = "has but one point. Add the next point of its line"
            faults.append(Fault(path.name, first[name], "water", name, reason))
    if faults:
        raise FaultyFile(faults)
    return dict(lines)


def read_crossings(path: Path) -> list[Crossing]:
    """What vehicles can go by; rows for others are read and left out.

    Raises
    ------
    FaultyFile
        If a row is wrong, or a name is there twice; nothing of the file is taken.
    """
    faults: list[Fault] = []
    names: set[str] = set()
    found: list[Crossing] = []
    for line, row in read_rows(path, CrossingRow, faults=faults):
        if row.crossing in names:
            reason = "is there twice. Give each its own name"
            faults.append(Fault(path.name, line, "crossing", row.crossing, reason))
        names.add(row.crossing)
        if row.vehicles:
            found.append(row.as_crossing())
    if faults:
        raise FaultyFile(faults)
    return found


def sources() -> tuple[Path, Path]:
    """The tables of waters and of crossings that count: the packaged ones unless set otherwise."""
    return settings().waters or WATERS, settings().crossings or CROSSINGS


def estimated() -> EstimatedTravelTimes:
    """Estimated minutes, round the water that the settings name."""
    return EstimatedTravelTimes(water=known_water())


def known_water() -> Water:
    """The water that journeys go round.

    Raises
    ------
    BadTravelTimes
        If a table of the settings cannot be read or has errors.
    """
    waters, crossings = sources()
    return _water(waters, _changed(waters, "WATERS"), crossings, _changed(crossings, "CROSSINGS"))


def _changed(path: Path, setting: str) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError as unreadable:
        raise BadTravelTimes(
            f"The file of GIVETAKE_{setting} could not be read ({unreadable.strerror}). Check its "
            "name."
        ) from unreadable


@lru_cache(maxsize=4)
def _water(waters: Path, waters_ns: int, crossings: Path, crossings_ns: int) -> Water:
    setting = "WATERS"
    try:
        lines = read_waters(waters)
        setting = "CROSSINGS"
        return Water.of(lines, read_crossings(crossings))
    except FaultyFile as faulty:
        said = " ".join(f"{fault}." for fault in faulty.faults)
        raise BadTravelTimes(f"The file of GIVETAKE_{setting} has errors. {said}") from faulty
