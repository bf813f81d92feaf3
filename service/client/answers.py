"""The answers as frozen dataclasses. What a newer service says beyond them is ignored; closed word lists are not
assumed, so a new status or notice is passed on.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Position:
    """WGS84 degrees; radii in metres, None where the model has no calibration."""

    lat: float
    lon: float
    radius_m_68: float | None = None
    radius_m_95: float | None = None
    covariance_enu_m2: tuple[float, float, float, float] | None = None
    """East-east, east-north, north-east, north-north."""


@dataclass(frozen=True, slots=True)
class Heading:
    """Of the photo's centre column, degrees clockwise from true north."""

    deg: float
    accuracy_deg_68: float | None = None


@dataclass(frozen=True, slots=True)
class Tile:
    """The aerial tile of a candidate."""

    id: str
    bounds: tuple[float, float, float, float]
    """West, south, east, north; WGS84 degrees."""
    captured: str | None = None
    attribution: str | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """One place; rank 1 is the best."""

    rank: int
    lat: float
    lon: float
    similarity: float
    tile: Tile
    probability: float | None = None
    heading_deg: float | None = None
    distance_to_prior_m: float | None = None


@dataclass(frozen=True, slots=True)
class Searched:
    """Where was looked, and by which generation of model and index."""

    mode_used: str
    tiles_scanned: int
    index: str
    model: str


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to know about how the answer came about; `code` is stable."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Grid:
    """A small picture to be stretched over a larger one: the upright photo, or a tile, north up."""

    width: int
    height: int
    values: str
    """In base64; `cells` has them."""

    @property
    def cells(self) -> bytes:
        """A byte a cell, row by row from the upper left corner; 255 is the largest."""
        return base64.b64decode(self.values)


@dataclass(frozen=True, slots=True)
class Columns:
    """How much each direction of the photo agrees with the place; degrees and WGS84."""

    cosines: tuple[float, ...]
    """From left to right; their mean is the similarity."""
    at_large: float
    """Mean similarity of the photo to places of the index."""
    left_deg: float
    """Left edge of the first column, from the photo's centre, clockwise."""
    north_deg: float
    """The same edge, clockwise from true north."""
    step_deg: float
    lat: float
    lon: float


@dataclass(frozen=True, slots=True)
class Attention:
    """What the first candidate rests on; `kind` is attention or contribution."""

    kind: str
    photo: Grid
    tile: Grid | None = None
    columns: Columns | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """Of POST /localize. `position` and `heading` are those of the first candidate."""

    request_id: str
    candidates: tuple[Candidate, ...]
    search: Searched
    notices: tuple[Notice, ...] = ()
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    status: str | None = None
    """localized, ambiguous, no_match, outside_coverage; None where the model has no calibration."""
    position: Position | None = None
    heading: Heading | None = None
    confidence: float | None = None
    confidence_definition: str | None = None
    probability_outside_index: float | None = None
    attention: Attention | None = None
    """Where `include` asked for it."""

    @property
    def is_localized(self) -> bool:
        """Whether the service itself stands by `position`."""
        return self.status == "localized"


@dataclass(frozen=True, slots=True)
class Licence:
    subject: str
    licence: str
    holder: str
    source: str = ""
    declared_by: str = ""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    name: str
    label: str
    licence: str
    attribution: str
    provider: str
    precision: str = ""
    licences: tuple[Licence, ...] = ()


@dataclass(frozen=True, slots=True)
class Imagery:
    """Map tiles that an index keeps for people to see: /map/{index}/{z}/{x}/{y}."""

    min_zoom: int
    max_zoom: int


@dataclass(frozen=True, slots=True)
class Page:
    """What the page at / shows."""

    style_url: str | None = None
    demo: bool = False


@dataclass(frozen=True, slots=True)
class IndexInfo:
    name: str
    model: str
    provider: str
    tiles: int
    bounds: tuple[float, float, float, float]
    """West, south, east, north; WGS84 degrees."""
    attribution: str
    licence: str
    imagery: Imagery | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    body_bytes: int
    image_pixels: int
    image_min_side_px: int
    image_max_side_px: int
    top_k: int


@dataclass(frozen=True, slots=True)
class Info:
    """Of GET /info."""

    version: str
    model: ModelInfo
    index: IndexInfo
    """The one that answers when a question names none."""
    indexes: tuple[IndexInfo, ...]
    limits: Limits
    page: Page | None = None


@dataclass(frozen=True, slots=True)
class IndexState:
    """One index; `index` is its name and generation, `reason` says in one word why it does not answer."""

    name: str
    status: str
    index: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Readiness:
    """Of GET /readyz; `code`, `reason` and `detail` say why not."""

    is_ready: bool
    index: str | None = None
    """The one that answers when a question names none."""
    code: str | None = None
    detail: str | None = None
    reason: str | None = None
    indexes: tuple[IndexState, ...] = ()
    degraded: bool | None = None
    """A GPU was wished, and a network runs on the CPU."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One wrong parameter of a 422, as the request spelled it."""

    pointer: str
    detail: str


@dataclass(frozen=True, slots=True)
class Problem:
    """RFC 9457, as the service writes it."""

    status: int
    code: str
    title: str
    detail: str
    request_id: str
    errors: tuple[Fault, ...] = ()
    reason: str | None = None
    indexes: tuple[IndexState, ...] = ()


@dataclass(frozen=True, slots=True)
class Ready:
    """What /readyz says when all is well."""

    index: str | None = None
    indexes: tuple[IndexState, ...] = ()
    degraded: bool | None = None
