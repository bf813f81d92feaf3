"""Where a model comes from and what was proved about it: parts of a model bundle's manifest."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from models.artefact import Frozen

Subject = Literal["code", "weights", "training data", "imagery"]
Precision = Literal["fp32", "int8", "bf16"]
GuideKind = Literal["stage-1", "self", "none"]


class LedgerEntry(Frozen):
    """A licence as someone declared it; Skyfix passes it on and does not judge it."""

    subject: Subject
    licence: str = Field(min_length=1, max_length=400)
    """SPDX name or words; `none stated` where the source states none."""
    holder: str = Field(default="", max_length=400)
    source: str = Field(default="", max_length=2000)
    declared_by: Literal["operator", "skyfix"] = "operator"


class Cropping(Frozen):
    """Attention-guided cropping inside aerial.onnx."""

    keep: float = Field(gt=0, le=1)
    """Share of the patches that are kept; the network keeps int(keep * N) of N."""
    guide: GuideKind
    """Whose attention chooses: a stage-1 encoder's, the network's own without cropping, or nobody's (no cropping)."""
    guide_source: str = Field(default="", max_length=400)
    """File name and sha256 of the stage-1 checkpoint."""
    quantised: bool = True
    """Map rounded down to 256 levels, as the published maps are."""


class Comparison(Frozen):
    """One way of running the networks, held against the reference on the same pictures."""

    precision: Precision
    runtime: Literal["onnxruntime", "torch"]
    ground_cosine: float = Field(ge=-1, le=1)
    """Smallest cosine between the two descriptions of one photo."""
    aerial_cosine: float = Field(ge=-1, le=1)
    top_1_agreement: float = Field(ge=0, le=1)
    """Share of the photos whose best tile is the same."""
    ground_ms: float = Field(ge=0)
    """Median time of one photo, one thread, network alone."""
    aerial_ms: float = Field(ge=0)
    size_bytes: int = Field(ge=0)
    """Both files together; for torch, its parameters and buffers."""
    photo_90_ms: float | None = Field(default=None, ge=0)
    """As `ground_ms`, of a photo of 90 degrees, where the network takes any width; `ground_ms` is a panorama's then."""
    ground_bytes: int | None = Field(default=None, ge=0)
    aerial_bytes: int | None = Field(default=None, ge=0)
    """Of each file; None for torch."""


class Certificate(Frozen):
    """What changed numbers on the way to the files served, measured when the bundle was made."""

    reference: Literal["torch fp32", "onnxruntime fp32"]
    """What the others are held against; networks that came as ONNX files have no other reference than themselves."""
    sample: str = Field(max_length=400)
    """What the pictures were."""
    queries: int = Field(ge=1)
    gallery: int = Field(ge=1)
    cpu: str = Field(default="", max_length=200)
    """On which the times were taken."""
    rows: tuple[Comparison, ...]
    """The reference itself comes first."""

    def row(self, precision: Precision, runtime: Literal["onnxruntime", "torch"] = "onnxruntime") -> Comparison | None:
        """Find a row; None if it was not measured."""
        return next((row for row in self.rows if (row.precision, row.runtime) == (precision, runtime)), None)


class Accuracy(Frozen):
    """Measured recall, with what it was measured on and the command that measured it."""

    command: str = Field(default="", max_length=400)
    protocol: str
    gallery: int = Field(ge=1)
    queries: int = Field(ge=1)
    fov_deg: float
    orientation: Literal["known", "unknown"]
    recall_at_1: float = Field(ge=0, le=1)
    recall_at_5: float = Field(ge=0, le=1)
    recall_at_10: float = Field(ge=0, le=1)
    recall_at_1_percent: float = Field(ge=0, le=1)
    median_error_m: float | None = None
    heading_within_15_deg: float | None = None
    heading_median_deg: float | None = None
