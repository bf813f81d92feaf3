"""What a step learns from, and what hands it out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from models.spatial_loss import Remembered


@dataclass(frozen=True, slots=True)
class Batch:
    """Photos with their tiles; with several processes, the share of this one."""

    ground: Tensor
    aerial: Tensor
    shift: Tensor
    """(B,) true shift in columns."""


@dataclass(frozen=True, slots=True)
class SeenPhotos:
    """Photos of one kind, row i belonging to tile i."""

    front: Tensor
    """(B, w + 2, K)."""
    shift: Tensor
    """(B,) true shift in columns."""


@dataclass(frozen=True, slots=True)
class ViewBatch:
    """Tiles with several photos each, one of every group; with several processes, the share of this one."""

    tiles: Tensor
    """(B, K) what the stem gives."""
    camera_m: Tensor
    """(B, P, 2) positions to describe, metres east and north of the tile's centre; the first is near the true one."""
    away_m: Tensor
    """(B, P) their distances from the true one."""
    photos: tuple[SeenPhotos, ...]
    remembered: Remembered | None = None
    """More tiles that the photos, those of all processes, are to be told apart from."""


AnyBatch = Batch | ViewBatch


class Supply(Protocol):
    """Batches by step; a step's batch is the same whenever it is asked for."""

    @property
    def steps_per_epoch(self) -> int: ...

    def batch(self, step: int) -> AnyBatch: ...

    def observe(self, step: int, ground: Tensor, aerial: Tensor) -> None:
        """Take note of the embeddings that the first forward pass of a step gave, of all processes: (B, D) each."""

    def state(self) -> dict[str, Any]:
        """What a checkpoint must hold for the rest of the run to be the same."""

    def restore(self, state: dict[str, Any]) -> None: ...


Rows = NDArray[np.int64]
