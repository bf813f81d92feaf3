"""The settings of heights: what belongs together, what contradicts, and files that cannot be."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from click.testing import CliRunner
from rasterio import Affine

from models.errors import SourceError, UsageError
from models.geometry.ground import Ground, Slope
from service.cli import main
from service.heights import Heights, open_heights
from service.settings import Settings, load_settings


def raster(path: Path, value: float, crs: str = "EPSG:4326", west: float = 8.0) -> Path:
    """A degree of one height."""
    profile = {"driver": "GTiff", "width": 100, "height": 100, "count": 1, "dtype": "float32", "crs": crs}
    with rasterio.open(path, "w", **profile, transform=Affine(0.01, 0, west, 0, -0.01, 49.0)) as target:
        target.write(np.full((100, 100), value, np.float32), 1)
    return path


@pytest.fixture
def dem(tmp_path: Path) -> Path:
    return raster(tmp_path / "dem.tif", 300.0)


def test_without_a_raster_there_are_no_heights() -> None:
    assert open_heights(Settings()) is None


@pytest.mark.parametrize(
    ("more", "datum", "h_m"),
    [
        ({}, "orthometric", None),
        ({"geoid_undulation_m": 48.0}, "orthometric", 349.5),
        ({"geoid_undulation_m": 48.0, "camera_height_m": 0.0}, "orthometric", 348.0),
        ({"dem_datum": "ellipsoid"}, "ellipsoid", 301.5),
    ],
)
def test_what_h_is_made_of(dem: Path, more: dict[str, Any], datum: str, h_m: float | None) -> None:
    heights = open_heights(Settings(dem_file=dem, **more))
    assert heights is not None
    standing = heights.at(48.5, 8.5, 10.0)
    assert standing is not None
    assert (standing.datum, standing.ground.height_m, standing.h_m) == (datum, 300.0, h_m)
    assert heights.at(47.5, 8.5, 10.0) is None
    heights.close()


def test_a_geoid_may_be_a_raster_that_ends_elsewhere(dem: Path, tmp_path: Path) -> None:
    geoid = raster(tmp_path / "geoid.tif", 47.5, west=8.5)
    heights = open_heights(Settings(dem_file=dem, geoid_file=geoid))
    assert heights is not None
    known, unknown = heights.at(48.5, 8.7, None), heights.at(48.5, 8.3, None)
    assert known is not None
    assert known.h_m == 349.0
    assert unknown is not None
    assert (unknown.ground.height_m, unknown.h_m) == (300.0, None)
    heights.close()


def test_a_file_that_tells_its_datum_is_believed(tmp_path: Path) -> None:
    sea = raster(tmp_path / "sea.tif", 300.0, "EPSG:4326+5773")
    heights = open_heights(Settings(dem_file=sea))
    assert heights is not None
    assert heights.datum == "orthometric"
    with pytest.raises(UsageError, match="SKYFIX_DEM_DATUM is ellipsoid, but"):
        open_heights(Settings(dem_file=sea, dem_datum="ellipsoid"))


def test_settings_that_contradict_each_other_are_refused(dem: Path) -> None:
    for given, said in [
        ({"geoid_undulation_m": 48.0}, "SKYFIX_GEOID_UNDULATION_M is given without SKYFIX_DEM_FILE"),
        ({"geoid_file": dem}, "SKYFIX_GEOID_FILE is given without SKYFIX_DEM_FILE"),
        ({"dem_file": dem, "geoid_file": dem, "geoid_undulation_m": 48.0}, "one of them is enough"),
        ({"dem_file": dem, "dem_datum": "ellipsoid", "geoid_undulation_m": 48.0}, "not to be added"),
    ]:
        with pytest.raises(UsageError, match=said):
            open_heights(Settings(**given))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["dem_file", "geoid_file"])
def test_a_file_that_cannot_be_opened_names_its_setting(dem: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "text.tif").write_text("no raster")
    given: dict[str, Any] = {"dem_file": dem, name: tmp_path / "text.tif"}
    with pytest.raises(UsageError, match=rf"SKYFIX_{name.upper()}: .*text.tif cannot be opened"):
        open_heights(Settings(**given))


def test_values_out_of_range_are_refused_by_name() -> None:
    with pytest.raises(UsageError, match="SKYFIX_GEOID_UNDULATION_M"):
        load_settings({}, geoid_undulation_m=500.0)
    with pytest.raises(UsageError, match="SKYFIX_DEM_DATUM"):
        load_settings({}, dem_datum="sea")


class Gone:
    """A raster whose disk is gone."""

    datum = None

    def height_m(self, lat: float, lon: float) -> float | None:
        raise SourceError(f"dem.tif cannot be read at {lat}, {lon}.")

    def around(self, lat: float, lon: float, radius_m: float | None) -> Ground | None:
        raise SourceError(f"dem.tif cannot be read at {lat}, {lon}, {radius_m}.")

    def close(self) -> None:
        pass


class Flat(Gone):
    def around(self, lat: float, lon: float, radius_m: float | None) -> Ground | None:  # noqa: ARG002
        return Ground(300.0, Slope(0.0, 0.0, 0.0))


@pytest.mark.parametrize("heights", [Heights(Gone(), "ellipsoid", 1.5), Heights(Flat(), "orthometric", 1.5, Gone())])
def test_a_raster_that_is_gone_costs_the_height_and_no_answer(
    heights: Heights, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "skyfix"):
        assert heights.at(48.5, 8.5, 10.0) is None
    assert "no height is told" in caplog.text


def test_serving_does_not_import_what_reads_rasters() -> None:
    code = "import sys, service.app; print([name for name in ('rasterio', 'pyproj') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def without(package: str, code: str) -> str:
    """Run code where a package is not installed; give what it prints."""
    code = f"import sys; sys.modules[{package!r}] = None\n{code}"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_without_what_reads_rasters_it_says_what_to_install(dem: Path) -> None:
    code = (
        "from service.heights import open_heights; from service.settings import Settings\n"
        f"try: open_heights(Settings(dem_file={str(dem)!r}))\n"
        "except Exception as error: print(error)"
    )
    assert "SKYFIX_DEM_FILE needs rasterio and pyproj: install the `index` extra" in without("rasterio", code)


def test_serving_ends_with_wrong_use_where_the_raster_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKYFIX_DEM_FILE", str(tmp_path / "none.tif"))
    done = CliRunner().invoke(main, ["serve", "--index", str(tmp_path), "--port", "0", "--admin-port", "0"])
    assert done.exit_code == 2
    assert "SKYFIX_DEM_FILE" in done.output
    assert "none.tif" in done.output
