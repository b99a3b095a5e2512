"""Fit is of the expertise: what similarity is told by for each branch."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from app.access.policy import TERMINAL
from app.catalogue.packaged import DATA
from app.catalogue.rows import ExpertiseRow
from app.database import Database, WriteSession
from app.errors import FaultyFile
from app.files.csv_reading import read_rows
from app.planning import similarity
from app.planning.build import Built, build
from app.planning.load import load
from app.planning.pair_constraints import Unplannable
from app.planning.similarity import PACKAGED, SimilarityRow, read_rules
from models.exchange import Expertise
from solver.pairing.point_reasons import explain_points
from solver.pairing.points import COMPONENTS, Component
from solver.pairing.similarity import CONTEXT, Provision, SimilarityPart
from solver.pairing.travel import EstimatedTravelTimes
from tests import rows
from tests.runs import FREELY

AT = COMPONENTS.index(Component.SIMILARITY)
BIG = {"pupils": 900, "free_school_meals_percent": 5.0, "urban_rural": "Urban city and town"}
SPECIAL = {
    "pupils": 60, "free_school_meals_percent": 60.0, "urban_rural": "Rural village",
    "specialist": True, "sen_types": ["ASD"],
}  # fmt: skip
ALTERNATIVE = SPECIAL | {"specialist": False, "alternative_provision": True, "sen_types": ["SEMH"]}


def scored(session: WriteSession, code: str) -> dict[str, int]:
    """Similarity of every offer of an expertise, by the giver's name, for a large urban school."""
    session.add(Expertise(code="inclusion", name="Inclusion", version="test"))
    session.flush()
    for branch in ("send", "alternative-provision"):
        rows.add(session, Expertise(code=branch, parent_code="inclusion", name=branch, version="t"))
    if code not in ("send", "alternative-provision", "maths"):
        parent = "send" if code.startswith("send") else "alternative-provision"
        rows.add(session, Expertise(code=code, parent_code=parent, name=code, version="test"))
    rows.add_need(session, "N", rows.add_school(session, 1, **BIG), expertise_code=code)
    givers = {
        "mainstream": BIG,
        "unit": BIG | {"resourced_provision": "SEN unit"},
        "special": SPECIAL,
        "alternative": ALTERNATIVE,
    }
    for urn, (name, kind) in enumerate(givers.items(), start=2):
        giver = rows.add_school(session, urn, name=name, **kind)
        rows.add_offer(session, name, giver, expertise_code=code)
    made = build(
        load(session, TERMINAL, None, rows.YEAR, rows.STARTS), FREELY, EstimatedTravelTimes()
    )
    return dict(_similarities(made))


def _similarities(made: Built) -> list[tuple[str, int]]:
    return [
        (made.loaded.offers[offer].reference, int(made.points.components[k, AT]))
        for k, offer in enumerate(made.candidates.offer.tolist())
    ]


@pytest.fixture
def session(database: Database) -> Iterator[WriteSession]:
    with database.write() as session:
        rows.add_calendar(session)
        yield session


def test_special_schools_are_not_marked_down_for_send(session: WriteSession) -> None:
    """Unlike in size, disadvantage and place, they know most of it, and of the type of need."""
    found = scored(session, "send-asd")
    assert found["special"] == 100
    assert found["special"] > found["alternative"]
    assert found["special"] > found["unit"] > found["mainstream"]


def test_alternative_provision_is_not_marked_down_for_what_it_does(session: WriteSession) -> None:
    """Outreach by a pupil referral unit fits best, whatever school it helps."""
    found = scored(session, "alternative-provision-outreach")
    assert found["alternative"] == 100
    assert all(found["alternative"] > found[each] for each in ("special", "unit", "mainstream"))


def test_other_expertise_is_told_by_context_as_before(session: WriteSession) -> None:
    """For mathematics a school alike fits better than a special school."""
    found = scored(session, "maths")
    assert found["mainstream"] == found["unit"] == 100 > found["special"]


