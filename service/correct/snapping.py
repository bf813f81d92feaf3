"""Corrected tracks brought to the road network by an operator's own Valhalla or OSRM. What it says moves nothing.

    Valhalla   POST /trace_attributes with a shape of times and accuracies, `map_snap`; a matched point a shape point
    OSRM       GET /match/v1/driving/LON,LAT;... with timestamps and radiuses; a tracepoint, or null, a coordinate

Needs httpx (the extra `client`), and is imported where the settings name a URL, and nowhere else.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import ssl
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import httpx

from models.geo import distance_m
from service.correct.responses import SnappedOut
from service.fleet.fix import Corrected, Fix, FleetNotice
from service.fleet.gaussian import round_sigma
from service.responses import DECIMALS

Kind = Literal["valhalla", "osrm"]
MOST_POINTS = 100
"""Of one question: OSRM's own default."""
MOST_BYTES = 4 * 1024 * 1024
LEAST_RADIUS_M, MOST_RADIUS_M = 5.0, 100.0
"""What accuracies are told as: narrower finds no road, wider finds every road."""
FAILED = "The road network could not be asked, so these fixes have no snapped place."
Place = tuple[float, float]


class Snapper:
    """Asks one map matcher.

    Args:
        url: base URL.
        timeout_s: for all questions of one call together.
    """

    def __init__(self, url: str, kind: Kind, timeout_s: float) -> None:
        for chatty in ("httpx", "httpcore"):
            logging.getLogger(chatty).setLevel(logging.ERROR)  # they tell URLs, and URLs hold positions
        self._url, self._kind, self._timeout_s = url.rstrip("/"), kind, timeout_s
        self._tls = ssl.create_default_context() if url.startswith("https:") else False

    async def snap(
        self, fixes: Sequence[Fix], corrected: Sequence[Corrected]
    ) -> tuple[dict[int, SnappedOut], tuple[FleetNotice, ...]]:
        """Snap the corrected places of each device that has two or more with a time; by index.

        A device whose question fails is told by a notice, and the others go on. What is rejected is not asked about.
        """
        found: dict[int, SnappedOut] = {}
        failed: list[int] = []
        open_ones = list(_runs(fixes, corrected))
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                httpx.AsyncClient(verify=self._tls, timeout=self._timeout_s, follow_redirects=False) as client,
            ):
                while open_ones:
                    run = open_ones[0]
                    try:
                        places = await self._ask(client, run)
                    except (httpx.HTTPError, ValueError, TypeError, KeyError, LookupError):
                        failed += [one.index for _, one in run]
                    else:
                        pairs = zip(run, places, strict=True)
                        found |= {one.index: _told(one, place) for (_, one), place in pairs if place is not None}
                    open_ones.pop(0)
        except TimeoutError:
            failed += [one.index for run in open_ones for _, one in run]
        notices = (FleetNotice("snapping_failed", FAILED, tuple(sorted(failed))),) if failed else ()
        return found, notices

    async def _ask(self, client: httpx.AsyncClient, run: Sequence[tuple[Fix, Corrected]]) -> list[Place | None]:
        if self._kind == "valhalla":
            said = await _read(client, client.build_request("POST", f"{self._url}/trace_attributes", json=_shape(run)))
            return [_valhalla_place(point) for point in _as_long(said["matched_points"], run)]
        path, query = _coordinates(run)
        said = await _read(client, client.build_request("GET", f"{self._url}/match/v1/driving/{path}", params=query))
        if said.get("code") == "NoMatch":
            return [None] * len(run)
        return [_osrm_place(point) for point in _as_long(said["tracepoints"], run)]


async def _read(client: httpx.AsyncClient, request: httpx.Request) -> Any:
    """Send a question; give the JSON of its answer.

    Raises:
        httpx.HTTPError: there is none, or one that is too long.
        ValueError: it is no JSON.
    """
    response = await client.send(request, stream=True)
    try:
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > MOST_BYTES:
                raise httpx.DecodingError("the answer is too long", request=request)
    finally:
        await response.aclose()
    said = json.loads(body)
    if response.status_code != httpx.codes.OK and not (isinstance(said, dict) and said.get("code") == "NoMatch"):
        response.raise_for_status()
        raise ValueError(f"status {response.status_code}")
    return said


def _runs(fixes: Sequence[Fix], corrected: Sequence[Corrected]) -> Iterator[list[tuple[Fix, Corrected]]]:
    """Give the fixes of each device in time order, so many at a time."""
    devices: dict[str, list[tuple[Fix, Corrected]]] = {}
    for fix, one in zip(fixes, corrected, strict=True):
        if fix.timestamp is not None and one.status != "rejected_outlier":
            devices.setdefault(fix.device_id, []).append((fix, one))
    for pairs in devices.values():
        pairs.sort(key=lambda pair: _seconds(pair[0]))
        for begin in range(0, len(pairs), MOST_POINTS):
            run = pairs[begin : begin + MOST_POINTS]
            if len(run) > 1:
                yield run


def _seconds(fix: Fix) -> float:
    return 0.0 if fix.timestamp is None else fix.timestamp.timestamp()


def _radius_m(one: Corrected) -> float:
    """One sigma, as both want it."""
    return min(MOST_RADIUS_M, max(LEAST_RADIUS_M, round_sigma(one.radius_m_68, 0.68)))


def _shape(run: Sequence[tuple[Fix, Corrected]]) -> Mapping[str, Any]:
    shape = [
        {
            "lat": round(one.lat, DECIMALS),
            "lon": round(one.lon, DECIMALS),
            "time": round(_seconds(fix)),
            "accuracy": round(_radius_m(one)),
        }
        for fix, one in run
    ]
    wanted = {"attributes": ["matched.point", "matched.type"], "action": "include"}
    return {"shape": shape, "costing": "auto", "shape_match": "map_snap", "filters": wanted}


def _coordinates(run: Sequence[tuple[Fix, Corrected]]) -> tuple[str, Mapping[str, str]]:
    path = ";".join(f"{one.lon:.{DECIMALS}f},{one.lat:.{DECIMALS}f}" for _, one in run)
    return path, {
        "timestamps": ";".join(str(round(_seconds(fix))) for fix, _ in run),
        "radiuses": ";".join(f"{_radius_m(one):.1f}" for _, one in run),
        "overview": "false",
    }


def _as_long(points: Any, run: Sequence[object]) -> list[Any]:
    if not isinstance(points, list) or len(points) != len(run):
        raise ValueError("no answer for each point")
    return points


def _valhalla_place(point: Any) -> Place | None:
    return None if point.get("type") == "unmatched" else _place(point["lat"], point["lon"])


def _osrm_place(point: Any) -> Place | None:
    return None if point is None else _place(point["location"][1], point["location"][0])


def _place(lat: Any, lon: Any) -> Place:
    place = float(lat), float(lon)
    if not (math.isfinite(sum(place)) and abs(place[0]) <= 90 and abs(place[1]) <= 180):
        raise ValueError("a place that is none")
    return place


def _told(one: Corrected, place: Place) -> SnappedOut:
    away = float(distance_m(one.lat, one.lon, *place))
    return SnappedOut(lat=round(place[0], DECIMALS), lon=round(place[1], DECIMALS), distance_m=round(away, 2))
