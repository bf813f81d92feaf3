"""An append-only list of what a job has finished: one JSON object a line, each line under a checksum.

A line's checksum covers the one before it too, so that a line that is missing, torn or changed ends the list there.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from models.artefact import canonical_json
from models.disk import Disk

CHECKSUM_DIGITS = 16
Record = dict[str, Any]


class Journal:
    """A journal on disk; a torn end, as a killed job leaves it, is cut off when it is opened.

    Args:
        path: the file; need not exist.
        disk: what to write through.
    """

    def __init__(self, path: Path, disk: Disk) -> None:
        self._path, self._disk = path, disk
        self.records, self._last, size = _read(path)
        if path.exists() and path.stat().st_size != size:
            disk.truncate(path, size)
            disk.fsync(path)

    def append(self, record: Record) -> None:
        """Add a line and force it to the disk."""
        text = canonical_json(record)
        checksum = _checksum(self._last, text)
        with self._disk.append(self._path) as stream:
            stream.write(f"{checksum} ".encode() + text + b"\n")
        self._disk.fsync(self._path)
        self._last = checksum
        self.records.append(record)


def read_records(path: Path) -> list[Record]:
    """Read a journal without opening it for more; none if there is no such file."""
    return _read(path)[0]


def _checksum(last: str, text: bytes) -> str:
    return hashlib.sha256(last.encode() + text).hexdigest()[:CHECKSUM_DIGITS]


def _read(path: Path) -> tuple[list[Record], str, int]:
    """Give the records up to the first line that does not hold, its predecessor's checksum, and bytes up to there."""
    records: list[Record] = []
    last, size = "", 0
    if not path.exists():
        return records, last, size
    for line in path.read_bytes().splitlines(keepends=True):
        checksum, _, text = line.rstrip(b"\n").partition(b" ")
        if not line.endswith(b"\n") or checksum.decode("latin-1") != _checksum(last, text):
            break
        records.append(json.loads(text))
        last, size = checksum.decode("ascii"), size + len(line)
    return records, last, size
