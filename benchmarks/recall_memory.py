"""What it costs to rank photos against a large gallery: peak memory and seconds on random unit vectors.

    python benchmarks/recall_memory.py --queries 4000 --references 90000 --size 1000

Beside the two mapped files, whose pages the system may take back, memory is a few fixed blocks: the peak of a full
90,000 x 90,000 is that of a slice plus the rest of the photos' file. Time grows with queries x references x size.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.evaluation.metrics import one_percent_k, recall_at
from models.evaluation.ranking import RightAnswers, rank

CHUNK = 2048


def write_unit_vectors(path: Path, rows: int, size: int, seed: int) -> NDArray[np.float32]:
    """Fill an .npy file with random unit rows, chunk by chunk, and map it."""
    rng = np.random.default_rng(seed)
    table = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(rows, size))
    for start in range(0, rows, CHUNK):
        part = rng.standard_normal((min(CHUNK, rows - start), size), dtype=np.float32)
        table[start : start + CHUNK] = part / np.linalg.norm(part, axis=1, keepdims=True)
    table.flush()
    del table
    mapped: NDArray[np.float32] = np.load(path, mmap_mode="r")
    return mapped


def peak_bytes() -> int:
    """Largest resident memory of this process so far, mapped pages included."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queries", type=int, default=4000)
    parser.add_argument("--references", type=int, default=90_000)
    parser.add_argument("--size", type=int, default=1000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ground = write_unit_vectors(Path(folder) / "ground.npy", given.queries, given.size, 0)
        aerial = write_unit_vectors(Path(folder) / "aerial.npy", given.references, given.size, 1)
        before, started = peak_bytes(), time.perf_counter()
        right = RightAnswers.one_each(np.arange(given.queries) % given.references)
        found = rank(ground, aerial, right, np.ones(given.queries, dtype=np.int64))
        seconds = time.perf_counter() - started
    k = one_percent_k(given.references)
    products = given.queries * given.references * given.size
    print(f"{given.queries} photos x {given.references} tiles x {given.size} values: {seconds:.1f} s")
    print(f"{2 * products / seconds / 1e9:.0f} GFLOP/s; peak memory {peak_bytes() / 2**30:.2f} GiB", end=" ")
    print(f"({before / 2**30:.2f} before ranking)")
    print(f"recall at {k}: {recall_at(found.ranks('pessimistic'), k):.4f}, by chance {k / given.references:.4f}")


if __name__ == "__main__":
    main()
