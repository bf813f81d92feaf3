"""Token buckets by hand-reckoned times, and the memory they take."""

from __future__ import annotations

import pytest

from service.door.limits import Bucket, Holders, KeyLimits, Peers, peer_of
from service.errors import RateLimited

LIMITS = KeyLimits(requests_per_s=2.0, burst=3, bytes_per_minute=6000, in_flight=4, max_body_bytes=1000)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_bucket_gives_a_burst_and_then_its_rate() -> None:
    bucket = Bucket(capacity=3, rate_per_s=2.0, now=0.0)
    assert [bucket.take(1, 0.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert bucket.take(1, 0.5) == 0.0
    assert bucket.take(3, 1000.0) == 0.0
    assert bucket.take(1, 999.0) == 0.5


def test_admitted_are_never_more_than_limit_and_burst(clock: Clock) -> None:
    holders, admitted = Holders(LIMITS, clock), 0
    for _ in range(1000):
        clock.now += 0.01
        try:
            holders.enter("a", 0).leave()
            admitted += 1
        except RateLimited:
            continue
    assert 20 <= admitted <= 2.0 * 10 + 3


def test_holders_do_not_touch_each_other(clock: Clock) -> None:
    holders = Holders(LIMITS, clock)
    for _ in range(3):
        holders.enter("a", 0).leave()
    with pytest.raises(RateLimited, match="2 requests a second in bursts of 3"):
        holders.enter("a", 0)
    holders.enter("b", 0).leave()


def test_in_flight_is_freed_on_leaving(clock: Clock) -> None:
    holders = Holders(KeyLimits(100, 100, 100_000, 2, 1000), clock)
    visits = [holders.enter("a", 0) for _ in range(2)]
    with pytest.raises(RateLimited, match="2 requests open"):
        holders.enter("a", 0)
    visits[0].leave()
    holders.enter("a", 0)


def test_bytes_are_reserved_and_what_did_not_come_is_given_back(clock: Clock) -> None:
    holders = Holders(KeyLimits(100, 100, 2000, 50, 1000), clock)
    whole, nothing = holders.enter("a", None), holders.enter("a", 10**12)
    with pytest.raises(RateLimited, match="2000 bytes a minute") as refused:
        holders.enter("a", 1000)
    assert refused.value.headers["Retry-After"] == "30"
    whole.received = 1000
    whole.leave()
    nothing.leave()
    holders.enter("a", 1000)
    with pytest.raises(RateLimited):
        holders.enter("a", 1)


def test_largest_body_always_fits(clock: Clock) -> None:
    Holders(KeyLimits(100, 100, 10, 50, 1000), clock).enter("a", None)


def test_more_than_was_reserved_is_owed(clock: Clock) -> None:
    holders = Holders(KeyLimits(100, 100, 6000, 50, 1000, 4000), clock)
    many = holders.enter("a", None)
    many.received = 4000
    many.leave()
    holders.enter("a", 2000)
    with pytest.raises(RateLimited) as refused:
        holders.enter("a", 4000)
    assert refused.value.headers["Retry-After"] == "40"


def test_peers_that_try_keys_are_slowed_down_and_forgotten(clock: Clock) -> None:
    peers = Peers(per_minute=2, clock=clock, most=10)
    peers.fail("a")
    peers.fail("a")
    with pytest.raises(RateLimited) as refused:
        peers.fail("a")
    assert refused.value.headers["Retry-After"] == "30"
    clock.now += 30
    peers.fail("a")
    for number in range(1000):
        peers.fail(f"peer{number}")
    assert len(peers) == 10


@pytest.mark.parametrize(
    ("client", "peer"),
    [
        (("203.0.113.9", 4711), "203.0.113.9"),
        (("2001:db8:1:2:3:4:5:6", 1), "2001:db8:1:2::/64"),
        (("::ffff:203.0.113.9", 1), "203.0.113.9"),
        (("fe80::1%eth0", 1), "fe80::/64"),
        (("socket", 0), "unknown"),
        (None, "unknown"),
    ],
)
def test_peer_is_the_network_of_the_socket(client: object, peer: str) -> None:
    assert peer_of(client) == peer
