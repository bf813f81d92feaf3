"""POST /track: one step of a moving camera. The belief goes out and comes back in a token; nothing is kept here."""

from __future__ import annotations

import logging
import math

import numpy as np
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from index.gallery import TileFacts
from models.geo import distance_m
from service.abandoned import while_there
from service.deadline import HEADER as DEADLINE
from service.deadline import Deadline, deadline_of
from service.errors import TrackTokenInvalid
from service.index_localizer import UNCALIBRATED
from service.instance import Service
from service.likelihood import LikelihoodSource
from service.localizer import Localizer
from service.query import Answer, Notice, Reckoning
from service.requests import FORM_OR_JSON, check_headers, read_body
from service.timeline import Timeline, server_timing
from service.tracking.belief import Belief, belief_of
from service.tracking.frame import PhotoFrame
from service.tracking.reading import TrackUpload, read_upload
from service.tracking.responses import TrackResponse, track_response
from service.tracking.step import Observation, Step, Tracker, tracker_of
from service.tracking.token import POINTER, Tokens, context_of, new_secret, read_secrets
from service.tracking.told import TrackPlace

BLIND_CELLS, BLIND_M2, BLIND_SPACING_M = 1, 1e8, 10.0
"""Of an index whose model tells no likelihood: tracks go by fixes and motion there."""
logger = logging.getLogger("skyfix")


def add_track(app: FastAPI, service: Service) -> None:
    settings = service.settings
    tokens = _tokens(service)

    @app.post("/track")
    async def track(request: Request) -> JSONResponse:
        service.served.check_any()
        media_type = check_headers(request, settings.max_body_bytes, FORM_OR_JSON)
        deadline = deadline_of(request.headers.get(DEADLINE), settings.deadline_s)
        timeline: Timeline = request.state.timeline
        with service.pipeline.place():
            with timeline.measure("receive"):
                body = await read_body(request, settings.max_body_bytes, settings.body_timeout_s)
                upload = await service.pipeline.off_loop(lambda: _read(request, media_type, body))
            body = b""  # the photo is a copy
            localizer = service.served.named(upload.asked.search.index).ask()
            work = _answer(service, localizer, tokens, upload, deadline, request)
            answer = await while_there(request.receive, work)
        with timeline.measure("serialize"):
            response = JSONResponse(answer.model_dump(exclude_none=True))
        response.headers["Server-Timing"] = server_timing(timeline.seconds())
        return response


def _tokens(service: Service) -> Tokens:
    """Raises TrackSecretInvalid."""
    settings = service.settings
    if settings.track_secret_file is not None:
        return Tokens(read_secrets(settings.track_secret_file), settings.track_ttl_s)
    if settings.track_secret is None:
        logger.info(
            "tracks go on in this process alone: without SKYFIX_TRACK_SECRET_FILE no replica believes its tokens"
        )
    return Tokens((settings.track_secret or new_secret(),), settings.track_ttl_s)


def _read(request: Request, media_type: str, body: bytes) -> TrackUpload:
    return read_upload(media_type, request.headers.get("content-type", ""), bool(request.query_params), body)


async def _answer(
    service: Service, localizer: Localizer, tokens: Tokens, upload: TrackUpload, deadline: Deadline, request: Request
) -> TrackResponse:
    asked, timeline = upload.asked, request.state.timeline
    context = context_of(localizer.about)
    belief = None if asked.track_token is None else _belief(tokens.read(asked.track_token, context))
    source = localizer.likelihoods
    tracker = _tracker(source, asked.top_k or service.settings.top_k)
    tracker.check_time(belief, asked.time_s)
    view, notices = None, list[Notice]()
    if upload.image is not None:
        view = await service.pipeline.view(localizer, upload.image, asked.query(), deadline, timeline)
        notices += [notice for notice in view.prepared.notices if notice != UNCALIBRATED]
        notices += [UNCALIBRATED] if source is None else []
    fix = None
    if asked.fix is not None:
        fix, assumed = asked.fix.read()
        notices += assumed
    compass = asked.compass

    def work() -> tuple[Step, list[TileFacts | None]]:
        yaw = math.radians(asked.camera.yaw_deg or 0.0)
        frame = None if source is None or view is None else PhotoFrame(source, view, yaw)
        seen = Observation(asked.time_s, frame, fix, asked.moves)
        if compass is not None:
            seen = Observation(asked.time_s, frame, fix, asked.moves, *compass)
        step = tracker.step(belief, seen)
        return step, [_tile(source, place) for place in step.estimate.places]

    step, tiles = await service.pipeline.search(work, deadline, timeline)
    issued = tokens.issue(step.belief.to_bytes(), context)
    request.state.answer = _counted(step, localizer)
    return track_response(
        step,
        issued,
        tiles,
        (localizer.about.index, localizer.about.model),
        [*notices, *step.notices],
        asked.camera.yaw_deg or 0.0,
        asked.timestamp,
        request.state.request_id,
        timeline.seconds(),
    )


def _belief(data: bytes) -> Belief:
    try:
        return belief_of(data)
    except ValueError:  # signed, and of a version that this program does not know
        raise TrackTokenInvalid(POINTER, "is of another version of the service. Begin the track anew.") from None


def _tracker(source: LikelihoodSource | None, top_k: int) -> Tracker:
    if source is not None:
        return tracker_of(source, most_places=top_k)
    return Tracker(BLIND_CELLS, BLIND_M2, BLIND_SPACING_M, most_places=top_k)


def _tile(source: LikelihoodSource | None, place: TrackPlace) -> TileFacts | None:
    """The nearest tile that shows the place."""
    if source is None:
        return None
    gallery = source.gallery
    rows = gallery.rows_near(place.lat, place.lon, gallery.about.reach_m)
    if not rows.size:
        return None
    away = distance_m(*gallery.centres(rows), place.lat, place.lon)
    return gallery.tile(int(rows[int(np.argmin(away))]))


def _counted(step: Step, localizer: Localizer) -> Answer:
    """A step as the metrics count answers."""
    found = step.estimate
    said = Reckoning(
        found.radius_m_68, found.radius_m_95, found.covariance_m2, found.confidence, found.probability_outside, None
    )
    about = localizer.about
    told = said if found.places else None
    return Answer((), step.mode_used or "prior", step.tiles_scanned, about.index, about.model, (), found.status, told)
