"""The made-up county from its files to a report, by the same way that real data take."""

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from app.access.keys import principal_of
from app.access.policy import TERMINAL
from app.cli.demo import one_dropped_out
from app.database import Database
from app.demo.county import County
from app.demo.county_exchange import PERIOD, write_county
from app.demo.draw import draw, write_drawn
from app.demo.keys import make_keys
from app.demo.pots import make_pots
from app.demo.queries import to_draw
from app.demo.service import take_in
from app.errors import NotFound
from app.exchange.files import import_limits, import_needs, import_offers
from app.exchange.pots import price
from app.insight import queries as insight
from app.insight.report_page import render
from app.planning.options import MatchOptions
from app.portal.labels import LABELS
from app.proposals.queries import list_proposals
from app.repairs.broken import list_broken
from app.repairs.queries import repairs_of
from app.runs import service
from models.exchange import Need, Offer
from models.matching import Proposal
from models.money import Pot
from models.register import Institution, Network, Participant
from models.vocabulary import RepairSize, Role
from tests.repairs import chain
from tests.runs import matched

DAY = date(2026, 9, 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("county")


@pytest.fixture(scope="module")
def county(folder: Path) -> County:
    return write_county(folder, seed=1)


def test_county_goes_in_whole_and_once(database: Database, county: County, folder: Path) -> None:
    """Every file is taken in without a fault; the same files again change nothing."""
    reports = take_in(database, TERMINAL, folder)
    assert all(report.any_change for report in reports)
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Institution)) == len(county.schools)
        unknown = select(func.count()).where(Participant.latitude.is_(None))
        assert session.scalar(unknown) == sum(s.position != "known" for s in county.schools)
        specialist = select(func.count()).where(Institution.specialist)
        assert session.scalar(specialist) == sum(bool(school.sen) for school in county.schools)
    assert not any(report.any_change for report in take_in(database, TERMINAL, folder))


def test_county_lies_at_sea(sqlite_database: Database, county: County, folder: Path) -> None:
    """Its schools stand within its coast, east of every part of England and south of Scotland."""
    take_in(sqlite_database, TERMINAL, folder)
    coast = county.coast()
    with sqlite_database.read() as session:
        known = session.execute(
            select(Participant.latitude, Participant.longitude).where(
                Participant.latitude.is_not(None)
            )
        ).all()
    assert min(latitude for latitude, _ in coast) <= min(latitude for latitude, _ in known)
    assert max(longitude for _, longitude in coast) >= max(longitude for _, longitude in known)
    assert min(longitude for _, longitude in coast) > 0.5
    assert min(latitude for latitude, _ in coast) > 53.2
    assert max(latitude for latitude, _ in coast) < 54.5


def test_draw_for_a_place(
    sqlite_database: Database, county: County, folder: Path, tmp_path: Path
) -> None:
    """Needs are drawn for the place's own schools, offers for all in reach; files go in."""
    take_in(sqlite_database, TERMINAL, folder)
    with sqlite_database.write() as session:
        for each in (Need, Offer):
            session.execute(update(each).values(reference="before " + each.reference))
    with sqlite_database.read() as session:
        given = to_draw(session, TERMINAL, "made-up-family-3", "2026-27", DAY)
        assert given == to_draw(session, TERMINAL, "made-up-family-3", "2026-27", DAY)
        everybody = to_draw(session, TERMINAL, county.local_authority, "2026-27", DAY)
        with pytest.raises(NotFound, match="Nowhere"):
            to_draw(session, TERMINAL, "Nowhere", "2026-27", DAY)
    assert 5 < len(given.takers) < len(given.givers)
    assert {each.cell for each in given.takers} <= {each.cell for each in everybody.takers}
    assert any(not each.institution for each in given.givers)
    drawn = draw(given.takers, given.givers, given.subjects, given.period, seed=5)
    write_drawn(drawn, tmp_path)
    with sqlite_database.write() as session:
        for importer, name, rows in (
            (import_needs, "needs", drawn.needs),
            (import_offers, "offers", drawn.offers),
            (import_limits, "limits", drawn.limits),
        ):
            report = importer(session, TERMINAL, tmp_path / f"{name}.csv")
            counts = report.things[name]
            assert counts.added + counts.changed + counts.unchanged == len(rows)


def test_from_files_to_a_report(sqlite_database: Database, county: County, folder: Path) -> None:
    """A network of the county is planned, and its report lists every pairing with reasons."""
    take_in(sqlite_database, TERMINAL, folder)
    with sqlite_database.read() as session:
        network = session.scalars(select(Network.key).order_by(Network.key)).first()
        assert network is not None
        takers = service.takers_in(session, TERMINAL, network, DAY)
    options = MatchOptions(as_of=DAY, gap=0.05, workers=1)
    run = service.match(sqlite_database, TERMINAL, takers, PERIOD.code, options)
    with sqlite_database.read() as session:
        data = insight.report_data(session, insight.result_of(session, TERMINAL, run), made_up=True)
    assert data.pairings
    assert data.drawn
    html = render(data)
    assert html.count("data-pairing=") == len(data.pairings)
    assert all(each.sentence for pairing in data.pairings for each in pairing.components)


