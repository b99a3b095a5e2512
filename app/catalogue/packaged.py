"""The taxonomy and calendar that come with the version, for a database that has none."""

from pathlib import Path

from sqlalchemy import select

from app.catalogue import calendar, taxonomy
from app.catalogue.rows import ExpertiseRow, PeriodRow
from app.database import WriteSession
from app.files.csv_reading import read_rows
from models.exchange import Expertise, Period

DATA = Path(__file__).parent / "data"


def load_packaged(session: WriteSession) -> None:
    """Fill the tables of expertise and periods where they are empty.

    Like the tables, this comes with the version and is no act of anybody: no audit event.
    """
    if session.scalar(select(Expertise.code).limit(1)) is None:
        taxonomy.store(session, [r for _, r in read_rows(DATA / "expertise.csv", ExpertiseRow)])
    if session.scalar(select(Period.code).limit(1)) is None:
        calendar.store(session, [r for _, r in read_rows(DATA / "periods.csv", PeriodRow)])
