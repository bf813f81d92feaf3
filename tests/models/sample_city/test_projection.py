"""A red post stands where every projection says it does."""

import numpy as np
import pytest

from models.sample_city import (
    Appearance,
    City,
    project_to_ortho,
    project_to_panorama,
    project_to_photo,
    render_orthophoto,
    render_panorama,
    render_photo,
)
from models.sample_city.solids import PLAIN, U8, SolidList

from .conftest import MakeCity

POST = (90.0, 110.0)
TOP_M = 4.0
CAMERA = (80.0, 80.0, 2.0)


@pytest.fixture(scope="module")
def posted(bare: MakeCity) -> City:
    solids = SolidList()
    solids.frustum((POST[0] + 152.0, POST[1] + 152.0), 0.3, (0.5, 0.5), (0.0, TOP_M), PLAIN, (0.9, 0.02, 0.02))
    return bare(solids)


def red(image: U8) -> tuple[float, float, float]:
    """Mean column, mean row and first row of the red pixels."""
    rows, columns = np.nonzero((image[..., 0] > 90) & (image[..., 1] < 60))
    return float(columns.mean()), float(rows.mean()), float(rows.min())


def test_orthophoto(posted: City, overcast: Appearance) -> None:
    image = render_orthophoto(posted, overcast, 0.25, (60.0, 60.0, 140.0, 140.0))
    expected = project_to_ortho((*POST, TOP_M), (60.0, 60.0, 140.0, 140.0), 0.25)
    assert red(image)[:2] == pytest.approx(expected, abs=0.6)


@pytest.mark.parametrize("heading", [0.0, 77.0, 300.0])
def test_panorama(posted: City, overcast: Appearance, heading: float) -> None:
    image = render_panorama(posted, overcast, *CAMERA[:2], heading, 720, 180, 90.0, CAMERA[2])
    column, row = project_to_panorama(posted, (*POST, TOP_M), CAMERA, heading, 720, 180)
    found = red(image)
    assert found[0] == pytest.approx(column, abs=0.6)
    assert found[2] == pytest.approx(row, abs=1.0)


@pytest.mark.parametrize(("pitch", "roll"), [(0.0, 0.0), (8.0, 0.0), (-6.0, 11.0)])
def test_photo(posted: City, overcast: Appearance, pitch: float, roll: float) -> None:
    image = render_photo(posted, overcast, *CAMERA[:2], 10.0, 70.0, 400, 300, CAMERA[2], pitch, roll)
    middle = project_to_photo(posted, (*POST, TOP_M / 2.0), CAMERA, 10.0, 70.0, 400, 300, pitch, roll)
    assert red(image)[:2] == pytest.approx(middle, abs=1.6)


def test_behind_the_camera(posted: City) -> None:
    assert project_to_photo(posted, (*POST, 1.0), CAMERA, 190.0, 70.0, 400, 300) is None
