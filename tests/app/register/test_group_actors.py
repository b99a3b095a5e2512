"""Trusts and federations take part under their own reference or UID."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.access.policy import TERMINAL
from app.database import Database
from app.errors import FaultyFile, NotFound
from app.exchange import files
from app.import_kit.report import ImportReport
from app.import_kit.upsert import Counts
from app.partnerships.service import import_support
from app.planning.build import build
from app.planning.load import load
from app.planning.options import MatchOptions
from app.planning.scope import takers_listed
from app.register.circumstances import import_circumstances
from app.register.group_actors import follow_register, name_participants
from app.register.lookups import find_participants
from app.register.networks import import_networks
from app.register.organisations import import_organisations
from app.register.service import withdraw_organisation
from models.access import AuditEvent
from models.exchange import Limits, Need, Offer
from models.partnerships import Support
from models.register import (
    Circumstance,
    Group,
    Membership,
    NetworkMembership,
    Organisation,
    Participant,
)
from models.vocabulary import GroupKind, Ladder
from solver.pairing.ladder import LADDER
from solver.pairing.travel import EstimatedTravelTimes
from tests import rows
from tests.callers import keyed
from tests.factories import TUESDAY, establishment, group, link, take_in, write_gias
from tests.portal import broker

NEEDS = "reference,participant,expertise,period,days\n"
NEED = NEEDS + "n1,{},maths,2026-27,4\n"
API = "/api/v1"


@pytest.fixture
def trust(database: Database) -> Database:
    """Trust 5143, TR01197, of two schools; and a closed one, TR00009."""
    with database.write() as session:
        rows.add_calendar(session)
        schools = [rows.add_school(session, 900000 + n, miles_north=n) for n in range(3)]
        made = rows.add_group(session, 5143, GroupKind.MULTI_ACADEMY_TRUST, schools)
        made.reference, made.name = "TR01197", "Made-up Trust"
        gone = rows.add_group(session, 9, GroupKind.SINGLE_ACADEMY_TRUST, [])
        gone.reference, gone.open = "TR00009", False
        rows.add_group(session, 77, GroupKind.FEDERATION, schools[:1])
        rows.add_group(session, 88, GroupKind.SPONSOR, schools)
    return database


def taken_in(
    database: Database, tmp_path: Path, importer: Callable[..., ImportReport], text: str
) -> ImportReport:
    path = tmp_path / "file.csv"
    path.write_text(text)
    with database.write() as session:
        return importer(session, TERMINAL, path)


def owner(session: Session, model: type[Need] | type[Offer], reference: str) -> str:
    query = select(Participant.reference).join(model).where(model.reference == reference)
    return session.scalars(query).one()


def organisations(database: Database) -> list[tuple[str, int | None]]:
    with database.read() as session:
        query = select(Organisation.key, Organisation.group_uid).order_by(Organisation.key)
        return [(key, uid) for key, uid in session.execute(query)]


@pytest.mark.parametrize("cell", ["TR01197", "tr01197", "5143", "5143.0", "group:5143"])
def test_trust_team_is_made_when_its_reference_is_first_named(
    trust: Database, tmp_path: Path, cell: str
) -> None:
    """By file, whichever way a trust is named, it takes part once, placed among its schools."""
    report = taken_in(trust, tmp_path, files.import_needs, NEED.format(cell))
    assert report.notes == ["Made-up Trust takes part as TR01197 from now on."]
    again = taken_in(trust, tmp_path, files.import_needs, NEED.format("TR01197"))
    assert not again.any_change
    assert again.notes == []
    assert organisations(trust) == [("TR01197", 5143)]
    with trust.read() as session:
        assert owner(session, Need, "n1") == "org:TR01197"
        who = session.scalars(select(Participant).where(Participant.reference == "org:TR01197"))
        made = who.one()
        middle = session.scalars(
            select(Participant).where(Participant.reference == "urn:900001")
        ).one()
        assert (made.latitude, made.longitude) == (middle.latitude, middle.longitude)
        assert (made.name, made.local_authority_code) == ("Made-up Trust", "999")
        action = AuditEvent.action == "organisation.create"
        audited = session.scalars(select(AuditEvent).where(action)).one()
        assert audited.subject == "organisation:TR01197"
        assert audited.detail["group_uid"] == 5143
        exported = files.export_needs(session, TERMINAL)
        assert "n1,TR01197," in exported


def test_trust_team_of_a_federation_without_reference_goes_by_its_uid(
    trust: Database, tmp_path: Path
) -> None:
    """A federation has no TR reference: its organisation is named after the UID."""
    taken_in(trust, tmp_path, files.import_offers, NEED.format("77"))
    assert organisations(trust) == [("group-77", 77)]
    with trust.read() as session:
        assert owner(session, Offer, "n1") == "org:group-77"


def test_trust_team_that_a_file_describes_is_the_trust(trust: Database, tmp_path: Path) -> None:
    """Where an organisation has the trust's `group_uid`, its reference means that one."""
    with trust.write() as session:
        rows.add_hub(session, "central", group_uid=5143)
        rows.add_hub(session, "gone", group_uid=5143, closed=date(2026, 1, 1))
    taken_in(trust, tmp_path, files.import_needs, NEED.format("TR01197"))
    with trust.read() as session:
        assert owner(session, Need, "n1") == "org:central"
        [found] = find_participants(session, TERMINAL, "TR01197", on=date(2026, 11, 23)).found
        assert found.reference == "org:central"
    assert organisations(trust) == [("central", 5143), ("gone", 5143)]


