"""What the rules of a pair say of given pairs, with their figures and sentences."""

from dataclasses import dataclass

import numpy as np

from solver.arrays import BoolArray, IntArray
from solver.pairing.columns import check_indices
from solver.pairing.pair_rule import Figures, PairRule
from solver.pairing.pair_rules import MODE, PAIR_RULES
from solver.pairing.pairs import PairTables


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule says of one pair."""

    rule: PairRule
    holds: bool
    figures: Figures

    @property
    def sentence(self) -> str:
        """Return the sentence of the pass or of the refusal."""
        return self.rule.passed(self.figures) if self.holds else self.rule.refused(self.figures)

    @property
    def may_be_excepted(self) -> bool:
        """Return whether an approver may let be that the rule is broken."""
        return not self.holds and self.rule.may_be_excepted(self.figures)


def findings(tables: PairTables, need: int, offer: int, *, remote: bool) -> tuple[Finding, ...]:
    """Ask every rule of one pair in one form.

    Parameters
    ----------
    need, offer
        Rows of the pair.

    Raises
    ------
    ValueError
        If there is no such row.
    """
    pair = np.array([need]), np.array([offer])
    check_indices("need", pair[0], len(tables.needs.participant))
    check_indices("offer", pair[1], len(tables.offers.participant))
    form = np.array([remote])
    [figures] = figures_of(tables, *pair, form)
    return tuple(
        Finding(rule, not rule.refuses(tables, *pair, form)[0], figures[rule.name])
        for rule in PAIR_RULES
    )


def figures_of(
    tables: PairTables, need: IntArray, offer: IntArray, remote: BoolArray
) -> list[dict[str, Figures]]:
    """Return the figures of every rule by its name, for each of many pairs."""
    made: list[dict[str, Figures]] = [{} for _ in range(len(need))]
    for rule in PAIR_RULES:
        columns = rule.figures(tables, need, offer, remote)
        # Most pairs have the figures of others: those of many pairs are kept but once.
        alike: dict[str, Figures] = {}
        rows = zip(*columns.values(), strict=True) if columns else [()] * len(need)
        for figures, values in zip(made, rows, strict=True):
            key = repr(values)
            if key not in alike:
                alike[key] = dict(zip(columns, values, strict=True))
            figures[rule.name] = alike[key]
    return made


def why_refused(tables: PairTables, need: int, offer: int) -> PairRule | None:
    """Say which rule refuses one pair, or None where every rule allows it on site or remotely.

    Raises
    ------
    ValueError
        If there is no such row.
    """
    refused = None
    for remote in (False, True):
        found = findings(tables, need, offer, remote=remote)
        refusing = [each.rule for each in found if not each.holds]
        if not refusing:
            return None
        if refused is None or MODE not in refusing:
            refused = refusing[0]
    return refused
