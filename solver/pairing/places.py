"""Where participants are."""

from dataclasses import dataclass

import numpy as np

from solver.arrays import BoolArray, CodeArray, FloatArray


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Places:
    """Where participants are.

    Attributes
    ----------
    id : tuple of str
        Unique; the key of a travel-time matrix.
    lat, lon : float64[P]
        WGS84 degrees; both NaN where unknown.
    urban : int8[P]
        1 urban, 0 rural, -1 not known.
    """

    id: tuple[str, ...]
    lat: FloatArray
    lon: FloatArray
    urban: CodeArray

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", tuple(self.id))
        for name, dtype in (("lat", np.float64), ("lon", np.float64), ("urban", np.int8)):
            values = np.asarray(getattr(self, name), dtype)
            if values.shape != (len(self.id),):
                raise ValueError(
                    f"Places.{name} has shape {values.shape}; give one value for each of the "
                    f"{len(self.id)} ids"
                )
            object.__setattr__(self, name, values)
        if len(set(self.id)) < len(self.id):
            raise ValueError("Places.id holds an id twice; give each participant once")
        half = np.flatnonzero(np.isnan(self.lat) != np.isnan(self.lon))
        if len(half):
            raise ValueError(
                f"{self.id[half[0]]} has only one of latitude and longitude; give both or neither"
            )
        wrong = np.flatnonzero((np.abs(self.lat) > 90) | (np.abs(self.lon) > 180))
        if len(wrong):
            raise ValueError(
                f"{self.id[wrong[0]]} lies at {self.lat[wrong[0]]}, {self.lon[wrong[0]]}; "
                "give latitude within 90 and longitude within 180 degrees"
            )

    @property
    def known(self) -> BoolArray:
        """Whether each position is known."""
        return np.asarray(~np.isnan(self.lat))
