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

from models.bundle import ModelBundle, open_model_bundle
from models.commands.export import command as export
from models.commands.model_info import command as model_info
from models.commands.train import command as train
from models.errors import BundleMissing, SkyfixError, UsageError
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
    document = config.model_dump(mode="json", exclude_none=True)
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
