"""An offset that all photos, or all tiles, share is taken away."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.errors import UsageError
from models.evaluation.embeddings import AERIAL, GROUND, META, PHOTOS, Embeddings, Meta, open_embeddings
from models.evaluation.ranking import Layout, RightAnswers, rank
from models.evaluation.recentre import centred, mean_column, recentre

COLUMNS, CHANNELS, PLACES = 8, 6, 40
Float32s = NDArray[np.float32]


def _unit(rows: NDArray[np.float64], seen: int = COLUMNS) -> Float32s:
    """Columns of one norm, unit over the whole row, none beyond `seen`."""
    shaped = rows.reshape(len(rows), COLUMNS, CHANNELS)
    shaped = shaped / np.linalg.norm(shaped, axis=2, keepdims=True)
    shaped[:, seen:] = 0
    return np.asarray(shaped / np.sqrt(seen), np.float32).reshape(len(rows), -1)


def _made(folder: Path, seen: int, strength: float) -> Embeddings:
    """Photos and tiles that show the same and noise, each view with an offset of its own."""
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(PLACES, COLUMNS, CHANNELS))
    ground, aerial = (
        shared + 0.5 * rng.normal(size=shared.shape) + strength * rng.normal(size=CHANNELS) for _ in range(2)
    )
    meta = Meta(
        model="m@1", model_sha256="0" * 64, data_set="made", files_sha256="0" * 64,
        queries=PLACES, gallery=PLACES, columns=COLUMNS, channels=CHANNELS,
    )  # fmt: skip
    folder.mkdir()
    np.save(folder / GROUND, _unit(ground, seen))
    np.save(folder / AERIAL, _unit(aerial))
    np.save(folder / PHOTOS, np.tile([seen, 1.0, 0.0], (PLACES, 1)))
    (folder / META).write_text(meta.model_dump_json())
    return open_embeddings(folder)


def _recall(made: Embeddings) -> float:
    right, turns = RightAnswers.one_each(np.arange(PLACES)), np.ones(PLACES, np.int64)
    ranking = rank(made.ground, made.aerial, right, turns, Layout(COLUMNS, 1), lambda _done: None)
    return float((ranking.ranks("pessimistic") == 0).mean())


def test_an_offset_that_hides_the_places_is_taken_away(tmp_path: Path) -> None:
    shifted, plain = (_made(tmp_path / name, 3, strength) for name, strength in (("a", 6.0), ("b", 0.0)))
    again = recentre(shifted, tmp_path / "c")
    assert _recall(shifted) < 0.5
    assert _recall(again) > _recall(shifted) + 0.3
    assert _recall(recentre(plain, tmp_path / "d")) >= _recall(plain) - 0.1


def test_columns_keep_their_norm_and_what_was_not_seen_stays_empty(tmp_path: Path) -> None:
    again = recentre(_made(tmp_path / "a", 3, 2.0), tmp_path / "b")
    shaped = np.asarray(again.ground).reshape(PLACES, COLUMNS, CHANNELS)
    np.testing.assert_allclose(np.linalg.norm(shaped[:, :3], axis=2), 3**-0.5, atol=1e-6)
    assert (shaped[:, 3:] == 0).all()
    assert again.meta.recentred


def test_a_column_that_weighed_more_still_does() -> None:
    rows = np.zeros((2, 6), np.float32)
    rows[0, :4], rows[1, :2] = (0.0, 0.8, 0.6, 0.0), (1.0, 0.0)
    moved = centred(rows, 3, mean_column(rows, 3)).reshape(2, 3, 2)
    np.testing.assert_allclose(np.linalg.norm(moved, axis=2), [[0.8, 0.6, 0.0], [1.0, 0.0, 0.0]], atol=1e-6)


def test_the_mean_is_that_of_columns_seen() -> None:
    rows = np.zeros((2, 4), np.float32)
    rows[0, :2], rows[1] = (3.0, 0.0), (0.0, 0.5, 0.0, 0.5)
    np.testing.assert_allclose(mean_column(rows, 2), (1 / 3, 2 / 3))


def test_a_row_that_is_the_mean_itself_stays_finite() -> None:
    rows = np.asarray([[1.0, 0.0]], np.float32)
    assert np.isfinite(centred(rows, 1, mean_column(rows, 1))).all()


def test_what_was_recentred_before_is_taken_over_and_others_are_refused(tmp_path: Path) -> None:
    made = _made(tmp_path / "a", 3, 2.0)
    first = recentre(made, tmp_path / "b")
    before = (tmp_path / "b" / GROUND).stat().st_mtime_ns
    recentre(made, tmp_path / "b")
    assert (first.folder / GROUND).stat().st_mtime_ns == before
    with pytest.raises(UsageError, match="recentred"):
        recentre(made, tmp_path / "a")
