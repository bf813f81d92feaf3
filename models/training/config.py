"""What a training run is: one TOML file, validated, saved with its checkpoint."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from models.artefact import Frozen
from models.bundle import AerialView, Embedding, GroundView
from models.errors import UsageError

UNSEALED = "0" * 64
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CONFIGS = Path(__file__).parent.parent / "configs"


class ColumnsModel(Frozen):
    """Azimuth columns on a frozen Lite0 stem."""

    kind: Literal["columns"]
    columns: int = Field(default=24, ge=4, le=90)
    channels: int = Field(default=32, ge=4)
    width: int = Field(default=128, ge=16)
    depth: int = Field(default=2, ge=1)
    heads: int = Field(default=4, ge=1)
    rows: int = Field(default=6, ge=1)
    margin_columns: int = Field(default=2, ge=0)
    tile_px: int = Field(default=192, ge=32)

    def views(self, footprint_m: float) -> tuple[Embedding, GroundView, AerialView]:
        half = (0.5, 0.5, 0.5)
        height, width = self.rows * 16, self.columns * 16
        ground = GroundView(
            sha256=UNSEALED,
            height_px=height,
            width_px=width,
            vertical_fov_deg=360.0 * height / width,
            margin_px=self.margin_columns * 16,
            any_width=True,
            mean=half,
            std=half,
        )
        aerial = AerialView(sha256=UNSEALED, size_px=self.tile_px, footprint_m=footprint_m, mean=half, std=half)
        return Embedding(columns=self.columns, channels=self.channels), ground, aerial


class TransGeoModel(Frozen):
    """TransGeo of any size; the defaults are the published DeiT-S with CVUSA's stage-1 inputs."""

    kind: Literal["transgeo"]
    ground_px: tuple[int, int] = (112, 616)
    aerial_px: int = 256
    vertical_fov_deg: float = 65.45
    width: int = 384
    depth: int = 12
    heads: int = 6
    patch_px: int = 16
    embedding: int = 1000
    share: bool = False

    def views(self, footprint_m: float) -> tuple[Embedding, GroundView, AerialView]:
        ground = GroundView(
            sha256=UNSEALED,
            height_px=self.ground_px[0],
            width_px=self.ground_px[1],
            vertical_fov_deg=self.vertical_fov_deg,
            margin_px=0,
            any_width=False,
            mean=IMAGENET_MEAN,
            std=IMAGENET_STD,
        )
        aerial = AerialView(
            sha256=UNSEALED, size_px=self.aerial_px, footprint_m=footprint_m, mean=IMAGENET_MEAN, std=IMAGENET_STD
        )
        return Embedding(columns=1, channels=self.embedding), ground, aerial


class Shot(Frozen):
    """A kind of photo to train on; one is rendered per place."""

    fov_deg: float = Field(ge=10, le=360)
    orientation: Literal["known", "unknown"]
    weight: float = Field(default=1.0, gt=0)
    """Share of the batches drawn from this kind, relative to the others."""

    @property
    def name(self) -> str:
        return f"{self.fov_deg:g}-{self.orientation}"


class CityData(Frozen):
    """Pairs rendered from sample cities."""

    cities: tuple[int, ...] = Field(min_length=1)
    extent_m: float = 1000.0
    places: int = Field(ge=8)
    """Places per city."""
    min_separation_m: float = 18.0
    tile_draws: int = Field(default=2, ge=1)
    """Aerial tiles rendered per place, each with its own season, light and camera offset."""
    offset_m: float = Field(default=0.0, ge=0)
    """The camera stands up to this far east or west and north or south of the tile's centre."""
    shots: tuple[Shot, ...] = Field(min_length=1)


class Loss(Frozen):
    kind: Literal["infonce", "soft-margin-triplet"] = "infonce"
    alpha: float = 20.0
    smoothing: float = 0.05
    heading_weight: float = 0.5


class Schedule(Frozen):
    steps: int = Field(ge=1)
    batch: int = Field(ge=2)
    learning_rate: float = Field(gt=0)
    weight_decay: float = 0.03
    warm_up_steps: int = 0
    evaluate_every: int = Field(default=500, ge=1)
    checkpoint_every: int = Field(default=200, ge=1)


class Validation(Frozen):
    """Watched during training: places of a city that is neither trained on nor reported."""

    city: int
    places: int = Field(default=300, ge=10)
    extent_m: float = 700.0


class TrainConfig(Frozen):
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    version: int = Field(default=1, ge=1)
    label: str
    licence: str
    attribution: str
    seed: int = 0
    footprint_m: float = Field(gt=0)
    model: ColumnsModel | TransGeoModel = Field(discriminator="kind")
    data: CityData
    loss: Loss
    schedule: Schedule
    validation: Validation

    @property
    def views(self) -> tuple[Embedding, GroundView, AerialView]:
        """Layout and preprocessing that this model will declare; the files' sums are not known yet."""
        return self.model.views(self.footprint_m)


def load_config(path: Path | str) -> TrainConfig:
    """Read a training configuration from a file, or by name from those that come with Skyfix.

    Raises:
        UsageError: no such file, not TOML, an unknown key or a value out of range.
    """
    file = Path(path)
    if not file.is_file() and (CONFIGS / f"{path}.toml").is_file():
        file = CONFIGS / f"{path}.toml"
    try:
        document: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        known = ", ".join(sorted(p.stem for p in CONFIGS.glob("*.toml")))
        raise UsageError(f"No configuration {str(path)!r}. Give a TOML file or one of: {known}.") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{file} is not valid TOML: {error}.") from error
    try:
        return TrainConfig.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"{file}: {where}: {first['msg']} ({error.error_count()} problem(s)).") from error
