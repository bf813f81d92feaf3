from __future__ import annotations

import numpy as np

from index.stores.approximate import ApproximateStore, Effort
from index.stores.effort import QUESTIONS, WANTED, choose_effort, make_questions
from index.stores.profiles import build_faiss, lists_for
from index.stores.store import Layout
from tests.index.stores.conformance import LAYOUTS, made


def test_questions_see_the_whole_circle_and_a_quarter() -> None:
    layout = LAYOUTS["columns"]
    questions = list(make_questions(made(layout).rows, layout.columns))
    seen = [int((question.queries[0].reshape(layout.columns, -1) != 0).any(axis=1).sum()) for question in questions]
    assert sorted(set(seen)) == [2, 8]
    assert seen.count(2) == QUESTIONS // 2
    norms = np.linalg.norm([question.queries for question in questions], axis=2)
    assert np.abs(norms - 1.0).max() < 1e-5


def test_the_cheapest_effort_that_finds_places_is_taken() -> None:
    layout = Layout(tiles=6000, cells=1, columns=4, size=32)
    rows = np.random.default_rng(2).standard_normal((layout.rows, layout.size))
    halves = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)
    found, tried = build_faiss(halves, "compact"), list[Effort]()

    def make(effort: Effort) -> ApproximateStore:
        tried.append(effort)
        return ApproximateStore(halves, layout, found, "compact", effort, scanned_cells=0)

    effort, recall = choose_effort(make, halves, lists_for(layout.rows))
    assert recall >= WANTED or effort.probes == lists_for(layout.rows)
    assert effort == tried[-1]
    assert [cost.probes * cost.short_list for cost in tried] == sorted(cost.probes * cost.short_list for cost in tried)
    assert len(tried) > 2  # rows without any likeness cannot be had cheaply
    assert choose_effort(make, halves, lists_for(layout.rows)) == (effort, recall)
