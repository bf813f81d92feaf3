from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from models.datasets.cvusa import read_cvusa
from models.errors import DatasetError
from tests.models.datasets.made import made_cvusa


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return made_cvusa(tmp_path, 5, val=2, panorama_px=(8, 44), tile_px=12)


def _append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def test_a_split_is_its_file_in_order(root: Path) -> None:
    train, val = read_cvusa(root, "train"), read_cvusa(root, "val")
    assert (train.name, val.name) == ("cvusa-train", "cvusa-val")
    assert [path.relative_to(root).as_posix() for path in val.ground] == [
        "streetview/panos/0000004.jpg",
        "streetview/panos/0000005.jpg",
    ]
    assert val.aerial == (root / "bingmap/19/0000004.jpg", root / "bingmap/19/0000005.jpg")
    assert train.positive.tolist() == [0, 1, 2]
    assert train.semi_positive.shape == (3, 0)


def test_panoramas_are_full_and_look_north(root: Path) -> None:
    pairs = read_cvusa(root, "train")
    assert pairs.heading_deg.tolist() == [0.0] * 3
    assert pairs.fov_deg.tolist() == [360.0] * 3
    assert pairs.ground_resolution_m is None


@pytest.mark.parametrize("locations", ["all.csv", "split_locations/all.csv"])
def test_positions_are_found_by_the_number_of_the_image(tmp_path: Path, locations: str) -> None:
    root = made_cvusa(tmp_path, 3, val=1, panorama_px=(8, 44), tile_px=12, locations=locations)
    positions = read_cvusa(root, "val").positions
    assert positions is not None
    assert positions.aerial.tolist() == [[30.003, -100.0]]
    assert positions.error_m(np.array([0]), np.array([0])) == pytest.approx([1.109], abs=0.001)


def test_without_the_file_there_are_no_positions(tmp_path: Path) -> None:
    root = made_cvusa(tmp_path, 2, panorama_px=(8, 44), tile_px=12, locations=None)
    assert read_cvusa(root, "train").positions is None


def test_images_without_a_line_of_their_own_have_no_position(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    (root / "split_locations/all.csv").write_text("30,-100,30,-100,0\n" * 2)
    (root / "bingmap/19/0000001.jpg").rename(root / "bingmap/19/park.jpg")
    listed = root / "splits/train-19zl.csv"
    listed.write_text(listed.read_text().replace("bingmap/19/0000001", "bingmap/19/park"))
    with caplog.at_level(logging.WARNING):
        positions = read_cvusa(root, "train").positions
    assert positions is not None
    assert np.isnan(positions.ground).all(axis=1).tolist() == [True, False, True]
    assert "no line for 2 of 3 images" in caplog.text


def test_another_folder_says_what_a_root_holds(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"has no splits/train-19zl.csv; expected the CVUSA root that holds splits/"):
        read_cvusa(tmp_path, "train")


def test_an_empty_split_is_no_split(root: Path) -> None:
    (root / "splits/val-19zl.csv").write_text("\n")
    with pytest.raises(DatasetError, match=r"val-19zl\.csv is empty"):
        read_cvusa(root, "val")


@pytest.mark.parametrize("line", ["bingmap/19/0000009.jpg", "bingmap/19/0000009.jpg, ,x.png", ",panos/1.jpg"])
def test_a_malformed_line_is_named(root: Path, line: str) -> None:
    _append(root / "splits/train-19zl.csv", f"\n{line}\n")
    with pytest.raises(DatasetError, match=r"train-19zl\.csv, line 5: .* is not an aerial path, a comma and"):
        read_cvusa(root, "train")


def test_two_columns_are_enough(root: Path) -> None:
    (root / "splits/val-19zl.csv").write_text("bingmap/19/0000001.jpg, streetview/panos/0000001.jpg\r\n")
    assert len(read_cvusa(root, "val")) == 1


@pytest.mark.parametrize(
    ("folder", "message"),
    [("streetview/panos", "2 of 3 panoramas are missing"), ("bingmap/19", "2 of 3 aerial images")],
)
def test_missing_images_are_counted(root: Path, folder: str, message: str) -> None:
    for number in (2, 3):
        (root / folder / f"{number:07d}.jpg").unlink()
    with pytest.raises(DatasetError, match=rf"{message}.*first is .*{folder}/0000002\.jpg"):
        read_cvusa(root, "train")
    assert len(read_cvusa(root, "val")) == 2


@pytest.mark.parametrize("line", ["lat,lon,lat,lon,x", "30,-100", "130,-100,30,-100,0", "30,-100,nan,-100,0"])
def test_a_malformed_position_is_named(root: Path, line: str) -> None:
    _append(root / "split_locations/all.csv", line)
    with pytest.raises(DatasetError, match=r"all\.csv, line 6: .* is not aerial lat, lon, ground lat, lon"):
        read_cvusa(root, "train")
