"""What the way through a region costs: the same questions to many members and to one index of the same tiles.

    python -m benchmarks.region
    python -m benchmarks.region --members 64 --tiles 100

Members are squares of a grid, of random rows in the layout of the default bundle (25 cells of 768 values a tile).
Ratios are measured side by side; what one index of the same size takes to open stands beside what a member takes.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy is loaded

import numpy as np
from numpy.typing import NDArray

from benchmarks.made_index import CELLS, DEFAULT, random_rows, square_of, write_index
from index.bundle import open_index
from index.gallery import Gallery
from index.region_file import write_region
from index.region_opening import open_region
from index.region_survey import survey
from index.search import Searcher
from models.columns import shifts

STRIDE_M, RADIUS_M = 32.0, 100.0
ROUNDS = 15


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=64, help="a square number")
    parser.add_argument("--tiles", type=int, default=100, help="of each member, a square number")
    given = parser.parse_args()
    across = round(given.members**0.5)
    side = across * round(given.tiles**0.5)
    with tempfile.TemporaryDirectory() as folder:
        _measure(Path(folder), across, side)


def _measure(base: Path, across: int, side: int) -> None:
    lat, lon = square_of(side, STRIDE_M)
    row, column = np.divmod(np.arange(side * side), side)
    vectors = random_rows(side * side * CELLS.count).reshape(side * side, CELLS.count, DEFAULT.size)
    part = row * across // side * across + column * across // side
    members = [np.flatnonzero(part == number) for number in range(across * across)]
    roots = [
        write_index(base / f"m{n:03d}", lat, lon, vectors, numbers, stride_m=STRIDE_M)
        for n, numbers in enumerate(members)
    ]
    whole_root = write_index(base / "whole", lat, lon, vectors, np.arange(side * side), stride_m=STRIDE_M)
    started = time.perf_counter()
    write_region(base / "region.json", survey("bench", roots), "2026-01-01T00:00:00Z")
    written_s = time.perf_counter() - started
    plain = seconds(lambda: open_region(base / "region.json"))
    whole_s = seconds(partial(opened, whole_root))
    member_s = statistics.median(seconds(partial(opened, root)) for root in roots[:ROUNDS])
    print(
        f"{across * across} members of {len(members[0])} tiles ({vectors.nbytes / 1e6:.0f} MB of vectors in all): "
        f"region written in {written_s:.1f} s, read in {plain * 1000:.0f} ms; a member opened in "
        f"{member_s * 1000:.0f} ms, one index of all in {whole_s:.1f} s"
    )
    region, whole = open_region(base / "region.json", max_open=across * across), opened(whole_root)
    photo = random_rows(1).astype(np.float32).reshape(DEFAULT.columns, -1)
    middle = members[len(members) // 2]
    inside, corner = int(middle[len(middle) // 2]), (side // 2) * side + side // 2
    _near(region, whole, photo, (float(lat[inside]), float(lon[inside])), "inside a member", len(region.open_members))
    _near(region, whole, photo, (float(lat[corner]), float(lon[corner])), "where four meet", len(region.open_members))
    queries = shifts(photo, DEFAULT.columns, DEFAULT.turns)
    region.search(queries, 5)
    mine, theirs = interleaved(lambda: region.search(queries, 5), lambda: whole.search(queries, 5))
    cores, ratio = os.cpu_count(), mine / theirs
    print(f"everywhere, {cores} cores: {mine * 1000:.1f} ms, one index {theirs * 1000:.1f} ms: {ratio:.2f}")


def _near(
    region: Gallery, whole: Gallery, photo: NDArray[np.float32], place: tuple[float, float], where: str, opened: int
) -> None:
    """Ask what a calibrated answer near a prior asks: rows, their evidence, the background, places."""
    queries = shifts(photo, DEFAULT.columns, DEFAULT.turns)

    def ask(gallery: Gallery) -> None:
        rows = gallery.rows_near(*place, RADIUS_M)
        gallery.evidence(queries, rows)
        gallery.background(queries)
        gallery.cell_lat_lon(rows[:, None], np.arange(CELLS.count))
        gallery.tile(int(rows[0]))

    first = seconds(lambda: ask(region))
    mine, theirs = interleaved(lambda: ask(region), lambda: ask(whole))
    print(
        f"prior of {RADIUS_M:g} m {where}: {mine * 1000:.2f} ms, one index {theirs * 1000:.2f} ms: {mine / theirs:.2f} "
        f"({len(whole.rows_near(*place, RADIUS_M))} tiles; first {first * 1000:.0f} ms, {opened} members open before)"
    )


def opened(root: Path) -> Searcher:
    return Searcher(open_index(root))


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def interleaved(*works: Callable[[], object]) -> list[float]:
    """Median seconds of each work; rounds are interleaved, so that noise falls on all alike."""
    times = [[seconds(work) for work in works] for _ in range(ROUNDS + 1)][1:]
    return [statistics.median(column) for column in zip(*times, strict=True)]


if __name__ == "__main__":
    main()
