"""One decode worker as the service sees it: a process and a socket, given one photo at a time, killed when late."""

from __future__ import annotations

import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass

from models.errors import ImageTooComplex, ImageUndecodable, SkyfixError
from service.errors import DeadlineExceeded, Overloaded
from service.prepared import Prepared
from service.query import Query
from service.recipe import Recipe
from service.room.memory import Memory
from service.room.wire import (
    ANSWER,
    HELLO,
    JOB,
    MOST_JSON_BYTES,
    MOST_PIXEL_BYTES,
    Spent,
    WorkerLied,
    receive,
    send,
    unpack,
)

PASSED_ON = ("LD_LIBRARY_PATH", "SYSTEMROOT")
"""Environment that a worker needs; it is told no setting, no key and no path of the service."""
ALONE = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_TRIM_THRESHOLD_": str(64 << 20),  # a picture's memory is kept for the next one: a tenth of the time
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
}
EXIT_S = 0.5
SOCKET_BYTES = 1 << 20
BUSY_SHARE = 0.8
"""A late worker that used this share of its time on a CPU was kept busy by the photo; else the machine was busy."""
TOO_LONG = "The image takes longer to decode than a photo may. Save it again as a baseline JPEG."
RAN_OUT = "The time that X-Request-Timeout-Ms or the service allows ran out before the image was decoded."


@dataclass(frozen=True, slots=True)
class Job:
    """A photo to make ready."""

    recipe: Recipe
    query: Query
    photo: bytes


class WorkerLost(Exception):
    """The worker is gone or had to be killed; `answer` is what its photo's sender hears, `reason` what is counted."""

    def __init__(self, answer: SkyfixError, reason: str) -> None:
        super().__init__(str(answer))
        self.answer, self.reason = answer, reason


class Child:
    """A worker process. Only `kill` may be called by another thread than the one that has it.

    Args:
        memory_bytes: address space that it may have.
        cook: `MODULE:FUNCTION` to use instead of `service.room.worker.cook`.
    """

    def __init__(self, memory_bytes: int, cook: str | None = None) -> None:
        self._peer, theirs = socket.socketpair()
        for end in (self._peer, theirs):  # a canvas fits in, so that neither side waits for the other
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BYTES)
        self._cpu_s, self._ended_cpu_s, self.done = 0.0, 0.0, 0
        self._reaping = threading.Lock()
        environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        path = os.pathsep.join(os.path.abspath(place) for place in sys.path)  # noqa: PTH100  # "" is here
        environment |= {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8"}
        environment |= ALONE
        self._memory = Memory()
        with theirs:
            mine = str(theirs.fileno()), str(self._memory.fd), str(memory_bytes), str(os.getpid())
            told = [*mine, *([cook] if cook else [])]
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "service.room.worker", *told],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment,
                pass_fds=[fd for fd in (theirs.fileno(), self._memory.fd) if fd >= 0],
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """False if it has ended by itself, or somebody ended it."""
        with self._reaping:
            if self._process.returncode is not None:
                return False
            pid, status, _ = os.wait4(self.pid, os.WNOHANG)
            if pid:
                self._process.returncode = os.waitstatus_to_exitcode(status)
            return not pid

    def wait_until_started(self, seconds: float) -> bool:
        """Wait until it can be given photos; False if it cannot."""
        try:
            (self._cpu_s,) = HELLO.unpack(receive(self._peer, HELLO.size, time.monotonic() + seconds))
        except (EOFError, OSError):
            return False
        return True

    def make_ready(self, job: Job, most_s: float) -> tuple[Spent, Prepared | SkyfixError]:
        """Have a photo prepared; give what it took and the outcome.

        Args:
            most_s: time that it may take.

        Raises:
            WorkerLost: this worker cannot be given another photo.
            WorkerCrashed: the program is at fault; the worker lives on.
        """
        until = time.monotonic() + most_s
        recipe, query = pickle.dumps(job.recipe), pickle.dumps(job.query)
        is_shared = self._memory.put(job.photo)
        head = JOB.pack(len(recipe), len(query), is_shared, len(job.photo), most_s)
        try:
            send(self._peer, (head + recipe + query, b"" if is_shared else job.photo), until)
            text_size, pixel_size = ANSWER.unpack(receive(self._peer, ANSWER.size, until))
            if text_size > MOST_JSON_BYTES or pixel_size > MOST_PIXEL_BYTES:
                raise WorkerLied("an answer of impossible size")
            text, pixels = bytes(receive(self._peer, text_size, until)), receive(self._peer, pixel_size, until)
            told, outcome = unpack(text, pixels)
        except TimeoutError:
            raise self._late(most_s) from None
        except (EOFError, ConnectionError):
            raise self._died() from None
        except WorkerLied as error:
            self.kill()
            raise WorkerLost(_undecodable(), f"lied: {error}") from None
        finally:
            self._memory.clear()
        self.done += 1
        self._cpu_s = told.spent.cpu_s
        return told.spent, outcome

    def kill(self) -> tuple[int, float]:
        """End it at once; give its exit code, negative for a signal, and its CPU seconds since the last photo."""
        return self._reap(0.0)

    def _reap(self, patience_s: float) -> tuple[int, float]:
        """Wait until it has ended, with a hand in that when patience is at an end."""
        ends = time.monotonic() + patience_s
        with self._reaping:
            while self._process.returncode is None:
                if time.monotonic() >= ends:
                    os.kill(self.pid, signal.SIGKILL)  # not yet waited for, so the number is still its own
                    pid, status, usage = os.wait4(self.pid, 0)
                else:
                    pid, status, usage = os.wait4(self.pid, os.WNOHANG)
                if pid:
                    self._process.returncode = os.waitstatus_to_exitcode(status)
                    self._ended_cpu_s = usage.ru_utime + usage.ru_stime
                else:
                    time.sleep(0.005)
            self._peer.close()
            self._memory.close()
            return self._process.returncode, self._ended_cpu_s - self._cpu_s

    def _late(self, most_s: float) -> WorkerLost:
        _, cpu_s = self.kill()
        return WorkerLost(verdict(cpu_s, most_s), "late")

    def _died(self) -> WorkerLost:
        code, _ = self._reap(EXIT_S)
        if code == -signal.SIGKILL:  # not by us: the kernel was out of memory
            return WorkerLost(
                Overloaded("There was no memory left to decode the image. Try again in a moment."), "died"
            )
        if code == -signal.SIGXCPU:
            return WorkerLost(ImageTooComplex(TOO_LONG), "late")
        return WorkerLost(_undecodable(), "died")


def verdict(cpu_s: float, most_s: float) -> SkyfixError:
    """Decide whose fault it was that a photo was not decoded in time.

    Args:
        cpu_s: time that it had on a CPU.
        most_s: time that it was allowed.
    """
    return DeadlineExceeded(RAN_OUT) if cpu_s < BUSY_SHARE * most_s else ImageTooComplex(TOO_LONG)


def _undecodable() -> ImageUndecodable:
    return ImageUndecodable("The image brought its decoder down. Send the original file.")
