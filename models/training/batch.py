"""What a step learns from, and what hands it out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Batch:
    """Photos with their tiles; with several processes, the share of this one."""

    ground: Tensor
    aerial: Tensor
    shift: Tensor
    """(B,) true shift in columns."""


class Supply(Protocol):
    """Batches by step; a step's batch is the same whenever it is asked for."""

    @property
    def steps_per_epoch(self) -> int: ...

    def batch(self, step: int) -> Batch: ...

    def observe(self, step: int, ground: Tensor, aerial: Tensor) -> None:
        """Take note of the embeddings that the first forward pass of a step gave, of all processes: (B, D) each."""

    def state(self) -> dict[str, Any]:
        """What a checkpoint must hold for the rest of the run to be the same."""

    def restore(self, state: dict[str, Any]) -> None: ...


Rows = NDArray[np.int64]
