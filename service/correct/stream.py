"""POST /correct as NDJSON: a fix a line in, a line for each out, in windows, so that few photos are held at a time.

A window is answered when it is full or the body ends. Its fixes are followed together with the last ones of their
devices that came before; what comes after the window does not count for it, and what was answered stays so.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AbstractContextManager, aclosing
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from models.errors import SkyfixError
from service.abandoned import while_there
from service.correct.lines import lines_of
from service.correct.question import Question
from service.correct.responses import SummaryOut, corrected_out, notices_out
from service.correct.schema import FixRequest, Settled
from service.correct.windows import Line, windows_of
from service.correct.work import Seen, look, settle
from service.deadline import Deadline
from service.fleet.fix import Corrected, FleetNotice
from service.fleet.observation import Observation
from service.instance import Service
from service.localizer import Localizer
from service.problems import body_of
from service.timeline import Timeline

T = TypeVar("T")
CONTEXT = 200
"""Fixes before a window that it is followed with, so that a long body takes no longer than its parts."""
NDJSON = "application/x-ndjson"
BASE64, BESIDE = 4 / 3, 4096
"""Characters a byte of a photo has, and bytes of a line beside it."""


class Stream:
    """One call of lines.

    Args:
        settled: what goes for all fixes.
    """

    def __init__(
        self, service: Service, localizer: Localizer, settled: Settled, deadline: Deadline, request: Request
    ) -> None:
        self._service, self._localizer, self._settled = service, localizer, settled
        self._deadline, self._request = deadline, request
        self._timeline: Timeline = request.state.timeline
        self._asked: list[FixRequest] = []
        self._observations: dict[int, Observation] = {}
        self._notices: list[FleetNotice] = []
        self._lines: list[int] = []
        self._statuses: Counter[str] = Counter()
        self._problems = 0
        self._is_read = False

    async def answer(self) -> AsyncIterator[bytes]:
        """Give the lines of the answer, window by window; the summary is the last, after what ended the call early."""
        settings, is_complete = self._service.settings, True
        longest = int(settings.max_body_bytes * BASE64) + BESIDE
        chunks = self._request.stream()
        lines = lines_of(chunks, settings.max_many_body_bytes, longest, settings.body_timeout_s)
        try:
            async with aclosing(chunks), aclosing(lines), aclosing(windows_of(self._noted(lines), longest)) as windows:
                async for window in windows:
                    yield await self._answered(window)
        except SkyfixError as error:
            is_complete = False
            self._request.state.rejected = error.code
            yield self._problem(error)
        yield _line("summary", self._summary(is_complete=is_complete))

    async def _noted(self, lines: AsyncIterator[T]) -> AsyncIterator[T]:
        """Pass lines on; note when the body has ended."""
        async for line in lines:
            yield line
        self._is_read = True

    async def _answered(self, window: list[Line]) -> bytes:
        photos = {}
        begin = len(self._asked)
        for line in window:
            if line.fix is not None:
                if line.photo is not None:
                    photos[len(self._asked)] = line.photo
                self._asked.append(line.fix)
                self._lines.append(line.index)
        corrected = iter(await self._there(self._corrected(photos, begin)))
        told = []
        for line in window:
            if line.error is not None:
                told.append(self._problem(line.error, index=line.index, line=line.number))
            elif line.fix is not None:
                told.append(_line("corrected", corrected_out(line.fix, next(corrected), line.index)))
        return b"".join(told)

    async def _corrected(self, photos: dict[int, bytes], begin: int) -> Sequence[Corrected]:
        """Look at the window's photos and reckon its fixes with those that came before; give those from `begin` on."""
        if begin == len(self._asked):
            return ()
        places = [*self._before(begin), *range(begin, len(self._asked))]
        local = {place: number for number, place in enumerate(places)}
        asked = tuple(self._asked[place] for place in places)
        question = Question(asked, self._settled, {local[place]: photo for place, photo in photos.items()})
        pipeline, deadline, timeline = self._service.pipeline, self._deadline, self._timeline
        seen = await look(pipeline, self._localizer, question, deadline, timeline)
        self._observations |= {places[number]: photo for number, photo in seen.observations.items()}
        known = {local[place]: photo for place, photo in self._observations.items() if place in local}
        corrected, notices = await settle(pipeline, question, Seen(known, seen.notices), deadline, timeline)
        self._notices += [
            replace(notice, fix_indexes=tuple(self._lines[places[number]] for number in notice.fix_indexes))
            for notice in notices
        ]
        window = corrected[local[begin] :]
        self._service.metrics.count_fixes(window)
        self._statuses.update(fix.status for fix in window)
        return window

    def _before(self, begin: int) -> list[int]:
        """The places of the last fixes before a window, of the devices in it."""
        devices = {fix.device_id for fix in self._asked[begin:]}
        earlier = [place for place in range(begin) if self._asked[place].device_id in devices]
        return earlier[-CONTEXT:]

    async def _there(self, work: Coroutine[Any, Any, T]) -> T:
        """Run work; once the body has been read, as long as the client is there."""
        return await (while_there(self._request.receive, work) if self._is_read else work)

    def _problem(self, error: SkyfixError, **place: int) -> bytes:
        self._problems += 1
        return _line("problem", {**place, **body_of(error, self._request.state.request_id)})

    def _summary(self, *, is_complete: bool) -> SummaryOut:
        about = self._localizer.about
        return SummaryOut(
            request_id=self._request.state.request_id,
            is_complete=is_complete,
            fixes=len(self._asked),
            statuses=dict(sorted(self._statuses.items())),
            problems=self._problems,
            index=about.index,
            model=about.model,
            notices=notices_out(self._notices),
            timings_ms={stage: round(seconds * 1000, 2) for stage, seconds in self._timeline.seconds().items()},
        )


class LineResponse(Response):
    """Sends lines as they come, and holds places of the pipeline meanwhile.

    Starlette's own streaming would listen for the client to leave, and take from the body what it hears instead.
    """

    media_type = NDJSON

    def __init__(self, lines: AsyncIterator[bytes], place: AbstractContextManager[object]) -> None:
        super().__init__()
        del self.headers["content-length"]
        self._lines, self._place = lines, place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        with self._place:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            async for line in self._lines:
                await send({"type": "http.response.body", "body": line, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})


def _line(kind: str, content: BaseModel | dict[str, Any]) -> bytes:
    plain = content.model_dump(mode="json", exclude_none=True) if isinstance(content, BaseModel) else content
    return json.dumps({kind: plain}, allow_nan=False, separators=(",", ":")).encode() + b"\n"
