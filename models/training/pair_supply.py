"""Batches from pairs on disk: read, decoded and prepared by a few threads, one batch ahead of the network."""

from __future__ import annotations

import math
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.bundle import StretchedView
from models.camera import Camera
from models.datasets.pairset import PairSet
from models.errors import ImageError, UsageError
from models.image import WHOLE_PX, decode_photo
from models.limited_view import limited_view, query_angle
from models.preprocess import aerial_input, crop_to_footprint, ground_input
from models.stretched import full_panorama
from models.training.batch import Batch
from models.training.config import TrainConfig
from models.training.data_config import PairData
from models.training.mining import Sampler
from models.training.parallel import World

Float32s = NDArray[np.float32]


class PairSupply:
    """Batches of a data set in the order of a sampler.

    Args:
        config: the run.
        data: its data section.
        pairs: the training split.
        sampler: plans the rows of an epoch's batches.
        world: the processes of the run; each reads its own share of a batch.
    """

    def __init__(self, config: TrainConfig, data: PairData, pairs: PairSet, sampler: Sampler, world: World) -> None:
        self._config, self._data, self._pairs, self._sampler, self._world = config, data, pairs, sampler, world
        self._threads = ThreadPoolExecutor(config.compute.loaders, thread_name_prefix="read")
        self._epoch, self._plan = -1, np.empty((0, 0), dtype=np.int64)
        self._ahead: tuple[int, list[Future[tuple[Float32s, Float32s]]]] | None = None

    @property
    def steps_per_epoch(self) -> int:
        return self._sampler.batches

    def batch(self, step: int) -> Batch:
        waiting = self._ahead[1] if self._ahead is not None and self._ahead[0] == step else self._order(step)
        after = step + 1
        same_epoch = after % self.steps_per_epoch != 0  # the next one is planned when all of this one was seen
        self._ahead = (after, self._order(after)) if same_epoch else None
        ground, aerial = zip(*(future.result() for future in waiting), strict=True)
        return Batch(torch.from_numpy(np.stack(ground)), torch.from_numpy(np.stack(aerial)), torch.zeros(len(waiting)))

    def observe(self, step: int, ground: Tensor, aerial: Tensor) -> None:
        if self._world.first:  # it plans for all
            self._sampler.record(self._rows(step), ground, aerial)

    def state(self) -> dict[str, Any]:
        plan = {"epoch": self._epoch, "plan": torch.from_numpy(self._plan)}
        return plan | {"sampler": self._sampler.state()}

    def restore(self, state: dict[str, Any]) -> None:
        self._epoch, self._plan = int(state["epoch"]), state["plan"].numpy()
        self._sampler.restore(state["sampler"])

    def _rows(self, step: int) -> NDArray[np.int64]:
        """Rows of the whole batch of a step; an epoch is planned when its first batch is asked for."""
        epoch, place = divmod(step, self.steps_per_epoch)
        if epoch != self._epoch:
            self._epoch, self._plan = epoch, self._world.agree(lambda: self._sampler.plan(epoch))
        rows: NDArray[np.int64] = self._plan[place]
        return rows

    def _order(self, step: int) -> list[Future[tuple[Float32s, Float32s]]]:
        epoch = step // self.steps_per_epoch
        mine = self._world.share(self._rows(step))
        return [self._threads.submit(self._pair, int(row), epoch) for row in mine]

    def _pair(self, row: int, epoch: int) -> tuple[Float32s, Float32s]:
        return self._ground(row, epoch), self._aerial(int(self._pairs.positive[row]))

    def _ground(self, row: int, epoch: int) -> Float32s:
        """Prepare a photo; an unknown orientation is an angle of its own at every reading."""
        embedding, view, _ = self._config.views
        pixels = read_picture(self._pairs.ground[row])
        fov_deg, heading_deg = float(self._pairs.fov_deg[row]), float(self._pairs.heading_deg[row])
        if math.isnan(fov_deg):
            fov_deg = view.fov_deg if isinstance(view, StretchedView) else 360.0
        if self._data.orientation == "unknown" and isinstance(view, StretchedView):
            if fov_deg < 360.0:
                raise UsageError(f"{self._pairs.ground[row]} is no panorama; only panoramas can be turned.")
            angle = query_angle(self._config.seed, row, reading=epoch + 1)
            return limited_view(full_panorama(pixels, view), angle, view.fov_deg)
        heading = None if math.isnan(heading_deg) else heading_deg % 360.0
        camera = Camera("panorama" if fov_deg >= 360.0 else "perspective", fov_deg, heading)
        return ground_input(pixels, camera, view, embedding).pixels

    def _aerial(self, row: int) -> Float32s:
        _, _, view = self._config.views
        pixels = read_picture(self._pairs.aerial[row])
        if self._pairs.ground_resolution_m is not None:
            resolution = float(self._pairs.ground_resolution_m[row])
            if math.isfinite(resolution):
                pixels = crop_to_footprint(pixels, resolution, self._config.footprint_m)
        return aerial_input(pixels, view)


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Read a picture at full size.

    Raises:
        ImageError: it cannot be used; the message is preceded by the path.
    """
    try:
        return decode_photo(path.read_bytes(), long_side_px=WHOLE_PX).pixels
    except ImageError as error:
        raise type(error)(f"{path}: {error}") from error
