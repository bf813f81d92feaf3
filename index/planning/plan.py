"""What an index of some imagery would cost and what it could be worth, before it is built."""

from __future__ import annotations

from dataclasses import dataclass

from models.cells import Cells


@dataclass(frozen=True, slots=True)
class Imagery:
    """How the imagery's resolution goes with what the model sees."""

    finest_m: float
    coarsest_m: float
    """Metres per pixel, of the tiles that were looked at."""
    wanted_m: float
    """Metres per pixel of the model's input: coarser imagery is enlarged."""
    limit_m: float
    """Coarser imagery is refused."""


@dataclass(frozen=True, slots=True)
class Speed:
    """Measured on this machine, tiles a second; a build is as fast as the slower of the two."""

    cut: float | None
    """Read, cut and scaled; None where the source is a single tile."""
    described: float
    """By the aerial network."""

    def seconds(self, tiles: int) -> float:
        return tiles / (self.described if self.cut is None else min(self.cut, self.described))


@dataclass(frozen=True, slots=True)
class Option:
    """An index at one stride."""

    stride_m: float | None
    """None: the tiles come ready cut."""
    tiles: int
    """Estimated; blank ones and those without imagery count."""
    bytes: dict[str, int]
    """Of the index, by profile."""
    build_bytes: int
    """Free disk that the build needs."""
    embed_s: float
    build_s: float
    mean_error_m: float | None
    """Of a perfect retriever; None where the distance of the tiles is not known."""
    worst_error_m: float | None
    described_share: float
    """Of the ground, in the cells of some tile."""


@dataclass(frozen=True, slots=True)
class Plan:
    source: str
    model: str
    footprint_m: float
    cells: Cells | None
    area_km2: float | None
    """About what the imagery covers; None where the tiles come ready cut."""
    box_km2: float | None
    """Of the box around all of it; None where only its tiles are known."""
    imagery: Imagery
    speed: Speed
    sampled: int
    sampled_bad: int
    usual_stride_m: float | None
    """What a build takes unless told otherwise."""
    options: tuple[Option, ...]
    """The widest stride first."""
    chosen: Option | None
    """By the budget or the error that was asked for."""
    notices: tuple[str, ...]
    """What the operator should know of the source."""
