from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.errors import ImageryTooCoarse, SourceError
from models.geo import distance_m, enu_m
from tests.index.made import compass_reading
from tests.index.sources.tiled import address, compass_tiles, cut, noise_tiles, png, write_folder

LAT, LON, ZOOM = 48.0, 11.0, 18
X, Y = address(LAT, LON, ZOOM)


def _block(reach: int) -> list[tuple[int, int]]:
    return [(X + dx, Y + dy) for dx in range(-reach, reach + 1) for dy in range(-reach, reach + 1)]


@pytest.mark.parametrize(
    ("lat", "lon", "zoom", "side_px"),
    [
        pytest.param(48.0, 11.0, 18, 256, id="256 px"),
        pytest.param(48.0, 11.0, 17, 512, id="512 px"),
        pytest.param(-33.0, -71.0, 18, 256, id="south west"),
        pytest.param(70.0, 25.0, 17, 256, id="70 degrees north"),
        pytest.param(-17.0, 180.0, 18, 256, id="across the antimeridian"),
        pytest.param(48.0, 11.0, 20, 256, id="finer than the output"),
    ],
)
def test_tiles_have_true_north_up_and_lie_where_they_say(
    tmp_path: Path, lat: float, lon: float, zoom: int, side_px: int
) -> None:
    write_folder(tmp_path / "map", zoom, compass_tiles(lat, lon, zoom, side_px, reach=1 if zoom < 20 else 3))
    tiles, bad, source = cut(tmp_path / "map")
    assert not bad
    assert source.bounds.width_deg < 0.02
    inner = [tile for tile in tiles if distance_m(tile.lat, tile.lon, lat, lon) < 20]
    assert len(inner) >= 2
    resolution_m = 40_075_017 * np.cos(np.radians(lat)) / 2**zoom / side_px
    for tile in inner:
        east, north, turned, scale = compass_reading(tile.pixels, 40.0)
        expected = enu_m(tile.lat, tile.lon, lat, lon)
        assert (east, north) == pytest.approx([float(value) for value in expected], abs=0.2)
        assert abs(turned) < 0.2
        assert scale == pytest.approx(1.0, abs=0.01)
        assert tile.ground_resolution_m == pytest.approx(resolution_m, rel=0.007)


def test_missing_tiles_are_nodata(tmp_path: Path) -> None:
    write_folder(tmp_path / "map", ZOOM, noise_tiles(at for at in _block(1) if at != (X, Y)))
    tiles, bad, _ = cut(tmp_path / "map", footprint_m=60.0)
    assert not bad
    where = [address(tile.lat, tile.lon, ZOOM) for tile in tiles]
    assert set(_block(1)) - set(where) <= {(X, Y)}
    assert where.count((X, Y)) < where.count((X + 1, Y))
    assert any((tile.pixels[:, 60:].std(axis=(0, 1)) == 0).all() for tile in tiles)


def test_a_damaged_tile_costs_one_and_is_named(tmp_path: Path) -> None:
    pieces = noise_tiles(_block(2))
    pieces[(X, Y)] = pieces[(X, Y)][:200]
    write_folder(tmp_path / "map", ZOOM, pieces)
    tiles, (bad,), _ = cut(tmp_path / "map", footprint_m=160.0, stride_m=32.0)
    assert bad.code == "image_undecodable"
    assert bad.reason.startswith(f"{ZOOM}/{X}/{Y}.png cannot be used: The PNG image is damaged")
    assert len(tiles) > 100


def test_the_first_tile_may_be_damaged(tmp_path: Path) -> None:
    pieces = noise_tiles(_block(1))
    pieces[(X - 1, Y - 1)] = b"GIF89a" + bytes(20)
    write_folder(tmp_path / "map", ZOOM, pieces)
    tiles, bad, _ = cut(tmp_path / "map")
    assert [tile.code for tile in bad if tile.code != "tile_blank"] == ["image_type_unsupported"]
    assert tiles


def test_nothing_that_can_be_decoded_is_refused(tmp_path: Path) -> None:
    write_folder(tmp_path / "map", ZOOM, {(X, Y): b"not a picture"})
    with pytest.raises(SourceError, match=rf"{ZOOM}/{X}/{Y}\.png cannot be used"):
        cut(tmp_path / "map")