def test_plans_of_the_county_keep_within_its_pots(
    sqlite_database: Database, county: County, folder: Path
) -> None:
    """They are there before the run, and needs that name one want more than it has."""
    take_in(sqlite_database, TERMINAL, folder)
    with sqlite_database.write() as session:
        half_day = {
            pot.reference: price(pot).half_day_pence for pot in make_pots(session, TERMINAL)
        }
    with sqlite_database.read() as session:
        paid = select(Participant.reference).join(Need, Need.participant_id == Participant.id)
        references = session.scalars(paid.where(Need.pot_reference.is_not(None)).distinct())
        urns = sorted(each.removeprefix("urn:") for each in references)
        takers = service.takers_listed(session, TERMINAL, urns)
    service.match(
        sqlite_database, TERMINAL, takers, PERIOD.code, MatchOptions(as_of=DAY, gap=0.05, workers=1)
    )
    by_pot = Need.pot_reference
    wanted = select(by_pot, func.sum(Need.half_days)).where(by_pot.is_not(None)).group_by(by_pot)
    planned = select(by_pot, func.sum(Proposal.half_days)).join(Need).group_by(by_pot)
    with sqlite_database.read() as session:
        budget = {pot.reference: pot.budget_pence for pot in session.scalars(select(Pot))}
        asks = {pot: half_day[pot] * days for pot, days in session.execute(wanted)}
        takes = {pot: half_day[pot] * days for pot, days in session.execute(planned) if pot}
    assert any(asks[pot] > budget[pot] for pot in asks)
    assert any(takes.values())
    assert all(takes[pot] <= budget[pot] for pot in takes)


def test_keys_to_the_county_open_a_part_each(sqlite_database: Database) -> None:
    """One of each kind of person; the contacts are those of both sides of the best proposal."""
    matched(sqlite_database)
    with sqlite_database.write() as session:
        keys = make_keys(session, TERMINAL, 1)
    with sqlite_database.read() as session:
        held = {label: principal_of(session, key) for label, key in keys}
        roles = {label: each.roles for label, each in held.items()}
        for role in (Role.ADMINISTRATOR, Role.BROKER, Role.APPROVER, Role.AUDITOR):
            assert roles[role.value] == {role}
        for label in ("contact of Oak School", "contact of Ash School"):
            assert roles[label] == {Role.CONTACT}
            (full,) = list_proposals(session, held[label])
            assert full.proposal.id == 1


def test_alternative_provision_meets_needs_for_it(
    sqlite_database: Database, county: County, folder: Path
) -> None:
    """In the made-up county, most needs for it that are met are met by its providers."""
    take_in(sqlite_database, TERMINAL, folder)
    with sqlite_database.read() as session:
        ours = Need.expertise_code.startswith("alternative-provision")
        wanting = session.scalars(
            select(Participant.reference).join(Need, Need.participant_id == Participant.id)
            .where(ours).distinct()
        )  # fmt: skip
        urns = sorted(each.removeprefix("urn:") for each in wanting)
        takers = service.takers_listed(session, TERMINAL, urns)
    options = MatchOptions(as_of=DAY, gap=0.05, workers=1)
    run = service.match(sqlite_database, TERMINAL, takers, PERIOD.code, options)
    with sqlite_database.read() as session:
        met = session.execute(
            select(Institution.alternative_provision, Participant.kind)
            .select_from(Proposal).join(Need).join(Offer, Offer.id == Proposal.offer_id)
            .join(Participant, Participant.id == Offer.participant_id)
            .outerjoin(Institution, Institution.participant_id == Participant.id)
            .where(Proposal.run_id == run, ours)
        ).all()  # fmt: skip
    schools = [alternative for alternative, kind in met if kind == "institution"]
    assert len(schools) >= 3
    assert sum(schools) > len(schools) / 2


def test_a_supporter_drops_out_of_the_demo(sqlite_database: Database) -> None:
    """Its repairs are printed with their commands, and none is taken: the portal shows them."""
    chain(sqlite_database)
    told = one_dropped_out(sqlite_database, 1)
    assert told[1].startswith("givetake withdraw offer O")
    number = int(told[2].removeprefix("givetake repair "))
    assert any(line.startswith(f"1. {LABELS[RepairSize][RepairSize.SMALLEST]}: ") for line in told)
    with sqlite_database.read() as session:
        [broken] = list_broken(session, TERMINAL)
        views, _ = repairs_of(session, TERMINAL, number)
        assert (broken.full.proposal.id, broken.full.flag is not None) == (number, True)
        assert [each.repair.taken_at for each in views] == [None] * len(views)
