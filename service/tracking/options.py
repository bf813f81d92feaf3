"""What a tracker takes for granted: how often photos and fixes are wrong, how things move, when it decides."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """Numbers of a tracker; the defaults are for vehicles and people in streets.

    Attributes:
        outlier_share: photos that say nothing of where the camera is, whatever they seem to say.
        elsewhere: share of those that may show any other place of the index, however well.
        wrong_heading: photos of the right place whose heading is wrong.
        photo_length_m: two photos this far apart share about a third of what misleads them (exp(-d / length)).
        fix_tau_s: the same in time, for fixes: errors of GPS between houses walk.
        fix_outliers, fix_wider: share of fixes that err so many times as far as they say.
        fix_gross: share that says nothing: spoofed, or of another place.
        kidnapped: probability that the camera was carried off, where a photo contradicts what is believed.
        fastest_mps: nothing moves faster where nothing says how it moves; a third of it is usual.
        walk_tau_s: how long such motion keeps its direction.
        drift_m2_per_s: variance that a place always gains, in each direction.
        decides_from: photos, counted by newness, that have to agree before a place is called found; a fix counts 1.
    """

    outlier_share: float = 0.2
    elsewhere: float = 0.5
    wrong_heading: float = 0.1
    photo_length_m: float = 15.0
    fix_tau_s: float = 30.0
    fix_outliers: float = 0.05
    fix_wider: float = 3.0
    fix_gross: float = 0.01
    kidnapped: float = 0.01
    fastest_mps: float = 36.0
    walk_tau_s: float = 10.0
    drift_m2_per_s: float = 0.2
    decides_from: float = 1.5

    def by_chance(self, mean_ratio: float = 1.0) -> float:
        """What an outlier makes of a photo, where the mean cell of the index is so much likelier than chance."""
        return self.outlier_share * (1.0 - self.elsewhere + self.elsewhere * mean_ratio)


USUAL = Options()
