from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from models.errors import UsageError
from models.training.config import CONFIGS, TrainConfig, TransGeoModel, load_config

Change = dict[str, Any]


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
        ("data", {"cities": []}, r"data\.cities"),
        ("data", {"shots": [{"fov_deg": 5, "orientation": "known"}]}, r"data\.shots\.0\.fov_deg"),
        ("loss", {"kind": "triplet"}, r"loss\.kind"),
    ],
)
def test_a_wrong_key_or_value_is_named(tiny_run: Change, table: str, change: Change, place: str) -> None:
    with pytest.raises(ValidationError, match=place):
        TrainConfig.model_validate(tiny_run | {table: tiny_run[table] | change})


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
    assert ground.vertical_fov_deg == pytest.approx(112 / 616 * 360, abs=0.01)


def test_columns_have_square_degrees(tiny_columns: TrainConfig) -> None:
    embedding, ground, aerial = tiny_columns.views
    assert (ground.height_px, ground.width_px, ground.margin_px) == (32, 128, 16)
    assert ground.vertical_fov_deg == 90.0
    assert (embedding.size, ground.any_width, aerial.footprint_m) == (32, True, 40.0)
