from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from models.bundle import GroundView
from models.errors import UsageError
from models.training.architectures import TransGeoModel
from models.training.config import CONFIGS, TrainConfig, load_config

Change = dict[str, Any]
TRANSGEO: Change = {"kind": "transgeo", "ground_px": (16, 64), "aerial_px": 32, "width": 16, "depth": 1, "heads": 2}


@pytest.mark.parametrize("name", sorted(path.stem for path in CONFIGS.glob("*.toml")))
def test_every_configuration_that_comes_along_is_valid(name: str) -> None:
    embedding, ground, _ = load_config(name).views
    assert ground.width_px % embedding.columns == 0


def test_a_configuration_survives_its_checkpoint(tiny_transgeo: TrainConfig) -> None:
    assert TrainConfig.model_validate_json(tiny_transgeo.model_dump_json()) == tiny_transgeo


@pytest.mark.parametrize(
    ("table", "change", "place"),
    [
        ("schedule", {"setps": 5}, r"schedule\.setps"),
        ("schedule", {"batch": 1}, r"schedule\.batch"),
        ("schedule", {"learning_rate": 0.0}, r"schedule\.learning_rate"),
        ("schedule", {"learning_rate": float("inf")}, r"schedule\.learning_rate"),
        ("model", {"kind": "resnet"}, "model"),
        ("model", {"colums": 8}, r"model\.transgeo\.colums"),
        ("data", {"cities": []}, r"data\.sample-city\.cities"),
        ("data", {"shots": [{"fov_deg": 5, "orientation": "known"}]}, r"data\.sample-city\.shots\.0\.fov_deg"),
        ("data", {"kind": "cvsua"}, "data"),
        ("loss", {"kind": "triplet"}, r"loss\.kind"),
    ],
)
def test_a_wrong_key_or_value_is_named(tiny_run: Change, table: str, change: Change, place: str) -> None:
    with pytest.raises(ValidationError, match=place):
        TrainConfig.model_validate(tiny_run | {table: tiny_run[table] | change})


@pytest.mark.parametrize(("tile_px", "far_rings_m"), [(100, []), (336, [90.0])])
def test_a_tile_that_the_stem_cannot_divide_is_refused(
    tiny_run: Change, tile_px: int, far_rings_m: list[float]
) -> None:
    model = {"kind": "columns", "tile_px": tile_px, "far_rings_m": far_rings_m}
    with pytest.raises(ValidationError, match="tile_px is"):
        TrainConfig.model_validate(tiny_run | {"model": model})


def test_a_file_with_an_unknown_key_is_refused_by_name(tmp_path: Path) -> None:
    text = (CONFIGS / "sample-city.toml").read_text().replace("heading_weight", "heading_wait")
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(UsageError, match=r"mine\.toml: loss\.heading_wait"):
        load_config(tmp_path / "mine.toml")


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("name = ")
    with pytest.raises(UsageError, match=r"mine\.toml is not valid TOML"):
        load_config(tmp_path / "mine.toml")


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"one of: .*sample-city"):
        load_config("sample-citty")


def test_the_published_transgeo_is_the_default() -> None:
    embedding, ground, aerial = TransGeoModel(kind="transgeo").views(70.0)
    assert (embedding.columns, embedding.channels) == (1, 1000)
    assert (ground.height_px, ground.width_px, aerial.size_px) == (112, 616, 256)
    assert (ground.panorama_aspect, ground.fov_deg) == (224 / 1232, 360.0)


def test_columns_have_square_degrees(tiny_columns: TrainConfig) -> None:
    embedding, ground, aerial = tiny_columns.views
    assert isinstance(ground, GroundView)
    assert (ground.height_px, ground.width_px, ground.margin_px) == (32, 128, 16)
    assert ground.vertical_fov_deg == 90.0
    assert (embedding.size, ground.any_width, aerial.footprint_m) == (32, True, 40.0)


PUBLISHED = {
    "transgeo-cvusa": ((112, 616), 32, 100, 1e-4, (320, 256)),
    "transgeo-cvact": ((112, 616), 32, 100, 1e-4, (320, 256)),
    "transgeo-vigor-same": ((320, 640), 16, 50, 5e-5, (400, 320)),
    "transgeo-vigor-cross": ((320, 640), 16, 50, 5e-5, (400, 320)),
    "transgeo-cvusa-fov90": ((112, 154), 32, 100, 1e-4, (320, 256)),
}


@pytest.mark.parametrize(("name", "figures"), PUBLISHED.items())
def test_published_hyper_parameters(name: str, figures: tuple[Any, ...]) -> None:
    view_px, batch, epochs, rate, (second_px, guide_px) = figures
    first, second = load_config(name), load_config(name, 2)
    assert isinstance(first.model, TransGeoModel)
    assert isinstance(second.model, TransGeoModel)
    assert (first.model.view_px, first.schedule.batch, first.schedule.epochs) == (view_px, batch, epochs)
    assert first.schedule.learning_rate == rate
    assert second.schedule.learning_rate == pytest.approx(rate / 10)
    assert (first.optimiser.kind, first.optimiser.rho, first.optimiser.weight_decay) == ("asam", 2.5, 0.03)
    assert (second.schedule.epochs, second.model.aerial_px, first.model.aerial_px) == (50, second_px, guide_px)
    assert second.cropping is not None
    assert (second.cropping.keep, second.cropping.guide) == (0.64, "stage-1")


def test_a_second_stage_must_be_written_down() -> None:
    with pytest.raises(UsageError, match="no table"):
        load_config("transgeo-compact", 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"validation": None}, "need a .validation. city"),
        ({"sampling": {"kind": "mining"}}, "pairs on disk"),
        ({"data": {"kind": "cvusa"}}, "validation_split"),
        ({"schedule": {"batch": 4, "learning_rate": 1e-3}}, "either steps or epochs"),
        ({"model": TRANSGEO | {"crop": {"keep": 0.5}}}, "stage-1"),
        ({"model": TRANSGEO | {"fov_deg": 90}}, "90 degrees only"),
    ],
)
def test_parts_that_do_not_fit_are_refused(tiny_run: Change, change: Change, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        TrainConfig.model_validate(tiny_run | change)


def test_single_values_can_be_changed() -> None:
    config = load_config("transgeo-ablation", 1, ("schedule.batch=8", 'optimiser.kind="asam"', "seed=3"))
    assert (config.schedule.batch, config.optimiser.kind, config.seed) == (8, "asam", 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [("schedule.batch=many", "no change"), ("schedule.bach=8", "bach"), ("seed", "no change")],
)
def test_a_change_that_means_nothing_is_refused(change: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load_config("transgeo-ablation", 1, (change,))
