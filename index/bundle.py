"""The index bundle as a reader sees it: nothing is believed before its checksum, nothing served before its probes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from index.manifest import PROBES, SEARCH, TILES, VECTORS, IndexManifest, read_index_manifest
from index.probes import Probes, check_answers, read_probes
from index.table import TileTable, read_table
from models.artefact import MANIFEST, verify_files
from models.bundle import ModelManifest
from models.errors import BundleMissing, IndexMismatch, ModelMismatch
from models.geo import Floats, offset

CURRENT = "CURRENT"
POINTER_LIMIT_BYTES = 64
GENERATION = re.compile(r"gen-([1-9][0-9]{0,8})")
VALUES_PER_STEP = 1 << 24
MAGNITUDE, INFINITE = 0x7FFF, 0x7C00
"""Bits of a float16 without its sign; from the second on it is infinite or no number."""
Load = Literal["auto", "ram", "map"]
"""Where vectors are: read whole into memory, or mapped from the file, which nobody may change meanwhile (published
folders are read-only). `auto` maps what a profile searches by a file of its own."""
Float16s = NDArray[np.float16]


class Model(Protocol):
    """What identifies a model; an encoder and a model bundle both have it."""

    @property
    def manifest(self) -> ModelManifest: ...

    @property
    def sha256(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Index:
    """A verified index in memory; row i of `vectors` describes tile i."""

    folder: Path
    manifest: IndexManifest
    vectors: Float16s
    """(N, D) float16, C order, in Hilbert order of the centres, D = columns * channels; (N, C, D) with cells."""
    tiles: TileTable
    probes: Probes

    @property
    def title(self) -> str:
        return self.manifest.title

    @property
    def cell_count(self) -> int:
        """Descriptions of a tile: C."""
        return self.manifest.cell_count

    @property
    def cell_rows(self) -> Float16s:
        """(N * C, D): the cells of the first tile, in the order of the manifest's `cells`, then of the next."""
        return self.vectors.reshape(-1, self.manifest.embedding.size)

    def cell_lat_lon(self, rows: NDArray[np.int64], cells: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Give the WGS84 positions of cells; rows and cells broadcast."""
        offsets_m = self.manifest.cell_offsets_m[cells]
        return offset(self.tiles.lat[rows], self.tiles.lon[rows], offsets_m[..., 0], offsets_m[..., 1])

    def __len__(self) -> int:
        return len(self.vectors)


def resolve_generation(path: Path) -> Path:
    """Find the folder to read: `path` itself if it is a generation, else the one that its CURRENT names.

    Raises:
        BundleMissing: there is none, or CURRENT names no generation inside `path`.
    """
    if (path / MANIFEST).is_file():
        return path
    pointer = path / CURRENT
    try:
        with pointer.open("rb") as stream:
            name = stream.read(POINTER_LIMIT_BYTES).decode("ascii", errors="replace").strip()
    except OSError as error:
        raise BundleMissing(
            f"No index at {path}: it has neither {MANIFEST} nor a readable {CURRENT} ({error.strerror}). "
            "Build one with `skyfix index build`."
        ) from error
    folder = path / name
    if not GENERATION.fullmatch(name) or folder.is_symlink() or not folder.is_dir():
        raise BundleMissing(f"{pointer} names {name!r}, which is no generation in {path}. Build the index again.")
    return folder


def open_index(path: Path, model: Model | None = None, load: Load = "auto") -> Index:
    """Verify an index bundle, every byte of it, and read it.

    Args:
        path: the index folder (its CURRENT decides) or one generation in it.
        model: the encoder or model bundle that photos will be described by; None to leave that unchecked.
        load: where the vectors shall be.

    Raises:
        BundleError: of the kind that says what is wrong, naming the file.
    """
    folder = resolve_generation(path)
    manifest = read_index_manifest(folder)
    named = GENERATION.fullmatch(folder.name)
    if named and int(named[1]) != manifest.generation:
        raise IndexMismatch(f"{folder} holds generation {manifest.generation}. Folders must not be renamed.")
    if model is not None:
        check_model(manifest, model)
    verify_files(folder, manifest.files)
    vectors = _read_vectors(
        folder / VECTORS, manifest, mapped=load == "map" or (load == "auto" and SEARCH in manifest.files)
    )
    tiles = read_table(folder / TILES)
    if len(tiles) != manifest.count:
        raise IndexMismatch(f"{folder / TILES} has {len(tiles)} rows; the manifest says {manifest.count}.")
    probes = read_probes(folder / PROBES, manifest.count * manifest.cell_count, manifest.embedding.size)
    index = Index(folder, manifest, vectors, tiles, probes)
    check_answers(probes, index.cell_rows, str(folder))
    return index


def check_model(manifest: IndexManifest, model: Model) -> None:
    """Raise ModelMismatch unless an index was built by this very model."""
    same = manifest.model_sha256 == model.sha256
    if same and manifest.preprocessing_sha256 == model.manifest.preprocessing_sha256:
        return
    raise ModelMismatch(
        f"Index {manifest.title} was built with the model {manifest.model_title} "
        f"({manifest.model_sha256[:12]}…), not with {model.manifest.title} ({model.sha256[:12]}…). "
        "Their descriptions cannot be compared: serve the model it was built with, or build the index again."
    )


def _read_vectors(path: Path, manifest: IndexManifest, *, mapped: bool) -> Float16s:
    try:
        vectors: Float16s = np.asarray(np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False))
    except (ValueError, OSError, EOFError) as error:
        raise IndexMismatch(f"{path} is not a NumPy array: {error}") from error
    expected: tuple[int, ...] = (manifest.count, manifest.embedding.size)
    if manifest.cells is not None:
        expected = (manifest.count, manifest.cells.count, manifest.embedding.size)
    if vectors.dtype != np.float16 or vectors.shape != expected or not vectors.flags.c_contiguous:
        raise IndexMismatch(
            f"{path} holds {vectors.dtype} {vectors.shape}; the manifest says {manifest.dtype} {expected} in C order."
        )
    bits = vectors.reshape(-1).view(np.uint16)
    for start in range(0, len(bits), VALUES_PER_STEP):
        if (bits[start : start + VALUES_PER_STEP] & MAGNITUDE).max() >= INFINITE:
            raise IndexMismatch(f"{path} holds values that are not finite. Build the index again.")
    return vectors
