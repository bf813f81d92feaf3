"""The model bundle: a folder with a manifest and two ONNX files, the only thing training hands to serving."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from models.artefact import Frozen, canonical_json, read_manifest, verify_files, write_manifest
from models.calibration.model import Calibration
from models.cells import Cells
from models.columns import FEWEST_AROUND, every_turn
from models.errors import ManifestInvalid
from models.provenance import Accuracy, Certificate, Cropping, LedgerEntry

FORMAT_VERSION = 1
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=80)]
Triple = tuple[float, float, float]


class Embedding(Frozen):
    """Layout of a description: `columns` azimuth columns of `channels` each; a plain vector is one column."""

    columns: int = Field(ge=1, le=360)
    channels: int = Field(ge=1, le=8192)
    turns_per_column: Literal[1, 2] = Field(default=1, exclude_if=lambda turns: turns == 1)
    """Headings that are tried for each column: 2 where what is described is smooth enough to be read between them. Not
    written where it is 1, so that bundles from before there was a choice keep their hash."""

    @model_validator(mode="after")
    def _has_between(self) -> Embedding:
        if self.turns_per_column > 1 and self.columns < FEWEST_AROUND:
            raise ValueError(f"{self.columns} columns have nothing between them: turns_per_column must be 1")
        return self

    @property
    def turns(self) -> NDArray[np.float64]:
        """All turns that are tried where the heading is unknown, in columns."""
        return every_turn(self.columns, self.turns_per_column)

    @property
    def size(self) -> int:
        return self.columns * self.channels


Resampling = Literal["antialiased", "linear"]
"""`antialiased`: a triangle filter as wide as the reduction. `linear`: four neighbours, whatever the reduction."""


class GroundView(Frozen):
    """How a photo is projected onto a 360 degree canvas: `pixels` of ground.onnx, float32 (N, 3, height_px, width)."""

    kind: Literal["canvas"] = "canvas"
    file: FileName = "ground.onnx"
    sha256: Sha256
    height_px: int = Field(ge=8, le=2048)
    width_px: int = Field(ge=8, le=8192)
    """Width of a full panorama on the canvas, without margins."""
    vertical_fov_deg: float = Field(gt=0, le=180)
    """Angle that the canvas height spans, linear in elevation, horizon in the middle."""
    margin_px: int = Field(ge=0, le=1024)
    """Columns added on both sides as context: the other side of a panorama, the repeated edge of a photo."""
    any_width: bool
    """True when the width may be any whole number of description columns, that is, any field of view."""
    mean: Triple
    std: Triple


class StretchedView(Frozen):
    """How published networks take a photo: stretched to a fixed size, `pixels` float32 (N, 3, height_px, width_px).

    A panorama whose heading is known is first turned so that north stands in its middle.
    """

    kind: Literal["stretched"] = "stretched"
    file: FileName = "ground.onnx"
    sha256: Sha256
    height_px: int = Field(ge=8, le=2048)
    width_px: int = Field(ge=8, le=8192)
    """Width of the input: int(fov_deg / 360 * panorama_width_px)."""
    panorama_width_px: int = Field(ge=8, le=8192)
    """Width to which a full panorama is stretched before a narrower view is cut out of it."""
    panorama_aspect: float = Field(gt=0, le=1)
    """Height over width of the panoramas it was trained on; a taller one is cut to its middle rows."""
    fov_deg: float = Field(default=360.0, gt=0, le=360)
    """The one horizontal field of view that the network was made for."""
    resampling: Resampling = "antialiased"
    mean: Triple
    std: Triple


AnyGroundView = Annotated[GroundView | StretchedView, Field(discriminator="kind")]


class AerialView(Frozen):
    """How a tile becomes `pixels` of aerial.onnx: float32 (N, 3, size_px, size_px), true north up.

    The network's output is float32 (N, C * W * E), cell after cell.
    """

    file: FileName = "aerial.onnx"
    sha256: Sha256
    size_px: int = Field(ge=8, le=2048)
    footprint_m: float = Field(gt=0, le=10_000)
    """Ground length of a tile's side that the model was trained for."""
    resampling: Resampling = "antialiased"
    cells: Cells | None = None
    """None: one description, of the tile's centre."""
    mean: Triple
    std: Triple

    @model_validator(mode="after")
    def _cells_lie_inside(self) -> AerialView:
        if self.cells is not None and self.cells.stride_m > self.footprint_m:
            raise ValueError(f"cells over {self.cells.stride_m:g} m do not fit a tile of {self.footprint_m:g} m")
        return self

    @property
    def cell_count(self) -> int:
        return 1 if self.cells is None else self.cells.count

    def cells_over(self, footprint_m: float) -> Cells | None:
        """Give the cells where tiles show another length of ground, which the network does not notice."""
        if self.cells is None or footprint_m == self.footprint_m:
            return self.cells
        return Cells(per_side=self.cells.per_side, spacing_m=self.cells.spacing_m * footprint_m / self.footprint_m)

    @property
    def middle_cell(self) -> int:
        """Index of the cell at the tile's centre."""
        return self.cell_count // 2

    @property
    def cell_offsets_m(self) -> NDArray[np.float64]:
        """(C, 2) as in `Cells.offsets_m`."""
        return np.zeros((1, 2)) if self.cells is None else self.cells.offsets_m


