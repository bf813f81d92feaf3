"""What a training run is: one TOML file, validated, saved with its checkpoint."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from models.artefact import Frozen
from models.bundle import AerialView, Embedding, GroundView, ModelManifest, Parity, StretchedView
from models.errors import UsageError
from models.provenance import Cropping
from models.training.architectures import ColumnsModel, TransGeoModel
from models.training.data_config import CityData, PairData, ViewData

CONFIGS = Path(__file__).parent.parent / "configs"


class Spread(Frozen):
    """Camera positions that the loss compares with, around each true one."""

    positions: int = Field(default=3, ge=1)
    """Per tile: one near the camera, the others anywhere in its inner part."""
    jitter_m: float = Field(default=2.0, ge=0)
    reach_m: float = Field(default=17.0, gt=0)
    sigma_m: float = Field(default=4.0, gt=0)
    """The wanted likelihood of a position falls off as a Gaussian of its distance from the camera."""


class Loss(Frozen):
    kind: Literal["infonce", "soft-margin-triplet", "hinge-triplet", "contrastive"] = "infonce"
    alpha: float = 20.0
    """Slope of the soft margin."""
    margin: float = Field(default=0.5, gt=0)
    """Of the hinge triplet and of the contrastive loss."""
    halved: bool = True
    """Contrastive loss with the factor 1/2 of its text, or without it, as its table has it."""
    smoothing: float = Field(default=0.05, ge=0, lt=1)
    heading_weight: float = 0.5
    spread: Spread = Spread()
    """With sample-views only, as the next two."""
    over: Literal["places", "poses"] = "places"
    """What competes: places at their best heading (models/spatial_loss.py) or every heading (models/pose_loss.py)."""
    clip_norm: float | None = Field(default=None, gt=0)
    """Largest norm of all gradients together."""


class Optimiser(Frozen):
    """AdamW, alone or inside ASAM; weight decay acts on every tensor, as TransGeo trains."""

    kind: Literal["adamw", "asam", "sam"] = "adamw"
    rho: float = Field(default=2.5, gt=0)
    weight_decay: float = Field(default=0.03, ge=0)


class Sampling(Frozen):
    """How batches are put together.

    `mining` pairs random anchors with the tiles most similar to them (TransGeo); `neighbours` grows batches from a
    place's neighbours, by position first and by similarity later (Sample4Geo).
    """

    kind: Literal["random", "mining", "neighbours"] = "random"
    pool: int = Field(default=40_000, ge=1)
    """Mining: tiles searched for partners."""
    hardest: int = Field(default=100, ge=1)
    """Mining: most similar tiles that a partner is drawn from."""
    listed: int = Field(default=128, ge=2)
    """Neighbours: length of a place's list."""
    select: int = Field(default=64, ge=2)
    """Neighbours: how many of them a place brings along."""
    first_mined_epoch: int = Field(default=1, ge=0)
    """First epoch that goes by similarity; 1 as TransGeo trains, 4 as Sample4Geo."""


class Schedule(Frozen):
    """Give `steps` or `epochs`; a learning rate falls along half a cosine, step by step or epoch by epoch."""

    steps: int | None = Field(default=None, ge=1)
    epochs: int | None = Field(default=None, ge=1)
    batch: int = Field(ge=2)
    learning_rate: float = Field(gt=0)
    warm_up_steps: int = 0
    cosine: Literal["step", "epoch"] = "step"
    evaluate_every: int | None = Field(default=None, ge=1)
    """Steps between two looks at the validation set; None: once an epoch."""
    checkpoint_every: int = Field(default=200, ge=1)

    @model_validator(mode="after")
    def _one_length(self) -> Schedule:
        if (self.steps is None) == (self.epochs is None):
            raise ValueError("give either steps or epochs")
        return self


class Compute(Frozen):
    """What fits the machine and changes no result beyond rounding."""

    precision: Literal["fp32", "bf16"] = "fp32"
    """Autocast of the forward pass; bf16 on GPUs that have it and on CPUs."""
    checkpoint_blocks: bool = False
    """Keep no activations inside transformer blocks; compute them again on the way back."""
    chunk: int | None = Field(default=None, ge=1)
    """Pairs on the card at once; the loss still sees the whole batch."""
    loaders: int = Field(default=2, ge=1)
    """Threads that read and decode pictures."""


