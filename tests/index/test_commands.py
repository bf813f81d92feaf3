from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from click.testing import CliRunner, Result
from PIL import Image
from rasterio.warp import transform_bounds

from index.commands import choose_stride_m, command
from models.bundle import ModelBundle
from models.errors import ChecksumMismatch, GeoreferenceInvalid, ModelMismatch, UsageError
from tests.index.made import square_transform, thaw, write_tif

UTM = "EPSG:32633"


def _run(*arguments: str | float | Path) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def _tif(path: Path, crs: str | None = UTM) -> Path:
    pixels = np.random.default_rng(0).integers(0, 255, (3, 200, 200), dtype=np.uint8)
    return write_tif(path, pixels, square_transform(UTM, 50.0, 15.0, 200, 1.0), crs)


@pytest.fixture
def built(tmp_path: Path, tiny_bundle: ModelBundle) -> Path:
    out = tmp_path / "town"
    options = ("--attribution", "Survey", "--licence", "CC0", "--captured", "2025-06", "--json")
    result = _run("build", "--source", _tif(tmp_path / "a.tif"), "--bundle", tiny_bundle.folder, "--out", out, *options)
    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)
    assert (report["count"], report["quarantined"], report["title"]) == (121, 0, "town@1")
    assert report["path"] == str(out / "gen-1")
    return out


def test_info_says_what_the_index_is(built: Path) -> None:
    told = json.loads(_run("info", "--index", built, "--json").stdout)
    with rasterio.open(built.parent / "a.tif") as dataset:
        expected = transform_bounds(dataset.crs, "EPSG:4326", *dataset.bounds)
    assert told["bounds"] == pytest.approx(expected, abs=1e-7)
    assert (told["attribution"], told["licence"], told["stride_m"]) == ("Survey", "CC0", 16.0)
    text = _run("info", "--index", built).stdout
    assert "town@1" in text
    assert "121 of 64 m, every 16 m; 0 left out" in text


def test_a_profile_is_kept_and_told(tmp_path: Path, tiny_bundle: ModelBundle) -> None:
    out, tif = tmp_path / "town", _tif(tmp_path / "a.tif")
    options = ("--bundle", tiny_bundle.folder, "--profile", "compact")
    assert _run("build", "--source", tif, "--out", out, *options).exit_code == 0
    assert "compact; so few rows that all are compared" in _run("info", "--index", out).stdout
    assert "exact: all rows are compared" not in _run("info", "--index", out).stdout
    assert json.loads(_run("verify", "--index", out, "--json").stdout)["probe_recall"] == 1.0
    assert _run("build", "--source", tif, "--out", out, "--profile", "quick").exit_code == 2


def test_verify_accepts_what_was_built(built: Path, tiny_bundle: ModelBundle) -> None:
    told = json.loads(_run("verify", "--index", built, "--bundle", tiny_bundle.folder, "--json").stdout)
    assert (told["ok"], told["tiles"], told["probe_recall"]) == (True, 121, 1.0)
    assert "town@1 is whole" in _run("verify", "--index", built).stdout


def test_verify_refuses_a_flipped_byte(built: Path, tmp_path: Path) -> None:
    folder = thaw(built / "gen-1", tmp_path / "damaged")
    data = bytearray((folder / "vectors.npy").read_bytes())
    data[-1] ^= 1
    (folder / "vectors.npy").write_bytes(data)
    result = _run("verify", "--index", folder)
    assert result.exit_code != 0
    assert isinstance(result.exception, ChecksumMismatch)
    assert "vectors.npy" in str(result.exception)


def test_verify_refuses_another_model(built: Path, tiny_bundle: ModelBundle, tmp_path: Path) -> None:
    other = thaw(tiny_bundle.folder, tmp_path / "other")
    manifest = json.loads((other / "manifest.json").read_text())
    manifest["aerial"]["mean"] = [0.4, 0.4, 0.4]
    (other / "manifest.json").write_text(json.dumps(manifest))
    assert isinstance(_run("verify", "--index", built, "--bundle", other).exception, ModelMismatch)


def test_a_folder_of_tiles_is_built_with_another_footprint(tmp_path: Path, tiny_bundle: ModelBundle) -> None:
    folder = tmp_path / "tiles"
    folder.mkdir()
    lines = ["file,lat,lon,ground_resolution_m"]
    for number in range(5):
        pixels = np.random.default_rng(number).integers(0, 255, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
        lines.append(f"{number}.png,51.5,{number / 1000},1.0")
    (folder / "tiles.csv").write_text("\n".join([*lines, "gone.png,51.5,0.1,1.0"]))
    out = tmp_path / "out"
    result = _run(
        "build",
        "--source",
        folder,
        "--bundle",
        tiny_bundle.folder,
        "--out",
        out,
        "--footprint-m",
        100,
        "--name",
        "five",
    )
    assert result.exit_code == 0, result.stderr
    assert "five@1: 5 tiles" in result.stdout
    assert f"1 left out, listed in {out / 'gen-1' / 'quarantine.csv'}" in result.stdout
    assert "notice: 5 tile(s) cover less than 100 m" in result.stderr
    assert json.loads(_run("info", "--index", out, "--json").stdout)["footprint_m"] == 100.0


def test_progress_goes_to_stderr(tmp_path: Path, tiny_bundle: ModelBundle) -> None:
    source = _tif(tmp_path / "a.tif")
    result = _run("build", "--source", source, "--bundle", tiny_bundle.folder, "--out", tmp_path / "out", "--json")
    assert "tiles/s" in result.stderr
    json.loads(result.stdout)


def test_a_tif_without_a_crs_is_refused(tmp_path: Path, tiny_bundle: ModelBundle) -> None:
    source, out = _tif(tmp_path / "a.tif", crs=None), tmp_path / "out"
    result = _run("build", "--source", source, "--bundle", tiny_bundle.folder, "--out", out)
    assert result.exit_code != 0
    assert isinstance(result.exception, GeoreferenceInvalid)
    assert not out.exists()


@pytest.mark.parametrize(
    ("stride_m", "overlap_m", "expected"),
    [(None, None, None), (10.0, None, 10.0), (None, 48.0, 16.0), (None, 0.0, 64.0)],
)
def test_an_overlap_is_another_word_for_a_stride(
    stride_m: float | None, overlap_m: float | None, expected: float | None
) -> None:
    assert choose_stride_m(64.0, stride_m, overlap_m) == expected


@pytest.mark.parametrize(("stride_m", "overlap_m"), [(10.0, 10.0), (None, 64.0)])
def test_strides_that_make_no_sense_are_refused(stride_m: float | None, overlap_m: float) -> None:
    with pytest.raises(UsageError):
        choose_stride_m(64.0, stride_m, overlap_m)


def test_the_command_refuses_values_out_of_range(tmp_path: Path) -> None:
    assert _run("build", "--source", tmp_path, "--out", tmp_path / "o", "--tile-m", -1).exit_code == 2
    assert _run("build", "--source", tmp_path, "--out", tmp_path / "o", "--max-bad", 2).exit_code == 2
    assert _run("build").exit_code == 2
