"""Serving a network of one field of view and no columns, as published ones are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from index.build import build_index
from index.bundle import open_index
from index.search import Searcher
from models.bundle import Embedding, StretchedView, identity
from models.encoder import FakeEncoder
from models.image import WHOLE_PX
from models.provenance import LedgerEntry
from service.app import create_app
from service.index_localizer import IndexLocalizer
from service.loading import warm_up
from service.recipe import decoded_side_px
from service.settings import Settings
from tests.service.conftest import Client, check_problem
from tests.service.world import PaintedTiles, encode, panorama

Float32s = NDArray[np.float32]
LEDGER = (LedgerEntry(subject="weights", licence="none stated", holder="someone"),)


def view(**changes: object) -> StretchedView:
    usual = {"height_px": 16, "width_px": 64, "panorama_width_px": 64, "panorama_aspect": 0.5}
    colours = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5), "sha256": "0" * 64}
    return StretchedView.model_validate(usual | colours | changes)


class Plain:
    """Mean colours of eight sectors as one vector that knows north only."""

    provider = "CPUExecutionProvider"

    def __init__(self) -> None:
        self._fake = FakeEncoder()
        changes = {"ground": view(), "embedding": Embedding(columns=1, channels=32), "ledger": LEDGER}
        self.manifest = self._fake.manifest.model_copy(update=changes)
        self.sha256 = identity(self.manifest)

    def ground(self, pixels: Float32s) -> Float32s:
        return np.roll(self._fake.ground(pixels), -4, axis=1).reshape(len(pixels), 1, -1)

    def aerial(self, pixels: Float32s) -> Float32s:
        return self._fake.aerial(pixels)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> IndexLocalizer:
    folder: Path = tmp_path_factory.mktemp("plain") / "index"
    build_index(PaintedTiles(), Plain(), folder, name="painted", licence="CC0")
    return IndexLocalizer(Plain(), Searcher(open_index(folder)))


@pytest.fixture
def served(plain: IndexLocalizer, settings: Settings) -> Client:
    return Client(create_app(settings, plain))


@pytest.mark.parametrize("heading", [0, 90, 225])
def test_a_panorama_is_turned_by_its_heading(served: Client, heading: int) -> None:
    answer = served.raw(encode(panorama(7, heading)), projection="panorama", heading_deg=heading).json()
    assert answer["candidates"][0]["tile"]["id"] == "t7"
    assert answer.get("heading") is None
    assert "heading_not_searched" not in [notice["code"] for notice in answer["notices"]]


def test_without_a_heading_north_is_assumed_and_said(served: Client) -> None:
    answer = served.raw(encode(panorama(7)), projection="panorama").json()
    assert answer["candidates"][0]["tile"]["id"] == "t7"
    assert "heading_not_searched" in [notice["code"] for notice in answer["notices"]]


def test_a_narrow_photo_is_refused(served: Client) -> None:
    problem = check_problem(served.raw(encode(panorama(7)), fov_deg=70), 422, "invalid_parameter")
    assert problem["errors"][0]["pointer"] == "camera.fov_deg"


def test_it_warms_up_with_the_photos_it_takes(plain: IndexLocalizer) -> None:
    warm_up(plain)
    assert plain.usual_fov_deg == (360.0,)


def test_info_passes_the_licences_on(served: Client) -> None:
    model = served.get("/info").json()["model"]
    assert (model["precision"], [entry["licence"] for entry in model["licences"]]) == ("fp32", ["none stated"])


@pytest.mark.parametrize(
    ("changes", "side_px"), [({}, 512), ({"panorama_width_px": 616}, 770), ({"resampling": "linear"}, WHOLE_PX)]
)
def test_pixels_that_count_are_decoded(changes: dict[str, object], side_px: int) -> None:
    assert decoded_side_px(view(**changes)) == side_px
