"""The arithmetic of a set: what photos say together, whatever their order."""

from __future__ import annotations

import math

import numpy as np
import pytest

from service.sets.fusion import FUSION, Fusion, doubted, fused, strays, summed

PLAIN = Fusion(dependence=0.0, stray=1e-300)


def ratios(seed: int, photos: int, cells: int = 500) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return list(rng.normal(-4.0, 6.0, (photos, cells)) * 10.0 ** rng.uniform(-2, 2, (photos, 1)))


def test_one_photo_is_left_as_it_is() -> None:
    (ratio,) = ratios(0, 1)
    found, rest = fused([ratio], [-7.0])
    assert found is ratio
    assert rest == -7.0


@pytest.mark.parametrize("seed", range(20))
def test_any_order_gives_the_same_bits(seed: int) -> None:
    rng = np.random.default_rng(seed)
    photos = int(rng.integers(2, 17))
    each, rests = ratios(seed, photos), list(rng.normal(-8, 3, photos))
    first, first_rest = fused(each, rests)
    for _ in range(5):
        order = rng.permutation(photos)
        again, rest = fused([each[number] for number in order], [rests[number] for number in order])
        assert again.tobytes() == first.tobytes()
        assert rest == first_rest


def test_a_plain_sum_would_not() -> None:
    each = ratios(3, 9)
    assert sum(each).tobytes() != sum(reversed(each)).tobytes()  # type: ignore[union-attr]
    assert summed(each).tobytes() == summed(each[::-1]).tobytes()


def test_photos_that_do_not_depend_on_each_other_are_a_product() -> None:
    each = ratios(1, 3)
    found, rest = fused(each, [-1.0, -2.0, -3.0], PLAIN)
    np.testing.assert_allclose(found, sum(each), rtol=1e-12, atol=1e-9)
    assert rest == pytest.approx(-6.0)


@pytest.mark.parametrize(("dependence", "counted"), [(0.0, 4.0), (1.0, 1.0), (0.5, 1.6)])
def test_photos_count_by_how_much_they_depend_on_each_other(dependence: float, counted: float) -> None:
    fusion = Fusion(dependence, 1e-300)
    assert fusion.counted(4) == pytest.approx(counted)
    assert fusion.counted(1) == 1.0
    found, _ = fused([np.array([2.0])] * 4, [0.0] * 4, fusion)
    assert found[0] == pytest.approx(2.0 * counted)


def test_more_photos_never_count_less() -> None:
    counted = [FUSION.counted(photos) for photos in range(1, 17)]
    assert counted == sorted(counted)


def test_no_photo_rules_a_cell_out() -> None:
    found = doubted(np.array([-1e6, 0.0, 50.0]), Fusion(0.0, 0.02))
    assert found == pytest.approx([math.log(0.02), 0.0, 50.0 + math.log(0.98)])


def test_a_stray_is_a_photo_that_does_not_fit_where_the_others_are() -> None:
    """By hand: the set is at cell 0 with 0.9 and in the rest with 0.1."""
    fusion, share = Fusion(0.0, 0.02), np.array([0.9, 0.0])
    fits = 0.9 * 0.02 / (0.02 + 0.98 * math.exp(5)) + 0.1 * 0.02 / (0.02 + 0.98 * math.exp(-9))
    assert strays(np.array([5.0, -5.0]), -9.0, share, 0.1, fusion) == pytest.approx(fits)
    assert strays(np.array([5.0, -5.0]), -9.0, share, 0.1, fusion) < 0.2
    assert strays(np.array([-9.0, 5.0]), -9.0, share, 0.1, fusion) > 0.9
    assert strays(np.array([-1e9, 0.0]), -1e9, share, 0.1, fusion) == pytest.approx(1.0)