def test_reasons_name_what_was_compared_for_the_branch(session: WriteSession) -> None:
    """No size, disadvantage or surroundings for SEND; what is not known is named."""
    rows.add(session, Expertise(code="send", name="Send", version="test"))
    taker, hub = rows.add_school(session, 1, **BIG), rows.add_hub(session, "hub")
    rows.add_need(session, "N", taker, expertise_code="send")
    rows.add_offer(session, "S", rows.add_school(session, 2, **SPECIAL), expertise_code="send")
    rows.add_offer(session, "H", hub, expertise_code="send")
    made = build(
        load(session, TERMINAL, None, rows.YEAR, rows.STARTS), FREELY, EstimatedTravelTimes()
    )
    said = {
        made.loaded.offers[offer].reference: reasons[AT].sentence
        for offer, reasons in zip(
            made.candidates.offer.tolist(),
            explain_points(made.points, np.arange(len(made.candidates))),
            strict=True,
        )
    }
    assert said["S"] == (
        "The two compared: the expertise asked for, 1 of 1 phases shared, support from a special "
        "school; not known for one of them, so counted as half: types of special educational need "
        "served."
    )
    assert said["H"].endswith(
        "counted as half: phase, types of special educational need served, kind of provision."
    )


def test_the_packaged_table_names_branches_of_the_packaged_taxonomy() -> None:
    """SEND and alternative provision by what they know, everything else by context."""
    taxonomy = {row.code: row.parent for _, row in read_rows(DATA / "expertise.csv", ExpertiseRow)}
    table = read_rules(PACKAGED)
    assert table.keys() - {None} <= taxonomy.keys()
    assert table[None].parts == ";".join(CONTEXT)
    for branch, who in (
        ("send", Provision.SPECIAL), ("alternative-provision", Provision.ALTERNATIVE),
    ):  # fmt: skip
        parts = (table[branch].parts or "").split(";")
        assert table[branch].provision is who
        assert {SimilarityPart.NEED_TYPES, SimilarityPart.PROVISION} <= {*parts}
        assert not {SimilarityPart.SIZE, SimilarityPart.DISADVANTAGE} & {*parts}
    below = [code for code, parent in taxonomy.items() if parent == "alternative-provision"]
    assert len(below) >= 7


def test_a_table_of_ones_own_replaces_the_packaged_one(
    session: WriteSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By context for SEND too, if that is what somebody wants; and a wrong one is named."""
    own = tmp_path / "own.csv"
    own.write_text("expertise,parts\n,expertise;size;disadvantage\n")
    changed = similarity.settings().model_copy(update={"similarity": own})
    monkeypatch.setattr(similarity, "settings", lambda: changed)
    found = scored(session, "send-asd")
    assert found["mainstream"] > found["special"]
    own.write_text("expertise,parts\n,expertise;luck\n")
    with pytest.raises(Unplannable, match=r"own.csv, line 2, parts .* the unknown part 'luck'"):
        similarity.specialisms(load(session, TERMINAL, None, rows.YEAR, rows.STARTS))
    own.unlink()
    with pytest.raises(Unplannable, match="could not be read"):
        similarity.specialisms(load(session, TERMINAL, None, rows.YEAR, rows.STARTS))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("expertise,parts\nsend,expertise\n", "has no row without an expertise"),
        ("expertise,parts\n,expertise\n,size\n", "is there twice"),
        ("expertise,provision\n,odd\n", "provision"),
    ],
)
def test_a_wrong_table_is_refused_by_name(tmp_path: Path, text: str, reason: str) -> None:
    """With the line, the value and what to do."""
    path = tmp_path / "similarity.csv"
    path.write_text(text)
    with pytest.raises(FaultyFile) as faulty:
        read_rules(path)
    assert any(reason in str(fault) for fault in faulty.value.faults)
    assert SimilarityRow.examples