def test_trust_team_is_made_once_though_two_name_it_at_once(trust: Database) -> None:
    """Who comes second waits, and finds the participant that the first made."""

    def second() -> list[str]:
        with trust.write() as session:
            return name_participants(session, TERMINAL, ["5143"]).made

    with ThreadPoolExecutor() as pool:
        with trust.write() as session:
            assert name_participants(session, TERMINAL, ["TR01197"]).made
            other = pool.submit(second)
            assert wait([other], timeout=0.2).not_done
        assert other.result() == []
    assert organisations(trust) == [("TR01197", 5143)]


def test_trust_team_that_is_closed_gives_way_to_a_new_one(trust: Database) -> None:
    """Of an open trust whose organisation is closed another stands for it."""
    with trust.write() as session:
        rows.add_hub(session, "gone", group_uid=5143, closed=date(2026, 1, 1))
        named = name_participants(session, TERMINAL, ["5143", "TR01197"])
        assert set(named.references.values()) == {"org:TR01197"}
        assert len(named.made) == 1


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("TR99999", "is not in the register"),
        ("88", "is not in the register"),
        ("TR00009", "is Group 9, which has closed. Enter who takes over"),
    ],
    ids=["unknown", "a sponsor", "closed"],
)
def test_trust_team_of_no_open_trust_is_refused(
    trust: Database, tmp_path: Path, cell: str, reason: str
) -> None:
    """What names no open trust or federation is an error with its line; nothing is kept."""
    text = NEED.format("TR01197") + f"n2,{cell},maths,2026-27,4\n"
    with pytest.raises(FaultyFile) as refused:
        taken_in(trust, tmp_path, files.import_needs, text)
    [fault] = refused.value.faults
    assert (fault.line, fault.column, fault.value) == (3, "participant", cell)
    assert reason in fault.reason
    assert organisations(trust) == []


def test_trust_team_of_several_organisations_must_be_named(trust: Database, tmp_path: Path) -> None:
    """Which of them stands for the trust nobody can guess."""
    with trust.write() as session:
        for key in ("central", "hub"):
            rows.add_hub(session, key, group_uid=5143)
    with pytest.raises(FaultyFile) as refused:
        taken_in(trust, tmp_path, files.import_needs, NEED.format("5143"))
    [fault] = refused.value.faults
    assert fault.reason.endswith(
        "organisations of Made-up Trust: central, hub. Enter the key of one of them"
    )


