from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import Field

from models.artefact import (
    MANIFEST,
    MANIFEST_LIMIT_BYTES,
    Frozen,
    appear_whole,
    canonical_json,
    read_manifest,
    sha256_file,
    verify_files,
    write_manifest,
)
from models.errors import (
    BundleError,
    BundleMissing,
    ChecksumMismatch,
    FileMissing,
    FileUnexpected,
    ManifestInvalid,
    UnsupportedVersion,
    UsageError,
)

ROOT = Path(__file__).parents[2]
ABC = hashlib.sha256(b"abc").hexdigest()


class Small(Frozen):
    format_version: int = 1
    metres: float
    tags: dict[str, int] = Field(default_factory=dict)


def _read(folder: Path, text: str | bytes) -> Small:
    (folder / MANIFEST).write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_manifest(folder, Small, 1)


def test_a_manifest_survives_the_disk(tmp_path: Path) -> None:
    written = Small(metres=0.1, tags={"Straße": 2})
    write_manifest(tmp_path, written)
    assert read_manifest(tmp_path, Small, 1) == written


@pytest.mark.parametrize(
    "text",
    [
        '{"metres": NaN}',
        '{"metres": -Infinity}',
        '{"metres": 1e999}',
        '{"metres": 1, "metres": 2}',
        '{"metres": 1, "tags": {"a": 1, "a": 1}}',
        '{"metres": 1, "feet": 3}',
        '{"metres": 1',
        '{"metres": "far"}',
        '{"format_version": "1.5", "metres": 1}',
        "{}",
        "[1]",
        "",
        "[" * 100_000,
        b'{"metres": 1, "\xff": 1}',
        b"\x00\x01\x02",
    ],
)
def test_a_broken_manifest_is_refused(tmp_path: Path, text: str | bytes) -> None:
    with pytest.raises(ManifestInvalid, match=MANIFEST):
        _read(tmp_path, text)


def test_an_endless_manifest_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(ManifestInvalid, match=str(MANIFEST_LIMIT_BYTES)):
        _read(tmp_path, b" " * (MANIFEST_LIMIT_BYTES + 1))


@pytest.mark.parametrize(("version", "advice"), [(2, "Upgrade"), (0, "Build the bundle again")])
def test_another_format_says_which_side_is_old(tmp_path: Path, version: int, advice: str) -> None:
    with pytest.raises(UnsupportedVersion, match=advice):
        _read(tmp_path, json.dumps({"format_version": version, "unknown": 1}))


@pytest.mark.parametrize("folder", ["nowhere", "."])
def test_no_manifest_is_no_bundle(tmp_path: Path, folder: str) -> None:
    with pytest.raises(BundleMissing, match=r"No bundle at"):
        read_manifest(tmp_path / folder, Small, 1)


def test_the_first_fault_is_named_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(ManifestInvalid, match=r"tags\.a: .*2 problem"):
        _read(tmp_path, '{"metres": 1, "tags": {"a": "b", "c": "d"}}')


def test_canonical_json_sorts_and_keeps_no_blanks() -> None:
    assert canonical_json({"b": [1, 2.5], "a": "é"}) == '{"a":"é","b":[1,2.5]}'.encode()


def test_canonical_json_has_no_nan() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json(float("nan"))


def test_sha256_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    assert sha256_file(tmp_path / "x") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def _bundle(folder: Path) -> dict[str, str]:
    for name in ("a", "b", MANIFEST):
        (folder / name).write_bytes(b"abc")
    return {"a": ABC, "b": ABC}


def test_whole_bundles_verify(tmp_path: Path) -> None:
    verify_files(tmp_path, _bundle(tmp_path))


def test_one_flipped_bit_is_found(tmp_path: Path) -> None:
    expected = _bundle(tmp_path)
    (tmp_path / "b").write_bytes(b"abb")
    with pytest.raises(ChecksumMismatch, match=r"b does not match"):
        verify_files(tmp_path, expected)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    expected = _bundle(tmp_path)
    (tmp_path / "b").unlink()
    with pytest.raises(FileMissing, match="'b'"):
        verify_files(tmp_path, expected)


def test_a_foreign_file_is_named(tmp_path: Path) -> None:
    expected = _bundle(tmp_path)
    (tmp_path / "c").mkdir()
    with pytest.raises(FileUnexpected, match="'c'"):
        verify_files(tmp_path, expected)


def test_no_file_outside_the_bundle_is_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"abc")
    inner = tmp_path / "bundle"
    inner.mkdir()
    with pytest.raises(FileMissing):
        verify_files(inner, {"../secret": ABC})


def test_a_folder_appears_with_all_its_files(tmp_path: Path) -> None:
    with appear_whole(tmp_path / "deep" / "out") as folder:
        (folder / "sub").mkdir()
        (folder / "sub" / "x").write_text("1")
        assert not (tmp_path / "deep" / "out").exists()
    assert (tmp_path / "deep" / "out" / "sub" / "x").read_text() == "1"
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["out"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, BundleError])
def test_an_error_leaves_nothing_behind(tmp_path: Path, error: type[BaseException]) -> None:
    def write_half() -> None:
        with appear_whole(tmp_path / "out") as folder:
            (folder / "half").write_text("1")
            raise error

    with pytest.raises(error):
        write_half()
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_may_be_filled(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with appear_whole(tmp_path / "out") as folder:
        (folder / "x").touch()
    assert (tmp_path / "out" / "x").exists()


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_exists_is_not_overwritten(tmp_path: Path, kind: str) -> None:
    kept = tmp_path / "out" / "kept" if kind == "folder" else tmp_path / "out"
    kept.parent.mkdir(exist_ok=True)
    kept.write_text("mine")
    with pytest.raises(UsageError, match="exists and is not empty"), appear_whole(tmp_path / "out"):
        pytest.fail("filled a folder that was taken")
    assert kept.read_text() == "mine"


def test_a_killed_writer_leaves_nothing_under_the_name(tmp_path: Path) -> None:
    script = """
import sys, time
from pathlib import Path
from models.artefact import appear_whole
with appear_whole(Path(sys.argv[1])) as folder:
    (folder / "half").write_text("1")
    print("writing", flush=True)
    time.sleep(60)
"""
    target = tmp_path / "out"
    with subprocess.Popen([sys.executable, "-c", script, str(target)], cwd=ROOT, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"writing\n"
        child.send_signal(signal.SIGKILL)
    assert not target.exists()
    with appear_whole(target) as folder:
        (folder / "whole").touch()
    assert [path.name for path in target.iterdir()] == ["whole"]
