"""Several processes behind one public port: the kernel deals connections out among them, Prometheus scrapes each."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from types import FrameType

from models.errors import UsageError
from service.errors import AddressUnavailable
from service.server import bind
from service.settings import Settings
from service.sizes import available_cores
from service.tracking.token import new_secret

Work = Callable[[Settings], None]
logger = logging.getLogger("skyfix")
KILLED = 128
"""What shells add to the signal that ended a process."""
PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def supervise(settings: Settings, work: Work) -> int:
    """Run `work` in as many processes as the settings say; pass signals on to all; end when they have ended.

    One that ends without being told to takes the others with it: whoever watches this process starts it anew.

    Args:
        work: serves until it is told to end; importable by name, as each process begins anew.

    Returns:
        Exit code: 0 if it was told to end and all ended well, else that of a process that did not, or 1.

    Raises:
        UsageError: a GPU is wished; it is for one process.
        AddressUnavailable: the public port is taken.
    """
    if settings.provider != "cpu":
        raise UsageError("--workers shares out cores. Start one server a GPU instead, by CUDA_VISIBLE_DEVICES.")
    with _reserved(settings.host, settings.port) as port:
        spawn = multiprocessing.get_context("spawn")
        alike = settings.sharing(new_secret())
        shares = [share(alike, number, port) for number in range(settings.workers)]
        workers = [spawn.Process(target=_run, args=(work, each), name=f"worker-{n}") for n, each in enumerate(shares)]
        told = threading.Event()

        def pass_on(number: int, _: FrameType | None) -> None:
            if number != signal.SIGHUP:
                told.set()
            _signal(workers, number)

        for number in PASSED_ON:
            signal.signal(number, pass_on)
        for worker in workers:
            worker.start()
        wait([worker.sentinel for worker in workers])
        asked = told.is_set()
        if not asked:
            _signal(workers, signal.SIGTERM)
        for worker in workers:
            worker.join()
    codes = [worker.exitcode or 0 for worker in workers]
    if not asked:
        logger.error("a server process ended unasked, so all were ended; exit codes %s", codes)
    return next((code if code > 0 else KILLED - code for code in codes if code), 0 if asked else 1)


def share(settings: Settings, number: int, port: int) -> Settings:
    """Give one process its part of cores, places, connections and of what each key may do."""
    count, cores = settings.workers, max(1, available_cores() // settings.workers)

    def part(whole: int) -> int:
        return max(1, whole // count)

    return settings.model_copy(
        update={
            "workers": 1,
            "reuse_port": True,
            "port": port,
            "admin_port": settings.admin_port and settings.admin_port + number,
            "encoders": settings.encoders or max(1, cores // settings.threads),
            "decode_workers": min(settings.decode_workers, cores),
            "places": part(settings.places),
            "max_connections": part(settings.max_connections),
            "key_requests_per_s": settings.key_requests_per_s / count,
            "key_burst": part(settings.key_burst),
            "key_bytes_per_minute": part(settings.key_bytes_per_minute),
            "key_in_flight": part(settings.key_in_flight),
            "failed_auth_per_minute": part(settings.failed_auth_per_minute),
        }
    )


@contextmanager
def _reserved(host: str, port: int) -> Iterator[int]:
    """Hold a port, without listening, so that only processes of this server come to share it.

    Raises:
        AddressUnavailable: somebody has it, maybe another server with workers.
    """
    with bind(host, port) as alone:
        number = int(alone.getsockname()[1])
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            held.bind((host, number))
        except OSError as error:
            raise AddressUnavailable(f"Cannot hold {host}:{number}: {error.strerror}. Choose another port.") from error
        yield number


def _run(work: Work, settings: Settings) -> None:
    """Work, and end when the process that supervises is gone without a word."""
    os.setpgrp()  # Ctrl-C is for the one that supervises, which passes it on once
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), name="parent", daemon=True).start()
    work(settings)


def _end_with(sentinel: int) -> None:
    wait([sentinel])
    os.kill(os.getpid(), signal.SIGTERM)


def _signal(workers: list[SpawnProcess], number: int) -> None:
    for worker in workers:
        if worker.pid is not None and worker.is_alive():
            os.kill(worker.pid, number)
