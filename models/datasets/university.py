"""University-1652: buildings of 72 universities, each with one satellite image, some street photos and 54 drone photos.

Layout, with one folder a building in each:

    train/satellite           train/street         train/drone
    test/gallery_satellite    test/query_street    test/query_drone

The test gallery has 951 buildings, of which 701 are asked for. Where a photo looks and how wide is not known.
Source: Zheng, Wei, Yang, "University-1652: A Multi-view Multi-source Benchmark for Drone-based Geo-localization", ACM
Multimedia 2020.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from models.datasets.files import images_in
from models.datasets.pairset import PairSet
from models.errors import DatasetError

Split = Literal["train", "test"]
Query = Literal["street", "drone"]
EXPECTED = "expected the University-1652 root that holds train/ and test/"


def read_university(root: Path, split: Split, query: Query) -> PairSet:
    """Read the photos of one view; several share a satellite image. Buildings and photos are in order of their names.

    Raises:
        DatasetError: another folder, no photos, or buildings without exactly one satellite image.
    """
    prefix, gallery = ("", "satellite") if split == "train" else ("query_", "gallery_satellite")
    tiles = _satellite(_buildings(root, f"{split}/{gallery}"))
    photos = [(path, name) for name, paths in _buildings(root, f"{split}/{prefix}{query}").items() for path in paths]
    if not photos:
        raise DatasetError(f"{root}/{split}/{prefix}{query} holds no images; {EXPECTED}.")
    row = {name: number for number, name in enumerate(tiles)}
    lost = sorted({name for _, name in photos} - row.keys())
    if lost:
        raise DatasetError(
            f"{len(lost)} building(s) of {root}/{split}/{prefix}{query} have no image in {split}/{gallery}, the first "
            f"is {lost[0]}. Unpack the data set again."
        )
    count = len(photos)
    return PairSet(
        name=f"university-{query}-{split}",
        ground=tuple(path for path, _ in photos),
        aerial=tuple(tiles.values()),
        positive=np.array([row[name] for _, name in photos]),
        semi_positive=np.empty((count, 0), dtype=np.int64),
        heading_deg=np.full(count, np.nan),
        fov_deg=np.full(count, np.nan),
    )


def _buildings(root: Path, name: str) -> dict[str, list[Path]]:
    folder = root / name
    if not folder.is_dir():
        raise DatasetError(f"{root} has no {name}/; {EXPECTED}.")
    return {path.name: images_in(path) for path in sorted(folder.iterdir()) if path.is_dir()}


def _satellite(buildings: dict[str, list[Path]]) -> dict[str, Path]:
    """Give the one image of every building; folders without any are left out."""
    several = next((paths for paths in buildings.values() if len(paths) > 1), None)
    if several is not None:
        raise DatasetError(f"{several[0].parent} holds {len(several)} images; expected one satellite image a building.")
    return {name: paths[0] for name, paths in buildings.items() if paths}
