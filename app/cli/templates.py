"""`givetake template KIND`: an importer's columns with made-up rows, or rules, to fill in."""

from pkgutil import resolve_name
from typing import Annotated

import typer

from app.cli.console import write_csv
from app.cli.exchange import OutOption
from app.errors import NotFound
from app.files.csv_reading import RowModel
from app.files.csv_writing import template as template_of

TEMPLATES = {
    "measures": "app.register.measures:MeasureRow",
    "organisations": "app.register.organisation_rows:OrganisationRow",
    "networks": "app.register.networks:NetworkRow",
    "circumstance-rules": "app.register.circumstances:CircumstanceRuleRow",
    "circumstances": "app.register.circumstances:CircumstanceRow",
    "expertise": "app.catalogue.rows:ExpertiseRow",
    "periods": "app.catalogue.rows:PeriodRow",
    "needs": "app.exchange.rows:NeedRow",
    "offers": "app.exchange.rows:OfferRow",
    "limits": "app.exchange.rows:LimitsRow",
    "support": "app.partnerships.service:SupportRow",
}
"""Where each row model is: one is wanted, and importing them all takes long."""
SUGGEST_RULES = "suggest-rules"
KINDS = ", ".join([*TEMPLATES, SUGGEST_RULES])


def template(
    kind: Annotated[str, typer.Argument(metavar="KIND", help=KINDS)],
    out_file: OutOption = None,
) -> None:
    """Write a CSV file to fill in, with made-up rows, or the rules of `suggest` to change."""
    if kind == SUGGEST_RULES:
        from app.suggestions.rules import PACKAGED

        rules = PACKAGED.read_text(encoding="utf-8")
        if out_file is None:
            typer.echo(rules, nl=False)
        else:
            out_file.write_text(rules, encoding="utf-8")
        return
    if kind not in TEMPLATES:
        raise NotFound(f"there is no template {kind!r}; there are {KINDS}")
    write_csv(template_of(row_model(kind)), out_file)


def row_model(kind: str) -> type[RowModel]:
    model: type[RowModel] = resolve_name(TEMPLATES[kind])
    return model
