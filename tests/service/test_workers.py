"""Several processes behind one port: shares, signals to all, and none that outlives the others."""

from __future__ import annotations

import http.client
import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from index.build import build_index
from models.bundle import ModelBundle
from models.encoder import OnnxEncoder
from service.cli import main
from service.settings import Settings
from service.workers import share
from tests.service.running import PATIENCE_S, Recipe, ask, end, free_port, get
from tests.service.world import PaintedTiles, encode, panorama

PHOTO = encode(panorama(7))
SERIES = re.compile(r'skyfix_(http_requests_total\{method="POST",route="/localize",status="200"\}'
                    r'|index_swaps_total\{index="painted",result="taken"\}) (\S+)')  # fmt: skip


def test_what_is_shared_adds_up_to_no_more_than_the_whole() -> None:
    whole = Settings(workers=4, places=32, key_burst=20, key_requests_per_s=10.0, key_in_flight=8, admin_port=9090)
    parts = [share(whole, number, 1234) for number in range(4)]
    assert [part.admin_port for part in parts] == [9090, 9091, 9092, 9093]
    assert {(part.port, part.workers, part.reuse_port) for part in parts} == {(1234, 1, True)}
    assert (sum(part.places for part in parts), sum(part.key_burst for part in parts)) == (32, 20)
    assert sum(part.key_requests_per_s for part in parts) == 10.0
    assert sum(part.key_in_flight for part in parts) == 8
    assert {share(Settings(workers=2, admin_port=0), number, 1).admin_port for number in range(2)} == {0}
    assert share(Settings(workers=64), 0, 1).encoders == 1


@contextmanager
def two(index: Path, bundle: ModelBundle) -> Iterator[tuple[Recipe, int]]:
    """A server of two processes, both ready, and its process id."""
    recipe = Recipe(index, bundle.folder, settings={"SKYFIX_WORKERS": "2"}, admin_port=free_port())
    with recipe.running() as process:
        until = time.monotonic() + PATIENCE_S
        while any('skyfix_ready{component="index"} 1' not in metrics(recipe.admin_port + n) for n in range(2)):
            assert time.monotonic() < until
            time.sleep(0.02)
        yield recipe, process.pid
        if process.poll() is None:
            assert end(process) == 0
    assert get(recipe.port, "/livez") == 0


def metrics(port: int) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()
    except OSError:
        return ""
    finally:
        connection.close()


def counted(recipe: Recipe) -> dict[str, list[float]]:
    """Series name to its value in each process."""
    found: dict[str, list[float]] = {"http": [], "index": []}
    for number in range(2):
        for name, value in SERIES.findall(metrics(recipe.admin_port + number)):
            found[name[:5].rstrip("_")].append(float(value))
    return found


@pytest.fixture(scope="module")
def index(tiny_bundle: ModelBundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("workers") / "index"
    build_index(PaintedTiles(), OnnxEncoder(tiny_bundle), root, name="painted")
    return root


def test_both_answer_and_count_and_hear_signals(index: Path, tiny_bundle: ModelBundle) -> None:
    with two(index, tiny_bundle) as (recipe, pid):
        for _ in range(40):
            assert ask(recipe.port, PHOTO)[0] == 200
        answered = counted(recipe)["http"]
        assert sum(answered) == 40
        assert min(answered) > 0, "the kernel deals out 40 connections to one of two once in 10^12 times"
        os.kill(pid, signal.SIGHUP)
        until = time.monotonic() + PATIENCE_S
        while counted(recipe)["index"] != [1.0, 1.0]:
            assert time.monotonic() < until
            time.sleep(0.02)


@pytest.mark.slow
def test_a_port_is_not_shared_with_strangers_nor_with_another_such_server(
    index: Path, tiny_bundle: ModelBundle
) -> None:
    with two(index, tiny_bundle) as (recipe, _):
        for workers in ("1", "2"):
            arguments = [*recipe.command[3:], "--workers", workers, "--admin-port", "0"]
            result = CliRunner().invoke(main, arguments)
            assert (result.exit_code, "[address_unavailable]" in result.stderr) == (1, True), result.output


@pytest.mark.slow
def test_one_that_is_killed_takes_the_other_with_it(index: Path, tiny_bundle: ModelBundle) -> None:
    recipe = Recipe(index, tiny_bundle.folder, settings={"SKYFIX_WORKERS": "2"})
    with recipe.running() as process:
        workers = [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
        served = [pid for pid in workers if b"resource_tracker" not in Path(f"/proc/{pid}/cmdline").read_bytes()]
        assert len(served) == 2
        os.kill(served[0], signal.SIGKILL)
        assert process.wait(PATIENCE_S) == 128 + signal.SIGKILL
    assert get(recipe.port, "/livez") == 0


@pytest.mark.slow
def test_they_do_not_outlive_the_one_that_supervises(index: Path, tiny_bundle: ModelBundle) -> None:
    recipe = Recipe(index, tiny_bundle.folder, settings={"SKYFIX_WORKERS": "2"})
    with recipe.running() as process:
        end(process, signal.SIGKILL)
        until = time.monotonic() + PATIENCE_S
        while get(recipe.port, "/livez") != 0:
            assert time.monotonic() < until
            time.sleep(0.05)


def test_a_gpu_is_for_one_process(index: Path) -> None:
    arguments = ["serve", "--index", str(index), "--workers", "2", "--provider", "require-gpu"]
    result = CliRunner().invoke(main, arguments)
    assert (result.exit_code, "CUDA_VISIBLE_DEVICES" in result.stderr) == (2, True), result.output
