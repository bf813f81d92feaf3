"""The curve of a run for TensorBoard, where that is installed (extra `tensorboard`): OUT/tensorboard.

Every look adds a file of events, so nothing has to stay open over a run that is killed and resumed; what a run did
twice is told once.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

FOLDER = "tensorboard"
PLAIN = ("loss", "learning_rate", "pairs_per_s")
logger = logging.getLogger(__name__)


def write_board(out: Path, row: Mapping[str, Any]) -> None:
    """Add one line of the log; nothing where TensorBoard is not installed.

    A disk that refuses is a warning: the run goes on.

    Args:
        out: folder of the run.
        row: as `models.training.loop` logs it.
    """
    if find_spec("tensorboard") is None:
        return
    from torch.utils.tensorboard import SummaryWriter

    make: Any = SummaryWriter  # it is not typed
    try:
        with make(str(out / FOLDER), purge_step=row["step"]) as writer:
            for name, value in scalars(row).items():
                writer.add_scalar(name, value, row["step"])
    except OSError as error:
        logger.warning("%s cannot be written: %s", out / FOLDER, error)


def scalars(row: Mapping[str, Any]) -> dict[str, float]:
    """Give what is drawn, by its name in TensorBoard: recalls by kind of photo below the name of the metric."""
    found = {f"run/{name}": float(row[name]) for name in PLAIN if name in row}
    for name, share in row.get("recall", {}).items():
        kind, _, metric = name.rpartition(" ")
        found[f"{metric or 'recall'}/{kind or name}"] = float(share)
    return found
