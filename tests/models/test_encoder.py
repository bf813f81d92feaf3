from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from models.bundle import Embedding, ModelBundle
from models.camera import Camera
from models.cells import Cells
from models.columns import centre_heading, mean_cosine_scale, shifts
from models.encoder import CPU, CUDA, Encoder, FakeEncoder, OnnxEncoder, bucketed
from models.errors import EncoderNonFinite, ModelUnreadable, ProviderUnavailable, SignatureMismatch
from models.preprocess import aerial_input, ground_input

Pixels = NDArray[np.uint8]
CELLS = Cells(per_side=3, spacing_m=8.0)
PALETTE = np.random.default_rng(8).integers(0, 256, (8, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def encoder(tiny_bundle: ModelBundle) -> OnnxEncoder:
    return OnnxEncoder(tiny_bundle)


def _noise(seed: int, *shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


def _sectors(colours: Pixels, size: int = 32) -> Pixels:
    """A tile painted with one colour per azimuth sector, clockwise from north."""
    centre = np.arange(size) + 0.5 - size / 2
    azimuth = np.degrees(np.arctan2(centre[None, :], -centre[:, None])) % 360
    return np.asarray(colours[(azimuth * len(colours) // 360).astype(int)])


def _matched(encoder: Encoder, pixels: Pixels, camera: Camera, tiles: list[Pixels]) -> tuple[int, float, float]:
    """(best tile, its mean cosine, heading of the photo's centre)."""
    manifest = encoder.manifest
    ready = ground_input(pixels, camera, manifest.ground, manifest.embedding)
    gallery = encoder.aerial(np.stack([aerial_input(tile, manifest.aerial) for tile in tiles]))[:, 0]
    products = shifts(encoder.ground(ready.pixels[None])[0], 8, ready.firsts) @ gallery.T
    shift, tile = np.unravel_index(products.argmax(), products.shape)
    heading = centre_heading(int(ready.firsts[shift]), ready.seen, 8)
    return int(tile), float(products.max() * mean_cosine_scale(ready.seen, 8)), float(heading)


@pytest.mark.parametrize("columns", [4, 8, 12])
def test_descriptions_have_unit_norm_and_equal_columns(columns: int) -> None:
    fake = FakeEncoder(columns)
    ground = fake.ground(_noise(0, 3, 3, 16, 8 * 3))
    aerial = fake.aerial(_noise(1, 5, 3, 32, 32))
    assert (ground.shape, aerial.shape) == ((3, 3, 4), (5, 1, columns * 4))
    np.testing.assert_allclose(np.linalg.norm(ground, axis=2), 3**-0.5, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(aerial.reshape(5, columns, 4), axis=2), columns**-0.5, atol=1e-6)


@pytest.mark.parametrize(("fov", "first"), [(360.0, 0), (360.0, 3), (135.0, 0), (90.0, 5), (90.0, 7)])
def test_the_fake_finds_a_painted_tile_and_the_heading(fov: float, first: int) -> None:
    palettes = np.random.default_rng(2).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    seen = round(fov / 45)
    strip = np.repeat(np.roll(palettes[4], -first, axis=0)[:seen], 8, axis=0)
    photo = np.broadcast_to(strip, (16, *strip.shape)).copy()
    tile, cosine, heading = _matched(FakeEncoder(), photo, Camera("panorama", fov), [_sectors(p) for p in palettes])
    assert (tile, heading) == (4, (first + seen / 2) * 45 % 360)
    assert cosine == pytest.approx(1, abs=1e-4)


def test_the_fake_finds_what_was_painted_around_a_cell() -> None:
    fake, (painted, white) = FakeEncoder(cells=CELLS), np.full((2, 32, 32, 3), 255, np.uint8)
    east, north = (fake.manifest.aerial.cell_offsets_m[7] / 2).astype(int)  # 2 m a pixel
    painted[4 - north : 28 - north, 4 + east : 28 + east] = _sectors(PALETTE, 24)
    described = fake.aerial(np.stack([aerial_input(tile, fake.manifest.aerial) for tile in (white, painted)]))
    alone = FakeEncoder().aerial(aerial_input(_sectors(PALETTE), fake.manifest.aerial)[None])[0, 0]
    assert described.shape == (2, 9, 32)
    similarity = described @ alone
    assert np.unravel_index(similarity.argmax(), (2, 9)) == (1, 7)
    assert similarity.max() == pytest.approx(1, abs=1e-4)


def test_a_cell_sees_what_the_middle_of_a_moved_tile_sees() -> None:
    fake, wide = FakeEncoder(cells=CELLS), _noise(5, 1, 3, 36, 36)
    here, moved = fake.aerial(wide[..., 4:36, 0:32])[0], fake.aerial(wide[..., 0:32, 4:36])[0]
    np.testing.assert_allclose(here[2], moved[4], atol=1e-6)  # 8 m to the north and to the east


def test_the_first_column_looks_north_then_east() -> None:
    tile = np.zeros((32, 32, 3), np.uint8)
    tile[:16, 16:] = 255  # the north-east quarter is bright
    described = FakeEncoder(4).aerial(aerial_input(tile, FakeEncoder(4).manifest.aerial)[None]).reshape(4, 4)
    assert (described[:, 0] > 0).tolist() == [True, False, False, False]


def test_onnx_runtime_gives_what_the_fake_gives(encoder: OnnxEncoder) -> None:
    ground, aerial = _noise(3, 5, 3, 16, 40), _noise(4, 2, 3, 32, 32)
    np.testing.assert_allclose(encoder.ground(ground), FakeEncoder().ground(ground), atol=1e-6)
    np.testing.assert_allclose(encoder.aerial(aerial), FakeEncoder().aerial(aerial), atol=1e-6)


def test_an_encoder_knows_its_bundle(encoder: OnnxEncoder, tiny_bundle: ModelBundle) -> None:
    assert (encoder.sha256, encoder.manifest, encoder.provider) == (tiny_bundle.sha256, tiny_bundle.manifest, CPU)


def test_only_the_wanted_network_is_loaded(tiny_bundle: ModelBundle) -> None:
    aerial = OnnxEncoder(tiny_bundle, views=("aerial",))
    assert aerial.aerial(_noise(0, 1, 3, 32, 32)).shape == (1, 1, 32)
    with pytest.raises(KeyError):
        aerial.ground(_noise(0, 1, 3, 16, 64))


def test_onnx_runtime_gives_every_cell(cells_bundle: ModelBundle) -> None:
    found = OnnxEncoder(cells_bundle).aerial(_noise(6, 2, 3, 32, 32))
    np.testing.assert_allclose(found, FakeEncoder(cells=CELLS).aerial(_noise(6, 2, 3, 32, 32)), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(found, axis=2), 1, atol=1e-6)


def test_a_network_of_another_number_of_cells_is_refused(tiny_bundle: ModelBundle) -> None:
    view = tiny_bundle.manifest.aerial.model_copy(update={"cells": CELLS})
    encoder = OnnxEncoder(replace(tiny_bundle, manifest=tiny_bundle.manifest.model_copy(update={"aerial": view})))
    with pytest.raises(SignatureMismatch, match="32 values a tile; the manifest says 9 cells of 32"):
        encoder.aerial(_noise(0, 1, 3, 32, 32))


def test_nonsense_is_not_passed_on(encoder: OnnxEncoder) -> None:
    with pytest.raises(EncoderNonFinite, match=r"ground\.onnx of mean-colour@1"):
        encoder.ground(np.full((1, 3, 16, 64), np.nan, np.float32))


@pytest.mark.parametrize("content", [b"", b"not a network", b"\x08\x08\x12\xff\xff"])
def test_a_file_that_is_no_network_is_named(tiny_bundle: ModelBundle, tmp_path: Path, content: bytes) -> None:
    for name in ("ground.onnx", "aerial.onnx"):
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelUnreadable, match=r"ground\.onnx"):
        OnnxEncoder(replace(tiny_bundle, folder=tmp_path))


@pytest.mark.parametrize(
    ("source", "target", "kind", "shape"),
    [
        ("image", "embedding", TensorProto.FLOAT, ["n", 4]),
        ("pixels", "output", TensorProto.FLOAT, ["n", 4]),
        ("pixels", "embedding", TensorProto.DOUBLE, ["n", 4]),
        ("pixels", "embedding", TensorProto.FLOAT, ["n", 3, 8, 8]),
    ],
)
def test_a_foreign_signature_is_refused(
    tiny_bundle: ModelBundle, tmp_path: Path, source: str, target: str, kind: int, shape: list[int | str]
) -> None:
    rank = "Flatten" if len(shape) == 2 else "Identity"
    graph = helper.make_graph(
        [helper.make_node(rank, [source], [target])],
        "foreign",
        [helper.make_tensor_value_info(source, kind, ["n", 1, 2, 2] if rank == "Flatten" else shape)],
        [helper.make_tensor_value_info(target, kind, shape)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(tmp_path / "ground.onnx"))
    with pytest.raises(SignatureMismatch, match="Export it again"):
        OnnxEncoder(replace(tiny_bundle, folder=tmp_path), views=("ground",))


@pytest.mark.parametrize("embedding", [Embedding(columns=8, channels=5), Embedding(columns=4, channels=7)])
def test_a_network_of_another_size_than_its_manifest_is_refused(tiny_bundle: ModelBundle, embedding: Embedding) -> None:
    manifest = tiny_bundle.manifest.model_copy(update={"embedding": embedding})
    encoder = OnnxEncoder(replace(tiny_bundle, manifest=manifest))
    with pytest.raises(SignatureMismatch, match="32 values"):
        encoder.aerial(_noise(0, 1, 3, 32, 32))
    with pytest.raises(SignatureMismatch, match="do not divide"):
        encoder.ground(_noise(0, 1, 3, 16, 72 if embedding.channels == 5 else 40))


@pytest.mark.skipif(CUDA in ort.get_available_providers(), reason="ONNX Runtime can use CUDA here")
def test_a_gpu_that_is_not_there(tiny_bundle: ModelBundle) -> None:
    assert OnnxEncoder(tiny_bundle, policy="prefer-gpu").provider == CPU
    with pytest.raises(ProviderUnavailable, match="require-gpu"):
        OnnxEncoder(tiny_bundle, policy="require-gpu")


@pytest.mark.parametrize(
    ("count", "sizes"), [(1, [1]), (3, [4]), (32, [32]), (33, [32, 1]), (70, [32, 32, 8]), (8, [8])]
)
def test_a_gpu_is_given_batches_of_few_sizes(count: int, sizes: list[int]) -> None:
    pixels = np.random.default_rng(0).standard_normal((count, 3, 2, 2)).astype(np.float32)
    parts = list(bucketed(pixels))
    assert [len(part) for part, _ in parts] == sizes
    assert np.array_equal(np.concatenate([part[:rows] for part, rows in parts]), pixels)
