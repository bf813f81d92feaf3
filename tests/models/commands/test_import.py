from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch
from click.testing import CliRunner, Result

from index.build import build_index
from index.bundle import open_index
from index.search import Searcher
from models.bundle import open_model_bundle
from models.commands.import_ import command
from models.encoder import OnnxEncoder
from models.errors import CheckpointUnsafe, SkyfixError, UsageError
from service.app import create_app
from service.index_localizer import IndexLocalizer
from service.settings import Settings
from tests.models.importing.made import colour_state, save_official, save_onnx, transgeo_state, write_pairs
from tests.service.world import PaintedTiles, encode, panorama

TOML = """
[ground]
height_px = 16
width_px = 16
[aerial]
size_px = 16
footprint_m = 60
[embedding]
channels = 8
normalise = true
"""


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pairs(tmp_path_factory.mktemp("pairs"), 3, 3)


def _run(*arguments: object) -> Result:
    result = CliRunner().invoke(command, [str(argument) for argument in arguments])
    assert result.exception is None, result.exception
    return result


def _refused(*arguments: object) -> SkyfixError:
    result = CliRunner().invoke(command, [str(argument) for argument in arguments])
    assert isinstance(result.exception, SkyfixError), result.output
    assert result.stdout == ""
    return result.exception


def test_an_official_checkpoint_is_imported_indexed_and_served(
    tmp_path: Path, pairs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its weights describe pictures by their colours, so that a panorama finds the tile that shows the same ones."""
    monkeypatch.delenv("SKYFIX_REAL_DATA", raising=False)
    file = save_official(tmp_path / "checkpoint.pth.tar", colour_state())
    options = ("--dataset", "cvusa", "--footprint-m", "64", "--held-out", pairs)
    _run("transgeo", file, *options, "--weights-licence", "CC0-1.0", "--out", tmp_path / "bundle")
    bundle = open_model_bundle(tmp_path / "bundle")
    build_index(PaintedTiles(), OnnxEncoder(bundle), tmp_path / "index", name="painted", licence="CC0")
    app = create_app(Settings(), IndexLocalizer(OnnxEncoder(bundle), Searcher(open_index(tmp_path / "index"))))

    async def ask(number: int) -> Any:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://localhost") as client:
            query = {"projection": "panorama", "fov_deg": "360", "heading_deg": "0"}
            media = {"Content-Type": "image/png"}
            return await client.post("/localize", content=encode(panorama(number)), params=query, headers=media)

    for number in (0, 7, 35):
        response = asyncio.run(ask(number))
        assert response.status_code == 200, response.text
        answer = response.json()
        assert answer["candidates"][0]["tile"]["id"] == f"t{number}"
        assert bundle.manifest.title in response.text


def test_it_says_what_was_assumed_and_measured(tmp_path: Path, pairs: Path) -> None:
    file = save_official(tmp_path / "c.pth.tar", transgeo_state(320))
    result = _run(
        "transgeo", file, "--guide", "self", "--dataset", "cvact", "--held-out", pairs, "--out", tmp_path / "bundle"
    )
    assert "note: assumed 146.21 m a side" in result.stderr
    assert "note: The weights' licence is recorded as not declared" in result.stderr
    assert "transgeo-cvact-stage-2@1, fp32" in result.stdout
    assert "code: MIT; weights: not declared; training data: research only" in result.stdout
    assert "against torch fp32, on all 3 held-out pairs" in result.stdout
    assert sum(line.startswith(("fp32 ", "int8 ", "bf16 ")) for line in result.stdout.splitlines()) >= 3


def test_json_is_one_object(tmp_path: Path, pairs: Path) -> None:
    (tmp_path / "p.toml").write_text(TOML)
    network = save_onnx(tmp_path / "n.onnx")
    arguments = ("onnx", network, network, tmp_path / "p.toml", "--held-out", pairs, "--out", tmp_path / "b")
    printed = json.loads(_run(*arguments, "--name", "mine", "--version", 2, "--json").stdout)
    bundle = open_model_bundle(tmp_path / "b")
    assert (printed["name"], printed["version"], printed["sha256"]) == ("mine", 2, bundle.sha256)


def test_without_held_out_pairs_a_city_is_rendered(tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text(TOML)
    network = save_onnx(tmp_path / "n.onnx")
    arguments = ("onnx", network, network, tmp_path / "p.toml", "--sample-places", 2, "--out", tmp_path / "b")
    assert "on 2 places of a synthetic city" in _run(*arguments).stdout


def test_a_pickle_bomb_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    torch.save({"state_dict": {}, "x": Path("x")}, tmp_path / "w.pth")
    for kind in (("transgeo",), ("sample4geo", "--dataset", "cvusa")):
        error = _refused(kind[0], tmp_path / "w.pth", *kind[1:], "--out", tmp_path / "b")
        assert isinstance(error, CheckpointUnsafe)
    assert not (tmp_path / "b").exists()


def test_guide_and_no_crop_exclude_each_other(tmp_path: Path) -> None:
    error = _refused("transgeo", tmp_path / "w.pth", "--guide", "self", "--no-crop", "--out", tmp_path / "b")
    assert isinstance(error, UsageError)


@pytest.mark.parametrize("name", ["transgeo", "sample4geo", "onnx"])
def test_help(name: str) -> None:
    text = _run(name, "--help").stdout
    assert all(option in text for option in ("--out", "--precision", "--held-out", "--weights-licence"))


def test_the_toml_file_is_shown() -> None:
    text = _run("onnx", "--help").stdout
    assert "panorama_aspect = 0.5" in text
    assert '# kind = "canvas"' in text
