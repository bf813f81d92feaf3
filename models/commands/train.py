"""`skyfix train`."""

from __future__ import annotations

from pathlib import Path

import click

from models.errors import UsageError
from models.training.config import TrainConfig, load_config
from models.training.data_config import PairData
from models.training.loop import train


@click.command("train")
@click.option("--config", required=True, help="TOML file, or the name of a configuration that comes with Skyfix.")
@click.option(
    "--stage", type=click.IntRange(1, 2), default=1, show_default=True, help="2: with its [stage_2] laid over."
)
@click.option(
    "--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change a value: schedule.batch=64. Repeatable."
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder of the run; resumed if it exists.")
@click.option("--pairs", type=click.Path(path_type=Path), help="Folder for the rendered pairs. [default: OUT/pairs]")
@click.option(
    "--data", type=click.Path(path_type=Path), help="Folder of the data set, or pairs.csv, of the configuration."
)
@click.option("--init", type=click.Path(path_type=Path), help="Weights to start from, where the configuration does.")
@click.option("--workers", default=1, show_default=True, help="Processes that render sample cities.")
@click.option("--threads", default=1, show_default=True, help="Torch threads.")
def command(
    config: str,
    stage: int,
    changes: tuple[str, ...],
    out: Path,
    pairs: Path | None,
    data: Path | None,
    init: Path | None,
    workers: int,
    threads: int,
) -> None:
    """Train a model; a killed run goes on from its last checkpoint when called again.

    OUT/curve.png and curve.csv show loss, learning rate and recall so far, made anew at every evaluation; with the
    extra `tensorboard` installed OUT/tensorboard holds the same.

    Several GPUs: torchrun --nproc-per-node N $(which skyfix) train ...
    """
    plan = load_config(config, stage, changes)
    if data is not None:
        plan = _with_data(plan, data)
    checkpoint = train(plan, out, store=pairs, init=init, workers=workers, threads=threads)
    click.echo(f"{checkpoint}\nNext: skyfix export --checkpoint {checkpoint} --out BUNDLE", err=True)


def _with_data(plan: TrainConfig, root: Path) -> TrainConfig:
    if not isinstance(plan.data, PairData):
        raise UsageError("--data is for data sets on disk; this configuration trains on sample cities.")
    return plan.model_copy(update={"data": plan.data.model_copy(update={"root": str(root.resolve())})})
