"""How hard an approximate search must look, found by asking it about its own rows as photos would.

A question is a stored row with much that is not of its place in it: directions of other places, and noise. Where
descriptions have columns it sees the whole circle or a quarter, as photos do. Its place is competitive where it is more
similar than the tenth tile that came; a competitive place that did not come was overlooked.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.hits import Float32s
from index.stores.approximate import ApproximateStore, Effort
from models.columns import turned

QUESTIONS = 128
WANTED = 0.99
STRENGTHS = (1.0, 1.5, 2.0, 3.0)
"""Norm of what is not of the place, beside 1 of what is."""
OTHERS = 3
TOP = 10
SEED = 20_260_103
STEPS = ((32, 256), (16, 256), (16, 512), (8, 512), (8, 1024), (4, 1024), (2, 2048), (1, 4096))
"""(1 / share of the lists that are searched, candidate cells), from cheap to dear."""
LEAST_PROBES = 8


@dataclass(frozen=True, slots=True)
class Question:
    queries: Float32s
    """(W, D): a photo at every heading."""
    row: int
    """Of the store, that it was made of."""


def choose_effort(
    make: Callable[[Effort], ApproximateStore], rows: NDArray[np.float16], lists: int
) -> tuple[Effort, float]:
    """Find the cheapest effort that overlooks hardly a place.

    Args:
        make: gives the store that looks so hard.
        rows: (N * C, D), of the store.
        lists: of its FAISS index.

    Returns:
        The effort, and the share of competitive places that came; less than WANTED only if all was searched.
    """
    layout = make(Effort(1, 1)).layout
    questions = list(make_questions(rows, layout.columns))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for part, short_list in STEPS:
            effort = Effort(min(lists, max(LEAST_PROBES, lists // part)), short_list)
            store = make(effort)
            recall = _recall(list(pool.map(lambda question, store=store: _came(store, rows, question), questions)))
            if recall >= WANTED:
                break
    return effort, recall


def make_questions(rows: NDArray[np.float16], columns: int) -> Iterator[Question]:
    """Draw questions; the same rows give the same."""
    rng = np.random.default_rng(SEED)
    for number in range(QUESTIONS):
        row, *others = rng.choice(len(rows), 1 + OTHERS, replace=False).tolist()
        foreign = rows[others].astype(np.float64).sum(axis=0) / np.sqrt(OTHERS)
        noise = rng.standard_normal(rows.shape[1]) / np.sqrt(rows.shape[1])
        photo = rows[row].astype(np.float64) + STRENGTHS[number % len(STRENGTHS)] * (foreign + noise) / np.sqrt(2)
        if columns >= 4 and number // len(STRENGTHS) % 2:
            photo.reshape(columns, -1)[columns // 4 :] = 0.0
        photo /= np.linalg.norm(photo)
        yield Question(turned(photo.astype(np.float32), np.arange(columns), columns), row)


def _came(store: ApproximateStore, rows: NDArray[np.float16], question: Question) -> bool | None:
    """Whether the place of a question came; None if it is not competitive."""
    hits = store.best_tiles(question.queries, TOP)
    tile = question.row // store.layout.cells
    if tile in hits.rows:
        return True
    similarity = float((rows[question.row].astype(np.float32) @ question.queries.T).max())
    return False if similarity > hits.similarity[-1] else None


def _recall(came: list[bool | None]) -> float:
    told = [answer for answer in came if answer is not None]
    return float(np.mean(told)) if told else 1.0
