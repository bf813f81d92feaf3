"""Tracks of files, corrected by a running service; needs the extra `client`."""

from __future__ import annotations

from service.client import Camera, Client, Correction, Fix, Position
from service.client.fleet import MOST_FIXES, MOST_PHOTOS
from service.correct.jobs import Done, Job, OnPhoto, ReadPhoto, joined, parts_of
from service.correct.schema import FixRequest, Settled
from service.fleet.fix import Corrected, FleetNotice, Place

MOST_BYTES = 24 * 1024 * 1024
"""Of the photos of one call; a service takes 32 MiB by default."""
CALL_TIMEOUT_S = 300.0


class ByService:
    """Corrects by POST /correct, in as many calls as it takes. At their borders a device is followed anew."""

    def __init__(self, client: Client, settled: Settled) -> None:
        self._client, self._settled = client, settled

    def correct(self, job: Job, read: ReadPhoto, on_photo: OnPhoto) -> Done:
        parts = parts_of(job, lambda number: len(read(number)), MOST_FIXES, MOST_PHOTOS, MOST_BYTES)
        return joined(job, (self._ask(part, read, on_photo) for part in parts))

    def _ask(self, job: Job, read: ReadPhoto, on_photo: OnPhoto) -> Done:
        camera = self._settled.camera
        asked = [
            _fix(fix, None if stop.photo is None else read(stop.photo))
            for stop, fix in zip(job.stops, job.fixes, strict=True)
        ]
        answer = self._client.correct(
            asked,
            camera=Camera(**camera.model_dump(exclude={"yaw_deg"})),
            yaw_deg=camera.yaw_deg,
            false_alarm_rate=self._settled.false_alarm_rate,
            smooth=self._settled.smooth,
            index=self._settled.search.index,
            timeout_s=CALL_TIMEOUT_S,
        )
        for stop in job.stops:
            if stop.photo is not None:
                on_photo()
        notices = tuple(FleetNotice(each.code, each.detail, each.fix_indexes) for each in answer.notices)
        return Done(job, [_corrected(each) for each in answer.corrected], notices)


def _fix(fix: FixRequest, photo: bytes | None) -> Fix:
    said = fix.model_dump(exclude_none=True, exclude={"image", "camera", *(() if photo else ("image_timestamp",))})
    return Fix(**said, image=photo)


def _corrected(told: Correction) -> Corrected:
    position, photo = told.position, told.photo_position
    return Corrected(
        index=told.index,
        device_id=told.device_id or "",
        status=told.status,  # type: ignore[arg-type]  # a newer service may have more words
        lat=position.lat,
        lon=position.lon,
        radius_m_68=position.radius_m_68 or 0.0,
        radius_m_95=position.radius_m_95 or 0.0,
        covariance_enu_m2=position.covariance_enu_m2 or (0.0, 0.0, 0.0, 0.0),
        moved_m=told.moved_m,
        innovation_chi2=told.innovation_chi2,
        visual_used=told.visual_used,
        confidence=told.confidence,
        photo=None if photo is None else _place(photo),
    )


def _place(photo: Position) -> Place:
    return Place(photo.lat, photo.lon, photo.radius_m_68 or 0.0, photo.radius_m_95 or 0.0)
