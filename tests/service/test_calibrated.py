"""POST /localize with a calibrated model, on the painted world, where probabilities can be foreseen."""

from __future__ import annotations

import numpy as np
import pytest

from index.bundle import Index
from index.search import Searcher
from models.calibration.model import Calibration, FovCalibration
from models.encoder import FakeEncoder
from models.geo import distance_m, offset
from service.app import create_app
from service.examples import EXAMPLES
from service.index_localizer import IndexLocalizer
from service.posterior import round_prior
from service.query import make_prior
from service.responses import LocalizeResponse
from service.settings import Settings
from tests.service.conftest import WHOLE_CIRCLE, Client
from tests.service.world import TILE_COUNT, encode, position

CALIBRATION = Calibration(
    probability_outside=0.1,
    fovs=(FovCalibration(fov_deg=360, intercept=-14.0, per_deviation=6.0, position_sigma_m=5.0),),
)


@pytest.fixture(scope="module")
def localizer(painted_index: Index) -> IndexLocalizer:
    encoder = FakeEncoder()
    encoder.manifest = encoder.manifest.model_copy(update={"calibration": CALIBRATION})
    return IndexLocalizer(encoder, Searcher(painted_index))


def test_planted_tile_is_localized(client: Client, photo: bytes) -> None:
    answer = client.raw(photo, **WHOLE_CIRCLE).json()
    assert answer["status"] == "localized"
    assert answer["confidence"] > 0.5
    assert answer["confidence_definition"] == "P(error <= 25 m)"
    best = answer["candidates"][0]
    assert best["tile"]["id"] == "t7"
    assert best["probability"] == max(candidate["probability"] for candidate in answer["candidates"])
    held = sum(candidate["probability"] for candidate in answer["candidates"])
    assert held + answer["probability_outside_index"] <= 1.001
    assert abs((answer["heading"]["deg"] + 180.0) % 360.0 - 180.0) < 22.5
    assert 0 < answer["heading"]["accuracy_deg_68"] < 30
    assert "uncalibrated" not in [notice["code"] for notice in answer["notices"]]


def test_position_has_radii_and_covariance_of_a_cell(client: Client, photo: bytes) -> None:
    """A tile that stands for 64 m of ground spreads its place by 64 / sqrt(12) m, and 5 m for the model."""
    found = client.raw(photo, **WHOLE_CIRCLE).json()["position"]
    assert distance_m(found["lat"], found["lon"], *position(7)) < 5.0
    assert found["radius_m_68"] < found["radius_m_95"]
    east, cross, other, north = found["covariance_enu_m2"]
    assert (cross, other) == (0.0, 0.0)
    assert [east, north] == pytest.approx([64**2 / 12 + 25] * 2, rel=0.01)


def test_pictures_of_nothing_are_no_match(client: Client) -> None:
    black = client.raw(encode(np.zeros((256, 512, 3), np.uint8)), **WHOLE_CIRCLE).json()
    assert black["status"] == "no_match"
    assert black["confidence"] < 0.5


def test_a_prior_sharpens_and_names_its_mode(client: Client, photo: bytes) -> None:
    lat, lon = offset(*position(7), 10.0, 0.0)
    fields = {"lat": f"{lat}", "lon": f"{lon}", "accuracy_m": "30", "accuracy_percentile": "68"}
    answer = client.raw(photo, **fields, **WHOLE_CIRCLE).json()
    assert (answer["status"], answer["search"]["mode_used"]) == ("localized", "prior")
    assert answer["search"]["tiles_scanned"] < TILE_COUNT
    assert answer["confidence"] >= client.raw(photo, **WHOLE_CIRCLE).json()["confidence"]


def test_auto_leaves_a_prior_that_the_photo_contradicts(client: Client, photo: bytes) -> None:
    lat, lon = position(29)
    fields = {"lat": f"{lat}", "lon": f"{lon}", "accuracy_m": "20", "accuracy_percentile": "95"}
    auto = client.raw(photo, **fields, **WHOLE_CIRCLE).json()
    assert (auto["search"]["mode_used"], auto["candidates"][0]["tile"]["id"]) == ("global", "t7")
    assert "prior_contradicted" in [notice["code"] for notice in auto["notices"]]
    kept = client.raw(photo, mode="prior", **fields, **WHOLE_CIRCLE).json()
    assert (kept["status"], kept["search"]["mode_used"]) == ("no_match", "prior")


