"""One's own pairs: a pairs.csv as `models.pairs` describes it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.datasets.pairset import Floats, Ints, PairSet, Positions
from models.errors import DatasetError, SourceError
from models.geo import wrap_heading
from models.pairs import Pair, read_pairs


def own_pairs(path: Path) -> PairSet:
    """Read a pairs.csv; rows that name the same aerial file share its place in the gallery.

    A tile's position is that of its photo, the mean where several photos share it.

    Raises:
        DatasetError: what `read_pairs` refuses, a value out of range, or two ground resolutions for one file.
    """
    try:
        pairs = read_pairs(path)
    except SourceError as error:
        raise DatasetError(str(error)) from error
    _check(path, pairs)
    aerial = list(dict.fromkeys(pair.aerial for pair in pairs))
    row = {file: number for number, file in enumerate(aerial)}
    positive = np.array([row[pair.aerial] for pair in pairs])
    return PairSet(
        name=path.stem,
        ground=tuple(pair.ground for pair in pairs),
        aerial=tuple(aerial),
        positive=positive,
        semi_positive=np.empty((len(pairs), 0), dtype=np.int64),
        heading_deg=wrap_heading([np.nan if pair.heading_deg is None else pair.heading_deg for pair in pairs]),
        fov_deg=np.array([360.0 if pair.fov_deg is None else pair.fov_deg for pair in pairs]),
        positions=_positions(pairs, positive, len(aerial)),
        ground_resolution_m=_resolutions(path, pairs, positive, len(aerial)),
    )


def _check(path: Path, pairs: Sequence[Pair]) -> None:
    for pair in pairs:
        wrong = [
            f"{name} {value:g} of {pair.ground.name} is not in {bounds}"
            for name, value, low, high, bounds in (
                ("fov_deg", pair.fov_deg, 1.0, 360.0, "[1, 360]"),
                ("lat", pair.lat, -90.0, 90.0, "[-90, 90]"),
                ("lon", pair.lon, -180.0, 180.0, "[-180, 180]"),
                ("ground_resolution_m", pair.ground_resolution_m, 1e-4, 1e4, "[0.0001, 10000]"),
            )
            if value is not None and not low <= value <= high
        ]
        if wrong:
            raise DatasetError(f"{path}: {wrong[0]}.")


def _positions(pairs: Sequence[Pair], positive: Ints, tiles: int) -> Positions | None:
    ground = np.array([pair.position or (np.nan, np.nan) for pair in pairs])
    known = ~np.isnan(ground[:, 0])
    if not known.any():
        return None
    count = np.bincount(positive[known], minlength=tiles)[:, None]
    total = np.zeros((tiles, 2))
    np.add.at(total, positive[known], ground[known])
    return Positions("lat-lon", ground=ground, aerial=np.where(count > 0, total / np.maximum(count, 1), np.nan))


def _resolutions(path: Path, pairs: Sequence[Pair], positive: Ints, tiles: int) -> Floats | None:
    resolution = np.full(tiles, np.nan)
    for pair, tile in zip(pairs, positive, strict=True):
        if pair.ground_resolution_m is None:
            continue
        if not (np.isnan(resolution[tile]) or resolution[tile] == pair.ground_resolution_m):
            raise DatasetError(
                f"{path} gives {pair.aerial.name} a ground_resolution_m of {resolution[tile]:g} and of "
                f"{pair.ground_resolution_m:g}; one file has one."
            )
        resolution[tile] = pair.ground_resolution_m
    return None if np.isnan(resolution).all() else resolution
