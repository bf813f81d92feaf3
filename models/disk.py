"""Every change that a job makes to the disk, in one place: a test hands in one that fails where it wants."""

from __future__ import annotations

import io
import os
import shutil
from pathlib import Path
from typing import Any


class Disk:
    """The disk as it is. All methods raise OSError with the file's name."""

    def free_bytes(self, folder: Path) -> int:
        return shutil.disk_usage(folder).free

    def mkdir(self, path: Path) -> None:
        path.mkdir()

    def create(self, path: Path) -> Output:
        """Open a new or emptied file for writing; close it, then `fsync` it."""
        return Output(self, path, os.O_TRUNC)

    def append(self, path: Path) -> Output:
        return Output(self, path, os.O_APPEND)

    def open(self, path: Path, flags: int) -> int:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | flags, 0o666)

    def write(self, descriptor: int, data: memoryview) -> int:
        """Write some of the data, as the system calls it: the number of bytes may be smaller."""
        return os.write(descriptor, data)

    def truncate(self, path: Path, size: int) -> None:
        os.truncate(path, size)

    def chmod(self, path: Path, mode: int) -> None:
        path.chmod(mode)

    def fsync(self, path: Path) -> None:
        """Force a file or a folder's entries to the disk."""
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        except OSError as error:
            raise _named(error, path) from error
        finally:
            os.close(descriptor)

    def rename(self, path: Path, target: Path) -> None:
        """Give a file or folder a name, whatever had it before."""
        path.replace(target)

    def remove(self, path: Path) -> None:
        """Remove a file, or a folder with all that is in it, also where it is read-only."""
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)
            shutil.rmtree(path)
        else:
            path.unlink()

    def write_file(self, path: Path, data: bytes) -> None:
        """Write a file whole and force it to the disk."""
        with self.create(path) as stream:
            stream.write(data)
        self.fsync(path)


class Output(io.RawIOBase):
    """A file being written; every write is whole or raises."""

    def __init__(self, disk: Disk, path: Path, flags: int) -> None:
        self._disk, self._path = disk, path
        self._descriptor = disk.open(path, flags)

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        rest = memoryview(data).cast("B")
        size = len(rest)
        try:
            while rest:
                rest = rest[self._disk.write(self._descriptor, rest) :]
        except OSError as error:
            raise _named(error, self._path) from error
        return size

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return os.lseek(self._descriptor, offset, whence)

    def tell(self) -> int:
        return os.lseek(self._descriptor, 0, os.SEEK_CUR)

    def close(self) -> None:
        if not self.closed:
            super().close()
            os.close(self._descriptor)


def _named(error: OSError, path: Path) -> OSError:
    return OSError(error.errno, error.strerror, str(path))


DISK = Disk()
