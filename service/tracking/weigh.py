"""Bayes' rule for a belief: a photo's cells, a fix, and what is born from what was not placed.

A photo's likelihood is a sum of normals, one a cell, so a component times a photo is a sum of exact products, however
wide either is. A photo may be an outlier, which says nothing; a heading may be wrong where the place is right.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.calibration.prior import REACH_SIGMAS
from service.fleet.gaussian import inverse_2, log_density
from service.tracking.belief import FLAT_RAD, Bools, Components, Floats, joined, nothing
from service.tracking.frame import Cells, Circle
from service.tracking.motion import TWO_PI, turn_rad
from service.tracking.options import Options

Ints = NDArray[np.int64]
MOST_CIRCLES, WIDEST_M = 64, 100.0
MOST_PAIRS = 4096
FAINT = 0.02
"""Cells so much less likely than an outlier makes the photo change nothing."""
MOST_LOG_RATIO = 50.0
"""Nothing is surer than that."""
LEAST_SHARE = 1e-6
"""Products that hold less of a step are taken together."""


@dataclass(frozen=True, slots=True)
class Group:
    """Components that lie together, and the circle that holds all they reach."""

    members: Ints
    circle: Circle


@dataclass(frozen=True, slots=True)
class Newness:
    """What of a photo was not said by the photos before, as exponents in (0, 1] of its likelihood.

    Attributes:
        between: for one place against another.
        within: inside a place, where what was known has blurred since as well.
    """

    between: float
    within: float


@dataclass(frozen=True, slots=True)
class Weighed:
    """What a photo makes of components; weights are not normalised.

    Attributes:
        believed: products with the photo, if it is no outlier.
        before: what there was. beside: (M,) share of it where a photo that is no outlier finds no cells.
        ratio: how much likelier the photo is by what was believed than by chance, if it is no outlier.
    """

    believed: Components
    before: Components
    beside: Floats
    ratio: float

    def held(self, by_chance: float) -> Components:
        """All that is believed now.

        Args:
            by_chance: what an outlier makes of the photo (`Options.by_chance`).
        """
        return joined(self.believed, self.before.weighed(self.before.weight * (by_chance + self.beside)))


def grouped(held: Components, margin_m: float) -> list[Group]:
    """Put components into circles, heaviest first; what comes after the last circle is left out."""
    reach = REACH_SIGMAS * np.sqrt(np.linalg.eigvalsh(held.covariance[:, :2, :2])[:, 1]) + margin_m
    free = np.ones(len(held), np.bool_)
    groups: list[Group] = []
    for seed in np.argsort(-held.weight, kind="stable"):
        if not free[seed] or len(groups) == MOST_CIRCLES:
            continue
        x_m, y_m = held.mean[seed, :2]
        away = np.hypot(held.mean[:, 0] - x_m, held.mean[:, 1] - y_m) + reach
        members = np.flatnonzero(free & (away <= max(WIDEST_M, float(reach[seed]))))
        members = members if seed in members else np.append(members, seed)
        free[members] = False
        groups.append(Group(members, Circle(float(x_m), float(y_m), float(away[members].max()))))
    return groups


def weigh_photo(held: Components, groups: list[Group], cells: Cells, new: Newness, options: Options) -> Weighed:
    """Multiply components by a photo; those in no group stay as they are."""
    products: list[Components] = []
    honest = 1.0 - options.outlier_share
    ratio, beside = np.ones(len(held)), np.full(len(held), honest)
    for group in groups:
        circle, members = group.circle, group.members
        near = np.flatnonzero(np.hypot(cells.x_m - circle.x_m, cells.y_m - circle.y_m) <= circle.reach_m)
        inside = held.chosen(members)
        found, on_cells, off_cells = _multiply(inside, cells, near, new.within, options)
        mean = float(inside.weight @ (on_cells + off_cells)) / max(inside.total, 1e-300)
        less = max(mean, 1e-300) ** (new.between / new.within - 1.0)
        on_cells, off_cells = less * on_cells, less * off_cells
        products.append(found.weighed(honest * less * found.weight))
        ratio[members] = on_cells + off_cells
        beside[members] = honest * off_cells
    mean_ratio = float(held.weight @ ratio) / max(held.total, 1e-300)
    return Weighed(joined(nothing(), *products), held, beside, mean_ratio)


def _multiply(
    held: Components, cells: Cells, near: Ints, newness: float, options: Options
) -> tuple[Components, Floats, Floats]:
    """Products of (M,) components with the cells near; the likelihood ratio of each on the cells, and off them."""
    off_cells = np.full(len(held), math.exp(newness * cells.log_rest))
    if not near.size:
        return held.chosen(np.empty(0, np.int64)), np.zeros(len(held)), off_cells
    joint = held.covariance[:, :2, :2] + np.eye(2) * cells.sigma_m**2
    share = _shares(held, cells, near, joint)
    listed = share.sum(axis=1)
    off_cells *= np.maximum(1.0 - listed, 0.0)
    ratio = np.exp(newness * np.minimum(cells.log_ratio[near], MOST_LOG_RATIO))
    loud = np.flatnonzero(ratio >= FAINT * options.by_chance())
    near, ratio, share = near[loud], ratio[loud], share[:, loud]
    share /= np.maximum(listed, 1.0)[:, None]  # cells of tiles that overlap
    apart = np.stack([cells.x_m[near], cells.y_m[near]], axis=1)[None] - held.mean[:, None, :2]
    gain = held.covariance[:, :, :2] @ inverse_2(joint)
    turned, agrees, factor = _headings(held, cells, near, apart, gain, newness, options)
    weight = held.weight[:, None] * share * ratio * factor
    total = weight.sum(axis=1)
    on_cells = total / np.maximum(held.weight, 1e-300)
    flat = weight.ravel().copy()
    kept = np.flatnonzero(flat >= LEAST_SHARE * float(held.weight @ (on_cells + off_cells)))
    if len(kept) > MOST_PAIRS:
        kept = kept[np.argsort(-flat[kept], kind="stable")[:MOST_PAIRS]]
    row, cell = np.divmod(kept, len(near))
    mean = held.mean[row] + np.einsum("kij,kj->ki", gain[row], apart[row, cell])
    after = held.covariance - gain @ held.covariance[:, :2, :]
    covariance = after[row]
    if turned is not None:
        heard = np.flatnonzero(agrees[row, cell])
        of = row[heard]
        spread = after[of, 2, 2] + cells.heading_sigma_rad**2 / max(newness, 1e-6)
        turn = after[of, :, 2] / spread[:, None]
        mean[heard] += turn * turned[of, cell[heard], None]
        covariance[heard] -= turn[:, :, None] * turn[:, None, :] * spread[:, None, None]
    products = Components(mean, covariance, flat[kept])
    weight.reshape(-1)[kept] = 0.0
    products = joined(products, _together(held, weight, apart, gain, after))
    products.mean[:, 2] %= TWO_PI
    upright = (products.covariance + np.swapaxes(products.covariance, 1, 2)) / 2
    return Components(products.mean, upright, products.weight), on_cells, off_cells


def _shares(held: Components, cells: Cells, near: Ints, joint: Floats) -> Floats:
    """(M, K) share of each component on each cell, both spread by what they do not know."""
    east, north = (at[near][None] - held.mean[:, axis, None] for axis, at in enumerate((cells.x_m, cells.y_m)))
    inverse = inverse_2(joint)
    away = inverse[:, 0, 0, None] * east**2 + inverse[:, 1, 1, None] * north**2
    away += 2.0 * inverse[:, 0, 1, None] * east * north
    peak = cells.area_m2 / (TWO_PI * np.sqrt(np.linalg.det(joint)))
    shares: Floats = peak[:, None] * np.exp(away / -2.0)
    return shares


def _together(held: Components, weight: Floats, apart: Floats, gain: Floats, after: Floats) -> Components:
    """Many slight products of each component as one, by their moments; (M, K) weights."""
    total = weight.sum(axis=1)
    some = np.flatnonzero(total > 0.0)
    share = weight[some] / total[some, None]
    middle = np.einsum("mk,mkj->mj", share, apart[some])
    second = np.einsum("mk,mki,mkj->mij", share, apart[some], apart[some]) - middle[:, :, None] * middle[:, None, :]
    mean = held.mean[some] + np.einsum("mij,mj->mi", gain[some], middle)
    covariance = after[some] + gain[some] @ second @ np.swapaxes(gain[some], 1, 2)
    return Components(mean, covariance, total[some])


def _headings(
    held: Components,
    cells: Cells,
    near: Ints,
    apart: Floats,
    gain: Floats,
    newness: float,
    options: Options,
) -> tuple[Floats | None, Bools, Floats]:
    """How far the photo's heading at each cell is off, (M, K), whether it is believed, and what that is worth.

    A cell that is no likelier than chance has no heading to tell: of its ratio L the part 1 - 1 / L does.
    """
    if cells.heading_rad is None:
        return None, np.zeros(apart.shape[:2], np.bool_), np.ones(apart.shape[:2])
    expected = held.mean[:, None, 2] + np.einsum("mj,mkj->mk", gain[:, 2], apart)
    turned = turn_rad(cells.heading_rad[near][None], expected)
    own = held.covariance[:, 2, 2] - np.einsum("mj,mj->m", gain[:, 2], held.covariance[:, :2, 2])
    density = circle_density(turned, (own + cells.heading_sigma_rad**2 / max(newness, 1e-6))[:, None])
    telling = -np.expm1(-np.maximum(cells.log_ratio[near], 0.0)) * (1.0 - options.wrong_heading)
    agreeing = telling * density * TWO_PI
    return turned, agreeing > 1.0 - telling, agreeing + (1.0 - telling)


def circle_density(turn: Floats, variance: Floats) -> Floats:
    """Density, per radian, of a normal wrapped around the circle, at turns in [-pi, pi)."""
    narrow = np.exp(-(turn**2) / (2 * variance)) / np.sqrt(TWO_PI * variance)
    first, second = np.exp(-variance / 2), np.exp(-2 * variance)
    wide = (1 + 2 * first * np.cos(turn) + 2 * second * np.cos(2 * turn)) / TWO_PI
    found: Floats = np.where(variance < 1.0, narrow, wide)
    return found


@dataclass(frozen=True, slots=True)
class Born:
    """What comes of `mass` that may be anywhere in the index.

    Attributes:
        held: components on the best cells.
        rest: what stays unplaced.
        mean_ratio: of all cells of the index.
    """

    held: Components
    rest: float
    mean_ratio: float


def born_of_photo(
    cells: Cells, lost: float, carried: float, gallery_cells: float, newness: float, options: Options
) -> Born:
    """Place what may be anywhere by a photo; cells below the mean are not worth a component.

    Args:
        lost: weight of what was anywhere before; the photo counts there by its newness.
        carried: of what was carried off just now; no photo from there was seen before.
    """
    honest, count = 1.0 - options.outlier_share, len(cells.x_m)
    all_cells = max(gallery_cells, count)
    log_ratio = np.minimum(cells.log_ratio, MOST_LOG_RATIO)
    ratio, unlisted = np.exp(log_ratio), (1.0 - count / all_cells) * math.exp(cells.log_rest)
    mean_ratio = float(ratio.sum()) / all_cells + unlisted
    weight = honest / all_cells * (lost * np.exp(newness * log_ratio) + carried * ratio)
    unlisted_then = (1.0 - count / all_cells) * math.exp(newness * cells.log_rest)
    rest = lost * (honest * unlisted_then + options.by_chance(mean_ratio))
    rest += carried * (honest * unlisted + options.by_chance(mean_ratio))
    kept = np.flatnonzero(ratio >= max(mean_ratio, 1.0))
    rest += float(weight.sum() - weight[kept].sum())
    covariance = np.zeros((len(kept), 3, 3))
    covariance[:, 0, 0] = covariance[:, 1, 1] = cells.sigma_m**2
    covariance[:, 2, 2] = FLAT_RAD**2
    mean = np.column_stack([cells.x_m[kept], cells.y_m[kept], np.zeros(len(kept))])
    if cells.heading_rad is not None:
        mean[:, 2] = cells.heading_rad[kept] % TWO_PI
        covariance[:, 2, 2] = min(cells.heading_sigma_rad**2 / max(newness, 1e-6), FLAT_RAD**2)
    return Born(Components(mean, covariance, weight[kept]), rest, mean_ratio)


def weigh_fix(
    held: Components, x_m: float, y_m: float, sigma_m: float, area_m2: float, options: Options
) -> tuple[Components, float]:
    """Multiply components by a fix: a normal, a wider one, and a share that says nothing of an area.

    Returns:
        All that is believed now, and the weight of what believes the fix.
    """
    shares = ((1.0 - options.fix_outliers - options.fix_gross, 1.0), (options.fix_outliers, options.fix_wider))
    apart = np.array([x_m, y_m]) - held.mean[:, :2]
    products = []
    for share, wider in shares:
        joint = held.covariance[:, :2, :2] + np.eye(2) * (wider * sigma_m) ** 2
        worth = share * np.exp(log_density(apart, joint))
        gain = held.covariance[:, :, :2] @ inverse_2(joint)
        mean = held.mean + np.einsum("kij,kj->ki", gain, apart)
        mean[:, 2] %= TWO_PI
        covariance = held.covariance - gain @ held.covariance[:, :2, :]
        covariance = (covariance + np.swapaxes(covariance, 1, 2)) / 2
        products.append(Components(mean, covariance, held.weight * worth))
    believed = joined(*products)
    unchanged = held.weighed(held.weight * options.fix_gross / area_m2)
    return joined(believed, unchanged), believed.total


def born_of_fix(
    x_m: float, y_m: float, sigma_m: float, mass: float, area_m2: float, options: Options
) -> tuple[Components, float]:
    """What `mass` that is not placed becomes by a fix: components around it, and what stays unplaced."""
    shares = ((1.0 - options.fix_outliers - options.fix_gross, 1.0), (options.fix_outliers, options.fix_wider))
    covariance = np.zeros((2, 3, 3))
    for number, (_, wider) in enumerate(shares):
        covariance[number] = np.diag([(wider * sigma_m) ** 2, (wider * sigma_m) ** 2, FLAT_RAD**2])
    mean = np.array([[x_m, y_m, 0.0]] * 2)
    weight = np.array([share for share, _ in shares]) * mass / area_m2
    return Components(mean, covariance, weight), mass * options.fix_gross / area_m2
