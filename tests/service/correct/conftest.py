"""A fleet in the painted world, whose model is calibrated."""

from __future__ import annotations

import json
from typing import Any

import pytest

from index.bundle import Index
from index.search import Searcher
from models.encoder import FakeEncoder
from models.geo import offset
from service.app import create_app
from service.index_localizer import IndexLocalizer
from service.settings import Settings
from tests.service.conftest import Client
from tests.service.test_calibrated import CALIBRATION
from tests.service.world import position

Json = dict[str, Any]
Part = tuple[str, tuple[str | None, bytes, str]]
PANORAMA: Json = {"projection": "panorama", "fov_deg": 360}


@pytest.fixture(scope="session")
def calibrated(painted_index: Index) -> IndexLocalizer:
    encoder = FakeEncoder()
    encoder.manifest = encoder.manifest.model_copy(update={"calibration": CALIBRATION})
    return IndexLocalizer(encoder, Searcher(painted_index))


@pytest.fixture
def fleet(calibrated: IndexLocalizer, settings: Settings) -> Client:
    return Client(create_app(settings, calibrated))


def fix(number: int, east_m: float = 0.0, second: int = 0, **more: Any) -> Json:
    """A fix some way east of a tile's centre, by a receiver that says 30 m."""
    lat, lon = (round(float(v), 7) for v in offset(*position(number), east_m, 0.0))
    return {
        "device_id": "van-17",
        "timestamp": f"2026-11-21T20:23:{second:02d}Z",
        "lat": lat,
        "lon": lon,
        "accuracy_m": 30,
        "accuracy_percentile": 68,
        **more,
    }


def form(document: Any, **photos: bytes) -> list[Part]:
    """The parts of a form."""
    parts: list[Part] = [("fixes", (None, json.dumps(document).encode(), "application/json"))]
    return parts + [(name, (f"{name}.png", photo, "image/png")) for name, photo in photos.items()]
