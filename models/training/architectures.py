"""The networks that a training configuration can ask for, and the views that each will declare."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from models.artefact import Frozen
from models.bundle import AerialView, Embedding, GroundView, StretchedView
from models.cells import Cells
from models.normalisation import IMAGENET_MEAN, IMAGENET_STD
from models.provenance import GuideKind

UNSEALED = "0" * 64
NEAR_TILE_PX, FAR_TILE_PX = 16, 32
"""What the side of a tile is a multiple of, without far rings and with them."""


class ColumnsModel(Frozen):
    """Azimuth columns on a frozen Lite0 stem: photos by canvas columns, tiles along rays from a grid of positions."""

    kind: Literal["columns"]
    columns: int = Field(default=32, ge=4, le=90)
    channels: int = Field(default=24, ge=4)
    width: int = Field(default=128, ge=16)
    depth: int = Field(default=2, ge=1)
    heads: int = Field(default=4, ge=1)
    hidden: int = Field(default=192, ge=16)
    rows: int = Field(default=8, ge=1)
    margin_columns: int = Field(default=2, ge=1)
    turns_per_column: Literal[1, 2] = 1
    """Headings that are tried for each column when photos are searched."""
    looks: Literal[1, 2, 4] = 1
    """Quarter turns at which the exported network looks at a tile, whose mean is kept."""
    weighted: bool = False
    """A photo's columns weigh by how much each has to say; otherwise all the same."""
    tile_px: int = Field(default=320, ge=32)
    aerial_channels: int = Field(default=64, ge=8)
    aerial_width: int = Field(default=192, ge=16)
    aerial_depth: int = Field(default=2, ge=1)
    rings_m: tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]] = (
        (3.0, 5.5, 8.5),
        (12.0, 17.0, 23.0),
        (31.0, 43.0, 58.0),
    )
    """Radii along the rays in the maps of stride 4, 8 and 16."""
    kept: tuple[int, int, int] = (28, 24, 20)
    """Cells of those maps that are used, a side, around the centre."""
    far_rings_m: tuple[float, ...] = ()
    """Radii in a map of the whole tile at half the resolution; the near maps then show the middle half of its side."""
    cells: Cells = Cells(per_side=5, spacing_m=6.4)

    @model_validator(mode="after")
    def _divides(self) -> ColumnsModel:
        step = FAR_TILE_PX if self.far_rings_m else NEAR_TILE_PX
        if self.tile_px % step:
            raise ValueError(f"tile_px is {self.tile_px}; it must be a multiple of {step}")
        return self

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
        aerial = AerialView(
            sha256=UNSEALED, size_px=self.tile_px, footprint_m=footprint_m, mean=half, std=half, cells=self.cells
        )
        embedding = Embedding(columns=self.columns, channels=self.channels, turns_per_column=self.turns_per_column)
        return embedding, ground, aerial


class Crop(Frozen):
    """Attention-guided cropping of the tiles: TransGeo's second stage."""

    keep: float = Field(gt=0, le=1)
    guide: GuideKind = "stage-1"
    guide_px: int = Field(default=256, ge=8)
    """Input side of the stage-1 encoder."""
    quantised: bool = True


class TransGeoModel(Frozen):
    """TransGeo of any size; the defaults are the published DeiT-S with CVUSA's stage-1 inputs."""

    kind: Literal["transgeo"]
    ground_px: tuple[int, int] = (112, 616)
    """Height and width to which a full panorama is stretched."""
    panorama_aspect: float = Field(default=224 / 1232, gt=0, le=1)
    fov_deg: float = Field(default=360.0, ge=10, le=360)
    aerial_px: int = 256
    width: int = 384
    depth: int = 12
    heads: int = 6
    patch_px: int = 16
    embedding: int = 1000
    share: bool = False
    position_embedding: bool = True
    polar: bool = False
    """Turn tiles into polar pictures before the network sees them (SAFA's transform; not in the published TransGeo)."""
    crop: Crop | None = None

    @model_validator(mode="after")
    def _fits(self) -> TransGeoModel:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} does not divide into {self.heads} heads")
        return self

    @property
    def view_px(self) -> tuple[int, int]:
        """Height and width of the ground network's input."""
        return self.ground_px[0], int(self.fov_deg / 360 * self.ground_px[1])

    def views(self, footprint_m: float) -> tuple[Embedding, StretchedView, AerialView]:
        colours: dict[str, Any] = {"mean": IMAGENET_MEAN, "std": IMAGENET_STD, "sha256": UNSEALED}
        height, width = self.view_px
        ground = StretchedView(
            height_px=height,
            width_px=width,
            panorama_width_px=self.ground_px[1],
            panorama_aspect=self.panorama_aspect,
            fov_deg=self.fov_deg,
            **colours,
        )
        aerial = AerialView(size_px=self.aerial_px, footprint_m=footprint_m, **colours)
        return Embedding(columns=1, channels=self.embedding), ground, aerial
