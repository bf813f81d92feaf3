"""What a decode worker may not do, held by the kernel: write files, dump core, grow, run long, outlive the service."""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import resource
import signal
import sys

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 1, 4, 38
OPEN_FILES = 64


def confine(memory_bytes: int, parent: int) -> None:
    """Give up what decoding does not need; for good, as hard limits cannot be raised again.

    Args:
        memory_bytes: address space, that of the interpreter and its libraries included.
        parent: process id; this process ends when that one does.
    """
    if sys.platform == "linux":
        prctl = ctypes.CDLL(None, use_errno=True).prctl
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() != parent:  # it has ended before the first line
        os._exit(0)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write to a file is an error, not the end
    for what, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_AS, memory_bytes),
    ):
        with contextlib.suppress(OSError, ValueError):  # a limit that is lower already, or none of this system
            resource.setrlimit(what, (most, most))


def allow_cpu(seconds: float) -> None:
    """Let the process use so much more CPU time; past it the kernel ends it, should nobody else do so."""
    most = math.ceil(cpu_s() + seconds) + 1
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CPU, (most, resource.RLIM_INFINITY))


def cpu_s() -> float:
    """Seconds of CPU time that this process has used."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
