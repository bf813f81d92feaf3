"""Camera positions inside a tile that a model describes: the way out of tiles that know their centre only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from models.artefact import Frozen


class Cells(Frozen):
    """Camera positions that one tile is described for: a square grid around its centre, which is its middle cell."""

    per_side: int = Field(ge=1, le=99)
    """Odd."""
    spacing_m: float = Field(gt=0, le=1000)

    @model_validator(mode="after")
    def _has_a_middle(self) -> Cells:
        if self.per_side % 2 == 0:
            raise ValueError(f"{self.per_side} cells a side have no middle; an odd number is needed")
        return self

    @property
    def count(self) -> int:
        return self.per_side**2

    @property
    def stride_m(self) -> float:
        """Distance of tile centres at which the cells of neighbours continue each other."""
        return self.per_side * self.spacing_m

    @property
    def offsets_m(self) -> NDArray[np.float64]:
        """(C, 2) metres east and north of the tile's centre, in the order of the output: rows from north to south,
        each from west to east."""
        along = (np.arange(self.per_side) - self.per_side // 2) * self.spacing_m
        north, east = np.meshgrid(-along, along, indexing="ij")
        return np.stack([east.ravel(), north.ravel()], axis=1)
