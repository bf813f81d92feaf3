from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from numpy.typing import NDArray
from PIL import Image

from models.bundle import ModelBundle, open_model_bundle
from models.commands.evaluate import command as evaluate
from models.commands.export import command as export
from models.commands.model_info import command as model_info
from models.commands.train import command as train
from models.errors import BundleMissing, SkyfixError, SourceError, UsageError
from models.training.config import TrainConfig

Pixels = NDArray[np.uint8]
Paint = Callable[[Pixels], Pixels]


def _run(command: Any, *arguments: object) -> Result:
    result = CliRunner().invoke(command, [str(argument) for argument in arguments])
    assert result.exception is None, result.exception
    return result


def _refused(command: Any, *arguments: object) -> SkyfixError:
    result = CliRunner().invoke(command, [str(argument) for argument in arguments])
    assert isinstance(result.exception, SkyfixError)
    assert result.stdout == ""
    return result.exception


def _toml(config: TrainConfig) -> str:
    """JSON values are TOML values, and inline tables need only their equals signs."""
    document = config.model_dump(mode="json")
    return "\n".join(f"{name} = {_inline(value)}" for name, value in document.items())


def _inline(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {_inline(part)}" for name, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return json.dumps(value)


@pytest.fixture
def bundle_copy(tiny_bundle: ModelBundle, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_bundle.folder, tmp_path / "bundle"))


@pytest.fixture
def pairs_file(tmp_path: Path, sector_tile: Paint, strip_photo: Paint) -> Path:
    """Four places with panoramas that look south."""
    lines = ["ground,aerial,heading_deg,ground_resolution_m"]
    for i, colours in enumerate(np.random.default_rng(0).integers(0, 256, (4, 8, 3), dtype=np.uint8)):
        Image.fromarray(np.kron(sector_tile(colours), np.ones((2, 2, 1), np.uint8))).save(tmp_path / f"a{i}.png")
        Image.fromarray(np.repeat(strip_photo(colours), 2, axis=0)).save(tmp_path / f"g{i}.png")
        lines.append(f"g{i}.png,a{i}.png,180,1")
    path = tmp_path / "pairs.csv"
    path.write_text("\n".join(lines))
    return path


def test_model_info_prints_the_whole_manifest(tiny_bundle: ModelBundle) -> None:
    printed = json.loads(_run(model_info, tiny_bundle.folder, "--json").stdout)
    assert printed.pop("sha256") == tiny_bundle.sha256
    assert printed == tiny_bundle.manifest.model_dump(mode="json")


def test_model_info_says_what_a_model_is(tiny_bundle: ModelBundle) -> None:
    words = _run(model_info, tiny_bundle.folder).stdout
    for word in ("mean-colour@1", tiny_bundle.sha256[:12], "8 columns x 4 channels", "tile 32 px for 64 m"):
        assert word in words


def test_model_info_refuses_what_is_no_bundle(tmp_path: Path) -> None:
    assert isinstance(_refused(model_info, tmp_path, "--json"), BundleMissing)


def test_evaluate_measures_ones_own_pairs(tiny_bundle: ModelBundle, pairs_file: Path) -> None:
    answer = json.loads(_run(evaluate, "--bundle", tiny_bundle.folder, "--pairs", pairs_file, "--json").stdout)
    assert answer["model"] == "mean-colour@1"
    assert [row["orientation"] for row in answer["rows"]] == ["known", "unknown"]
    assert [row["recall_at_1"] for row in answer["rows"]] == [1.0, 1.0]
    assert answer["rows"][1]["heading_within_15_deg"] == 1.0


def test_evaluate_prints_a_row_for_every_field_of_view(tiny_bundle: ModelBundle, pairs_file: Path) -> None:
    arguments = ("--bundle", tiny_bundle.folder, "--pairs", pairs_file, "--fov", 360, "--fov", 90)
    table = _run(evaluate, *arguments, "--orientation", "unknown").stdout
    assert (table.count("100.0%") >= 8, "360°" in table, "90°" in table) == (True, True, True)


def test_evaluate_draws_a_city_and_records_the_figure_with_its_command(bundle_copy: Path) -> None:
    before = open_model_bundle(bundle_copy)
    arguments = ("--city", 3, "--places", 10, "--extent", 100, "--fov", 90, "--orientation", "unknown", "--record")
    (row,) = json.loads(_run(evaluate, "--bundle", bundle_copy, *arguments, "--json").stdout)["rows"]
    after = open_model_bundle(bundle_copy)
    (recorded,) = after.manifest.accuracy
    assert (row["protocol"], row["gallery"], row["fov_deg"]) == ("sample-city-centre, seed 3", 10, 90.0)
    assert recorded.command == "skyfix evaluate --city 3 --places 10 --extent 100"
    assert (recorded.recall_at_1, after.sha256) == (row["recall_at_1"], before.sha256)


def test_figures_on_ones_own_pairs_are_not_recorded(bundle_copy: Path, pairs_file: Path) -> None:
    before = (bundle_copy / "manifest.json").read_bytes()
    assert isinstance(_refused(evaluate, "--bundle", bundle_copy, "--pairs", pairs_file, "--record"), UsageError)
    assert (bundle_copy / "manifest.json").read_bytes() == before


@pytest.mark.parametrize("arguments", [(), ("--pairs", "x.csv", "--city", "1")])
def test_evaluate_wants_pairs_or_a_city(arguments: tuple[str, ...]) -> None:
    assert isinstance(_refused(evaluate, *arguments), UsageError)


def test_evaluate_names_a_missing_pairs_file(tiny_bundle: ModelBundle, tmp_path: Path) -> None:
    error = _refused(evaluate, "--bundle", tiny_bundle.folder, "--pairs", tmp_path / "no.csv", "--json")
    assert isinstance(error, SourceError)


def test_train_says_how_to_export(
    tiny_transgeo: TrainConfig, noise_store: Path, trained_run: Path, tmp_path: Path
) -> None:
    (tmp_path / "tiny.toml").write_text(_toml(tiny_transgeo))
    run = shutil.copytree(trained_run, tmp_path / "run")
    trained = _run(train, "--config", tmp_path / "tiny.toml", "--out", run, "--pairs", noise_store)
    assert trained.stdout == ""
    assert f"skyfix export --checkpoint {run / 'checkpoint.pt'}" in trained.stderr


def test_export_says_what_it_made(tiny_transgeo: TrainConfig, trained_run: Path, tmp_path: Path) -> None:
    exported = _run(export, "--checkpoint", trained_run / "checkpoint.pt", "--out", tmp_path / "bundle")
    assert "tiny@1" in exported.stdout
    assert open_model_bundle(tmp_path / "bundle").manifest.training["steps"] == tiny_transgeo.schedule.steps


def test_export_overwrites_nothing(
    tiny_transgeo: TrainConfig, untrained_run: Callable[[TrainConfig], Path], bundle_copy: Path
) -> None:
    before = sorted(path.stat().st_mtime_ns for path in bundle_copy.iterdir())
    assert isinstance(_refused(export, "--checkpoint", untrained_run(tiny_transgeo), "--out", bundle_copy), UsageError)
    assert sorted(path.stat().st_mtime_ns for path in bundle_copy.iterdir()) == before


def test_train_refuses_an_unknown_configuration(tmp_path: Path) -> None:
    assert isinstance(_refused(train, "--config", "nothing", "--out", tmp_path / "run"), UsageError)
    assert not (tmp_path / "run").exists()
