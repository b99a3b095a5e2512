"""The types of arrays, by what an entry takes in memory; every room of the solver names these."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
SmallArray = NDArray[np.int32]
CodeArray = NDArray[np.int8]
MaskArray = NDArray[np.uint8]
BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]
SingleArray = NDArray[np.float32]
