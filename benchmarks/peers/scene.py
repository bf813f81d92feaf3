"""What all servers of a comparison are given: a model in both forms, an index, photos, and a file that says so."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.made_index import random_rows, square_of, write_index
from benchmarks.peers.photos import make_photo
from benchmarks.peers.twin import torch_twin
from index.bundle import open_index
from models.bundle import ModelBundle, StretchedView, default_bundle_path, open_model_bundle
from models.exporting.quantise import NothingToQuantise, quantise_bundle
from models.exporting.run import export_bundle
from models.networks.network import Network
from models.training.config import draft_manifest, load_config
from models.training.model import build_network

SCENE, PLAIN_ROWS, TORCH_STATE = "scene.json", "rows.npy", "torch.pt"
PHOTOS = {2: 32, 12: 10}
"""Megapixels to how many photos."""
SIDES = {("perspective", 2): (1632, 1224), ("perspective", 12): (4000, 3000)}
SIDES |= {("panorama", 2): (2000, 1000), ("panorama", 12): (4900, 2450)}
DEFAULT, DEIT, DEIT_TALL = "sample-city", "transgeo-cvusa", "transgeo-vigor-same"
"""The default bundle; DeiT-S networks for panoramas of 112 x 616 and of 320 x 640 pixels, with random weights."""
TILES_A_SIDE = {DEFAULT: 22, DEIT: 64, DEIT_TALL: 64}
STRIDE_M, PHONE_FOV_DEG, SEED = 32.0, 70.0, 7


@dataclass(frozen=True, slots=True)
class Scene:
    """Paths are relative to the scene's folder, but for the committed bundle."""

    folder: str
    config: str
    bundle: str
    index: str
    projection: str
    fov_deg: float
    int8_bundle: str = ""
    """Of the same network; empty where there is nothing to quantise."""
    int8_index: str = ""

    @property
    def query(self) -> str:
        """Query string of a raw upload."""
        return f"fov_deg={self.fov_deg:g}&projection={self.projection}"

    @property
    def in_int8(self) -> Scene | None:
        """The same with the 8-bit bundle, if there is one."""
        return replace(self, bundle=self.int8_bundle, index=self.int8_index) if self.int8_bundle else None

    def photos(self, megapixels: int) -> list[bytes]:
        return [path.read_bytes() for path in sorted((Path(self.folder) / f"{megapixels}mp").glob("*.jpg"))]


def read_scene(folder: Path) -> Scene:
    said: dict[str, Any] = json.loads((folder / SCENE).read_text())
    return Scene(**said)


def make_scene(config: str, folder: Path) -> Scene:
    """Write a scene once; a folder that has one is taken as it is."""
    if (folder / SCENE).is_file():
        return read_scene(folder)
    folder.mkdir(parents=True, exist_ok=True)
    bundle, network = _model(config, folder)
    torch.save(network.state_dict(), folder / TORCH_STATE)
    index = _index(bundle, folder / "made.index", TILES_A_SIDE[config])
    rows = open_index(index, bundle).cell_rows.astype(np.float32)
    np.save(folder / PLAIN_ROWS, rows)
    whole = isinstance(bundle.manifest.ground, StretchedView)
    projection, fov_deg = ("panorama", 360.0) if whole else ("perspective", PHONE_FOV_DEG)
    for megapixels, count in PHOTOS.items():
        (folder / f"{megapixels}mp").mkdir(exist_ok=True)
        for seed in range(count):
            data = make_photo(*SIDES[projection, megapixels], seed)
            (folder / f"{megapixels}mp" / f"{seed:03d}.jpg").write_bytes(data)
    small = _int8(bundle, folder / "int8")
    again = "" if small is None else str(_index(small, folder / "int8.index", TILES_A_SIDE[config]))
    said = "" if small is None else str(small.folder)
    scene = Scene(str(folder), config, str(bundle.folder), str(index), projection, fov_deg, said, again)
    (folder / SCENE).write_text(json.dumps(asdict(scene), indent=1))
    return scene


def _model(config: str, folder: Path) -> tuple[ModelBundle, Network]:
    """The committed bundle, and its networks in torch; for another configuration random weights, always the same."""
    if config == DEFAULT:
        bundle = open_model_bundle(default_bundle_path())
        return bundle, torch_twin(config, bundle)
    torch.manual_seed(SEED)
    read = load_config(config)
    network = build_network(read, pretrained=False)
    draft = draft_manifest(read, {"weights": "random"})
    return export_bundle(network, draft, folder / "bundle", half_weights=False), network


def _int8(bundle: ModelBundle, out: Path) -> ModelBundle | None:
    """Quantise a bundle; random weights can earn no certificate, and time does not depend on the weights."""
    try:
        return quantise_bundle(bundle, out)
    except NothingToQuantise as reason:
        print(f"{bundle.manifest.title} stays in float32: {reason}", flush=True)
        return None


def _index(bundle: ModelBundle, root: Path, side: int) -> Path:
    manifest = bundle.manifest
    lat, lon = square_of(side, STRIDE_M)
    cells = manifest.aerial.cell_count
    vectors = random_rows(side * side * cells, manifest.embedding)
    if cells > 1:
        vectors = vectors.reshape(side * side, cells, -1)
    return write_index(
        root,
        lat,
        lon,
        vectors,
        np.arange(side * side),
        stride_m=STRIDE_M,
        embedding=manifest.embedding,
        cells=manifest.aerial.cells,
        model=bundle,
    )