class Start(Frozen):
    """Weights to begin with: none, DeiT's for ImageNet, or a first stage's; the file comes from `--init`."""

    kind: Literal["scratch", "deit", "stage-1"] = "scratch"


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
    data: CityData | ViewData | PairData = Field(discriminator="kind")
    loss: Loss
    optimiser: Optimiser = Optimiser()
    sampling: Sampling = Sampling()
    schedule: Schedule
    compute: Compute = Compute()
    start: Start = Start()
    validation: Validation | None = None
    """With sample cities only; data sets bring their own split."""

    @model_validator(mode="after")
    def _parts_fit(self) -> TrainConfig:
        crop = self.model.crop if isinstance(self.model, TransGeoModel) else None
        if crop is not None and crop.guide == "stage-1" and self.start.kind != "stage-1":
            raise ValueError('a guide of the first stage comes with start.kind = "stage-1"')
        if isinstance(self.data, ViewData):
            problem = self._views_problem(self.data)
        else:
            problem = self._city_problem(self.data) if isinstance(self.data, CityData) else self._pairs_problem()
        if problem:
            raise ValueError(problem)
        return self

    def _views_problem(self, data: ViewData) -> str | None:
        if not isinstance(self.model, ColumnsModel):
            return "sample-views are for azimuth columns; other networks take sample-city"
        if self.validation is None:
            return "sample cities need a [validation] city"
        if self.sampling.kind != "random" or self.optimiser.kind != "adamw" or self.compute.chunk is not None:
            return "sample-views are drawn at random, whole batches at a time, and learnt with adamw"
        if max(photo.columns for photo in data.photos) > self.model.columns:
            return f"a photo cannot have more than the network's {self.model.columns} columns"
        return None

    def _city_problem(self, data: CityData) -> str | None:
        if isinstance(self.model, ColumnsModel):
            return "azimuth columns train on views of sample cities (sample-views)"
        if self.validation is None:
            return "sample cities need a [validation] city"
        if self.sampling.kind != "random":
            return f"{self.sampling.kind} needs pairs on disk; batches of sample cities are drawn at random"
        fov = self.model.fov_deg if isinstance(self.model, TransGeoModel) else None
        if fov is not None and any(shot.fov_deg != fov for shot in data.shots):
            return f"this network takes photos of {fov:g} degrees only; every shot must have that fov_deg"
        return None

    def _pairs_problem(self) -> str | None:
        if isinstance(self.model, ColumnsModel):
            return "azimuth columns train on views of sample cities (sample-views)"
        if self.validation is not None:
            return "[validation] is for sample cities; data sets have data.validation_split"
        return None

    @property
    def views(self) -> tuple[Embedding, GroundView | StretchedView, AerialView]:
        """Layout and preprocessing that this model will declare; the files' sums are not known yet."""
        return self.model.views(self.footprint_m)

    @property
    def cropping(self) -> Cropping | None:
        """Cropping as the manifest states it."""
        crop = self.model.crop if isinstance(self.model, TransGeoModel) else None
        if crop is None:
            return None
        return Cropping(keep=crop.keep, guide=crop.guide, quantised=crop.quantised, guide_source="trained here")


def draft_manifest(config: TrainConfig, training: dict[str, Any]) -> ModelManifest:
    """Give the manifest of a configuration; the files' sums and the parity are still to come."""
    embedding, ground, aerial = config.views
    return ModelManifest(
        name=config.name,
        version=config.version,
        label=config.label,
        licence=config.licence,
        attribution=config.attribution,
        embedding=embedding,
        ground=ground,
        aerial=aerial,
        parity=Parity(ground=0.0, aerial=0.0, samples=1),
        cropping=config.cropping,
        training=training,
    )


def load_config(path: Path | str, stage: int = 1, changes: Sequence[str] = ()) -> TrainConfig:
    """Read a training configuration from a file, or by name from those that come with Skyfix.

    Args:
        path: TOML file or name.
        stage: 2 lays the table [stage_2] over the rest of the file.
        changes: "schedule.batch=64": a key with its tables, and a TOML value, laid over that.

    Raises:
        UsageError: no such file, not TOML, an unknown key, a value out of range, or no second stage.
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
    second = document.pop("stage_2", None)
    if stage == 2:
        if second is None:
            raise UsageError(f"{file} has no table [stage_2].")
        document = _laid_over(document, second)
    for change in changes:
        document = _laid_over(document, _read_change(change))
    try:
        return TrainConfig.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"{file}: {where}: {first['msg']} ({error.error_count()} problem(s)).") from error


def _read_change(change: str) -> dict[str, Any]:
    try:
        return tomllib.loads(change)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{change!r} is no change: give KEY=VALUE as in TOML, words in quotes ({error}).") from error


def _laid_over(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Replace values of nested tables by others."""
    merged = dict(base)
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged[key] = _laid_over(base[key], value) if both else value
    return merged
