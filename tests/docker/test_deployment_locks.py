"""The locks of the images: exact, hashed, complete, of no index, and what pyproject.toml asks for."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, requires, version
from itertools import pairwise
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.docker.conftest import ROOT, Stage

LOCKS = ROOT / "docker" / "locks"
PYTHONS = ("3.11", "3.12", "3.13")
PACKAGE = re.compile(r"[a-z0-9-]+(\[[a-z,]+\])?==[0-9][\w.!+]*( ; [^;\\]+)? \\")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")
COMMENT = re.compile(r"    #( .*)?")


def _lines(name: str) -> list[str]:
    return (LOCKS / name).read_text(encoding="utf-8").splitlines()


def _pins(name: str) -> list[Requirement]:
    return [Requirement(line.rstrip("\\ ")) for line in _lines(name) if "==" in line and line[0] not in " #"]


def _asked(device: str) -> list[Requirement]:
    """What the extras ask for that the lock of a device is made from."""
    script = (ROOT / "docker" / "lock.sh").read_text(encoding="utf-8")
    (options,) = re.findall(rf"^compile {device}\.lock pyproject\.toml (.*) \"\$@\"$", script, flags=re.MULTILINE)
    extras = options.split()[1::2]
    assert device in extras
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    texts = [text for extra in extras for text in project["optional-dependencies"][extra]]
    return [Requirement(text) for text in [*project["dependencies"], *texts]]


@pytest.mark.parametrize("name", ["cpu.lock", "gpu.lock", "build.lock"])
def test_every_line_is_a_hashed_pin_or_a_comment(name: str) -> None:
    lines = _lines(name)
    strange = [
        line for line in lines if not (PACKAGE.fullmatch(line) or HASH.fullmatch(line) or COMMENT.fullmatch(line))
    ]
    assert strange == []
    after = [following for line, following in pairwise(lines) if PACKAGE.fullmatch(line)]
    assert after
    assert all(HASH.fullmatch(line) for line in after)


@pytest.mark.parametrize("name", ["cpu.lock", "gpu.lock", "build.lock"])
def test_no_lock_names_a_place(name: str) -> None:
    assert "://" not in (text := (LOCKS / name).read_text(encoding="utf-8"))
    assert not re.search(r"index-url|find-links|trusted-host|@ ", text)


@pytest.mark.parametrize("extra", ["cpu", "gpu"])
@pytest.mark.parametrize("python", PYTHONS)
def test_the_lock_satisfies_the_project(extra: str, python: str) -> None:
    pins = {canonicalize_name(pin.name): pin for pin in _pins(f"{extra}.lock") if _applies(pin, python)}
    for asked in _asked(extra):
        (exact,) = pins[canonicalize_name(asked.name)].specifier
        assert asked.specifier.contains(exact.version, prereleases=True), asked


@pytest.mark.parametrize("extra", ["cpu", "gpu"])
@pytest.mark.parametrize("python", PYTHONS)
def test_a_python_gets_each_package_once(extra: str, python: str) -> None:
    names = [canonicalize_name(pin.name) for pin in _pins(f"{extra}.lock") if _applies(pin, python)]
    assert len(names) == len(set(names))


def test_what_the_locked_packages_need_is_locked_too() -> None:
    """As far as what is installed here is what is locked."""
    pins = {
        canonicalize_name(pin.name): next(iter(pin.specifier)).version for pin in _pins("cpu.lock") if _applies(pin)
    }
    same = [name for name, locked in pins.items() if _installed(name) == locked]
    missing = {
        f"{name} needs {needed}"
        for name in same
        for needed in map(Requirement, requires(name) or [])
        if _applies(needed) and not needed.specifier.contains(pins.get(canonicalize_name(needed.name), "0"), True)
    }
    assert same
    assert missing == set()


def test_the_build_lock_is_what_the_build_asks_for() -> None:
    system = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]
    written = [line for line in (LOCKS / "build.in").read_text(encoding="utf-8").splitlines() if line[0] != "#"]
    assert written == system["requires"]


def test_no_lock_brings_a_trainer_or_an_installer() -> None:
    names = {pin.name for pin in _pins("cpu.lock") + _pins("gpu.lock")}
    assert not names & {"torch", "onnx", "numba", "rasterio", "pip", "setuptools"}


@pytest.mark.parametrize("stage", ["build", "build-cpu", "build-gpu", "wheel"])
def test_the_image_installs_nothing_without_its_hash(stages: dict[str, Stage], stage: str) -> None:
    commands = [
        part
        for run in stages[stage].all("RUN")
        for part in run.split("&&")
        if re.search(r"/pip .*(install|wheel)", part)
    ]
    assert commands
    for command in commands:
        assert {"--require-hashes", "--only-binary=:all:"} <= set(command.split()) or "--no-index" in command.split()


@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_the_image_installs_its_own_lock(stages: dict[str, Stage], device: str) -> None:
    hashed, own = stages[f"build-{device}"].all("RUN")
    assert f"-r /locks/{device}.lock" in hashed
    assert f"--lock /locks/{device}.lock --exact" in own


def _applies(requirement: Requirement, python: str = "") -> bool:
    chosen = {"python_version": python, "python_full_version": f"{python}.9"} if python else {}
    return requirement.marker is None or requirement.marker.evaluate({"extra": "", **chosen})


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def test_the_lock_script_writes_what_is_committed() -> None:
    script = (ROOT / "docker" / "lock.sh").read_text(encoding="utf-8")
    floor = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    for text in (script, (ROOT / "docker" / "floors.sh").read_text(encoding="utf-8")):
        assert f"PYTHON_FLOOR={floor.removeprefix('>=')} " in text
    assert {Path(word).name for word in re.findall(r"^compile (\S+)", script, flags=re.MULTILINE)} == {
        path.name for path in LOCKS.glob("*.lock")
    }
