"""The index job on a real Ray of this machine: the same bytes, whatever becomes of the workers."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
from PIL import Image

from index.build import Run, build_index
from index.engines.ray_engine import RayEngine
from index.engines.ray_probe import find_cluster
from index.stopping import stop_on_signals
from index.tiles import BadTile, Tile
from index.workspace import WORK
from models.bundle import ModelBundle
from models.encoder import OnnxEncoder
from models.errors import ExecutorUnavailable, JobStopped, WorkerRefused
from tests.index.made import Noise

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("ray") is None, reason="needs Ray: pip install 'skyfix[ray]'"),
]
SOURCE = Noise(count=100, bad=(7,), blank=(33, 40))
RUN = Run(shard_tiles=16, workers=2)


@pytest.fixture(autouse=True)
def _fixed_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """A Ray that several jobs use one after the other; its processes are children of this one."""
    ray = import_module("ray")
    ray.init(
        address="local",
        num_cpus=2,
        object_store_memory=80_000_000,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
    )
    yield
    ray.shutdown()


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def _build(model: ModelBundle, root: Path, source: Noise = SOURCE, engine: RayEngine | None = None) -> dict[str, bytes]:
    encoder = OnnxEncoder(model, views=("aerial",))
    build_index(source, encoder, root, name="noise", run=replace(RUN, engine=engine))
    return contents(root)


def _actors() -> list[int]:
    """Pids of the actors below this process."""
    parents, actors = {}, []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                if (folder / "cmdline").read_bytes().startswith(b"ray::RayDescriber"):
                    actors.append(int(folder.name))
            except OSError:
                continue

    def ours(pid: int) -> bool:
        return pid == os.getpid() or (pid in parents and ours(parents[pid]))

    return [pid for pid in actors if ours(pid)]


def _kill(pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@dataclass(frozen=True)
class Deadly(Noise):
    """Kills actors when some of its tiles are asked for."""

    at: tuple[int, ...] = ()
    most: int = 1

    def __iter__(self) -> Iterator[Tile | BadTile]:
        for count, tile in enumerate(super().__iter__()):
            if count in self.at:
                victims = _actors()[: self.most]
                assert victims
                _kill(victims)
            yield tile


def _save(source: Noise, folder: Path) -> Path:
    """Write tiles and their list as `skyfix index build` reads them."""
    lines = ["file,lat,lon,ground_resolution_m"]
    for tile in source:
        if isinstance(tile, Tile):
            Image.fromarray(tile.pixels).resize((128, 128)).save(folder / f"{tile.id}.png")
            lines.append(f"{tile.id}.png,{tile.lat},{tile.lon},0.5")
        else:
            lines.append(f"{tile.id}.png,48,9,0.5")
    (folder / "tiles.csv").write_text("\n".join(lines))
    return folder


def _command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "service.cli", "index", "build", *map(str, arguments)]


@dataclass(frozen=True)
class Signalled(Noise):
    """Sends its own process SIGTERM at its 50th tile."""

    def __iter__(self) -> Iterator[Tile | BadTile]:
        for count, tile in enumerate(super().__iter__()):
            if count == 50:
                os.kill(os.getpid(), signal.SIGTERM)
            yield tile


def test_a_signal_is_the_jobs_and_not_rays(tmp_path: Path, tiny_bundle: ModelBundle) -> None:
    """Comes first: the job starts a Ray of its own."""
    engine, encoder = RayEngine(tiny_bundle.folder, workers=1), OnnxEncoder(tiny_bundle, views=("aerial",))
    with stop_on_signals() as stop:
        run = replace(RUN, engine=engine, stopped=stop)
        with pytest.raises(JobStopped):
            build_index(Signalled(**vars(SOURCE)), encoder, tmp_path / "ray", name="noise", run=run)
    assert stop.exit_code == 143
    assert list((tmp_path / "ray" / WORK).glob("shard-*.npy"))
    assert not _actors()
    assert _build(tiny_bundle, tmp_path / "ray") == _build(tiny_bundle, tmp_path / "local")


def test_the_command_gives_the_same_bytes_with_both_engines(tmp_path: Path, tiny_bundle: ModelBundle) -> None:
    (tmp_path / "tiles").mkdir()
    source = _save(SOURCE, tmp_path / "tiles")
    given = ("--source", source, "--bundle", tiny_bundle.folder, "--shard-tiles", 16, "--out")
    for name, engine in (("local", ()), ("ray", ("--engine", "ray", "--ray-workers", 2))):
        done = subprocess.run(
            _command(*given, tmp_path / name / "x", *engine), capture_output=True, text=True, timeout=240
        )
        assert done.returncode == 0, done.stderr
    found = contents(tmp_path / "ray")
    assert found == contents(tmp_path / "local")
    assert {"x/gen-1/manifest.json", "x/gen-1/quarantine.csv", "x/gen-1/tiles.parquet"} <= found.keys()


@pytest.mark.usefixtures("cluster")
def test_actors_that_are_killed_are_replaced(tmp_path: Path, tiny_bundle: ModelBundle) -> None:
    engine = RayEngine(tiny_bundle.folder, workers=2)
    killing = Deadly(**vars(SOURCE), at=(30, 60), most=2)
    assert _build(tiny_bundle, tmp_path / "ray", killing, engine) == _build(tiny_bundle, tmp_path / "local")


@pytest.mark.usefixtures("cluster")
def test_another_model_is_refused_by_its_hash(
    tmp_path: Path, tiny_bundle: ModelBundle, cells_bundle: ModelBundle
) -> None:
    with pytest.raises(WorkerRefused, match=f"model is {cells_bundle.sha256} there, {tiny_bundle.sha256} here"):
        _build(tiny_bundle, tmp_path, engine=RayEngine(cells_bundle.folder, workers=2))
    with pytest.raises(WorkerRefused, match=r"cannot open the model \[bundle_missing\]"):
        _build(tiny_bundle, tmp_path, engine=RayEngine(tmp_path / "nowhere", workers=1))
    assert not (tmp_path / WORK).exists()


@pytest.mark.usefixtures("cluster")
def test_when_no_worker_lives_what_is_done_is_kept_for_either_engine(tmp_path: Path, tiny_bundle: ModelBundle) -> None:
    ended, begun = threading.Event(), threading.Event()

    def hunt() -> None:
        while not ended.wait(0.02):
            _kill(_actors())
            begun.set()

    hunter = threading.Thread(target=hunt)

    @dataclass(frozen=True)
    class Hunted(Noise):
        def __iter__(self) -> Iterator[Tile | BadTile]:
            for count, tile in enumerate(super().__iter__()):
                if count == 70:
                    hunter.start()
                    begun.wait(30)
                yield tile

    engine, many = RayEngine(tiny_bundle.folder, workers=2), replace(SOURCE, count=400)
    try:
        with pytest.raises(ExecutorUnavailable, match="Run the same command again"):
            _build(tiny_bundle, tmp_path / "hunted", Hunted(**vars(many)), engine)
    finally:
        ended.set()
        hunter.join()
    assert list((tmp_path / "hunted" / WORK).glob("shard-*.npy"))
    assert _build(tiny_bundle, tmp_path / "hunted", many) == _build(tiny_bundle, tmp_path / "local", many)


def test_what_listens_but_is_no_ray_is_not_waited_for_long() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(ExecutorUnavailable, match=rf"{address}: what listens there did not answer as Ray does"):
            find_cluster(address)
