"""The life of a server on real processes: killed, restarted, drained, overloaded, without disk or descriptors."""

from __future__ import annotations

import ast
import asyncio
import errno
import http.client
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import time
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import pytest

from index.build import build_index
from models.bundle import ModelBundle
from models.encoder import OnnxEncoder
from service.open_files import AcceptErrors
from tests.service.running import PATIENCE_S, ROOT, Recipe, Seen, ask, asking, end, free_port, get, proxied
from tests.service.world import PaintedTiles, encode, panorama

PHOTO = encode(panorama(7, 90.0))
RESTART_LIMIT_S = 10.0


@pytest.fixture(scope="module")
def index(tiny_bundle: ModelBundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("life") / "index"
    build_index(PaintedTiles(), OnnxEncoder(tiny_bundle), root, name="painted")
    return root


@pytest.fixture
def recipe(index: Path, tiny_bundle: ModelBundle) -> Recipe:
    return Recipe(index, tiny_bundle.folder)


def planted(body: bytes) -> None:
    """Check that an answer is the one that the index holds."""
    answer = json.loads(body)
    assert (answer["candidates"][0]["tile"]["id"], answer["search"]["index"]) == ("t7", "painted@1")


def wait_for_answers(seen: Seen) -> None:
    answered = seen.statuses[200]
    while seen.statuses[200] < answered + 5:
        time.sleep(0.01)


def files_of(root: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in sorted(root.rglob("*"))}


@pytest.mark.parametrize("kills", [1, pytest.param(50, marks=pytest.mark.slow)])
def test_kill_9_under_load_leaves_nothing_to_mend(recipe: Recipe, kills: int) -> None:
    before = files_of(recipe.index)
    with ExitStack() as servers:
        process = servers.enter_context(recipe.running())
        with asking(recipe.port, PHOTO, check=planted) as seen:
            for _ in range(kills):
                wait_for_answers(seen)
                process.kill()
                process.wait(PATIENCE_S)
                killed = time.monotonic()
                process = servers.enter_context(recipe.running())
                assert time.monotonic() - killed < RESTART_LIMIT_S, "ready again"
            wait_for_answers(seen)
    assert set(seen.statuses) <= {0, 200, 503}
    assert files_of(recipe.index) == before


@pytest.mark.parametrize("restarts", [1, pytest.param(20, marks=pytest.mark.slow)])
def test_rolling_restarts_behind_a_proxy_fail_no_request(recipe: Recipe, restarts: int) -> None:
    settings = {"SKYFIX_DRAIN_S": "0.5"}
    recipes = [replace(recipe, port=free_port(), admin_port=free_port(), settings=settings) for _ in range(2)]
    with ExitStack() as servers:
        processes = [servers.enter_context(each.running()) for each in recipes]
        with proxied([each.port for each in recipes]) as port, asking(port, PHOTO, check=planted) as seen:
            for turn in range(restarts):
                number = turn % 2
                assert end(processes[number]) == 0
                processes[number] = servers.enter_context(recipes[number].running())
                time.sleep(0.2)  # the proxy has to see that it is back
    assert set(seen.statuses) == {200}, seen.statuses
    assert seen.statuses[200] > 20 * restarts


def test_too_many_are_told_to_come_back_and_liveness_is_not_among_them(recipe: Recipe) -> None:
    recipe = replace(recipe, settings={"SKYFIX_PLACES": "2", "SKYFIX_KEY_IN_FLIGHT": "100"})
    with recipe.running():
        with asking(recipe.port, PHOTO, clients=16, check=planted) as seen:
            alive = set[int]()
            while seen.statuses[429] < 20 or seen.statuses[200] < 20:
                alive.add(get(recipe.port, "/livez"))
        assert alive == {200}
        assert set(seen.statuses) == {200, 429}
        assert all("retry-after" in headers for status, headers in seen.headers if status == 429)
        status, body, _ = ask(recipe.port, PHOTO)
        assert status == 200
        planted(body)


@pytest.mark.slow
def test_a_reader_of_its_output_that_is_gone_does_not_matter(recipe: Recipe) -> None:
    reading, writing = os.pipe()
    with recipe.running(stdout=writing, stderr=writing) as process:
        os.close(reading)
        os.close(writing)
        process.send_signal(signal.SIGHUP)
        for _ in range(3):
            assert ask(recipe.port, PHOTO)[0] == 200
        assert end(process) == 0


@pytest.mark.slow
def test_without_descriptors_it_waits_and_then_goes_on(recipe: Recipe) -> None:
    def few() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))

    with recipe.running(preexec_fn=few, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        crowd = [socket.create_connection(("127.0.0.1", recipe.port), timeout=5) for _ in range(120)]
        time.sleep(0.3)
        for each in crowd:
            each.close()
        until = time.monotonic() + PATIENCE_S
        while get(recipe.port, "/readyz") != 200:
            assert time.monotonic() < until
        assert ask(recipe.port, PHOTO)[0] == 200
        assert end(process) == 0
        assert process.stdout is not None
        assert b"room for 64 connections" in process.stdout.read()


@pytest.mark.parametrize(
    "environment",
    [
        {"LC_ALL": "C", "LANG": "C", "TZ": "Pacific/Chatham", "PYTHONUTF8": "0"},
        pytest.param({"TZ": ":nonsense", "LC_ALL": "xx_YY"}, marks=pytest.mark.slow),
    ],
)
def test_neither_locale_nor_zone_nor_home_nor_folder_nor_a_full_disk_matters(
    recipe: Recipe, tmp_path: Path, environment: dict[str, str]
) -> None:
    """The index is on another disk than its output, which is full."""
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment}
    with Path("/dev/full").open("wb") as full, recipe.running(cwd=folder, env=env, stdout=full, stderr=full) as process:
        for _ in range(3):
            status, body, _ = ask(recipe.port, PHOTO)
            assert status == 200
            planted(body)
            process.send_signal(signal.SIGHUP)
        assert end(process) == 0
    assert list(folder.iterdir()) == []


