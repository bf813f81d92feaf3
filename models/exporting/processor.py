"""The processor on which a certificate was taken, and how long one picture takes on it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Float32s = NDArray[np.float32]
TIMED = 20
"""Runs whose median is taken."""
WARM_UP = 2
CPUINFO = Path("/proc/cpuinfo")
BF16_FLAGS = {"avx512_bf16", "amx_bf16"}


def median_ms(run: Callable[[Float32s], Float32s], pictures: Sequence[Float32s]) -> float:
    """Time a network picture by picture, each once at most, after a few runs that do not count.

    Args:
        run: takes a batch of one.
        pictures: (3, H, W) each; give at least `TIMED` for a median of so many.
    """
    times = []
    for number in range(WARM_UP + min(TIMED, len(pictures))):
        begin = time.perf_counter()
        run(pictures[number % len(pictures)][None])
        times.append(time.perf_counter() - begin)
    return round(1000 * float(np.median(times[WARM_UP:])), 3)


def processors() -> int:
    """Count the processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def has_bf16() -> bool:
    """Say whether the processor multiplies bfloat16 itself; elsewhere torch emulates it, slowly."""
    return bool(BF16_FLAGS & set(_cpuinfo("flags").split()))


def cpu_name() -> str:
    return _cpuinfo("model name")


def _cpuinfo(key: str) -> str:
    try:
        lines = CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip() == key), "")
