"""CVUSA: 35,532 training and 8,884 validation pairs of a panorama and an aerial image all over the United States.

Layout, as TransGeo and Sample4Geo read it:

    splits/train-19zl.csv, splits/val-19zl.csv     no header: aerial path, panorama path, annotation path (unused)
    bingmap/19/0000001.jpg                         aerial image, 750 x 750
    streetview/panos/0000001.jpg                   panorama, 1232 x 224, already cut to its middle rows
    split_locations/all.csv or all.csv             optional, no header: line n is about image n: aerial lat and lon,
                                                   camera lat and lon, and a fifth value that nobody uses

The polar transform of the data set's users puts north over the middle of the panorama, so its centre column heads 0.
Source: Zhai et al., "Predicting Ground-Level Scene Layout from Aerial Imagery", CVPR 2017.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from models.datasets.aligned import aligned_pairs
from models.datasets.files import numbered_lines, require
from models.datasets.pairset import Floats, PairSet, Positions
from models.errors import DatasetError

logger = logging.getLogger(__name__)
EXPECTED = "expected the CVUSA root that holds splits/, bingmap/ and streetview/"
LOCATIONS = ("split_locations/all.csv", "all.csv")


def read_cvusa(root: Path, split: Literal["train", "val"]) -> PairSet:
    """Read one split; the gallery is its aerial images, in the order of the file.

    Raises:
        DatasetError: another folder, a malformed line or missing images, with count and place.
    """
    aerial, ground = _read_split(root, f"splits/{split}-19zl.csv")
    require(ground, "panoramas")
    require(aerial, "aerial images")
    return aligned_pairs(f"cvusa-{split}", ground, aerial, _read_positions(root, aerial))


def _read_split(root: Path, name: str) -> tuple[list[Path], list[Path]]:
    """Give (aerial, ground) paths."""
    path = root / name
    if not path.is_file():
        raise DatasetError(f"{root} has no {name}; {EXPECTED}.")
    aerial, ground = [], []
    for number, line in numbered_lines(path, EXPECTED):
        fields = [field.strip() for field in line.split(",")]
        if len(fields) < 2 or not all(fields[:2]):
            raise DatasetError(f"{path}, line {number}: {line!r} is not an aerial path, a comma and a panorama path.")
        aerial.append(root / fields[0])
        ground.append(root / fields[1])
    return aerial, ground


def _read_positions(root: Path, aerial: Sequence[Path]) -> Positions | None:
    """Look up where the images were taken; unknown (NaN) where a file is not named by its number."""
    path = next((root / name for name in LOCATIONS if (root / name).is_file()), None)
    if path is None:
        return None
    table = np.vstack([np.full(4, np.nan), *_read_locations(path)])
    numbers = [int(file.stem) if file.stem.isdecimal() else 0 for file in aerial]
    rows = np.array([number if number < len(table) else 0 for number in numbers])
    unknown = int((rows == 0).sum())
    if unknown:
        logger.warning("%s has no line for %d of %d images; their positions are unknown.", path, unknown, len(rows))
    return Positions("lat-lon", ground=table[rows, 2:], aerial=table[rows, :2])


def _read_locations(path: Path) -> Floats:
    """Give (images, 4): aerial lat and lon, ground lat and lon."""
    rows = []
    for number, line in numbered_lines(path, EXPECTED):
        try:
            values = [float(field) for field in line.split(",")[:4]]
        except ValueError:
            values = []
        if len(values) != 4 or not (abs(values[0]) <= 90 >= abs(values[2])):
            raise DatasetError(f"{path}, line {number}: {line!r} is not aerial lat, lon, ground lat, lon.")
        rows.append(values)
    return np.array(rows)
