"""Which strides there are to choose from, and the choice by room or by error."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from index.planning.best_error import mean_error_m
from models.cells import Cells
from models.errors import PlanImpossible

LADDER = (4.0, 3.0, 2.0, 1.5, 1.0, 0.75, 0.5, 0.375, 0.25, 0.125)
"""Strides that are shown, in usual ones."""
STEPS = 50
"""About so many strides between two usual ones are looked at for the best choice."""
MICROMETRE = 6


def shown_strides(usual_m: float, footprint_m: float) -> list[float]:
    """Give strides around the usual one, widest first; none is wider than a tile."""
    return [factor * usual_m for factor in LADDER if factor * usual_m <= footprint_m]


def all_strides(usual_m: float, footprint_m: float) -> list[float]:
    """Give round numbers between the narrowest and the widest of `shown_strides`, and those, rising."""
    shown = shown_strides(usual_m, footprint_m)
    step = _round_number(usual_m / STEPS)
    low, high = math.ceil(shown[-1] / step), math.floor(shown[0] / step)
    steps = (round(n * step, MICROMETRE) for n in range(low, high + 1))
    return sorted({*steps, *(round(stride, MICROMETRE) for stride in shown)})


def finest_within(
    budget_bytes: float, strides: Sequence[float], bytes_of: Callable[[float], int], cells: Cells | None
) -> float:
    """Choose the stride with the smallest error whose index fits; of equals the widest.

    Where tiles have cells a narrower stride is not always a finer one: cells of neighbours may fall on each other.

    Args:
        budget_bytes: room for the index.
        strides: rising.
        bytes_of: of the index at a stride; must not rise with the stride.
        cells: of the tiles.

    Raises:
        PlanImpossible: not even the widest fits.
    """
    check_budget(budget_bytes, bytes_of(strides[-1]), f"tiles every {strides[-1]:g} m, the widest stride looked at,")
    low, high = 0, len(strides) - 1
    while low < high:
        middle = (low + high) // 2
        if bytes_of(strides[middle]) <= budget_bytes:
            high = middle
        else:
            low = middle + 1
    return min(strides[low:], key=lambda stride: (round(mean_error_m(stride, cells), MICROMETRE), -stride))


def check_budget(budget_bytes: float, least_bytes: int, what: str) -> None:
    """Raise PlanImpossible unless the smallest index fits."""
    if least_bytes > budget_bytes:
        raise PlanImpossible(
            f"An index of {what} takes {least_bytes:,} bytes; the budget is {budget_bytes:,.0f}. "
            "Give more room, or index less imagery."
        )


def coarsest_reaching(error_m: float, strides: Sequence[float], cells: Cells | None) -> float:
    """Choose the widest stride at which a perfect retriever is off by at most `error_m` on average.

    Raises:
        PlanImpossible: none of them.
    """
    reaching = [stride for stride in strides if mean_error_m(stride, cells) <= error_m + 10**-MICROMETRE]
    if not reaching:
        best = min(strides, key=lambda stride: mean_error_m(stride, cells))
        raise PlanImpossible(
            f"No stride from {strides[0]:g} m to {strides[-1]:g} m reaches a mean error of {error_m:g} m: a perfect "
            f"retriever is {mean_error_m(best, cells):.3g} m off at {best:g} m. Ask for less, or name narrower "
            "strides with --stride."
        )
    return max(reaching)


def _round_number(value: float) -> float:
    """The next 1, 2 or 5 times a power of ten at or below a positive value."""
    power = 10.0 ** math.floor(math.log10(value))
    return power * max(digit for digit in (1.0, 2.0, 5.0) if digit * power <= value * (1 + 1e-9))
