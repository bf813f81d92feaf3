"""Where a Ray cluster is looked for, and what the commands' options have to say; no Ray is needed."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from index.engines.ray_engine import RayEngine
from index.engines.ray_probe import find_cluster
from index.job_options import JobOptions
from models.bundle import default_bundle_path
from models.encoder import ProviderPolicy
from models.errors import ExecutorUnavailable, ProviderUnavailable, UsageError
from service.cli import main
from service.environment import missing_package_message


@pytest.mark.parametrize("address", ["", "here", "ray://127.0.0.1:10001", "127.0.0.1", "127.0.0.1:", ":6379", "a:b"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="write host:port"):
        find_cluster(address)


@pytest.mark.parametrize("port", [None, 70_000])
def test_where_nothing_listens_is_known_at_once(port: int | None) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # taken, but nobody listens
        address = f"127.0.0.1:{port or held.getsockname()[1]}"
        with pytest.raises(ExecutorUnavailable, match=f"No Ray cluster answers at {address}: "):
            find_cluster(address)


def _options(**changes: object) -> JobOptions:
    values: dict[str, object] = dict.fromkeys(JobOptions.__slots__) | {"engine_name": "ray", "device": "prefer-gpu"}
    return JobOptions(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {"engine_name": "local", "ray_address": "auto"},
        {"engine_name": "local", "ray_workers": 2},
        {"threads": 2},
    ],
)
def test_options_of_the_other_engine_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=r"go(es)? with --engine"):
        _options(**changes)


def test_the_bundle_that_comes_with_skyfix_is_each_machines_own(tmp_path: Path) -> None:
    chosen = _options(ray_address="auto", ray_workers=3)
    assert chosen.engine(default_bundle_path()) == RayEngine(None, "prefer-gpu", "auto", 3)
    assert chosen.engine(tmp_path) == RayEngine(tmp_path, "prefer-gpu", "auto", 3)
    assert chosen.session_device == "cpu"
    assert _options(engine_name="local").engine(tmp_path) is None


@pytest.mark.parametrize(
    ("policy", "gpus", "gpu"),
    [("cpu", 2, False), ("prefer-gpu", 2, True), ("prefer-gpu", 0, False), ("require-gpu", 1, True)],
)
def test_workers_get_a_gpu_where_one_is_wanted_and_there(policy: ProviderPolicy, gpus: int, gpu: bool) -> None:
    assert RayEngine(None, policy).on_gpu({"CPU": 8.0, "GPU": float(gpus)}) is gpu


def test_a_cluster_without_gpus_is_refused_where_one_is_required() -> None:
    with pytest.raises(ProviderUnavailable, match="no machine of the Ray cluster has a GPU"):
        RayEngine(None, "require-gpu").on_gpu({"CPU": 8.0})


def test_a_missing_ray_is_told_with_its_extra() -> None:
    assert "pip install 'skyfix[ray]'" in (missing_package_message("ray") or "")


def test_the_command_ends_with_8_where_no_cluster_answers(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    (tmp_path / "tiles.csv").write_text("file,lat,lon,ground_resolution_m\na.png,50,10,0.5\n")
    arguments = ["--source", tmp_path, "--out", tmp_path / "out", "--engine", "ray", "--ray-address", "127.0.0.1:1"]
    result = CliRunner().invoke(main, ["index", "build", *map(str, arguments), "--json"])
    assert result.exit_code == 8
    assert json.loads(result.stdout)["error"]["code"] == "executor_unavailable"
    assert not list((tmp_path / "out").glob("gen-*"))
