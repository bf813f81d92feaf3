"""The answers of POST /localize/batch and POST /localize/set as pydantic models."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from service.problems import Problem
from service.responses import LocalizeResponse, Out


class AnsweredPhoto(Out):
    """A photo that was answered."""

    status: Literal[200] = 200
    answer: LocalizeResponse


class BatchResponse(Out):
    """Every photo for itself: `results[i]` is the answer about photo i, or the problem that it met."""

    request_id: str = Field(description="As in the header X-Request-Id; names the request in the log.")
    results: tuple[AnsweredPhoto | Problem, ...] = Field(description="In the order of the photos.")
