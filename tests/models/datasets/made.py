"""Data sets in miniature, in the layouts of the real ones, written by code."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from models.datasets.vigor_labels import ORIGINAL_RESOLUTION_M, RESOLUTION_M
from models.geo import enu_m, offset
from tests.models.datasets.scenes import Pixels, panorama, scene, tile

CENTRES = {
    "NewYork": (40.74, -73.98),
    "Seattle": (47.60, -122.31),
    "SanFrancisco": (37.77, -122.42),
    "Chicago": (41.87, -87.65),
}
TILE_STEP_M = 36.48
CAMERA_FROM_TILE_M = (10.0, 8.0)
"""East and north of every VIGOR camera from its positive tile's centre."""
CANBERRA_UTM_M = (693_000.0, 6_094_000.0)


def save(path: Path, pixels: Pixels) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, quality=90)
    return path


def save_place(ground: Path, aerial: Path, seed: int, panorama_px: tuple[int, int], tile_px: int) -> None:
    """Write a panorama and a tile of one place; places of different seeds look different."""
    place = scene(seed)
    save(ground, panorama(place, *panorama_px, seed=2 * seed))
    save(aerial, tile(place, tile_px, seed=2 * seed + 1))


def made_cvusa(
    root: Path,
    pairs: int,
    val: int | None = None,
    panorama_px: tuple[int, int] = (64, 352),
    tile_px: int = 96,
    locations: str | None = "split_locations/all.csv",
    seed: int = 0,
) -> Path:
    """Write CVUSA's layout: places 1 to `pairs`, the last `val` (a fifth) of them for validation.

    Image n is centred on 30 + n / 1000, -100; its camera stands 1e-5 degrees further north.
    """
    held_out = max(1, pairs // 5) if val is None else val
    rows = [(f"bingmap/19/{n:07d}.jpg", f"streetview/panos/{n:07d}.jpg") for n in range(1, pairs + 1)]
    for number, (aerial, ground) in enumerate(rows, start=1):
        save_place(root / ground, root / aerial, seed + number, panorama_px, tile_px)
    for name, part in (("train", rows[: pairs - held_out]), ("val", rows[pairs - held_out :])):
        lines = (f"{aerial},{ground},streetview/annotations/{Path(ground).stem}.png" for aerial, ground in part)
        _write_lines(root / f"splits/{name}-19zl.csv", lines)
    if locations is not None:
        lats = (30.0 + n / 1000 for n in range(1, pairs + 1))
        _write_lines(root / locations, (f"{lat:.6f},-100.0,{lat + 1e-5:.6f},-100.0,0" for lat in lats))
    return root


def made_cvact(root: Path, table_in: str = "ANU_data_small", missing: Sequence[str] = ()) -> Path:
    """Write CVACT's layout: ids p1 to p6; p1 p3 p5 train, p6 p2 validate, p2 p4 p6 test.

    Place n stands 100 n metres east and 10 n north of the first; images of the ids in `missing` are left out.
    """
    from scipy.io import savemat  # type: ignore[import-untyped]

    ids = [f"p{n}" for n in range(1, 7)]
    groups = {
        "trainSet": {"trainUtm": np.zeros((3, 2)), "trainInd": _column(1, 3, 5)},
        "valSet": {"valUtm": np.zeros((2, 2)), "valInd": _column(6, 2)},
        "valSetAll": {"valUtm": np.zeros((3, 2)), "valInd": _column(2, 4, 6)},
    }
    utm = np.array([[CANBERRA_UTM_M[0] + 100.0 * n, CANBERRA_UTM_M[1] + 10.0 * n] for n in range(1, 7)])
    (root / table_in).mkdir(parents=True, exist_ok=True)
    savemat(root / table_in / "ACT_data.mat", {"panoIds": np.array(ids), "utm": utm, **groups})
    for folder, numbers in (("ANU_data_small", (1, 2, 3, 5, 6)), ("ANU_data_test", (2, 4, 6))):
        for number in numbers:
            name = f"p{number}"
            if name not in missing:
                ground = root / folder / "streetview" / f"{name}_grdView.jpg"
                aerial = root / folder / "satview_polish" / f"{name}_satView_polish.jpg"
                save_place(ground, aerial, number, (32, 64), 48)
    return root


def _column(*rows: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Rows of a MATLAB structure: 1-based doubles, one column."""
    return np.array(rows, dtype=np.float64)[:, None]


def made_vigor(
    root: Path, layout: Literal["published", "sample4geo"] = "published", corrected: str | None = None
) -> Path:
    """Write VIGOR's layout: per city six tiles, three northwards by two eastwards, and two panoramas.

    Tile n is row n // 2, column n % 2. The training panorama belongs to tile 0, the test panorama to tile 2; their
    semi-positives are the three other tiles of the square north-east of it. No panorama belongs to tile 5.

    Args:
        root: folder to write.
        layout: whose folders for images.
        corrected: folder for corrected labels beside the original ones.
    """
    for seed, (city, centre) in enumerate(CENTRES.items()):
        satellite, panoramas = f"{city}/satellite", f"{city}/panorama"
        if layout == "sample4geo":
            satellite, panoramas = f"satellite/{city}", f"ground/{city}"
        tiles = [_tile(centre, number) for number in range(6)]
        for number, (name, _, _) in enumerate(tiles):
            save(root / satellite / name, tile(scene(10 * seed + number), 32))
        for first in (0, 2):
            name = _label(city, tiles, first, 1.0).split()[0]
            save(root / panoramas / name, panorama(scene(10 * seed + first), 32, 64))
        _write_lines(root / f"splits/{city}/satellite_list.txt", (name for name, _, _ in tiles))
        _write_labels(root / "splits" / city, "", [_label(city, tiles, n, ORIGINAL_RESOLUTION_M) for n in (0, 2)])
        if corrected is not None:
            labels = [_label(city, tiles, n, RESOLUTION_M[city]) for n in (0, 2)]
            _write_labels(root / corrected / city, "__corrected", labels)
    return root


Tile = tuple[str, float, float]
"""File name, lat, lon."""


def _tile(centre: tuple[float, float], number: int) -> Tile:
    lat, lon = offset(*centre, TILE_STEP_M * (number % 2), TILE_STEP_M * (number // 2))
    return f"satellite_{float(lat):.10f}_{float(lon):.10f}.png", float(lat), float(lon)


def _label(city: str, tiles: Sequence[Tile], first: int, resolution_m: float) -> str:
    """Write a line of a label file: the camera stands by tile `first`, the next three are semi-positive."""
    lat, lon = (float(value) for value in offset(*tiles[first][1:], *CAMERA_FROM_TILE_M))
    fields = [f"{city}_{first},{lat:.6f},{lon:.6f},.jpg"]
    for name, *centre in tiles[first : first + 4]:
        east, north = enu_m(lat, lon, *centre)
        fields += [name, f"{-float(north) / resolution_m:.1f}", f"{-float(east) / resolution_m:.1f}"]
    return " ".join(fields)


def _write_labels(folder: Path, suffix: str, lines: Sequence[str]) -> None:
    _write_lines(folder / f"same_area_balanced_train{suffix}.txt", lines[:1])
    _write_lines(folder / f"same_area_balanced_test{suffix}.txt", lines[1:])
    _write_lines(folder / f"pano_label_balanced{suffix}.txt", lines)


def made_university(root: Path) -> Path:
    """Write University-1652's layout.

    Buildings 0001 (two street photos, three drone photos) and 0002 (one and none) train; 0003 (two and one) and the
    unasked 0004 test.
    """
    photos = {
        "train/street": {"0001": 2, "0002": 1},
        "train/drone": {"0001": 3, "0002": 0},
        "train/satellite": {"0001": 1, "0002": 1},
        "test/query_street": {"0003": 2},
        "test/query_drone": {"0003": 1},
        "test/gallery_satellite": {"0003": 1, "0004": 1},
    }
    for folder, buildings in photos.items():
        for building, count in buildings.items():
            (root / folder / building).mkdir(parents=True)
            for number in range(count):
                save(root / folder / building / f"{number + 1}.jpg", tile(scene(int(building)), 32, seed=number))
    return root


def made_pairs(root: Path, name: str = "pairs.csv") -> Path:
    """Write a pairs.csv of two photos over tile a and a panorama over tile b."""
    header = ("ground", "aerial", "lat", "lon", "heading_deg", "fov_deg", "ground_resolution_m")
    rows = [
        ("g/0.jpg", "a/a.png", "48.0", "2.0", "350", "70", "0.2"),
        ("g/1.jpg", "a/a.png", "48.002", "2.004", "", "60", ""),
        ("g/2.jpg", "a/b.png", "", "", "-90", "", "0.25"),
    ]
    for number, (ground, aerial, *_) in enumerate(rows):
        save_place(root / ground, root / aerial, number, (32, 64), 32)
    with (root / name).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return root / name


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
