"""What is believed of a moving camera: Gaussians over places and headings, and what is not placed; as bytes too.

A component is a normal over (east metres, north metres, heading in radians clockwise from north); a heading with a
spread of pi may be any. Weights of components, `lost` and `outside` sum to 1.
"""

from __future__ import annotations

import math
import struct
import zlib
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.geo import enu_m, offset

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
FLAT_RAD = math.pi
MOST_COMPONENTS = 192
MOST_RAW = 8 * 1024
"""Bytes of the largest belief before it is compressed."""
_VERSION = 1
_HEAD = struct.Struct("<BBHIdddffffffff")
_PART = np.dtype([("xy", "<i4", 2), ("spread", "<f2", 3), ("tie", "<i2", 3), ("heading", "<u2"), ("weight", "<f2")])
_CM = 100.0
_FURTHEST_M = 20_000_000.0
_TIE = 32767.0


@dataclass(frozen=True, slots=True)
class Components:
    """M normals.

    Attributes:
        mean: (M, 3) x_m, y_m, heading in [0, 2 pi). covariance: (M, 3, 3). weight: (M,).
    """

    mean: Floats
    covariance: Floats
    weight: Floats

    def __len__(self) -> int:
        return len(self.weight)

    @property
    def total(self) -> float:
        return float(self.weight.sum())

    def chosen(self, which: NDArray[np.int64] | Bools) -> Components:
        return Components(self.mean[which], self.covariance[which], self.weight[which])

    def weighed(self, weight: Floats) -> Components:
        return replace(self, weight=weight)


def nothing() -> Components:
    return Components(np.empty((0, 3)), np.empty((0, 3, 3)), np.empty(0))


def joined(*parts: Components) -> Components:
    return Components(
        np.concatenate([part.mean for part in parts]),
        np.concatenate([part.covariance for part in parts]),
        np.concatenate([part.weight for part in parts]),
    )


@dataclass(frozen=True, slots=True)
class Belief:
    """All that one step hands to the next.

    Attributes:
        lost: probability of being anywhere in the index. outside: of being where there is no imagery.
        lat, lon: WGS84 origin of the components' frame.
        time_s: of the last observation, since 1970.
        step: number of observations so far.
        evidence: photos that spoke for the place, each counted by how much it was believed and how new it was.
        seen: photos of about the spot where the camera is; fades as it moves.
        moved_m: known motion since the last photo; negative: not known.
        anchor_x_m, anchor_y_m: where the first place was at the last photo.
        fix_age_s: since the last fix; infinite: there was none.
    """

    components: Components
    lost: float
    outside: float
    lat: float
    lon: float
    time_s: float
    step: int = 0
    evidence: float = 0.0
    seen: float = 0.0
    moved_m: float = 0.0
    anchor_x_m: float = 0.0
    anchor_y_m: float = 0.0
    fix_age_s: float = math.inf

    def around(self, lat: float, lon: float) -> Belief:
        """Move the origin of the frame."""
        if (lat, lon) == (self.lat, self.lon):
            return self
        mean = self.components.mean.copy()
        mean[:, 0], mean[:, 1] = enu_m(*offset(self.lat, self.lon, mean[:, 0], mean[:, 1]), lat, lon)
        anchor = enu_m(*offset(self.lat, self.lon, self.anchor_x_m, self.anchor_y_m), lat, lon)
        return replace(
            self,
            components=replace(self.components, mean=mean),
            lat=lat,
            lon=lon,
            anchor_x_m=float(anchor[0]),
            anchor_y_m=float(anchor[1]),
        )

    def to_bytes(self) -> bytes:
        """Give it compressed: positions to the centimetre, spreads to 0.1 %; the same belief gives the same bytes."""
        held, parts = self.components, np.zeros(len(self.components), _PART)
        order = np.lexsort((held.mean[:, 1], held.mean[:, 0], -held.weight))
        held = held.chosen(order)
        spread = np.sqrt(np.maximum(np.diagonal(held.covariance, axis1=1, axis2=2), 1e-8))
        tie = held.covariance / (spread[:, :, None] * spread[:, None, :])
        parts["xy"] = np.rint(np.clip(held.mean[:, :2], -_FURTHEST_M, _FURTHEST_M) * _CM)
        parts["spread"] = np.clip(spread, 1e-4, 6e4)
        parts["tie"] = np.rint(np.clip(tie[:, (0, 0, 1), (1, 2, 2)], -0.9999, 0.9999) * _TIE)
        parts["heading"] = np.rint(held.mean[:, 2] / (2 * np.pi) * 65536.0).astype(np.int64) % 65536
        parts["weight"] = held.weight / max(float(held.weight.max(initial=0.0)), 1e-300)
        head = _HEAD.pack(
            _VERSION,
            0,
            len(parts),
            self.step,
            self.lat,
            self.lon,
            self.time_s,
            self.lost,
            self.outside,
            self.evidence,
            self.seen,
            self.moved_m,
            self.anchor_x_m,
            self.anchor_y_m,
            self.fix_age_s,
        )
        return zlib.compress(head + parts.tobytes(), 6)


