"""Drawn needs and offers: labelled, repeatable, and of the density that real plans are tried at."""

from dataclasses import replace
from datetime import date
from pathlib import Path

from app.catalogue.packaged import DATA
from app.catalogue.rows import ExpertiseRow
from app.demo.draw import DrawnFor, DrawnPeriod, draw, subjects_of, write_drawn
from app.demo.draw_names import LONGEST, DrawnNames
from app.files.csv_reading import read_rows
from models.vocabulary import Phase
from solver.pairing.similarity import Provision

PERIOD = DrawnPeriod("2026-27", date(2026, 9, 1), date(2027, 8, 31), date(2026, 9, 1))
SUBJECTS = subjects_of(
    [
        ("teaching", None),
        ("early-reading", "teaching"),
        ("mathematics", "teaching"),
        ("mathematics-primary", "mathematics"),
        ("mathematics-post-16", "mathematics"),
        ("inclusion", None),
        ("send", "inclusion"),
        ("send-hi", "send"),
        ("governance", None),
        ("finance", "governance"),
        ("attendance", "inclusion"),
        ("behaviour", "inclusion"),
    ]
)
SCHOOLS = [
    DrawnFor(str(urn), (Phase.PRIMARY,), 300, float(urn % 60)) for urn in range(900_001, 901_001)
]


def test_a_draw_depends_on_seed_and_participant_only() -> None:
    """What a school gets is the same whoever else is drawn for, and differs by seed."""
    everybody = draw(SCHOOLS, SCHOOLS, SUBJECTS, PERIOD, seed=3)
    few = draw(SCHOOLS[10:20], SCHOOLS[10:20], SUBJECTS, PERIOD, seed=3)
    cells = {school.cell for school in SCHOOLS[10:20]}
    assert few.needs == tuple(row for row in everybody.needs if row.participant in cells)
    assert few.offers == tuple(row for row in everybody.offers if row.participant in cells)
    assert few != draw(SCHOOLS[10:20], SCHOOLS[10:20], SUBJECTS, PERIOD, seed=4)


def test_every_row_says_that_it_is_drawn() -> None:
    """References, evidence and who agreed name the draw, so that none passes for a fact."""
    drawn = draw(SCHOOLS, SCHOOLS, SUBJECTS, PERIOD, seed=1)
    assert all(row.reference.startswith("DRAWN-") for row in (*drawn.needs, *drawn.offers))
    assert all("drawn" in row.agreed_by for row in drawn.needs)
    assert all("drawn" in row.evidence for row in drawn.offers)


def test_two_draws_never_overwrite_each_other() -> None:
    """References name the area, the period and the seed, and fit into a file of needs."""
    of = {
        (area, period, seed): DrawnNames.of(area, period, seed).reference("N", cell, 3)
        for cell in ("900001", "made-up-organisation-with-a-key-of-fifty-letters-xx")
        for area in ("Kent", "East Sussex", "Bournemouth, Christchurch and Poole")
        for period in ("2026-27", "2026-27/autumn")
        for seed in (1, 2)
    }
    assert len(set(of.values())) == len(of) == 12
    assert DrawnNames.of("Kent", "2026-27", 7).reference("N", "900001", 2) == (
        "DRAWN-kent-2026-27-7-N-900001-2"
    )
    assert all(len(reference) <= LONGEST for reference in of.values())
    kent, sussex = (
        draw(SCHOOLS[:50], SCHOOLS[:50], SUBJECTS, PERIOD, seed=1, area=area)
        for area in ("Kent", "East Sussex")
    )
    assert not {row.reference for row in kent.needs} & {row.reference for row in sussex.needs}
    assert [row.expertise for row in kent.needs] == [row.expertise for row in sussex.needs]


def test_density_is_that_of_the_formulation() -> None:
    """About 2.6 needs and 1.8 offers per institution: 64,000 and 44,000 for the country."""
    drawn = draw(SCHOOLS, SCHOOLS, SUBJECTS, PERIOD, seed=1)
    assert 2.4 < len(drawn.needs) / len(SCHOOLS) < 2.9
    assert 1.65 < len(drawn.offers) / len(SCHOOLS) < 1.95


def test_rows_make_sense() -> None:
    """Days in half-days and in order, nobody offers what it needs, phases are kept to."""
    drawn = draw(SCHOOLS, SCHOOLS, SUBJECTS, PERIOD, seed=1)
    assert all(0.5 <= row.days_min <= row.days for row in drawn.needs)
    assert all(2 * row.days_min == int(2 * row.days_min) for row in drawn.needs)
    needed = {(row.participant, row.expertise) for row in drawn.needs}
    assert not needed & {(row.participant, row.expertise) for row in drawn.offers}
    assert not {row.expertise for row in drawn.needs} & {"mathematics-post-16", "teaching"}


def test_special_and_alternative_provision_offer_what_they_know() -> None:
    """Alternative provision offers its own outreach, special schools SEND, others seldom either."""
    rows = read_rows(DATA / "expertise.csv", ExpertiseRow)
    subjects, share = subjects_of((row.code, row.parent) for _, row in rows), {}
    for provision in (Provision.MAINSTREAM, Provision.SPECIAL, Provision.ALTERNATIVE):
        schools = [replace(school, provision=provision) for school in SCHOOLS[:300]]
        offers = draw([], schools, subjects, PERIOD, seed=1).offers
        share[provision] = {
            branch: sum(row.expertise.startswith(branch) for row in offers) / len(offers)
            for branch in ("send", "alternative-provision")
        }
    assert share[Provision.ALTERNATIVE]["alternative-provision"] > 0.3
    assert share[Provision.SPECIAL]["send"] > 0.4
    assert share[Provision.SPECIAL]["alternative-provision"] < 0.05
    assert share[Provision.MAINSTREAM]["alternative-provision"] < 0.05


def test_hardship_asks_for_more() -> None:
    """Schools that serve more disadvantage have more needs and more urgent ones."""
    poor = [replace(school, free_school_meals_percent=60.0) for school in SCHOOLS]
    rich = [replace(school, free_school_meals_percent=5.0) for school in SCHOOLS]
    asked = {
        name: draw(schools, [], SUBJECTS, PERIOD, seed=1).needs
        for name, schools in (("poor", poor), ("rich", rich))
    }
    assert len(asked["poor"]) > 1.2 * len(asked["rich"])
    assert sum(row.priority == 1 for row in asked["poor"]) > 1.5 * sum(
        row.priority == 1 for row in asked["rich"]
    )


def test_closing_schools_and_organisations_take_nothing() -> None:
    """A school that is about to close is drawn nothing; an organisation only gives."""
    hub = DrawnFor("made-up-hub", institution=False, funded=True)
    closing = DrawnFor("900001", (Phase.PRIMARY,), available=False)
    drawn = draw([closing, hub], [closing, hub], SUBJECTS, PERIOD, seed=1)
    assert drawn.needs == ()
    assert {row.participant for row in drawn.offers} == {"made-up-hub"}
    assert [(row.participant, row.exempt) for row in drawn.limits] == [("made-up-hub", "yes")]


def test_files_are_written_with_their_headers(tmp_path: Path) -> None:
    """Even an empty draw leaves files that the importers take."""
    write_drawn(draw([], [], SUBJECTS, PERIOD, seed=1), tmp_path)
    assert (tmp_path / "needs.csv").read_text().startswith("reference,participant,expertise,")
    assert (tmp_path / "offers.csv").read_text().startswith("reference,participant,expertise,")
    assert (tmp_path / "limits.csv").read_text().startswith("participant,period,give_days,")
