"""Pictures of an index's own imagery: painted where they belong, in few files, read as web maps read them."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from index.build import build_index
from index.bundle import open_index
from index.imagery import ImageryWish, Painter, finest_zoom, paint_all
from index.manifest import IMAGERY, Imagery
from index.map_tiles import SIZE, MemberPictures, Pyramid, world_px
from index.revise import remove_tiles
from index.search import Searcher
from index.tiles import BadTile, Bounds, Tile, square
from models.encoder import FakeEncoder
from models.errors import ChecksumMismatch
from tests.service.world import PaintedTiles

ZOOM, LAT, LON = 18, 48.0, 9.0
RED, BLUE = (220, 30, 30), (30, 30, 220)


def tile(identifier: str, lat: float, lon: float, colour: tuple[int, int, int], side_m: float = 160.0) -> Tile:
    pixels = np.empty((320, 320, 3), np.uint8)
    pixels[:] = colour
    return Tile(identifier, lat, lon, pixels, side_m, side_m / 320, None, "made")


def colour_at(pyramid: Pyramid, lat: float, lon: float, zoom: int) -> tuple[int, ...] | None:
    """Colour of the map at a place, with its alpha."""
    x, y = world_px(lat, lon, zoom)
    data = pyramid.tile(zoom, int(x // SIZE), int(y // SIZE))
    if data is None:
        return None
    picture = Image.open(io.BytesIO(data)).convert("RGBA")
    return tuple(picture.getpixel((int(x % SIZE), int(y % SIZE))))  # type: ignore[arg-type]


def near(found: tuple[int, ...] | None, colour: tuple[int, int, int]) -> bool:
    return found is not None and found[3] > 250 and all(abs(a - b) < 12 for a, b in zip(found, colour, strict=False))


def test_a_place_keeps_its_colour_at_every_zoom(tmp_path: Path) -> None:
    east_lon = float(square(LAT, LON, 320.0)[2])
    shown = paint_all(
        [tile("a", LAT, LON, RED), BadTile("x", "tile_blank", ""), tile("b", LAT, east_lon, BLUE)],
        {"a", "b"},
        ImageryWish(),
        ZOOM,
        tmp_path / IMAGERY,
    )
    pyramid = Pyramid(tmp_path / IMAGERY)
    assert shown is not None
    assert shown == pyramid.zooms == Imagery(min_zoom=shown.min_zoom, max_zoom=ZOOM)
    assert shown.min_zoom < ZOOM
    for zoom in range(max(shown.min_zoom, ZOOM - 3), ZOOM + 1):
        assert near(colour_at(pyramid, LAT, LON, zoom), RED)
        assert near(colour_at(pyramid, LAT, east_lon, zoom), BLUE)
    assert [path.name for path in tmp_path.iterdir()] == [IMAGERY]


def test_an_edge_lies_within_a_pixel_of_where_the_tile_ends(tmp_path: Path) -> None:
    paint_all([tile("a", LAT, LON, RED)], {"a"}, ImageryWish(), ZOOM, tmp_path / IMAGERY)
    pyramid = Pyramid(tmp_path / IMAGERY)
    west, south, east, north = (float(side) for side in square(LAT, LON, 160.0))
    pixel_deg = 360.0 / (SIZE * 2**ZOOM)
    assert near(colour_at(pyramid, LAT, west + 1.5 * pixel_deg, ZOOM), RED)
    assert near(colour_at(pyramid, LAT, east - 1.5 * pixel_deg, ZOOM), RED)
    outside = colour_at(pyramid, LAT, east + 1.5 * pixel_deg, ZOOM)
    assert outside is None or outside[3] < 5
    down = pixel_deg * math.cos(math.radians(LAT))
    assert near(colour_at(pyramid, north - 1.5 * down, LON, ZOOM), RED)
    beyond = colour_at(pyramid, south - 1.5 * down, LON, ZOOM)
    assert beyond is None or beyond[3] < 5


def test_what_tiles_have_beyond_the_imagery_is_not_shown(tmp_path: Path) -> None:
    west, south, _, north = (float(side) for side in square(LAT, LON, 160.0))
    within = Bounds(west, south, LON, north)
    paint_all([tile("a", LAT, LON, RED)], {"a"}, ImageryWish(), ZOOM, tmp_path / IMAGERY, within=within)
    pyramid = Pyramid(tmp_path / IMAGERY)
    assert near(colour_at(pyramid, LAT, (west + LON) / 2, ZOOM), RED)
    beyond = colour_at(pyramid, LAT, LON + (LON - west) / 2, ZOOM)
    assert beyond is None or beyond[3] < 5


def test_what_was_filled_in_is_not_painted_over_what_was_seen(tmp_path: Path) -> None:
    half = np.zeros((320, 320), dtype=np.bool_)
    half[:, :160] = True
    below, above = tile("a", LAT, LON, BLUE), replace(tile("b", LAT, LON, RED), seen=half)
    paint_all([below, above], {"a", "b"}, ImageryWish(), ZOOM, tmp_path / IMAGERY)
    pyramid = Pyramid(tmp_path / IMAGERY)
    west, _, east, _ = (float(side) for side in square(LAT, LON, 80.0))
    assert near(colour_at(pyramid, LAT, west, ZOOM), RED)
    assert near(colour_at(pyramid, LAT, east, ZOOM), BLUE)


def test_more_canvases_than_fit_into_memory_are_all_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("index.imagery.KEPT_TILES", 3)
    lons = [LON + number * 0.003 for number in range(12)]
    tiles = [tile(str(number), LAT, lon, RED if number % 2 else BLUE) for number, lon in enumerate(lons)]
    paint_all(tiles, {each.id for each in tiles}, ImageryWish(), ZOOM, tmp_path / IMAGERY)
    pyramid = Pyramid(tmp_path / IMAGERY)
    for number, lon in enumerate(lons):
        assert near(colour_at(pyramid, LAT, lon, ZOOM), RED if number % 2 else BLUE)


def test_a_next_generation_paints_on_the_pictures_of_the_one_before(tmp_path: Path) -> None:
    paint_all([tile("a", LAT, LON, RED)], {"a"}, ImageryWish(), ZOOM, tmp_path / "old.pmtiles")
    east_lon = LON + 0.01
    wish = ImageryWish(tmp_path / "old.pmtiles", ZOOM)
    paint_all([tile("b", LAT, east_lon, BLUE)], {"b"}, wish, ZOOM, tmp_path / "new.pmtiles")
    pyramid = Pyramid(tmp_path / "new.pmtiles")
    assert near(colour_at(pyramid, LAT, LON, ZOOM), RED)
    assert near(colour_at(pyramid, LAT, east_lon, ZOOM), BLUE)


def test_nothing_painted_is_no_file(tmp_path: Path) -> None:
    assert paint_all([tile("a", 89.0, LON, RED)], {"a"}, ImageryWish(), ZOOM, tmp_path / IMAGERY) is None
    assert paint_all([tile("a", LAT, LON, RED)], set(), ImageryWish(), ZOOM, tmp_path / IMAGERY) is None
    assert not list(tmp_path.iterdir())


def test_tiles_that_are_none_in_the_world_are_not_there(tmp_path: Path) -> None:
    paint_all([tile("a", LAT, LON, RED)], {"a"}, ImageryWish(), ZOOM, tmp_path / IMAGERY)
    pyramid = Pyramid(tmp_path / IMAGERY)
    for zoom, x, y in ((-1, 0, 0), (30, 0, 0), (ZOOM, 2**ZOOM, 0), (ZOOM, 0, -1), (ZOOM, 0, 0)):
        assert pyramid.tile(zoom, x, y) is None


def test_the_antimeridian_is_painted_on_both_sides(tmp_path: Path) -> None:
    paint_all([tile("a", LAT, 180.0, RED)], {"a"}, ImageryWish(), ZOOM, tmp_path / IMAGERY)
    pyramid = Pyramid(tmp_path / IMAGERY)
    assert near(colour_at(pyramid, LAT, 179.9998, ZOOM), RED)
    assert near(colour_at(pyramid, LAT, -179.9998, ZOOM), RED)


@pytest.mark.parametrize(
    ("resolution_m", "seen_m", "zoom"), [(0.5, 0.5, 18), (0.5, 0.25, 18), (0.05, 0.2, 19), (10.0, 5.0, 13)]
)
def test_the_finest_zoom_fits_the_imagery_and_the_network(resolution_m: float, seen_m: float, zoom: int) -> None:
    assert finest_zoom(48.0, resolution_m, seen_m) == zoom


def test_members_are_laid_over_each_other(tmp_path: Path) -> None:
    paths = []
    for number, (lon, colour) in enumerate(((LON, RED), (LON + 0.001, BLUE))):
        paths.append(tmp_path / f"{number}.pmtiles")
        with Painter(ZOOM, tmp_path / "scratch") as painter:
            painter.paint(tile("a", LAT, lon, colour))
            painter.write(paths[-1])
    boxes = [Bounds(*(float(side) for side in square(LAT, lon, 160.0))) for lon in (LON, LON + 0.001)]
    both = MemberPictures(list(zip(paths, boxes, strict=True)))
    x, y = world_px(LAT, LON + 0.0005, ZOOM)
    data = both.tile(ZOOM, int(x // SIZE), int(y // SIZE))
    assert data is not None
    seen = np.asarray(Image.open(io.BytesIO(data)).convert("RGBA")).reshape(-1, 4)
    assert ((seen[:, 0] > 200) & (seen[:, 3] > 250)).any()
    assert ((seen[:, 2] > 200) & (seen[:, 3] > 250)).any()
    assert both.tile(ZOOM, 0, 0) is None


def test_an_index_keeps_them_if_asked_and_through_a_removal(tmp_path: Path) -> None:
    source = PaintedTiles()
    build_index(source, FakeEncoder(), tmp_path / "plain", name="painted")
    build_index(source, FakeEncoder(), tmp_path / "index", name="painted", thumbnails=True)
    plain, shown = open_index(tmp_path / "plain"), open_index(tmp_path / "index")
    assert plain.manifest.imagery is None
    assert not (plain.folder / IMAGERY).exists()
    assert shown.manifest.imagery is not None
    assert (shown.folder / "vectors.npy").read_bytes() == (plain.folder / "vectors.npy").read_bytes()
    searcher = Searcher(shown)
    x, y = world_px(shown.tiles.lat[0], shown.tiles.lon[0], shown.manifest.imagery.max_zoom)
    spot = (shown.manifest.imagery.max_zoom, int(x // SIZE), int(y // SIZE))
    assert searcher.map_tile(*spot) is not None
    assert Searcher(plain).map_tile(*spot) is None
    remove_tiles(tmp_path / "index", ids=[shown.tiles.id[-1]])
    after = open_index(tmp_path / "index")
    assert after.manifest.generation == 2
    assert Searcher(after).map_tile(*spot) == searcher.map_tile(*spot)


def test_a_damaged_picture_is_noticed_when_the_index_is_opened(tmp_path: Path) -> None:
    build_index(PaintedTiles(), FakeEncoder(), tmp_path / "index", name="painted", thumbnails=True)
    path = open_index(tmp_path / "index").folder / IMAGERY
    path.parent.chmod(0o755)
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(ChecksumMismatch):
        open_index(tmp_path / "index")
