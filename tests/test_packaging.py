"""What an installation will hold: the explicit package list equals what is on the disk."""

from __future__ import annotations

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


def _name(requirement: str) -> str:
    return requirement.split(">")[0].split("=")[0].split("[")[0].strip()
