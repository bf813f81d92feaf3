from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from index.commands import command
from index.manifest import FILES
from models.bundle import ModelBundle
from models.errors import BundleMissing, UsageError
from tests.index.made import square_transform, write_tif

UTM = "EPSG:32633"


def _run(*arguments: str | float | Path) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def _told(*arguments: str | float | Path) -> dict[str, object]:
    result = _run(*arguments, "--json")
    assert result.exit_code == 0, (result.stderr, result.exception)
    told: dict[str, object] = json.loads(result.stdout)
    return told


def _tif(path: Path, seed: int, lon: float = 15.0) -> Path:
    pixels = np.random.default_rng(seed).integers(0, 255, (3, 160, 160), dtype=np.uint8)
    return write_tif(path, pixels, square_transform(UTM, 50.0, lon, 160, 1.0), UTM)


@pytest.fixture
def sheets(tmp_path: Path) -> tuple[Path, Path]:
    return _tif(tmp_path / "a.tif", 0), _tif(tmp_path / "b.tif", 1, 15.01)


def _files(root: Path, generation: int) -> dict[str, bytes]:
    return {name: (root / f"gen-{generation}" / name).read_bytes() for name in FILES}


def test_an_index_grows_and_shrinks(tmp_path: Path, sheets: tuple[Path, Path], tiny_bundle: ModelBundle) -> None:
    one, two = sheets
    model = ("--bundle", tiny_bundle.folder)
    root, whole = tmp_path / "grown", tmp_path / "whole"
    first = _told("build", "--source", one, "--out", root, "--name", "town", *model)
    _told("build", "--source", one, "--source", two, "--out", whole, "--name", "town", *model)
    second = _told("add", "--index", root, "--source", two, *model)
    assert (second["title"], second["resumed"]) == ("town@2", first["count"])
    assert _files(root, 2) == _files(whole, 1)
    third = _told("remove", "--index", root, "--from-file", "b.tif")
    assert (third["title"], third["count"]) == ("town@3", first["count"])
    assert _files(root, 3) == _files(root, 1)
    assert _told("gc", "--index", root, "--keep", 1) == {"removed": ["gen-1", "gen-2"]}
    assert "nothing to remove" in _run("gc", "--index", root).stdout


def test_an_update_reads_only_what_changed(tmp_path: Path, sheets: tuple[Path, Path], tiny_bundle: ModelBundle) -> None:
    one, two = sheets
    model = ("--bundle", tiny_bundle.folder)
    built = _told("build", "--source", one, "--source", two, "--out", tmp_path / "old", *model)
    count = built["count"]
    assert isinstance(count, int)
    os.utime(one, (1e9, 1e9))
    _tif(two, 2, 15.01)
    both = ("--source", one, "--source", two)
    updated = _told("update", "--index", tmp_path / "old", *both, "--changed-since", "2020-01-01", *model)
    assert updated["count"] == count
    assert updated["resumed"] == pytest.approx(count / 2, abs=8)  # those of one of them
    assert _files(tmp_path / "old", 2) == _files(_rebuilt(tmp_path / "new", both, model), 1)
    one.write_bytes(b"not looked at")
    os.utime(one, (1e9, 1e9))
    again = _told("update", "--index", tmp_path / "old", *both, "--changed-since", "1h", *model)
    assert (again["count"], again["resumed"]) == (count, count)


def _rebuilt(root: Path, sources: tuple[str | Path, ...], model: tuple[str | Path, ...]) -> Path:
    _told("build", *sources, "--out", root, *model)
    return root


def test_what_is_not_said_is_asked_for(tmp_path: Path) -> None:
    assert isinstance(_run("remove", "--index", tmp_path).exception, UsageError)
    assert isinstance(_run("gc", "--index", tmp_path).exception, BundleMissing)
    result = _run("update", "--index", tmp_path, "--source", tmp_path / "gone.tif")
    assert isinstance(result.exception, BundleMissing | UsageError)


def test_an_update_of_nothing_new_says_so(tmp_path: Path, sheets: tuple[Path, Path], tiny_bundle: ModelBundle) -> None:
    one, _ = sheets
    root, model = tmp_path / "same", ("--bundle", tiny_bundle.folder)
    _told("build", "--source", one, "--out", root, *model)
    told = _told("update", "--index", root, "--source", one, *model)
    assert (told["unchanged"], told["title"]) == (True, "same@1")
    result = _run("update", "--index", root, "--source", one, *model)
    assert (result.exit_code, "nothing changed" in result.stdout) == (0, True)
    assert (root / "CURRENT").read_text().strip() == "gen-1"
