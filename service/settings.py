"""Settings of the service: one frozen object, read from SKYFIX_ variables and the command line."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, PrivateAttr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from index.shelf import MAX_OPEN
from models.encoder import gpu_is_offered
from models.errors import UsageError
from models.geometry.ground import VerticalDatum
from models.image import ImageLimits
from service.index_paths import Indexes, Paths
from service.sizes import Sizes, available_cores, encoding_sizes

PREFIX = "SKYFIX_"
NOT_SETTINGS = frozenset({"SKYFIX_REAL_DATA", "SKYFIX_SHARED"})
"""Names with the prefix that belong to the tests."""


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", env_ignore_empty=True)

    index: Indexes = Field(default=(), description="Index folders, each as DIR or NAME=DIR; the first is the default.")
    bundle: Paths = Field(default=(), description="Model bundle folders; the committed one when there is none.")
    strict: bool = Field(default=False, description="End at once if an index cannot be loaded at the start.")
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    admin_host: str = "127.0.0.1"
    admin_port: int = Field(default=9090, ge=0, le=65535)
    provider: Literal["cpu", "prefer-gpu", "require-gpu"] = "cpu"
    workers: int = Field(default=1, ge=1, le=64, description="Processes behind the public port, on CPUs.")
    reuse_port: bool = Field(default=False, description="Share the public port with other processes of this user.")
    threads: int = Field(default=1, ge=1, le=256, description="Threads inside one run of the network.")
    decode_workers: int = Field(
        default_factory=available_cores, ge=0, le=64, description="Processes that decode; one a core, 0 for threads."
    )
    decode_s: float = Field(default=2.5, gt=0, le=600, description="A photo that takes longer is given up.")
    decode_threads: int = Field(default=2, ge=1, le=64)
    encoders: int | None = Field(default=None, ge=1, le=64, description="Runs of the network at once; by the cores.")
    max_batch: int | None = Field(default=None, ge=1, le=256, description="Photos in one run; 1 on a CPU, 32 on a GPU.")
    search_threads: int = Field(default=2, ge=1, le=64)
    max_open: int = Field(default=MAX_OPEN, ge=1, le=100_000, description="Indexes of a region kept open.")
    canary_every_s: float = Field(default=60.0, gt=0, le=86_400, description="Between two looks at the probes.")
    drain_s: float = Field(default=0.0, ge=0, le=600, description="After SIGTERM /readyz says draining, photos go on.")
    deadline_s: float = Field(default=30.0, gt=0, le=600, description="Photos that waited longer are not begun.")
    places: int = Field(default=32, ge=1, le=4096, description="Photos inside at once; more are told 429.")
    top_k: int = Field(default=5, ge=1, le=50)
    max_body_bytes: int = Field(default=8 * 1024 * 1024, ge=1024, le=64 * 1024 * 1024)
    max_many_body_bytes: int = Field(
        default=32 * 1024 * 1024, ge=1024, le=256 * 1024 * 1024, description="Of a request with several photos."
    )
    body_timeout_s: float = Field(default=30.0, gt=0, le=600)
    max_pixels: int = Field(default=24_000_000, ge=1024)
    min_side_px: int = Field(default=32, ge=8)
    max_side_px: int = Field(default=12_000, ge=32)
    max_ratio: float = Field(default=20.0, ge=1)
    max_scans: int = Field(default=100, ge=1)
    dem_file: Path | None = Field(
        default=None, description="Raster of ground heights, for GeoPose; see docs/geopose.md."
    )
    dem_datum: VerticalDatum | None = Field(
        default=None, description="What they are above; by the file, else orthometric."
    )
    dem_sigma_m: float | None = Field(default=None, gt=0, le=1000, description="Standard deviation of those heights.")
    geoid_file: Path | None = Field(default=None, description="Raster of the geoid's heights above the ellipsoid.")
    geoid_undulation_m: float | None = Field(default=None, ge=-120, le=120, description="The same where it is one.")
    camera_height_m: float = Field(default=1.5, ge=0, le=10_000, description="Of a camera above the ground.")
    key_file: Path | None = Field(default=None, description="API keys, made by `skyfix keys new`.")
    insecure_no_auth: bool = Field(default=False, description="Listen beyond loopback without asking for keys.")
    allowed_hosts: str = Field(default="", description="Host headers to answer, by commas; empty: see door.hosts.")
    key_requests_per_s: float = Field(default=10.0, gt=0, le=100_000)
    key_burst: int = Field(default=20, ge=1, le=100_000)
    key_bytes_per_minute: int = Field(default=50 * 1024 * 1024, ge=1024)
    key_in_flight: int = Field(default=8, ge=1, le=4096)
    failed_auth_per_minute: int = Field(default=10, ge=1, le=100_000, description="Wrong keys of one peer.")
    header_timeout_s: float = Field(default=10.0, gt=0, le=600)
    keep_alive_s: float = Field(default=5.0, gt=0, le=600)
    write_timeout_s: float = Field(default=15.0, gt=0, le=600)
    max_header_bytes: int = Field(default=32 * 1024, ge=1024, le=1024 * 1024)
    max_connections: int = Field(default=1000, ge=1, le=100_000)
    log_format: Literal["auto", "json", "text"] = Field(
        default="auto", description="JSON lines, or text for people; auto is text on a terminal."
    )
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    snap_url: str | None = Field(default=None, description="Base URL of a map matcher to ask about corrected tracks.")
    snap_kind: Literal["valhalla", "osrm"] = "valhalla"
    snap_timeout_s: float = Field(default=2.0, gt=0, le=60, description="For all that is asked of it in one call.")
    otlp_endpoint: str | None = Field(default=None, description="Base URL of an OpenTelemetry collector (OTLP, HTTP).")
    page: bool = Field(default=True, description="Serve the page at / and nothing else for people.")
    page_style_url: str | None = Field(default=None, description="MapLibre style below the index's own imagery.")
    page_samples: Path | None = Field(default=None, description="Folder of sample photos that the page offers.")
    track_secret_file: Path | None = Field(
        default=None, description="Secrets that sign track tokens, one a line, the newest first; shared by replicas."
    )
    track_ttl_s: float = Field(default=3600.0, ge=1, le=604_800, description="A track token is good for so long.")
    expose_openapi: bool = Field(default=False, description="Serve /openapi.json on the public address.")

    _track_secret: bytes | None = PrivateAttr(default=None)

    @property
    def track_secret(self) -> bytes | None:
        """What server processes that share a port sign track tokens with, where no file is given."""
        return self._track_secret

    def sharing(self, track_secret: bytes) -> Settings:
        """The same settings for processes that sign alike; the secret is in no environment and no dump."""
        shared = self.model_copy()
        shared._track_secret = track_secret
        return shared

    @property
    def sizes(self) -> Sizes:
        encoding, batch = encoding_sizes(self.provider if gpu_is_offered() else "cpu", self.threads)
        return Sizes(
            places=self.places,
            decoding=self.decode_threads,
            encoding=self.encoders or encoding,
            batch=self.max_batch or batch,
            searching=self.search_threads,
        )

    @property
    def image_limits(self) -> ImageLimits:
        return ImageLimits(self.max_pixels, self.min_side_px, self.max_side_px, self.max_ratio, self.max_scans)


def load_settings(environ: Mapping[str, str] | None = None, **given: Any) -> Settings:
    """Build the settings: what the command line gives wins over the environment, None and () count as not given.

    Raises:
        UsageError: an unknown SKYFIX_ name, or a value out of range, named.
    """
    refuse_unknown_names(os.environ if environ is None else environ)
    try:
        return Settings(**{name: value for name, value in given.items() if value not in (None, ())})
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        name = str(first["loc"][0])
        raise UsageError(f"{PREFIX}{name.upper()} (or --{name.replace('_', '-')}): {first['msg']}.") from None


def refuse_unknown_names(environ: Mapping[str, str]) -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    for name in sorted(environ):
        if name.upper().startswith(PREFIX) and name.upper() not in known | NOT_SETTINGS:
            near = difflib.get_close_matches(name.upper(), known, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"Known are {', '.join(sorted(known))}."
            raise UsageError(f"{name} is not a setting. {hint}")
