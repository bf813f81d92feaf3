from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from index.probes import (
    Float32s,
    Probes,
    TopRows,
    check_answers,
    check_probes,
    exact_top,
    make_probes,
    probe_recall,
    read_probes,
    write_probes,
)
from models.errors import IndexMismatch, ProbeFailed
from tests.index.made import unit_rows

ROWS = unit_rows(500, 16).astype(np.float16)


def _scan(rows: NDArray[np.float16]) -> TopRows:
    return partial(exact_top, rows)


def test_exact_top_is_a_sort(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("index.probes.ROWS_PER_STEP", 37)
    queries = unit_rows(5, 16, seed=1)
    rows, similarity = exact_top(ROWS, queries, 7)
    everything = queries @ ROWS.astype(np.float32).T
    assert np.array_equal(rows, np.argsort(-everything, axis=1)[:, :7])
    assert np.allclose(similarity, np.sort(everything, axis=1)[:, ::-1][:, :7])


def test_ties_go_to_the_first_row() -> None:
    rows, _ = exact_top(np.ones((5, 4), dtype=np.float16), np.ones((1, 4), dtype=np.float32), 3)
    assert rows.tolist() == [[0, 1, 2]]


def test_probes_are_answered_by_the_rows_they_came_from() -> None:
    probes = make_probes(ROWS)
    assert probes.queries.shape == (32, 16)
    assert probes.rows.shape == (32, 10)
    assert probe_recall(probes, _scan(ROWS)) == 1.0
    check_probes(probes, _scan(ROWS), "it")


def test_a_small_index_has_as_many_probes_as_rows() -> None:
    assert make_probes(ROWS[:3]).rows.shape == (3, 3)


def test_twins_may_answer_for_each_other() -> None:
    twins = np.repeat(ROWS[:100], 2, axis=0)
    backwards = twins[::-1]

    def search(queries: Float32s, k: int) -> tuple[NDArray[np.int64], Float32s]:
        rows, similarity = exact_top(backwards, queries, k)
        return 199 - rows, similarity

    assert probe_recall(make_probes(twins), search) == 1.0


@pytest.mark.parametrize("damage", ["shuffled", "scaled", "one row"])
def test_a_search_over_other_rows_fails(damage: str) -> None:
    probes, rows = make_probes(ROWS), ROWS.copy()
    if damage == "shuffled":
        rows = rows[::-1]
    elif damage == "scaled":
        rows *= np.float16(1.01)
    else:
        rows[probes.rows[0, 0]] = 0
    with pytest.raises(ProbeFailed, match=r"it gives only \d"):
        check_probes(probes, _scan(rows), "it")


@pytest.mark.parametrize("damage", ["shuffled", "scaled", "one row", "nan"])
def test_rows_that_the_probes_were_not_made_of_are_noticed_without_a_search(damage: str) -> None:
    probes, rows = make_probes(ROWS), ROWS.copy()
    check_answers(probes, rows, "it")
    if damage == "shuffled":
        rows = rows[::-1]
    elif damage == "scaled":
        rows *= np.float16(1.01)
    else:
        rows[probes.rows[0, 0]] = np.nan if damage == "nan" else 0
    with pytest.raises(ProbeFailed, match="in it are not those"):
        check_answers(probes, rows, "it")


def test_probes_come_back_as_they_were(tmp_path: Path) -> None:
    probes = make_probes(ROWS)
    write_probes(tmp_path / "probes.npz", probes)
    found = read_probes(tmp_path / "probes.npz", 500, 16)
    assert np.array_equal(found.queries, probes.queries)
    assert np.array_equal(found.rows, probes.rows)
    assert np.array_equal(found.similarity, probes.similarity)


@pytest.mark.parametrize(("count", "size"), [(9, 16), (500, 8), (5, 16)])
def test_probes_of_another_index_are_refused(tmp_path: Path, count: int, size: int) -> None:
    write_probes(tmp_path / "probes.npz", make_probes(ROWS))
    with pytest.raises(IndexMismatch, match=r"probes\.npz does not fit"):
        read_probes(tmp_path / "probes.npz", count, size)


@pytest.mark.parametrize("field", ["queries", "rows", "similarity"])
def test_nonsense_in_probes_is_refused(tmp_path: Path, field: str) -> None:
    probes = make_probes(ROWS)
    values = {name: getattr(probes, name).copy() for name in ("queries", "rows", "similarity")}
    values[field][0, 0] = 500 if field == "rows" else np.nan
    write_probes(tmp_path / "probes.npz", Probes(**values))
    with pytest.raises(IndexMismatch):
        read_probes(tmp_path / "probes.npz", 500, 16)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x93NUMPY"])
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "probes.npz").write_bytes(content)
    with pytest.raises(IndexMismatch, match=r"probes\.npz holds no probes"):
        read_probes(tmp_path / "probes.npz", 500, 16)


def test_objects_in_probes_are_never_unpickled(tmp_path: Path) -> None:
    with (tmp_path / "probes.npz").open("wb") as stream:
        np.savez(stream, queries=np.array([{}], dtype=object), rows=np.zeros(1), similarity=np.zeros(1))
    with pytest.raises(IndexMismatch, match="allow_pickle"):
        read_probes(tmp_path / "probes.npz", 500, 16)
