from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models.errors import AttentionInvalid, UsageError
from models.networks.cropping import Crop, quantise_map
from models.networks.polar import polar_transform
from models.networks.resample import Antialiased
from models.networks.transgeo import DistilledTransformer, TransformerSize, TransGeo
from tests.models.networks.recipe import SMALL, Call, count, far, pixels, regenerated, small, through_onnx

GROUND_PX, AERIAL_PX = (32, 64), (40, 40)
GUIDED = Crop(0.64, guide_px=32)


def _pair(crop: Crop | None = None, *, share: bool = False, polar: bool = False) -> TransGeo:
    return regenerated(TransGeo(GROUND_PX, AERIAL_PX, SMALL, crop=crop, share=share, polar=polar), scale=0.2)


def _tiles(batch: int = 3) -> Tensor:
    return pixels(1, batch, 3, *AERIAL_PX)


@torch.inference_mode()
def test_an_image_is_described_by_one_unit_column() -> None:
    model = _pair()
    for columns in (model.ground(pixels(0, 3, 3, *GROUND_PX)), model.aerial(_tiles())):
        assert columns.shape == (3, 1, 10)
        torch.testing.assert_close(columns.norm(dim=(1, 2)), torch.ones(3))


@torch.inference_mode()
def test_the_views_share_no_weights() -> None:
    model = _pair()
    before = model.aerial(_tiles())
    for parameter in model.query_net.parameters():
        parameter.add_(1.0)
    assert torch.equal(model.aerial(_tiles()), before)


def test_sharing_halves_the_transformer() -> None:
    own, shared = TransGeo(GROUND_PX, AERIAL_PX, SMALL), TransGeo(GROUND_PX, AERIAL_PX, SMALL, share=True)
    tokens = sum(value.numel() for name, value in own.named_parameters() if name.endswith(("_token", "pos_embed")))
    assert 2 * (count(shared) - tokens) == count(own) - tokens
    assert shared.query_net.blocks is shared.reference_net.blocks
    assert shared.state_dict().keys() == own.state_dict().keys()


@pytest.mark.parametrize("crop", [None, Crop(0.64, "self"), Crop(0.64, "none")], ids=str)
@pytest.mark.parametrize("polar", [False, True])
def test_only_a_guide_adds_names_to_the_official_ones(crop: Crop | None, polar: bool) -> None:
    with torch.device("meta"):
        network = TransGeo((112, 616), (320, 320), crop=None if polar else crop, polar=polar)
        guided = TransGeo((112, 616), (320, 320), crop=Crop(0.64))
    assert len(network.state_dict()) == 310
    added = guided.state_dict().keys() - network.state_dict().keys()
    assert added == {f"guide.{name}" for name in network.query_net.state_dict()}


@torch.inference_mode()
def test_the_first_stage_guides_the_second() -> None:
    model, tiles = _pair(GUIDED), _tiles()
    assert model.guide is not None
    attention = model.guide.attention_map(Antialiased(40, 32)(tiles))
    assert torch.equal(model.guide_map(tiles), attention)
    expected = model.reference_net(tiles, quantise_map(attention))
    assert torch.equal(model.aerial_raw(tiles), expected)
    torch.testing.assert_close(model.aerial(tiles)[:, 0], nn.functional.normalize(expected))


@torch.inference_mode()
def test_the_second_stage_guides_itself() -> None:
    model, tiles = _pair(Crop(0.64, "self")), _tiles()
    whole = small((40, 40))
    whole.load_state_dict(model.reference_net.state_dict())
    assert torch.equal(model.guide_map(tiles), whole.attention_map(tiles))
    expected = model.reference_net(tiles, quantise_map(whole.attention_map(tiles)))
    assert torch.equal(model.aerial_raw(tiles), expected)
    assert far(expected, whole(tiles)) > 1e-3


@torch.inference_mode()
def test_without_a_guide_all_patches_are_seen() -> None:
    model, plain = _pair(Crop(0.64, "none")), _pair()
    assert torch.equal(model.aerial(_tiles()), plain.aerial(_tiles()))
    with pytest.raises(UsageError, match="does not crop"):
        model.guide_map(_tiles())


@pytest.mark.parametrize("guide", ["stage-1", "self"])
@torch.inference_mode()
def test_keeping_everything_equals_no_cropping(guide: str) -> None:
    model = _pair(Crop(1.0, guide, guide_px=32))  # type: ignore[arg-type]
    assert (
        far(model.aerial_raw(_tiles()), _pair().aerial_raw(_tiles())) < 1e-5
    )  # values up to 1.6, summed in another order


@torch.inference_mode()
def test_an_unquantised_map_is_used_as_it_is() -> None:
    model, tiles = _pair(Crop(0.64, guide_px=32, quantised=False)), _tiles()
    assert torch.equal(model.aerial_raw(tiles), model.reference_net(tiles, model.guide_map(tiles)))


