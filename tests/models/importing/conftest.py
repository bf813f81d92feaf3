"""Imports that several tests look at; every one of them is tried on six pairs of noise."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.bundle import ModelBundle
from models.importing.delivery import Order
from models.importing.transgeo import Choice, import_transgeo
from tests.models.importing.made import save_official, transgeo_state, write_pairs


@pytest.fixture(scope="session")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pairs(tmp_path_factory.mktemp("pairs"), 6, 6)


@pytest.fixture(scope="session")
def stage_1(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_official(tmp_path_factory.mktemp("official") / "checkpoint.pth.tar", transgeo_state(seed=1))


@pytest.fixture(scope="session")
def stage_2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_official(tmp_path_factory.mktemp("official") / "model_best.pth.tar", transgeo_state(320, seed=2))


@pytest.fixture(scope="session")
def imported(stage_1: Path, pairs: Path, tmp_path_factory: pytest.TempPathFactory) -> ModelBundle:
    """A stage-1 network for CVUSA, in float32."""
    order = Order(tmp_path_factory.mktemp("imported") / "bundle", held_out=pairs)
    return import_transgeo(stage_1, order, Choice(dataset="cvusa"))
