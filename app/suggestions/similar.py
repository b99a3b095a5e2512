"""Which schools are similar: nearest by standardised criteria, of those known of both."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

CHUNK = 256
"""Schools compared with all others at once: bounds memory to some hundred megabytes."""
NOBODY = -1
_STEPS = 1e6
"""Squared distances are compared in steps of a millionth, so that all machines break ties alike."""
_FAR = 2**40


def standardise(criteria: Floats) -> Floats:
    """Each column in standard deviations from its mean; unknown (NaN) stays unknown."""
    known = ~np.isnan(criteria)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, criteria, 0.0).sum(axis=0) / count
    centred = criteria - mean
    spread = np.sqrt(np.where(known, centred**2, 0.0).sum(axis=0) / count)
    standardised: Floats = centred / np.where(spread > 0, spread, 1.0)
    return standardised


def similar_schools(
    standardised: Floats, weights: Floats, *, count: int, minimum_criteria: int
) -> Indices:
    """The `count` nearest other rows of each row, nearest first, padded with `NOBODY`.

    The distance is the weighted mean of squared differences over the criteria known of both;
    rows that share fewer than `minimum_criteria` are not compared.
    """
    known = ~np.isnan(standardised)
    rows = len(standardised)
    count = min(count, max(rows - 1, 0))
    nearest = np.full((rows, count), NOBODY, dtype=np.int64)
    if count == 0:
        return nearest
    values = np.where(known, standardised, 0.0)
    mask = known.astype(np.float64)
    squares, order = values**2, np.arange(rows)
    for first in range(0, rows, CHUNK):
        mine = slice(first, min(first + CHUNK, rows))
        apart = (squares[mine] * weights) @ mask.T
        apart += (mask[mine] * weights) @ squares.T
        apart -= 2.0 * (values[mine] * weights) @ values.T
        apart /= np.maximum((mask[mine] * weights) @ mask.T, np.finfo(float).tiny)
        steps = np.minimum(np.rint(apart * _STEPS), _FAR).astype(np.int64)
        np.maximum(steps, 0, out=steps)
        steps[mask[mine] @ mask.T < minimum_criteria] = _FAR + 1
        steps[np.arange(mine.stop - first), order[mine]] = _FAR + 1
        steps *= rows
        steps += order
        chosen = np.argpartition(steps, count - 1, axis=1)[:, :count]
        keys = np.sort(np.take_along_axis(steps, chosen, axis=1), axis=1)
        nearest[mine] = np.where(keys // rows > _FAR, NOBODY, keys % rows)
    return nearest


def compare(values: Floats, nearest: Indices) -> tuple[Indices, Floats, Floats]:
    """How many similar schools there are, and the mean and standard deviation of their values."""
    somebody = nearest != NOBODY
    count = somebody.sum(axis=1)
    mean = np.where(somebody, values[nearest], 0.0).sum(axis=1) / np.maximum(count, 1)
    squares = np.where(somebody, (values[nearest] - mean[:, None]) ** 2, 0.0).sum(axis=1)
    return count, mean, np.sqrt(squares / np.maximum(count - 1, 1))
