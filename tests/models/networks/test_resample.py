from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from models.networks.resample import Antialiased, triangle_matrix
from tests.models.networks.recipe import far, pixels, through_onnx

ROUNDING = 1e-4


@pytest.mark.parametrize(("before", "after"), [(320, 256), (400, 320), (352, 256), (64, 9), (64, 150)])
def test_it_equals_pillow_within_a_grey_level(before: int, after: int) -> None:
    grey = np.random.RandomState(0).randint(0, 256, (before, before, 3)).astype(np.uint8)
    expected = np.asarray(Image.fromarray(grey).resize((after, after), Image.Resampling.BILINEAR), dtype=np.float32)
    found = Antialiased(before, after)(torch.from_numpy(grey).permute(2, 0, 1)[None].float())
    assert far(found[0].permute(1, 2, 0), expected) <= 1 + ROUNDING


def test_the_weights_of_a_halving() -> None:
    expected = torch.tensor([[3, 3, 1, 0], [0, 1, 3, 3]], dtype=torch.float64) / 7  # 1/8 3/8 | 3/8 1/8, cut at the edge
    torch.testing.assert_close(triangle_matrix(4, 2), expected)


@pytest.mark.parametrize(("before", "after"), [(320, 256), (5, 5), (7, 16)])
def test_a_plain_colour_stays(before: int, after: int) -> None:
    torch.testing.assert_close(triangle_matrix(before, after).sum(1), torch.ones(after, dtype=torch.float64))


def test_equal_sizes_change_nothing() -> None:
    batch = pixels(0, 1, 3, 16, 16)
    assert torch.equal(Antialiased(16, 16)(batch), batch)


def test_it_leaves_nothing_in_a_checkpoint() -> None:
    assert not Antialiased(16, 8).state_dict()


def test_it_exports() -> None:
    module, batch = Antialiased(20, 16), pixels(0, 3, 3, 20, 20)
    (found,) = through_onnx(module, (batch[:1],), (batch,))
    assert far(found, module(batch)) < 1e-5
