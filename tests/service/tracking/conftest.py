"""A camera in the painted world, whose model is calibrated."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from index.bundle import Index
from index.search import Searcher
from models.encoder import FakeEncoder
from service.app import create_app
from service.index_localizer import IndexLocalizer
from service.settings import Settings
from tests.service.conftest import Client
from tests.service.test_calibrated import CALIBRATION
from tests.service.world import encode, panorama

Json = dict[str, Any]
PANORAMA: Json = {"projection": "panorama", "fov_deg": 360}


@pytest.fixture(scope="session")
def calibrated(painted_index: Index) -> IndexLocalizer:
    encoder = FakeEncoder()
    encoder.manifest = encoder.manifest.model_copy(update={"calibration": CALIBRATION})
    return IndexLocalizer(encoder, Searcher(painted_index))


@pytest.fixture
def tracked(calibrated: IndexLocalizer, settings: Settings) -> Client:
    return Client(create_app(settings, calibrated))


def seen(number: int, second: int, heading_deg: float = 0.0, **more: Any) -> Json:
    """A step with a photo from a tile's centre."""
    image = base64.b64encode(encode(panorama(number, heading_deg))).decode()
    return {"image": image, "camera": PANORAMA, **moved(second, **more)}


def moved(second: int, **more: Any) -> Json:
    return {"timestamp": f"2026-11-21T20:{second // 60:02d}:{second % 60:02d}Z", **more}


def asked(client: Client, step: Json) -> Json:
    response = client.request("POST", "/track", json=step)
    assert response.status_code == 200, response.text
    answer: Json = response.json()
    return answer
