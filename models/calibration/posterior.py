"""From similarities to probabilities: Bayes' rule over the cells of a gallery and everywhere else.

A photo was taken at cell j with probability (1 - outside) / N, or elsewhere. Similarities of all other cells are
background, so cell j is worth its likelihood ratio, exp(intercept + per_deviation z + per_similarity s), and elsewhere
is worth 1. Each cell stands for the ground around it, so galleries of other sizes and spacings need nothing new.
A rough position known beforehand takes the place of the even 1 / N.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.calibration.model import Parameters

Floats = NDArray[np.float64]
BESIDE = 2
"""Columns of headings that rise with the best one: one to either side."""
LEAST_SPREAD = 1e-3
"""Similarities that differ by less than this say nothing."""


@dataclass(frozen=True, slots=True)
class Posterior:
    """Natural logarithms of probabilities; cells, rest and outside sum to 1."""

    log_cells: Floats
    """(Q, K) of each listed cell."""
    log_rest: Floats
    """(Q,) of all cells that are not listed together."""
    log_outside: Floats
    """(Q,)."""
    log_evidence: Floats
    """(Q,) how much better the gallery explains the similarities than elsewhere does (Bayes factor)."""
    information: Floats
    """(Q,) nats that the photo told about the place inside the gallery (Kullback-Leibler, after from before)."""


def log_likelihood_ratio(similarity: Floats, mean: Floats, spread: Floats, with_: Parameters) -> Floats:
    """Give how much likelier each similarity, (Q, K), is at the true cell than at any other."""
    z = (similarity - mean[:, None]) / np.maximum(spread, LEAST_SPREAD)[:, None]
    knee = with_.knee[:, None]
    ratio: Floats = (
        with_.intercept[:, None]
        + with_.per_deviation[:, None] * np.minimum(z, knee)
        + with_.per_deviation_above[:, None] * np.maximum(z - knee, 0.0)
        + with_.per_similarity[:, None] * similarity
    )
    return ratio


def posterior(
    similarity: Floats,
    mean: Floats,
    spread: Floats,
    parameters: Parameters,
    outside: float,
    *,
    gallery_cells: int,
    log_prior: Floats | None = None,
    unlisted_share: float = 0.0,
    log_gain: float = 0.0,
) -> Posterior:
    """Apply Bayes' rule.

    Args:
        similarity: (Q, K) of the best K cells, or of all cells that the prior allows.
        mean, spread: (Q,) of the background.
        parameters: of the photos' fields of view, (Q,).
        outside: probability of being outside the index before the photo is looked at.
        gallery_cells: N; those that are not listed are taken for the lower part of a normal background.
        log_prior: (Q, K) log share of each listed cell among places inside, from a rough position. Even over the
            gallery when None.
        unlisted_share: with `log_prior`, the share of cells that are not listed; what is lacking to 1 lies outside.
        log_gain: added to every log ratio, from `log_heading_gain`.
    """
    ratio, rest_ratio = log_ratios(similarity, mean, spread, parameters, log_gain)
    if log_prior is None:
        log_prior, unlisted_share = even_prior(ratio.shape, gallery_cells)
    return bayes(ratio, rest_ratio, outside, log_prior=log_prior, unlisted_share=unlisted_share)


def log_ratios(
    similarity: Floats, mean: Floats, spread: Floats, parameters: Parameters, log_gain: float = 0.0
) -> tuple[Floats, Floats]:
    """Give log likelihood ratios of listed cells, (Q, K), and of the mean cell below them, (Q,)."""
    ratio = log_likelihood_ratio(similarity, mean, spread, parameters) + log_gain
    return ratio, _rest_ratio(similarity, mean, spread, parameters, log_gain, ratio.min(axis=1))


def even_prior(shape: tuple[int, ...], gallery_cells: int) -> tuple[Floats, float]:
    """Log share of each listed cell where every cell of a gallery is as likely, and the share of the others."""
    listed = shape[1]
    return np.full(shape, -math.log(max(gallery_cells, listed))), max(0, gallery_cells - listed) / gallery_cells


def bayes(
    ratio: Floats, rest_ratio: Floats, outside: float, *, log_prior: Floats, unlisted_share: float = 0.0
) -> Posterior:
    """Apply Bayes' rule to log likelihood ratios, of one photo or summed over several of one place.

    Args:
        ratio: (Q, K) of listed cells.
        rest_ratio: (Q,) of the mean cell that is not listed.
        outside: probability of being outside the index before anything is looked at.
        log_prior: (Q, K) log share of each listed cell among places inside.
        unlisted_share: share of cells that are not listed; what is lacking to 1 lies outside.
    """
    log_rest = rest_ratio + math.log(unlisted_share) if unlisted_share > 0.0 else np.full(len(ratio), -math.inf)
    covered = np.minimum(np.exp(log_prior).sum(axis=1) + unlisted_share, 1.0)
    joint = log_prior + ratio
    evidence = np.logaddexp(np.logaddexp.reduce(joint, axis=1), log_rest)
    nowhere = np.log(outside + (1.0 - outside) * (1.0 - covered))
    inside = math.log1p(-outside)
    total = np.logaddexp(inside + evidence, nowhere)
    told_by_rest = np.exp(log_rest - evidence) * rest_ratio if unlisted_share > 0.0 else 0.0
    gained = (np.exp(joint - evidence[:, None]) * ratio).sum(axis=1) + told_by_rest
    return Posterior(
        log_cells=inside + joint - total[:, None],
        log_rest=inside + log_rest - total,
        log_outside=nowhere - total,
        log_evidence=evidence - np.log(covered),
        information=gained - (evidence - np.log(covered)),
    )


def log_heading_gain(tried: float, total: int) -> float:
    """Give what a similarity is worth more when the headings of fewer columns were tried than the fit tried.

    The likelihood ratio of a cell is the mean over its headings, of which the best one and its neighbours make up
    nearly all; where the others are ruled out, the same sum is shared by fewer. The background stays that of all
    headings.
    """
    return math.log(total / min(total, tried + BESIDE))


def _rest_ratio(
    similarity: Floats, mean: Floats, spread: Floats, parameters: Parameters, log_gain: float, last_ratio: Floats
) -> Floats:
    """Log of the mean likelihood ratio of the cells below the listed ones, for a normal background.

    With slope B in z and all cells below z0: E[exp(A + B z) | z < z0] = exp(A + B^2 / 2) F(z0 - B) / F(z0); never more
    than that of the last listed cell.
    """
    spread = np.maximum(spread, LEAST_SPREAD)
    last = similarity.min(axis=1)
    z0 = (last - mean) / spread
    slope = parameters.per_deviation + parameters.per_similarity * spread
    start = parameters.intercept + parameters.per_similarity * mean
    below = np.array([_log_normal_below(z - b) - _log_normal_below(z) for z, b in zip(z0, slope, strict=True)])
    rest: Floats = np.minimum(start + slope**2 / 2 + below + log_gain, last_ratio)
    return rest


def _log_normal_below(x: float) -> float:
    """Log of the normal distribution function; its asymptote where the function itself is too small."""
    if x > -30.0:
        return math.log(0.5 * math.erfc(-x / math.sqrt(2.0)))
    return -x * x / 2 - math.log(-x * math.sqrt(2 * math.pi))
