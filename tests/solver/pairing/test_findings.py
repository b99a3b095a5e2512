"""What each rule says of one pair: the pass and the refusal, with figures, in words."""

import json
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from models.vocabulary import Availability, InterestKind, Mode, Phase
from solver.pairing import pair_rules
from solver.pairing.columns import CLOSES_UNDATED
from solver.pairing.findings import figures_of, findings, why_refused
from solver.pairing.pair_rules import PAIR_RULES, REASONS
from tests.solver.made_exchange import (
    ENDED,
    ENDS,
    NOWHERE,
    STARTS,
    WATFORD,
    declared,
    exchange,
    failed,
)
from tests.solver.pairing.test_candidates_plain import exchanges

PHASES = {"offers": [{"phases": [Phase.SECONDARY]}]}
SAID: list[tuple[str, dict[str, Any], dict[str, Any], bool, str]] = [
    ("other_expertise", {}, {}, False, "Offer and need are both for 0."),
    (
        "other_expertise",
        {"parent": [-1, 0], "offers": [{"expertise": 1}]},
        {},
        False,
        "An offer of 1 covers a need for 0.",
    ),
    (
        "other_expertise",
        {"parent": [-1, -1], "offers": [{"expertise": 1}]},
        {},
        False,
        "An offer of 1 does not cover a need for 0.",
    ),
    ("need_not_confirmed", {}, {}, False, "The need is confirmed."),
    (
        "need_not_confirmed",
        {"needs": [{"suggested": True}]},
        {},
        False,
        "The need is only suggested: the school must confirm it.",
    ),
    (
        "need_not_confirmed",
        {"needs": [{"suggested": True}]},
        {"with_suggestions": True},
        False,
        "The need is only suggested; the plan was asked to include suggestions.",
    ),
    ("closes", {}, {}, False, "Neither side is known to close before the support can end."),
    (
        "closes",
        {"people": [{"last_day": STARTS + 121}, {}]},
        {},
        False,
        "The school receiving support closes on 31 December 2026. Support must end by then.",
    ),
    (
        "window",
        {"people": [{"last_day": STARTS + 121}, {}]},
        {},
        False,
        "Both sides are available from 1 September 2026 to 31 December 2026.",
    ),
    (
        "closes",
        {"people": [{}, {"last_day": STARTS}], "needs": [{"half_days_min": 3}]},
        {},
        False,
        "The supporting organisation closes on 1 September 2026. At most 1 day can be given "
        "before that; the need's minimum is 1.5 days.",
    ),
    (
        "closes",
        {"people": [{}, {"last_day": CLOSES_UNDATED}]},
        {},
        False,
        "The supporting organisation is proposed to close; no date is known.",
    ),
    ("mode", {}, {}, False, "It is given on site, which suits both sides."),
    (
        "mode",
        {"needs": [{"mode": Mode.REMOTE}]},
        {},
        False,
        "The pairing is on site, but the need is for remote support only.",
    ),
    (
        "mode",
        {},
        {},
        True,
        "The pairing is remotely, but the need is for support on site only and the offer is for "
        "support on site only.",
    ),
    (
        "unknown_position",
        {"people": [{}, {"at": NOWHERE}]},
        {},
        True,
        "Support is remote, so no position",
    ),
    ("unknown_position", {"people": [{}, {"at": NOWHERE}]}, {}, False, "The position of one side"),
    (
        "too_far",
        {"people": [{}, {"at": WATFORD}], "needs": [{"limit_m": 10 * 1609.344}]},
        {},
        False,
        "The two are 15.8 miles apart, beyond the school receiving support's limit of 10 miles.",
    ),
    (
        "too_far",
        {"people": [{}, {"at": WATFORD}]},
        {},
        False,
        "The two are 15.8 miles apart, within the school receiving support's limit of 20 miles and "
        "the supporting organisation's limit of 20 miles.",
    ),
    (
        "too_far",
        {"people": [{}, {"at": WATFORD}], "offers": [{"limit_minutes": 5.0}]},
        {},
        False,
        "minutes), beyond the supporting organisation's limit of 5 minutes.",
    ),
    (
        "too_far",
        {"people": [{}, {"at": WATFORD}]},
        {},
        True,
        "Support is remote, so distance does not",
    ),
    ("conflict", {}, {"conflicts": [(1, 0)]}, False, "A conflict of interest between the two is"),
    ("interest", {}, {}, False, "No interest between the two is declared."),
    (
        "interest",
        {},
        {"interests": [declared(1, 0)]},
        False,
        "Declared interest: the supporting organisation may take over the school receiving support "
        "since 1 September 2025 (declared on 1 September 2026).",
    ),
    (
        "interest",
        {},
        {
            "interests": [
                declared(0, 1, InterestKind.SUPPLIER_OF, refuses=False, ends=date(2027, 3, 31))
            ]
        },
        False,
        "Declared interest: the school receiving support is a supplier of the supporting "
        "organisation since 1 September 2025 until 31 March 2027 (declared on 1 September 2026). "
        "Such interests are shown and do not rule the pair out.",
    ),
    (
        "interest",
        {},
        {"interests": [declared(1, 0, InterestKind.PAID_TO_JUDGE, of_group=True, starts=None)]},
        False,
        "Declared interest: the trust or federation of the supporting organisation is paid to "
        "judge the school receiving support (declared on 1 September 2026).",
    ),
    ("declined", {}, {"declined": [(0, 0)]}, False, "One side has declined this pairing before."),
    (
        "failed_support",
        {},
        {},
        False,
        "No earlier support between the two that did not work is recorded.",
    ),
    (
        "failed_support",
        {},
        {"failed": failed(ENDED)},
        False,
        "Support between the two that ended on 17 July 2024 did not work. The run did not rule "
        "such pairs out.",
    ),
    (
        "failed_support",
        {},
        {"failed": failed(ENDED, years=3)},
        False,
        "Support between the two that ended on 17 July 2024 did not work. The run rules out pairs "
        "for 3 years after that.",
    ),
    (
        "failed_support",
        {},
        {"failed": failed(ENDED, years=2)},
        False,
        "Support between the two that ended on 17 July 2024 did not work. The pair was pinned, or "
        "that is 2 years ago or more.",
    ),
    (
        "failed_support",
        {},
        {"failed": failed(0, years=1)},
        False,
        "Earlier support between the two did not work; no end date is recorded. The run rules out "
        "pairs for 1 year after that.",
    ),
    ("window", {}, {}, False, "Both sides are available from 1 September 2026 to 31 August 2027."),
    (
        "window",
        {"needs": [{"window_starts": -1, "window_ends": -1}]},
        {},
        False,
        "The dates of the need lie outside what is left of the period.",
    ),
    (
        "window",
        {"needs": [{"window_ends": STARTS + 1}], "offers": [{"window_starts": ENDS - 1}]},
        {},
        False,
        "The dates do not overlap: the need is from 1 September 2026 to 2 September 2026, the "
        "offer is from 30 August 2027 to 31 August 2027.",
    ),
    ("phase", PHASES, {}, False, "The offer is for secondary; the school teaches primary."),
    ("phase", {}, {}, False, "The offer is for every phase."),
    ("area_served", {}, {}, False, "The supporting organisation serves every area."),
    (
        "area_served",
        {"people": [{"region": 3}, {"serves": [3]}]},
        {},
        False,
        "The supporting organisation serves the school's area.",
    ),
    (
        "too_few_days",
        {},
        {},
        False,
        "3 days can be given; the need's minimum is 1 day.",
    ),
    (
        "too_few_days",
        {"people": [{}, {"give_limit": 1}]},
        {},
        False,
        "Only 0.5 days can be given; the need's minimum is 1 day.",
    ),
    (
        "other_step",
        {"people": [{"networks": [1]}, {"networks": [1]}]},
        {"steps": np.array([[True, False, True, False, False, False]])},
        False,
        "The supporting organisation is in the same network. For this need the run looks only for "
        "one that is in the same trust or federation or is in the same local authority.",
    ),
    (
        "not_answered",
        {"offers": [{"availability": Availability.NOT_ANSWERED}]},
        {"with_suggestions": True},
        False,
        "The supporting organisation has not answered; the plan was asked to include suggestions.",
    ),
]


