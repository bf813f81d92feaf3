"""VIGOR: 105,214 panoramas and 90,618 tiles of four cities; each panorama has one positive tile and three that are
semi-positive: they show its place too, but off-centre.

Layout, as published, or as Sample4Geo sorts it:

    <city>/panorama or ground/<city>        <id>,<lat>,<lon>,.jpg, 2048 x 1024
    <city>/satellite or satellite/<city>    satellite_<lat>_<lon>.png, 640 x 640
    splits/<city>/                          satellite_list.txt, pano_label_balanced.txt,
                                            same_area_balanced_train.txt, same_area_balanced_test.txt
    splits__corrected/<city>/               SliceMatch's labels: the same names with __corrected before .txt

The centre column of a panorama looks north: SliceMatch's drawing of the labels marks north at half, east at three
quarters of the width. The tiles' ground resolution is left out of the pair set, because published methods stretch
whole tiles, whatever their ground length; `vigor_labels` has it.
Source: Zhu, Yang, Chen, "VIGOR: Cross-View Image Geo-localization beyond One-to-one Retrieval", CVPR 2021.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from models.datasets.files import require
from models.datasets.pairset import Floats, Ints, PairSet, Positions
from models.datasets.vigor_labels import EXPECTED, Kind, Label, read_labels, read_tiles
from models.errors import DatasetError

Split = Literal["train", "test"]
Area = Literal["same", "cross"]
CITIES = ("NewYork", "Seattle", "SanFrancisco", "Chicago")
"""In TransGeo's order, which is that of the gallery's rows; Sample4Geo's is alphabetical."""
CROSS_AREA: dict[Split, tuple[str, ...]] = {"train": CITIES[:2], "test": CITIES[2:]}


def read_vigor(root: Path, split: Split, area: Area, labels: Kind = "original") -> PairSet:
    """Read one split.

    Args:
        root: the folder that holds splits/.
        split: photos to give.
        area: `same`: train and test photos of all four cities. `cross`: all photos of New York and Seattle to train,
            of San Francisco and Chicago to test.
        labels: `corrected` asks for SliceMatch's.

    Returns:
        Its gallery is every tile of the split's cities, also those that no photo belongs to.

    Raises:
        DatasetError: another folder, malformed lines, labels that name unknown tiles or missing images.
    """
    cities = CITIES if area == "same" else CROSS_AREA[split]
    stem = f"same_area_balanced_{split}" if area == "same" else "pano_label_balanced"
    parts = [_read_city(root, city, stem, labels) for city in cities]
    ground = tuple(path for part in parts for path in part.ground)
    aerial = tuple(path for part in parts for path in part.aerial)
    firsts = np.cumsum([0, *(len(part.aerial) for part in parts)])
    covering = np.concatenate([part.covering + first for part, first in zip(parts, firsts, strict=False)])
    require(ground, "panoramas")
    require(aerial, "tiles")
    suffix = "" if labels == "original" else "-corrected"
    return PairSet(
        name=f"vigor-{area}-{split}{suffix}",
        ground=ground,
        aerial=aerial,
        positive=covering[:, 0],
        semi_positive=covering[:, 1:],
        heading_deg=np.zeros(len(ground)),
        fov_deg=np.full(len(ground), 360.0),
        positions=Positions(
            "lat-lon",
            ground=np.concatenate([part.where_ground for part in parts]),
            aerial=np.concatenate([part.where_aerial for part in parts]),
        ),
    )


@dataclass(frozen=True, slots=True)
class City:
    ground: list[Path]
    aerial: list[Path]
    covering: Ints
    """(photos, 4) rows of the city's tiles: the positive, then the semi-positives."""
    where_ground: Floats
    """(photos, 2): lat, lon."""
    where_aerial: Floats
    """(tiles, 2): lat, lon."""


def _read_city(root: Path, city: str, stem: str, kind: Kind) -> City:
    panoramas = _folder(root, city, f"{city}/panorama", f"ground/{city}")
    satellite = _folder(root, city, f"{city}/satellite", f"satellite/{city}")
    list_path, tiles = read_tiles(root, city, kind)
    label_path, labels = read_labels(root, city, stem, kind)
    return City(
        ground=[panoramas / label.panorama for label in labels],
        aerial=[satellite / name for _, name in tiles],
        covering=_covering(label_path, labels, [name for _, name in tiles]),
        where_ground=_where(label_path, [(one.line, one.panorama, one.panorama.split(",")[-3:-1]) for one in labels]),
        where_aerial=_where(list_path, [(line, name, Path(name).stem.split("_")[-2:]) for line, name in tiles]),
    )


def _folder(root: Path, city: str, *names: str) -> Path:
    found = next((root / name for name in names if (root / name).is_dir()), None)
    if found is None:
        raise DatasetError(f"{root} has neither {' nor '.join(f'{name}/' for name in names)} for {city}; {EXPECTED}.")
    return found


def _covering(path: Path, labels: Sequence[Label], tiles: Sequence[str]) -> Ints:
    row = {name: number for number, name in enumerate(tiles)}
    unknown = [(label.line, name) for label in labels for name in label.tiles if name not in row]
    if unknown:
        line, name = unknown[0]
        lines = len({line for line, _ in unknown})
        raise DatasetError(
            f"{path}: {lines} line(s) name tiles that are not in the city's satellite_list.txt, the first is {name} "
            f"in line {line}. Lists and labels must come from the same download."
        )
    return np.array([[row[name] for name in label.tiles] for label in labels], dtype=np.int64)


def _where(path: Path, names: Sequence[tuple[int, str, Sequence[str]]]) -> Floats:
    """Parse positions in file names, given as (line, name, [lat, lon]), to (names, 2)."""
    found = []
    for line, name, fields in names:
        try:
            lat, lon = (float(field) for field in fields)
        except ValueError:
            lat, lon = np.nan, np.nan
        if not (abs(lat) <= 90 and abs(lon) <= 180):
            raise DatasetError(f"{path}, line {line}: {name} has no latitude and longitude in its name; {EXPECTED}.")
        found.append((lat, lon))
    return np.array(found)
