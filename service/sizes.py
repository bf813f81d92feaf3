"""How many photos are where at once."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path

GPU_BATCH = 32
CGROUP = Path("/sys/fs/cgroup")
"""As a container sees its own limits: in `cpu.max`, or below `cpu` where the kernel still has version 1."""


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


def available_cores(cgroup: Path = CGROUP) -> int:
    """Cores that this process may use, which may be fewer than the machine has: by affinity, or a container's limit."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, granted_cores(cgroup) or cores)


def granted_cores(cgroup: Path = CGROUP) -> int | None:
    """Cores' worth of time that the container is granted, rounded up; None without a limit."""
    try:
        if (both := cgroup / "cpu.max").is_file():
            quota, period = both.read_text(encoding="ascii").split()
        else:
            quota = (cgroup / "cpu/cpu.cfs_quota_us").read_text(encoding="ascii")
            period = (cgroup / "cpu/cpu.cfs_period_us").read_text(encoding="ascii")
        return max(1, math.ceil(int(quota) / int(period))) if int(quota) > 0 else None
    except (OSError, ValueError, ZeroDivisionError):  # no such files, or `max`
        return None