def test_trust_team_never_has_a_twin(trust: Database, tmp_path: Path) -> None:
    """A described organisation cannot join one that stands for the trust; describing that can."""
    taken_in(trust, tmp_path, files.import_needs, NEED.format("5143"))
    described = "key,name,kind,group_uid\n{},Made-up Central Team,trust_central_team,{}\n"
    with pytest.raises(FaultyFile) as refused:
        taken_in(trust, tmp_path, import_organisations, described.format("central", 5143))
    [fault] = refused.value.faults
    assert "already takes part as the organisation TR01197" in fault.reason
    taken_in(trust, tmp_path, import_organisations, described.format("TR01197", ""))
    assert organisations(trust) == [("TR01197", 5143)]
    with trust.write() as session:
        assert follow_register(session, TERMINAL, rows.STARTS)[0].unchanged == 0
        names = select(Participant.name).where(Participant.reference == "org:TR01197")
        assert session.scalars(names).one() == "Made-up Central Team"


def test_trust_team_has_limits_circumstances_networks_and_support(
    trust: Database, tmp_path: Path
) -> None:
    """Every file that names a participant takes a trust's reference, and the one participant."""
    texts: list[tuple[Callable[..., ImportReport], str]] = [
        (files.import_limits, "participant,period,give_days\nTR01197,2026-27,5\n"),
        (
            import_circumstances,
            "participant,kind,starts,source\n5143,new_head,2026-09-01,made up\n",
        ),
        (import_networks, "key,name,kind,member\nkin,Kin,family,TR01197\nkin,,,900000\n"),
        (import_support, "reference,taker,giver,state\ns1,900000,TR01197,active\n"),
    ]
    for importer, text in texts:
        taken_in(trust, tmp_path, importer, text)
    assert organisations(trust) == [("TR01197", 5143)]
    with trust.read() as session:
        own = session.scalars(select(Organisation.participant_id)).one()
        for column in (
            Limits.participant_id,
            Circumstance.participant_id,
            NetworkMembership.participant_id,
            Support.giver_id,
        ):
            assert session.scalar(select(func.count()).where(column == own)) == 1


def test_trust_team_is_planned_for_and_from(trust: Database, tmp_path: Path) -> None:
    """Needs and offers under the trust's reference pair on the own-group step."""
    offer = "reference,participant,expertise,period,days,availability\n"
    offer += "o1,TR01197,maths,2026-27,4,can_offer\n"
    taken_in(trust, tmp_path, files.import_needs, NEED.format("900000"))
    taken_in(trust, tmp_path, files.import_offers, offer)
    with trust.read() as session:
        loaded = load(session, TERMINAL, None, rows.YEAR, rows.STARTS)
        made = build(loaded, MatchOptions(balance_held_by="trust"), EstimatedTravelTimes())
        listed = takers_listed(session, TERMINAL, ["TR01197", "900000"])
        assert listed.participant_ids is not None
        assert len(listed.participant_ids) == 2
        with pytest.raises(NotFound, match="'TR00009'"):
            takers_listed(session, TERMINAL, ["TR00009"])
    assert [LADDER[step] for step in made.candidates.ladder] == [Ladder.OWN_GROUP]
    assert len(set(made.problem.participants.account.tolist())) == 1


def test_trust_team_is_named_over_http(trust: Database) -> None:
    """Create, filter, limit and refuse by reference and UID."""
    body: dict[str, Any] = {"expertise": "maths", "period": rows.YEAR, "days": 4}
    with keyed(trust) as client:
        need = client.post(f"{API}/needs", json=body | {"reference": "n", "participant": "TR01197"})
        assert need.status_code == 201, need.text
        assert (need.json()["participant"], need.json()["participant_name"]) == (
            "TR01197",
            "Made-up Trust",
        )
        offer = client.post(f"{API}/offers", json=body | {"reference": "o", "participant": "5143"})
        assert offer.json()["participant"] == "TR01197", offer.text
        for cell in ("5143", "tr01197", "TR01197"):
            found = client.get(f"{API}/offers", params={"participant": cell}).json()["items"]
            assert [one["reference"] for one in found] == ["o"]
        made = client.post(f"{API}/limits/5143/{rows.YEAR}", json={"give_days": 3})
        assert made.status_code == 201, made.text
        assert client.get(f"{API}/limits/TR01197/{rows.YEAR}").json()["give_days"] == 3
        for cell, said in (("TR00009", "has closed"), ("TR99999", "not in the register")):
            wrong = client.post(f"{API}/needs", json=body | {"reference": "w", "participant": cell})
            assert wrong.status_code == 422
            [error] = wrong.json()["errors"]
            assert error["pointer"] == "#/participant"
            assert said in error["detail"]
    assert organisations(trust) == [("TR01197", 5143)]


