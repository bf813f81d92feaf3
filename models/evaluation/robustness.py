"""How recall falls when photos are spoiled: every corruption at every severity, tiles untouched.

Source: Zhang and Zhu, "Benchmarking the Robustness of Cross-view Geo-localization Models" (ECCV 2024), whose 16
corruptions and 5 severities are applied to the queries alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from models.artefact import Frozen
from models.evaluation.results import ProtocolResult
from models.evaluation.run import Run

Measure = Callable[[str, int, Path], Run]


class Mean(Frozen):
    """Recall over the severities of one corruption, or over all (`corruption` is "all")."""

    corruption: str
    severities: tuple[int, ...]
    recall_at_1: float
    recall_at_5: float
    recall_at_10: float
    recall_at_1_percent: float


class Robustness(Frozen):
    """A clean row and how far the spoiled ones stay behind it."""

    clean: ProtocolResult
    rows: tuple[ProtocolResult, ...]
    """By corruption, then severity."""
    means: tuple[Mean, ...]
    """One per corruption."""
    overall: Mean


def measure_robustness(
    clean: Run, corruptions: Sequence[str], severities: Sequence[int], measure: Measure
) -> Robustness:
    """Measure every corruption at every severity.

    Args:
        clean: the run without corruption.
        corruptions: names in `corruptions.catalogue`.
        severities: 1 to 5.
        measure: (corruption, severity, folder for the embeddings) -> its run.
    """
    folder = clean.measured.embeddings.folder
    rows = tuple(
        measure(name, severity, folder / f"{name}-{severity}").result for name in corruptions for severity in severities
    )
    means = tuple(_mean(name, [row for row in rows if row.corruption == name]) for name in corruptions)
    return Robustness(clean=clean.result, rows=rows, means=means, overall=_mean("all", rows))


def _mean(corruption: str, rows: Iterable[ProtocolResult]) -> Mean:
    chosen = list(rows)
    shares = ("recall_at_1", "recall_at_5", "recall_at_10", "recall_at_1_percent")
    return Mean(
        corruption=corruption,
        severities=tuple(sorted({row.severity for row in chosen if row.severity is not None})),
        **{name: float(np.mean([getattr(row, name) for row in chosen])) for name in shares},
    )
