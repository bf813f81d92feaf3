"""An encoder run on several batches at once."""

from __future__ import annotations

import os
from concurrent.futures import Executor, Future
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.encoder import Encoder
from models.errors import EncoderNonFinite

Float16s = NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class Describer:
    """An encoder run on several batches at once."""

    encoder: Encoder
    batch: int
    pool: Executor
    """As many runs at once as it has threads."""

    def describe(self, tiles: list[NDArray[np.float32]]) -> Float16s:
        """Describe inputs (3, S, S), in their order, as stored; rows that are not finite are left so."""
        batches = [tiles[i : i + self.batch] for i in range(0, len(tiles), self.batch)]
        return np.concatenate([future.result() for future in [self.submit(one) for one in batches]])

    def submit(self, batch: list[NDArray[np.float32]]) -> Future[Float16s]:
        """Begin to describe one batch."""
        return self.pool.submit(lambda: describe_batch(np.stack(batch), self.encoder))


def describe_batch(pixels: NDArray[np.float32], encoder: Encoder) -> Float16s:
    """(N, 3, S, S) -> (N, D) or (N, C, D) as stored; a tile that the encoder refuses becomes NaN, alone."""
    shape = row_shape(encoder)
    try:
        with np.errstate(over="ignore"):
            return encoder.aerial(pixels).astype(np.float16).reshape(-1, *shape)
    except EncoderNonFinite:
        if len(pixels) == 1:
            return np.full((1, *shape), np.nan, dtype=np.float16)
        return np.concatenate([describe_batch(one[None], encoder) for one in pixels])


def row_shape(encoder: Encoder) -> tuple[int, ...]:
    """Shape of a tile's row as stored: (D,), with cells (C, D)."""
    cells, size = encoder.manifest.aerial.cells, encoder.manifest.embedding.size
    return (size,) if cells is None else (cells.count, size)


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
