"""What is written can be read by others: rasterio, Exif readers, pairs.csv."""

import csv
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image
from PIL.ExifTags import IFD, Base
from pyproj import Transformer

from models.sample_city import City, SampleCityError, draw_places, write_sample_city


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample_city(tmp_path_factory.mktemp("sample") / "city", 3, 120.0, 2, 1, 0.5)


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "pairs.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def city_120() -> City:
    return City.generate(3, 120.0)


def test_orthophoto_is_on_the_map(written: Path, city_120: City) -> None:
    with rasterio.open(written / "ortho.tif") as ortho:
        assert (ortho.crs.to_epsg(), ortho.shape, ortho.count) == (32632, (240, 240), 3)
        west, south, east, north = ortho.bounds
    georeference = city_120.georeference
    assert (east - west, north - south) == (120.0, 120.0)
    assert (west, south) == (georeference.easting_m, georeference.northing_m)


def test_pixels_of_the_orthophoto_have_the_city_s_positions(written: Path, city_120: City) -> None:
    """Centre of pixel (row 10, column 20) at 0.5 m: x = 10.25, y = 120 - 5.25."""
    with rasterio.open(written / "ortho.tif") as ortho:
        a, _, c, _, e, f = tuple(ortho.transform)[:6]
        to_wgs84 = Transformer.from_crs(ortho.crs.to_epsg(), 4326, always_xy=True)
    lon, lat = to_wgs84.transform(c + 20.5 * a, f + 10.5 * e)
    assert city_120.city_to_wgs84(10.25, 114.75) == pytest.approx((lat, lon), abs=1e-9)


def test_pairs_name_files_and_poses(written: Path, city_120: City) -> None:
    table = rows(written)
    places = draw_places(city_120, 3, np.random.default_rng([3, 8]))
    assert [bool(row["fov_deg"]) for row in table] == [True, True, False]
    for row, x, y in zip(table, places.x_m, places.y_m, strict=True):
        assert city_120.wgs84_to_city(float(row["lat"]), float(row["lon"])) == pytest.approx((x, y), abs=0.01)
        assert (written / row["ground"]).is_file()
        with Image.open(written / row["aerial"]) as tile:
            assert tile.size == (256, 256)


def test_photos_say_their_field_of_view_and_no_position(written: Path) -> None:
    row = rows(written)[0]
    with Image.open(written / row["ground"]) as photo:
        exif = photo.getexif()
    focal = exif.get_ifd(IFD.Exif)[Base.FocalLengthIn35mmFilm]
    assert 2.0 * np.degrees(np.arctan(18.0 / focal)) == pytest.approx(float(row["fov_deg"]), abs=0.01)
    assert not exif.get_ifd(IFD.GPSInfo)


def test_panoramas_say_that_they_are_not_real(written: Path) -> None:
    with Image.open(next((written / "panoramas").iterdir())) as image:
        assert (image.getexif()[Base.Make], image.getexif()[Base.Model]) == ("Skyfix", "Sample City")


def test_panoramas_say_what_they_are(written: Path) -> None:
    with Image.open(written / "panoramas/0000.jpg") as image:
        assert image.size == (1024, 512)
        assert b'GPano:ProjectionType="equirectangular"' in image.info["xmp"]


def test_refuses_a_folder_in_use(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    with pytest.raises(SampleCityError, match="new or empty"):
        write_sample_city(tmp_path, 1, 120.0, 1, 0)


def test_leaves_nothing_behind_when_it_fails(tmp_path: Path) -> None:
    with pytest.raises(SampleCityError, match="found room for"):
        write_sample_city(tmp_path / "city", 1, 100.0, 500, 0)
    assert not list(tmp_path.iterdir())
