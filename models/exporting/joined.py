"""From several training runs of one network to one model bundle: seeds of a recipe, or a run and its second stage."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.bundle import ModelBundle
from models.errors import UsageError
from models.evaluation.benchmark import CityBenchmark
from models.evaluation.photographs import Setting
from models.exporting.run import export_bundle, load_run
from models.networks.azimuth import AzimuthColumns
from models.networks.joined import JoinedColumns, Narrowing, narrow
from models.training.architectures import ColumnsModel
from models.training.config import TrainConfig, draft_manifest
from models.training.encoder import TorchEncoder

SHARED = ("name", "version", "label", "licence", "attribution", "footprint_m", "model", "validation")
"""What the configurations of joined runs have in common."""
PHOTOS_DEG = (360.0, 180.0, 90.0, 70.0)
"""Fields of view of the photos of the validation city by which channels are kept."""


def export_joined(runs: Sequence[Path], out: Path, *, half_weights: bool = True) -> ModelBundle:
    """Write one model bundle from runs of azimuth columns: their heads around one stem, in as many channels as one has.

    Which channels are kept is decided by photos and tiles of the configuration's validation city.

    Args:
        runs: folders or checkpoints of two runs or more, of the same network, views and validation city; what they
            learnt from, how long and with which seed may differ.
        out: folder to make; must not exist or be empty.
        half_weights: as in `export_run`.

    Raises:
        UsageError: their networks differ, two have one configuration, or they are no azimuth columns on sample cities;
            or as `export_run`.
    """
    configs, members, records = [], [], list[dict[str, Any]]()
    for run in runs:
        config, network, facts = load_run(run)
        if not isinstance(network, AzimuthColumns) or config.validation is None:
            raise UsageError(f"{run} is a {config.model.kind} run; only runs of azimuth columns can be joined.")
        configs.append(config)
        members.append(network.eval())
        records.append({"config": config.model_dump(mode="json"), **facts})
    _refuse_strangers(configs, runs)
    config = configs[0]
    try:
        wide = JoinedColumns(members, quarters=range(_columns_of(config).looks))
        joined = JoinedColumns(members, _narrowing(config, wide), wide.quarters)
    except ValueError as error:
        raise UsageError(f"These runs cannot be joined: {error}.") from error
    training = {"members": records}
    return export_bundle(joined, draft_manifest(config, training), out, half_weights=half_weights, certified=True)


def _refuse_strangers(configs: Sequence[TrainConfig], runs: Sequence[Path]) -> None:
    first = configs[0].model_dump()
    for number, (config, run) in enumerate(zip(configs, runs, strict=True)):
        other = config.model_dump()
        apart = [name for name in SHARED if first[name] != other[name]]
        if apart:
            raise UsageError(f"{run} differs from {runs[0]} in {', '.join(apart)}; joined runs are of one network.")
        if config in configs[:number]:
            before = runs[configs.index(config)]
            raise UsageError(f"{run} and {before} have one configuration; the same run twice says nothing twice.")


def _narrowing(config: TrainConfig, joined: JoinedColumns) -> Narrowing:
    """Look at the validation city through all channels, and keep those that its photos and tiles share most."""
    model, city = _columns_of(config), config.validation
    assert city is not None
    wide = model.model_copy(update={"channels": joined.wide})
    encoder = TorchEncoder(config.model_copy(update={"model": wide}), joined)
    bench = CityBenchmark.render(city.city, city.places, city.extent_m)
    tiles = bench.centres(encoder).rows
    photos = [bench.describe(encoder, Setting(fov_deg, "unknown")).rows for fov_deg in PHOTOS_DEG]
    return narrow(_columns(np.concatenate(photos), joined.wide), _columns(tiles, joined.wide), model.channels)


def _columns_of(config: TrainConfig) -> ColumnsModel:
    assert isinstance(config.model, ColumnsModel)
    return config.model


def _columns(rows: NDArray[np.float32], channels: int) -> NDArray[np.float32]:
    """Rows of any shape -> the columns in them that were seen, (n, channels)."""
    columns = rows.reshape(-1, channels)
    return columns[columns.any(axis=1)]
