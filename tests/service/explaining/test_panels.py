"""The parts of the explaining picture: what says much is bright, and candidates lie as they should."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from index.bundle import Index
from index.search import Searcher
from service.explaining.attention import Attention, Columns
from service.explaining.ground import Nothing
from service.explaining.imagery import IndexImagery
from service.explaining.panels import Facing, candidate_panel, explained_photo, fitted
from service.explaining.shading import looked_up
from service.query import Candidate
from tests.service.world import position, sector_colours

GREY = Image.new("RGB", (100, 50), (120, 120, 120))


def _light(picture: Image.Image) -> NDArray[np.float64]:
    return np.asarray(picture.convert("L")).astype(np.float64)


def _columns(cosines: list[float], at_large: float) -> Columns:
    return Columns(np.array(cosines), at_large, -90.0, 0.0, 90.0, *position(7))


def test_what_says_much_is_bright_and_what_says_nothing_is_dark() -> None:
    halves = np.repeat([[0.0, 0.4]], 4, axis=0).repeat(4, axis=1)
    light = _light(explained_photo(GREY, Attention("contribution", halves, None, _columns([0.5, 0.9], 0.5))))
    assert light[25, 10] < 0.6 * 120 < 120 < light[25, 90]


def test_where_nothing_speaks_for_the_place_all_is_dark() -> None:
    light = _light(explained_photo(GREY, Attention("contribution", np.zeros((4, 8)), None, _columns([0.3, 0.1], 0.5))))
    assert light.max() < 0.6 * 120


def test_a_grid_is_read_between_its_cells_and_ends_with_its_picture() -> None:
    grid = np.array([[0.0, 1.0], [0.0, 1.0]])
    x, y = np.array([[0.25, 0.5, 0.75, 1.2]]), np.array([[0.5]])
    np.testing.assert_allclose(looked_up(grid, x, y), [[0.0, 0.5, 1.0, 0.0]])


@pytest.mark.parametrize(("size", "fits"), [((4000, 1000), (400, 100)), ((30, 60), (150, 300)), ((1, 9000), (1, 300))])
def test_a_photo_fits_whole(size: tuple[int, int], fits: tuple[int, int]) -> None:
    assert fitted(Image.new("RGB", size), (400, 300)).size == fits


@pytest.fixture(scope="module")
def best(shown_index: Index) -> Candidate:
    searcher = Searcher(shown_index)
    row = next(row for row in range(36) if searcher.tile(row).id == "t7")
    return Candidate(1, *position(7), 0.9, searcher.tile(row), heading_deg=90.0)


def test_the_photo_looks_up(shown_index: Index, best: Candidate) -> None:
    """Heading east, the sector right of the middle is the one south of east."""
    facing = Facing(*position(7), 90.0, 90.0, True)
    panel = np.asarray(candidate_panel(best, facing, IndexImagery(Searcher(shown_index)), 200)).astype(int)
    for column, row, sector in ((125, 40, 2), (75, 40, 1), (125, 160, 5), (75, 160, 6)):
        np.testing.assert_allclose(panel[row, column], sector_colours(7)[sector], atol=45)


def test_without_imagery_the_tiles_ground_is_told_from_the_rest(best: Candidate) -> None:
    beside = Facing(best.lat, best.tile.bounds.east, 0.0, 360.0, False)  # the tile fills the left half
    panel = _light(candidate_panel(best, beside, Nothing(), 200))
    assert panel[150, 50] > panel[150, 150]
