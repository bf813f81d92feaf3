"""`skyfix calibrate` on painted pairs and on small sample cities."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from models.bundle import ModelBundle, open_model_bundle
from models.calibration.delivery import deliver
from models.calibration.model import Calibration, FovCalibration
from models.geo import offset
from service.cli import main
from tests.service.world import panorama, tile_pixels

BEFORE = Calibration(fovs=(FovCalibration(fov_deg=360, intercept=-14, per_deviation=6, position_sigma_m=5),))


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["calibrate", *map(str, arguments)])


@pytest.fixture(scope="module")
def calibrated(tiny_bundle: ModelBundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return deliver(tiny_bundle, BEFORE, tmp_path_factory.mktemp("calibrated") / "bundle").folder


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 painted tiles 200 m apart, each with the panorama that is seen from its middle."""
    folder = tmp_path_factory.mktemp("pairs")
    rows = ["ground,aerial,lat,lon,heading_deg,fov_deg,ground_resolution_m"]
    for number in range(24):
        rng = np.random.default_rng(number)
        noisy = np.clip(panorama(number) + rng.normal(0, 30, (256, 512, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(noisy).save(folder / f"g{number}.png")
        Image.fromarray(tile_pixels(number)).save(folder / f"a{number}.png")
        lat, lon = offset(52.5, 13.4, number % 5 * 200.0, number // 5 * 200.0)
        rows.append(f"g{number}.png,a{number}.png,{lat:.7f},{lon:.7f},0,,2")
    (folder / "own.csv").write_text("\n".join(rows) + "\n")
    return folder / "own.csv"


def test_own_photos_refit_a_copy_of_the_bundle(calibrated: Path, pairs: Path, tmp_path: Path) -> None:
    result = run("--bundle", calibrated, "--pairs", pairs, "--out", tmp_path / "own", "--json")
    assert result.exit_code == 0, result.output
    made = json.loads(result.stdout)
    before, after = open_model_bundle(calibrated), open_model_bundle(tmp_path / "own")
    assert after.sha256 == before.sha256
    held = after.manifest.calibration
    assert held is not None
    assert held.model_dump(mode="json") == made["calibration"]
    assert held.fovs[0].per_deviation == 6.0  # 24 photos move no likelihood
    assert held.fovs[0].promises[0].clear_level_68 != 0.68
    assert held.fitted_on == "own.csv"
    assert "--pairs" in held.command
    own = made["rows"][0]["check"]
    assert (own["inside"], own["right"]) == (24, 1.0)
    assert own["coverage_95"] >= 0.95


def test_it_says_what_so_few_photos_promise(calibrated: Path, pairs: Path) -> None:
    result = run("--bundle", calibrated, "--pairs", pairs)
    assert result.exit_code == 0, result.output
    words = " ".join(result.stdout.split())
    assert "24 photos. All of them made the promises" in words
    assert "radius_m_95: covers at least 95%" in words
    assert "takes" in words


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ([], "--pairs FILE"),
        (["--pairs", "own.csv", "--city", "1"], "one of"),
        (["--city", "1", "--check", "--in-place"], "nothing to write"),
        (["--city", "1", "--out", "x", "--in-place"], "not both"),
    ],
)
def test_wrong_use(calibrated: Path, options: list[str], word: str) -> None:
    result = run("--bundle", calibrated, *options)
    assert result.exit_code == 2
    assert word in result.stderr


def test_nothing_to_check_and_nothing_to_start_from(tiny_bundle: ModelBundle, pairs: Path) -> None:
    for options, word in ((["--check"], "no calibration to check"), ([], "too few for one from scratch")):
        result = run("--bundle", tiny_bundle.folder, "--pairs", pairs, *options)
        assert (result.exit_code, word in " ".join(result.stderr.split())) == (2, True)


@pytest.mark.slow
def test_sample_cities_fit_and_check(tiny_bundle: ModelBundle, tmp_path: Path) -> None:
    common = ["--places", "30", "--extent", "320", "--fov", "360", "--gallery", "20", "--gallery", "150"]
    common += ["--evidence", str(tmp_path / "evidence")]
    fit = run("--bundle", tiny_bundle.folder, "--city", 11, "--city", 12, *common, "--out", tmp_path / "b", "--json")
    assert fit.exit_code == 0, fit.output
    made = json.loads(fit.stdout)
    assert made["calibration"]["fitted_on"] == "sample cities 11, 12"
    assert [(row["what"], row["tiles"]) for row in made["rows"]] == [
        ("photos of the city", 20),
        ("photos of other cities", 20),
        ("photos of the city", 150),
        ("photos of other cities", 150),
        ("pictures of nothing", 20),
        ("pictures of nothing", 150),
    ]
    again = run("--bundle", tmp_path / "b", "--city", 11, "--city", 12, *common, "--check", "--json")
    assert "describing" not in again.stderr  # all of it was kept
    assert json.loads(again.stdout)["rows"] == made["rows"]
    other = run("--bundle", tmp_path / "b", "--city", 11, *common, "--places", "40", "--check")
    assert (other.exit_code, "another model or plan" in other.stderr) == (2, True)
