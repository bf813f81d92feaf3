"""An encoder run on several batches at once, and how many at once are worth it here."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.encoder import Encoder
from models.errors import EncoderNonFinite

Float16s = NDArray[np.float16]
RUNS = 8
"""Runs a thread in the measurement."""
WORTH = 1.05
"""So much faster must more threads be to be taken."""


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


def measure_workers(encoder: Encoder, batch: int, clock: Callable[[], float] = time.monotonic) -> int:
    """Find out how many runs at once describe most tiles a second here: the fewest that are about as fast as any.

    The number changes nothing in what is described. Takes eight runs for 1, 2, 4, … threads up to the cores.
    """
    size = encoder.manifest.aerial.size_px
    tile = np.random.default_rng(0).standard_normal((3, size, size)).astype(np.float32)
    rates = {}
    for workers in _candidates(cores()):
        with ThreadPoolExecutor(workers, "measure") as pool:
            describer = Describer(encoder, batch, pool)
            describer.describe([tile] * (batch * workers))
            started = clock()
            describer.describe([tile] * (batch * workers * RUNS))
            rates[workers] = batch * workers * RUNS / max(clock() - started, 1e-9)
    return fewest_as_fast(rates)


def fewest_as_fast(rates: Mapping[int, float]) -> int:
    """Choose among numbers of threads by the tiles a second that they gave."""
    enough = max(rates.values()) / WORTH
    return min(workers for workers, rate in rates.items() if rate >= enough)


def _candidates(most: int) -> list[int]:
    return sorted({most, *(2**power for power in range(most.bit_length()) if 2**power <= most)})
