"""Real embeddings for benchmarks of stores: sample cities seen by the default bundle, kept in a cache.

A city is rendered once, its tiles described cell by cell, and places photographed at 360 and 90 degrees, heading
unknown. Rows beyond what was rendered are real ones mirrored and turned in azimuth (`grown`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.bundle import default_bundle_path, open_model_bundle
from models.columns import turned
from models.encoder import OnnxEncoder
from models.evaluation.benchmark import CityBenchmark
from models.evaluation.photographs import Setting

FIELDS_DEG = (360.0, 90.0)
Float32s = NDArray[np.float32]
Float16s = NDArray[np.float16]
Int64s = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RealRows:
    """A described city and photos of it."""

    rows: Float16s
    """(N, C, D)."""
    columns: int
    photos: dict[float, Float32s]
    """Field of view -> (Q, D), each laid at some column."""
    right: Int64s
    """(Q,) the tile whose centre is nearest to the camera, the same for all fields of view."""


def real_rows(cache: Path, side: int, places: int, seed: int) -> RealRows:
    """Read, or render and keep, a city of side * side tiles; takes a minute for 500 tiles on two cores."""
    path = cache / f"city-{seed}-{side}-{places}.npz"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        _render(path, side, places, seed)
    with np.load(path, allow_pickle=False) as held:
        photos = {fov: held[f"photos_{fov:g}"] for fov in FIELDS_DEG}
        return RealRows(held["rows"], int(held["columns"]), photos, held["right"])


def _render(path: Path, side: int, places: int, seed: int) -> None:
    encoder = OnnxEncoder(open_model_bundle(default_bundle_path()))
    cells = encoder.manifest.aerial.cells
    if cells is None:
        raise SystemExit("The default bundle describes no cells; this benchmark is of those.")
    city = CityBenchmark.render(seed, places, side * cells.stride_m)
    photos = {f"photos_{fov:g}": city.describe(encoder, Setting(fov, "unknown")).rows for fov in FIELDS_DEG}
    gallery = city.grid(encoder, cells.stride_m)
    away = np.hypot(gallery.x_m[None] - city.x_m[:, None], gallery.y_m[None] - city.y_m[:, None])
    fresh = path.with_suffix(".tmp.npz")
    np.savez(
        fresh,
        rows=gallery.rows.astype(np.float16),
        columns=encoder.manifest.embedding.columns,
        right=away.argmin(axis=1),
        **photos,  # type: ignore[arg-type]
    )
    fresh.replace(path)


def grown(real: RealRows, tiles: int, seed: int = 0) -> Float16s:
    """Give (tiles, C, D): the real tiles first, then copies of those that are right for no photo.

    All cells of a copy are turned by the same columns; every other copy is mirrored too. A photo whose heading is not
    known finds a turned copy as similar as the tile itself: each rival of the right tile has rivals at its side, and
    the right one must be among the ten best all the same.
    """
    count, cells, size = real.rows.shape
    found = np.empty((tiles, cells, size), np.float16)
    found[: min(tiles, count)] = real.rows[:tiles]
    wrong, rng = np.setdiff1d(np.arange(count), real.right), np.random.default_rng(seed)
    for number, start in enumerate(range(count, tiles, len(wrong))):
        stop = min(tiles, start + len(wrong))
        part = real.rows[wrong[: stop - start]].reshape(stop - start, cells, real.columns, -1)
        part = part[:, :, ::-1] if number % 2 == 0 else part
        turn = int(rng.integers(1, real.columns))
        found[start:stop] = np.roll(part, turn, axis=2).reshape(stop - start, cells, size)
    return found


def headings(photo: Float32s, columns: int) -> Float32s:
    """(D,) -> (W, D): a photo at every heading."""
    return turned(photo, np.arange(columns), columns)
