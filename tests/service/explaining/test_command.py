"""`skyfix explain` on a real bundle and index: one picture, from the index's pictures, a file's, or outlines."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from index.build import build_index
from models.bundle import ModelBundle
from models.encoder import OnnxEncoder
from service.cli import main
from tests.service.world import PaintedTiles, encode, panorama, position, sector_colours


@pytest.fixture(scope="module")
def root(tiny_bundle: ModelBundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("explained") / "index"
    build_index(PaintedTiles(), OnnxEncoder(tiny_bundle), root, name="painted", thumbnails=True)
    return root


@pytest.fixture(scope="module")
def plain(tiny_bundle: ModelBundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("plain") / "index"
    build_index(PaintedTiles(), OnnxEncoder(tiny_bundle), root, name="painted")
    return root


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    path.write_bytes(encode(panorama(7, 90.0)))
    return path


def _explain(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["explain", *map(str, arguments)])


def test_it_writes_one_picture_beside_the_photo(photo: Path, root: Path, tiny_bundle: ModelBundle) -> None:
    result = _explain(photo, "--index", root, "--bundle", tiny_bundle.folder, "--projection", "panorama")
    assert result.exit_code == 0, result.output
    target = photo.with_name("photo.explained.png")
    assert result.output.strip() == str(target)
    with Image.open(target) as opened:
        picture = np.asarray(opened)
    assert picture.shape[1] == 1600
    for colour in sector_colours(7):  # the photo, plain
        assert (np.abs(picture[:500].astype(int) - colour).max(axis=2) < 12).any()


def test_it_prints_the_answer_too(photo: Path, root: Path, tiny_bundle: ModelBundle, tmp_path: Path) -> None:
    out, lat_lon = tmp_path / "why.jpg", ",".join(map(str, position(7)))
    asked = ("--projection", "panorama", "--prior", f"{lat_lon},60", "--out", out, "--json")
    result = _explain(photo, "--index", root, "--bundle", tiny_bundle.folder, *asked)
    answer = json.loads(result.stdout)
    assert (answer["picture"], answer["candidates"][0]["tile"]["id"]) == (str(out), "t7")
    assert answer["attention"]["kind"] == "contribution"
    with Image.open(out) as picture:
        assert picture.format == "JPEG"


def test_without_pictures_outlines_have_to_do(photo: Path, plain: Path, tiny_bundle: ModelBundle) -> None:
    result = _explain(photo, "--index", plain, "--bundle", tiny_bundle.folder, "--projection", "panorama")
    assert result.exit_code == 0, result.output


def test_where_nothing_was_compared_the_picture_says_so(
    photo: Path, root: Path, tiny_bundle: ModelBundle, tmp_path: Path
) -> None:
    asked = ("--prior", "10,10,50", "--mode", "prior", "--out", tmp_path / "far.png", "--json")
    result = _explain(photo, "--index", root, "--bundle", tiny_bundle.folder, *asked)
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert answer["candidates"] == []
    assert answer["notices"][-1]["code"] == "attention_unavailable"
    with Image.open(tmp_path / "far.png") as picture:
        assert picture.width == 1600


def test_a_format_that_is_not_written_is_refused_before_any_work(photo: Path, root: Path) -> None:
    result = _explain(photo, "--index", root, "--out", "why.gif")
    assert result.exit_code == 2
    assert ".png" in result.output
