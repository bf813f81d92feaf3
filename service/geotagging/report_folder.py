"""An archive and the folder of its report, held by one run at a time, and errors of the disk told as what they are."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models.errors import DiskFull, OutputBusy, OutputUnwritable

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


@contextmanager
def archive(folder: Path) -> Iterator[None]:
    """Hold an archive, so that two runs with reports elsewhere do not write the same side-cars. It may be read-only.

    Raises:
        OutputBusy: another run holds it.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise OutputBusy(f"Another run is at work on {folder}. Wait for it.") from error
    except OSError:  # a file system that knows no locks
        pass
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def report_folder(folder: Path) -> Iterator[None]:
    """Hold a report folder; a killed run's hold goes with its process.

    Raises:
        OutputBusy: another run holds it.
        DiskFull, OutputUnwritable: it cannot be made or written, also inside the block.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        finally:
            os.close(descriptor)
    except BlockingIOError as error:
        raise OutputBusy(f"Another run is writing to {folder}. Wait for it, or choose another --report.") from error
    except OSError as error:
        where, reason = error.filename or folder, error.strerror or str(error)
        if error.errno in FULL:
            raise DiskFull(f"No room is left to write {where}: {reason}. Free some and run again.") from error
        raise OutputUnwritable(f"Cannot write {where}: {reason}. Name a folder with --report that can be.") from error
