"""A power cut at any moment: what was never forced to the disk is gone, and still nothing half-published is seen."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import pytest

from index.build import Run, build_index
from index.bundle import open_index
from models.disk import Disk, Output
from models.encoder import FakeEncoder
from tests.index.made import Noise

Listing = dict[str, int]


class Remembering(Disk):
    """Knows, after each operation, what a power cut would leave: files and folders as they were last forced.

    The strictest reading of what a file system owes: an entry counts once its folder was forced, bytes once their
    file was. Files and folders are told apart by their inodes, so that a new name changes nothing about either; all are
    kept open, so that no inode is given away again.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._bytes: dict[int, bytes] = {}
        self._listings: dict[int, Listing] = {}
        self.states: list[dict[str, bytes]] = []
        """Of each moment that differs from the one before: path -> bytes."""
        self._open: list[int] = []

    def close(self) -> None:
        for descriptor in self._open:
            os.close(descriptor)

    def _note(self) -> None:
        state = dict(self._walk(self._root.stat().st_ino, ""))
        if not self.states or state != self.states[-1]:
            self.states.append(state)

    def _walk(self, folder: int, prefix: str) -> list[tuple[str, bytes]]:
        found = []
        for name, inode in self._listings.get(folder, {}).items():
            if inode in self._listings:
                found += self._walk(inode, f"{prefix}{name}/")
            else:
                found.append((f"{prefix}{name}", self._bytes.get(inode, b"")))
        return found

    def mkdir(self, path: Path) -> None:
        super().mkdir(path)
        self._open.append(os.open(path, os.O_RDONLY))
        self._listings[path.stat().st_ino] = {}
        self._note()

    def create(self, path: Path) -> Output:
        stream = super().create(path)
        self._open.append(os.open(path, os.O_RDONLY))
        self._bytes[path.stat().st_ino] = b""
        self._note()
        return stream

    def rename(self, path: Path, target: Path) -> None:
        super().rename(path, target)
        self._note()

    def fsync(self, path: Path) -> None:
        super().fsync(path)
        inode = path.stat().st_ino
        if path.is_dir():
            self._listings[inode] = {entry.name: entry.stat().st_ino for entry in path.iterdir()}
        else:
            self._bytes[inode] = path.read_bytes()
        self._note()


def _build(root: Path, source: Noise, disk: Disk) -> None:
    build_index(source, FakeEncoder(), root, name="noise", run=Run(shard_tiles=5, workers=1, disk=disk))


def _published(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in open_index(root).folder.iterdir()}


def _lay_out(folder: Path, state: dict[str, bytes]) -> Path:
    for name, data in state.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def test_the_pointer_names_a_whole_index_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    root = tmp_path / "index"
    root.mkdir()
    with closing(Remembering(root)) as disk:
        _build(root, Noise(count=12), disk)
        first = len(disk.states)
        _build(root, Noise(count=17), disk)
    expected = _published(root)
    seen = []
    for number, state in enumerate(disk.states):
        left = _lay_out(tmp_path / str(number), state)
        if "CURRENT" in state:
            seen.append((state["CURRENT"], len(open_index(left))))
        if number >= first and state["CURRENT"] != b"gen-2\n":
            _build(left, Noise(count=17), Disk())
            assert _published(left) == expected
    assert set(seen) == {(b"gen-1\n", 12), (b"gen-2\n", 17)}
    assert len(seen) >= 10
