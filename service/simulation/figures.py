"""The figures of a run: errors before and after, what radii hold, how often there was an alarm."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.simulation.binomial import Share, counts_of, share_of
from service.simulation.outcome import REJECTED, Outcome

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
RESAMPLES = 1000
HIDDEN_EDGES = (0.0, 0.05, 0.15, 0.3, 1.0)
"""Shares of hidden sky between which the figures are shown apart."""
CHI2_TAILS = (0.5, 0.1, 0.05, 0.01)


@dataclass(frozen=True, slots=True)
class Spread:
    """Errors in metres: how many, median, the radii that hold 68 and 95 % of them, mean."""

    count: int
    median_m: float
    p68_m: float
    p95_m: float
    mean_m: float


@dataclass(frozen=True, slots=True)
class Ratio:
    """Median error after over median error before; low and high by a bootstrap over vehicles, None for one."""

    median: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Group:
    """Some of the fixes: errors before and after, and the share of answers whose radii hold the truth."""

    name: str
    before: Spread
    after: Spread
    ratio: Ratio
    in_68: Share
    in_95: Share


@dataclass(frozen=True, slots=True)
class Alarms:
    """Fixes that a photo contradicted.

    Attributes:
        false: of the honest fixes with a photo; `fewest` and `most` are what the rate that was asked
            for allows of so many independent ones.
        caught: of the spoofed ones; None if there were none.
        delay_s: from the first moved fix to the first alarm, a vehicle each; None is a vehicle never caught.
    """

    asked_rate: float | None
    false: Share
    fewest: int | None
    most: int | None
    caught: Share | None
    delay_s: tuple[float | None, ...]
    photo_of_caught: Spread | None
    """Errors of the places that the photos of caught fixes told."""


@dataclass(frozen=True, slots=True)
class Figures:
    """All of it; `as_json` is what the report's JSON holds."""

    groups: tuple[Group, ...]
    statuses: dict[str, int]
    alarms: Alarms
    chi2_tails: dict[str, float]
    """Share of the innovations of honest fixes beyond what a chi-square of two degrees passes with this chance."""

    def as_json(self) -> dict[str, Any]:
        return dict(_finite(asdict(self)))

    def group(self, name: str) -> Group:
        return next(group for group in self.groups if group.name == name)


def figures_of(outcome: Outcome, asked_rate: float | None = None, step_s: float = 1.0) -> Figures:
    """Reckon; a group of no fix is left out.

    Args:
        asked_rate: of false alarms a fix with a photo, as the service was asked for; None: not known.
        step_s: of the drives, for delays.
    """
    honest = ~outcome.is_spoofed
    choices = {
        "all fixes": honest,
        "with a photo": honest & outcome.has_photo,
        "photo used": honest & outcome.has_photo & outcome.visual_used,
        "without a photo": honest & ~outcome.has_photo,
        "spoofed": ~honest,
    }
    for low, high in pairwise(HIDDEN_EDGES):
        name = f"sky hidden {low:.0%} to {high:.0%}"
        choices[name] = honest & (outcome.hidden >= low) & (outcome.hidden < high)
    words, counts = np.unique(outcome.status, return_counts=True)
    return Figures(
        groups=tuple(group_of(name, outcome.only(chosen)) for name, chosen in choices.items() if chosen.any()),
        statuses=dict(zip(words.tolist(), counts.tolist(), strict=True)),
        alarms=alarms_of(outcome, asked_rate, step_s),
        chi2_tails=chi2_tails(outcome.chi2[honest]),
    )


def group_of(name: str, outcome: Outcome) -> Group:
    known_68, known_95 = ~np.isnan(outcome.radius_68_m), ~np.isnan(outcome.radius_95_m)
    in_68, in_95 = outcome.after_m <= outcome.radius_68_m, outcome.after_m <= outcome.radius_95_m
    return Group(
        name=name,
        before=spread_of(outcome.before_m),
        after=spread_of(outcome.after_m),
        ratio=ratio_of(outcome),
        in_68=share_of(in_68[known_68], outcome.vehicle[known_68]),
        in_95=share_of(in_95[known_95], outcome.vehicle[known_95]),
    )


def spread_of(errors_m: Floats) -> Spread:
    median, p68, p95 = np.quantile(errors_m, (0.5, 0.68, 0.95))
    return Spread(len(errors_m), float(median), float(p68), float(p95), float(errors_m.mean()))


def ratio_of(outcome: Outcome) -> Ratio:
    """Compare medians; vehicles are drawn again with all their fixes, as these have much in common."""
    median = _median_ratio(outcome.before_m, outcome.after_m)
    names = np.unique(outcome.vehicle)
    if len(names) < 2:
        return Ratio(median, None, None)
    rng, own = np.random.default_rng(1), [np.flatnonzero(outcome.vehicle == name) for name in names]
    drawn = []
    for _ in range(RESAMPLES):
        rows = np.concatenate([own[i] for i in rng.integers(len(own), size=len(own))])
        drawn.append(_median_ratio(outcome.before_m[rows], outcome.after_m[rows]))
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Ratio(median, float(low), float(high))


def _median_ratio(before_m: Floats, after_m: Floats) -> float:
    before = float(np.median(before_m))
    return float(np.median(after_m)) / before if before > 0 else math.nan


def alarms_of(outcome: Outcome, asked_rate: float | None, step_s: float) -> Alarms:
    """Count alarms among fixes with a photo, whether it was used or not: what the rate that is asked for is of."""
    is_alarm = outcome.status == REJECTED
    honest = outcome.has_photo & ~outcome.is_spoofed
    false = share_of(is_alarm[honest], outcome.vehicle[honest])
    fewest, most = (None, None) if asked_rate is None else counts_of(asked_rate, false.count)
    moved = outcome.has_photo & outcome.is_spoofed
    caught = share_of(is_alarm[moved], outcome.vehicle[moved]) if moved.any() else None
    delays = [
        _delay_s(outcome.only(outcome.vehicle == name), step_s) for name in np.unique(outcome.vehicle[moved]).tolist()
    ]
    told = moved & is_alarm & ~np.isnan(outcome.photo_m)
    photos = spread_of(outcome.photo_m[told]) if told.any() else None
    return Alarms(asked_rate, false, fewest, most, caught, tuple(delays), photos)


def _delay_s(outcome: Outcome, step_s: float) -> float | None:
    moved = outcome.step[outcome.is_spoofed]
    alarms = outcome.step[outcome.is_spoofed & (outcome.status == REJECTED)]
    return float(alarms.min() - moved.min()) * step_s if alarms.size else None


def chi2_tails(chi2: Floats) -> dict[str, float]:
    """A chi-square of two degrees exceeds -2 ln p with probability p."""
    known = chi2[~np.isnan(chi2)]
    return {f"{p:g}": float((known > -2.0 * math.log(p)).mean()) for p in CHI2_TAILS} if known.size else {}


def _finite(value: Any) -> Any:
    """NaN becomes null, tuples lists."""
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
