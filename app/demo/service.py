"""Import the sample county with the importers of the real register."""

from pathlib import Path
from typing import Final

from app.access.policy import Principal
from app.catalogue.packaged import load_packaged
from app.database import Database
from app.import_kit.report import ImportReport
from app.imports.kinds import GIAS, KINDS
from app.progress import Progress, silent

FILES: Final = (
    "measures",
    "organisations",
    "networks",
    "circumstances",
    "support",
    "targets",
    "needs",
    "offers",
    "limits",
)
"""What a made-up county holds besides the register, in the order of import."""


def take_in(
    database: Database, principal: Principal, folder: Path, on_progress: Progress = silent
) -> list[ImportReport]:
    """Import every file of a county's folder, each in a transaction of its own."""
    register = {role.name: folder / f"{role.download}.csv" for role in GIAS.roles}
    with database.write() as session:
        load_packaged(session)
        reports = [GIAS.import_files(session, principal, register, on_progress)]
    for name in FILES:
        paths = {name: folder / f"{name}.csv"}
        with database.write() as session:
            reports.append(KINDS[name].import_files(session, principal, paths, on_progress))
    return reports
