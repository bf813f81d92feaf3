"""How much a holder of keys may ask, and how often a peer may try a wrong key. Memory is bounded, time monotonic."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from service.errors import RateLimited

MAX_PEERS = 4096
IN_FLIGHT_WAIT_S = 1.0
Clock = Callable[[], float]


class Bucket:
    """Tokens that grow at a rate up to a capacity; full at first."""

    __slots__ = ("_at", "_capacity", "_rate", "_tokens")

    def __init__(self, capacity: float, rate_per_s: float, now: float) -> None:
        self._capacity, self._rate, self._tokens, self._at = capacity, rate_per_s, capacity, now

    def take(self, amount: float, now: float) -> float:
        """Take tokens and give 0.0, or take none and give the seconds until there are enough.

        Args:
            amount: at most the capacity.
        """
        self._tokens = min(self._capacity, self._tokens + max(0.0, now - self._at) * self._rate)
        self._at = now
        if amount <= self._tokens:
            self._tokens -= amount
            return 0.0
        return (amount - self._tokens) / self._rate

    def give(self, amount: float) -> None:
        """Put back what was taken and not used; below 0, take what was used beyond it."""
        self._tokens = min(self._capacity, self._tokens + amount)


@dataclass(frozen=True, slots=True)
class KeyLimits:
    """What one holder may ask."""

    requests_per_s: float
    burst: int
    bytes_per_minute: int
    in_flight: int
    max_body_bytes: int
    """What is reserved where no length is announced; the byte bucket always has room for it."""
    max_many_body_bytes: int = 0
    """The largest reservation, if that is larger and the bucket has room for it."""

    @property
    def bucket_bytes(self) -> int:
        return max(self.bytes_per_minute, self.max_body_bytes)

    @property
    def largest_bytes(self) -> int:
        return min(self.bucket_bytes, max(self.max_body_bytes, self.max_many_body_bytes))


class Allowance:
    """What one holder has left."""

    __slots__ = ("bytes", "in_flight", "requests")

    def __init__(self, limits: KeyLimits, now: float) -> None:
        self.requests = Bucket(limits.burst, limits.requests_per_s, now)
        self.bytes = Bucket(limits.bucket_bytes, limits.bytes_per_minute / 60.0, now)
        self.in_flight = 0


class Visit:
    """One admitted request: holds a place and a reservation of bytes until `leave`."""

    __slots__ = ("_allowance", "_reserved", "received")

    def __init__(self, allowance: Allowance, reserved: int) -> None:
        self._allowance, self._reserved, self.received = allowance, reserved, 0
        allowance.in_flight += 1

    def leave(self) -> None:
        self._allowance.in_flight -= 1
        self._allowance.bytes.give(self._reserved - self.received)  # a debt where more came than was reserved


class Holders:
    """The allowances of all holders, made when a holder first asks."""

    def __init__(self, limits: KeyLimits, clock: Clock = time.monotonic) -> None:
        self._limits, self._clock = limits, clock
        self._allowances: dict[str, Allowance] = {}

    def enter(self, holder: str, body_bytes: int | None) -> Visit:
        """Let one request in.

        Args:
            holder: a name in the key file.
            body_bytes: as announced; None if nothing was, then the body of one photo is reserved.

        Raises:
            RateLimited: over the limit of requests, of bytes, or of requests at once.
        """
        limits, now = self._limits, self._clock()
        allowance = self._allowances.get(holder)
        if allowance is None:
            allowance = self._allowances[holder] = Allowance(limits, now)
        if allowance.in_flight >= limits.in_flight:
            raise RateLimited(f"This key has {limits.in_flight} requests open, which is its limit.", IN_FLIGHT_WAIT_S)
        if wait_s := allowance.requests.take(1, now):
            limit = f"{limits.requests_per_s:g} requests a second in bursts of {limits.burst}"
            raise RateLimited(f"This key is over its limit of {limit}.", wait_s)
        reserved = limits.max_body_bytes if body_bytes is None else min(body_bytes, limits.largest_bytes)
        if wait_s := allowance.bytes.take(reserved, now):
            raise RateLimited(f"This key is over its limit of {limits.bytes_per_minute} bytes a minute.", wait_s)
        return Visit(allowance, reserved)

    def keep_only(self, holders: Collection[str]) -> None:
        """Forget holders that have left the key file."""
        for name in self._allowances.keys() - set(holders):
            del self._allowances[name]


class Peers:
    """Wrong keys by peer; of too many peers the ones longest quiet are forgotten."""

    def __init__(self, per_minute: int, clock: Clock = time.monotonic, most: int = MAX_PEERS) -> None:
        self._per_minute, self._clock, self._most = per_minute, clock, most
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def fail(self, peer: str) -> None:
        """Note a wrong key.

        Raises:
            RateLimited: the peer has tried too many.
        """
        now = self._clock()
        bucket = self._buckets.pop(peer, None) or Bucket(self._per_minute, self._per_minute / 60.0, now)
        self._buckets[peer] = bucket
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        if wait_s := bucket.take(1, now):
            raise RateLimited("Too many wrong keys came from this address.", wait_s)


def peer_of(client: object) -> str:
    """Name the network that a connection came from: the socket's address, of IPv6 the /64; headers play no part.

    Args:
        client: `scope["client"]`, a pair of host and port, or None.
    """
    host = client[0] if isinstance(client, (tuple, list)) and client else ""
    try:
        address: IPv4Address | IPv6Address = ip_address(str(host).partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is None:
            return str(ip_network((address, 64), strict=False))
        address = address.ipv4_mapped
    return str(address)
