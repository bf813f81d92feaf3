"""`skyfix localize a b c` on a real ONNX bundle and index: several photos are one place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from index.build import build_index
from models.bundle import ModelBundle
from models.calibration.delivery import deliver
from models.encoder import OnnxEncoder
from service.cli import main
from tests.service.sets.photos import CALIBRATION, quarter
from tests.service.world import PaintedTiles

HEADINGS = (0.0, 90.0, 180.0, 270.0)


@pytest.fixture(scope="module")
def index_root(tiny_bundle: ModelBundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sets") / "index"
    build_index(PaintedTiles(), OnnxEncoder(tiny_bundle), root, name="painted")
    return root


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{number}.png" for number in range(4)]
    for path, heading in zip(paths, HEADINGS, strict=True):
        path.write_bytes(quarter(7, heading))
    return paths


def run(photos: list[Path], index: Path, bundle: Path, *options: str) -> Result:
    camera = ("--projection", "panorama", "--fov", "90")
    arguments = [*map(str, photos), "--index", str(index), "--bundle", str(bundle), *camera, *options]
    return CliRunner().invoke(main, ["localize", *arguments])


def test_several_photos_are_one_place(photos: list[Path], index_root: Path, tiny_bundle: ModelBundle) -> None:
    forth, back = (
        json.loads(run(paths, index_root, tiny_bundle.folder, "--json").stdout) for paths in (photos, photos[::-1])
    )
    assert forth["candidates"] == back["candidates"]
    assert forth["candidates"][0]["tile"]["id"] == "t7"
    assert forth["photos"] == back["photos"][::-1]
    assert [photo["used"] for photo in forth["photos"]] == [True] * 4


def test_it_is_printed_for_people(
    photos: list[Path], index_root: Path, tiny_bundle: ModelBundle, tmp_path: Path
) -> None:
    bundle = deliver(tiny_bundle, CALIBRATION, tmp_path / "calibrated")
    result = run(photos, index_root, bundle.folder, "--relative-headings", "10,100,190,280")
    assert result.exit_code == 0, result.output
    assert "t7" in result.stdout
    assert "with 95 %" in result.stdout
    for number in range(1, 5):
        assert f"Photo {number}: heading" in result.stdout


@pytest.mark.parametrize(
    ("count", "options", "word"),
    [
        (4, ["--relative-headings", "0,90"], "for each of several photos"),
        (4, ["--relative-headings", "0,90,180,360"], "below 360"),
        (4, ["--relative-headings", "0,90,north,270"], "below 360"),
        (4, ["--relative-headings", "0,90,180,270", "--heading", "5"], "exclude each other"),
        (1, ["--relative-headings", "0"], "several photos"),
        (17, [], "more than the 16"),
    ],
)
def test_wrong_use(
    photos: list[Path], index_root: Path, tiny_bundle: ModelBundle, count: int, options: list[str], word: str
) -> None:
    result = run((photos * 5)[:count], index_root, tiny_bundle.folder, *options)
    assert result.exit_code == 2
    assert word in result.stderr


def test_a_bad_photo_is_named(photos: list[Path], index_root: Path, tiny_bundle: ModelBundle) -> None:
    photos[2].write_bytes(photos[2].read_bytes()[:-400])
    result = run(photos, index_root, tiny_bundle.folder)
    assert result.exit_code == 1
    assert "Photo 3:" in result.stderr
