"""One step of a track: predict, weigh, and tell."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from models.calibration.model import Thresholds
from models.errors import ParameterError
from models.geo import enu_m, offset
from service.likelihood import LikelihoodSource
from service.query import Notice
from service.tracking.belief import MOST_COMPONENTS, Belief, Components, joined, nothing
from service.tracking.frame import Cells, Frame
from service.tracking.motion import Motion, headed, predict
from service.tracking.options import USUAL, Options
from service.tracking.reduce import reduced
from service.tracking.spots import Spot, spots
from service.tracking.told import TrackEstimate, tell
from service.tracking.weigh import (
    Newness,
    born_of_fix,
    born_of_photo,
    grouped,
    weigh_fix,
    weigh_photo,
)

SearchMode = Literal["prior", "global"]
CONTRADICTED, UNPLACED = 0.5, 0.05
"""A photo this much unlikelier than chance, or so much that is not placed, has the whole index asked."""
NEW_ENOUGH = 0.05
"""What is seen again and again from one spot places nothing that it did not place the first time."""
LEAST_LOST = 1e-6
WIDEST_SIGMA_M = 20_000.0
"""What is spread further than this is lost."""
GAP_S = 60.0
JUMP_M = 60.0
RECENTRE_M = 5_000.0
SIDE_CELLS = 0.6

FRAME_REJECTED = Notice("frame_rejected", "The photo contradicts what was known; it hardly counted.")
FIX_REJECTED = Notice("fix_rejected", "The fix lies too far from what was known; it hardly counted.")
KIDNAPPED = Notice("kidnapped", "Another place than the one that the track led to explains what was seen.")
GAP = Notice("gap", "Much time passed since the last step, and nothing says how it was spent.")
USUAL_THRESHOLDS = Thresholds()
UNDECIDED = Notice("undecided", "A single photo does not decide; one from further on will.")
LOST = Notice("lost", "The track is lost: nothing that was believed explains what is seen.")


@dataclass(frozen=True, slots=True)
class Fix:
    """A position as a receiver tells it: WGS84, and its standard deviation along each axis."""

    lat: float
    lon: float
    sigma_m: float


@dataclass(frozen=True, slots=True)
class Observation:
    """What is new in one step; any of it may be missing.

    Attributes:
        time_s: since 1970.
        heading_deg, heading_sigma_deg: of the camera, as a compass tells it, clockwise from true north.
    """

    time_s: float
    frame: Frame | None = None
    fix: Fix | None = None
    motion: Motion | None = None
    heading_deg: float | None = None
    heading_sigma_deg: float = 15.0


@dataclass(frozen=True, slots=True)
class Step:
    """What is believed now, and what that amounts to."""

    belief: Belief
    estimate: TrackEstimate
    notices: tuple[Notice, ...]
    mode_used: SearchMode | None
    """prior: ground near the belief was compared; global: the whole index; None: there was no photo."""
    tiles_scanned: int


@dataclass(frozen=True, slots=True)
class _State:
    """Weights within a step; not normalised between the rules."""

    held: Components
    lost: float
    outside: float

    def normalised(self) -> _State:
        total = max(self.held.total + self.lost + self.outside, 1e-300)
        held = self.held.weighed(self.held.weight / total)
        return _State(held, max(self.lost / total, LEAST_LOST), self.outside / total)


@dataclass(frozen=True, slots=True)
class Tracker:
    """Follows cameras over the ground of one index; keeps nothing of them.

    Attributes:
        gallery_cells: of the index. ground_m2: that they stand for. spacing_m: side of one.
        probability_outside: that a camera is where there is no imagery, before anything is known.
    """

    gallery_cells: int
    ground_m2: float
    spacing_m: float
    probability_outside: float = 0.05
    thresholds: Thresholds = USUAL_THRESHOLDS
    options: Options = USUAL
    most_places: int = 5

    def step(self, belief: Belief | None, seen: Observation) -> Step:
        """Take one observation in.

        Args:
            belief: of the step before; None begins a track.

        Raises:
            ParameterError: the observation is older than the belief; at `timestamp`.
        """
        options = self.options
        belief = belief or self._beginning(seen)
        self.check_time(belief, seen.time_s)
        elapsed_s = seen.time_s - belief.time_s
        notices: list[Notice] = [GAP] if elapsed_s > GAP_S and seen.motion is None and belief.step else []
        before = spots(belief.components)
        held, moved_m = predict(belief.components, seen.motion, elapsed_s, options)
        if seen.heading_deg is not None:
            held = headed(held, math.radians(seen.heading_deg), math.radians(seen.heading_sigma_deg))
        expected = spots(held)
        state = self._dissolved(_State(held, belief.lost, belief.outside))
        known = belief.moved_m >= 0 and moved_m >= 0
        belief = replace(belief, moved_m=belief.moved_m + moved_m if known else -1.0)
        belief = replace(belief, fix_age_s=belief.fix_age_s + elapsed_s, time_s=seen.time_s, step=belief.step + 1)
        if seen.fix is not None:
            belief, state, rejected = self._fix(belief, state, seen.fix)
            notices += [FIX_REJECTED] if rejected else []
        mode: SearchMode | None = None
        tiles, covered = 0, True
        if seen.frame is not None:
            blurred = _blurred(before, expected)
            looked = self._photo(belief, state, seen.frame, blurred)
            belief, state = looked.belief, looked.state
            mode, tiles, covered = looked.mode, looked.tiles, looked.covered
            notices += [FRAME_REJECTED] if looked.rejected else []
        return self._concluded(belief, state, expected, notices, mode, tiles, covered)

    def check_time(self, belief: Belief | None, time_s: float) -> None:
        """Raises ParameterError at `timestamp`: the time is before that of the belief."""
        if belief is not None and time_s < belief.time_s:
            raise ParameterError("timestamp", "is before that of the step that the token is from.")

    def _beginning(self, seen: Observation) -> Belief:
        lat, lon = (0.0, 0.0) if seen.fix is None else (seen.fix.lat, seen.fix.lon)
        outside = self.probability_outside
        return Belief(nothing(), 1.0 - outside, outside, lat, lon, seen.time_s)

    def _dissolved(self, state: _State) -> _State:
        """Let go of what may be anywhere by now."""
        if not len(state.held):
            return state
        wide = np.trace(state.held.covariance[:, :2, :2], axis1=1, axis2=2) / 2 > WIDEST_SIGMA_M**2
        if not wide.any():
            return state
        gone = float(state.held.weight[wide].sum())
        inside = 1.0 - self.probability_outside
        return _State(
            state.held.chosen(~wide), state.lost + gone * inside, state.outside + gone * self.probability_outside
        )

    def _fix(self, belief: Belief, state: _State, fix: Fix) -> tuple[Belief, _State, bool]:
        if not len(state.held):
            belief = replace(belief, lat=fix.lat, lon=fix.lon)
        x_m, y_m = (float(v) for v in enu_m(fix.lat, fix.lon, belief.lat, belief.lon))
        new = 1.0 - math.exp(-belief.fix_age_s / self.options.fix_tau_s) if self.options.fix_tau_s > 0 else 1.0
        sigma_m = fix.sigma_m / math.sqrt(max(new, 1e-3))
        area_m2 = max(self.ground_m2, math.pi * (10 * sigma_m) ** 2)
        held, believed = weigh_fix(state.held, x_m, y_m, sigma_m, area_m2, self.options)
        had = state.held.total
        unplaced = state.lost + state.outside
        born, rest = born_of_fix(x_m, y_m, sigma_m, unplaced, area_m2, self.options)
        kept = rest / max(unplaced, 1e-300)
        belief = replace(belief, fix_age_s=0.0)
        after = _State(joined(held, born), state.lost * kept, state.outside * kept)
        rejected = had > 0.5 and believed < 0.5 * (held.total + born.total)
        accepted = (believed + born.total) / max(after.held.total + after.lost + after.outside, 1e-300)
        belief = replace(belief, evidence=min(belief.evidence + new * accepted, 100.0))
        return belief, self._fewer(after.normalised()), rejected

    def _photo(self, belief: Belief, state: _State, frame: Frame, blurred: float) -> _Looked:
        options = self.options
        groups = grouped(state.held, 2 * self.spacing_m)
        cells = frame.around(belief.lat, belief.lon, [group.circle for group in groups]) if groups else None
        moved_m = belief.moved_m
        if moved_m < 0:
            moved_m = 0.0
            if cells is not None and belief.seen > 0:
                first = spots(
                    weigh_photo(state.held, groups, cells, Newness(1.0, 1.0), options).held(options.by_chance())
                )[0]
                moved_m = math.hypot(first.mean[0] - belief.anchor_x_m, first.mean[1] - belief.anchor_y_m)
        lasting = math.exp(-moved_m / options.photo_length_m)
        between = 1.0 - lasting + lasting / (1.0 + belief.seen) ** 3
        new = Newness(between, max(1.0 - (1.0 - between) * (1.0 - blurred), 1e-6))
        belief = replace(belief, seen=belief.seen * lasting + 1.0, moved_m=0.0)
        had, tiles = state.held.total, 0 if cells is None else cells.tiles
        weighed = weigh_photo(state.held, groups, cells, new, options) if cells is not None else None
        chance, lost, carried, outside = options.by_chance(), state.lost, 0.0, state.outside
        mode: SearchMode = "prior"
        born = nothing()
        contradicted = weighed is not None and weighed.ratio < CONTRADICTED
        unsure = not len(state.held) or state.lost > UNPLACED
        if contradicted or (unsure and between >= NEW_ENOUGH):
            carried = options.kidnapped if contradicted else 0.0
            belief, best = self._anywhere(belief, state, frame)
            found = born_of_photo(best, lost, carried * had, self.gallery_cells, between, options)
            born, lost, mode, tiles = found.held, found.rest, "global", max(tiles, best.tiles)
            chance = options.by_chance(found.mean_ratio)
            outside *= 1.0 - options.outlier_share + chance
        held, believed = state.held, born.total
        if weighed is not None:
            held, believed = weighed.held(chance), (1.0 - carried) * weighed.believed.total + born.total
        elif mode == "global":
            held = held.weighed(held.weight * (1.0 - options.outlier_share + chance))
        held = joined(held.weighed((1.0 - carried) * held.weight), born)
        total = held.total + lost + outside
        rejected = had > 0.5 and believed < 0.2 * total
        belief = replace(belief, evidence=min(belief.evidence + new.between * believed / max(total, 1e-300), 100.0))
        after = self._fewer(_State(held, lost, outside).normalised())
        return _Looked(belief, after, mode, tiles, cells is not None or mode == "global", rejected)

    def _anywhere(self, belief: Belief, state: _State, frame: Frame) -> tuple[Belief, Cells]:
        """The best cells of the index in the belief's frame, which begins there if nothing was placed."""
        cells, lat, lon = frame.anywhere()
        if not len(state.held):
            return replace(belief, lat=lat, lon=lon), cells
        east, north = enu_m(*offset(lat, lon, cells.x_m, cells.y_m), belief.lat, belief.lon)
        return belief, replace(cells, x_m=east, y_m=north)

    def _fewer(self, state: _State) -> _State:
        held, dropped = reduced(state.held, MOST_COMPONENTS, SIDE_CELLS * self.spacing_m)
        return _State(held, state.lost + dropped, state.outside)

    def _concluded(
        self,
        belief: Belief,
        state: _State,
        expected: list[Spot],
        notices: list[Notice],
        mode: SearchMode | None,
        tiles: int,
        covered: bool,
    ) -> Step:
        state = state.normalised()
        belief = replace(belief, components=state.held, lost=state.lost, outside=state.outside)
        found = spots(state.held)
        if found:
            first = found[0]
            if (
                expected
                and expected[0].share > 0.5
                and _apart_m(first, expected[0]) > JUMP_M + 3 * _spread_m(expected[0])
            ):
                notices = [notice for notice in notices if notice not in (FRAME_REJECTED, FIX_REJECTED)] + [KIDNAPPED]
                belief = replace(belief, evidence=min(belief.evidence, 1.0))
            if mode is not None:
                belief = replace(belief, anchor_x_m=float(first.mean[0]), anchor_y_m=float(first.mean[1]))
            if math.hypot(first.mean[0], first.mean[1]) > RECENTRE_M:
                lat, lon = (float(v) for v in offset(belief.lat, belief.lon, first.mean[0], first.mean[1]))
                belief = belief.around(min(max(lat, -90.0), 90.0), lon)
        estimate = tell(belief, self.ground_m2, self.thresholds, self.options, self.most_places, covered=covered)
        if estimate.status == "no_match" and expected:
            belief = replace(belief, evidence=0.0)
            notices = [*notices, LOST]
        if estimate.status == "ambiguous" and estimate.confidence >= self.thresholds.localized_at:
            notices = [*notices, UNDECIDED]
        return Step(belief, estimate, tuple(notices), mode, tiles)


@dataclass(frozen=True, slots=True)
class _Looked:
    """What a photo left."""

    belief: Belief
    state: _State
    mode: SearchMode
    tiles: int
    covered: bool
    rejected: bool


def tracker_of(source: LikelihoodSource, options: Options = USUAL, most_places: int = 5) -> Tracker:
    """Follow cameras over the gallery of a source."""
    about, calibration = source.gallery.about, source.calibration
    cells = about.tiles * about.cells
    return Tracker(
        cells,
        cells * source.spacing_m**2,
        source.spacing_m,
        calibration.probability_outside,
        calibration.thresholds,
        options,
        most_places,
    )


def _spread_m(spot: Spot) -> float:
    return math.sqrt(max(float(np.trace(spot.covariance[:2, :2])), 0.0))


def _apart_m(one: Spot, other: Spot) -> float:
    return math.hypot(one.mean[0] - other.mean[0], one.mean[1] - other.mean[1])


def _blurred(before: list[Spot], expected: list[Spot]) -> float:
    """Share of what was known of the first place that went with the time."""
    if not before or not expected:
        return 1.0
    return 1.0 - min(1.0, (_spread_m(before[0]) / max(_spread_m(expected[0]), 1e-9)) ** 2)