def test_alive_and_not_ready_until_the_index_is_there(recipe: Recipe, index: Path, tmp_path: Path) -> None:
    recipe = replace(recipe, index=tmp_path / "later")
    with recipe.start() as process:
        try:
            seen = list[tuple[int, int]]()
            while len(seen) < 30:
                seen.append((get(recipe.port, "/livez"), get(recipe.port, "/readyz")))
                if seen == [(0, 0)]:
                    seen.clear()  # it does not listen yet
            assert set(seen[1:]) == {(200, 503)}
            assert ask(recipe.port, PHOTO)[0] == 503
            shutil.copytree(index, tmp_path / "copy").rename(recipe.index)
            process.send_signal(signal.SIGHUP)
            recipe.wait_until_ready(process)
            assert ask(recipe.port, PHOTO)[0] == 200
            assert end(process) == 0
        finally:
            process.kill()


def test_told_to_end_while_it_loads_it_ends(recipe: Recipe) -> None:
    with recipe.start() as process:
        try:
            while get(recipe.port, "/livez") != 200:
                time.sleep(0.005)
            assert end(process) == 0
        finally:
            process.kill()


def test_a_slow_upload_holds_the_end_up_and_a_second_signal_does_not_wait_for_it(recipe: Recipe) -> None:
    with recipe.running() as process:
        admin = http.client.HTTPConnection("127.0.0.1", recipe.admin_port)
        with socket.create_connection(("127.0.0.1", recipe.port)) as slow, closing(admin):
            head = "POST /localize HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/png\r\nContent-Length: 99\r\n\r\n"
            slow.sendall(head.encode() + b"x")
            while b'in_flight{route="/localize"} 1.0' not in metrics(admin):
                time.sleep(0.01)
            process.send_signal(signal.SIGTERM)
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.5)
            assert get(recipe.port, "/livez") == 0, "the door is closed"
            started = time.monotonic()
            end(process)
            assert time.monotonic() - started < 5


def metrics(connection: http.client.HTTPConnection) -> bytes:
    connection.request("GET", "/metrics")
    return connection.getresponse().read()


@pytest.mark.slow
def test_fifty_reloads_of_a_process_keep_its_memory(recipe: Recipe) -> None:
    """Ten are of an index that is damaged."""
    admin = http.client.HTTPConnection("127.0.0.1", recipe.admin_port)
    pointer = recipe.index / "CURRENT"
    named, sizes = pointer.read_bytes(), list[int]()
    with recipe.running() as process, closing(admin), asking(recipe.port, PHOTO, clients=8, check=planted) as seen:
        for turn in range(50):
            bad = turn % 5 == 4
            pointer.chmod(0o644)
            pointer.write_bytes(b"gen-99\n" if bad else named)
            admin.request("POST", "/admin/reload")
            response = admin.getresponse()
            assert (response.status, response.read()[:1]) == (409 if bad else 200, b"{")
            sizes.append(resident_kib(process.pid))
        pointer.write_bytes(named)
    assert set(seen.statuses) == {200}
    assert sizes[-1] <= 1.05 * max(sizes[2:5]), sizes


def resident_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1])


def test_that_no_connection_can_be_accepted_is_said_now_and_then_only(caplog: pytest.LogCaptureFixture) -> None:
    now, loop = [0.0], asyncio.new_event_loop()
    handler, full = AcceptErrors(lambda: now[0]), {"exception": OSError(errno.EMFILE, "too many"), "socket": None}
    for now[0] in (0.0, 0.0, 1.0, 9.9, 10.0, 11.0):
        handler(loop, full)
    assert [record.message[:8] for record in caplog.records] == ["no file "] * 2
    handler(loop, {"message": "something else", "exception": OSError(errno.EIO, "disk"), "socket": None})
    assert caplog.records[-1].message.startswith("something else")
    loop.close()


WALL_CLOCK = {
    "service/commands/keys.py": "expiry of keys is a date",
    "service/door/guard.py": "expiry of keys is a date",
    "service/logs.py": "lines are told when",
    "service/metrics.py": "the age of an index is counted from the date in its manifest",
    "service/otel.py": "traces are told when, to be beside those of other machines",
    "service/client/retrying.py": "Retry-After may be a date",
    "service/tracking/token.py": "a token is good until a date that other machines have to agree on",
    "service/tracking/responses.py": "says that date",
    "service/correct/foreign.py": "turns numbers of others into dates",
    "service/track_files/geojson.py": "turns numbers of others into dates",
    "service/track_files/photo_time.py": "turns numbers of others into dates",
}
CLOCKS = {"time", "time_ns", "localtime", "gmtime", "ctime", "now", "utcnow", "today", "fromtimestamp"}


def test_no_deadline_limit_or_generation_looks_at_the_wall_clock() -> None:
    """So a clock that jumps refuses nobody; whoever needs the date says here what for."""
    found = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "service").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and node.attr in CLOCKS
        and isinstance(node.value, ast.Name)
        and node.value.id in ("time", "datetime", "date")
    }
    assert found <= set(WALL_CLOCK)
    imported = {
        name.name
        for path in (ROOT / "service").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module == "time"
        for name in node.names
    }
    assert not imported & CLOCKS
