from __future__ import annotations

import numpy as np
import pytest

from models.evaluation.corruptions.spatter import MUD, spatter

GREY = np.full((224, 896, 3), 0.5, dtype=np.float32)


def _rng() -> np.random.Generator:
    return np.random.default_rng(1)


@pytest.mark.parametrize(("severity", "covered"), [(1, 0.05), (2, 0.13), (3, 0.24), (4, 0.2), (5, 0.35)])
def test_drops_cover_their_share_and_leave_the_rest(severity: int, covered: float) -> None:
    changed = (np.abs(spatter(GREY, severity, _rng()) - GREY) > 0.02).any(2).mean()
    assert changed == pytest.approx(covered, rel=0.35)


def test_water_is_bluish_and_mud_is_brown() -> None:
    water, mud = spatter(GREY, 3, _rng()), spatter(GREY, 5, _rng())
    assert water[..., 2].mean() > water[..., 0].mean() + 0.01
    assert mud[..., 2].mean() < mud[..., 0].mean() - 0.01
    whole = np.abs(mud - MUD).max(2) < 0.01
    assert whole.mean() > 0.1


def test_more_water_begins_with_the_same_drops() -> None:
    few, more = (np.abs(spatter(GREY, severity, _rng()) - GREY).max(2) > 0.1 for severity in (1, 2))
    assert more[few].mean() > 0.8


def test_drops_wrap_around() -> None:
    mud = spatter(GREY, 5, _rng())
    across_seam = np.abs(mud[:, 0] - mud[:, -1]).mean()
    assert across_seam < 3 * np.abs(np.diff(mud, axis=1)).mean()
