"""What the commands that describe tiles have in common: options, signals, the metrics file, exit codes."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from index.build import BuildReport, Run, build_index
from index.job_options import JobOptions, Share, carry_out
from index.publish import lock_root
from index.tiles import BadTile, Tile
from models.bundle import ModelBundle
from models.encoder import FakeEncoder
from models.errors import (
    ChecksumMismatch,
    DiskFull,
    ExecutorUnavailable,
    NoTiles,
    OutputBusy,
    OutputUnfinished,
    OutputUnwritable,
    SkyfixError,
    SourceError,
    SourceUnavailable,
    TooManyBadTiles,
    UsageError,
    WorkerRefused,
)
from service.cli import exit_code_of, main
from tests.index.made import Noise


@pytest.mark.parametrize(
    ("text", "share"),
    [("1%", 0.01), ("0.01", 0.01), ("100%", 1.0), ("1", 1.0), ("0", 0.0), (".5", 0.5), ("2.5%", 0.025)],
)
def test_a_share_may_be_a_percentage(text: str, share: float) -> None:
    assert Share().convert(text, None, None) == pytest.approx(share)


@pytest.mark.parametrize("text", ["", "2", "101%", "-1%", "1 %%", "nan", "1e-2", "one"])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no share"):
        Share().convert(text, None, None)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ChecksumMismatch, 3),
        (UsageError, 2),
        (SourceError, 2),
        (OutputUnfinished, 2),
        (NoTiles, 3),
        (TooManyBadTiles, 3),
        (OutputUnwritable, 4),
        (DiskFull, 4),
        (SourceUnavailable, 5),
        (OutputBusy, 6),
        (ExecutorUnavailable, 8),
        (WorkerRefused, 8),
    ],
)
def test_exit_codes_tell_what_to_do(error: type[SkyfixError], code: int) -> None:
    assert exit_code_of(error) == code


def test_a_second_builder_ends_at_once(tmp_path: Path, tiny_bundle: ModelBundle) -> None:
    source = tmp_path / "tiles.csv"
    source.write_text("file,lat,lon,ground_resolution_m\na.png,50,10,0.5\n")
    arguments = ["--source", source, "--out", tmp_path / "out", "--bundle", tiny_bundle.folder, "--json"]
    with lock_root(tmp_path / "out"):
        result = CliRunner().invoke(main, ["index", "build", *map(str, arguments)])
    assert result.exit_code == 6
    assert json.loads(result.stdout)["error"]["code"] == "output_busy"


@dataclass(frozen=True)
class Signalled(Noise):
    """Sends its own process a signal at its 30th tile."""

    number: int = signal.SIGTERM

    def __iter__(self) -> Iterator[Tile | BadTile]:
        for count, tile in enumerate(super().__iter__()):
            if count == 30:
                os.kill(os.getpid(), self.number)
            yield tile


def _options(**changes: object) -> JobOptions:
    values: dict[str, object] = {
        "threads": 1,
        "device": "cpu",
        "engine_name": "local",
        "ray_address": None,
        "ray_workers": None,
        "batch": 1,
        "max_bad": 0.01,
        "shard_tiles": 1000,
        "keep": 3,
        "restart": False,
        "metrics_file": None,
        "as_json": True,
    }
    return JobOptions(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)])
def test_a_signal_ends_a_build_that_can_be_resumed(
    tmp_path: Path, number: int, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    out, metrics = tmp_path / "out", tmp_path / "build.prom"
    before = signal.getsignal(number)

    def job(source: Noise, run: Run) -> BuildReport:
        return build_index(source, FakeEncoder(), out, name="noise", run=run)

    options = _options(metrics_file=metrics)
    with pytest.raises(SystemExit) as ended:
        carry_out(lambda run: job(Signalled(count=200, number=number), run), "build", out, options, 200)
    assert ended.value.code == code
    assert "Run the same command again" in capsys.readouterr().err
    assert 'skyfix_index_build_state{index="out",job_kind="build",state="stopped"} 1.0' in metrics.read_text()
    assert signal.getsignal(number) == before
    carry_out(lambda run: job(Noise(count=200), run), "build", out, options, 200)
    told = json.loads(capsys.readouterr().out)
    assert told["count"] == 200
    assert told["resumed"] > 0
    assert 'state="published"} 1.0' in metrics.read_text()


def test_a_failure_is_in_the_metrics(tmp_path: Path) -> None:
    def job(_: Run) -> BuildReport:
        raise NoTiles("nothing")

    with pytest.raises(NoTiles):
        carry_out(job, "add", tmp_path, _options(metrics_file=tmp_path / "a.prom"), 1)
    assert 'state="failed"} 1.0' in (tmp_path / "a.prom").read_text()
