"""What an evaluation gives: shares of queries under every convention in use, and errors where positions are known."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from models.artefact import Frozen
from models.datasets.pairset import Floats, Ints
from models.evaluation.measured import Measured
from models.evaluation.metrics import (
    ONE_PERCENT,
    OnePercentName,
    TieRule,
    average_precision,
    one_percent_k,
    recall_at,
)

WITHIN_M = (5, 10, 25, 50)
HEADING_TOLERANCE_DEG = 15.0


class OnePercent(Frozen):
    """One reading of "recall at 1 %"."""

    convention: OnePercentName
    k: int = Field(ge=1)
    recall: float = Field(ge=0, le=1)


class Shares(Frozen):
    """Recall under one rule for ties."""

    ties: TieRule
    recall_at_1: float = Field(ge=0, le=1)
    recall_at_5: float = Field(ge=0, le=1)
    recall_at_10: float = Field(ge=0, le=1)
    recall_at_1_percent: float = Field(ge=0, le=1)
    """With the protocol's own reading of 1 %, `one_percent_convention` of the result."""
    one_percent: tuple[OnePercent, ...]
    hit_rate: float | None = None
    """VIGOR: nothing but semi-positive tiles comes before the right one; None without semi-positives."""
    average_precision: float | None = None
    """As University-1652's code computes it; None for other data sets."""

    def of(self, convention: OnePercentName) -> OnePercent:
        return next(one for one in self.one_percent if one.convention == convention)


class Errors(Frozen):
    """Metres from the photo to the centre of its best tile, over the queries whose position is known."""

    queries: int = Field(ge=1)
    mean_error_m: float
    median_error_m: float
    recall_at_5m: float
    recall_at_10m: float
    recall_at_25m: float
    recall_at_50m: float


class ProtocolResult(Shares):
    """One row of a table: a model on a data set under one setting. Its own shares count ties against the model."""

    protocol: str
    data_set: str
    model: str
    model_sha256: str
    model_label: str
    model_licence: str
    command: str = ""
    queries: int = Field(ge=1)
    gallery: int = Field(ge=1)
    fov_deg: float | None
    orientation: Literal["known", "unknown"]
    turned: bool
    recentred: bool = False
    """The mean description of each view was taken away first, which takes the other photos."""
    seed: int
    corruption: str | None = None
    severity: int | None = None
    one_percent_convention: OnePercentName
    published: Shares
    """The same counts with ties for the model, as published code has it."""
    without_right_answer: int = Field(ge=0)
    """Queries that no reference is right for; they count as missed."""
    errors: Errors | None = None
    median_error_m: float | None = None
    heading_within_15_deg: float | None = None
    """Where headings were searched and the truth is known: share within 15 degrees, matched to the right tile."""
    median_heading_error_deg: float | None = None


def summarise(measured: Measured, command: str) -> ProtocolResult:
    """Turn the queries of a run into one row."""
    manifest, meta, settings = measured.manifest, measured.embeddings.meta, measured.settings
    errors, off_deg = summarise_errors(measured.error_m()), measured.heading_error_deg()
    searched = off_deg[~np.isnan(off_deg)]
    return ProtocolResult(
        **_shares(measured, "pessimistic").model_dump(),
        published=_shares(measured, "published"),
        protocol=measured.protocol_name,
        data_set=measured.pairs.name,
        model=manifest.title,
        model_sha256=meta.model_sha256,
        model_label=manifest.label,
        model_licence=manifest.licence,
        command=command,
        queries=meta.queries,
        gallery=meta.gallery,
        fov_deg=measured.fov_deg,
        orientation=settings.orientation,
        turned=settings.turned,
        recentred=meta.recentred,
        seed=settings.seed,
        corruption=settings.corruption,
        severity=settings.severity,
        one_percent_convention=measured.protocol.one_percent,
        without_right_answer=int(np.isneginf(measured.ranking.similarity).sum()),
        errors=errors,
        median_error_m=errors.median_error_m if errors else None,
        heading_within_15_deg=float((searched <= HEADING_TOLERANCE_DEG).mean()) if searched.size else None,
        median_heading_error_deg=float(np.median(searched)) if searched.size else None,
    )


def _shares(measured: Measured, ties: TieRule) -> Shares:
    protocol, gallery = measured.protocol, measured.embeddings.meta.gallery
    rank, hit = measured.ranking.ranks(ties), measured.hit_ranks(ties)
    one_percent = read_one_percent(rank, gallery)
    return Shares(
        ties=ties,
        recall_at_1=recall_at(rank, 1),
        recall_at_5=recall_at(rank, 5),
        recall_at_10=recall_at(rank, 10),
        recall_at_1_percent=next(one.recall for one in one_percent if one.convention == protocol.one_percent),
        one_percent=one_percent,
        hit_rate=None if hit is None else recall_at(hit, 1),
        average_precision=average_precision(rank) if protocol.reports_average_precision else None,
    )


def read_one_percent(rank: Ints, gallery: int) -> tuple[OnePercent, ...]:
    """Give recall at 1 % in every reading."""
    return tuple(
        OnePercent(convention=name, k=(k := one_percent_k(gallery, name)), recall=recall_at(rank, k))
        for name in ONE_PERCENT
    )


def summarise_errors(error_m: Floats) -> Errors | None:
    """Summarise metres, NaN where unknown; None if all are."""
    known = error_m[~np.isnan(error_m)]
    if not known.size:
        return None
    five, ten, twenty_five, fifty = (float((known <= radius).mean()) for radius in WITHIN_M)
    return Errors(
        queries=known.size,
        mean_error_m=float(known.mean()),
        median_error_m=float(np.median(known)),
        recall_at_5m=five,
        recall_at_10m=ten,
        recall_at_25m=twenty_five,
        recall_at_50m=fifty,
    )
