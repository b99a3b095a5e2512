"""`givetake template KIND`: an importer's columns with made-up rows, or rules, to fill in."""

from typing import Annotated

import typer

from app.cli.console import require_writable, write_csv, write_text
from app.cli.exports import OutOption
from app.errors import NotFound
from app.files.csv_writing import template as template_of
from app.imports.kinds import KINDS

SUGGEST_RULES = "suggest-rules"
NAMES = ", ".join([*(kind.name for kind in KINDS.values() if kind.row), SUGGEST_RULES])


def template(
    kind: Annotated[str, typer.Argument(metavar="KIND", help=NAMES)],
    out_file: OutOption = None,
) -> None:
    """Write a template to fill in: a CSV file with made-up rows, or the rules of `suggest`."""
    require_writable(out_file)
    if kind == SUGGEST_RULES:
        from app.suggestions.rules import PACKAGED

        write_text(PACKAGED.read_text(encoding="utf-8"), out_file, "rules to edit")
        return
    found = KINDS.get(kind)
    if found is None or found.row is None:
        raise NotFound(f"There is no template {kind!r}. Choose one of: {NAMES}.")
    write_csv(template_of(found.row_model), out_file)
