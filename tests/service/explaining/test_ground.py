"""A file's imagery, turned: the same sectors as in the index's pictures."""

from __future__ import annotations

import math

import numpy as np
import pytest
from rasterio.transform import from_origin

from models.geo import metres_per_degree
from service.explaining.ground import Nothing, OrthophotoLooker
from tests.index.made import write_tif
from tests.service.world import position, sector_colours, tile_pixels


@pytest.fixture(scope="module")
def looker(tmp_path_factory: pytest.TempPathFactory) -> OrthophotoLooker:
    """Tile 7, 64 m a side, in degrees."""
    lat, lon = position(7)
    north_m, east_m = (float(value) for value in metres_per_degree(lat))
    transform = from_origin(lon - 32 / east_m, lat + 32 / north_m, 2 / east_m, 2 / north_m)
    path = write_tif(
        tmp_path_factory.mktemp("tif") / "tile.tif", tile_pixels(7).transpose(2, 0, 1), transform, "EPSG:4326"
    )
    return OrthophotoLooker([path])


@pytest.mark.parametrize("up_deg", [0.0, 70.0, 200.0])
def test_sectors_turn_with_the_picture(looker: OrthophotoLooker, up_deg: float) -> None:
    seen = looker.seen(*position(7), (80, 80), 0.5, up_deg)
    assert seen is not None
    pixels = np.asarray(seen)
    for sector, colour in enumerate(sector_colours(7)):
        azimuth = math.radians(sector * 45.0 + 22.5 - up_deg)
        column, row = round(40 + 24 * math.sin(azimuth)), round(40 - 24 * math.cos(azimuth))
        assert pixels[row, column, 3] == 255
        np.testing.assert_allclose(pixels[row, column, :3], colour, atol=25)


def test_beside_the_imagery_there_is_none(looker: OrthophotoLooker) -> None:
    lat, lon = position(7)
    assert looker.seen(lat + 0.01, lon, (40, 40), 1.0) is None
    assert Nothing().seen(lat, lon, (40, 40), 1.0) is None