def belief_of(data: bytes) -> Belief:
    """Read what `to_bytes` gave.

    Raises:
        ValueError: it is something else, or unpacks to more than any belief holds.
    """
    unpacking = zlib.decompressobj()
    try:
        raw = unpacking.decompress(data, MOST_RAW)
    except zlib.error as error:
        raise ValueError("no compressed belief") from error
    if not unpacking.eof or unpacking.unused_data or len(raw) < _HEAD.size:
        raise ValueError("no whole belief")
    version, _, count, step, lat, lon, time_s, *rest = _HEAD.unpack_from(raw)
    if version != _VERSION or count > MOST_COMPONENTS or len(raw) != _HEAD.size + count * _PART.itemsize:
        raise ValueError("another kind of belief")
    lost, outside, evidence, seen, moved_m, anchor_x_m, anchor_y_m, fix_age_s = rest
    held = _components(np.frombuffer(raw, _PART, offset=_HEAD.size), max(0.0, 1.0 - lost - outside))
    finite = (lat, lon, time_s, lost, outside, evidence, seen, moved_m, anchor_x_m, anchor_y_m)
    if not all(map(math.isfinite, finite)) or not (abs(lat) <= 90 and abs(lon) <= 180 and fix_age_s >= 0):
        raise ValueError("no numbers")
    return Belief(held, lost, outside, lat, lon, time_s, step, evidence, seen, moved_m, anchor_x_m, anchor_y_m,
                  fix_age_s)  # fmt: skip


def _components(parts: NDArray[np.void], total: float) -> Components:
    spread = parts["spread"].astype(np.float64)
    weight = parts["weight"].astype(np.float64)
    if not (np.isfinite(spread).all() and np.isfinite(weight).all() and (spread > 0).all() and (weight >= 0).all()):
        raise ValueError("no numbers")
    tie = np.broadcast_to(np.eye(3), (len(parts), 3, 3)).copy()
    for number, (row, column) in enumerate(((0, 1), (0, 2), (1, 2))):
        tie[:, row, column] = tie[:, column, row] = parts["tie"][:, number] / _TIE
    lowest = np.linalg.eigvalsh(tie)[:, 0] if len(parts) else np.empty(0)
    loose = np.where(lowest < 1e-6, 1.0 / (1.0 + np.maximum(2e-6 - lowest, 0.0)), 1.0)  # rounding may bend it
    tie = loose[:, None, None] * tie + (1.0 - loose)[:, None, None] * np.eye(3)
    mean = np.column_stack([parts["xy"] / _CM, parts["heading"] * (2 * np.pi / 65536.0)])
    return Components(
        mean.reshape(-1, 3),
        tie * (spread[:, :, None] * spread[:, None, :]),
        weight * (total / max(float(weight.sum()), 1e-300)),
    )
