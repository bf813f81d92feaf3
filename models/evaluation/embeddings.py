"""Descriptions of a whole data set on disk: made once by a model, scored as often as one likes.

meta.json     model, data set and settings they were made with
ground.npy    (Q, W * E) float32, each photo laid at the first column that it may look along
aerial.npy    (N * C, W * E) float32, the C cells of the first tile first; C = 1 where only their middles are compared
photos.npy    (Q, 3) float64: columns seen, headings to try, true heading of the centre column (NaN: unknown)
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from models.artefact import appear_whole, canonical_json
from models.bundle import Sha256
from models.columns import place
from models.datasets.pairset import PairSet
from models.encoder import Encoder
from models.errors import DatasetError, UsageError
from models.evaluation.ahead import batches, map_ahead
from models.evaluation.queries import Ready, prepare
from models.evaluation.settings import Settings
from models.image import WHOLE_PX, decode_photo
from models.preprocess import aerial_input, crop_to_footprint

Float32s = NDArray[np.float32]
Floats = NDArray[np.float64]
Described = Iterator[tuple[Float32s, Floats | None]]
OnProgress = Callable[[str, int, int], None]
"""Called with what is being done, how many are done, and of how many."""
BATCH = 16
META, GROUND, AERIAL, PHOTOS = "meta.json", "ground.npy", "aerial.npy", "photos.npy"


class Meta(Settings):
    """What an embeddings folder was made of and how."""

    format_version: Literal[1] = 1
    model: str
    model_sha256: Sha256
    data_set: str
    files_sha256: Sha256
    """Over the names of all photos and tiles, in order; their contents are not looked at."""
    queries: int = Field(ge=1)
    gallery: int = Field(ge=1)
    columns: int = Field(ge=1)
    channels: int = Field(ge=1)
    cells: int = Field(default=1, ge=1)
    """Rows of aerial.npy a tile."""
    recentred: bool = False
    """The mean description of each view was taken away."""


@dataclass(frozen=True, slots=True)
class Embeddings:
    """An opened folder; the large arrays are memory maps."""

    folder: Path
    meta: Meta
    ground: Float32s
    aerial: Float32s
    photos: Floats


def export_embeddings(
    encoder: Encoder,
    pairs: PairSet,
    settings: Settings,
    folder: Path,
    *,
    gallery: Path | None = None,
    on_progress: OnProgress | None = None,
) -> Embeddings:
    """Describe photos and tiles, or take over a folder that was made of the same by the same model.

    Args:
        encoder: the model.
        pairs: photos and tiles.
        settings: what the photos show.
        folder: appears whole or not at all.
        gallery: an embeddings folder of the same model and tiles, whose aerial.npy is used again.
        on_progress: told as pictures are described.

    Raises:
        UsageError: the folder holds something else; its message names the difference.
        ImageError: a file that is no usable picture.
    """
    meta = describe_job(encoder, pairs, settings)
    if (folder / META).is_file():
        return open_embeddings(folder, expected=meta)
    tell = on_progress or (lambda *_: None)
    with appear_whole(folder) as draft:
        if gallery is None:
            shape = meta.gallery * meta.cells, meta.columns * meta.channels
            _write(draft / AERIAL, shape, _tiles(encoder, pairs, settings, tell))
        else:
            _link(gallery / AERIAL, draft / AERIAL)
        rows = _photos(encoder, pairs, settings, tell)
        _write(draft / GROUND, (meta.queries, meta.columns * meta.channels), rows, draft / PHOTOS)
        (draft / META).write_text(meta.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return open_embeddings(folder)


def describe_job(encoder: Encoder, pairs: PairSet, settings: Settings) -> Meta:
    """Say what would be described by what."""
    names = ["/".join(path.parts[-2:]) for path in (*pairs.ground, *pairs.aerial)]
    layout = encoder.manifest.embedding
    return Meta(
        **settings.model_dump(),
        model=encoder.manifest.title,
        model_sha256=encoder.sha256,
        data_set=pairs.name,
        files_sha256=hashlib.sha256(canonical_json(names)).hexdigest(),
        queries=len(pairs.ground),
        gallery=len(pairs.aerial),
        columns=layout.columns,
        channels=layout.channels,
        cells=encoder.manifest.aerial.cell_count if settings.all_cells else 1,
    )


def open_embeddings(folder: Path, *, expected: Meta | None = None) -> Embeddings:
    """Open a folder.

    Raises:
        DatasetError: it is no embeddings folder, or its files are not what its meta.json says.
        UsageError: it was not made as `expected`; the message names the difference.
    """
    try:
        meta = Meta.model_validate_json((folder / META).read_bytes())
        ground, aerial = (np.load(folder / name, mmap_mode="r") for name in (GROUND, AERIAL))
        photos = np.load(folder / PHOTOS)
    except (OSError, ValidationError, ValueError) as error:
        raise DatasetError(f"{folder} holds no whole embeddings ({type(error).__name__}). Remove it.") from error
    if expected is not None:
        _refuse_others(folder, expected, meta)
    size = meta.columns * meta.channels
    shapes = ((meta.queries, size), (meta.gallery * meta.cells, size), (meta.queries, 3))
    if (ground.shape, aerial.shape, photos.shape) != shapes:
        raise DatasetError(f"{folder} holds {ground.shape} and {aerial.shape}; {META} says {shapes[:2]}. Remove it.")
    return Embeddings(folder, meta, ground, aerial, photos)


def _refuse_others(folder: Path, wanted: Meta, found: Meta) -> None:
    ours, theirs = wanted.model_dump(), found.model_dump()
    other = next((name for name in ours if ours[name] != theirs[name]), None)
    if other is not None:
        raise UsageError(
            f"{folder} holds embeddings with {other} = {theirs[other]}, and this run has {ours[other]}. "
            "Name another folder or remove it."
        )


def read_tile(pairs: PairSet, row: int, settings: Settings) -> NDArray[np.uint8]:
    """Read a tile: (H, W, 3) RGB, whole, or cut to the footprint that the settings ask for."""
    pixels = decode_photo(pairs.aerial[row].read_bytes(), long_side_px=WHOLE_PX).pixels
    if settings.footprint_m is None:
        return pixels
    stated = np.nan if pairs.ground_resolution_m is None else float(pairs.ground_resolution_m[row])
    resolution = settings.ground_resolution_m if np.isnan(stated) else stated
    return crop_to_footprint(pixels, resolution, settings.footprint_m)


def _tiles(encoder: Encoder, pairs: PairSet, settings: Settings, tell: OnProgress) -> Described:
    def load(row: int) -> Float32s:
        return aerial_input(read_tile(pairs, row, settings), encoder.manifest.aerial)

    done, total, middle = 0, len(pairs.aerial), encoder.manifest.aerial.middle_cell
    chosen = slice(None) if settings.all_cells else slice(middle, middle + 1)
    for batch in batches(map_ahead(load, range(total)), BATCH):
        rows = encoder.aerial(np.stack(batch))[:, chosen]
        yield rows.reshape(-1, rows.shape[2]), None
        done += len(batch)
        tell("describing tiles", done, total)


def _photos(encoder: Encoder, pairs: PairSet, settings: Settings, tell: OnProgress) -> Described:
    done, total = 0, len(pairs.ground)
    ready = map_ahead(lambda index: prepare(pairs, index, settings, encoder.manifest), range(total))
    for batch in batches(ready, BATCH):
        yield _describe(encoder, batch)
        done += len(batch)
        tell("describing photos", done, total)


def _describe(encoder: Encoder, batch: list[Ready]) -> tuple[Float32s, Floats]:
    """Run photos of one width together: (B, W * E) laid on the circle, and (B, 3) of photos.npy."""
    layout = encoder.manifest.embedding
    rows, photos = np.empty((len(batch), layout.size), np.float32), np.empty((len(batch), 3))
    widths = [ready.ground.pixels.shape for ready in batch]
    for width in dict.fromkeys(widths):
        alike = [i for i, other in enumerate(widths) if other == width]
        for i, columns in zip(alike, encoder.ground(np.stack([batch[i].ground.pixels for i in alike])), strict=True):
            firsts = batch[i].ground.firsts
            rows[i] = place(columns, firsts[0], layout.columns)
            photos[i] = len(columns), len(firsts), batch[i].heading_deg
    return rows, photos


def _write(path: Path, shape: tuple[int, int], parts: Described, beside: Path | None = None) -> None:
    """Fill an array on disk part by part; what comes with the parts is kept `beside` it."""
    kept, start = [], 0
    rows = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
    for part, more in parts:
        rows[start : start + len(part)] = part
        start += len(part)
        kept.append(more)
    rows.flush()
    if beside is not None:
        np.save(beside, np.concatenate([more for more in kept if more is not None]))


def _link(source: Path, target: Path) -> None:
    """Give a file a second name, or copy it where the file system cannot."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