def test_transparent_pixels_are_nodata(tmp_path: Path) -> None:
    pixels = np.full((256, 256, 4), 255, dtype=np.uint8)
    pixels[..., :3] = np.random.default_rng(0).integers(0, 255, (256, 256, 3))
    pixels[:128, :, 3] = 0
    write_folder(tmp_path / "map", ZOOM, dict.fromkeys([(X, Y)], png(pixels)))
    tiles, bad, source = cut(tmp_path / "map", footprint_m=30.0, stride_m=10.0)
    middle = (source.bounds.north + source.bounds.south) / 2
    assert {tile.code for tile in bad} == {"tile_blank"}
    assert all(tile.lat < middle + 1e-5 for tile in tiles)


def test_a_tile_of_another_size_fits_among_its_neighbours(tmp_path: Path) -> None:
    pieces = compass_tiles(LAT, LON, ZOOM, reach=1)
    pieces[(X, Y)] = compass_tiles(LAT, LON, ZOOM, side_px=512, reach=0)[(X, Y)]
    write_folder(tmp_path / "map", ZOOM, pieces)
    tiles, bad, _ = cut(tmp_path / "map")
    assert not bad
    inner = [tile for tile in tiles if distance_m(tile.lat, tile.lon, LAT, LON) < 15]
    assert all(compass_reading(tile.pixels, 40.0)[3] == pytest.approx(1.0, abs=0.01) for tile in inner)


def test_places_far_apart_are_found_without_a_walk_over_the_ground_between_them(tmp_path: Path) -> None:
    far = (X + 3000, Y + 2000)
    write_folder(tmp_path / "map", ZOOM, noise_tiles([(X, Y), far]))
    tiles, bad, source = cut(tmp_path / "map", stride_m=20.0)
    assert not bad
    assert {address(tile.lat, tile.lon, ZOOM) for tile in tiles} >= {(X, Y), far}
    assert source.count == len(tiles)
    blocks = sum(1 for _ in source._parts[0]._blocks())
    assert blocks <= 8


def test_names_that_are_no_addresses_are_listed(tmp_path: Path) -> None:
    write_folder(tmp_path / "map", ZOOM, noise_tiles(_block(1)))
    for name in (f"{ZOOM}/{X}/-1.png", f"{ZOOM}/{X}/999999.png", f"{ZOOM}/{X}/copy of 3.png", f"{ZOOM}/-5/1.png"):
        (tmp_path / "map" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "map" / name).write_bytes(b"")
    (tmp_path / "map" / "40").mkdir()
    (tmp_path / "map" / str(ZOOM) / str(X) / "notes.txt").write_text("passed over")
    tiles, bad, _ = cut(tmp_path / "map")
    assert tiles
    assert {tile.code for tile in bad} == {"tile_id_invalid"}
    assert {tile.id for tile in bad} == {
        "40", f"{ZOOM}/{X}/-1", f"{ZOOM}/{X}/999999", f"{ZOOM}/{X}/copy of 3", f"{ZOOM}/-5/1",
    }  # fmt: skip


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    pieces = noise_tiles(_block(1))
    write_folder(tmp_path / "map", ZOOM, pieces)
    (tmp_path / "secret.png").write_bytes(pieces[(X, Y)])
    link = tmp_path / "map" / str(ZOOM) / str(X) / f"{Y}.png"
    link.unlink()
    link.symlink_to(tmp_path / "secret.png")
    _, bad, _ = cut(tmp_path / "map")
    assert [tile.code for tile in bad if tile.code != "tile_blank"] == ["path_unsafe"]


def test_jpeg_and_webp_do_as_well(tmp_path: Path) -> None:
    for at, data in noise_tiles(_block(1)).items():
        (tmp_path / "a.png").write_bytes(data)
        end = ".jpg" if at[0] == X else ".webp"
        with Image.open(tmp_path / "a.png") as image:
            file = tmp_path / "map" / str(ZOOM) / str(at[0]) / f"{at[1]}{end}"
            file.parent.mkdir(parents=True, exist_ok=True)
            image.save(file)
    tiles, bad, _ = cut(tmp_path / "map")
    assert len(tiles) > 20
    assert not bad


def test_too_coarse_imagery_is_refused_with_the_figures(tmp_path: Path) -> None:
    write_folder(tmp_path / "map", 14, noise_tiles([address(60.0, 25.0, 14)]))
    with pytest.raises(ImageryTooCoarse, match=r"zoom 14, 256 px, 4\.78 m/px at 60\.0°\) has 4\.78 m .* needs 2 m"):
        cut(tmp_path / "map", footprint_m=32.0)
