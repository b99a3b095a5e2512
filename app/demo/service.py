"""Take the made-up county in, by the same importers that take in the real register."""

from collections.abc import Callable
from pathlib import Path

from app.access.policy import Principal
from app.catalogue.packaged import load_packaged
from app.database import Database, WriteSession
from app.exchange.files import import_limits, import_needs, import_offers
from app.import_kit.report import ImportReport
from app.partnerships.service import import_support
from app.progress import Progress, silent
from app.register.circumstances import import_circumstances
from app.register.gias.importer import GiasFiles, import_gias
from app.register.measures import import_measures
from app.register.networks import import_networks
from app.register.organisations import import_organisations

FileImporter = Callable[[WriteSession, Principal, Path, Progress], ImportReport]
FILES: dict[str, FileImporter] = {
    "measures": import_measures,
    "organisations": import_organisations,
    "networks": import_networks,
    "circumstances": import_circumstances,
    "support": import_support,
    "needs": import_needs,
    "offers": import_offers,
    "limits": import_limits,
}


def take_in(
    database: Database, principal: Principal, folder: Path, on_progress: Progress = silent
) -> list[ImportReport]:
    """Import every file of a county's folder, each in a transaction of its own."""
    files = GiasFiles(
        folder / "edubasealldata.csv",
        folder / "allgroupsdata.csv",
        folder / "alllinksdata.csv",
        folder / "links_edubasealldata.csv",
        folder / "academiesmatmembership.csv",
    )
    with database.write() as session:
        load_packaged(session)
        reports = [import_gias(session, principal, files, on_progress)]
    for name, importer in FILES.items():
        with database.write() as session:
            reports.append(importer(session, principal, folder / f"{name}.csv", on_progress))
    return reports
