"""An archive of photos of the painted world, and a calibrated localizer that counts what it is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from index.bundle import Index
from index.search import Searcher
from models.encoder import FakeEncoder
from models.errors import EncoderError
from service.geotagging.options import Options
from service.geotagging.run import Done, geotag
from service.index_localizer import Float32s, IndexLocalizer
from service.localizer import Prepared
from service.query import CameraHints, Query
from tests.service.test_calibrated import CALIBRATION
from tests.service.world import encode, panorama

QUERY = Query(top_k=3, camera=CameraHints(projection="panorama", fov_deg=360.0))


class Counting(IndexLocalizer):
    """Counts the photos that its network sees, and may fail on all of them."""

    asked = 0
    fails = False
    stumbles = False
    """On the first photo, over what nobody foresaw."""

    def describe(self, prepared: Prepared) -> Float32s:
        self.asked += 1
        if self.stumbles and self.asked == 1:
            raise ZeroDivisionError
        if self.fails:
            self.failures_in_a_row += 1
            raise EncoderError("The network is gone.")
        return super().describe(prepared)


@pytest.fixture
def localizer(painted_index: Index) -> Counting:
    encoder = FakeEncoder()
    encoder.manifest = encoder.manifest.model_copy(update={"calibration": CALIBRATION})
    return Counting(encoder, Searcher(painted_index))


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Three photos of known places, and one of nothing."""
    folder = tmp_path / "archive"
    (folder / "deep").mkdir(parents=True)
    (folder / "seven.jpg").write_bytes(encode(panorama(7), "JPEG", quality=95))
    (folder / "deep/eight.jpg").write_bytes(encode(panorama(8, 90.0), "JPEG", quality=95))
    (folder / "nine.png").write_bytes(encode(panorama(9)))
    (folder / "black.jpg").write_bytes(encode(0 * panorama(0), "JPEG"))
    return folder


Geotag = Callable[..., Done]


@pytest.fixture
def run(archive: Path, localizer: Counting) -> Geotag:
    """Run on the archive with options."""

    def run(stopped: Callable[[], bool] = lambda: False, **changes: object) -> Done:
        options = replace(Options(min_confidence=0.5), **changes)  # type: ignore[arg-type]
        return geotag(archive, localizer, QUERY, options, archive / "report", stopped=stopped, at_once=2)

    return run


def outcomes(done: Done) -> dict[str, str]:
    return {row.photo: row.outcome for row in done.rows}


def state(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Every file's bytes and time."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}
