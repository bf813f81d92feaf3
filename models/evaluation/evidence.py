"""What a gallery says about photos whose place is known: all that a calibration is fitted on."""

from __future__ import annotations

import io
from dataclasses import dataclass, fields
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from models.errors import DatasetError

Float32s = NDArray[np.float32]
Floats = NDArray[np.float64]
PER_CELL = ("similarity", "x_m", "y_m", "heading_deg")
PER_PHOTO = ("background_mean", "background_std", "true_x_m", "true_y_m", "true_heading_deg", "fov_deg")
WHOLE = {"gallery_cells": int, "spacing_m": float}


@dataclass(frozen=True, slots=True)
class CellEvidence:
    """Q photos and, for each, its K best cells of one gallery, best first.

    A cell is a camera position that the gallery describes. Positions are metres east (x) and north (y) in one flat
    frame. Photos taken outside the gallery have NaN for their true position; everything else of them is as usual.
    """

    similarity: Float32s
    """(Q, K) weighted mean cosine of the columns seen, at the best shift, falling along each row."""
    x_m: Floats
    y_m: Floats
    """(Q, K) positions of the cells."""
    heading_deg: Floats
    """(Q, K) heading of the photo's centre if it stood there, finer than a column where all shifts were tried."""
    background_mean: Float32s
    background_std: Float32s
    """(Q,) robust centre and spread (median, 1.4826 median deviations) of the similarities of an evenly spread
    subset of the gallery's cells, as `index.search.Searcher.background` gives them."""
    true_x_m: Floats
    true_y_m: Floats
    """(Q,) where the photo was taken; NaN outside the gallery."""
    true_heading_deg: Floats
    """(Q,) of the photo's centre; known outside the gallery too."""
    fov_deg: Floats
    """(Q,) horizontal field of view that was seen."""
    gallery_cells: int
    """Cells of the whole gallery, not only the K best."""
    spacing_m: float
    """Distance between neighbouring cells; the stride where tiles have one cell."""

    def __post_init__(self) -> None:
        shape = self.similarity.shape
        wrong = [name for name in PER_CELL if len(shape) != 2 or getattr(self, name).shape != shape]
        wrong += [name for name in PER_PHOTO if getattr(self, name).shape != shape[:1]]
        if wrong:
            raise DatasetError(f"Evidence of shape {shape}: {', '.join(wrong)} does not go with it.")

    def __len__(self) -> int:
        return len(self.similarity)

    @property
    def inside(self) -> NDArray[np.bool_]:
        """(Q,) photos that were taken inside the gallery."""
        return ~np.isnan(self.true_x_m)

    @property
    def error_m(self) -> Floats:
        """(Q, K) metres from the photo to each cell; NaN outside the gallery."""
        return np.hypot(self.x_m - self.true_x_m[:, None], self.y_m - self.true_y_m[:, None])

    def save(self, path: Path) -> None:
        """Write all fields as one .npz."""
        with path.open("wb") as stream:
            np.savez(stream, **{field.name: getattr(self, field.name) for field in fields(self)})

    @classmethod
    def load(cls, path: Path) -> CellEvidence:
        """Read what `save` wrote.

        Raises:
            DatasetError: it is no such file.
        """
        try:
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as held:
                found = {name: held[name] for name in (*PER_CELL, *PER_PHOTO)}
                whole = {name: kind(held[name]) for name, kind in WHOLE.items()}
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            raise DatasetError(f"{path} holds no evidence ({type(error).__name__}). Make it again.") from error
        return cls(**found, **whole)
