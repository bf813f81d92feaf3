"""Layers on a white sheet: what has which colour where, to scale."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from service.pictures.extent import Extent
from service.pictures.layers import CHI_SQUARED_95, Dots, Ellipses, Layer, Line, Links, Markers
from service.pictures.strokes import DASH_PX, FAR_PX, GAP_PX, Sheet, dashes, near, ring_px
from tests.service.pictures.test_extent import at

RED = "#ff0000"
EXTENT = Extent(48.0, 9.0, 2.0, 400, 300)


def drawn(*layers: Layer) -> NDArray[np.uint8]:
    sheet = Sheet(Image.new("RGB", (400, 300), "white"), EXTENT)
    for layer in layers:
        sheet.lay(layer)
    return np.asarray(sheet.image)


def redness(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(H, W) share of red in each pixel."""
    return 1 - pixels[..., 1] / 255.0


def test_a_line_is_as_wide_as_it_says_and_where_it_should_be() -> None:
    red = redness(drawn(Line("", RED, [[at(-50, 0), at(50, 0)]], width_px=4)))
    across = red[:, 200]
    assert across.sum() == pytest.approx(4, abs=0.6)
    assert np.average(np.arange(300) + 0.5, weights=across) == pytest.approx(150, abs=0.6)
    along = np.flatnonzero(red[150] > 0.5)
    assert (along.min(), along.max()) == (pytest.approx(98, abs=2), pytest.approx(302, abs=2))


def test_runs_of_a_line_are_not_joined() -> None:
    red = redness(drawn(Line("", RED, [[at(-90, 0), at(-20, 0)], [at(20, 0), at(90, 0)], [at(0, 40)]])))
    assert red[150, 195:205].max() == 0
    assert red[70, 200] > 0.9  # a run of one position is a dot


def test_dashes_have_their_length_round_corners() -> None:
    corner = np.array([[0.0, 0.0], [15.0, 0.0], [15.0, 200.0]])
    lengths = [float(np.hypot(*np.diff(dash, axis=0).T).sum()) for dash in dashes(corner)]
    assert lengths[:-1] == pytest.approx([DASH_PX] * (len(lengths) - 1))
    assert len(lengths) == int(np.ceil(215 / (DASH_PX + GAP_PX)))
    assert len(list(dashes(np.zeros((3, 2))))) == 1


def test_a_circle_covers_its_area_once_however_many_there_are() -> None:
    one = redness(drawn(Ellipses.circles("", RED, [at(0, 0)], [30.0])))
    many = redness(drawn(Ellipses.circles("", RED, [at(0, 0)] * 5, [30.0] * 5)))
    area = (one > 0.05).sum()
    assert area == pytest.approx(np.pi * 60**2, rel=0.04)
    assert np.array_equal(one, many)
    assert 0.05 < one[150, 200] < 0.5


def test_an_ellipse_has_its_axes() -> None:
    east_m2, north_m2 = 100.0, 25.0
    ring = ring_px(np.array([0.0, 0.0]), (east_m2, 0.0, 0.0, north_m2), 2.0)
    assert np.abs(ring).max(axis=0) == pytest.approx(2 * np.sqrt(CHI_SQUARED_95 * np.array([east_m2, north_m2])))
    tilted = ring_px(np.array([0.0, 0.0]), (50.0, 40.0, 40.0, 50.0), 1.0)
    x, y = tilted[np.hypot(*tilted.T).argmax()]
    assert x * y < 0  # long towards the north-east, which is right and up


def test_dots_links_and_markers() -> None:
    red = redness(drawn(Dots("", RED, [at(0, 0), at(40, 0)], 5), Links("", RED, [(at(0, -20), at(40, -20))])))
    assert (red[150, 200], red[150, 280]) == (1.0, 1.0)
    assert red[190, 240] > 0.5
    marked = drawn(Markers("", RED, [at(0, 0), at(60, 0)], ["1", "12"]))
    assert redness(marked)[140:160, 190:210].sum() > 150
    assert (redness(marked)[140:160, 190:210] < 0.5).any()  # the number


def test_what_is_far_away_or_has_no_position_is_no_fault() -> None:
    far = at(9_000_000, 0)
    layers: list[Layer] = [
        Line("", RED, [[far, far]]), Line("", RED, []), Dots("", RED, []), Dots("", RED, [far]),
        Ellipses.circles("", RED, [far], [1.0]), Ellipses.circles("", RED, [], []), Links("", RED, [(far, far)]),
        Markers("", RED, [far], ["1"]), Markers("", RED, [], []),
    ]  # fmt: skip
    assert redness(drawn(*layers)).max() == 0


def test_lines_are_cut_where_they_leave_for_far_away() -> None:
    run = np.array([[0.0, 0.0], [1.0, 0.0], [2 * FAR_PX, 0.0], [3.0, 0.0]])
    assert [part[:, 0].tolist() for part in near(run)] == [[0.0, 1.0], [3.0]]
