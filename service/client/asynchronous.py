"""The client for programs with an event loop of asyncio."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

import httpx

from service.client.answers import Answer, Info, Readiness
from service.client.fleet import Corrections, Fix, FleetQuestion
from service.client.question import Camera, Exif, Image, Prior, Search
from service.client.retrying import Call, Failure, Reply, Retries, Send, Wait, converse
from service.client.sets import BatchAnswer, BatchPhoto, ManyQuestion, SetAnswer, SetShot
from service.client.tracks import Motion, Odometry, Tracked, TrackQuestion
from service.client.wire import (
    DEFAULT_TIMEOUT_S,
    INFO_CALL,
    KEEP_ALIVE_S,
    READY_CALL,
    Question,
    collect,
    endpoint,
    failure_of,
    read_answer,
    read_batch,
    read_corrections,
    read_info,
    read_readiness,
    read_set,
    read_tracked,
    timeout_of,
)


class AsyncClient:
    """Asks one service; may be shared by the tasks of one loop, and is closed by `async with` or `aclose`.

    Args:
        url: base URL; else SKYFIX_URL, else http://127.0.0.1:8080.
        api_key: else the contents of `api_key_file`, else SKYFIX_API_KEY, else those of SKYFIX_API_KEY_FILE, else none.
        timeout_s: for a whole call with all its attempts. The service is told what is left of it.
        retries: of what is repeatable: 429, 503, and connections that fail.

    Raises:
        ValueError, OSError: the URL or the key cannot be what it should.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        api_key: str | None = None,
        api_key_file: str | os.PathLike[str] | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        retries: Retries | None = None,
    ) -> None:
        self._endpoint = endpoint(url, api_key, api_key_file)
        self._timeout_s = timeout_of(timeout_s)
        self._retries = retries or Retries()
        limits = httpx.Limits(keepalive_expiry=KEEP_ALIVE_S)
        self._http = httpx.AsyncClient(headers=self._endpoint.headers, limits=limits, follow_redirects=False)

    def __repr__(self) -> str:
        return f"AsyncClient({self._endpoint.url!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._http.aclose()

    async def localize(
        self,
        image: Image,
        *,
        prior: Prior | None = None,
        camera: Camera | None = None,
        search: Search | None = None,
        exif: Exif | None = None,
        top_k: int | None = None,
        include: Sequence[str] = (),
        timeout_s: float | None = None,
        request_id: str | None = None,
        traceparent: str | None = None,
    ) -> Answer:
        """Ask where a photo was taken.

        Args:
            image: path, bytes or open binary file: JPEG, PNG, WebP, HEIC where the service reads it.
            top_k: candidates wanted, 1 to 50; 5 by default.
            include: what to tell beside: attention.
            timeout_s: instead of the client's.
            request_id: instead of one that the service makes; letters, digits, `.`, `_`, `-`, at most 64.
            traceparent: W3C trace context, passed on.

        Raises:
            ProblemError: the service refused; its code says why.
            UnexpectedAnswer, ConnectionFailed, DeadlinePassed: there is no answer.
            ValueError, OSError: the image cannot be sent.
        """
        question = Question(image, prior, camera, search, exif, top_k, request_id, traceparent, include)
        data = await asyncio.to_thread(question.read)
        return read_answer(await self._ask(question.call(data), timeout_s))

    async def localize_batch(
        self,
        photos: Sequence[BatchPhoto | Image],
        *,
        prior: Prior | None = None,
        camera: Camera | None = None,
        search: Search | None = None,
        exif: Exif | None = None,
        top_k: int | None = None,
        timeout_s: float | None = None,
        request_id: str | None = None,
        traceparent: str | None = None,
    ) -> BatchAnswer:
        """Ask where each of up to 16 photos was taken; what is said here is said of all of them.

        Args:
            photos: images, or `BatchPhoto` for those of which more is to be said.

        Raises:
            As `localize`; what is wrong with one photo is among the results instead.
        """
        question = ManyQuestion(
            "/localize/batch", photos, prior, camera, search, exif, top_k, None, request_id, traceparent
        )
        data = await asyncio.to_thread(question.read)
        return read_batch(await self._ask(question.call(data), timeout_s))

    async def localize_set(
        self,
        photos: Sequence[SetShot | Image],
        *,
        prior: Prior | None = None,
        camera: Camera | None = None,
        search: Search | None = None,
        exif: Exif | None = None,
        top_k: int | None = None,
        skip_unusable: bool | None = None,
        timeout_s: float | None = None,
        request_id: str | None = None,
        traceparent: str | None = None,
    ) -> SetAnswer:
        """Ask where 2 to 16 photos of one place were taken, in any order.

        Args:
            photos: images, or `SetShot` for those whose camera or relative heading is known.
            skip_unusable: answer without photos that cannot be used, instead of raising.

        Raises:
            As `localize`.
        """
        question = ManyQuestion(
            "/localize/set", photos, prior, camera, search, exif, top_k, skip_unusable, request_id, traceparent
        )
        data = await asyncio.to_thread(question.read)
        return read_set(await self._ask(question.call(data), timeout_s))

    async def correct(
        self,
        fixes: Sequence[Fix],
        *,
        camera: Camera | None = None,
        yaw_deg: float | None = None,
        false_alarm_rate: float | None = None,
        smooth: bool | None = None,
        index: str | None = None,
        timeout_s: float | None = None,
        request_id: str | None = None,
        traceparent: str | None = None,
    ) -> Corrections:
        """Have fixes corrected by photos, one for one; the answer is in their order.

        Args:
            fixes: 1 to 1,000, of any devices and in any order, at most 32 with a photo.
            camera: of the photos whose fix names none.
            yaw_deg: where the camera looks, clockwise from the direction of travel; 0 forwards.
            false_alarm_rate: share of honest fixes with a photo that may be told rejected_outlier.
            smooth: False: every fix by its own photo alone.
            index: name of the index.

        Raises:
            As `localize`; ValueError also for more than a call takes.
        """
        question = FleetQuestion(fixes, camera, yaw_deg, false_alarm_rate, smooth, index, request_id, traceparent)
        photos = await asyncio.to_thread(question.read)
        return read_corrections(await self._ask(question.call(photos), timeout_s))

    async def track(
        self,
        timestamp: datetime | str,
        *,
        image: Image | None = None,
        fix: Prior | None = None,
        odometry: Odometry | None = None,
        motion: Motion | None = None,
        camera: Camera | None = None,
        yaw_deg: float | None = None,
        track_token: str | None = None,
        index: str | None = None,
        top_k: int | None = None,
        timeout_s: float | None = None,
        request_id: str | None = None,
        traceparent: str | None = None,
    ) -> Tracked:
        """Take one step of a moving camera. `Tracker` keeps the token between steps.

        Args:
            timestamp: aware, or RFC 3339 with an offset; not before that of the step before.
            fix: what GPS says.
            odometry, motion: how it moved, or moves; one of them.
            yaw_deg: where the camera looks, clockwise from the direction of travel; 0 forwards.
            track_token: of the answer before; a track begins without.
            index: name of the index, the same for a whole track.
            top_k: candidates wanted.

        Raises:
            As `localize`; ProblemError with the code track_token_invalid: begin the track anew.
        """
        question = TrackQuestion(
            timestamp, image, fix, odometry, motion, camera, yaw_deg, track_token, index, top_k, request_id, traceparent
        )
        photo = await asyncio.to_thread(question.read)
        return read_tracked(await self._ask(question.call(photo), timeout_s))

    async def info(self, *, timeout_s: float | None = None) -> Info:
        """Ask what answers there: model, index, licences, limits. Raises as `localize`."""
        return read_info(await self._ask(INFO_CALL, timeout_s))

    async def ready(self, *, timeout_s: float | None = None) -> Readiness:
        """Ask whether photos are answered; no is an answer. Raises as `localize`, where nothing says either."""
        return read_readiness(await self._ask(READY_CALL, timeout_s))

    async def _ask(self, call: Call, timeout_s: float | None) -> Reply:
        total_s = self._timeout_s if timeout_s is None else timeout_of(timeout_s)
        conversation = converse(call, total_s, self._retries)
        try:
            step = next(conversation)
            while True:
                if isinstance(step, Wait):
                    await asyncio.sleep(step.seconds)
                    step = conversation.send(None)
                else:
                    step = conversation.send(await self._send(call, step))
        except StopIteration as end:
            reply: Reply = end.value
            return reply

    async def _send(self, call: Call, step: Send) -> Reply | Failure:
        """Send once; a peer that sends little by little is given up when the time is over."""
        try:
            async with (
                asyncio.timeout(step.timeout_s),
                self._http.stream(
                    call.method,
                    self._endpoint.url + call.path,
                    params=call.query,
                    headers=step.headers,
                    content=call.body,
                    timeout=step.timeout_s,
                ) as response,
            ):
                body = bytearray()
                async for chunk in response.aiter_bytes():
                    collect(body, chunk, response.status_code)
                return Reply(response.status_code, dict(response.headers), bytes(body))
        except TimeoutError as error:
            return Failure(error, repeatable=False, timed_out=True)
        except (httpx.TransportError, httpx.DecodingError) as error:
            return failure_of(error)
