"""A disk that fails where a test wants it to."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from models.disk import Disk, Output


class FaultyDisk(Disk):
    """Fails the operation of a number, or all from it on.

    Args:
        number: of the first operation that fails, from 1.
        error: an errno.
        lasting: all after it fail too; removing what was half-written works even then, as on a full disk.
        short: instead of failing, a write takes only its first byte; others are not touched.
    """

    def __init__(self, number: int, error: int = errno.EIO, lasting: bool = False, short: bool = False) -> None:
        self.count = 0
        self._number, self._error, self._lasting, self._short = number, error, lasting, short

    @property
    def reached(self) -> bool:
        return self.count >= self._number

    def _due(self) -> bool:
        self.count += 1
        return self.count == self._number or (self._lasting and self.reached)

    def _check(self, path: Path) -> None:
        if self._due() and not self._short:
            raise OSError(self._error, os.strerror(self._error), str(path))

    def mkdir(self, path: Path) -> None:
        self._check(path)
        super().mkdir(path)

    def create(self, path: Path) -> Output:
        self._check(path)
        return super().create(path)

    def append(self, path: Path) -> Output:
        self._check(path)
        return super().append(path)

    def write(self, descriptor: int, data: memoryview) -> int:
        if not self._due():
            return super().write(descriptor, data)
        super().write(descriptor, data[: 1 if self._short else len(data) // 2])
        if not self._short:
            raise OSError(self._error, os.strerror(self._error))
        return 1

    def truncate(self, path: Path, size: int) -> None:
        self._check(path)
        super().truncate(path, size)

    def chmod(self, path: Path, mode: int) -> None:
        self._check(path)
        super().chmod(path, mode)

    def fsync(self, path: Path) -> None:
        self._check(path)
        super().fsync(path)

    def rename(self, path: Path, target: Path) -> None:
        self._check(path)
        super().rename(path, target)
