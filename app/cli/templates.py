"""`givetake template KIND`: an importer's columns with made-up rows, or rules, to fill in."""

from typing import Annotated

import typer

from app.cli.console import write_csv
from app.cli.exchange import OutOption
from app.csv_in import RowModel
from app.csv_out import template as template_of
from app.exchange.rows import ExpertiseRow, LimitsRow, NeedRow, OfferRow, PeriodRow
from app.exchange.suggest_rules import PACKAGED
from app.partnerships.service import SupportRow
from app.problems import NotFound
from app.register.circumstances import CircumstanceRow, CircumstanceRuleRow
from app.register.measures import MeasureRow
from app.register.networks import NetworkRow
from app.register.organisations import OrganisationRow

TEMPLATES: dict[str, type[RowModel]] = {
    "measures": MeasureRow,
    "organisations": OrganisationRow,
    "networks": NetworkRow,
    "circumstance-rules": CircumstanceRuleRow,
    "circumstances": CircumstanceRow,
    "expertise": ExpertiseRow,
    "periods": PeriodRow,
    "needs": NeedRow,
    "offers": OfferRow,
    "limits": LimitsRow,
    "support": SupportRow,
}
SUGGEST_RULES = "suggest-rules"
KINDS = ", ".join([*TEMPLATES, SUGGEST_RULES])


def template(
    kind: Annotated[str, typer.Argument(metavar="KIND", help=KINDS)],
    out_file: OutOption = None,
) -> None:
    """Write a CSV file to fill in, with made-up rows, or the rules of `suggest` to change."""
    if kind == SUGGEST_RULES:
        rules = PACKAGED.read_text(encoding="utf-8")
        if out_file is None:
            typer.echo(rules, nl=False)
        else:
            out_file.write_text(rules, encoding="utf-8")
        return
    if kind not in TEMPLATES:
        raise NotFound(f"there is no template {kind!r}; there are {KINDS}")
    write_csv(template_of(TEMPLATES[kind]), out_file)
