from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.networks.transformer import DistilledTransformer, TransformerSize
from tests.models.networks import numpy_forward
from tests.models.networks.recipe import DEEP, SMALL, count, encoder, far, pixels, small

TWO_DEEP = TransformerSize(depth=2)


def _in_numpy(network: DistilledTransformer) -> dict[str, Any]:
    return {name: value.double().numpy() for name, value in network.state_dict().items()}


def _image(batch: Tensor) -> Any:
    return batch[0].permute(1, 2, 0).double().numpy()


@pytest.mark.parametrize(
    ("image_px", "keep", "grid", "tokens", "positions", "parameters"),
    [
        ((112, 616), None, (7, 38), 268, 268, 22_463_312),
        ((112, 119), None, (7, 7), 51, 51, 22_379_984),
        ((112, 154), None, (7, 9), 65, 65, 22_385_360),
        ((112, 308), None, (7, 19), 135, 135, 22_412_240),
        ((256, 256), None, (16, 16), 258, 258, 22_459_472),
        ((320, 320), 0.64, (20, 20), 258, 402, 22_514_768),
        ((320, 640), None, (20, 40), 802, 802, 22_668_368),
        ((320, 320), None, (20, 20), 402, 402, 22_514_768),
        ((400, 400), 0.64, (25, 25), 402, 627, 22_601_168),
    ],
)
def test_the_official_sizes(
    image_px: tuple[int, int], keep: float | None, grid: tuple[int, int], tokens: int, positions: int, parameters: int
) -> None:
    with torch.device("meta"):
        network = DistilledTransformer(image_px, DEEP, keep)
    seen = 2 + (network.kept or grid[0] * grid[1])
    assert (network.grid, seen, network.pos_embed.shape[1]) == (grid, tokens, positions)
    assert (count(network), len(network.state_dict())) == (parameters, 155)


@pytest.mark.parametrize(
    ("view", "image_px", "scale"),
    [
        ("query", (320, 640), 0.02),  # VIGOR
        ("reference", (320, 320), 0.02),
        ("query", (112, 154), 0.02),  # a quarter of the panorama
        ("query", (112, 154), 0.06),
        ("reference", (256, 256), 0.06),
    ],
)
@torch.inference_mode()
def test_embeddings_equal_a_second_implementation(view: str, image_px: tuple[int, int], scale: float) -> None:
    network, batch = encoder(view, image_px, TWO_DEEP, scale=scale), pixels(0, 1, 3, *image_px)
    expected = numpy_forward.embed(_image(batch), _in_numpy(network), TWO_DEEP.heads, TWO_DEEP.depth)
    assert far(network(batch)[0], expected) < 1e-4


@pytest.mark.parametrize("scale", [0.02, 0.06])
@torch.inference_mode()
def test_cropped_embeddings_equal_a_second_implementation(scale: float) -> None:
    network, batch = encoder("reference", (400, 400), TWO_DEEP, 0.64, scale), pixels(1, 1, 3, 400, 400)
    attention = np.random.RandomState(2).randint(0, 256, (1, 20, 20)) / 255
    kept = np.argsort(numpy_forward.upsample(attention[0], (25, 25)).ravel())[-400:]
    expected = numpy_forward.embed(_image(batch), _in_numpy(network), TWO_DEEP.heads, TWO_DEEP.depth, kept)
    assert far(network(batch, torch.from_numpy(attention).float())[0], expected) < 1e-4


@torch.inference_mode()
def test_attention_maps_equal_a_second_implementation() -> None:
    network, batch = encoder("reference", (320, 320), TWO_DEEP, scale=0.06), pixels(1, 1, 3, 320, 320)
    expected = numpy_forward.attention_map(_image(batch), _in_numpy(network), 6, 2, (20, 20))
    assert far(network.attention_map(batch)[0], expected) < 1e-6


@torch.inference_mode()
def test_uniform_attention_gives_every_patch_its_share() -> None:
    network = small()
    nn.init.zeros_(network.blocks[-1].attn.qkv.weight)  # type: ignore[union-attr, arg-type]
    nn.init.zeros_(network.blocks[-1].attn.qkv.bias)  # type: ignore[union-attr, arg-type]
    attention = network.attention_map(pixels(0, 1, 3, 32, 32))
    torch.testing.assert_close(attention, torch.full((1, 4, 4), 2 * 3 / (16 + 2)))  # 2 queries, 3 heads


