"""The manifest of an index bundle: what it covers, which model built it, and what its files must be."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from index.tiles import Bounds
from models.artefact import MANIFEST, Frozen, canonical_json, manifest_bytes, read_manifest
from models.bundle import Embedding, FileName, Sha256
from models.cells import Cells
from models.errors import ChecksumMismatch, ManifestInvalid

FORMAT_VERSION = 1
VECTORS, TILES, PROBES, QUARANTINE = "vectors.npy", "tiles.parquet", "probes.npz", "quarantine.csv"
FILES = (VECTORS, TILES, PROBES, QUARANTINE)
SEARCH = "search.faiss"
"""What a profile other than exact searches by; only there if the manifest's profile has an effort."""
IMAGERY = "imagery.pmtiles"
ALIASING = "aliasing.json"
COARSEST, FINEST = 0, 21
"""Zooms of map tiles."""
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$"
Name = Annotated[str, Field(pattern=NAME_PATTERN)]
Title = Annotated[str, Field(min_length=1, max_length=200)]
Text = Annotated[str, Field(max_length=4000)]
Metres = Annotated[float, Field(gt=0, le=100_000)]


class MeasuredEffort(Frozen):
    """How hard a search looks, and what that was measured to find when the index was published."""

    probes: int = Field(ge=1)
    """Lists searched for every query."""
    short_list: int = Field(ge=1)
    """Candidate cells whose tiles are compared exactly."""
    recall: float = Field(ge=0, le=1)
    """Share of places, asked for by disturbed rows, that were found where all rows would have shown them."""
    probe_recall: float = Field(ge=0, le=1)


class SearchProfile(Frozen):
    kind: Literal["balanced", "compact"]
    effort: MeasuredEffort | None = None
    """None: there are so few rows that all are compared."""


class Imagery(Frozen):
    """Zooms of the map tiles that show the index's own imagery."""

    min_zoom: int = Field(ge=COARSEST, le=FINEST)
    max_zoom: int = Field(ge=COARSEST, le=FINEST)


class Aliasing(Frozen):
    """How the map of places that look alike was made."""

    far_m: Metres
    """Places farther apart than this were compared."""
    sampled: int = Field(ge=1)
    """Tiles that were compared with all others."""


class IndexManifest(Frozen):
    format_version: Literal[1] = 1
    name: Name
    generation: int = Field(ge=1)
    created: str = Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
    """RFC 3339, UTC."""
    model_sha256: Sha256
    """Identity of the model bundle that embedded the tiles; a photo must be embedded by the same one."""
    model_title: Title
    model_label: Text
    preprocessing_sha256: Sha256
    embedding: Embedding
    cells: Cells | None = None
    """Positions described inside each tile, at the footprint of these tiles; None: the centres."""
    dtype: Literal["float16"] = "float16"
    count: int = Field(ge=1)
    quarantined: int = Field(ge=0, default=0)
    footprint_m: Metres
    """Side of the square of ground that the aerial encoder saw of each tile."""
    stride_m: Metres | None
    """Distance between neighbouring centres; None where the tiles came ready cut."""
    ground_resolution_m: Metres
    """Median metres per pixel of the imagery."""
    bounds: Bounds
    """West, south, east, north of the imagery itself (not of the tile centres), WGS84 degrees."""
    source: Text
    attribution: Text
    licence: Text = ""
    profile: SearchProfile | None = None
    """How rows are searched; None: all are compared."""
    imagery: Imagery | None = None
    """Pictures of the imagery, for people; None: none were kept."""
    aliasing: Aliasing | None = None
    """Where places look alike, for people; None: no map of that was kept."""
    files: dict[FileName, Sha256] = Field(default_factory=dict)
    sha256: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")
    """Hash over every other field, so that a changed manifest is noticed too."""

    @model_validator(mode="after")
    def _consistent(self) -> IndexManifest:
        west, south, east, north = self.bounds
        if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90):
            raise ValueError(f"bounds {tuple(self.bounds)} are not west, south, east, north in degrees")
        return self

    @property
    def title(self) -> str:
        return f"{self.name}@{self.generation}"

    @property
    def cell_count(self) -> int:
        return 1 if self.cells is None else self.cells.count

    @property
    def cell_offsets_m(self) -> NDArray[np.float64]:
        """(C, 2) metres east and north of a tile's centre."""
        return np.zeros((1, 2)) if self.cells is None else self.cells.offsets_m

    @property
    def file_names(self) -> tuple[str, ...]:
        """What the folder holds beside the manifest."""
        search = () if self.profile is None or self.profile.effort is None else (SEARCH,)
        pictures = () if self.imagery is None else (IMAGERY,)
        return (*FILES, *search, *pictures, *(() if self.aliasing is None else (ALIASING,)))

    def signed(self) -> IndexManifest:
        """Give the same manifest with its hash filled in."""
        return self.model_copy(update={"sha256": self._hash()})

    def check_hash(self, folder: Path) -> None:
        written = manifest_bytes(self, exclude_unset=True)  # older programs knew fewer fields
        if self._hash() != self.sha256 or written != (folder / MANIFEST).read_bytes():
            raise ChecksumMismatch(
                f"{folder / MANIFEST} was changed after it was written. Copy or build the index again."
            )

    def _hash(self) -> str:
        younger = (
            "cells",
            "profile",
            "imagery",
            "aliasing",
        )  # a manifest without them has the hash of before
        unsaid = {name for name in younger if getattr(self, name) is None}
        return hashlib.sha256(canonical_json(self.model_dump(mode="json", exclude={"sha256"} | unsaid))).hexdigest()


def read_index_manifest(folder: Path) -> IndexManifest:
    """Read the manifest of one generation and hold it against its own hash.

    Raises:
        BundleError: of the kind that says what is wrong.
    """
    manifest = read_manifest(folder, IndexManifest, FORMAT_VERSION)
    manifest.check_hash(folder)
    if set(manifest.files) != set(manifest.file_names):
        found = ", ".join(sorted(manifest.files)) or "no files"
        raise ManifestInvalid(f"{folder / MANIFEST} lists {found}; an index has {', '.join(manifest.file_names)}.")
    return manifest
