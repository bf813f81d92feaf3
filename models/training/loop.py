"""The one training loop: pairs in, checkpoint out, resumable at any moment.

skyfix train --config transgeo-cvusa --data CVUSA --init deit_small.pth --out RUN
torchrun --nproc-per-node 4 -m service.cli train ...
"""

from __future__ import annotations

import json
import math
import os
import resource
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from models.errors import UsageError
from models.training.batch import Supply
from models.training.board import write_board
from models.training.config import TrainConfig
from models.training.curve import write_curve
from models.training.encoder import TorchEncoder
from models.training.model import Learner, build_network
from models.training.parallel import World, join_world
from models.training.start import start_from
from models.training.step import Stepper, make_optimiser
from models.training.supply import open_supply
from models.training.watch import Watch, open_watch

CHECKPOINT = "checkpoint.pt"
LOG = "log.jsonl"
BAR = (
    TextColumn("{task.description}"),
    BarColumn(),
    MofNCompleteColumn(),
    TextColumn("{task.fields[rate]}"),
    TimeRemainingColumn(),
)


def train(
    config: TrainConfig,
    out: Path,
    *,
    store: Path | None = None,
    init: Path | None = None,
    workers: int = 1,
    threads: int = 1,
) -> Path:
    """Train until the schedule is done, from the last checkpoint if there is one.

    Args:
        config: the run; saved as config.json, and a different one refuses to resume.
        out: folder of the run: checkpoint.pt, log.jsonl, curve.csv, curve.png, config.json.
        store: folder of the rendered pairs of sample cities; `<out>/pairs` when None.
        init: file that the configuration starts from, where it does; not read when a checkpoint is there.
        workers: processes that render cities.
        threads: torch threads.

    Returns:
        The checkpoint's path.

    Raises:
        UsageError: `out` holds another run, or a file to start from is missing.
        DatasetError, CheckpointError: data or weights are not what the configuration says.
    """
    torch.set_num_threads(threads)
    with join_world() as world:
        return _train(config, out, store or out / "pairs", init, workers, world)


def _train(config: TrainConfig, out: Path, store: Path, init: Path | None, workers: int, world: World) -> Path:
    if world.first:
        _claim(config, out)
    torch.manual_seed(config.seed)
    learner = Learner(build_network(config))
    if not (out / CHECKPOINT).is_file():
        start_from(config, learner, init)
    supply = open_supply(config, store, workers, world)
    world.broadcast_state(learner.to(world.device))
    stepper = Stepper(config, learner, make_optimiser(config.optimiser, learner, config.schedule.learning_rate), world)
    step, seconds = _resume(out, stepper, supply)
    if step < total_steps(config, supply):
        _run(out, stepper, supply, open_watch(config) if world.first else None, step, seconds)
    return out / CHECKPOINT


def total_steps(config: TrainConfig, supply: Supply) -> int:
    plan = config.schedule
    return plan.steps if plan.steps is not None else (plan.epochs or 0) * supply.steps_per_epoch


