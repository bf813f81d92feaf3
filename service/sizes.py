"""How many photos are where at once."""

from __future__ import annotations

import os
from dataclasses import dataclass

GPU_BATCH = 32


@dataclass(frozen=True, slots=True)
class Sizes:
    """Limits of the pipeline; by default those of one core."""

    places: int = 32
    """Photos inside, uploads included; one more is refused."""
    decoding: int = 2
    encoding: int = 1
    """Runs of the network side by side."""
    batch: int = 1
    """Photos in one run, at most."""
    searching: int = 1


def encoding_sizes(policy: str, threads: int, cores: int | None = None) -> tuple[int, int]:
    """Choose runs side by side and photos a run.

    On a CPU batches do not pay and one run uses one core well, so there are as many runs as `threads` of them fit; a
    GPU gets one run at a time, as large as there are photos waiting.
    """
    if policy != "cpu":
        return 1, GPU_BATCH
    return max(1, (cores or available_cores()) // threads), 1


def available_cores() -> int:
    """Cores that this process may use, which may be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