def test_trust_team_is_named_in_the_portal(trust: Database) -> None:
    """The form takes a trust's reference, and its page opens by it."""
    who = broker(trust)
    page = who.open("/needs/new?participant=TR01197")
    page = who.send(page, "/needs/new", expertise="maths", period=rows.YEAR, days="2")
    assert "Made-up Trust" in page.text
    for cell in ("TR01197", "5143"):
        assert "Made-up Trust: all members together" in who.open(f"/participants/{cell}").text
    assert who.open("/participants/TR00009").status == 404


def test_trust_team_follows_the_register(database: Database, tmp_path: Path) -> None:
    """Its name, place and end are the register's; a new UID of one reference goes on as it was."""
    with database.write() as session:
        rows.add_calendar(session)
    schools = [
        establishment(900001),
        establishment(900002, easting="430000", la="002", la_name="Other"),
    ]
    first = [group(5143, reference="TR01197"), group(6000)]
    links = [link(900001, 5143), link(900002, 5143)]
    take_in(database, write_gias(tmp_path, schools, groups=first, links=links))
    taken_in(database, tmp_path, files.import_needs, NEED.format("TR01197"))

    def import_groups(groups: list[dict[str, str]], members: list[dict[str, str]]) -> str:
        files = write_gias(tmp_path, schools, groups=groups, links=members)
        return " ".join(take_in(database, files, TUESDAY).notes)

    def read() -> tuple[Organisation, Participant]:
        with database.read() as session:
            found = session.execute(select(Organisation, Participant).join(Participant)).one()
            return found[0], found[1]

    assert read()[1].local_authority_code is None
    renamed = group(5143, reference="TR01197", name="New Name")
    import_groups([renamed, group(6000)], [link(900002, 5143)])
    organisation, who = read()
    assert (who.name, who.local_authority_code, who.version) == ("New Name", "002", 2)
    ended = {"Group Status": "Closed", "Group Status (code)": "CLOSED"}
    closed = renamed | ended
    goes_on = group(7000, reference="TR01197", name="New Name")
    import_groups([closed, group(6000), goes_on], [link(900002, 7000)])
    organisation, who = read()
    assert (organisation.key, organisation.group_uid) == ("TR01197", 7000)
    assert organisation.closed is None
    told = import_groups([closed, group(6000), goes_on | ended], [link(900002, 6000)])
    assert "New Name (TR01197) has closed. In use by needs (1) n1." in told
    organisation, who = read()
    assert organisation.closed == TUESDAY
    assert who.name == "New Name"


def test_trust_team_that_somebody_withdrew_stays_closed(trust: Database) -> None:
    """An import of the register does not open again what a person closed."""
    with trust.write() as session:
        name_participants(session, TERMINAL, ["TR01197"])
    with trust.write() as session:
        withdraw_organisation(session, TERMINAL, "TR01197", None)
        assert follow_register(session, TERMINAL, TUESDAY) == (Counts(), [])
        assert session.scalars(select(Organisation.closed)).one() is not None


def test_trust_team_under_the_own_key_is_linked_when_it_is_named(
    trust: Database, tmp_path: Path
) -> None:
    """A hand-made organisation with the trust's reference for its key becomes the trust's."""
    with trust.write() as session:
        rows.add_hub(session, "TR01197")
    taken_in(trust, tmp_path, files.import_needs, NEED.format("TR01197"))
    assert organisations(trust) == [("TR01197", 5143)]
    with trust.write() as session:
        session.execute(update(Group).values(open=False))
        session.execute(update(Membership).values(left=date(2026, 1, 1)))
    with pytest.raises(FaultyFile) as refused:
        taken_in(trust, tmp_path, files.import_needs, NEEDS + "n2,TR01197,maths,2026-27,4\n")
    assert "has closed or takes no part" in refused.value.faults[0].reason