@torch.inference_mode()
def test_the_attention_map_is_a_part_of_rows_that_sum_to_one() -> None:
    network, batch = small(), pixels(0, 1, 3, 32, 32)
    inputs: list[Tensor] = []
    network.blocks[-1].attn.register_forward_pre_hook(lambda _, args: inputs.append(args[0]))  # type: ignore[union-attr]
    network(batch)
    q, k, _ = network.blocks[-1].attn.split(inputs[0])  # type: ignore[operator]
    rows = F.scaled_dot_product_attention(q, k, torch.eye(18).expand(1, 3, 18, 18))
    torch.testing.assert_close(rows.sum(-1), torch.ones(1, 3, 18))
    expected = rows[:, :, :2, 2:].sum((1, 2)).reshape(1, 4, 4)
    torch.testing.assert_close(network.attention_map(batch), expected)


def test_another_input_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(40, 32\) pixels, this encoder takes \(32, 32\)"):
        small()(pixels(0, 1, 3, 40, 32))


def test_a_map_without_cropping_is_refused() -> None:
    with pytest.raises(ValueError, match="does not crop"):
        small()(pixels(0, 1, 3, 32, 32), torch.rand(1, 4, 4))


@torch.inference_mode()
def test_pixels_past_the_last_patch_do_not_count() -> None:
    network, batch = small((32, 36)), pixels(0, 1, 3, 32, 36)
    changed = batch.clone()
    changed[..., 32:] = 9.0
    assert network.grid == (4, 4)
    assert torch.equal(network(batch), network(changed))


def test_the_embedding_is_the_mean_of_two_heads() -> None:
    network = small()
    for head, value in ((network.head, 2.0), (network.head_dist, 6.0)):
        nn.init.zeros_(head.weight)
        nn.init.constant_(head.bias, value)
    assert network(pixels(0, 1, 3, 32, 32)).tolist() == [[4.0] * 10]


def _trained_for_a_step(network: DistilledTransformer) -> DistilledTransformer:
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.1, weight_decay=0.03)
    network(pixels(0, 2, 3, 32, 32)).square().sum().backward()
    optimizer.step()
    return network


def test_without_position_embedding_it_stays_zero_and_keeps_its_name() -> None:
    network = _trained_for_a_step(DistilledTransformer((32, 32), SMALL, position_embedding=False))
    assert network.pos_embed.eq(0).all()
    assert network.state_dict().keys() == DistilledTransformer((32, 32), SMALL).state_dict().keys()
    assert _trained_for_a_step(DistilledTransformer((32, 32), SMALL)).pos_embed.ne(0).any()


@torch.inference_mode()
def test_without_position_embedding_the_order_of_patches_is_invisible() -> None:
    torch.manual_seed(0)
    batch = pixels(0, 1, 3, 32, 32)
    blind, seeing = (DistilledTransformer((32, 32), SMALL, position_embedding=on).eval() for on in (False, True))
    torch.testing.assert_close(blind(batch), blind(batch.roll(8, dims=3)), atol=1e-6, rtol=0)
    seeing.pos_embed.data.mul_(20)  # it starts small
    assert far(seeing(batch), seeing(batch.roll(8, dims=3))) > 1e-4


def _gradients(network: DistilledTransformer) -> tuple[list[Tensor | None], int]:
    """Gradients of a step, and how often the blocks ran."""
    runs: list[int] = []
    for block in network.blocks:
        block.register_forward_pre_hook(lambda *_: runs.append(1))
    network(pixels(0, 2, 3, 32, 32)).square().sum().backward()
    return [value.grad for value in network.parameters()], len(runs)


def test_checkpointed_blocks_run_twice_and_give_the_same_gradients() -> None:
    plain, saving = small().train(), small().train()
    saving.checkpoint_blocks = True
    (expected, once), (found, twice) = _gradients(plain), _gradients(saving)
    assert (once, twice) == (2, 4)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("training", [True, False])
def test_nothing_is_checkpointed_where_no_gradient_is_wanted(training: bool) -> None:
    network = small().train(training)
    network.checkpoint_blocks = True
    with torch.set_grad_enabled(not training):
        assert network(pixels(0, 1, 3, 32, 32)).grad_fn is None or not training
