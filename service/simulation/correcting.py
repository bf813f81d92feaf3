"""The drives of a fleet through POST /correct: a device's fixes in time order, as many a call as it takes."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from service.errors import SimulationFailed
from service.simulation.calls import Caller, Json, Part
from service.simulation.drives import Drive
from service.simulation.outcome import Answered

MOST_FIXES, MOST_PHOTOS = 1000, 32
"""A call, by the contract."""
START = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Question:
    """How fixes are sent.

    Attributes:
        fixes_per_call: at most; 1 has every fix answered by itself, without the ones around it.
        tell_motion: speed and course go with the fixes.
        options: further fields of the call, as the rate of false alarms.
    """

    fixes_per_call: int = MOST_FIXES
    tell_motion: bool = True
    options: Mapping[str, object] | None = None


def timestamp(seconds: float) -> str:
    """RFC 3339 with milliseconds."""
    return (START + timedelta(seconds=round(seconds, 3))).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def calls_of(drive: Drive, fixes_per_call: int = MOST_FIXES) -> Iterator[list[int]]:
    """Cut a drive into calls: steps with a fix, in order, within both limits."""
    steps: list[int] = []
    photos = 0
    for step in range(len(drive)):
        if not drive.fixes.has_fix[step]:
            continue
        photo = bool(drive.takes_photo[step])
        if len(steps) == fixes_per_call or photos + photo > MOST_PHOTOS:
            yield steps
            steps, photos = [], 0
        steps.append(step)
        photos += photo
    if steps:
        yield steps


def fix_of(drive: Drive, step: int, tell_motion: bool = True) -> Json:
    """One fix as the contract writes it, without its photo."""
    fix: Json = {
        "device_id": drive.device_id,
        "timestamp": timestamp(float(drive.motion.seconds[step])),
        "lat": round(float(drive.gps_lat[step]), 7),
        "lon": round(float(drive.gps_lon[step]), 7),
        "accuracy_m": round(float(drive.fixes.accuracy_m[step]), 2),
        "accuracy_percentile": 68,
    }
    if tell_motion:
        fix["speed_mps"] = round(float(drive.speed_mps[step]), 2)
        if not math.isnan(drive.course_deg[step]):
            fix["heading_deg"] = round(float(drive.course_deg[step]), 1) % 360.0
    return fix


def correct(caller: Caller, drive: Drive, photos: Mapping[int, Path], question: Question) -> list[Answered]:
    """Have a drive corrected; one answer for every fix.

    Args:
        photos: by step; without one a fix goes alone.

    Raises:
        SimulationFailed: the service refuses, or does not answer one for one.
    """
    answers: list[Answered] = []
    for steps in calls_of(drive, question.fixes_per_call):
        reply = caller.post("/correct", _form(drive, steps, photos, question))
        corrected = reply.get("corrected", [])
        if [one.get("index") for one in corrected] != list(range(len(steps))):
            raise SimulationFailed(f"{len(steps)} fixes were sent to /correct, {len(corrected)} came back.")
        answers += [_answered(step, one, drive) for step, one in zip(steps, corrected, strict=True)]
    return answers


def _form(drive: Drive, steps: Sequence[int], photos: Mapping[int, Path], question: Question) -> list[Part]:
    fixes: list[Json] = []
    images: list[Part] = []
    for step in steps:
        fix = fix_of(drive, step, question.tell_motion)
        if step in photos:
            name = f"img{len(images)}"
            fix["image"] = f"part:{name}"
            images.append((name, (f"{name}.jpg", photos[step].read_bytes(), "image/jpeg")))
        fixes.append(fix)
    content = json.dumps({"fixes": fixes, **(question.options or {})}).encode()
    return [("fixes", (None, content, "application/json")), *images]


def _answered(step: int, one: Json, drive: Drive) -> Answered:
    position, photo = one.get("position") or {}, one.get("photo_position")
    return Answered(
        step=step,
        lat=float(position.get("lat", drive.gps_lat[step])),
        lon=float(position.get("lon", drive.gps_lon[step])),
        radius_68_m=_number(position.get("radius_m_68")),
        radius_95_m=_number(position.get("radius_m_95")),
        status=str(one["status"]),
        chi2=_number(one.get("innovation_chi2")),
        visual_used=bool(one.get("visual_used", False)),
        photo=None if photo is None else (float(photo["lat"]), float(photo["lon"])),
    )


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan
