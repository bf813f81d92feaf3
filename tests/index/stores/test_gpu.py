from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Lock, current_thread
from time import sleep
from typing import Any

import faiss
import numpy as np
import pytest

from index.hits import Float32s, Int64s
from index.stores.gpu import MOST, FaissGpu, Gpus, OnGpu, Searchable, to_gpu
from models.errors import ProviderUnavailable
from tests.index.made import unit_rows

ROWS, QUESTIONS = unit_rows(3000, 16), unit_rows(24, 16, seed=1)


class Copy:
    """Searches on the CPU as a device would, and notices who is there at once."""

    def __init__(self, index: Any, device: Device) -> None:
        self._index, self._device = index, device

    def search(self, queries: Float32s, k: int, /, *, params: Any = None) -> tuple[Float32s, Int64s]:
        with self._device:
            similarity, rows = self._index.search(queries, k, params=params)
            return similarity, (rows + 1 if self._device.lies else rows)


class Device:
    def __init__(self) -> None:
        self.busy = self.most_busy = self.searches = 0
        self.threads: set[str] = set()
        self.lies = self.broken = False
        self._lock = Lock()

    def __enter__(self) -> None:
        with self._lock:
            self.busy, self.searches = self.busy + 1, self.searches + 1
            self.most_busy = max(self.most_busy, self.busy)
            self.threads.add(current_thread().name)
        sleep(0.001)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self.busy -= 1
        if self.broken:
            raise RuntimeError("CUDA error 2 out of memory\nat some line")


class Stub:
    """The calls of faiss-gpu on a machine with some devices."""

    def __init__(self, count: int) -> None:
        self.devices = [Device() for _ in range(count)]
        self.refuses = False

    def get_num_gpus(self) -> int:
        return len(self.devices)

    def index_cpu_to_gpu(self, device: int, index: Any) -> Searchable:
        if self.refuses:
            raise RuntimeError("This index type is not implemented on GPU.")
        with self.devices[device]:
            return Copy(index, self.devices[device])


class NoDriver(Stub):
    def get_num_gpus(self) -> int:
        raise RuntimeError("CUDA driver version is insufficient")


@pytest.fixture(scope="module")
def index() -> Any:
    flat = faiss.IndexFlatIP(16)
    found = faiss.IndexIVFFlat(flat, 16, 20, faiss.METRIC_INNER_PRODUCT)
    found.train(ROWS)
    found.add(ROWS)
    found.nprobe = 20
    return found


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.INFO, "skyfix"):
        yield caplog


def test_the_policy_cpu_asks_no_device(index: Any, log: pytest.LogCaptureFixture) -> None:
    stub = Stub(1)
    assert to_gpu(index, "cpu", Gpus(stub), QUESTIONS, "town@1") is index
    assert stub.devices[0].searches == 0
    assert log.messages == ["town@1 is searched on the CPU, as the policy says."]


def test_a_device_is_taken_and_gives_the_same(index: Any, log: pytest.LogCaptureFixture) -> None:
    stub = Stub(2)
    gpus = Gpus(stub)
    moved = to_gpu(index, "prefer-gpu", gpus, QUESTIONS, "town@1")
    assert isinstance(moved, OnGpu)
    assert log.messages == ["town@1 is searched on 2 GPU(s), a thread each."]
    expected, given = index.search(QUESTIONS, 7), moved.search(QUESTIONS, 7)
    assert np.array_equal(expected[0], given[0])
    assert np.array_equal(expected[1], given[1])
    gpus.close()


@pytest.mark.parametrize(
    ("stub", "why"),
    [
        (Stub(0), r"FAISS sees no GPU \(faiss-gpu and a driver are needed"),
        (NoDriver(1), "FAISS cannot count GPUs: CUDA driver version is insufficient"),
    ],
)
def test_without_a_device_the_log_says_so_or_it_is_an_error(
    index: Any, log: pytest.LogCaptureFixture, stub: Stub, why: str
) -> None:
    assert to_gpu(index, "prefer-gpu", Gpus(stub), QUESTIONS, "town@1") is index
    with pytest.raises(ProviderUnavailable, match="require-gpu, but town@1 cannot be searched there: " + why):
        to_gpu(index, "require-gpu", Gpus(stub), QUESTIONS, "town@1")
    (line,) = log.records
    assert line.levelno == logging.WARNING
    assert line.getMessage().startswith("town@1 is searched on the CPU: FAISS")


