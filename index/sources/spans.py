"""A stretch of pixels in pieces that average the same number of pixels into one, along one axis."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """Pixels `start` to `stop` become `cells` pixels, the first of which has the number `cell`."""

    start: int
    stop: int
    cell: int
    cells: int


def spans(start: int, stop: int, step: int, phase: int = 0) -> list[Span]:
    """Cut a stretch where only part of a cell lies in it, at its ends; most have one piece, none more than three.

    Args:
        start, stop: pixels, the end excluded; start before stop.
        step: pixels in a cell.
        phase: of them, how many of cell 0 lie before pixel 0.
    """
    first, last = -(-(start + phase) // step), (stop + phase) // step
    if first > last:
        return [Span(start, stop, first - 1, 1)]
    whole = (first * step - phase, last * step - phase)
    found = [Span(start, whole[0], first - 1, 1)] if start < whole[0] else []
    if first < last:
        found.append(Span(*whole, first, last - first))
    if whole[1] < stop:
        found.append(Span(whole[1], stop, last, 1))
    return found


def widen(low: float, high: float, step: int, phase: int, length: int) -> tuple[int, int]:
    """Widen a range to whole cells and clip it to pixels 0 to `length`; at least one is left."""
    start = math.floor((low + phase) / step) * step - phase
    stop = math.ceil((high + phase) / step) * step - phase
    start = min(max(start, 0), length - 1)
    return start, max(min(stop, length), start + 1)
