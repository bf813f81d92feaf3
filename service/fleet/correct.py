"""Correct a call's fixes, one for one: `observe` each photo wherever searches run, then `correct` them all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from service.fleet.fix import Corrected, Fix, FleetNotice, Options
from service.fleet.gaussian import chi2_quantile
from service.fleet.observation import Observation
from service.fleet.single import alone, by_photo, innovation, kept, supports


def correct(
    fixes: Sequence[Fix], observations: Mapping[int, Observation], options: Options
) -> tuple[list[Corrected], list[FleetNotice]]:
    """Answer fixes in their order.

    Args:
        fixes: of any devices, in any order.
        observations: of the photos, by the index of their fix (`observation.observe`).
    """
    found = [_single(fix, observations.get(fix.index), options) for fix in fixes]
    notices = []
    lost = tuple(answer.index for answer in found if answer.status == "not_localized")
    if lost:
        notices.append(FleetNotice("outside_coverage", "No imagery lies around these fixes.", lost))
    return found, notices


def _single(fix: Fix, observation: Observation | None, options: Options) -> Corrected:
    if observation is None:
        return kept(fix)
    chi2 = innovation(observation, fix.sigma_m)
    if chi2 is not None and chi2 > chi2_quantile(1.0 - options.false_alarm_rate):
        return replace(kept(fix, "rejected_outlier"), innovation_chi2=chi2, photo=observation.alone.place)
    if not observation.is_covered:
        return kept(fix, "not_localized")
    tilted = alone(fix, observation)
    if not supports(tilted, observation):
        return replace(kept(fix), innovation_chi2=chi2)
    return by_photo(fix, observation, tilted, chi2)
