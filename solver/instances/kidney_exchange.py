"""Kidney exchange by its published recipe, written as exchange in closed loops.

A pair is a patient and a donor who cannot give to that patient; pairs give to each other in loops.
Blood types, sensitisation and who is married are drawn as stated by Saidman, Roth, Sönmez, Ünver
and Delmonico (Increasing the opportunity of live kidney donation by matching for two- and three-way
exchanges, Transplantation 81, 2006, 773-782). What a transplant is worth is drawn, too.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from models.vocabulary import Reciprocity
from solver.arrays import BoolArray, IntArray
from solver.formats.problem import Problem
from solver.formats.tables import Candidates, Needs, Offers, Participants, Rules

KIDNEY: Final = "kidney"
BLOOD_TYPES: Final = ("O", "A", "B", "AB")
BLOOD_SHARE: Final = (0.4814, 0.3373, 0.1428, 0.0385)
POSITIVE: Final = (0.05, 0.45, 0.90)
"""Chance that a patient's blood reacts to any donor's: low, medium and high sensitisation."""
POSITIVE_SHARE: Final = (0.7019, 0.20, 0.0981)
WOMEN: Final = 0.4090
MARRIED: Final = 0.4897
AFTER_PREGNANCY: Final = 0.75
"""What a wife's chance of not reacting to her husband is multiplied by."""


def draw_kidney_exchange(pairs: int, seed: int, max_loop: int = 3) -> Problem:
    """Return a drawn pool of pairs, each with one need and one offer of one half-day.

    Candidates are all that blood types and a drawn test of the two allow, worth 300 to 1,499
    points. A need's expertise is the patient's blood type, an offer's the donor's.
    """
    random = np.random.default_rng([seed, 5])
    patient, donor = np.zeros((2, pairs), np.int64)
    positive = np.zeros(pairs)
    done = 0
    while done < pairs:
        blood = random.choice(4, 2, p=BLOOD_SHARE)
        chance = random.choice(POSITIVE, p=POSITIVE_SHARE)
        wife = random.random() < WOMEN and random.random() < MARRIED
        reacts = 1 - (1 - chance) * (AFTER_PREGNANCY if wife else 1)
        if not bool(_may_give(blood[:1], blood[1:])[0]) or random.random() < reacts:
            donor[done], patient[done], positive[done] = blood[0], blood[1], chance
            done += 1
    fits = _may_give(donor[:, np.newaxis], patient) & (random.random((pairs, pairs)) >= positive)
    np.fill_diagonal(fits, False)
    offer, need = np.nonzero(fits)
    one = np.ones(pairs, np.int64)
    return Problem(
        Participants.of([f"p{at}" for at in range(pairs)]),
        Needs.of(
            [f"patient{at}" for at in range(pairs)],
            np.arange(pairs),
            one,
            expertise=[BLOOD_TYPES[at] for at in patient],
        ),
        Offers.of(
            [f"donor{at}" for at in range(pairs)],
            np.arange(pairs),
            one,
            expertise=[BLOOD_TYPES[at] for at in donor],
        ),
        Candidates.of(offer, need, random.integers(300, 1500, len(offer))),
        Rules(Reciprocity.CLOSED_LOOPS, max_loop),
    )


def _may_give(donor: IntArray, patient: IntArray) -> BoolArray:
    """Return whose blood allows it: O gives to all, AB takes of all, the others of their own."""
    may: BoolArray = (donor == 0) | (donor == patient) | (patient == 3)
    return may
