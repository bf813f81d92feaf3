"""A FAISS index on GPUs where there are some, held to its CPU answers, and one search at a time on each.

FAISS wants every device to be used by one thread only; other threads wait in its queue. What a GPU cannot do (lists
longer than 2,048, searches among chosen rows) is asked of the CPU's index, which is kept. Not every kind of index has a
form on the GPU: inverted lists of 8 bits a value (`balanced`) have, those of 4-bit groups (`compact`) and plain float16
rows have none.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from threading import Lock
from typing import Any, Protocol, TypeVar

import faiss
import numpy as np

from index.hits import Float32s, Int64s
from models.encoder import ProviderPolicy
from models.errors import ProviderUnavailable

MOST = 2048
"""Hits a query, and lists that are searched for one, on a GPU."""
TOP, ALIKE = 10, 0.95
"""Of this many best rows, a copy must name such a share of those that the CPU's index names."""
Found = TypeVar("Found")
logger = logging.getLogger("skyfix")


class Searchable(Protocol):
    """What an index of FAISS and one that was moved have in common."""

    def search(self, queries: Float32s, k: int, /, *, params: Any = None) -> tuple[Float32s, Int64s]:
        """(S, D) float32 -> similarities and rows, (S, k), best first; row -1 fills up."""


class GpuCalls(Protocol):
    """The calls of faiss-gpu that are needed; they raise RuntimeError."""

    def get_num_gpus(self) -> int: ...

    def index_cpu_to_gpu(self, device: int, index: Any) -> Searchable:
        """Copy an index to a device; all calls for a device, and searches there, come from one thread."""


class FaissGpu:
    """The calls of the FAISS that is installed; faiss-cpu sees no device."""

    def __init__(self) -> None:
        self._resources: dict[int, Any] = {}

    def get_num_gpus(self) -> int:
        return int(faiss.get_num_gpus()) if hasattr(faiss, "index_cpu_to_gpu") else 0

    def index_cpu_to_gpu(self, device: int, index: Any) -> Searchable:
        library: Any = faiss
        if device not in self._resources:
            self._resources[device] = library.StandardGpuResources()
        found: Searchable = library.index_cpu_to_gpu(self._resources[device], device, index)
        return found


class Gpus:
    """The devices of this process, a thread each; make one and share it among all indexes.

    Args:
        calls: of FAISS.
    """

    def __init__(self, calls: GpuCalls | None = None) -> None:
        self.calls = calls or FaissGpu()
        self.trouble = "FAISS sees no GPU (faiss-gpu and a driver are needed, in place of faiss-cpu)"
        try:
            count = self.calls.get_num_gpus()
        except RuntimeError as error:
            count, self.trouble = 0, f"FAISS cannot count GPUs: {_first_line(error)}"
        self._threads = [ThreadPoolExecutor(1, thread_name_prefix=f"gpu-{device}") for device in range(count)]
        self._waiting, self._lock = [0] * count, Lock()

    def __len__(self) -> int:
        return len(self._threads)

    def run(self, device: int, ask: Callable[[], Found]) -> Found:
        """Do something in a device's thread and wait for it."""
        with self._lock:
            self._waiting[device] += 1
        try:
            return self._threads[device].submit(ask).result()
        finally:
            with self._lock:
                self._waiting[device] -= 1

    def least_busy(self) -> int:
        with self._lock:
            return int(np.argmin(self._waiting))

    def close(self) -> None:
        """Let go of the threads once they have done what they were given; later searches fail."""
        for thread in self._threads:
            thread.shutdown()


@cache
def gpus_here() -> Gpus:
    """Give the devices of this process, found once."""
    return Gpus()


class OnGpu:
    """An index with a copy on every device; see Searchable. Safe for many threads at once.

    Args:
        index: on the CPU, for what a GPU cannot do.
        copies: one a device.
        gpus: whose threads search.
        what: for messages.
        strict: whether a GPU that fails later is an error; otherwise the CPU answers instead.
    """

    def __init__(self, index: Searchable, copies: list[Searchable], gpus: Gpus, what: str, strict: bool) -> None:
        self._index, self._copies, self._gpus = index, copies, gpus
        self._what, self._strict = what, strict

    def search(self, queries: Float32s, k: int, /, *, params: Any = None) -> tuple[Float32s, Int64s]:
        if k > MOST or getattr(params, "sel", None) is not None or getattr(params, "nprobe", 0) > MOST:
            return self._index.search(queries, k, params=params)
        device = self._gpus.least_busy()
        try:
            return self._gpus.run(device, lambda: self._copies[device].search(queries, k, params=params))
        except RuntimeError as error:
            said = f"GPU {device} failed to search {self._what}: {_first_line(error)}."
            if self._strict:
                raise ProviderUnavailable(f"{said} Look at the device, or choose prefer-gpu.") from error
            logger.warning("%s The CPU answers instead.", said)
            return self._index.search(queries, k, params=params)


def to_gpu(
    index: Searchable, policy: ProviderPolicy, gpus: Gpus, questions: Float32s, what: str, params: Any = None
) -> Searchable:
    """Copy an index to every device if the policy wants it, and tell the log what was done or why not.

    Args:
        index: of FAISS, on the CPU; goes on being used.
        policy: `cpu` leaves it there, `prefer-gpu` too where a GPU cannot be had, `require-gpu` raises.
        gpus: of this process.
        questions: (P, D) of the index's probes. A copy that does not answer them as the CPU's index does is not used.
        what: is searched, for messages.
        params: of these searches.

    Raises:
        ProviderUnavailable: `require-gpu`, and there is no device, the index has no form there, or it answers wrongly.
    """
    if policy == "cpu":
        logger.info("%s is searched on the CPU, as the policy says.", what)
        return index
    trouble = gpus.trouble if not len(gpus) else None
    copies: list[Searchable] = []
    for device in range(len(gpus)):
        try:
            copies.append(gpus.run(device, partial(gpus.calls.index_cpu_to_gpu, device, index)))
            alike = gpus.run(device, partial(_alike, index, copies[-1], questions, params))
        except RuntimeError as error:
            trouble = f"GPU {device} cannot take it: {_first_line(error)}"
            break
        if alike < ALIKE:
            trouble = f"GPU {device} gives only {alike:.1%} of the {TOP} best rows that the CPU gives, not {ALIKE:.0%}"
            break
    if trouble is None:
        logger.info("%s is searched on %d GPU(s), a thread each.", what, len(gpus))
        return OnGpu(index, copies, gpus, what, strict=policy == "require-gpu")
    if policy == "require-gpu":
        raise ProviderUnavailable(f"require-gpu, but {what} cannot be searched there: {trouble}. Choose prefer-gpu.")
    logger.warning("%s is searched on the CPU: %s.", what, trouble)
    return index


def _alike(index: Searchable, copy: Searchable, questions: Float32s, params: Any) -> float:
    """Give the share of the CPU's best rows that a copy names as well."""
    _, wanted = index.search(questions, TOP, params=params)
    _, given = copy.search(questions, TOP, params=params)
    real = wanted >= 0
    return float((wanted[:, :, None] == given[:, None, :]).any(axis=2)[real].mean()) if real.any() else 1.0


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:300].rstrip(".") if str(error) else type(error).__name__
