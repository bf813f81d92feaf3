"""How similar a photo is to places at large: a sample of rows, compared at every heading."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from index.hits import Background, Float32s
from models.background import centre_and_spread
from models.correlation import Spectra, turns_of


class PlacesAtLarge:
    """A sample of a gallery.

    Args:
        rows: (n, D), evenly spread over its cells.
        columns: of a description.
    """

    def __init__(self, rows: NDArray[np.float16], columns: int) -> None:
        self._spectra = Spectra.of(rows, columns)

    def compare(self, queries: Float32s) -> Background:
        """Give mean and spread of the inner products of (S, D) with the sample, at the best shift of each."""
        base, turns = turns_of(queries, self._spectra.columns)
        peaks = [curves.max(axis=(0, 1)) for _, curves in self._spectra.curves(base, turns)]
        centre, spread = centre_and_spread(np.concatenate(peaks))
        return Background(float(centre), float(spread))
