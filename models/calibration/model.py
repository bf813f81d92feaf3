"""What a calibration holds: how much a similarity says at each field of view, and what an answer may be called."""

from __future__ import annotations

from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, field_validator

from models.artefact import Frozen

CONFIDENCE_RADIUS_M = 25.0
CLEAR_SHARE = 0.9
Floats = NDArray[np.float64]


class Promises(Frozen):
    """What was measured on photos that were not fitted on, in galleries of about one size."""

    area_m2: float = Field(default=1e6, gt=0)
    """Ground that the gallery's cells stand for."""
    clear_level_68: float = Field(default=0.68, gt=0, le=1)
    clear_level_95: float = Field(default=0.95, gt=0, le=1)
    """Shares of the posterior that a circle has to hold to cover 68 and 95 % of places (split conformal), where one
    place holds 90 % of it and the radius is a matter of metres."""
    divided_level_68: float = Field(default=0.68, gt=0, le=1)
    divided_level_95: float = Field(default=0.95, gt=0, le=1)
    """The same where several places share it and the radius is a matter of which."""
    heading_level_68: float = Field(default=0.68, gt=0, le=1)
    """The same for headings, wherever."""
    confidence_shift: float = 0.0
    confidence_slope: float = Field(default=1.0, gt=0)
    """log odds of `confidence` = shift + slope * log odds of the posterior within 25 m."""
    localized_from: float = Field(default=0.0, ge=0, le=1)
    """Least posterior within 25 m of `localized`: fitted so that photos from outside hardly ever reach it."""
    photos: int = Field(default=0, ge=0)
    """Photos inside their gallery that stand behind these numbers."""


class FovCalibration(Frozen):
    """What was fitted on photos of about one horizontal field of view.

    A cell whose similarity s lies z = (s - mean) / spread above the gallery's background is
    exp(intercept + per_deviation * z + per_similarity * s) times as likely to be the place as one that says nothing;
    what z exceeds the knee by counts `per_deviation_above` instead.
    """

    fov_deg: float = Field(gt=0, le=360)
    intercept: float
    per_deviation: float = Field(ge=0)
    knee: float = Field(default=1000.0, ge=0)
    """The z that background reaches somewhere in a gallery; only true places lie far above it."""
    per_deviation_above: float = Field(default=0.0, ge=0)
    per_similarity: float = Field(default=0.0, ge=0)
    position_sigma_m: float = Field(gt=0, le=1000)
    """Spread of the true place around its cell, in each direction, beyond the cell's own size."""
    position_shape: float = Field(default=2.0, ge=0.6, le=6)
    """Of that spread: 2 is normal, less has longer tails (`models.calibration.kernel`)."""
    heading_sigma_deg: float = Field(default=5.0, gt=0, le=180)
    """Spread of the true heading around the cell's."""
    promises: tuple[Promises, ...] = Field(default=(Promises(),), min_length=1)
    """By rising area; interpolated over its logarithm, beyond the ends the nearest holds."""

    @field_validator("promises")
    @classmethod
    def _rising(cls, promises: tuple[Promises, ...]) -> tuple[Promises, ...]:
        if any(a.area_m2 >= b.area_m2 for a, b in pairwise(promises)):
            raise ValueError("areas have to rise")
        return promises

    def value(self, name: str, log_area: Floats) -> Floats:
        """Give a parameter at logarithms of areas; those of the likelihood hold for all."""
        if name in FovCalibration.model_fields:
            return np.full(log_area.shape, getattr(self, name))
        nodes = np.log([promise.area_m2 for promise in self.promises])
        found: Floats = np.interp(log_area, nodes, [getattr(promise, name) for promise in self.promises])
        return found


class Thresholds(Frozen):
    """When an answer is called what."""

    localized_at: float = Field(default=0.6, gt=0.5, le=1)
    """Least confidence of `localized`."""
    outside_at: float = Field(default=0.5, gt=0, le=1)
    """Probability of being outside the index from which on it is `no_match`."""
    ambiguous_at: float = Field(default=0.5, gt=0, le=1)
    """What the best few places have to hold together to be `ambiguous`."""
    places: int = Field(default=5, ge=2, le=50)
    """How many those are."""
    told_nats: float = Field(default=0.5, ge=0)
    """Below this the picture tells nothing: neither for the index nor for a place in it."""


class Calibration(Frozen):
    """Everything that turns similarities into probabilities; part of a model bundle, not of its identity."""

    format_version: Literal[1] = 1
    probability_outside: float = Field(default=0.05, gt=0, lt=1)
    """How often a photo is from outside the index, before anything is known of it."""
    fovs: tuple[FovCalibration, ...] = Field(min_length=1)
    """By rising field of view; between two of them every number is interpolated, beyond them the nearest holds."""
    thresholds: Thresholds = Thresholds()
    fitted_on: str = Field(default="", max_length=400)
    command: str = Field(default="", max_length=400)
    gallery_cells: tuple[int, ...] = ()
    """Sizes of the galleries that it was fitted on."""

    @field_validator("fovs")
    @classmethod
    def _rising(cls, fovs: tuple[FovCalibration, ...]) -> tuple[FovCalibration, ...]:
        if any(a.fov_deg >= b.fov_deg for a, b in pairwise(fovs)):
            raise ValueError("fields of view have to rise")
        return fovs

    def at(self, fov_deg: ArrayLike, area_m2: ArrayLike) -> Parameters:
        """Interpolate to fields of view and gallery areas, which broadcast; every parameter has their shape."""
        fov, log_area = np.broadcast_arrays(np.asarray(fov_deg, np.float64), np.log(np.asarray(area_m2, np.float64)))
        nodes = np.array([each.fov_deg for each in self.fovs])
        place = np.interp(fov, nodes, np.arange(len(nodes)))
        low = np.floor(place).astype(np.int64)
        part, high = place - low, np.minimum(low + 1, len(nodes) - 1)

        def value(name: str) -> Floats:
            table = np.stack([each.value(name, log_area) for each in self.fovs])
            at_low, at_high = (np.take_along_axis(table, each[None], axis=0)[0] for each in (low, high))
            found: Floats = at_low * (1 - part) + at_high * part
            return found

        return Parameters(**{field.name: value(field.name) for field in fields(Parameters)})


@dataclass(frozen=True, slots=True)
class Parameters:
    """The numbers of `FovCalibration` and `Promises` for the photos at hand, (Q,) each."""

    intercept: Floats
    per_deviation: Floats
    knee: Floats
    per_deviation_above: Floats
    per_similarity: Floats
    position_sigma_m: Floats
    position_shape: Floats
    heading_sigma_deg: Floats
    clear_level_68: Floats
    clear_level_95: Floats
    divided_level_68: Floats
    divided_level_95: Floats
    heading_level_68: Floats
    confidence_shift: Floats
    confidence_slope: Floats
    localized_from: Floats
