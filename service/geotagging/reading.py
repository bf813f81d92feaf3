"""Reading a file of an archive, whatever was put under its name meanwhile."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from service.errors import PhotoUnreadable

MOST_BYTES = 256 * 1024 * 1024


def read_regular(path: Path, most_bytes: int = MOST_BYTES) -> bytes:
    """Read a file whole; a link or a pipe is not opened, or not waited for.

    Raises:
        PhotoUnreadable: it is no regular file, too large, or the system refuses.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as stream:
            about = os.fstat(descriptor)
            if not stat.S_ISREG(about.st_mode):
                raise PhotoUnreadable(f"{path.name} is no file.")
            if about.st_size > most_bytes:
                raise PhotoUnreadable(f"{path.name} has {about.st_size} bytes; at most {most_bytes} are read.")
            return stream.read()
    except OSError as error:
        reason = "it is a link" if error.errno == errno.ELOOP else error.strerror
        raise PhotoUnreadable(f"{path.name} cannot be read: {reason}.") from error
