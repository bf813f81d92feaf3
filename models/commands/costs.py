"""Parameters and multiply-adds of a configuration, as `skyfix model-info` shows them."""

from __future__ import annotations

from typing import Any

import click

from models.errors import UsageError
from models.networks.cost import Cost, transgeo_cost
from models.networks.cropping import Crop
from models.training.architectures import TransGeoModel
from models.training.config import TrainConfig
from models.training.model import transformer_size

Costs = dict[str, Any]


def costs_of(config: TrainConfig) -> Costs:
    """Count both branches of a TransGeo configuration, and the guide of its second stage.

    Raises:
        UsageError: another network.
    """
    model = config.model
    if not isinstance(model, TransGeoModel):
        raise UsageError("Multiply-adds are counted for TransGeo configurations; give one of those, or a bundle.")
    crop = None if model.crop is None else Crop(model.crop.keep, model.crop.guide, model.crop.guide_px)
    pair = transgeo_cost(
        model.view_px,
        (model.aerial_px, model.aerial_px),
        transformer_size(model),
        share=model.share,
        crop=crop,
        polar=model.polar,
    )
    rows = {"ground": pair.ground, "aerial": pair.aerial, "both": pair.total}
    if crop is not None and crop.crops:
        rows["guide"] = pair.guide
    return {name: _row(cost) for name, cost in rows.items()}


def _row(cost: Cost) -> dict[str, int]:
    return {
        "parameters": cost.parameters,
        "multiply_adds_without_attention": cost.as_published,
        "multiply_adds_with_attention": cost.with_attention,
    }


def print_costs(title: str, costs: Costs) -> None:
    click.echo(f"{title}\n{'':8}{'parameters':>14}{'multiply-adds':>16}{'with attention products':>26}")
    for name, row in costs.items():
        without, whole = row["multiply_adds_without_attention"], row["multiply_adds_with_attention"]
        click.echo(f"{name:8}{row['parameters']:>14,}{without / 1e9:>14.4f} G{whole / 1e9:>24.4f} G")
    click.echo(
        'Without attention products is the count of the paper\'s "11.32 GFLOPs" (biases as its tool counts them). '
        "A guide looks at every tile first; the paper leaves it out."
    )
