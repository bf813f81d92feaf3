"""VIGOR's lists: which tiles a city has, and which four of them cover a panorama, with pixel offsets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from models.datasets.files import numbered_lines
from models.datasets.pairset import Floats
from models.errors import DatasetError

Kind = Literal["original", "corrected"]
LIST = "satellite_list.txt"
CORRECTED = "__corrected"
EXPECTED = "expected the VIGOR root that holds splits/ and, for every city, panorama/ and satellite/"
FIELDS = 13
ORIGINAL_RESOLUTION_M = 0.114
RESOLUTION_M = {"NewYork": 0.113248, "Seattle": 0.100817, "SanFrancisco": 0.118141, "Chicago": 0.111262}
"""Metres per pixel of the 640-pixel tiles: within 0.2 % of Web Mercator at zoom 20, 156543.034 cos(lat) / 2^20.
Source: Lentsch et al., "SliceMatch", CVPR 2023, and the code that followed it."""


@dataclass(frozen=True, slots=True)
class Label:
    """One line of a label file; tiles are named as in the city's list, the positive first, then the semi-positives."""

    line: int
    panorama: str
    tiles: tuple[str, str, str, str]
    offsets_px: tuple[tuple[float, float], ...]
    """Four of (southward, westward): the camera stands at x = 320 - westward, y = 320 + southward of the tile."""


def read_tiles(root: Path, city: str, kind: Kind) -> tuple[Path, list[tuple[int, str]]]:
    """Give the list's path, and the line and name of every tile in it.

    Raises:
        DatasetError: no list for the city, or an empty one.
    """
    folders = ("splits", "splits" + CORRECTED) if kind == "original" else ("splits" + CORRECTED, "splits")
    paths = [root / folder / city / LIST for folder in folders]
    path = next((path for path in paths if path.is_file()), root / "splits" / city / LIST)
    return path, numbered_lines(path, EXPECTED)


def read_labels(root: Path, city: str, stem: str, kind: Kind) -> tuple[Path, list[Label]]:
    """Give a label file's path and its lines; `stem` is its name in the original labels, without .txt.

    Raises:
        DatasetError: no such file, or a malformed line.
    """
    path = _label_path(root, city, stem, kind)
    return path, [_label(path, number, line) for number, line in numbered_lines(path, EXPECTED)]


def camera_offset_m(offsets_px: Floats, city: str, kind: Kind) -> Floats:
    """Turn label offsets into metres of the camera east and north of the tile's centre.

    The original offsets were made of metres with 0.114 m per pixel in every city, so that is what makes metres of them,
    although they are up to 12 % off on the tile itself. Corrected offsets are true pixels of the tile; they follow the
    axes of UTM, which lean up to 0.7 degrees (0.4 m at the tile's edge) from north.

    Args:
        offsets_px: (..., 2), as in a `Label`.
        city: one of `RESOLUTION_M`.
        kind: whose labels the offsets are from.

    Returns:
        (..., 2): east, north.
    """
    resolution_m = ORIGINAL_RESOLUTION_M if kind == "original" else RESOLUTION_M[city]
    metres: Floats = -np.asarray(offsets_px, dtype=np.float64)[..., ::-1] * resolution_m
    return metres


def _label_path(root: Path, city: str, stem: str, kind: Kind) -> Path:
    original = root / "splits" / city / f"{stem}.txt"
    corrected = [root / folder / city / f"{stem}{CORRECTED}.txt" for folder in ("splits" + CORRECTED, "splits")]
    found = next((path for path in corrected if path.is_file()), None)
    if kind == "original":
        if original.is_file():
            return original
        hint = "" if found is None else f" Only corrected labels are there ({found}): ask for labels 'corrected'."
        raise DatasetError(f"There is no {original}; {EXPECTED}.{hint}")
    if found is None:
        raise DatasetError(
            f"There is no {corrected[0]}; the corrected labels are the folder VIGOR_corrected_labels/splits{CORRECTED} "
            "of the SliceMatch repository: put it beside splits/, or ask for labels 'original'."
        )
    return found


def _label(path: Path, number: int, line: str) -> Label:
    fields = line.split()
    try:
        numbers = [float(fields[at]) for first in (2, 5, 8, 11) for at in (first, first + 1)]
    except (ValueError, IndexError):
        numbers = []
    if len(fields) != FIELDS or not numbers or not np.isfinite(numbers).all():
        what = f"{len(fields)} fields" if len(fields) != FIELDS else "an offset that is no number"
        raise DatasetError(
            f"{path}, line {number} has {what}; expected {FIELDS} fields with blanks between them: a panorama and four "
            "times a tile and two pixel offsets."
        )
    offsets = tuple(zip(numbers[::2], numbers[1::2], strict=True))
    return Label(number, fields[0], (fields[1], fields[4], fields[7], fields[10]), offsets)
