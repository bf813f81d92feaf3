"""From a configuration to its batches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.datasets.catalogue import open_dataset
from models.datasets.pairset import PairSet
from models.errors import DatasetError, UsageError
from models.training.batch import Supply
from models.training.city_supply import CitySupply
from models.training.config import TrainConfig
from models.training.data_config import CityData, PairData, ViewData
from models.training.mining import MiningSampler, RandomSampler, Sampler
from models.training.nearest import nearest_by_position
from models.training.neighbours import NeighbourSampler
from models.training.pair_supply import PairSupply
from models.training.parallel import World
from models.training.store import prepare
from models.training.view_store import prepare_views
from models.training.view_supply import ViewSupply


def open_supply(config: TrainConfig, store: Path, workers: int, world: World) -> Supply:
    """Open the pairs of a run; those of sample cities are rendered first where they are not there yet.

    Raises:
        UsageError: no folder was given, or the store holds other pairs.
        DatasetError: the data set is not laid out as it should be, or smaller than a batch.
    """
    data = config.data
    if isinstance(data, CityData):
        if world.first:
            prepare(config, data, store, workers)
        world.barrier()
        return CitySupply(config, data, prepare(config, data, store), world)
    if isinstance(data, ViewData):
        if world.first:
            prepare_views(config, data, store, workers)
        world.barrier()
        return ViewSupply(config, data, prepare_views(config, data, store), world)
    return _open_pairs(config, data, world)


def _open_pairs(config: TrainConfig, data: PairData, world: World) -> PairSupply:
    if not data.root:
        raise UsageError(f"Where is {data.kind}? Give its folder with --data, or data.root in the configuration.")
    pairs = open_dataset(data.kind, Path(data.root), data.split, labels=data.labels)
    if len(pairs) < config.schedule.batch:
        raise DatasetError(f"{pairs.name} has {len(pairs)} pairs, fewer than a batch of {config.schedule.batch}.")
    return PairSupply(config, data, pairs, _sampler(config, pairs, world), world)


def _sampler(config: TrainConfig, pairs: PairSet, world: World) -> Sampler:
    rule, batch = config.sampling, config.schedule.batch
    conflicts = shared_tiles(pairs)
    if rule.kind == "random":
        return RandomSampler(len(pairs), batch, config.seed, conflicts=conflicts)
    size, device = config.views[0].size, str(world.device)
    if rule.kind == "neighbours":
        return NeighbourSampler(
            len(pairs),
            size,
            batch,
            config.seed,
            near=_neighbours(pairs, rule.listed),
            listed=rule.listed,
            select=rule.select,
            conflicts=conflicts,
            first_mined_epoch=rule.first_mined_epoch,
            device=device,
        )
    return MiningSampler(
        len(pairs),
        size,
        batch,
        config.seed,
        pool=rule.pool,
        hardest=rule.hardest,
        conflicts=conflicts,
        first_mined_epoch=rule.first_mined_epoch,
        device=device,
    )


def _neighbours(pairs: PairSet, count: int) -> NDArray[np.int64] | None:
    """List the places nearest to each; None where not all positions are known."""
    if pairs.positions is None or not np.isfinite(pairs.positions.ground).all():
        return None
    return nearest_by_position(pairs.positions.frame, pairs.positions.ground, count)


def shared_tiles(pairs: PairSet) -> NDArray[np.int64]:
    """List the tiles of each pair, (Q, 1 + S): no two pairs of a batch may share one, or a negative would be right."""
    tiles = np.concatenate([pairs.positive[:, None], pairs.semi_positive], axis=1)
    own = -1 - np.arange(tiles.size).reshape(tiles.shape)
    return np.where(tiles < 0, own, tiles)
