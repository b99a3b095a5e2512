"""What `givetake match --curve` shows: points against schools that move, price by price."""

from typing import Any

from app.access.policy import TERMINAL
from app.cli.console import out
from app.database import Database
from app.runs import queries
from app.wording import could_improve, counted
from models.vocabulary import RunState


def show_curve(database: Database, run_id: int, *, as_json: bool) -> int:
    """Print what a run that compared prices found; the command's exit code."""
    from rich.table import Table

    with database.read() as session:
        run = queries.get_run(session, TERMINAL, run_id)
        found: dict[str, Any] = run.summary or {}
        checked = run.state == RunState.CHECKED
    if as_json:
        out.print_json(data={"run": run_id, "state": run.state, **found})
        return 0 if checked else 1
    if not checked:
        out.print("Comparing prices was interrupted. Run the command again.")
        return 1
    table = Table()
    for title in ("Price", "Points", "Pairings that move", "People disturbed", "Could improve by"):
        table.add_column(title, justify="right")
    for row in found["prices"]:
        figures = (f"{row[name]:,}" for name in ("price", "points", "disturbed", "people"))
        table.add_row(*figures, could_improve(row["gap"]))
    out.print(table)
    out.print(
        f"{counted(found['stood'], 'pairing')} of the last plan could be kept. Nothing was "
        "proposed. To plan at one of these prices, use --change-price.",
        soft_wrap=True,
    )
    return 0
