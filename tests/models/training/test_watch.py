from __future__ import annotations

from pathlib import Path

import numpy as np

from models.datasets.cvusa import read_cvusa
from models.training.watch import evenly
from tests.models.datasets.made import made_cvusa


def test_a_few_photos_are_watched_against_the_whole_gallery(tmp_path: Path) -> None:
    whole = read_cvusa(made_cvusa(tmp_path, 12, val=9), "val")
    few = evenly(whole, 3)
    assert few.ground == (whole.ground[0], whole.ground[4], whole.ground[8])
    assert few.aerial == whole.aerial
    assert [few.aerial[row].stem for row in few.positive] == [path.stem for path in few.ground]
    assert few.positions is not None
    assert whole.positions is not None
    np.testing.assert_array_equal(few.positions.ground, whole.positions.ground[[0, 4, 8]])


def test_more_than_there_are_is_all_of_them(tmp_path: Path) -> None:
    whole = read_cvusa(made_cvusa(tmp_path, 5, val=2), "val")
    assert evenly(whole, 7) is whole
