from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.datasets.cvusa import read_cvusa
from tests.models.datasets.made import made_cvact, made_cvusa
from tests.models.datasets.scenes import NOISE, SECTORS, panorama, scene, tile


@pytest.mark.parametrize("sector", range(SECTORS))
def test_both_views_show_a_sector_in_its_compass_direction(sector: int) -> None:
    place = scene(7)
    azimuth = (sector + 0.5) * 360.0 / SECTORS
    near_ground = panorama(place, 60, 360)[-1, round(azimuth + 180.0) % 360].astype(int)
    east, north = np.sin(np.radians(azimuth)), np.cos(np.radians(azimuth))
    near_camera = tile(place, 90)[round(45 - 9 * north), round(45 + 9 * east)].astype(int)
    assert np.abs(near_ground - place[sector, 0]).max() <= NOISE
    assert np.abs(near_camera - place[sector, 0]).max() <= NOISE


def test_places_differ_and_the_same_place_returns(tmp_path: Path) -> None:
    first, again = (read_cvusa(made_cvusa(tmp_path / name, 4), "train") for name in ("a", "b"))
    tiles = [np.asarray(Image.open(path)).astype(int) for path in (*first.aerial, again.aerial[0])]
    assert np.array_equal(tiles[0], tiles[3])
    assert np.abs(tiles[0] - tiles[1]).mean() > 20
    assert np.abs(tiles[1] - tiles[2]).mean() > 20


def test_the_mat_opens_as_published_code_opens_it(tmp_path: Path) -> None:
    from scipy.io import loadmat  # type: ignore[import-untyped]

    data = loadmat(made_cvact(tmp_path) / "ANU_data_small" / "ACT_data.mat")
    assert "streetview/" + data["panoIds"][0] + "_grdView.jpg" == "streetview/p1_grdView.jpg"
    assert (data["trainSet"]["trainInd"][0][0] - 1).tolist() == [[0], [2], [4]]
    assert (data["valSet"][0][0][1] - 1).tolist() == [[5], [1]]
