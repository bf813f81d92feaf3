"""How `dependence` was chosen: the mean log score of the truth, as the calibration of single photos is fitted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.sets_city import KINDS, SetCity, Shots
from models.calibration.kernel import log_density
from models.calibration.likelihood import FIT_OUTSIDE
from models.calibration.model import Calibration
from models.calibration.posterior import bayes, even_prior
from models.geo import enu_m
from service.likelihood import Likelihood
from service.sets.fusion import Fusion, fused
from service.sets.locating import SetLocating
from service.sets.members import Taken, members

DEPENDENCES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.45, 0.5, 0.6, 0.8)
COUNTS = (2, 4, 8)
LEAST = -60.0


def print_scores(cities: Sequence[SetCity], stray: float) -> None:
    """Print, for each number of photos and dependence, the score of places inside, of ones outside, and of both."""
    print("| photos of a place | k | dependence | inside | outside | both |")
    print("|---|---|---|---|---|---|")
    for kind in KINDS[:2]:
        for count in COUNTS:
            inside = [
                (city, shots, evidence_of(city, shots, count)) for city in cities for shots in city.places[kind.name]
            ]
            outside = [
                (city, evidence_of(city, shots, count))
                for number, city in enumerate(cities)
                for shots in cities[(number + 1) % len(cities)].places[kind.name]
            ]
            for dependence in DEPENDENCES:
                fusion = Fusion(dependence, stray)
                here = np.mean([score(city, parts, fusion, shots) for city, shots, parts in inside])
                away = np.mean([score(city, parts, fusion, None) for city, parts in outside])
                both = (1 - FIT_OUTSIDE) * here + FIT_OUTSIDE * away
                print(f"| {kind.name} | {count} | {dependence:g} | {here:.2f} | {away:.2f} | {both:.2f} |", flush=True)


def evidence_of(city: SetCity, shots: Shots, count: int) -> list[Likelihood]:
    source = city.localizer.likelihoods
    if source is None:
        raise ValueError("the model has no calibration")
    taken = [Taken(number, shots.free[number]) for number in range(count)]
    locating = SetLocating(source, "city", "model")
    return locating.evidence(members(taken, city.gallery.about.embedding))


def score(city: SetCity, parts: Sequence[Likelihood], fusion: Fusion, shots: Shots | None) -> float:
    """Log posterior of the truth: density per square metre at the spot, or of being outside where there is none."""
    calibration: Calibration = city.localizer.likelihoods.calibration  # type: ignore[union-attr]
    ground, evidence = parts[0].evidence.ground, parts[0].evidence
    ratio, rest = fused([part.log_ratio for part in parts], [part.log_rest for part in parts], fusion)
    log_prior, unlisted = even_prior((1, len(ratio)), ground.gallery_cells)
    found = bayes(
        ratio[None], np.array([rest]), calibration.probability_outside, log_prior=log_prior, unlisted_share=unlisted
    )
    if shots is None:
        return max(LEAST, float(found.log_outside[0]))
    known = calibration.at(np.array([parts[0].fov_deg]), np.array([ground.area_m2]))
    lat, lon = city.city.city_to_wgs84(shots.x_m, shots.y_m)
    east_m, north_m = enu_m(lat, lon, evidence.lat, evidence.lon)
    error_m = np.hypot(ground.x_m - east_m, ground.y_m - north_m)
    sigma_m = np.hypot(known.position_sigma_m, ground.spacing_m / np.sqrt(12.0))
    density = log_density(error_m[None], sigma_m[:, None], known.position_shape[:, None])
    near = np.logaddexp.reduce((found.log_cells + density)[0])
    return max(LEAST, float(np.logaddexp(near, found.log_rest[0] - np.log(ground.area_m2))))
