"""A photo as the network described it: all that is left of it once it was decoded, projected and encoded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.prepared import Prepared


@dataclass(frozen=True, slots=True)
class View:
    """One photo, ready to be compared with any cell, any number of times."""

    prepared: Prepared
    columns: NDArray[np.float32]
    """(w, E), w the columns that the photo saw."""
    attention: NDArray[np.float32] | None = None
    """(h, w) map of the network over its input, where it was asked for and gives one."""
