"""Options and the progress that all commands share which describe tiles: build, add, update."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from index.build_metrics import BuildMetrics, Meter
from index.engines.describing import Engine
from index.engines.ray_engine import RayEngine
from index.gathering import Progress as Done
from index.generations import KEEP
from index.job import MAX_BAD_RATIO, SHARD_TILES, BuildReport, Run
from index.stopping import stop_on_signals
from models.bundle import default_bundle_path
from models.encoder import ProviderPolicy
from models.errors import JobStopped, UsageError

F = TypeVar("F", bound=Callable[..., Any])


class Share(click.ParamType):  # type: ignore[type-arg]
    """A share between 0 and 1, also as a percentage: 0.01 or 1%."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        found = re.fullmatch(r"(\d+(?:\.\d+)?|\.\d+)(%?)", str(value).strip())
        share = float(found[1]) / (100 if found[2] else 1) if found else -1.0
        if not 0.0 <= share <= 1.0:
            self.fail(f"{value!r} is no share: write 0.01 or 1%, at most 1 or 100%.", param, ctx)
        return share


OPTIONS = (
    click.option(
        "--threads", type=click.IntRange(1, 256), help="Tiles described at once. [default: by a short measurement]"
    ),
    click.option("--device", type=click.Choice(["cpu", "prefer-gpu", "require-gpu"]), default="cpu", show_default=True),
    click.option(
        "--engine",
        "engine_name",
        type=click.Choice(["local", "ray"]),
        default="local",
        show_default=True,
        help="Who describes tiles: threads here, or the workers of a Ray cluster (extra `ray`).",
    ),
    click.option(
        "--ray-address",
        metavar="HOST:PORT",
        help="Ray cluster, or auto for the one on this machine. [default: RAY_ADDRESS, else one is started here]",
    ),
    click.option(
        "--ray-workers",
        type=click.IntRange(1, 4096),
        help="Workers, each on a GPU or a core. [default: as many as are free]",
    ),
    click.option(
        "--batch",
        type=click.IntRange(1, 1024),
        help="Tiles in one run of the network. [default: 1 on a CPU, by a short measurement on a GPU]",
    ),
    click.option(
        "--max-bad",
        type=Share(),
        default=MAX_BAD_RATIO,
        show_default="1%",
        help="Share of bad tiles that is put up with, as 0.01 or 1%; blank ones do not count.",
    ),
    click.option(
        "--shard-tiles",
        type=click.IntRange(1, 1_000_000),
        default=SHARD_TILES,
        show_default=True,
        help="Tiles after which what is done is kept, should the job be interrupted.",
    ),
    click.option(
        "--keep",
        type=click.IntRange(1, 1000),
        default=KEEP,
        show_default=True,
        help="Generations that are left, the new one among them.",
    ),
    click.option("--restart", is_flag=True, help="Throw the unfinished work of an interrupted job away."),
    click.option(
        "--metrics-file",
        type=click.Path(path_type=Path, dir_okay=False),
        help="File for node_exporter's textfile collector, rewritten every few seconds.",
    ),
    click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
)


@dataclass(frozen=True, slots=True)
class JobOptions:
    """The values of OPTIONS."""

    threads: int | None
    device: ProviderPolicy
    engine_name: str
    ray_address: str | None
    ray_workers: int | None
    batch: int | None
    max_bad: float
    shard_tiles: int
    keep: int
    restart: bool
    metrics_file: Path | None
    as_json: bool

    def __post_init__(self) -> None:
        """Raise UsageError for options of the other engine."""
        if self.engine_name != "ray" and (self.ray_address or self.ray_workers):
            raise UsageError("--ray-address and --ray-workers go with --engine ray.")
        if self.engine_name == "ray" and self.threads:
            raise UsageError("--threads goes with --engine local; --ray-workers says how many Ray workers there are.")

    @property
    def session_device(self) -> ProviderPolicy:
        """Of the session in this process, which on Ray describes nothing."""
        return self.device if self.engine_name == "local" else "cpu"

    def engine(self, bundle: Path) -> Engine | None:
        """Give what describes with the model in a folder, if this process does not."""
        if self.engine_name == "local":
            return None
        there = None if bundle.resolve() == default_bundle_path().resolve() else bundle
        return RayEngine(there, self.device, self.ray_address, self.ray_workers)

    def run(self) -> Run:
        return Run(
            batch=self.batch,
            workers=self.threads,
            max_bad_ratio=self.max_bad,
            shard_tiles=self.shard_tiles,
            keep=self.keep,
            restart=self.restart,
        )


def job_options(command: F) -> F:
    """Give a command the options; it takes their values as further keyword arguments, the fields of JobOptions."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def carry_out(job: Callable[[Run], BuildReport], kind: str, index: Path, options: JobOptions, total: int) -> None:
    """Run a job, show on stderr and in the metrics file how it goes, and print what came of it.

    Ends the process with 128 + its number after a signal.
    """
    metrics = options.metrics_file and BuildMetrics(options.metrics_file, kind, index.resolve().name)
    meter, state = Meter(), "failed"
    with stop_on_signals() as stop:
        try:
            with _bar() as bar:
                task = bar.add_task("tiles", total=total, speed="", eta="", bad="")

                def show(done: Done) -> None:
                    speed, eta_s = meter.tiles_per_s(done), meter.eta_s(done)
                    bar.update(
                        task,
                        completed=done.indexed + done.quarantined,
                        speed=f"{speed:.3g} tiles/s" if speed else "",
                        eta="" if eta_s is None else f"{_duration(eta_s)} to go",
                        bad=f"{done.quarantined} left out" if done.quarantined else "",
                    )
                    if metrics:
                        metrics.show(done)

                report = job(replace(options.run(), on_progress=show, stopped=stop))
            state = "published"
        except JobStopped as error:
            state = "stopped"
            click.echo(f"{error} [{error.code}]", err=True)
            sys.exit(stop.exit_code)
        finally:
            if metrics:
                metrics.end(state)
    print_report(report, options.as_json)


def print_report(report: BuildReport, as_json: bool) -> None:
    for notice in report.notices:
        click.echo(f"notice: {notice}", err=True)
    if as_json:
        click.echo(json.dumps({**asdict(report), "path": str(report.path)}))
        return
    if report.unchanged:
        click.echo(f"{report.title}: nothing changed; no new generation was published, {report.path} stays")
        return
    taken = f", {report.resumed} of them taken over" if report.resumed else ""
    click.echo(
        f"{report.title}: {report.count} tiles{taken} in {report.seconds:.1f} s ({report.tiles_per_s:.0f} tiles/s)"
    )
    if report.count > report.resumed:
        click.echo(f"described by {report.way}")
    if report.quarantined:
        click.echo(f"{report.quarantined} left out, listed in {report.path / 'quarantine.csv'}")
    click.echo(f"published as {report.path}")


def _duration(seconds: float) -> str:
    """For example 2:05:09 or 5:09."""
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[speed]}"),
        TextColumn("{task.fields[eta]}"),
        TextColumn("{task.fields[bad]}"),
        console=Console(stderr=True),
    )
