"""Memory that service and worker share, so that a photo is copied once each way and wakes nobody on its way."""

from __future__ import annotations

import contextlib
import os


class Memory:
    """A file without a name, in memory only; on systems that know none, nothing, and photos go over the socket.

    `fd` is its descriptor, -1 where there is none.
    """

    def __init__(self) -> None:
        self.fd = os.memfd_create("photo") if hasattr(os, "memfd_create") else -1

    def put(self, photo: bytes) -> bool:
        """Say whether the photo is in it now, from the start."""
        if self.fd < 0:
            return False
        done = 0
        try:
            while done < len(photo):
                done += os.pwrite(self.fd, memoryview(photo)[done:], done)
        except OSError:
            return False
        return True

    def clear(self) -> None:
        """Give the photo's memory back."""
        if self.fd >= 0:
            with contextlib.suppress(OSError):
                os.ftruncate(self.fd, 0)

    def close(self) -> None:
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)
