"""Every photo by itself through POST /localize with its GPS fix as the prior: what /correct is measured against."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from service.simulation.calls import Caller
from service.simulation.correcting import fix_of
from service.simulation.drives import Drive
from service.simulation.outcome import CORRECTED, NOT_LOCALIZED, Answered


def localize(caller: Caller, drive: Drive, photos: Mapping[int, Path]) -> list[Answered]:
    """Locate the photos of a drive; where none is localized the fix itself is the answer.

    Raises:
        SimulationFailed: the service refuses.
    """
    return [_localize(caller, drive, step, photos[step]) for step in sorted(photos)]


def _localize(caller: Caller, drive: Drive, step: int, photo: Path) -> Answered:
    fix = fix_of(drive, step)
    prior = {name: fix[name] for name in ("lat", "lon", "accuracy_m", "accuracy_percentile")}
    request = json.dumps({"prior": prior, "search": {"mode": "prior"}}).encode()
    image = ("image", ("photo.jpg", photo.read_bytes(), "image/jpeg"))
    reply = caller.post("/localize", [("request", (None, request, "application/json")), image])
    used = reply["status"] == "localized"
    position = reply["position"] if used else fix | {"radius_m_68": fix["accuracy_m"]}
    return Answered(
        step=step,
        lat=float(position["lat"]),
        lon=float(position["lon"]),
        radius_68_m=float(position.get("radius_m_68", float("nan"))),
        radius_95_m=float(position.get("radius_m_95", float("nan"))),
        status=CORRECTED if used else NOT_LOCALIZED,
        chi2=float("nan"),
        visual_used=used,
    )
