"""Two steps of a track as they are asked, and an answer."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
_GREY = (
    "iVBORw0KGgoAAAANSUhEUgAAADAAAAAgCAAAAABxv6TAAAAAHElEQVR42mNsYCANMDGMahjVMKph"
    "VMOohhGgAQDZzQDAKfXpCgAAAABJRU5ErkJggg=="
)
FIRST: Json = {"image": _GREY, "timestamp": "2026-11-21T20:23:10Z", "camera": {"fov_deg": 90}}
NEXT: Json = {
    "timestamp": "2026-11-21T20:23:11Z",
    "odometry": {"forward_m": 7.9, "turn_deg": 2.5},
    "fix": {"lat": 52.5163, "lon": 13.3777, "accuracy_m": 35, "accuracy_percentile": 68},
}
ANSWER: Json = {
    "request_id": "5f0c2f1d9f5e4a0c8f1f6f1f1b7c9a10",
    "status": "localized",
    "timestamp": "2026-11-21T20:23:11Z",
    "step": 7,
    "position": {
        "lat": 52.5165122,
        "lon": 13.3781907,
        "radius_m_68": 6.2,
        "radius_m_95": 10.4,
        "covariance_enu_m2": [17.1, -2.0, -2.0, 15.7],
    },
    "heading": {"deg": 203.5, "accuracy_deg_68": 4.1},
    "confidence": 0.98,
    "confidence_definition": "P(error <= 25 m)",
    "probability_outside_index": 0.0021,
    "probability_lost": 0.0004,
    "candidates": [
        {"rank": 1, "lat": 52.5165122, "lon": 13.3781907, "probability": 0.9975, "heading_deg": 203.5},
    ],
    "search": {"mode_used": "prior", "tiles_scanned": 12, "index": "berlin@3", "model": "sample-city@1"},
    "track_token": "AQIDBA",
    "expires_at": "2026-11-21T21:23:11Z",
    "notices": [],
    "timings_ms": {"receive": 1.2, "decode": 9.8, "queue": 0.4, "inference": 15.1, "search": 4.9},
}
