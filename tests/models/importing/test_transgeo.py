from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from models.artefact import sha256_file
from models.bundle import ModelBundle, StretchedView
from models.encoder import OnnxEncoder
from models.errors import CheckpointMismatch, SkyfixError, UsageError
from models.importing.delivery import Order
from models.importing.transgeo import Choice, Guide, PanoramaSet, import_transgeo
from models.networks.transgeo import Crop, TransGeo
from models.provenance import Cropping
from tests.models.importing.made import BEST_ACC1, SMALL, save_official, transgeo_state, write_pairs


def _noise(seed: int, *shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def _refused(file: Path, out: Path, choice: Choice, **order: object) -> SkyfixError:
    with pytest.raises(SkyfixError) as caught:
        import_transgeo(file, Order(out / "bundle", **order), choice)  # type: ignore[arg-type]
    assert not (out / "bundle").exists()
    return caught.value


@torch.inference_mode()
def test_the_bundle_says_what_the_official_network_says(imported: ModelBundle) -> None:
    network, encoder = TransGeo((112, 616), (256, 256), SMALL).eval(), OnnxEncoder(imported)
    network.load_state_dict(transgeo_state(seed=1))
    photos, tiles = _noise(0, 2, 3, 112, 616), _noise(1, 2, 3, 256, 256)
    np.testing.assert_allclose(encoder.ground(photos), network.ground(torch.from_numpy(photos)), atol=5e-5)
    np.testing.assert_allclose(encoder.aerial(tiles), network.aerial(torch.from_numpy(tiles)), atol=5e-5)


def test_the_manifest_says_what_was_recognised(imported: ModelBundle, stage_1: Path) -> None:
    manifest = imported.manifest
    view = manifest.ground
    assert isinstance(view, StretchedView)
    assert (view.height_px, view.width_px, view.panorama_width_px, view.fov_deg) == (112, 616, 616, 360)
    assert (view.panorama_aspect, view.resampling) == (224 / 1232, "antialiased")
    assert (manifest.aerial.size_px, manifest.aerial.footprint_m) == (256, 172.05)
    assert (manifest.embedding.columns, manifest.embedding.channels, manifest.precision) == (1, 64, "fp32")
    assert (manifest.title, manifest.cropping) == ("transgeo-cvusa-stage-1@1", None)
    assert max(manifest.parity.ground, manifest.parity.aerial) < 1e-5
    facts = manifest.training
    assert (facts["stage"], facts["dataset"], facts["fov_deg"]) == (1, "cvusa", 360)
    assert (facts["file"], facts["file_sha256"]) == ("checkpoint.pth.tar", sha256_file(stage_1))
    assert facts["reported_by_file"] == {"epoch": 50, "best_acc1": BEST_ACC1}
    assert "172.05 m" in facts["notes"][0]


def test_nothing_else_is_left(imported: ModelBundle) -> None:
    assert sorted(path.name for path in imported.folder.iterdir()) == ["aerial.onnx", "ground.onnx", "manifest.json"]
    assert [path.name for path in imported.folder.parent.iterdir()] == ["bundle"]


def test_the_ledger_says_who_said_what(imported: ModelBundle) -> None:
    entries = {entry.subject: (entry.licence, entry.declared_by) for entry in imported.manifest.ledger}
    assert entries["code"] == ("MIT", "skyfix")
    assert entries["weights"] == ("not declared", "skyfix")
    assert entries["training data"][1] == "skyfix"
    assert any("--weights-licence" in note for note in imported.manifest.training["notes"])


@pytest.fixture(scope="module", params=["file", "self", "none"])
def cropped(
    request: pytest.FixtureRequest,
    stage_1: Path,
    stage_2: Path,
    pairs: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[ModelBundle, Crop]:
    guide: Guide = stage_1 if request.param == "file" else request.param
    order = Order(tmp_path_factory.mktemp("cropped") / "bundle", held_out=pairs)
    crop = Crop(0.64, "stage-1" if request.param == "file" else request.param)
    return import_transgeo(stage_2, order, Choice(guide, "cvusa")), crop


@torch.inference_mode()
def test_stage_2_is_one_graph_that_crops_as_its_guide_says(cropped: tuple[ModelBundle, Crop]) -> None:
    bundle, crop = cropped
    network = TransGeo((112, 616), (320, 320), SMALL, crop=crop).eval()
    guide = {name: value for name, value in transgeo_state(seed=1).items() if name.startswith("reference_net.")}
    guided = {name.replace("reference_net", "guide"): value for name, value in guide.items()}
    network.load_state_dict(transgeo_state(320, seed=2) | (guided if crop.guide == "stage-1" else {}))
    tiles = _noise(1, 3, 3, 320, 320)
    found = OnnxEncoder(bundle).aerial(tiles)
    np.testing.assert_allclose(found, network.aerial(torch.from_numpy(tiles)), atol=5e-5)


def test_the_manifest_says_who_guides(cropped: tuple[ModelBundle, Crop], stage_1: Path) -> None:
    bundle, crop = cropped
    source = f"checkpoint.pth.tar, sha256 {sha256_file(stage_1)}" if crop.guide == "stage-1" else ""
    assert bundle.manifest.cropping == Cropping(keep=0.64, guide=crop.guide, guide_source=source)
    assert bundle.manifest.title == "transgeo-cvusa-stage-2@1"


@pytest.mark.parametrize(
    ("ground_px", "aerial_px", "dataset", "aspect", "fov_deg", "panorama_px", "footprint_m"),
    [
        ((112, 154), 256, "cvact", 0.25, 90, 616, 146.21),
        ((320, 640), 320, None, 0.5, 360, 640, 72.96),
    ],
)
def test_other_data_sets_and_fields_of_view(
    tmp_path: Path,
    pairs: Path,
    ground_px: tuple[int, int],
    aerial_px: int,
    dataset: PanoramaSet | None,
    aspect: float,
    fov_deg: float,
    panorama_px: int,
    footprint_m: float,
) -> None:
    torch.save(transgeo_state(aerial_px, ground_px), tmp_path / "bare.pth")
    bundle = import_transgeo(tmp_path / "bare.pth", Order(tmp_path / "b", held_out=pairs), Choice(dataset=dataset))
    view = bundle.manifest.ground
    assert isinstance(view, StretchedView)
    assert ((view.height_px, view.width_px), view.panorama_width_px) == (ground_px, panorama_px)
    assert (view.panorama_aspect, view.fov_deg) == (aspect, fov_deg)
    assert (bundle.manifest.aerial.size_px, bundle.manifest.aerial.footprint_m) == (aerial_px, footprint_m)
    assert bundle.manifest.training["reported_by_file"] == {}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("query_net.norm.bias", None, "1 missing: query_net.norm.bias. By its positions it is stage 1 of CVUSA"),
        ("query_net.norm.bias", "query_net.ln.bias", "1 probably renamed: query_net.ln.bias for query_net.norm.bias"),
        ("reference_net.blocks.0.attn.qkv.weight", None, "1 missing: reference_net.blocks.0.attn.qkv.weight"),
    ],
)
def test_missing_and_renamed_names_are_listed(tmp_path: Path, old: str, new: str | None, message: str) -> None:
    state = transgeo_state()
    value = state.pop(old)
    file = save_official(tmp_path / "c.pth.tar", state | ({new: value} if new else {}))
    error = _refused(file, tmp_path, Choice(dataset="cvusa"))
    assert isinstance(error, CheckpointMismatch)
    assert message in str(error)