def test_a_prior_off_the_index_is_outside_coverage(client: Client, photo: bytes) -> None:
    answer = client.raw(photo, lat="48.1", lon="11.6", accuracy_m="50", accuracy_percentile="95").json()
    assert (answer["status"], answer["candidates"]) == ("outside_coverage", [])
    assert not {"confidence", "position", "probability_outside_index"} & set(answer)


def test_a_circle_without_accuracy_holds_its_places_alike() -> None:
    x = np.array([0.0, 80.0, 160.0])
    even = round_prior(make_prior(52.5, 13.4, None, None, 100.0)).log_share(x, np.zeros(3), 10.0)
    assert even[0] == even[1]
    assert np.isinf(even[2])
    normal = round_prior(make_prior(52.5, 13.4, 40.0, 68.0, 100.0)).log_share(x, np.zeros(3), 10.0)
    assert normal[0] > normal[1]
    assert np.isinf(normal[2])


def test_an_accuracy_is_believed_beyond_its_95_percent() -> None:
    """R95 = 2.45 sigma; cells count up to four sigma, as one GPS fix in twenty lies beyond R95."""
    found = round_prior(make_prior(52.5, 13.4, 100.0, 95.0, None))
    assert found.sigma_m == pytest.approx(40.9, abs=0.1)
    assert found.reach_m == pytest.approx(163.4, abs=0.2)


def test_answer_fits_the_schema_and_the_example(client: Client, photo: bytes) -> None:
    content = client.raw(photo, **WHOLE_CIRCLE).content
    answer = LocalizeResponse.model_validate_json(content)
    assert "posterior" in answer.timings_ms
    example = LocalizeResponse.model_validate(EXAMPLES["localized"].answer).model_dump(exclude_none=True)
    shown = answer.model_dump(exclude_none=True)
    assert set(example) == set(shown)
    assert set(example["position"]) == set(shown["position"])
    assert set(example["candidates"][0]) - set(shown["candidates"][0]) <= {"distance_to_prior_m"}


def test_a_wide_prior_gives_the_same_answer_by_its_best_cells(
    client: Client, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    lat, lon = position(14)
    fields = {"lat": f"{lat}", "lon": f"{lon}", "accuracy_m": "300", "accuracy_percentile": "95"}
    by_all = client.raw(photo, **fields, **WHOLE_CIRCLE).json()
    monkeypatch.setattr("service.evidence.MOST_NEAR_TILES", 3)
    monkeypatch.setattr("service.evidence.LISTED", 20)
    by_best = client.raw(photo, **fields, **WHOLE_CIRCLE).json()
    assert (by_best["status"], by_best["search"]["mode_used"]) == ("localized", "prior")
    for name in ("confidence", "probability_outside_index"):
        assert by_best[name] == pytest.approx(by_all[name], abs=1e-3)
    assert by_best["candidates"][0]["tile"] == by_all["candidates"][0]["tile"]


def test_metrics_count_status_confidence_and_radius(localizer: IndexLocalizer, photo: bytes) -> None:
    client = Client(create_app(Settings(), localizer))
    client.raw(photo, **WHOLE_CIRCLE)
    assert client.metric("skyfix_localizations_total", status="localized", mode="global") == 1
    assert client.metric("skyfix_confidence_ratio_count") == 1
    assert client.metric("skyfix_radius95_meters_count") == 1


def test_a_model_of_one_vector_answers_no_heading(tmp_path_factory: pytest.TempPathFactory, photo: bytes) -> None:
    from index.build import build_index
    from index.bundle import open_index
    from tests.service.world import PaintedTiles

    plain = FakeEncoder(columns=1)
    plain.manifest = plain.manifest.model_copy(update={"calibration": CALIBRATION})
    folder = tmp_path_factory.mktemp("plain") / "index"
    build_index(PaintedTiles(), plain, folder, name="plain")
    client = Client(create_app(Settings(), IndexLocalizer(plain, Searcher(open_index(folder, plain)))))
    answer = client.raw(photo, **WHOLE_CIRCLE).json()
    assert "heading" not in answer
    assert answer["status"] in ("localized", "ambiguous", "no_match")
    assert answer["position"]["radius_m_68"] > 0
