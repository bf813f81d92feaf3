from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.stores.exact import ExactStore
from index.stores.store import Layout
from tests.index.stores.conformance import Conformance


class TestExact(Conformance):
    def store_of(self, rows: NDArray[np.float16], layout: Layout, folder: Path) -> ExactStore:  # noqa: ARG002
        return ExactStore(rows, layout)
