"""A client of the service: sync and async, typed answers, retries that honour what the service says.

    from service.client import Camera, Client, Prior

    with Client("http://127.0.0.1:8080") as client:
        answer = client.localize("photo.jpg", prior=Prior(52.5163, 13.3777, accuracy_m=60), camera=Camera(fov_deg=68))
        print(answer.status, answer.position)

Needs httpx (the extra `client`) and nothing else of this repository: an import contract holds it to that.
"""

from service.client.answers import (
    Answer,
    Attention,
    Candidate,
    Columns,
    Fault,
    Grid,
    Heading,
    IndexInfo,
    IndexState,
    Info,
    Licence,
    Limits,
    ModelInfo,
    Notice,
    Position,
    Problem,
    Readiness,
    Searched,
    Tile,
)
from service.client.asynchronous import AsyncClient
from service.client.errors import ClientError, ConnectionFailed, DeadlinePassed, ProblemError, UnexpectedAnswer
from service.client.fleet import Correction, Corrections, Fix, FleetNotice, Original, Snapped
from service.client.question import Camera, Exif, Prior, Search
from service.client.retrying import Retries
from service.client.sets import Answered, BatchAnswer, BatchPhoto, PhotoOfSet, SetAnswer, SetShot
from service.client.synchronous import Client
from service.client.tracker import AsyncTracker, Tracker
from service.client.tracks import Motion, Odometry, TrackCandidate, Tracked, TrackSearched

__all__ = [
    "Answer",
    "Answered",
    "AsyncClient",
    "AsyncTracker",
    "Attention",
    "BatchAnswer",
    "BatchPhoto",
    "Camera",
    "Candidate",
    "Client",
    "ClientError",
    "Columns",
    "ConnectionFailed",
    "Correction",
    "Corrections",
    "DeadlinePassed",
    "Exif",
    "Fault",
    "Fix",
    "FleetNotice",
    "Grid",
    "Heading",
    "IndexInfo",
    "IndexState",
    "Info",
    "Licence",
    "Limits",
    "ModelInfo",
    "Motion",
    "Notice",
    "Odometry",
    "Original",
    "PhotoOfSet",
    "Position",
    "Prior",
    "Problem",
    "ProblemError",
    "Readiness",
    "Retries",
    "Search",
    "Searched",
    "SetAnswer",
    "SetShot",
    "Snapped",
    "Tile",
    "TrackCandidate",
    "TrackSearched",
    "Tracked",
    "Tracker",
    "UnexpectedAnswer",
]
