"""What is asked about a photo and what is answered: plain values, known to the HTTP side and the command line alike."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from models.camera import Projection

if TYPE_CHECKING:  # decode workers know a query, and need no index
    from index.gallery import TileFacts
    from service.explaining.attention import Attention

Mode = Literal["auto", "prior", "global"]
Status = Literal["localized", "ambiguous", "no_match", "outside_coverage"]
SEARCHED_PERCENTILE = 95.0
ASSUMED_PERCENTILE = 68.0
ASSUMED_ACCURACY_M = 50.0
MIN_RADIUS_M = 25.0
MAX_RADIUS_M = 100_000.0


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the asker should know about how the answer came about; `code` is stable."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Prior:
    """Where the photo roughly is, by GPS or by hand."""

    lat: float
    lon: float
    radius_m: float
    """Radius of the circle to search; every tile that reaches into it is compared."""
    sigma_m: float | None = None
    """Spread in each direction by the accuracy; None: any place of the circle is as likely as another."""
    is_cut: bool = False
    """The circle was asked for: nothing beyond it is believed."""
    notices: tuple[Notice, ...] = ()


def make_prior(
    lat: float, lon: float, accuracy_m: float | None, percentile: float | None, radius_m: float | None
) -> Prior:
    """Decide the circle to search: `radius_m` where it is given, else what the accuracy says.

    A radius without accuracy is a circle in which any place is as likely as another.

    An accuracy without percentile counts as a 68 % radius, the cautious reading; no accuracy at all as 50 m.
    """
    asked, told_m = radius_m, prior_radius_m(accuracy_m or ASSUMED_ACCURACY_M, percentile or ASSUMED_PERCENTILE)
    sigma_m = told_m / math.sqrt(-2.0 * math.log1p(-SEARCHED_PERCENTILE / 100))
    if asked is not None:
        return Prior(lat, lon, asked, None if accuracy_m is None else sigma_m, is_cut=True)
    if accuracy_m is None:
        detail = f"The prior has no accuracy; a 68 % radius of {ASSUMED_ACCURACY_M:g} m was assumed."
        return Prior(lat, lon, told_m, sigma_m, notices=(Notice("prior_accuracy_assumed", detail),))
    if percentile is None:
        detail = f"The accuracy has no percentile; {ASSUMED_PERCENTILE:g} % was assumed."
        return Prior(lat, lon, told_m, sigma_m, notices=(Notice("accuracy_percentile_assumed", detail),))
    return Prior(lat, lon, told_m, sigma_m)


def prior_radius_m(accuracy_m: float, percentile: float) -> float:
    """Turn an accuracy at some percentile into the radius that is searched.

    A round Gaussian lies within R(p) = sigma * sqrt(-2 ln(1 - p)) with probability p; the 95 % radius is searched, at
    least 25 m (a good GPS in a street is no better) and at most 100 km.
    """
    factor = math.sqrt(math.log1p(-SEARCHED_PERCENTILE / 100) / math.log1p(-percentile / 100))
    return min(MAX_RADIUS_M, max(MIN_RADIUS_M, accuracy_m * factor))


@dataclass(frozen=True, slots=True)
class CameraHints:
    """What the request says about the camera; None where it says nothing."""

    fov_deg: float | None = None
    projection: Projection | None = None
    heading_deg: float | None = None
    heading_accuracy_deg: float | None = None
    pitch_deg: float | None = None
    roll_deg: float | None = None
    use_focal_length: bool = True


@dataclass(frozen=True, slots=True)
class Query:
    """One question: how many candidates, searched where, for which camera."""

    top_k: int = 5
    mode: Mode = "auto"
    prior: Prior | None = None
    camera: CameraHints = field(default_factory=CameraHints)
    use_exif_gps: bool = False
    """Take the photo's own GPS position as the prior when the request has none."""
    radius_m: float | None = None
    """Circle to search around that position."""
    wants_attention: bool = False
    """Say what the first candidate rests on."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One place the photo may show, the best first."""

    rank: int
    lat: float
    lon: float
    """Mean of the place; without calibration the best cell of the tile."""
    similarity: float
    """Mean cosine of the seen columns, in [-1, 1]; higher is better."""
    tile: TileFacts
    heading_deg: float | None = None
    """Heading of the photo's centre column under which it fits best, where headings were searched."""
    distance_to_prior_m: float | None = None
    probability: float | None = None
    row: int = -1
    cell: int = 0
    """The cell of the gallery that is so similar."""


@dataclass(frozen=True, slots=True)
class Reckoning:
    """What a calibrated model says of its answer; radii and covariance belong to the first candidate."""

    radius_m_68: float
    radius_m_95: float
    covariance_enu_m2: tuple[float, float, float, float]
    """East-east, east-north, north-east, north-north."""
    confidence: float
    """P(error <= 25 m)."""
    probability_outside_index: float
    heading_accuracy_deg_68: float | None
    seconds: float = 0.0
    """Time the posterior took, a part of the search's."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The candidates of one photo and how they were found."""

    candidates: tuple[Candidate, ...]
    mode_used: Literal["prior", "global"]
    tiles_scanned: int
    index: str
    model: str
    notices: tuple[Notice, ...]
    status: Status | None = None
    reckoning: Reckoning | None = None
    """None without calibration, and where nothing was compared."""
    at_large: float | None = None
    """Mean similarity of the photo to places of the index at large, where it was measured."""
    attention: Attention | None = None
    """What the first candidate rests on, where that was asked and can be told."""
