from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from index.sources.mbtiles import MBTiles
from index.sources.zoom import Choice, choose_zoom
from models.errors import ImageryTooCoarse, UsageError
from tests.index.sources.tiled import address, noise_tiles, write_mbtiles


def _choose(
    path: Path, lat: float, zooms: Iterable[int], zoom: int | None = None, side_px: int = 256, footprint_m: float = 64.0
) -> Choice:
    """Choose for a model that sees 1 m per pixel of the footprint of 64 m."""
    write_mbtiles(path, {z: noise_tiles([address(lat, 25.0, z)], side_px) for z in zooms})
    return choose_zoom(MBTiles.at(path), footprint_m, 64, zoom)


@pytest.mark.parametrize(
    ("lat", "zooms", "side_px", "expected"),
    [
        pytest.param(0.1, range(10, 21), 256, 18, id="1.19 m at zoom 17 of the equator is too coarse"),
        pytest.param(60.0, range(10, 21), 256, 17, id="half a degree is half a metre at 60 degrees"),
        pytest.param(70.0, range(10, 21), 256, 16, id="a third at 70"),
        pytest.param(0.1, range(10, 21), 512, 17, id="tiles of 512 px are as fine as those of the next zoom"),
        pytest.param(60.0, [10, 15, 19], 256, 19, id="the next finer where the best is missing"),
        pytest.param(0.1, [10, 15, 16], 256, 16, id="the finest where all are coarse"),
    ],
)
def test_the_zoom_follows_from_metres_on_the_ground(
    tmp_path: Path, lat: float, zooms: Iterable[int], side_px: int, expected: int
) -> None:
    choice = _choose(tmp_path / "a.mbtiles", lat, zooms, side_px=side_px)
    assert choice.pyramid.zoom == expected
    assert f"(zoom {expected}, {side_px} px," in choice.remarks[0]
    assert "the model sees 1 m per pixel" in choice.remarks[0]


def test_too_coarse_is_refused_by_the_finest(tmp_path: Path) -> None:
    with pytest.raises(ImageryTooCoarse, match=r"zoom 14, .* has 9\.52 m per pixel; the model needs 4 m or finer"):
        _choose(tmp_path / "a.mbtiles", 0.1, range(10, 15))


def test_a_zoom_may_be_asked_for(tmp_path: Path) -> None:
    assert _choose(tmp_path / "a.mbtiles", 0.1, range(15, 20), zoom=16).pyramid.zoom == 16
    with pytest.raises(UsageError, match=r"has no zoom 14; it has 15, 16"):
        choose_zoom(MBTiles.at(tmp_path / "a.mbtiles"), 64.0, 64, 14)


def test_a_zoom_that_covers_more_is_spoken_of(tmp_path: Path) -> None:
    x, y = address(0.1, 25.0, 17)
    wide = [(x + dx, y) for dx in range(5)]
    path = write_mbtiles(tmp_path / "a.mbtiles", {17: noise_tiles(wide), 18: noise_tiles([(2 * x, 2 * y)])})
    choice = choose_zoom(MBTiles.at(path), 64.0, 64)
    assert choice.pyramid.zoom == 18
    assert choice.remarks[1] == "Zoom 17 covers 20.0 times the area of zoom 18; --zoom 17 takes that instead."
