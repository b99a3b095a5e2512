"""What needs and offers were: triggers keep each version, whatever wrote it."""

from sqlalchemy import Column, Table

from models.base import Base
from models.exchange import Need, Offer


def _versions_of(model: type[Base]) -> Table:
    """A table of all versions of the rows of another, without what only holds of the newest."""
    newest = model.__table__
    return Table(
        f"{model.__tablename__}_version",
        Base.metadata,
        *(
            Column(
                column.key,
                column.type,
                primary_key=column.key in ("id", "version"),
                autoincrement=False,
                nullable=column.nullable,
                info=column.info,
            )
            for column in newest.columns
        ),
    )


NEED_VERSION = _versions_of(Need)
OFFER_VERSION = _versions_of(Offer)
