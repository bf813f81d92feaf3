"""What describes prepared tiles, as the index job knows it; threads of this process do, or workers elsewhere."""

from __future__ import annotations

from concurrent.futures import Future
from contextlib import AbstractContextManager
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.encoder import Encoder

Float16s = NDArray[np.float16]


class Describing(Protocol):
    """Something that describes batches, several at once."""

    @property
    def encoder(self) -> Encoder:
        """The model, for its manifest; it need not be the session that does the work."""

    def submit(self, batch: list[NDArray[np.float32]]) -> Future[Float16s]:
        """Begin to describe inputs (3, S, S): rows (N, D) or (N, C, D) as stored, NaN where there is no description."""


class Engine(Protocol):
    """Where descriptions are made, if not in threads of this process."""

    def open(self, encoder: Encoder, batch: int) -> AbstractContextManager[tuple[Describing, int]]:
        """Give what describes and how many batches it works on at once; leaving the block ends it.

        Raises:
            ExecutorUnavailable: there is nobody to do the work. WorkerRefused: somebody would do it differently.
        """
