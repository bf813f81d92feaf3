"""Photos on one cylinder: what is laid where, and that one photo is what it was."""

from __future__ import annotations

import numpy as np
import pytest

from index.bundle import Index
from index.search import Searcher
from models.bundle import Embedding
from models.columns import mean_cosine_scale
from service.index_localizer import IndexLocalizer
from service.query import Answer, CameraHints, Query, make_prior
from service.sets.locating import SetLocating
from service.sets.members import Taken, members
from service.view import View
from tests.service.sets.photos import calibrated, quarter
from tests.service.world import COLUMNS, encode, panorama, position


@pytest.fixture(scope="module")
def localizer(painted_index: Index) -> IndexLocalizer:
    return IndexLocalizer(calibrated(), Searcher(painted_index))


LAYOUT = Embedding(columns=COLUMNS, channels=4)


def look(localizer: IndexLocalizer, photo: bytes, heading_deg: float | None = None, fov_deg: float = 90) -> View:
    camera = CameraHints(fov_deg=fov_deg, projection="panorama", heading_deg=heading_deg)
    prepared = localizer.prepare(localizer.decode(photo), Query(camera=camera))
    return View(prepared, localizer.describe(prepared))


def test_quarters_with_relative_headings_are_the_columns_of_the_panorama(localizer: IndexLocalizer) -> None:
    headings = (45.0, 135.0, 225.0, 315.0)
    taken = [Taken(n, look(localizer, quarter(7, deg), deg), deg) for n, deg in enumerate(headings)]
    (member,) = members(taken, LAYOUT)
    assert set(member.photos) == {0, 1, 2, 3}
    ground = member.view.prepared.ground
    assert (ground.seen, len(ground.firsts), member.view.prepared.fov_deg) == (COLUMNS, COLUMNS, 360.0)
    assert np.linalg.norm(member.view.columns) == pytest.approx(1.0, abs=1e-6)
    whole = look(localizer, encode(panorama(7)), 0.0, 360.0).columns
    assert float((member.view.columns * whole).sum()) > 0.95


def test_what_nobody_saw_stays_empty_and_what_two_saw_counts_once(localizer: IndexLocalizer) -> None:
    taken = [Taken(n, look(localizer, quarter(7, 45.0), 45.0), 45.0) for n in range(2)]
    taken.append(Taken(2, look(localizer, quarter(7, 90.0), 90.0), 90.0))
    (member,) = members(taken, LAYOUT)
    norms = np.linalg.norm(member.view.columns, axis=1)
    seen = member.view.prepared.ground.seen
    assert 2 < seen < COLUMNS
    assert np.count_nonzero(norms) == seen
    assert norms[norms > 0] == pytest.approx(1 / np.sqrt(seen), abs=1e-6)
    assert mean_cosine_scale(seen, COLUMNS) > 1


def test_photos_without_headings_stand_alone_in_an_order_of_their_own(localizer: IndexLocalizer) -> None:
    views = [look(localizer, quarter(7, deg)) for deg in (0.0, 90.0, 180.0)]
    forth = members([Taken(n, view) for n, view in enumerate(views)], LAYOUT)
    back = members([Taken(n, view) for n, view in enumerate(reversed(views))], LAYOUT)
    assert [member.digest for member in forth] == [member.digest for member in back]
    assert [2 - member.photos[0] for member in forth] == [member.photos[0] for member in back]


def test_one_column_knows_no_headings(localizer: IndexLocalizer) -> None:
    view = look(localizer, quarter(7, 0.0), 0.0)
    assert (
        len(
            members(
                [Taken(0, view, 5.0), Taken(1, look(localizer, quarter(7, 90.0)), 95.0)],
                Embedding(columns=1, channels=4),
            )
        )
        == 2
    )


def told(answer: Answer) -> list[float]:
    """Every number of an answer."""
    known = answer.reckoning
    assert known is not None
    numbers = [known.radius_m_68, known.radius_m_95, *known.covariance_enu_m2, known.confidence]
    numbers += [known.probability_outside_index, known.heading_accuracy_deg_68 or 0.0]
    for each in answer.candidates:
        numbers += [each.lat, each.lon, each.similarity, each.probability or 0.0, each.heading_deg or 0.0]
    return numbers


@pytest.mark.parametrize("mode", ["global", "prior", "auto"])
@pytest.mark.parametrize("wide_m", [60.0, 40_000.0])
def test_a_set_of_one_is_answered_as_its_photo(localizer: IndexLocalizer, mode: str, wide_m: float) -> None:
    prior = None if mode == "global" else make_prior(*position(7), wide_m, 68.0, None)
    query = Query(mode=mode, prior=prior, camera=CameraHints(fov_deg=90, projection="panorama"))  # type: ignore[arg-type]
    prepared = localizer.prepare(localizer.decode(quarter(7, 30.0)), query)
    columns = localizer.describe(prepared)
    alone = localizer.search(query, prepared, columns)
    source = localizer.likelihoods
    assert source is not None
    locating = SetLocating(source, "painted", "fake")
    together = locating.answer(members([Taken(0, View(prepared, columns))], LAYOUT), prior, query.mode, 5).answer
    assert told(together) == pytest.approx(told(alone), abs=1e-6)
    assert (together.status, together.mode_used) == (alone.status, alone.mode_used)
    assert together.tiles_scanned == alone.tiles_scanned
