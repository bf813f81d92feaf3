"""How to run a network here: runs at once, threads inside one, and on a GPU tiles a run, by a short measurement."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from index.describer import Describer, cores
from models.encoder import CUDA, Encoder

RUNS = 8
"""Runs a thread in one measurement."""
ROUNDS = 2
"""Measurements of each way; the better one counts, as other work on the machine only ever slows one down."""
WORTH = 1.05
"""So much faster must a larger batch, more threads or more runs at once be to be taken."""
GPU_BATCHES, GPU_WORKERS = (1, 8, 32), (1, 2)
MOST_THREADS = 4


@dataclass(frozen=True, slots=True)
class Way:
    """How to run a network."""

    workers: int
    """Runs at once."""
    threads: int = 1
    """Threads inside one run."""
    batch: int = 1
    """Tiles in one run."""
    tiles_per_s: float | None = None
    """As measured; None where it was not."""

    def __str__(self) -> str:
        measured = "" if self.tiles_per_s is None else f", measured: {self.tiles_per_s:.1f} tiles/s"
        return f"{self.workers} run(s) at once, {self.threads} thread(s) each, batch {self.batch}{measured}"


@runtime_checkable
class Threaded(Protocol):
    """An encoder that can be had with other numbers of threads inside one run."""

    def with_threads(self, threads: int) -> Encoder: ...


def ways(most: int, provider: str, batch: int | None = None, workers: int | None = None) -> list[Way]:
    """Give what is worth trying.

    On a CPU batches do not pay and would change the last bits of rows, so that they are as large as was said, or 1;
    and threads inside a run are tried only where all cores would be busy.

    Args:
        most: cores that may be used.
        provider: what runs the network.
        batch: tiles in a run, if it was said.
        workers: runs at once, if it was said.
    """
    if provider == CUDA:
        batches = GPU_BATCHES if batch is None else (batch,)
        return [Way(runs, 1, size) for size in batches for runs in ((workers,) if workers else GPU_WORKERS)]
    alone = [Way(runs, 1, batch or 1) for runs in ([workers] if workers else _doubling(most))]
    more = [
        Way(runs, threads, batch or 1)
        for threads in _doubling(min(most, MOST_THREADS))[1:]
        if (runs := most // threads) and workers in (None, runs)
    ]
    return alone + more


def best(measured: Sequence[Way]) -> Way:
    """Choose the way with the smallest batch, then fewest threads, then fewest runs, of those about as fast as any."""
    enough = max(way.tiles_per_s or 0.0 for way in measured) / WORTH
    fast = [way for way in measured if (way.tiles_per_s or 0.0) >= enough]
    return min(fast, key=lambda way: (way.batch, way.threads, way.workers))


def measure(
    encoder: Encoder,
    batch: int | None = None,
    workers: int | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[Way, Encoder]:
    """Find out which way describes most tiles a second here.

    Threads inside a run are left out where they would change a single bit of a description.

    Returns:
        The way, and the encoder to go it with.
    """
    size = encoder.manifest.aerial.size_px
    tile = np.random.default_rng(0).standard_normal((3, size, size)).astype(np.float32)
    encoders = {1: encoder}
    measured = []
    for way in ways(cores(), encoder.provider, batch, workers):
        if way.threads not in encoders:
            if not isinstance(encoder, Threaded):
                continue
            other = encoder.with_threads(way.threads)
            if not np.array_equal(other.aerial(tile[None]), encoder.aerial(tile[None])):
                continue
            encoders[way.threads] = other
        with ThreadPoolExecutor(way.workers, "measure") as pool:
            describer = Describer(encoders[way.threads], way.batch, pool)
            describer.describe([tile] * (way.batch * way.workers))
            count = way.batch * way.workers * RUNS
            seconds = min(_time(describer, [tile] * count, clock) for _ in range(ROUNDS))
        measured.append(replace(way, tiles_per_s=round(count / max(seconds, 1e-9), 1)))
    chosen = best(measured)
    return chosen, encoders[chosen.threads]


def _time(describer: Describer, tiles: list[NDArray[np.float32]], clock: Callable[[], float]) -> float:
    started = clock()
    describer.describe(tiles)
    return clock() - started


def _doubling(most: int) -> list[int]:
    """1, 2, 4, … up to `most`, and itself."""
    return sorted({most, *(2**power for power in range(most.bit_length()) if 2**power <= most)})
