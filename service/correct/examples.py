"""A question and its answer as they were, of a sample city: its photo `photos/0006.jpg` goes with the first fix.

skyfix sample-city --seed 5201 --photos 32 --panoramas 0 --out city
skyfix index build --source city/ortho.tif --out index --name sample-city
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
QUESTION: Json = {
    "fixes": [
        {
            "device_id": "van-17",
            "timestamp": "2026-11-21T20:23:10Z",
            "lat": 48.0024292,
            "lon": 9.0051415,
            "accuracy_m": 35,
            "accuracy_percentile": 68,
            "speed_mps": 0.4,
            "heading_deg": 208,
            "image": "part:img0",
        },
        {
            "device_id": "van-17",
            "timestamp": "2026-11-21T20:23:11Z",
            "lat": 48.0023932,
            "lon": 9.0050879,
            "accuracy_m": 35,
            "accuracy_percentile": 68,
            "speed_mps": 0.4,
            "heading_deg": 208,
        },
        {
            "device_id": "van-18",
            "timestamp": "2026-11-21T20:23:10Z",
            "lat": 48.0020977,
            "lon": 9.0060608,
            "accuracy_m": 35,
            "accuracy_percentile": 68,
        },
    ],
    "false_alarm_rate": 0.001,
}
ANSWER: Json = {
    "request_id": "5f0c2f1d9f5e4a0c8f1f6f1f1b7c9a10",
    "corrected": [
        {
            "index": 0,
            "device_id": "van-17",
            "status": "corrected",
            "original": {
                "timestamp": "2026-11-21T20:23:10Z",
                "lat": 48.0024292,
                "lon": 9.0051415,
                "accuracy_m": 35.0,
                "accuracy_percentile": 68.0,
                "heading_deg": 208.0,
                "speed_mps": 0.4,
            },
            "position": {
                "lat": 48.0025602,
                "lon": 9.0049229,
                "radius_m_68": 8.8,
                "radius_m_95": 45.7,
                "covariance_enu_m2": [191.95, -102.5, -102.5, 168.69],
            },
            "moved_m": 21.87,
            "innovation_chi2": 1.31,
            "visual_used": True,
            "confidence": 0.923,
        },
        {
            "index": 1,
            "device_id": "van-17",
            "status": "corrected",
            "original": {
                "timestamp": "2026-11-21T20:23:11Z",
                "lat": 48.0023932,
                "lon": 9.0050879,
                "accuracy_m": 35.0,
                "accuracy_percentile": 68.0,
                "heading_deg": 208.0,
                "speed_mps": 0.4,
            },
            "position": {
                "lat": 48.0025601,
                "lon": 9.0049229,
                "radius_m_68": 19.6,
                "radius_m_95": 34.4,
                "covariance_enu_m2": [192.13, -102.44, -102.44, 168.88],
            },
            "moved_m": 22.27,
            "visual_used": False,
        },
        {
            "index": 2,
            "device_id": "van-18",
            "status": "kept",
            "original": {
                "timestamp": "2026-11-21T20:23:10Z",
                "lat": 48.0020977,
                "lon": 9.0060608,
                "accuracy_m": 35.0,
                "accuracy_percentile": 68.0,
            },
            "position": {
                "lat": 48.0020977,
                "lon": 9.0060608,
                "radius_m_68": 35.0,
                "radius_m_95": 56.8,
                "covariance_enu_m2": [537.55, 0.0, 0.0, 537.55],
            },
            "moved_m": 0.0,
            "visual_used": False,
        },
    ],
    "index": "sample-city@1",
    "model": "sample-city@3",
    "notices": [
        {"code": "fov_from_exif", "detail": "Field of view 67.3° by the EXIF focal length.", "fix_indexes": [0]}
    ],
    "timings_ms": {
        "receive": 12.8,
        "decode": 54.21,
        "preprocess": 15.66,
        "queue": 11.95,
        "inference": 16.38,
        "search": 1286.42,
    },
}
STREAM: list[Json] = [
    {
        "device_id": "van-17",
        "timestamp": "2026-11-21T20:23:10Z",
        "lat": 48.0024292,
        "lon": 9.0051415,
        "accuracy_m": 35,
        "accuracy_percentile": 68,
    },
    {"device_id": "van-17", "timestamp": "yesterday", "lat": 48.0023932, "lon": 9.0050879},
]
"""Lines of NDJSON, and below what came back."""
STREAMED: list[Json] = [
    {
        "corrected": {
            "index": 0,
            "device_id": "van-17",
            "status": "kept",
            "original": {
                "timestamp": "2026-11-21T20:23:10Z",
                "lat": 48.0024292,
                "lon": 9.0051415,
                "accuracy_m": 35.0,
                "accuracy_percentile": 68.0,
            },
            "position": {
                "lat": 48.0024292,
                "lon": 9.0051415,
                "radius_m_68": 35.0,
                "radius_m_95": 56.8,
                "covariance_enu_m2": [537.55, 0.0, 0.0, 537.55],
            },
            "moved_m": 0.0,
            "visual_used": False,
        }
    },
    {
        "problem": {
            "index": 1,
            "line": 2,
            "type": "urn:skyfix:problem:invalid_parameter",
            "title": "Invalid parameter",
            "status": 422,
            "code": "invalid_parameter",
            "detail": "timestamp: is no RFC 3339 time with offset, from 1970 on and without leap second, "
            "as 2026-11-21T20:23:10Z.",
            "request_id": "5f0c2f1d9f5e4a0c8f1f6f1f1b7c9a10",
            "errors": [
                {
                    "pointer": "timestamp",
                    "detail": "is no RFC 3339 time with offset, from 1970 on and without leap second, "
                    "as 2026-11-21T20:23:10Z.",
                }
            ],
        }
    },
    {
        "summary": {
            "request_id": "5f0c2f1d9f5e4a0c8f1f6f1f1b7c9a10",
            "is_complete": True,
            "fixes": 1,
            "statuses": {"kept": 1},
            "problems": 1,
            "index": "sample-city@1",
            "model": "sample-city@3",
            "notices": [],
            "timings_ms": {"queue": 18.47, "search": 0.13},
        }
    },
]
