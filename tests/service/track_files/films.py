"""Films made by code: frames of one grey, the left half darker than the right, at any times."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame

TICKS = 1000
"""Of a second."""
WIDE, HIGH = 96, 64


def level_of(number: int) -> int:
    """Grey level of the right half of a frame; 20 less on the left."""
    return 60 + 10 * (number % 16)


def make_film(
    path: Path, times_s: Sequence[float], metadata: dict[str, str] | None = None, codec: str = "mpeg4", rough: int = 0
) -> Path:
    """Write an MP4 whose frames stand at given times; rough ones have noise on them, and take more bytes."""
    noise = np.random.default_rng(0)
    with av.open(str(path), "w", options={"movflags": "use_metadata_tags"}) as container:
        container.metadata.update(metadata or {})
        stream = container.add_stream(codec, rate=TICKS)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = WIDE, HIGH, "yuv420p"
        stream.codec_context.time_base = stream.time_base = Fraction(1, TICKS)
        stream.codec_context.gop_size = 4
        stream.bit_rate = 4_000_000
        for number, time_s in enumerate(times_s):
            pixels = np.full((HIGH, WIDE, 3), level_of(number), np.uint8)
            pixels[:, : WIDE // 2] -= 20
            pixels += noise.integers(0, rough + 1, pixels.shape, np.uint8)
            frame = VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = round(time_s * TICKS), Fraction(1, TICKS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def turn_film(path: Path, clockwise_deg: int) -> Path:
    """Write into an MP4 that its pictures are to be turned, as a phone does that was held upright."""
    cos, sin = {90: (0, 1), 180: (-1, 0), 270: (0, -1)}[clockwise_deg]
    one, unit = 1 << 16, 1 << 30
    data = bytearray(path.read_bytes())
    start = data.index(b"tkhd") + 4
    matrix = start + 40 if data[start] == 0 else start + 52
    assert struct.unpack_from(">9i", data, matrix) == (one, 0, 0, 0, one, 0, 0, 0, unit)
    struct.pack_into(">9i", data, matrix, cos * one, sin * one, 0, -sin * one, cos * one, 0, 0, 0, unit)
    path.write_bytes(bytes(data))
    return path