def _claim(config: TrainConfig, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    saved, text = out / "config.json", config.model_dump_json(indent=1)
    if saved.is_file() and saved.read_text() != text:
        raise UsageError(f"{out} holds a run with another configuration. Give another folder or the same file.")
    saved.write_text(text)


def _resume(out: Path, stepper: Stepper, supply: Supply) -> tuple[int, float]:
    path = out / CHECKPOINT
    if not path.is_file():
        return 0, 0.0
    state = torch.load(path, map_location="cpu", weights_only=True)
    stepper.learner.load_state_dict(state["learner"])
    stepper.optimiser.load_state_dict(state["optimiser"])
    supply.restore(state["supply"])
    return int(state["step"]), float(state["seconds"])


def _run(out: Path, stepper: Stepper, supply: Supply, watch: Watch | None, first: int, seconds: float) -> None:
    config, total = stepper.config, total_steps(stepper.config, supply)
    every = config.schedule.evaluate_every or supply.steps_per_epoch
    pace = Pace(config.schedule.batch, time.monotonic() - seconds)
    with Progress(*BAR, console=Console(stderr=True), refresh_per_second=1, disable=watch is None) as progress:
        bar = progress.add_task(config.name, total=total, completed=first, rate="")
        for step in range(first, total):
            for group in stepper.optimiser.param_groups:
                group["lr"] = learning_rate(config, step, total, supply.steps_per_epoch)
            loss, ground, aerial = stepper.step(supply.batch(step))
            supply.observe(step, ground, aerial)
            pace.losses.append(loss)
            progress.update(bar, completed=step + 1, rate=str(pace))
            looks = (step + 1) % every == 0 or step + 1 == total
            if watch is not None and ((step + 1) % config.schedule.checkpoint_every == 0 or looks):
                _save(out, stepper, supply, step + 1, pace.seconds)
            if looks:
                if watch is not None:
                    row = {"step": step + 1, "epoch": (step + 1) // supply.steps_per_epoch}
                    _look(out, stepper, watch, row, pace, total)
                stepper.world.barrier()
                pace.begin()


def _look(out: Path, stepper: Stepper, watch: Watch, row: dict[str, Any], pace: Pace, total: int) -> None:
    """Write one line of the log, where the run is, what it costs and what it recalls, and its curve anew."""
    row |= {"loss": round(float(np.mean(pace.losses)), 4), "learning_rate": stepper.optimiser.param_groups[0]["lr"]}
    row |= {"pairs_per_s": round(pace.pairs_per_s, 1)}
    row |= {"recall": watch.recall(TorchEncoder(stepper.config, stepper.learner.network))}
    row |= {"seconds": round(pace.seconds, 1)} | memory_mb(stepper.world)
    _log(out, row)
    write_curve(out / LOG, stepper.config.name, total)
    write_board(out, row)


@dataclass
class Pace:
    """Loss and speed since the last look."""

    batch: int
    started: float
    """Monotonic time at which the run would have begun, had it never been interrupted."""
    since: float = field(default_factory=time.monotonic)
    losses: list[float] = field(default_factory=list)

    def begin(self) -> None:
        self.since, self.losses = time.monotonic(), []

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    @property
    def pairs_per_s(self) -> float:
        return len(self.losses) * self.batch / max(1e-9, time.monotonic() - self.since)

    def __str__(self) -> str:
        return f"{self.pairs_per_s:.0f} pairs/s, loss {np.mean(self.losses[-50:]):.3f}"


def learning_rate(config: TrainConfig, step: int, total: int, epoch_steps: int) -> float:
    """Linear warm-up, then half a cosine down to zero, step by step or constant within an epoch.

    By epoch it is lr0 (1 + cos(pi epoch / epochs)) / 2, as TransGeo trains.
    """
    plan = config.schedule
    if step < plan.warm_up_steps:
        return plan.learning_rate * (step + 1) / plan.warm_up_steps
    if plan.cosine == "epoch":
        share = (step // epoch_steps) / max(1, math.ceil(total / epoch_steps))
    else:
        share = (step - plan.warm_up_steps) / max(1, total - plan.warm_up_steps)
    return plan.learning_rate * 0.5 * (1 + math.cos(math.pi * share))


def memory_mb(world: World) -> dict[str, int]:
    """Largest memory so far: of this process, and of its GPU where there is one."""
    peak = {"peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)}
    if world.device.type == "cuda":
        peak["peak_gpu_memory_mb"] = round(torch.cuda.max_memory_allocated(world.device) / 2**20)
    return peak


def _save(out: Path, stepper: Stepper, supply: Supply, step: int, seconds: float) -> None:
    """Replace the checkpoint in one rename, so that a kill leaves the old one or the new one."""
    state: dict[str, Any] = {
        "learner": stepper.learner.state_dict(),
        "optimiser": stepper.optimiser.state_dict(),
        "supply": supply.state(),
        "step": step,
        "seconds": seconds,
    }
    temporary = out / f"{CHECKPOINT}.tmp"
    torch.save(state, temporary)
    os.replace(temporary, out / CHECKPOINT)  # noqa: PTH105


def _log(out: Path, row: dict[str, Any]) -> None:
    with (out / LOG).open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(row) + "\n")
