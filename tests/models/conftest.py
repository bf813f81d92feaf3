"""What the tests of models/ share: one torch thread, the smallest runs there can be, and pictures painted by sector."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from models.training.config import TrainConfig
from models.training.data_config import CityData
from models.training.loop import train
from models.training.model import Learner, build_network

Pixels = NDArray[np.uint8]
PLACES = 8
TRANSGEO: dict[str, Any] = {
    "kind": "transgeo",
    "ground_px": (16, 64),
    "panorama_aspect": 0.25,
    "aerial_px": 32,
    "width": 16,
    "depth": 1,
    "heads": 2,
    "patch_px": 16,
    "embedding": 8,
}
COLUMNS: dict[str, Any] = {
    "kind": "columns",
    "columns": 8,
    "channels": 4,
    "width": 16,
    "depth": 1,
    "heads": 2,
    "rows": 2,
    "margin_columns": 1,
    "tile_px": 64,
    "aerial_channels": 8,
    "aerial_width": 16,
    "aerial_depth": 1,
    "rings_m": [[3.0], [8.0], [14.0]],
    "kept": [8, 8, 4],
    "cells": {"per_side": 3, "spacing_m": 4.0},
}
VIEWS: dict[str, Any] = {
    "kind": "sample-views",
    "cities": [4],
    "extent_m": 100.0,
    "places": PLACES,
    "moments": 2,
    "photo_draws": 2,
    "offset_m": 5.0,
    "photos": [{"columns": 8, "group": "wide"}, {"columns": 2, "group": "narrow"}],
}


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny_run() -> dict[str, Any]:
    """The content of a TOML file: a TransGeo of one block, 60 steps on 16 places."""
    return {
        "name": "tiny",
        "label": "Trained on noise.",
        "licence": "Apache-2.0",
        "attribution": "",
        "seed": 5,
        "footprint_m": 40.0,
        "model": TRANSGEO,
        "data": {
            "kind": "sample-city",
            "cities": [1, 2],
            "extent_m": 100.0,
            "places": PLACES,
            "shots": [{"fov_deg": 360.0, "orientation": "known", "weight": 3.0}],
        },
        "loss": {"kind": "soft-margin-triplet"},
        "schedule": {
            "steps": 60,
            "batch": 6,
            "learning_rate": 3e-3,
            "warm_up_steps": 4,
            "evaluate_every": 60,
            "checkpoint_every": 2,
        },
        "validation": {"city": 3, "places": 10, "extent_m": 100.0},
    }


@pytest.fixture(scope="session")
def tiny_transgeo(tiny_run: dict[str, Any]) -> TrainConfig:
    return TrainConfig.model_validate(tiny_run)


@pytest.fixture(scope="session")
def tiny_columns(tiny_run: dict[str, Any]) -> TrainConfig:
    """Azimuth columns: a tile of 40 m seen from nine positions, photos of the whole circle and of a quarter."""
    spread = {"positions": 2, "reach_m": 6.0}
    return TrainConfig.model_validate(
        tiny_run | {"model": COLUMNS, "data": VIEWS, "loss": {"kind": "infonce", "spread": spread, "clip_norm": 5.0}}
    )


@pytest.fixture(scope="session")
def noise_store(tiny_transgeo: TrainConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pairs of `tiny_transgeo` that were not rendered: every place is one plain colour, red tells which."""
    store = tmp_path_factory.mktemp("pairs")
    assert isinstance(tiny_transgeo.data, CityData)
    for city in tiny_transgeo.data.cities:
        folder = store / f"city-{city}"
        folder.mkdir()
        colour = np.random.default_rng(city).integers(0, 256, (PLACES, 3), dtype=np.uint8)
        colour[:, 0] = 100 * city + 8 * np.arange(PLACES)
        for shot in tiny_transgeo.data.shots:
            np.save(folder / f"shot-{shot.name}.npy", np.tile(colour[:, :, None, None], (1, 1, 16, 64)))
            np.save(folder / f"shift-{shot.name}.npy", np.zeros(PLACES, np.float32))
        np.save(folder / "tiles.npy", np.tile(colour[:, None, :, None, None], (1, 2, 1, 32, 32)))
        np.save(folder / "places.npy", np.zeros((PLACES, 2)))
    return store


@pytest.fixture(scope="session")
def trained_run(tiny_transgeo: TrainConfig, noise_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a run that nothing disturbed."""
    return train(tiny_transgeo, tmp_path_factory.mktemp("trained"), store=noise_store).parent


@pytest.fixture(scope="session")
def untrained_run(tmp_path_factory: pytest.TempPathFactory) -> Callable[[TrainConfig], Path]:
    """Folder of a run that was saved before its first step."""

    def save(config: TrainConfig) -> Path:
        folder = tmp_path_factory.mktemp("run")
        torch.manual_seed(config.seed)
        learner = Learner(build_network(config, pretrained=False))
        torch.save({"learner": learner.state_dict(), "step": 0, "seconds": 1.6}, folder / "checkpoint.pt")
        (folder / "config.json").write_text(config.model_dump_json())
        return folder

    return save


@pytest.fixture(scope="session")
def sector_tile() -> Callable[[Pixels], Pixels]:
    """Paint a tile with one colour per azimuth sector, clockwise from north: (W, 3) -> (32, 32, 3)."""

    def paint(colours: Pixels) -> Pixels:
        centre = np.arange(32) + 0.5 - 16
        azimuth = np.degrees(np.arctan2(centre[None, :], -centre[:, None])) % 360
        return np.asarray(colours[(azimuth * len(colours) // 360).astype(int)])

    return paint


@pytest.fixture(scope="session")
def strip_photo() -> Callable[[Pixels], Pixels]:
    """Paint the panorama that saw these sectors from left to right: (w, 3) -> (16, 8 w, 3)."""

    def paint(colours: Pixels) -> Pixels:
        return np.broadcast_to(np.repeat(colours, 8, axis=0), (16, 8 * len(colours), 3)).copy()

    return paint
