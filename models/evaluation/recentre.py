"""Take away what all photos of a data set have in common, and what all its tiles have: no labels needed.

A model that was trained in one world describes another one with an offset: every photo looks a little like the same
tiles. The mean of the descriptions shows that offset. Taking it away uses the other photos of the data set, so what
is measured then is not the answer that one photo by itself would have got.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.artefact import appear_whole
from models.evaluation.embeddings import AERIAL, GROUND, META, PHOTOS, Embeddings, open_embeddings

Float32s = NDArray[np.float32]
CHUNK = 4096
EPS = 1e-12


def recentre(made: Embeddings, folder: Path) -> Embeddings:
    """Write the descriptions anew around the mean of their view, or take over the folder if that was done before.

    Args:
        made: descriptions of photos and tiles.
        folder: of the new ones; appears whole or not at all.

    Raises:
        UsageError: the folder is there and holds something else.
    """
    meta = made.meta.model_copy(update={"recentred": True})
    if not (folder / META).is_file():
        with appear_whole(folder) as draft:
            for name, rows in ((GROUND, made.ground), (AERIAL, made.aerial)):
                _write_centred(rows, made.meta.columns, draft / name)
            np.save(draft / PHOTOS, made.photos)
            (draft / META).write_text(meta.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return open_embeddings(folder, expected=meta)


def centred(rows: Float32s, columns: int, mean: NDArray[np.float64]) -> Float32s:
    """Describe around a mean: (N, W * E) unit rows -> the same, each column of the norm that it had.

    Args:
        rows: zero where a photo saw nothing.
        columns: W; 1 for plain vectors.
        mean: (E,) mean of columns of norm 1.
    """
    unit, norm = _unit_columns(rows, columns)
    moved = unit - mean
    moved *= norm / np.maximum(np.linalg.norm(moved, axis=2, keepdims=True), EPS)
    return np.asarray(moved, np.float32).reshape(len(rows), -1)


def mean_column(rows: Float32s, columns: int) -> NDArray[np.float64]:
    """Give the mean (E,) of all columns seen, each brought to norm 1."""
    total, count = np.zeros(rows.shape[1] // columns), 0
    for start in range(0, len(rows), CHUNK):
        unit, norm = _unit_columns(rows[start : start + CHUNK], columns)
        total += unit.sum((0, 1))
        count += int((norm > 0).sum())
    return total / max(1, count)


def _unit_columns(rows: Float32s, columns: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give columns (N, W, E) of norm 1, or 0 where nothing was seen, and the norms (N, W, 1) that they had."""
    shaped = np.asarray(rows, np.float64).reshape(len(rows), columns, -1)
    norm = np.linalg.norm(shaped, axis=2, keepdims=True)
    norm[norm <= EPS] = 0
    return np.divide(shaped, norm, out=np.zeros_like(shaped), where=norm > 0), norm


def _write_centred(rows: Float32s, columns: int, path: Path) -> None:
    mean = mean_column(rows, columns)
    moved = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=rows.shape)
    for start in range(0, len(rows), CHUNK):
        moved[start : start + CHUNK] = centred(rows[start : start + CHUNK], columns, mean)
    moved.flush()
