"""Photos out of a film: by its own time stamps, upright, one at a time; what is broken in it is passed over.

Needs PyAV, the extra `video`.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image

from models.image import UPRIGHT, GpsFix, ImageLimits
from service.errors import FramesInvalid
from service.query import Notice
from service.track_files.frames import Frame
from service.track_files.photo_time import time_in_name
from service.track_files.points import Oddities
from service.track_files.values import read_time

LONG_SIDE_PX = 2048
"""Larger pictures are scaled down; no network looks closer."""
QUALITY = 92
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
"""Cameras whose clock is not set say 1904 or 1970."""
CREATED = ("com.apple.quicktime.creationdate", "creation_time", "date")
PLACED = ("com.apple.quicktime.location.ISO6709", "location", "location-eng")
ISO_6709 = re.compile(r"([+-]\d{1,2}(?:\.\d+)?)([+-]\d{1,3}(?:\.\d+)?)(?:[+-]\d+(?:\.\d+)?)?(?:CRS\w+)?/?", re.ASCII)
MOST_BROKEN = 10_000
LONGEST_S = 30 * 86_400.0
TURNS = {90: UPRIGHT[8], 180: UPRIGHT[3], 270: UPRIGHT[6]}
"""By degrees counterclockwise, as FFmpeg gives them."""
PROTOCOLS = {"protocol_whitelist": "file"}
"""A playlist must not fetch anything from elsewhere."""


class Film:
    """A film, seen once every so many seconds of its own time.

    Args:
        every_s: the first frame at or after each multiple of it is taken; frames may come at any rate.
        start: when it begins, whatever it says.
        zone: of a time that names none.
        keyframes: decode only frames that need no others, which takes a fraction of the time; cameras make one or two
            a second.

    Raises:
        FramesInvalid: it is no film, or its pictures are larger than photos may be.
    """

    def __init__(
        self,
        path: Path,
        *,
        every_s: float = 1.0,
        start: datetime | None = None,
        zone: timezone = UTC,
        keyframes: bool = False,
    ) -> None:
        self._path, self._every_s, self._keyframes, self._oddities = path, every_s, keyframes, Oddities()
        with self._open() as (container, stream):
            said = {**stream.metadata, **container.metadata}
            self._start = start or self._created(said, zone)
            self._position = _placed(said)
            self._seconds = None if not container.duration else container.duration / av.time_base

    @property
    def title(self) -> str:
        long = "" if self._seconds is None else f"{self._seconds:.1f} s, "
        return f"{self._path.name}: {long}a photo every {self._every_s:g} s"

    @property
    def count(self) -> int | None:
        return None if self._seconds is None else int(self._seconds / self._every_s) + 1

    @property
    def position(self) -> GpsFix | None:
        return self._position

    @property
    def notices(self) -> tuple[Notice, ...]:
        return self._oddities.notices()

    def __iter__(self) -> Iterator[Frame]:
        number, following = 0, 0.0
        first: float | None = None
        with self._open() as (container, stream):
            aspect, longest = float(stream.sample_aspect_ratio or 1), self._longest()
            if self._keyframes:
                stream.codec_context.skip_frame = "NONKEY"
            for picture in self._decoded(container, stream):
                at = float(picture.pts * picture.time_base) if picture.pts is not None and picture.time_base else None
                first = at if first is None else first
                if at is None or first is None or at - first > longest:
                    where = f"after {following:.3f} s"
                    self._oddities.add(
                        "frame_without_time", "frame left out that has no time, or none of this film", where
                    )
                    continue
                seconds = at - first
                if seconds < following - 1e-6:
                    continue
                following = (int(seconds / self._every_s + 1e-6) + 1) * self._every_s
                moment = None if self._start is None else self._start + timedelta(seconds=seconds)
                yield Frame(number, f"{self._path.name}@{seconds:.3f}s", seconds, moment, _jpeg(picture, aspect))
                number += 1
        if number == 0:
            raise FramesInvalid(f"{self._path} holds no frame that can be decoded. Record or export it again.")

    def _longest(self) -> float:
        """Give the seconds after which no frame can be: a broken time would have all that follow left out."""
        return LONGEST_S if self._seconds is None else min(LONGEST_S, 1.5 * self._seconds + 60.0)

    def _decoded(self, container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
        """Decode packet after packet; one that is broken costs itself and what builds on it."""
        broken, packets = 0, container.demux(stream)
        while broken < MOST_BROKEN:
            try:
                packet = next(packets, None)
            except av.FFmpegError as error:
                self._oddities.add("film_cut_off", "end that cannot be read", f"{error.strerror}")
                return
            if packet is None:
                return
            try:
                pictures = packet.decode()
            except av.FFmpegError as error:
                broken += 1
                self._oddities.add("frame_broken", "frame left out that is broken", f"{error.strerror}")
                continue
            for picture in pictures:
                if not isinstance(picture, VideoFrame):
                    continue
                if picture.is_corrupt:
                    self._oddities.add("frame_broken", "frame left out that is broken", "marked so by the decoder")
                else:
                    yield picture

    @contextmanager
    def _open(self) -> Iterator[tuple[InputContainer, VideoStream]]:
        av.logging.set_level(None)
        try:
            container = av.open(str(self._path.resolve()), metadata_errors="ignore", options=PROTOCOLS)
        except (av.FFmpegError, OSError) as error:
            raise FramesInvalid(
                f"{self._path} is neither a folder of photos nor a film that can be read: {error.strerror}."
            ) from error
        with container:
            if not container.streams.video:
                raise FramesInvalid(f"{self._path} holds no pictures, only {len(container.streams)} other streams.")
            stream = container.streams.video[0]
            if stream.codec_context is None:
                raise FramesInvalid(
                    f"{self._path} holds pictures of a kind that is not known here. Export it as H.264."
                )
            limits, size = ImageLimits(), (stream.codec_context.width, stream.codec_context.height)
            if size[0] * size[1] > limits.max_pixels or max(size) > limits.max_side_px or min(size) < 1:
                raise FramesInvalid(
                    f"{self._path} has pictures of {size[0]} x {size[1]}; at most {limits.max_pixels / 1e6:g} "
                    f"megapixels and {limits.max_side_px} a side are read. Scale it down."
                )
            stream.thread_type = "SLICE"  # threads by frame tell errors late, and lose the last frames with them
            yield container, stream

    def _created(self, said: dict[str, str], zone: timezone) -> datetime | None:
        """Give the time that it says it was made; None for clocks that were never set."""
        for name in CREATED:
            read = read_time(said.get(name, "").replace(" UTC", "Z"))
            if read is not None and read[0] >= EARLIEST:
                moment, has_zone = read
                if has_zone:
                    return moment
                self._oddities.add("time_zone_assumed", f"time without zone taken for {zone}", self._path.name)
                return moment.replace(tzinfo=zone).astimezone(UTC)
        named = time_in_name(self._path.name, zone)
        if named is not None and named.zone == "assumed":
            self._oddities.add("time_zone_assumed", f"time without zone taken for {zone}", self._path.name)
        return named.moment if named else None


def _placed(said: dict[str, str]) -> GpsFix | None:
    """Read the position that phones write, ISO 6709: +52.5163+013.3777/."""
    for name in PLACED:
        found = ISO_6709.fullmatch(said.get(name, "").strip())
        if found is not None:
            lat, lon = float(found[1]), float(found[2])
            if abs(lat) <= 90 and abs(lon) <= 180 and (lat, lon) != (0.0, 0.0):
                return GpsFix(lat, lon)
    return None


def _jpeg(picture: VideoFrame, aspect: float) -> bytes:
    """Encode a frame: pixels square, upright, no larger than a network looks."""
    width = picture.width * aspect
    scale = min(1.0, LONG_SIDE_PX / max(width, picture.height))
    size = max(1, round(width * scale)), max(1, round(picture.height * scale))
    image = Image.fromarray(picture.reformat(*size, format="rgb24").to_ndarray())
    turn = round(picture.rotation / 90) * 90 % 360
    if turn in TURNS:
        image = image.transpose(TURNS[turn])
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=QUALITY)
    return stream.getvalue()
