from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from models.datasets.vigor import CITIES, Area, Split, read_vigor
from models.datasets.vigor_labels import RESOLUTION_M, Kind, camera_offset_m, read_labels
from models.errors import DatasetError
from models.geo import enu_m, offset
from tests.models.datasets.made import CAMERA_FROM_TILE_M, CENTRES, made_vigor


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set that no test may change."""
    return made_vigor(tmp_path_factory.mktemp("vigor"), corrected="splits__corrected")


@pytest.fixture
def root(tmp_path: Path, whole: Path) -> Path:
    """A data set to damage."""
    return shutil.copytree(whole, tmp_path / "vigor")


def _cities(paths: tuple[Path, ...]) -> list[str]:
    return list(dict.fromkeys(path.parent.parent.name for path in paths))


@pytest.mark.parametrize(
    ("split", "area", "cities", "photos"),
    [
        ("train", "same", ["NewYork", "Seattle", "SanFrancisco", "Chicago"], 1),
        ("test", "same", ["NewYork", "Seattle", "SanFrancisco", "Chicago"], 1),
        ("train", "cross", ["NewYork", "Seattle"], 2),
        ("test", "cross", ["SanFrancisco", "Chicago"], 2),
    ],
)
def test_the_gallery_is_every_tile_of_the_splits_cities(
    whole: Path, split: Split, area: Area, cities: list[str], photos: int
) -> None:
    pairs = read_vigor(whole, split, area)
    assert pairs.name == f"vigor-{area}-{split}"
    assert _cities(pairs.ground) == _cities(pairs.aerial) == cities
    assert len(pairs) == photos * len(cities)
    assert len(pairs.aerial) == 6 * len(cities)


def test_labels_become_rows_of_the_whole_gallery(whole: Path) -> None:
    pairs = read_vigor(whole, "test", "cross")
    assert pairs.positive.tolist() == [0, 2, 6, 8]
    assert pairs.semi_positive.tolist() == [[1, 2, 3], [3, 4, 5], [7, 8, 9], [9, 10, 11]]
    assert read_vigor(whole, "test", "same").positive.tolist() == [2, 8, 14, 20]


def test_positions_come_from_the_file_names(whole: Path) -> None:
    positions = read_vigor(whole, "train", "same").positions
    assert positions is not None
    assert positions.aerial[6].tolist() == list(CENTRES["Seattle"])
    assert positions.ground[1] == pytest.approx([float(v) for v in offset(*CENTRES["Seattle"], *CAMERA_FROM_TILE_M)])
    assert positions.error_m(np.array([1]), np.array([6])) == pytest.approx([math.hypot(*CAMERA_FROM_TILE_M)], abs=0.1)


def test_panoramas_are_full_and_look_north_over_tiles_of_any_length(whole: Path) -> None:
    pairs = read_vigor(whole, "train", "cross")
    assert pairs.heading_deg.tolist() == [0.0] * 4
    assert pairs.fov_deg.tolist() == [360.0] * 4
    assert pairs.ground_resolution_m is None


@pytest.mark.parametrize("labels", ["original", "corrected"])
def test_sample4geos_folders_hold_the_same(tmp_path: Path, labels: Kind) -> None:
    here = made_vigor(tmp_path / "a", corrected="splits__corrected")
    sorted_anew = made_vigor(tmp_path / "b", "sample4geo", corrected="splits__corrected")
    one, other = read_vigor(here, "test", "same", labels), read_vigor(sorted_anew, "test", "same", labels)
    assert [path.name for path in one.aerial] == [path.name for path in other.aerial]
    assert one.semi_positive.tolist() == other.semi_positive.tolist()
    assert other.ground[0].parent == sorted_anew / "ground" / "NewYork"


@pytest.mark.parametrize("folder", ["splits__corrected", "splits"])
def test_corrected_labels_lie_beside_the_splits_or_among_them(tmp_path: Path, folder: str) -> None:
    pairs = read_vigor(made_vigor(tmp_path, corrected=folder), "test", "cross", "corrected")
    assert pairs.name == "vigor-cross-test-corrected"
    assert pairs.positive.tolist() == [0, 2, 6, 8]


def test_corrected_labels_that_are_not_there_are_explained(tmp_path: Path) -> None:
    root = made_vigor(tmp_path)
    message = (
        r"no .*splits__corrected/NewYork/same_area_balanced_train__corrected\.txt; .*SliceMatch.*labels 'original'"
    )
    with pytest.raises(DatasetError, match=message):
        read_vigor(root, "train", "same", "corrected")


def test_original_labels_that_were_replaced_are_explained(root: Path) -> None:
    for path in (root / "splits").rglob("*balanced*"):
        path.unlink()
    with pytest.raises(DatasetError, match=r"Only corrected labels are there .*: ask for labels 'corrected'"):
        read_vigor(root, "train", "same")


@pytest.mark.parametrize("kind", ["original", "corrected"])
@pytest.mark.parametrize("city", CITIES)
def test_label_offsets_are_metres_from_the_tiles_centre(whole: Path, city: str, kind: Kind) -> None:
    _, labels = read_labels(whole, city, "same_area_balanced_train", kind)
    metres = camera_offset_m(np.array(labels[0].offsets_px), city, kind)
    assert metres[0] == pytest.approx(CAMERA_FROM_TILE_M, abs=0.1)
    assert metres[3] == pytest.approx(np.array(CAMERA_FROM_TILE_M) - 36.48, abs=0.1)


@pytest.mark.parametrize(
    ("city", "camera", "tile", "offset_px"),
    [
        ("NewYork", (40.731011, -73.995289), (40.7309416656, -73.9953203614), (-68.0, -23.0)),
        ("Seattle", (47.582113, -122.314680), (47.58225436149519, -122.31462478843227), (156.0, 40.0)),
        ("Chicago", (41.882558, -87.686052), (41.88256481054794, -87.68591033790726), (6.0, 106.0)),
    ],
)
def test_published_corrected_offsets_agree_with_the_positions(
    city: str, camera: tuple[float, float], tile: tuple[float, float], offset_px: tuple[float, float]
) -> None:
    east, north = enu_m(*camera, *tile)
    assert camera_offset_m(np.array(offset_px), city, "corrected") == pytest.approx(
        [float(east), float(north)], abs=0.3
    )


@pytest.mark.parametrize("city", CITIES)
def test_the_resolution_is_that_of_web_mercator_at_zoom_20(city: str) -> None:
    expected = 156543.03392 * math.cos(math.radians(CENTRES[city][0])) / 2**20
    assert RESOLUTION_M[city] == pytest.approx(expected, rel=0.003)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("only three fields", "line 2 has 3 fields; expected 13 fields with blanks between"),
        ("p,1,2,.jpg" + " t 0 0" * 3 + " t 0 x", "line 2 has an offset that is no number; expected 13"),
        ("p,1,2,.jpg" + " t 0 0" * 4 + " t", "line 2 has 14 fields"),
        ("p,1,2,.jpg" + " t 0 nan" * 4, "line 2 has an offset that is no number"),
    ],
)
def test_a_malformed_label_is_named(root: Path, line: str, message: str) -> None:
    path = root / "splits/Seattle/same_area_balanced_train.txt"
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(DatasetError, match=rf"Seattle/same_area_balanced_train\.txt, {message}"):
        read_vigor(root, "train", "same")


def test_labels_of_unknown_tiles_are_counted(root: Path) -> None:
    listed = root / "splits/Chicago/satellite_list.txt"
    listed.write_text("".join(listed.read_text().splitlines(keepends=True)[:2]))
    message = r"pano_label_balanced\.txt: 2 line\(s\) name tiles .* the first is satellite_41\.87.*\.png in line 1"
    with pytest.raises(DatasetError, match=message):
        read_vigor(root, "test", "cross")


@pytest.mark.parametrize("name", ["tile.png", "satellite_x_y.png", "satellite_123.0_4.0.png"])
def test_a_tile_without_a_position_is_named(root: Path, name: str) -> None:
    listed = root / "splits/NewYork/satellite_list.txt"
    listed.write_text(listed.read_text() + name + "\n")
    with pytest.raises(DatasetError, match=rf"satellite_list\.txt, line 7: {name} has no latitude and longitude"):
        read_vigor(root, "train", "cross")


@pytest.mark.parametrize(
    ("kind", "message"), [("panorama", "1 of 4 panoramas is missing"), ("satellite", "6 of 24 tiles are missing")]
)
def test_missing_images_are_counted(root: Path, kind: Literal["panorama", "satellite"], message: str) -> None:
    wanted = read_vigor(root, "train", "same").ground[2] if kind == "panorama" else None
    for path in (root / "SanFrancisco" / kind).iterdir():
        if wanted in (None, path):
            path.unlink()
    with pytest.raises(DatasetError, match=rf"{message}, the first is .*SanFrancisco/{kind}"):
        read_vigor(root, "train", "same")


def test_another_folder_says_what_a_root_holds(tmp_path: Path) -> None:
    message = (
        r"has neither NewYork/panorama/ nor ground/NewYork/ for NewYork; expected the VIGOR root that holds splits/"
    )
    with pytest.raises(DatasetError, match=message):
        read_vigor(tmp_path, "train", "same")


@pytest.mark.parametrize("name", ["satellite_list.txt", "pano_label_balanced.txt"])
def test_a_missing_or_empty_list_is_named(root: Path, name: str) -> None:
    path = root / "splits/Seattle" / name
    path.write_text("")
    with pytest.raises(DatasetError, match=rf"Seattle/{name} is empty"):
        read_vigor(root, "train", "cross")
    path.unlink()
    with pytest.raises(DatasetError, match=rf"There is no .*Seattle/{name}; expected the VIGOR root"):
        read_vigor(root, "train", "cross")
