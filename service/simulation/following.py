"""The drives of a fleet through POST /track, step after step; the token goes along and nothing stays in the service."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from service.errors import SimulationFailed
from service.simulation.calls import Caller, Json, Part
from service.simulation.correcting import fix_of, timestamp
from service.simulation.drives import Drive
from service.simulation.outcome import REJECTED, Answered

FIX_FIELDS = ("lat", "lon", "accuracy_m", "accuracy_percentile")


@dataclass(frozen=True, slots=True)
class Followed:
    """A drive as it was followed: answers to the steps with a fix, what was late, and the largest token."""

    answers: list[Answered]
    steps: int
    latest_s: float
    """How much later than its moment the latest step was asked; 0 where steps are not paced."""
    token_bytes: int


def follow(caller: Caller, drive: Drive, photos: Mapping[int, Path], pace: float = 0.0) -> Followed:
    """Follow a drive from its first step to its last.

    Args:
        photos: by step; a photo goes with odometry, and with the fix where there is one.
        pace: simulated seconds a second; 1 is real time, 0 as quickly as answers come.

    Raises:
        SimulationFailed: the service refuses, or a step was lost: the track does not count on.
    """
    answers, token = list[Answered](), None
    started, latest_s, token_bytes = time.monotonic(), 0.0, 0
    for step in range(len(drive)):
        if pace:
            early = started + float(drive.motion.seconds[step]) / pace - time.monotonic()
            time.sleep(max(0.0, early))
            latest_s = max(latest_s, -early)
        reply = caller.post("/track", _form(drive, step, photos.get(step), token))
        if reply.get("step") != step + 1:
            raise SimulationFailed(f"Step {step + 1} of {drive.device_id} was answered as step {reply.get('step')}.")
        token = str(reply["track_token"])
        token_bytes = max(token_bytes, len(token))
        if drive.fixes.has_fix[step]:
            answers.append(_answered(reply, drive, step, step in photos))
    return Followed(answers, len(drive), latest_s, token_bytes)


def _form(drive: Drive, step: int, photo: Path | None, token: str | None) -> list[Part]:
    request: Json = {"timestamp": timestamp(float(drive.motion.seconds[step]))}
    if token is not None:
        request["track_token"] = token
        metres, turn = float(drive.odometry.metres[step]), float(drive.odometry.turn_deg[step])
        request["odometry"] = {"forward_m": round(metres, 3), "turn_deg": round(turn, 3)}
    if drive.fixes.has_fix[step]:
        fix = fix_of(drive, step)
        request["fix"] = {name: fix[name] for name in FIX_FIELDS}
    images = list[Part]()
    if photo is not None:
        request["camera"] = {"yaw_deg": 0}
        images.append(("image", ("photo.jpg", photo.read_bytes(), "image/jpeg")))
    return [("request", (None, json.dumps(request).encode(), "application/json")), *images]


def _answered(reply: Json, drive: Drive, step: int, has_photo: bool) -> Answered:
    codes = {notice["code"] for notice in reply["notices"]}
    position = reply.get("position")
    gps = {"lat": float(drive.gps_lat[step]), "lon": float(drive.gps_lon[step])}
    place = position or gps
    return Answered(
        step=step,
        lat=float(place["lat"]),
        lon=float(place["lon"]),
        radius_68_m=float(place.get("radius_m_68", math.nan)),
        radius_95_m=float(place.get("radius_m_95", math.nan)),
        status=REJECTED if "fix_rejected" in codes else str(reply["status"]),
        chi2=math.nan,
        visual_used=has_photo and "frame_rejected" not in codes and position is not None,
    )
