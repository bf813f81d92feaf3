"""A question and its answer, as they were."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
QUESTION: Json = {
    "fixes": [
        {
            "device_id": "van-17",
            "timestamp": "2026-11-21T20:23:10Z",
            "lat": 52.5163,
            "lon": 13.3777,
            "accuracy_m": 35,
            "accuracy_percentile": 68,
        }
    ]
}
ANSWER: Json = {
    "request_id": "x",
    "corrected": [],
    "index": "sample-city@1",
    "model": "sample-city@1",
    "notices": [],
    "timings_ms": {},
}
STREAM_LINES = '{"lat": 52.5163, "lon": 13.3777}\n'
STREAMED_LINES = "{}\n"
