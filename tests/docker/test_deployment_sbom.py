"""The bill of materials: valid CycloneDX, every package of the lock, the same bytes twice, and no other package."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from models.artefact import sha256_file
from models.bundle import default_bundle_path
from tests.docker.conftest import ROOT

LOCK = ROOT / "docker" / "locks" / "cpu.lock"


def _write(out: Path, lock: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "docker/sbom.py", "--lock", str(lock), "--out", str(out), *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sbom") / "deep" / "skyfix.cdx.json"
    assert _write(out, LOCK).returncode == 0
    return out


@pytest.fixture(scope="module")
def bill(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_it_is_valid(path: Path) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(path.read_text(encoding="utf-8")) is None


def test_it_names_every_package_of_the_lock(bill: Any) -> None:
    locked = {line.split("==")[0] for line in LOCK.read_text(encoding="utf-8").splitlines() if line[:1].isalnum()}
    assert {each["name"] for each in bill["components"] if each["type"] == "library"} == locked
    assert bill["metadata"]["component"]["name"] == "skyfix"


def test_it_holds_every_hash_that_may_be_installed(bill: Any) -> None:
    (numpy,) = [each for each in bill["components"] if each["name"] == "numpy"]
    text = LOCK.read_text(encoding="utf-8")
    start = text.index(f"numpy=={numpy['version']}")
    block = text[start : text.index("# via", start)]
    hashes = [each["content"] for each in numpy["externalReferences"][0]["hashes"]]
    assert len(hashes) > 10
    assert [
        line.strip(" \\").removeprefix("--hash=sha256:") for line in block.splitlines()[1:] if line.strip()
    ] == hashes


def test_it_says_licences_and_who_needs_whom(bill: Any) -> None:
    components = {each["name"]: each for each in bill["components"]}
    assert components["prometheus-client"]["licenses"]
    needs = {each["ref"]: each["dependsOn"] for each in bill["dependencies"]}
    assert components["anyio"]["bom-ref"] in needs[components["starlette"]["bom-ref"]]
    assert set(needs["skyfix"]) == {each["bom-ref"] for each in components.values()}


def test_it_names_the_models_that_come_with_it(bill: Any) -> None:
    (model,) = [each for each in bill["components"] if each["type"] == "machine-learning-model"]
    manifest = default_bundle_path() / "manifest.json"
    assert model["hashes"] == [{"alg": "SHA-256", "content": sha256_file(manifest)}]
    assert model["licenses"] == [{"expression": "Apache-2.0"}]
    assert "EfficientNet" in model["description"]


def test_it_is_the_same_twice(path: Path, tmp_path: Path) -> None:
    assert _write(tmp_path / "again.json", LOCK).returncode == 0
    assert (tmp_path / "again.json").read_bytes() == path.read_bytes()


def test_an_image_that_holds_more_than_its_lock_is_not_described(tmp_path: Path) -> None:
    done = _write(tmp_path / "out.json", LOCK, "--exact")
    assert done.returncode == 1
    assert "pytest: locked not at all" in done.stderr
    assert not (tmp_path / "out.json").exists()


@pytest.mark.parametrize("line", ["numpy>=2.0 --hash=sha256:" + "0" * 64, "numpy==2.0", "numpy==2.0 --hash=md5:00"])
def test_a_loose_lock_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "loose.lock").write_text(line + "\n", encoding="utf-8")
    done = _write(tmp_path / "out.json", tmp_path / "loose.lock")
    assert "no exact version" in done.stderr
    assert not (tmp_path / "out.json").exists()