def test_a_stage_2_file_asks_for_its_guide(stage_2: Path, tmp_path: Path) -> None:
    message = str(_refused(stage_2, tmp_path, Choice(dataset="cvusa")))
    assert all(word in message for word in ("stage 2 of CVUSA", "--guide FILE", "--guide self", "--no-crop"))


@pytest.mark.parametrize("guide", ["self", "none"])
def test_a_stage_1_file_takes_no_guide(stage_1: Path, tmp_path: Path, guide: Guide) -> None:
    assert "stage 1 crops nothing" in str(_refused(stage_1, tmp_path, Choice(guide, "cvusa")))


def test_a_guide_of_another_stage_or_data_set_is_named(stage_2: Path, tmp_path: Path) -> None:
    wrong = _refused(stage_2, tmp_path, Choice(stage_2, "cvusa"))
    assert "--guide model_best.pth.tar is stage 2 of CVUSA" in str(wrong)
    other = save_official(tmp_path / "vigor.pth.tar", transgeo_state(320, (320, 640)))
    wrong = _refused(stage_2, tmp_path, Choice(other, "cvusa"))
    assert "is stage 1 of VIGOR" in str(wrong)
    assert "tiles of 256 px" in str(wrong)


def test_the_data_set_is_assumed_and_said_where_shapes_do_not_tell(stage_1: Path, tmp_path: Path, pairs: Path) -> None:
    manifest = import_transgeo(stage_1, Order(tmp_path / "b", held_out=pairs)).manifest
    assert manifest.training["dataset"] == "cvusa"
    assert manifest.training["notes"][0].startswith("taken for a network of CVUSA: nothing in the checkpoint tells")


def test_a_data_set_that_does_not_fit_is_refused(stage_1: Path, tmp_path: Path) -> None:
    assert "not of VIGOR" in str(_refused(stage_1, tmp_path, Choice(dataset="vigor")))


def test_weights_with_nan_are_refused(tmp_path: Path) -> None:
    state = transgeo_state()
    state["query_net.norm.bias"][3] = float("nan")
    file = save_official(tmp_path / "c.pth.tar", state)
    assert "NaN" in str(_refused(file, tmp_path, Choice(dataset="cvusa")))


def test_pinhole_pairs_do_not_fit_a_panorama_network(stage_1: Path, tmp_path: Path) -> None:
    narrow = write_pairs(tmp_path / "narrow", 2, 2, fov_deg="70")
    error = _refused(stage_1, tmp_path, Choice(dataset="cvusa"), held_out=narrow)
    assert isinstance(error, UsageError)
    assert "photos of 360 degrees and the photo has 70" in str(error)
