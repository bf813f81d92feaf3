"""Photos of the painted world that see a part of a tile, and a calibrated model that locates them."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from models.calibration.model import Calibration, FovCalibration
from models.encoder import FakeEncoder
from tests.service.world import encode, panorama

CALIBRATION = Calibration(
    probability_outside=0.1,
    fovs=(
        FovCalibration(
            fov_deg=90, intercept=-24.0, per_deviation=6.0, knee=2.2, per_similarity=20.0, position_sigma_m=5.0
        ),
        FovCalibration(fov_deg=360, intercept=-14.0, per_deviation=6.0, position_sigma_m=5.0),
    ),
)
QUARTER: dict[str, Any] = {"projection": "panorama", "fov_deg": 90}


def calibrated() -> FakeEncoder:
    encoder = FakeEncoder()
    encoder.manifest = encoder.manifest.model_copy(update={"calibration": CALIBRATION})
    return encoder


def quarter(number: int, heading_deg: float) -> bytes:
    """What is seen of a tile's sectors within 45 degrees of a heading."""
    whole = panorama(number, heading_deg)
    width = whole.shape[1]
    return encode(np.ascontiguousarray(whole[:, width * 3 // 8 : width * 5 // 8]))


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def item(photo: bytes, **said: Any) -> dict[str, Any]:
    return {"image": base64_of(photo), **said}


def without_times(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name not in ("timings_ms", "request_id")}
