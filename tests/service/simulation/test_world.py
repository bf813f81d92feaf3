"""What a model has learned from, as far as its bundle tells."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from models.bundle import ModelBundle
from service.simulation.world import seen_in_training

ONE: dict[str, Any] = {"config": {"data": {"cities": [401, 402]}, "validation": {"city": 900}}}
JOINED: dict[str, Any] = {"members": [ONE, {"config": {"data": {"cities": [441]}, "validation": None}}]}


@pytest.mark.parametrize(
    ("training", "seed", "said"),
    [
        (ONE, 402, "trained on"),
        (ONE, 900, "trained on"),
        (ONE, 441, "never trained on"),
        (JOINED, 401, "trained on"),
        (JOINED, 441, "trained on"),
        (JOINED, 900, "trained on"),
        (JOINED, 403, "never trained on"),
        ({}, 401, "never trained on"),
    ],
)
def test_the_cities_of_every_run_in_a_bundle_count(
    tiny_bundle: ModelBundle, training: dict[str, Any], seed: int, said: str
) -> None:
    manifest = tiny_bundle.manifest.model_copy(update={"training": training})
    assert seen_in_training(replace(tiny_bundle, manifest=manifest), seed) == said
