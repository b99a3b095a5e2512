"""The kinds of file that can be imported, each declared once: here.

The terminal, HTTP, the portal and the made-up county read this table. To add a kind, add an entry,
write its importer, and add its line to docs/imports.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Final

from app.access.policy import Action, Principal
from app.files.csv_reading import RowModel
from app.progress import Progress, silent

if TYPE_CHECKING:
    from app.database import ReadSession, WriteSession
    from app.import_kit.report import ImportReport


@dataclass(frozen=True, slots=True)
class FileRole:
    """One of several files that are imported together, and the download it comes from."""

    name: str
    title: str
    download: str
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a file holds, who may import it, and where its code is, as `module:name`.

    The code is named rather than imported: one kind is wanted, and all of them take long to load.
    """

    name: str
    title: str
    help: str
    importer: str
    row: str | None = None
    exporter: str | None = None
    by_period: bool = False
    """Whether the exporter can be limited to a period."""
    action: Action = Action.IMPORT
    roles: tuple[FileRole, ...] = ()
    """The files that make up this kind, where there are several."""
    files: str | None = None
    """What the importer of several files is handed them as."""

    @property
    def row_model(self) -> type[RowModel]:
        """The columns of the file, with made-up rows for a template."""
        assert self.row is not None, f"{self.name} has no template"
        model: type[RowModel] = resolve_name(self.row)
        return model

    def import_files(
        self,
        session: "WriteSession",
        principal: Principal,
        paths: Mapping[str, Path],
        on_progress: Progress = silent,
    ) -> "ImportReport":
        """Import the files, by role; a single file goes under the name of its kind."""
        given = resolve_name(self.files)(**paths) if self.files else paths[self.name]
        report: ImportReport = resolve_name(self.importer)(session, principal, given, on_progress)
        from app.proposals import flags

        if flagged := flags.review(session):
            report.notes.append(flags.told(flagged))
        return report

    def export(
        self, session: "ReadSession", principal: Principal, period: str | None = None
    ) -> str:
        """Return what is stored as the CSV file that the importer reads back unchanged."""
        assert self.exporter is not None, f"{self.name} has no export"
        options = {"period": period} if self.by_period else {}
        text: str = resolve_name(self.exporter)(session, principal, **options)
        return text


_ALL: Final = (
    Kind(
        name="gias",
        title="Public register of schools",
        help="Import the public register: institutions, groups, areas and their history.",
        importer="app.register.gias.importer:import_gias",
        files="app.register.gias.importer:GiasFiles",
        roles=(
            FileRole("establishments", "Establishments", "edubasealldata", required=True),
            FileRole("groups", "Groups", "allgroupsdata"),
            FileRole("links", "Group links", "alllinksdata"),
            FileRole("successors", "Predecessors and successors", "links_edubasealldata"),
            FileRole("memberships", "Academies' memberships", "academiesmatmembership"),
        ),
    ),
    Kind(
        name="measures",
        title="Published measures",
        help="Import published measures of institutions.",
        importer="app.register.measures:import_measures",
        row="app.register.measures:MeasureRow",
    ),
    Kind(
        name="organisations",
        title="Organisations",
        help="Import supporting organisations that are not schools, and the areas they serve.",
        importer="app.register.organisations:import_organisations",
        row="app.register.organisation_rows:OrganisationRow",
    ),
    Kind(
        name="networks",
        title="Networks",
        help="Import families of schools and alliances, with their members.",
        importer="app.register.networks:import_networks",
        row="app.register.networks:NetworkRow",
    ),
    Kind(
        name="circumstance-rules",
        title="Circumstance rules",
        help="Import what each circumstance changes about giving and receiving support.",
        importer="app.register.circumstances:import_circumstance_rules",
        row="app.register.circumstances:CircumstanceRuleRow",
        exporter="app.register.circumstances:export_circumstance_rules",
        action=Action.EDIT_RULES,
    ),
    Kind(
        name="approval-rules",
        title="Approval rules",
        help="Import the rules of who approves a proposal. They replace all those in force.",
        importer="app.proposals.approval_rules:import_approval_rules",
        row="app.proposals.approval_rules:ApprovalRuleRow",
        exporter="app.proposals.approval_rules:export_approval_rules",
        action=Action.EDIT_RULES,
    ),
    Kind(
        name="interest-rules",
        title="Interest rules",
        help="Import what each kind of declared interest does to a pair.",
        importer="app.interests.rules:import_interest_rules",
        row="app.interests.rules:InterestRuleRow",
        exporter="app.interests.rules:export_interest_rules",
        action=Action.EDIT_RULES,
    ),
    Kind(
        name="circumstances",
        title="Circumstances",
        help="Import dated circumstances, such as a new head teacher.",
        importer="app.register.circumstances:import_circumstances",
        row="app.register.circumstances:CircumstanceRow",
    ),
    Kind(
        name="interests",
        title="Declared interests",
        help="Import declared interests of participants in each other. A file withdraws none.",
        importer="app.interests.service:import_interests",
        row="app.interests.rows:InterestRow",
    ),
    Kind(
        name="support",
        title="Support, current and past",
        help="Import support that is running, comes from elsewhere or has ended, with its result.",
        importer="app.partnerships.service:import_support",
        row="app.partnerships.service:SupportRow",
    ),
    Kind(
        name="targets",
        title="Targets of support",
        help="Import what support is to achieve: a measure, its value and the date.",
        importer="app.partnerships.target_files:import_targets",
        row="app.partnerships.targets:TargetRow",
    ),
    Kind(
        name="expertise",
        title="Expertise",
        help="Import all areas of expertise. Those that the file leaves out are retired.",
        importer="app.catalogue.taxonomy:import_expertise",
        row="app.catalogue.rows:ExpertiseRow",
        exporter="app.catalogue.taxonomy:export_expertise",
    ),
    Kind(
        name="periods",
        title="Periods",
        help="Import academic years and their terms.",
        importer="app.catalogue.calendar:import_periods",
        row="app.catalogue.rows:PeriodRow",
        exporter="app.catalogue.calendar:export_periods",
    ),
    Kind(
        name="needs",
        title="Needs",
        help="Import needs. Each has a reference that you choose.",
        importer="app.exchange.files:import_needs",
        row="app.exchange.rows:NeedRow",
        exporter="app.exchange.files:export_needs",
        by_period=True,
    ),
    Kind(
        name="offers",
        title="Offers",
        help="Import offers. Each has a reference that you choose.",
        importer="app.exchange.files:import_offers",
        row="app.exchange.rows:OfferRow",
        exporter="app.exchange.files:export_offers",
        by_period=True,
    ),
    Kind(
        name="limits",
        title="Limits",
        help="Import limits on what each participant gives and receives in a period.",
        importer="app.exchange.files:import_limits",
        row="app.exchange.rows:LimitsRow",
        exporter="app.exchange.files:export_limits",
        by_period=True,
    ),
)
KINDS: Final[Mapping[str, Kind]] = {kind.name: kind for kind in _ALL}
GIAS: Final = KINDS["gias"]
SINGLE_FILES: Final = tuple(kind.name for kind in _ALL if not kind.roles)