class Parity(Frozen):
    """Largest absolute difference of unit embeddings between torch and ONNX Runtime, on `samples` inputs."""

    ground: float = Field(ge=0)
    aerial: float = Field(ge=0)
    samples: int = Field(ge=1)


class ModelManifest(Frozen):
    format_version: Literal[1] = 1
    name: str = Field(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]*$")
    version: int = Field(ge=1)
    label: str = Field(max_length=400)
    """One sentence for people: what the model was trained on and what it is good for."""
    licence: str = Field(max_length=400)
    attribution: str = Field(max_length=2000)
    embedding: Embedding
    ground: AnyGroundView
    aerial: AerialView
    parity: Parity
    precision: Literal["fp32", "int8"] = "fp32"
    """Of the products inside the networks."""
    cropping: Cropping | None = None
    certificate: Certificate | None = None
    ledger: tuple[LedgerEntry, ...] = ()
    training: dict[str, Any]
    """Recipe: the whole configuration, command, seed, seconds, pairs seen, versions."""
    calibration: Calibration | None = None
    """What turns similarities into probabilities; None: answers are ranked and no more."""
    accuracy: tuple[Accuracy, ...] = ()

    @property
    def title(self) -> str:
        return f"{self.name}@{self.version}"

    @property
    def preprocessing_sha256(self) -> str:
        """Hash of all that turns pictures into input tensors and outputs into descriptions."""
        usual = {"kind": "canvas", "resampling": "antialiased", "cells": None}
        parts = {"embedding": self.embedding.model_dump(mode="json")}
        for name, view in (("ground", self.ground), ("aerial", self.aerial)):
            values = view.model_dump(mode="json", exclude={"file", "sha256"})
            parts[name] = {key: value for key, value in values.items() if usual.get(key) != value}
        return hashlib.sha256(canonical_json(parts)).hexdigest()


@dataclass(frozen=True, slots=True)
class ModelBundle:
    """A verified model bundle on disk."""

    folder: Path
    manifest: ModelManifest
    sha256: str
    """Identity: hash over both networks and the preprocessing, what an index remembers."""

    @property
    def ground_path(self) -> Path:
        return self.folder / self.manifest.ground.file

    @property
    def aerial_path(self) -> Path:
        return self.folder / self.manifest.aerial.file


def open_model_bundle(folder: Path) -> ModelBundle:
    """Read, validate and verify a model bundle; no network is loaded.

    Raises:
        BundleError: of the kind that says what is wrong, naming the file.
    """
    manifest = read_manifest(folder, ModelManifest, FORMAT_VERSION)
    ground, aerial = manifest.ground, manifest.aerial
    if ground.file == aerial.file:
        raise ManifestInvalid(f"{folder}: both views name {ground.file!r}; each needs a file of its own.")
    if isinstance(ground, GroundView) and ground.width_px % manifest.embedding.columns:
        raise ManifestInvalid(
            f"{folder}: a canvas {ground.width_px} px wide does not divide into {manifest.embedding.columns} columns."
        )
    if isinstance(ground, StretchedView) and manifest.embedding.columns != 1:
        raise ManifestInvalid(f"{folder}: a stretched photo keeps no azimuth, so its description is one column.")
    verify_files(folder, {ground.file: ground.sha256, aerial.file: aerial.sha256})
    return ModelBundle(folder, manifest, identity(manifest))


def record_accuracy(bundle: ModelBundle, rows: Sequence[Accuracy]) -> None:
    """Write measured figures into a bundle's manifest; its networks and identity stay as they are.

    A row replaces the one of the same command, field of view and orientation; others stay.
    """

    def key(row: Accuracy) -> tuple[str, float, str]:
        return row.command, row.fov_deg, row.orientation

    merged = {key(row): row for row in (*bundle.manifest.accuracy, *rows)}
    write_manifest(bundle.folder, bundle.manifest.model_copy(update={"accuracy": tuple(merged.values())}))


def default_bundle_path() -> Path:
    """Folder of the bundle that comes with Skyfix."""
    return Path(__file__).parent / "bundles" / "sample-city"


def identity(manifest: ModelManifest) -> str:
    parts = [manifest.ground.sha256, manifest.aerial.sha256, manifest.preprocessing_sha256]
    return hashlib.sha256(canonical_json(parts)).hexdigest()