@pytest.mark.parametrize("guide", ["stage-1", "self", "none"])
@pytest.mark.parametrize("quantised", [True, False])
def test_attend_and_zoom_is_one_graph(guide: str, quantised: bool) -> None:
    model, tiles = _pair(Crop(0.64, guide, 32, quantised)), _tiles(20)  # type: ignore[arg-type]
    together, alone = through_onnx(Call(model, "aerial"), (tiles[:1],), (tiles,), (tiles[:1],))
    assert far(together, model.aerial(tiles).detach()) < 1e-5
    assert far(together[:1], alone) < 1e-6


def _blinded(model: TransGeo) -> TransGeo:
    """Let the last block of the guide pay the same attention to every patch."""
    looking = model.guide or model.reference_net
    for parameter in looking.blocks[-1].attn.qkv.parameters():  # type: ignore[union-attr]
        nn.init.zeros_(parameter)
    return model


@pytest.mark.parametrize("guide", ["stage-1", "self"])
@pytest.mark.parametrize("quantised", [True, False])
def test_a_guide_that_sees_nothing_is_refused_and_nan_in_a_graph(guide: str, quantised: bool) -> None:
    model, tiles = _blinded(_pair(Crop(0.64, guide, 32, quantised))), _tiles()  # type: ignore[arg-type]
    with pytest.raises(AttentionInvalid, match=r"images \[0, 1, 2\]"):
        model.aerial(tiles)
    (found,) = through_onnx(Call(model, "aerial"), (tiles,), (tiles,))
    assert np.isnan(found).all()


def test_the_guide_is_frozen_and_never_trains() -> None:
    model = TransGeo(GROUND_PX, AERIAL_PX, SMALL, crop=GUIDED).train()
    assert model.guide is not None
    model.aerial_raw(_tiles()).sum().backward()  # type: ignore[no-untyped-call]
    assert not any(value.requires_grad or value.grad is not None for value in model.guide.parameters())
    assert not any(module.training for module in model.guide.modules())
    assert all(value.grad is not None for value in model.reference_net.parameters())
    assert model.reference_net.training


def test_guiding_itself_leaves_no_gradient_through_the_map() -> None:
    model = _pair(Crop(0.64, "self"))
    assert not model.guide_map(_tiles()).requires_grad


@pytest.mark.parametrize(("crop", "polar"), [(GUIDED, False), (None, True)])
@torch.inference_mode()
def test_a_network_laid_out_without_memory_has_its_constants(crop: Crop | None, polar: bool) -> None:
    with torch.device("meta"):
        empty = TransGeo(GROUND_PX, AERIAL_PX, SMALL, crop=crop, polar=polar)
    built = _pair(crop, polar=polar)
    empty.load_state_dict(built.state_dict(), assign=True)
    assert torch.equal(empty.aerial(_tiles()), built.aerial(_tiles()))


def test_position_embedding_can_be_left_out_everywhere() -> None:
    model = TransGeo(GROUND_PX, AERIAL_PX, SMALL, crop=GUIDED, position_embedding=False)
    positions = [value for name, value in model.named_parameters() if name.endswith("pos_embed")]
    assert len(positions) == 3
    assert not any(value.requires_grad or value.any() for value in positions)


@torch.inference_mode()
def test_polar_tiles_are_drawn_before_the_encoder() -> None:
    model, tiles = _pair(polar=True), _tiles(1)
    drawn = polar_transform(tiles[0].permute(1, 2, 0).numpy(), *GROUND_PX).transpose(2, 0, 1)
    expected = model.reference_net(torch.from_numpy(drawn[None].astype(np.float32)))
    assert model.reference_net.image_px == GROUND_PX
    assert far(model.aerial_raw(tiles), expected) < 1e-5
    (found,) = through_onnx(Call(model, "aerial_raw"), (tiles,), (tiles,))
    assert far(found, expected) < 1e-4


@pytest.mark.parametrize(
    ("aerial_px", "crop", "polar", "message"),
    [
        ((40, 40), GUIDED, True, "leave out one"),
        ((40, 48), GUIDED, False, "40 x 48 pixels"),
        ((40, 48), None, True, "40 x 48 pixels"),
    ],
)
def test_what_does_not_go_together_is_refused(
    aerial_px: tuple[int, int], crop: Crop | None, polar: bool, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        TransGeo(GROUND_PX, aerial_px, SMALL, crop=crop, polar=polar)


def test_the_names_that_others_import_are_here() -> None:
    assert isinstance(TransGeo(GROUND_PX, AERIAL_PX, TransformerSize(24, 1, 3, 8)).query_net, DistilledTransformer)


@pytest.mark.parametrize("crop", [None, GUIDED, Crop(0.64, guide="self")])
@torch.inference_mode()
def test_what_was_attended_comes_with_the_same_description(crop: Crop | None) -> None:
    model, tiles = _pair(crop), _tiles()
    described, maps = model.attended("aerial", tiles)
    torch.testing.assert_close(described, model.aerial(tiles))
    wanted = model.reference_net.attention_map(tiles) if crop is None else model.guide_map(tiles)
    torch.testing.assert_close(maps, wanted)
    photos = pixels(0, 3, 3, *GROUND_PX)
    described, maps = model.attended("ground", photos)
    torch.testing.assert_close(described, model.ground(photos))
    torch.testing.assert_close(maps, model.query_net.attention_map(photos))
