from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from models.datasets.university import Query, Split, read_university
from models.errors import DatasetError
from tests.models.datasets.made import made_university


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return made_university(tmp_path / "University-1652")


@pytest.mark.parametrize(
    ("split", "query", "photos", "tiles", "positive"),
    [
        ("train", "street", ["0001/1", "0001/2", "0002/1"], ["0001", "0002"], [0, 0, 1]),
        ("train", "drone", ["0001/1", "0001/2", "0001/3"], ["0001", "0002"], [0, 0, 0]),
        ("test", "street", ["0003/1", "0003/2"], ["0003", "0004"], [0, 0]),
        ("test", "drone", ["0003/1"], ["0003", "0004"], [0]),
    ],
)
def test_photos_share_the_satellite_image_of_their_building(
    root: Path, split: Split, query: Query, photos: list[str], tiles: list[str], positive: list[int]
) -> None:
    pairs = read_university(root, split, query)
    assert pairs.name == f"university-{query}-{split}"
    assert [f"{path.parent.name}/{path.stem}" for path in pairs.ground] == photos
    assert [path.parent.name for path in pairs.aerial] == tiles
    assert pairs.positive.tolist() == positive


def test_views_come_from_the_folders_of_the_split(root: Path) -> None:
    train, test = read_university(root, "train", "drone"), read_university(root, "test", "street")
    assert train.ground[0].parent.parent == root / "train" / "drone"
    assert train.aerial[0].parent.parent == root / "train" / "satellite"
    assert test.ground[0].parent.parent == root / "test" / "query_street"
    assert test.aerial[0].parent.parent == root / "test" / "gallery_satellite"


def test_where_a_photo_looks_is_not_known(root: Path) -> None:
    pairs = read_university(root, "train", "street")
    assert np.isnan(pairs.heading_deg).all()
    assert np.isnan(pairs.fov_deg).all()
    assert pairs.positions is None
    assert pairs.semi_positive.shape == (3, 0)


def test_files_that_are_no_pictures_are_left_out(root: Path) -> None:
    (root / "test/query_street/0003/Thumbs.db").touch()
    (root / "test/query_street/readme.txt").touch()
    assert len(read_university(root, "test", "street")) == 2


@pytest.mark.parametrize("folder", ["test/query_drone", "test/gallery_satellite"])
def test_another_folder_says_what_a_root_holds(root: Path, folder: str) -> None:
    shutil.rmtree(root / folder)
    with pytest.raises(DatasetError, match=rf"has no {folder}/; expected the University-1652 root"):
        read_university(root, "test", "drone")


def test_a_split_without_photos_is_an_error(root: Path) -> None:
    shutil.rmtree(root / "test/query_drone/0003")
    with pytest.raises(DatasetError, match="test/query_drone holds no images"):
        read_university(root, "test", "drone")


def test_buildings_without_a_satellite_image_are_counted(root: Path) -> None:
    shutil.rmtree(root / "train/satellite/0001")
    (root / "train/satellite/0002/1.jpg").unlink()
    with pytest.raises(DatasetError, match=r"2 building\(s\) .* have no image in train/satellite, the first is 0001"):
        read_university(root, "train", "street")


def test_two_satellite_images_of_a_building_are_too_many(root: Path) -> None:
    shutil.copy(root / "train/satellite/0002/1.jpg", root / "train/satellite/0002/2.jpg")
    with pytest.raises(DatasetError, match="0002 holds 2 images; expected one satellite image a building"):
        read_university(root, "train", "street")