@pytest.mark.parametrize(("rule", "rows", "more", "remote", "sentence"), SAID)
def test_a_rule_says_what_it_found(
    rule: str, rows: dict[str, Any], more: dict[str, Any], remote: bool, sentence: str
) -> None:
    """The sentence names the figures that the rule looked at."""
    found = findings(exchange(**rows).tables(**more), 0, 0, remote=remote)
    said = next(each for each in found if each.rule.name == rule)
    assert sentence in said.sentence


def test_every_rule_has_words_and_one_name() -> None:
    """Names are unique, sentences end as sentences do, whatever the pair."""
    assert len({reason.name for reason in REASONS}) == len(REASONS)
    for remote in (False, True):
        for found in findings(exchange().tables(), 0, 0, remote=remote):
            figures = json.loads(json.dumps(dict(found.figures)))
            assert figures == dict(found.figures), "figures are stored as JSON"
            assert found.rule.passed(found.figures)[-1] == "."
            assert found.rule.refused(found.figures)[-1] == "."
            assert found.rule.statement[-1] == "."


def test_only_what_people_may_answer_for_has_exceptions() -> None:
    """Nobody lets a conflict of interest, missing days or dates that never meet be."""
    excepted = {rule.name for rule in PAIR_RULES if rule.exceptions}
    assert excepted == {
        "unknown_position", "too_far", "interest", "declined", "failed_support", "phase",
        "area_served", "other_step",
    }  # fmt: skip
    assert not any(rule.exceptions and rule.confirmed_by for rule in PAIR_RULES)


