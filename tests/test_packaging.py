"""What an installation will hold: the explicit package list equals what is on the disk."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PARTS = ("service", "index", "models")


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def _folders_with_code() -> set[Path]:
    return {path.parent for part in PARTS for path in (ROOT / part).rglob("*.py")}


def test_the_package_list_names_every_package(project: dict[str, Any]) -> None:
    listed = project["tool"]["setuptools"]["packages"]
    found = {".".join(folder.relative_to(ROOT).parts) for folder in _folders_with_code()}
    assert len(set(listed)) == len(listed)
    assert set(listed) == found


def test_every_folder_with_code_is_a_package() -> None:
    assert [folder for folder in _folders_with_code() if not (folder / "__init__.py").is_file()] == []


def test_the_files_that_travel_with_the_code_are_there(project: dict[str, Any]) -> None:
    for package, patterns in project["tool"]["setuptools"]["package-data"].items():
        assert any(list((ROOT / package).glob(pattern)) for pattern in patterns), package


def test_the_command_exists(project: dict[str, Any]) -> None:
    module, _, _ = project["project"]["scripts"]["skyfix"].partition(":")
    assert (ROOT / module.replace(".", "/")).with_suffix(".py").is_file()


def test_processor_and_gpu_builds_are_extras_of_their_own(project: dict[str, Any]) -> None:
    extras = project["project"]["optional-dependencies"]
    both = [name for name, wanted in extras.items() if {"onnxruntime", "onnxruntime-gpu"} <= {_name(w) for w in wanted}]
    assert both == []
    assert "skyfix[gpu" not in " ".join(extras["dev"])


@pytest.mark.parametrize("module", ["models.encoder", "index.engines.handshake", "service.loading"])
def test_loading_the_runtime_leaves_nothing_at_home(module: str, tmp_path: Path) -> None:
    """ONNX Runtime would leave a device id there, and send it home, unless told before it is imported."""
    environment = {name: value for name, value in os.environ.items() if name not in {"ORT_DISABLE_TELEMETRY", "CI"}}
    environment |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache"), "TMPDIR": str(tmp_path)}
    script = f"import {module}, os; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "1\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_same_commit_makes_the_same_files(tmp_path: Path) -> None:
    script, sums = ROOT / "docker" / "dist.sh", []
    for out, zone, umask in (("one", "UTC", 0o022), ("another", "Asia/Kathmandu", 0o077)):
        (tmp_path / out).mkdir()
        environment = {**os.environ, "OUT": str(tmp_path / out), "BUILD_PYTHON": sys.executable, "TZ": zone}
        environment |= {"TMPDIR": str(tmp_path / out), "SOURCE_DATE_EPOCH": "1700000000"}
        subprocess.run([script], env=environment, check=True, capture_output=True, umask=umask)
        sums.append((tmp_path / out / "SHA256SUMS").read_text(encoding="ascii"))
        assert len(list((tmp_path / out).iterdir())) == 3
    assert sums[0] == sums[1]
    assert [line.split()[1] for line in sums[0].splitlines()] == [
        "skyfix-0.1.0.tar.gz",
        "skyfix-0.1.0-py3-none-any.whl",
    ]


def _name(requirement: str) -> str:
    return requirement.split(">")[0].split("=")[0].split("[")[0].strip()
