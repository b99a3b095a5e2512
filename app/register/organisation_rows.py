"""What a row of a file of organisations may hold, and what its rows describe together."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from app.errors import Fault
from app.files.csv_reading import Date, Key, RowModel, SlugCell, Text, Whole, YesNo
from app.files.spreadsheets import unfloat
from app.register.dates import not_before
from app.register.gias.rows import Urn
from solver.pairing.geography import GRID_HEIGHT_M, GRID_WIDTH_M


def _no_urn(key: str) -> str:
    """Refuse what would be read as a URN wherever a participant is named."""
    if str(unfloat(key)).isdigit():
        raise ValueError("must include a letter, so that it is not read as a URN")
    return key


OrganisationKey = Annotated[Key, AfterValidator(_no_urn)]
AreaCode = tuple[str, str]


class OrganisationRow(RowModel):
    """An organisation and one of its designations; further rows of a key hold only the latter."""

    examples: ClassVar = (
        {
            "key": "made-up-hub",
            "name": "Made-up Teaching School Hub",
            "kind": "teaching_school_hub",
            "latitude": "51.5",
            "longitude": "-0.5",
            "areas_served": "country:England",
            "funded": "yes",
            "opened": "2030-09-01",
            "designation": "teaching_school_hub",
            "designated_by": "Made-up department",
            "designated_from": "2030-09-01",
            "designated_to": "2034-08-31",
        },
        {
            "key": "made-up-hub",
            "designation": "english_hub",
            "designated_by": "Made-up department",
            "designated_from": "2031-09-01",
        },
        {
            "key": "made-up-service",
            "name": "Made-up Council Service",
            "kind": "council_service",
            "address": "1 Made-up Street, Made-up Town",
            "postcode": "ZZ1 1ZZ",
        },
    )

    key: OrganisationKey
    name: Text | None = None
    kind: SlugCell | None = None
    group_uid: Urn | None = None
    address: Text | None = None
    """Only to find the position by; it is not kept."""
    postcode: Annotated[Text, Field(max_length=10)] | None = None
    easting: Annotated[Whole, Field(le=GRID_WIDTH_M)] | None = None
    northing: Annotated[Whole, Field(le=GRID_HEIGHT_M)] | None = None
    latitude: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)] | None = None
    areas_served: Annotated[str, Field(max_length=20_000)] | None = None
    funded: YesNo | None = None
    opened: Date | None = None
    closed: Annotated[Date, AfterValidator(not_before("opened"))] | None = None
    designation: Annotated[Text, Field(max_length=100)] | None = None
    designated_by: Annotated[Text, Field(max_length=100)] | None = None
    designated_from: Date | None = None
    designated_to: Annotated[Date, AfterValidator(not_before("designated_from"))] | None = None

    @property
    def whereabouts(self) -> str:
        """Address and postcode, as somebody would look them up; empty if neither is given."""
        return ", ".join(part for part in (self.address, self.postcode) if part)


OWN_COLUMNS = (
    "name", "kind", "group_uid", "address", "postcode", "easting", "northing", "latitude",
    "longitude", "areas_served", "funded", "opened", "closed",
)  # fmt: skip


@dataclass(slots=True)
class Described:
    """One organisation of the file with what was settled about it."""

    line: int
    row: OrganisationRow
    areas: list[AreaCode] = field(default_factory=list)
    designations: dict[tuple[str, date | None], OrganisationRow] = field(default_factory=dict)
    position: tuple[float, float] | None = None
    position_note: str | None = None
    """How the position was found, or why not, where none was given."""

    @property
    def reference(self) -> str:
        return f"org:{self.row.key}"

    @property
    def is_placed(self) -> bool:
        """Whether the file gives its position."""
        return self.row.easting is not None or self.row.latitude is not None


def described_by(
    path: Path, rows: list[tuple[int, OrganisationRow]], faults: list[Fault]
) -> list[Described]:
    found: dict[str, Described] = {}

    def refuse(line: int, column: str, value: object, reason: str) -> None:
        said = None if value is None else str(value)
        faults.append(Fault(path.name, line, column, said, reason))

    for line, row in rows:
        one = found.get(row.key)
        if one is None:
            one = found[row.key] = Described(line, row)
            for column, why in _misfits(row):
                refuse(line, column, getattr(row, column), why)
        else:
            for column in OWN_COLUMNS:
                if getattr(row, column) not in (None, getattr(one.row, column)):
                    reason = f"is different on line {one.line:,}. Leave it blank in further rows"
                    refuse(line, column, getattr(row, column), reason)
            if row.designation is None:
                refuse(
                    line,
                    "key",
                    row.key,
                    f"is already on line {one.line:,}. Add a designation or remove the row",
                )
        if row.designation is None:
            if row.designated_by or row.designated_from or row.designated_to:
                refuse(
                    line,
                    "designation",
                    None,
                    "is missing. Enter it, or leave blank who gave it and when",
                )
        elif row.designated_by is None:
            refuse(line, "designated_by", None, "is missing. Enter who gave the designation")
        elif (row.designation, row.designated_from) in one.designations:
            refuse(
                line, "designation", row.designation, "is repeated from the same day. Keep one row"
            )
        else:
            one.designations[(row.designation, row.designated_from)] = row
    return list(found.values())


def _misfits(row: OrganisationRow) -> Iterator[tuple[str, str]]:
    for column in ("name", "kind"):
        if getattr(row, column) is None:
            yield column, "is missing. Enter it in the first row of this key"
    for one, other in (("easting", "northing"), ("latitude", "longitude")):
        if (getattr(row, one) is None) != (getattr(row, other) is None):
            missing = one if getattr(row, one) is None else other
            yield missing, "is missing. Enter both parts of the position"
    if row.easting is not None and row.latitude is not None:
        yield "latitude", "must be blank if there is an easting. Enter one position"
