"""Writing CSV files that our own importers read back: the same columns, from the same models."""

import csv
from collections.abc import Iterable, Mapping
from io import StringIO

from app.csv_in import RowModel


def columns(model: type[RowModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def csv_text(model: type[RowModel], rows: Iterable[Mapping[str, object]]) -> str:
    """A header and the rows, by column name; what a row does not have stays blank."""
    text = StringIO(newline="")
    writer = csv.DictWriter(text, columns(model), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def template(model: type[RowModel]) -> str:
    """An importer's header with the model's made-up example rows."""
    return csv_text(model, model.examples)
