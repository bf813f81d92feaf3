"""Beliefs as bytes, and in other frames."""

from __future__ import annotations

import zlib
from dataclasses import replace

import numpy as np
import pytest

from models.geo import offset
from service.tracking.belief import MOST_COMPONENTS, MOST_RAW, Belief, Components, belief_of, nothing


def some(count: int, seed: int = 1, lat: float = 52.5, lon: float = 13.4) -> Belief:
    rng = np.random.default_rng(seed)
    root = rng.normal(0, 1, (count, 3, 3)) * np.array([20.0, 20.0, 0.2])[:, None]
    weight = rng.exponential(1.0, count)
    held = Components(
        np.column_stack([rng.normal(0, 400, count), rng.normal(0, 400, count), rng.uniform(0, 2 * np.pi, count)]),
        root @ np.swapaxes(root, 1, 2),
        0.9 * weight / max(weight.sum(), 1e-9),
    )
    return Belief(held, 0.06, 0.04, lat, lon, 1_795_000_000.25, 7, 2.5, 1.5, 12.5, 3.0, -4.0, 1.0)


@pytest.mark.parametrize("count", [0, 1, MOST_COMPONENTS])
def test_bytes_give_the_belief_back(count: int) -> None:
    belief = some(count)
    data = belief.to_bytes()
    again = belief_of(data)
    order = np.argsort(-belief.components.weight, kind="stable")
    mean, covariance = belief.components.mean[order], belief.components.covariance[order]
    assert np.abs(again.components.mean[:, :2] - mean[:, :2]).max(initial=0) <= 0.005001
    assert np.abs(np.sin(again.components.mean[:, 2] - mean[:, 2])).max(initial=0) < 1e-4
    assert np.allclose(again.components.covariance, covariance, rtol=2e-3, atol=0.5)
    assert np.linalg.eigvalsh(again.components.covariance).min(initial=1.0) > 0
    if count:
        assert again.components.total + again.lost + again.outside == pytest.approx(1.0, abs=1e-6)
    assert (again.time_s, again.step, again.lat) == (belief.time_s, 7, 52.5)
    assert again.to_bytes() == belief_of(again.to_bytes()).to_bytes()
    assert len(data) * 4 / 3 + 150 < 16 * 1024 / 2


def test_other_bytes_are_refused() -> None:
    data = some(5).to_bytes()
    raw = zlib.decompress(data)
    for wrong in (b"", b"x", data[:-1], data + b"x", zlib.compress(raw[:-1]), zlib.compress(raw + b"x")):
        with pytest.raises(ValueError, match="belief"):
            belief_of(wrong)
    with pytest.raises(ValueError, match="another kind"):
        belief_of(zlib.compress(b"\x09" + raw[1:]))
    with pytest.raises(ValueError, match="whole"):
        belief_of(zlib.compress(bytes(100 * MOST_RAW)))


def test_numbers_that_are_none_are_refused() -> None:
    none, belief = float("nan"), some(2)
    for wrong in (replace(belief, lat=none), replace(belief, time_s=none), replace(belief, evidence=none)):
        with pytest.raises(ValueError, match="numbers"):
            belief_of(wrong.to_bytes())


@pytest.mark.parametrize(("lat", "lon"), [(52.5, 13.4), (0.0, 179.999), (-16.8, -179.999), (85.0, 20.0)])
def test_another_origin_leaves_places_where_they_are(lat: float, lon: float) -> None:
    belief = some(20, lat=lat, lon=lon)
    there = belief.around(*(float(v) for v in offset(lat, lon, 900.0, -700.0)))
    before = offset(lat, lon, *belief.components.mean[:, :2].T)
    after = offset(there.lat, there.lon, *there.components.mean[:, :2].T)
    assert np.abs(before[0] - after[0]).max() < 1e-7
    assert np.abs((before[1] - after[1] + 180) % 360 - 180).max() < 1e-6


def test_nothing_is_a_belief() -> None:
    assert len(belief_of(Belief(nothing(), 0.95, 0.05, 0.0, 0.0, 0.0).to_bytes()).components) == 0
