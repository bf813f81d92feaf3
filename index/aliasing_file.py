"""The map of where places look alike as a file of a generation, and that of many members as one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from index.manifest import ALIASING, IndexManifest
from index.report.grid import MOST_BINS, Grid
from models.artefact import sha256_file
from models.disk import DISK, Disk
from models.errors import BundleMissing, ChecksumMismatch, IndexMismatch

DEGREES, VALUES = 5, 2
"""Decimals: about a metre, and a hundredth of the scale."""
MOST_SQUARES = MOST_BINS**2


@dataclass(frozen=True, slots=True)
class Alike:
    """How alike the places in one square of ground are to places far away; of several sampled ones the worst."""

    lat: float
    """WGS84 degrees of the middle."""
    lon: float
    whole: float
    """0 (as any place far away) to 1 (no photo tells it from another place), seen by 360°."""
    narrow: float | None
    """The same, seen by 90°; None where the model knows no headings."""
    twin_lat: float
    """Of the place that the worse of the two values is about; where they are equal, of the first."""
    twin_lon: float
    side_m: float

    @property
    def worst(self) -> float:
        return max(self.whole, self.narrow or 0.0)


@dataclass(frozen=True, slots=True)
class AliasingMap:
    """Where the places of an index look alike, on squares along the meridians; only where one was sampled."""

    far_m: float
    """Places whose centres lie farther apart than this were compared."""
    step_m: float
    """What lies so far beside a camera is as alike as 1 says."""
    sampled: int
    tiles: int
    bin_m: float
    """Side of the largest square."""
    squares: tuple[Alike, ...]


def write_aliasing(path: Path, found: AliasingMap, disk: Disk = DISK) -> None:
    """Write a map: the same one always as the same bytes."""
    squares = [
        [
            round(each.lon, DEGREES),
            round(each.lat, DEGREES),
            each.whole,
            each.narrow,
            round(each.twin_lon, DEGREES),
            round(each.twin_lat, DEGREES),
        ]
        for each in found.squares
    ]
    document = {
        "far_m": found.far_m,
        "step_m": found.step_m,
        "sampled": found.sampled,
        "tiles": found.tiles,
        "bin_m": round(found.bin_m, 3),
        "squares": squares,
    }
    with disk.create(path) as stream:
        stream.write(json.dumps(document, separators=(",", ":"), allow_nan=False).encode("ascii"))


def read_aliasing(path: Path) -> AliasingMap:
    """Read a map that was verified.

    Raises:
        IndexMismatch: the file is no such map.
    """
    try:
        document: dict[str, Any] = json.loads(path.read_bytes())
        squares = tuple(
            Alike(lat, lon, whole, narrow, twin_lat, twin_lon, document["bin_m"])
            for lon, lat, whole, narrow, twin_lon, twin_lat in document.pop("squares")
        )
        return AliasingMap(squares=squares, **document)
    except (ValueError, KeyError, TypeError) as error:
        raise IndexMismatch(f"{path} is no map of places that look alike: {error}. Build the index again.") from error


class MemberAliasing:
    """The maps of many members as one; each is read, and held against its manifest, when it is first asked for.

    A member's places were compared with those of the same member alone.

    Args:
        members: folder and manifest of each that keeps one.
        most: squares; of more the ground is laid on a coarser grid.
    """

    def __init__(self, members: Sequence[tuple[Path, IndexManifest]], most: int = MOST_SQUARES) -> None:
        self._members, self._most = members, most
        self._joined = cache(self._join)

    def joined(self) -> AliasingMap | None:
        """Give one map, of no more squares than a grid of 96 by 96 has; None where no member keeps one.

        Raises:
            BundleError: a member's file is not what its manifest says.
        """
        return self._joined()

    def _join(self) -> AliasingMap | None:
        found = [_read_member(folder, manifest) for folder, manifest in self._members]
        if not found:
            return None
        squares = [square for each in found for square in each.squares]
        bin_m = max(each.bin_m for each in found)
        if len(squares) > self._most:
            bin_m, squares = _coarser(squares, bin_m)
        return AliasingMap(
            far_m=max(each.far_m for each in found),
            step_m=max(each.step_m for each in found),
            sampled=sum(each.sampled for each in found),
            tiles=sum(each.tiles for each in found),
            bin_m=bin_m,
            squares=tuple(squares),
        )


def _read_member(folder: Path, manifest: IndexManifest) -> AliasingMap:
    path = folder / ALIASING
    try:
        digest = sha256_file(path)
    except OSError as error:
        raise BundleMissing(f"{path} cannot be read: {error.strerror or error}. Is its disk there?") from error
    if digest != manifest.files.get(ALIASING):
        raise ChecksumMismatch(f"{path} does not match its manifest. Copy or build the index again.")
    return read_aliasing(path)


def _coarser(squares: Sequence[Alike], bin_m: float) -> tuple[float, list[Alike]]:
    """Lay squares on a coarser grid; the worst of each new square stands for it."""
    lat, lon = (np.array([getattr(each, name) for each in squares]) for name in ("lat", "lon"))
    grid = Grid.over(lat, lon, bin_m)
    bins = grid.bins(lat, lon)
    kept: dict[int, Alike] = {}
    for each, number, here in zip(squares, bins.tolist(), zip(*grid.centres(bins), strict=True), strict=True):
        moved = replace(each, lat=float(here[0]), lon=float(here[1]), side_m=grid.bin_m)
        kept[number] = worse(moved, kept.get(number))
    return grid.bin_m, [kept[number] for number in sorted(kept)]


def worse(one: Alike, other: Alike | None) -> Alike:
    """Let one square stand for two of the same ground: the higher values, the twin of the worst."""
    if other is None:
        return one
    narrow = [each.narrow for each in (one, other) if each.narrow is not None]
    told = one if one.worst > other.worst else other
    return replace(told, whole=max(one.whole, other.whole), narrow=max(narrow, default=None))
