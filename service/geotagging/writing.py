"""Files that appear whole under their name, with the permissions and, where wanted, the times of what they replace."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
from contextlib import suppress
from pathlib import Path

from models.disk import DISK, Disk
from service.errors import PhotoChanged
from service.geotagging.walk import TEMPORARY

ANYBODY_WRITES = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


def replace(path: Path, before: bytes | None, data: bytes, *, times: bool = False, disk: Disk = DISK) -> bool:
    """Write a file anew if it still is what was read; say whether there was anything to write.

    Args:
        path: its name.
        before: what was read; None if there was no such file.
        data: what it is to hold.
        times: keep when it was changed, besides its permissions and owner.
        disk: what to write through.

    Raises:
        PhotoChanged: it is something else by now.
        OSError: the system refuses, or the file is one that nobody may write: a rename would not mind.
    """
    if before == data:
        return False
    if before is not None and not path.stat().st_mode & ANYBODY_WRITES:
        raise PermissionError(errno.EACCES, "it is write-protected", str(path))
    now = path.read_bytes() if path.is_symlink() or path.exists() else None
    if now != before:
        raise PhotoChanged(f"{path.name} was changed while the photo was being placed. Run again.")
    _appear(path, data, disk, times)
    return True


def _appear(path: Path, data: bytes, disk: Disk, times: bool) -> None:
    """Write a hidden sibling, force it to the disk and give it the name."""
    temporary = path.with_name(f"{TEMPORARY}{secrets.token_hex(6)}")
    try:
        disk.write_file(temporary, data)
        if path.exists():
            about = path.stat()
            with suppress(PermissionError):
                os.chown(temporary, about.st_uid, about.st_gid)
            if times:
                shutil.copystat(path, temporary)
            else:
                shutil.copymode(path, temporary)
            disk.fsync(temporary)
        disk.rename(temporary, path)
        disk.fsync(path.parent)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
