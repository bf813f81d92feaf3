from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.errors import UsageError
from models.limited_view import limited_view, query_angle, source_columns, view_width


@pytest.mark.parametrize(
    ("width", "fov", "kept"), [(616, 70, 119), (616, 90, 154), (616, 180, 308), (616, 360, 616), (768, 70, 149)]
)
def test_the_published_widths(width: int, fov: float, kept: int) -> None:
    assert view_width(width, fov) == kept


@pytest.mark.parametrize("width", [616, 640])
@pytest.mark.parametrize("fov", [70, 90, 180, 360])
@pytest.mark.parametrize("angle", [0, 1, 90, 200, 359])
def test_columns_are_the_published_ones(shared: Path, width: int, fov: int, angle: int) -> None:
    goldens = np.load(shared / "golden" / "small_goldens.npz")
    expected = goldens[f"fov_W{width}_fov{fov}_angle{angle}_source_columns"]
    assert source_columns(width, angle, fov).tolist() == expected.tolist()


def test_a_quarter_turn_to_the_right_by_hand() -> None:
    panorama = np.arange(16, dtype=np.uint8).reshape(1, 2, 8)
    assert limited_view(panorama, 90, 180).tolist() == [[[6, 7, 0, 1], [14, 15, 8, 9]]]


def test_a_whole_view_only_turns() -> None:
    panorama = np.random.default_rng(0).random((3, 4, 40), dtype=np.float32)
    turned = limited_view(panorama, 135, 360)
    assert turned.dtype == np.float32
    assert np.array_equal(turned, np.roll(panorama, 15, axis=-1))


def test_a_view_is_a_copy() -> None:
    panorama = np.zeros((2, 8))
    limited_view(panorama, 0, 360)[:] = 1
    assert not panorama.any()


@pytest.mark.parametrize(("angle", "fov"), [(-1, 90), (360, 90), (0, 0), (0, -90), (0, 361), (0, 1), (0, float("nan"))])
def test_what_is_out_of_range_is_refused(angle: int, fov: float) -> None:
    with pytest.raises(UsageError, match="give"):
        limited_view(np.zeros((2, 64)), angle, fov)


def test_angles_belong_to_their_query() -> None:
    angles = [query_angle(7, index) for index in range(50)]
    assert angles == [query_angle(7, index) for index in range(50)]
    assert angles != [query_angle(8, index) for index in range(50)]
    assert angles != [query_angle(7, index, reading=1) for index in range(50)]
    assert (query_angle(0, 0), query_angle(0, 1)) == (124, 134)


def test_every_degree_is_drawn_equally_often() -> None:
    counts = np.bincount([query_angle(1, index) for index in range(36_000)], minlength=360)
    assert len(counts) == 360
    assert ((counts - 100.0) ** 2 / 100).sum() < 450  # chi-squared with 359 degrees of freedom: 450 is p < 0.001
