"""Reading files that an operator's folders may hold, whatever else lies there: pipes, links, lost disks."""

from __future__ import annotations

import errno
import stat
import time
from collections.abc import Callable
from pathlib import Path

from models.errors import PathUnsafe, SourceError, TileUnreadable

FILE_LIMIT_BYTES = 64 * 1024 * 1024
PASSING = (errno.EIO, errno.ESTALE, errno.EAGAIN, errno.ETIMEDOUT)
"""What a network's disk may say once and not again."""
PAUSES_S = (0.05, 0.5)


def persist(read: Callable[[], bytes], pause: Callable[[float], None] = time.sleep) -> bytes:
    """Read, and again up to two times where the system says that it could not."""
    for pause_s in PAUSES_S:
        try:
            return read()
        except OSError as error:
            if error.errno not in PASSING:
                raise
        pause(pause_s)
    return read()


def check_regular(path: Path) -> None:
    """Refuse what is no file before it is opened: opening a pipe waits for ever.

    Raises:
        PathUnsafe: it is a pipe, a socket or a device. SourceError: it is not there.
    """
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}.") from error
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise PathUnsafe(f"{path} is a pipe, a socket or a device. Name a file.")


def check_inside(folder: Path, path: Path) -> None:
    """Refuse a file of a folder that is a link to elsewhere.

    Raises:
        PathUnsafe: it is one, or a loop of links.
    """
    try:
        inside = path.resolve(strict=True).is_relative_to(folder.resolve())
    except (OSError, RuntimeError) as error:
        raise PathUnsafe(f"{path} is a link that leads nowhere.") from error
    if not inside:
        raise PathUnsafe(f"{path} is a link out of its folder. Name the file itself as a source.")


def read_inside(folder: Path, name: str) -> bytes:
    """Read a file that must lie in a folder, itself resolved.

    Raises:
        PathUnsafe: the path is absolute, leads out of the folder (also by a link), or is no regular file.
        TileUnreadable: it is not there, too large, or the system refuses.
    """
    if "\0" in name or "\\" in name or Path(name).is_absolute() or ".." in Path(name).parts:
        raise PathUnsafe("Its path must be relative and stay inside the folder, with forward slashes.")
    try:
        path = (folder / name).resolve(strict=True)
        about = path.stat()
        if not path.is_relative_to(folder) or not stat.S_ISREG(about.st_mode):
            raise PathUnsafe("Its path leads out of the folder or is not a regular file.")
        if about.st_size > FILE_LIMIT_BYTES:
            raise TileUnreadable(f"The file has {about.st_size} bytes; at most {FILE_LIMIT_BYTES} are read.")
        return persist(path.read_bytes)
    except RuntimeError as error:
        raise PathUnsafe("Its path is a loop of links.") from error
    except OSError as error:
        raise TileUnreadable(f"The file cannot be read: {error.strerror}.") from error
