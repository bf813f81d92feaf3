"""What more photos of a place are worth: `python -m benchmarks.sets`, and how FUSION was fitted: `--fit`.

Sample cities that nothing was trained or calibrated on are indexed; places in them are photographed up to eight times,
anywhere around, and located by 1, 2, 4 and 8 of the photos without a prior, the fewer always being among the more.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.sets_city import KINDS, SetCity, Shots, open_set_city
from benchmarks.sets_fit import print_scores
from models.calibration.check import expected_calibration_error
from models.geo import distance_m
from service.sets.fusion import FUSION, Fusion
from service.sets.locating import SetAnswer, SetLocating
from service.sets.members import Taken, members

COUNTS = (1, 2, 4, 8)
RIGHT_M = 25.0
CHECKED, FITTED = "4201 4202 4203 4204", "4102 4103 4104"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One answer held against the truth."""

    error_m: float
    radius_m_68: float
    radius_m_95: float
    confidence: float
    localized: bool
    heading_error_deg: float


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cities", default=CHECKED, help="Seeds.")
    parser.add_argument("--places", type=int, default=48, help="Of each city.")
    parser.add_argument("--extent", type=float, default=704.0)
    parser.add_argument("--folder", type=Path, help="Keeps indexes and described photos for the next time.")
    parser.add_argument("--dependence", type=float, default=FUSION.dependence)
    parser.add_argument("--stray", type=float, default=FUSION.stray)
    parser.add_argument("--outside", action="store_true", help="Photos of other cities alone.")
    parser.add_argument("--fit", action="store_true", help="Score values of `dependence` instead, on other cities.")
    options = parser.parse_args()
    if options.fit and options.cities == CHECKED:
        options.cities = FITTED
    fusion = Fusion(options.dependence, options.stray)
    with tempfile.TemporaryDirectory() as kept:
        folder = options.folder or Path(kept)
        seeds = [int(seed) for seed in options.cities.split()]
        cities = [open_set_city(seed, options.extent, options.places, max(COUNTS), folder) for seed in seeds]
        if options.fit:
            print_scores(cities, options.stray)
        else:
            if not options.outside:
                report(cities, fusion)
            report_outside(cities, fusion)


def report(cities: Sequence[SetCity], fusion: Fusion) -> None:
    print("| photos of a place | k | within 25 m | localized | of those within 25 m | radius 68 % holds | radius 95 % "
          "holds | median radius 95 % | ECE | heading, median |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|---|")
    for kind in KINDS:
        for turned in (False, True):
            for count in COUNTS[1:] if turned else COUNTS:
                found = [
                    outcome
                    for city in cities
                    for outcome in outcomes(city, city.places[kind.name], count, fusion, turned=turned)
                ]
                print(row(f"{kind.name}, headings {'relative' if turned else 'unknown'}", count, found), flush=True)


def report_outside(cities: Sequence[SetCity], fusion: Fusion) -> None:
    """Print how often photos of a city are placed in another one."""
    print("| photos of another city | k | localized | mean P(outside) |")
    print("|---|---|---|---|")
    for count in COUNTS:
        said = [
            answer(city, shots, count, fusion, turned=False).answer
            for number, city in enumerate(cities)
            for shots in cities[(number + 1) % len(cities)].places[KINDS[0].name]
        ]
        localized = np.mean([each.status == "localized" for each in said])
        outside = np.mean([each.reckoning.probability_outside_index for each in said if each.reckoning])
        print(f"| {KINDS[0].name}, headings unknown | {count} | {localized:.1%} | {outside:.2f} |", flush=True)


def row(name: str, count: int, found: Sequence[Outcome]) -> str:
    def values(field: str) -> NDArray[np.float64]:
        return np.array([getattr(each, field) for each in found], dtype=np.float64)

    error, localized = values("error_m"), values("localized") > 0
    right = error <= RIGHT_M
    cells = (
        f"{right.mean():.1%}",
        f"{localized.mean():.1%}",
        f"{right[localized].mean():.1%}" if localized.any() else "",
        f"{(error <= values('radius_m_68')).mean():.1%}",
        f"{(error <= values('radius_m_95')).mean():.1%}",
        f"{np.median(values('radius_m_95')):.0f} m",
        f"{expected_calibration_error(values('confidence'), right):.3f}",
        f"{np.nanmedian(values('heading_error_deg')[right]):.1f}°" if right.any() else "",
    )
    return f"| {name} | {count} | {' | '.join(cells)} |"


def outcomes(city: SetCity, places: Sequence[Shots], count: int, fusion: Fusion, *, turned: bool) -> Iterator[Outcome]:
    for shots in places:
        said = answer(city, shots, count, fusion, turned=turned)
        best, known = said.answer.candidates[0], said.answer.reckoning
        spot = city.city.city_to_wgs84(*(float(each) for each in shots.at_m[:count].mean(axis=0)))
        off = [
            abs((photo.heading_deg - shots.heading_deg[number] + 180.0) % 360.0 - 180.0)
            for number, photo in said.photos.items()
            if photo.heading_deg is not None
        ]
        if known is None:
            raise ValueError("the model has no calibration")
        yield Outcome(
            error_m=float(distance_m(best.lat, best.lon, *spot)),
            radius_m_68=known.radius_m_68,
            radius_m_95=known.radius_m_95,
            confidence=known.confidence,
            localized=said.answer.status == "localized",
            heading_error_deg=float(np.median(off)) if off else np.nan,
        )


def answer(city: SetCity, shots: Shots, count: int, fusion: Fusion, *, turned: bool) -> SetAnswer:
    source = city.localizer.likelihoods
    if source is None:
        raise ValueError("the model has no calibration")
    views = shots.turned if turned else shots.free
    relative = [float(each) if turned else None for each in shots.turn_deg]
    taken = [Taken(number, views[number], relative[number]) for number in range(count)]
    embedding = city.gallery.about.embedding
    locating = SetLocating(source, "city", "model", fusion)
    return locating.answer(members(taken, embedding), None, "auto", 5)


if __name__ == "__main__":
    main()