def test_an_exception_is_possible_where_every_interest_that_refuses_has_one() -> None:
    """What is only shown needs none, and one that has none lets nobody through."""
    employs = declared(1, 0, InterestKind.ADVISER_EMPLOYED_BY, exceptions=True, reference="A")
    supplies = declared(1, 0, InterestKind.SUPPLIER_OF, refuses=False, reference="B")
    bids = declared(0, 1, reference="C")
    for interests, possible in (
        ([employs], True),
        ([employs, supplies], True),
        ([employs, supplies, bids], False),
        ([supplies], False),
        ([], False),
    ):
        found = findings(exchange().tables(interests=interests), 0, 0, remote=False)
        [said] = [each for each in found if each.rule is pair_rules.INTEREST]
        assert said.may_be_excepted is possible
        assert len(said.figures["interests"]) == len(interests)
        assert said.rule.warns(said.figures) is bool(interests)


@settings(max_examples=100, deadline=None)
@given(case=exchanges())
def test_a_candidate_is_a_pair_that_keeps_every_rule_in_its_form(case: dict[str, Any]) -> None:
    """The search and the rules asked one pair at a time never differ."""
    names = ("conflicts", "interests", "declined", "with_suggestions")
    given = {name: case[name] for name in names}
    made = exchange(**case["rows"])
    tables = made.tables(default_limit_m=30_000.0, **given)
    found, _ = made.find(None, default_limit_m=30_000.0, **given)
    form = dict(zip(zip(found.need, found.offer, strict=True), found.remote, strict=True))
    for need in range(len(made.needs.participant)):
        for offer in range(len(made.offers.participant)):
            kept = [
                remote
                for remote in (False, True)
                if all(each.holds for each in findings(tables, need, offer, remote=remote))
            ]
            assert kept[:1] == ([form[need, offer]] if (need, offer) in form else [])


@settings(max_examples=100, deadline=None)
@given(case=exchanges())
def test_trust_team_is_a_candidate_whenever_the_rules_asked_again_allow_it(
    case: dict[str, Any],
) -> None:
    """No number of candidates cuts off a pair of one group or network that keeps every rule."""
    given = {name: case[name] for name in ("conflicts", "declined", "with_suggestions")}
    made = exchange(**case["rows"])
    tables = made.tables(default_limit_m=30_000.0, **given)
    found, _ = made.find(1, default_limit_m=30_000.0, **given)
    candidates = set(zip(found.need.tolist(), found.offer.tolist(), strict=True))
    people, rows = case["rows"]["people"], case["rows"]
    for n, need in enumerate(rows["needs"]):
        for o, offer in enumerate(rows["offers"]):
            taker, giver = people[need["participant"]], people[offer["participant"]]
            if any({*taker[each]} & {*giver[each]} for each in ("groups", "networks")):
                allowed = why_refused(tables, n, o) is None
                assert ((n, o) in candidates) == allowed


def test_figures_of_many_pairs_are_those_of_each() -> None:
    """Columns and single pairs say the same."""
    made = exchange(
        people=[{}, {"at": WATFORD}, {"at": NOWHERE}],
        offers=[{"participant": 1}, {"participant": 2, "mode": Mode.EITHER}],
    )
    tables = made.tables()
    need, offer = np.array([0, 0, 0]), np.array([0, 1, 1])
    remote = np.array([False, False, True])
    many = figures_of(tables, need, offer, remote)
    for at, figures in enumerate(many):
        one = findings(tables, 0, int(offer[at]), remote=bool(remote[at]))
        assert figures == {each.rule.name: dict(each.figures) for each in one}
    assert many[0][pair_rules.TOO_FAR.name]["miles"] == 15.8
