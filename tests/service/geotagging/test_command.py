"""`skyfix geotag` as a user runs it, and as it is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from index.build import build_index
from models.bundle import ModelBundle
from models.calibration.delivery import deliver
from models.encoder import OnnxEncoder
from service.cli import main
from service.geotagging.walk import REPORT_MARK
from tests.service.geotagging.conftest import state
from tests.service.test_calibrated import CALIBRATION
from tests.service.world import PaintedTiles, encode, panorama

ROOT = Path(__file__).parents[3]
MANY = 120


@pytest.fixture(scope="module")
def options(tiny_bundle: ModelBundle, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Options of a calibrated model and an index that it made."""
    folder = tmp_path_factory.mktemp("calibrated")
    bundle = deliver(tiny_bundle, CALIBRATION, folder / "bundle")
    build_index(PaintedTiles(), OnnxEncoder(bundle), folder / "index", name="painted")
    told = ["--index", folder / "index", "--bundle", bundle.folder, "--projection", "panorama", "--fov", "360"]
    return [*map(str, told), "--min-confidence", "0.5"]


def run(folder: Path, options: list[str], *more: str) -> Result:
    return CliRunner().invoke(main, ["geotag", str(folder), *options, *more])


def test_a_table_says_what_became_of_the_photos(archive: Path, options: list[str]) -> None:
    result = run(archive, options)
    assert result.exit_code == 0, result.output
    assert "placed now" in result.stdout
    assert "black.jpg: no_match" in result.stdout
    assert {path.name for path in (archive / "skyfix-geotag").iterdir()} == {
        REPORT_MARK,
        "results.csv",
        "results.geojson",
        "map.png",
    }


def test_one_json_object_for_machines(archive: Path, options: list[str], tmp_path: Path) -> None:
    result = run(archive, options, "--json", "--report", str(tmp_path / "report"), "--write", "exif")
    told = json.loads(result.stdout)
    assert (told["outcomes"], told["written"]) == ({"not_placed": 1, "placed": 3}, 3)
    assert not (archive / "skyfix-geotag").exists()


def test_a_map_that_cannot_be_drawn_is_a_notice(archive: Path, options: list[str]) -> None:
    result = run(archive, options, "--orthophoto", str(archive / "seven.jpg"))
    assert (result.exit_code, "notice: The map was not drawn" in result.stderr) == (0, True)
    assert {path.name for path in (archive / "skyfix-geotag").iterdir()} == {
        REPORT_MARK,
        "results.csv",
        "results.geojson",
    }


def test_a_failed_photo_is_exit_code_1(archive: Path, options: list[str]) -> None:
    (archive / "seven.jpg.xmp").write_text("notes")
    result = run(archive, options)
    assert result.exit_code == 1
    assert "seven.jpg: sidecar_unusable" in result.stdout


@pytest.mark.parametrize(
    ("more", "code", "word"),
    [
        (["--min-confidence", "1.5"], 2, "--min-confidence"),
        (["--prior", "52.5,13.4"], 2, "LAT,LON,M"),
        (["--fov", "5"], 2, "fov_deg"),
        (["--write", "pixels"], 2, "--write"),
    ],
)
def test_wrong_use(archive: Path, options: list[str], more: list[str], code: int, word: str) -> None:
    before = state(archive)
    result = run(archive, [option for option in options if option not in ("--fov", "360")], *more)
    assert (result.exit_code, word in result.stderr) == (code, True)
    assert state(archive) == before


def test_a_model_without_calibration_is_refused(archive: Path, tiny_bundle: ModelBundle, tmp_path: Path) -> None:
    build_index(PaintedTiles(), OnnxEncoder(tiny_bundle), tmp_path / "index", name="painted")
    result = run(archive, [], "--index", str(tmp_path / "index"), "--bundle", str(tiny_bundle.folder))
    assert result.exit_code == 3
    assert "[not_calibrated]" in result.stderr
    assert not list(archive.rglob("*.xmp"))


@pytest.fixture
def many(tmp_path: Path) -> Path:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(MANY):
        (folder / f"{number:03d}.jpg").write_bytes(encode(panorama(number % 36, number), "JPEG", quality=95))
    return folder


def started(folder: Path, options: list[str], photos: int) -> subprocess.Popen[str]:
    """Start a run and wait until it has that many photos in its journal."""
    command = [sys.executable, "-m", "service.cli", "geotag", str(folder), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT)
    journal = folder / "skyfix-geotag" / REPORT_MARK
    end = time.monotonic() + 60
    while not journal.exists() or journal.read_bytes().count(b"\n") < photos:
        assert time.monotonic() < end
        assert process.poll() is None, "it was done before it could be stopped"
        time.sleep(0.002)
    return process


def test_a_killed_run_is_gone_on_with(many: Path, options: list[str]) -> None:
    with started(many, options, 10) as process:
        os.kill(process.pid, signal.SIGKILL)
    journal = many / "skyfix-geotag" / REPORT_MARK
    first = journal.read_bytes()
    done = first.count(b"\n")
    assert 10 <= done < MANY
    result = run(many, options, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["photos"] == MANY
    whole = journal.read_bytes()
    assert whole.startswith(first[: first.rindex(b"\n") + 1])
    assert whole.count(b"\n") == MANY
    before = state(many)
    assert json.loads(run(many, options, "--json").stdout)["written"] == 0
    assert state(many) == before


def test_an_interrupted_run_reports_what_it_did(many: Path, options: list[str]) -> None:
    with started(many, options, 5) as process:
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "not reached: run again" in output
    rows = (many / "skyfix-geotag/results.csv").read_text().count("\n") - 1
    assert 5 <= rows < MANY
