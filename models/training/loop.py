"""The one training loop: pairs in, checkpoint out, resumable at any moment."""

from __future__ import annotations

import json
import math
import os
import resource
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor

from models.errors import UsageError
from models.evaluation.benchmark import CityBenchmark
from models.evaluation.photographs import Setting
from models.losses import correlate, heading_cross_entropy, pair_similarity, soft_margin_triplet, symmetric_infonce
from models.training.config import TrainConfig
from models.training.encoder import TorchEncoder
from models.training.model import Learner, build_network
from models.training.store import CityPairs, front_tensor, prepare

CHECKPOINT = "checkpoint.pt"
LOG = "log.jsonl"


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one kind of photo with their tiles."""

    ground: Tensor
    aerial: Tensor
    shift: Tensor
    """(B,) true shift in columns."""


def train(config: TrainConfig, out: Path, *, store: Path | None = None, workers: int = 1, threads: int = 1) -> Path:
    """Train until the schedule is done, from the last checkpoint if there is one.

    Args:
        config: the run; saved as config.json, and a different one refuses to resume.
        out: folder of the run: checkpoint.pt, log.jsonl, config.json.
        store: folder of the rendered pairs; `<out>/pairs` when None.
        workers: processes that render cities.
        threads: torch threads.

    Returns:
        The checkpoint's path.
    """
    torch.set_num_threads(threads)
    out.mkdir(parents=True, exist_ok=True)
    _claim(config, out)
    pairs = prepare(config, store or out / "pairs", workers)
    torch.manual_seed(config.seed)
    learner = Learner(build_network(config))
    optimiser = torch.optim.AdamW(
        [p for p in learner.parameters() if p.requires_grad],
        lr=config.schedule.learning_rate,
        weight_decay=config.schedule.weight_decay,
    )
    step, seconds = _resume(out, learner, optimiser)
    if step < config.schedule.steps:
        _run(config, out, pairs, learner, optimiser, step, seconds)
    return out / CHECKPOINT


def _claim(config: TrainConfig, out: Path) -> None:
    saved, text = out / "config.json", config.model_dump_json(indent=1)
    if saved.is_file() and saved.read_text() != text:
        raise UsageError(f"{out} holds a run with another configuration. Give another folder or the same file.")
    saved.write_text(text)


def _resume(out: Path, learner: Learner, optimiser: torch.optim.Optimizer) -> tuple[int, float]:
    path = out / CHECKPOINT
    if not path.is_file():
        return 0, 0.0
    state = torch.load(path, map_location="cpu", weights_only=True)
    learner.load_state_dict(state["learner"])
    optimiser.load_state_dict(state["optimiser"])
    return int(state["step"]), float(state["seconds"])


def _run(
    config: TrainConfig,
    out: Path,
    pairs: list[CityPairs],
    learner: Learner,
    optimiser: torch.optim.Optimizer,
    first: int,
    seconds: float,
) -> None:
    plan = config.schedule
    watch = CityBenchmark.render(config.validation.city, config.validation.places, config.validation.extent_m)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), refresh_per_second=1) as progress:
        bar = progress.add_task(config.name, total=plan.steps, completed=first, rate="")
        started, losses = time.monotonic() - seconds, []
        since, since_step = time.monotonic(), first
        for step in range(first, plan.steps):
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(config, step)
            losses.append(_step(config, learner, optimiser, draw_batch(config, pairs, step)))
            done = step + 1
            pace = (done - since_step) * plan.batch / max(1e-9, time.monotonic() - since)
            progress.update(bar, completed=done, rate=f"{pace:.0f} pairs/s, loss {np.mean(losses[-50:]):.3f}")
            last = done == plan.steps
            if done % plan.checkpoint_every == 0 or last:
                _save(out, learner, optimiser, done, time.monotonic() - started)
            if done % plan.evaluate_every == 0 or last:
                row = {"step": done, "loss": round(float(np.mean(losses)), 4), "pairs_per_s": round(pace, 1)}
                _log(out, row | _evaluate(config, learner, watch, time.monotonic() - started))
                losses, since, since_step = [], time.monotonic(), done


def learning_rate(config: TrainConfig, step: int) -> float:
    """Linear warm-up, then half a cosine down to zero."""
    plan = config.schedule
    if step < plan.warm_up_steps:
        return plan.learning_rate * (step + 1) / plan.warm_up_steps
    share = (step - plan.warm_up_steps) / max(1, plan.steps - plan.warm_up_steps)
    return plan.learning_rate * 0.5 * (1 + math.cos(math.pi * share))


def draw_batch(config: TrainConfig, pairs: list[CityPairs], step: int) -> Batch:
    """Draw the batch of a step, the same whenever it is asked for.

    All photos of a batch are of one kind; its places come from two cities, so that many negatives share their style.
    """
    rng = np.random.default_rng([config.seed, step])
    shots = config.data.shots
    weights = np.array([shot.weight for shot in shots])
    shot = shots[rng.choice(len(shots), p=weights / weights.sum())]
    _, ground_view, aerial_view = config.views
    chosen = rng.choice(len(pairs), size=min(2, len(pairs)), replace=False)
    share = np.array_split(np.arange(config.schedule.batch), len(chosen))
    ground, aerial, shift = [], [], []
    for city, part in zip(chosen, share, strict=True):
        rows = np.sort(rng.choice(len(pairs[city].places), size=len(part), replace=False))
        draws = rng.integers(pairs[city].tiles.shape[1], size=len(part))
        ground.append(pairs[city].shots[shot.name][rows])
        aerial.append(np.stack([pairs[city].tiles[row, draw] for row, draw in zip(rows, draws, strict=True)]))
        shift.append(pairs[city].shifts[shot.name][rows])
    return Batch(
        front_tensor(np.concatenate(ground), ground_view),
        front_tensor(np.concatenate(aerial), aerial_view),
        torch.from_numpy(np.concatenate(shift)),
    )


def _step(config: TrainConfig, learner: Learner, optimiser: torch.optim.Optimizer, batch: Batch) -> float:
    learner.train()
    loss = batch_loss(config, learner, batch)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    return loss.item()


def batch_loss(config: TrainConfig, learner: Learner, batch: Batch) -> Tensor:
    """Loss of a batch: retrieval among its pairs, and the heading inside the true tile where there are columns."""
    correlation = correlate(learner.ground_rest(batch.ground), learner.aerial_rest(batch.aerial))  # (B, B, W)
    similarity = pair_similarity(correlation, batch.shift)
    scale = learner.log_scale.exp().clamp(max=100.0)
    rule = config.loss
    if rule.kind == "soft-margin-triplet":
        loss = soft_margin_triplet(similarity, rule.alpha)
    else:
        loss = symmetric_infonce(similarity, scale, rule.smoothing)
    if correlation.shape[2] > 1 and rule.heading_weight > 0:
        own = correlation.diagonal(dim1=0, dim2=1).T
        loss = loss + rule.heading_weight * heading_cross_entropy(own, batch.shift, scale)
    return loss


def _evaluate(config: TrainConfig, learner: Learner, watch: CityBenchmark, seconds: float) -> dict[str, Any]:
    encoder = TorchEncoder(config, learner.network)
    settings = [Setting(shot.fov_deg, shot.orientation) for shot in config.data.shots]
    rows = watch.score(encoder, settings)
    recall = {s.name: round(row.recall_at_1, 4) for s, row in zip(settings, rows, strict=True)}
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"recall_at_1": recall, "seconds": round(seconds, 1), "peak_memory_mb": round(memory)}


def _save(out: Path, learner: Learner, optimiser: torch.optim.Optimizer, step: int, seconds: float) -> None:
    """Replace the checkpoint in one rename, so that a kill leaves the old one or the new one."""
    state = {"learner": learner.state_dict(), "optimiser": optimiser.state_dict(), "step": step, "seconds": seconds}
    temporary = out / f"{CHECKPOINT}.tmp"
    torch.save(state, temporary)
    os.replace(temporary, out / CHECKPOINT)  # noqa: PTH105


def _log(out: Path, row: dict[str, Any]) -> None:
    with (out / LOG).open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(row) + "\n")
