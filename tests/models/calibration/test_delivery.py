from __future__ import annotations

from pathlib import Path

import pytest

from models.bundle import ModelBundle
from models.calibration.delivery import deliver
from models.calibration.model import Calibration, FovCalibration
from models.errors import UsageError

SOME = Calibration(fovs=(FovCalibration(fov_deg=360, intercept=-10, per_deviation=4, position_sigma_m=3),))


def test_a_copy_has_the_calibration_and_the_same_identity(tiny_bundle: ModelBundle, tmp_path: Path) -> None:
    copy = deliver(tiny_bundle, SOME, tmp_path / "copy")
    assert copy.manifest.calibration == SOME
    assert (copy.sha256, copy.folder) == (tiny_bundle.sha256, tmp_path / "copy")
    assert copy.manifest.preprocessing_sha256 == tiny_bundle.manifest.preprocessing_sha256
    assert tiny_bundle.manifest.calibration is None


def test_in_place_only_the_manifest_changes(tiny_bundle: ModelBundle, tmp_path: Path) -> None:
    copy = deliver(tiny_bundle, SOME, tmp_path / "copy")
    before = copy.ground_path.stat().st_mtime_ns
    other = SOME.model_copy(update={"fitted_on": "elsewhere"})
    assert deliver(copy, other, None).manifest.calibration == other
    assert copy.ground_path.stat().st_mtime_ns == before


def test_a_full_folder_is_left_alone(tiny_bundle: ModelBundle, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "file").touch()
    with pytest.raises(UsageError):
        deliver(tiny_bundle, SOME, tmp_path / "copy")