def test_an_index_that_has_no_form_on_a_gpu_stays(index: Any, log: pytest.LogCaptureFixture) -> None:
    stub = Stub(1)
    stub.refuses = True
    gpus = Gpus(stub)
    assert to_gpu(index, "prefer-gpu", gpus, QUESTIONS, "town@1") is index
    assert "GPU 0 cannot take it: This index type is not implemented on GPU." in log.messages[0]
    with pytest.raises(ProviderUnavailable, match="not implemented"):
        to_gpu(index, "require-gpu", gpus, QUESTIONS, "town@1")
    gpus.close()


def test_a_device_that_gives_other_neighbours_is_not_used(index: Any, log: pytest.LogCaptureFixture) -> None:
    stub = Stub(2)
    stub.devices[1].lies = True
    gpus = Gpus(stub)
    assert to_gpu(index, "prefer-gpu", gpus, QUESTIONS, "town@1") is index
    assert "GPU 1 gives only" in log.messages[0]
    with pytest.raises(ProviderUnavailable, match="GPU 1 gives only"):
        to_gpu(index, "require-gpu", gpus, QUESTIONS, "town@1")
    gpus.close()


def test_two_searches_are_never_on_a_device_at_once(index: Any) -> None:
    stub = Stub(2)
    gpus = Gpus(stub)
    indexes = [to_gpu(index, "require-gpu", gpus, QUESTIONS, name) for name in ("a@1", "b@1")]
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda number: indexes[number % 2].search(QUESTIONS[:1], 5)[1].tolist(), range(80)))
    assert given == [index.search(QUESTIONS[:1], 5)[1].tolist()] * 80
    assert [device.most_busy for device in stub.devices] == [1, 1]
    assert [len(device.threads) for device in stub.devices] == [1, 1]
    assert min(device.searches for device in stub.devices) > 10  # the work is shared
    gpus.close()


def test_what_a_gpu_cannot_do_is_asked_of_the_cpu(index: Any) -> None:
    stub = Stub(1)
    gpus = Gpus(stub)
    moved = to_gpu(index, "require-gpu", gpus, QUESTIONS, "town@1")
    before = stub.devices[0].searches
    assert moved.search(QUESTIONS, MOST + 1)[1].shape == (24, MOST + 1)
    chosen = faiss.SearchParametersIVF(nprobe=20, sel=faiss.IDSelectorRange(10, 20))  # type: ignore[call-arg]
    assert set(moved.search(QUESTIONS, 5, params=chosen)[1].ravel().tolist()) <= set(range(10, 20))
    assert stub.devices[0].searches == before
    gpus.close()


@pytest.mark.parametrize("policy", ["prefer-gpu", "require-gpu"])
def test_a_device_that_fails_later(index: Any, log: pytest.LogCaptureFixture, policy: Any) -> None:
    stub = Stub(1)
    gpus = Gpus(stub)
    moved = to_gpu(index, policy, gpus, QUESTIONS, "town@1")
    stub.devices[0].broken = True
    if policy == "require-gpu":
        with pytest.raises(ProviderUnavailable, match=r"GPU 0 failed to search town@1: CUDA error 2 out of memory\."):
            moved.search(QUESTIONS, 5)
    else:
        assert np.array_equal(moved.search(QUESTIONS, 5)[1], index.search(QUESTIONS, 5)[1])
        assert "The CPU answers instead." in log.messages[-1]
    gpus.close()


def test_the_installed_faiss_is_asked_for_its_devices() -> None:
    if not hasattr(faiss, "index_cpu_to_gpu"):
        assert FaissGpu().get_num_gpus() == 0
    assert len(Gpus()) == FaissGpu().get_num_gpus()


@pytest.mark.gpu
def test_a_real_gpu_gives_what_the_cpu_gives(index: Any) -> None:
    gpus = Gpus()
    moved = to_gpu(index, "require-gpu", gpus, QUESTIONS, "town@1")
    assert np.array_equal(moved.search(QUESTIONS, 5)[1], index.search(QUESTIONS, 5)[1])
    gpus.close()
