from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.datasets.cvact import Split, read_cvact
from models.errors import DatasetError
from tests.models.datasets.made import CANBERRA_UTM_M, made_cvact

TABLE = "ANU_data_small/ACT_data.mat"


def _ids(root: Path, split: Split) -> list[str]:
    pairs = read_cvact(root, split)
    assert [path.name.replace("_grdView", "_satView_polish") for path in pairs.ground] == [
        path.name for path in pairs.aerial
    ]
    return [path.name.removesuffix("_grdView.jpg") for path in pairs.ground]


def _rewrite(root: Path, **changes: Any) -> None:
    """Replace variables of the .mat, or take them out with None."""
    from scipy.io import loadmat, savemat  # type: ignore[import-untyped]

    content = {name: value for name, value in loadmat(root / TABLE).items() if not name.startswith("__")}
    savemat(root / TABLE, {name: value for name, value in (content | changes).items() if value is not None})


@pytest.mark.parametrize(
    ("split", "ids", "folder"),
    [
        ("train", ["p1", "p3", "p5"], "ANU_data_small"),
        ("val", ["p6", "p2"], "ANU_data_small"),
        ("test", ["p2", "p4", "p6"], "ANU_data_test"),
    ],
)
def test_rows_of_the_mat_count_from_one(tmp_path: Path, split: Split, ids: list[str], folder: str) -> None:
    root = made_cvact(tmp_path)
    assert _ids(root, split) == ids
    assert read_cvact(root, split).ground[0].parent == root / folder / "streetview"


def test_a_pair_set_of_north_aligned_panoramas(tmp_path: Path) -> None:
    pairs = read_cvact(made_cvact(tmp_path), "val")
    assert pairs.name == "cvact-val"
    assert pairs.positive.tolist() == [0, 1]
    assert pairs.semi_positive.shape == (2, 0)
    assert pairs.heading_deg.tolist() == [0.0, 0.0]
    assert pairs.fov_deg.tolist() == [360.0, 360.0]


@pytest.mark.parametrize("northing_first", [False, True])
def test_positions_are_metres_east_and_north(tmp_path: Path, northing_first: bool) -> None:
    root = made_cvact(tmp_path)
    if northing_first:
        from scipy.io import loadmat

        _rewrite(root, utm=loadmat(root / TABLE)["utm"][:, ::-1])
    positions = read_cvact(root, "val").positions
    assert positions is not None
    assert positions.frame == "metres"
    assert positions.ground.tolist()[0] == [CANBERRA_UTM_M[0] + 600.0, CANBERRA_UTM_M[1] + 60.0]
    assert positions.error_m(np.array([0, 1]), np.array([1, 1])) == pytest.approx([np.hypot(400.0, 40.0), 0.0])


@pytest.mark.parametrize("table_in", ["", "ANU_data_small", "ANU_data_test"])
@pytest.mark.parametrize("inside", ["", "ANU_data_small", "ANU_data_test"])
def test_the_table_and_the_root_may_be_the_folders_inside_or_above(tmp_path: Path, table_in: str, inside: str) -> None:
    root = made_cvact(tmp_path, table_in)
    if (table_in, inside) != ("ANU_data_test", "ANU_data_small"):
        assert _ids(root / inside, "test") == ["p2", "p4", "p6"]
    if table_in != "ANU_data_test":
        assert _ids(root / inside, "train") == ["p1", "p3", "p5"]


def test_pairs_without_an_image_are_left_out_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = made_cvact(tmp_path, missing=["p3"])
    (root / "ANU_data_small/satview_polish/p5_satView_polish.jpg").unlink()
    with caplog.at_level(logging.WARNING):
        assert _ids(root, "train") == ["p1"]
    assert "2 of 3 pairs are left out" in caplog.text
    assert "p3_grdView.jpg" in caplog.text
    assert read_cvact(root, "train").positions.ground.shape == (1, 2)  # type: ignore[union-attr]


def test_a_split_without_any_pair_left_is_an_error(tmp_path: Path) -> None:
    root = made_cvact(tmp_path, missing=["p6"])
    (root / "ANU_data_small/streetview/p2_grdView.jpg").unlink()
    with pytest.raises(DatasetError, match=r"Of all 2 pairs an image is missing, the first is .*p6_grdView\.jpg"):
        read_cvact(root, "val")


def test_another_folder_says_what_a_root_holds(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="has no ANU_data_small/streetview/; expected the CVACT root"):
        read_cvact(tmp_path, "train")


def test_images_without_a_table(tmp_path: Path) -> None:
    root = made_cvact(tmp_path)
    (root / TABLE).unlink()
    with pytest.raises(DatasetError, match=r"has no ACT_data\.mat, nor has ANU_data_small/ in it"):
        read_cvact(root, "train")


@pytest.mark.parametrize("content", [b"", b"not a table, whatever its name", b"\x89HDF\r\n\x1a\n" + bytes(600)])
def test_what_is_no_mat_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    root = made_cvact(tmp_path)
    (root / TABLE).write_bytes(content)
    with pytest.raises(DatasetError, match=r"ACT_data\.mat is not a MATLAB file"):
        read_cvact(root, "train")


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_a_truncated_mat_is_refused(tmp_path: Path, share: float) -> None:
    root = made_cvact(tmp_path)
    content = (root / TABLE).read_bytes()
    (root / TABLE).write_bytes(content[: int(share * len(content))])
    with pytest.raises(DatasetError, match=r"ACT_data\.mat (is not a MATLAB file|has no )"):
        read_cvact(root, "test")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"panoIds": None}, "has no panoIds"),
        ({"utm": None}, "has no utm"),
        ({"trainSet": None}, r"has no trainSet; expected"),
        ({"trainSet": {"valInd": [[1.0]]}}, r"has no trainSet\.trainInd; expected"),
        ({"trainSet": np.ones((2, 2))}, r"has no trainSet\.trainInd; expected"),
        ({"trainSet": {"trainInd": np.empty((0, 1))}}, r"trainSet\.trainInd is empty"),
        ({"trainSet": {"trainInd": np.array([[0.0], [1.0]])}}, r"other values than rows 1 to 6 of panoIds"),
        ({"trainSet": {"trainInd": np.array([[7.0]])}}, r"other values than rows 1 to 6"),
        ({"trainSet": {"trainInd": np.array([[1.5]])}}, r"other values than rows 1 to 6"),
        ({"trainSet": {"trainInd": "abc"}}, r"other values than rows 1 to 6"),
        ({"utm": np.zeros((4, 2))}, r"utm is .* of shape \(4, 2\), not two metres for 6 panoIds"),
    ],
)
def test_a_mat_without_what_is_needed(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    root = made_cvact(tmp_path)
    _rewrite(root, **changes)
    with pytest.raises(DatasetError, match=message):
        read_cvact(root, "train")


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int32])
def test_rows_may_be_stored_as_whole_numbers(tmp_path: Path, kind: type) -> None:
    root = made_cvact(tmp_path)
    _rewrite(root, trainSet={"trainInd": np.array([[1], [5]], dtype=kind)})
    assert _ids(root, "train") == ["p1", "p5"]
