from __future__ import annotations

import torch

from models.networks.mixing import CircleBlock, HalfInstanceNorm, MapBlock, unit_columns, unit_rows


def test_half_the_channels_forget_gain_and_offset() -> None:
    x = torch.randn(2, 6, 5, 7, generator=torch.Generator().manual_seed(0))
    norm = HalfInstanceNorm()
    torch.testing.assert_close(norm(3 * x + 2)[:, :3], norm(x)[:, :3], atol=2e-3, rtol=0)
    assert torch.equal(norm(x)[:, 3:], x[:, 3:])


@torch.inference_mode()
def test_a_circle_has_no_seam() -> None:
    torch.manual_seed(0)
    block, x = CircleBlock(8), torch.randn(2, 12, 8)
    torch.testing.assert_close(block(x.roll(5, dims=1)), block(x).roll(5, dims=1), atol=1e-6, rtol=0)


@torch.inference_mode()
def test_a_map_block_keeps_its_shape_and_sees_its_neighbours() -> None:
    torch.manual_seed(0)
    block, x = MapBlock(4), torch.zeros(1, 4, 5, 5)
    spot = x.clone()
    spot[0, :, 2, 2] = 1.0
    assert block(x).shape == x.shape
    assert not torch.allclose(block(spot)[0, :, 2, 3], block(x)[0, :, 2, 3])


def test_columns_share_the_norm() -> None:
    columns = unit_columns(torch.randn(3, 4, 5))
    torch.testing.assert_close(columns.norm(dim=(1, 2)), torch.ones(3))
    torch.testing.assert_close(columns.norm(dim=2), torch.full((3, 4), 0.5))


def test_columns_of_a_unit_row_keep_their_shares() -> None:
    plain = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(0))
    rows = unit_rows(plain)
    torch.testing.assert_close(rows.norm(dim=(1, 2)), torch.ones(3))
    shares = plain.norm(dim=2)
    torch.testing.assert_close(rows.norm(dim=2), shares / shares.square().sum(1, keepdim=True).sqrt())
