"""The indexes of one server by name: which answers what, and which of them cannot just now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from models.errors import IndexMismatch
from service.errors import NotReady, UnknownIndex
from service.localizer import About, Localizer

LOADING, PROBES_FAILED, ENCODER_FAILS = "loading", "probes_failed", "encoder_fails"
FAILURES = 3
"""Runs of the network that fail in a row until a balancer is told to look elsewhere; photos are still tried."""
UNNAMED = "unnamed"
"""What an index that was given without a name is called until it is loaded and says its own."""
TOLD = {
    LOADING: "the model and the index are being loaded.",
    ENCODER_FAILS: "the network fails, photo after photo.",
    PROBES_FAILED: "the index no longer gives the answers that its probes expect.",
}


@dataclass(slots=True)
class Resident:
    """One index over the life of the server. `key` is the name that it was given, or empty."""

    key: str = ""
    localizer: Localizer | None = None
    recall: float = 0.0
    """Share of the probes that it answered when last asked."""
    failed: str = LOADING
    """Why nothing is loaded: an error's code, or that it has not been tried."""

    @property
    def about(self) -> About | None:
        return self.localizer.about if self.localizer else None

    @property
    def name(self) -> str:
        return self.key or (self.localizer.about.index_name if self.localizer else UNNAMED)

    @property
    def unready(self) -> str | None:
        """Why it cannot answer, in one word; None if it can."""
        if self.localizer is None:
            return self.failed
        if self.recall < 1.0:
            return PROBES_FAILED
        return ENCODER_FAILS if self.localizer.failures_in_a_row >= FAILURES else None

    def ask(self) -> Localizer:
        """Give what answers.

        Raises:
            NotReady: nothing is loaded, or it fails its probes.
        """
        if self.localizer is None or self.recall < 1.0:
            raise NotReady(f"Not ready: {reason_told(self.unready)}", reason=self.unready)
        return self.localizer

    def state(self) -> dict[str, str]:
        """Tell in public how it is; no path, and of an error only its code."""
        if self.unready is not None:
            return {"name": self.name, "status": "not_ready", "reason": self.unready}
        return {"name": self.name, "status": "ready", **({"index": self.about.index} if self.about else {})}


def reason_told(reason: str | None) -> str:
    return TOLD.get(reason or LOADING, f"the model and the index cannot be loaded ({reason}); the log says why.")


class Served:
    """The residents of a server, at least one, the first of which answers whoever names none."""

    def __init__(self, keys: Sequence[str] = ("",)) -> None:
        self._residents = {key: Resident(key) for key in keys}

    def __iter__(self) -> Iterator[Resident]:
        return iter(self._residents.values())

    def __getitem__(self, key: str) -> Resident:
        return self._residents[key]

    @property
    def default(self) -> Resident:
        return next(iter(self))

    @property
    def abouts(self) -> list[About]:
        """What is loaded."""
        return [resident.about for resident in self if resident.about is not None]

    def named(self, wanted: str | None) -> Resident:
        """Find an index by its name, or by name@generation, which has to be the one that answers.

        Raises:
            UnknownIndex: none is called that.
            NotReady: nobody knows yet what one of them is called.
        """
        if wanted is None:
            return self.default
        for resident in self:
            if wanted == resident.name or (resident.about is not None and wanted == resident.about.index):
                return resident
        if any(not resident.key and resident.localizer is None for resident in self):
            raise NotReady(f"Not ready: {reason_told(LOADING)}", reason=LOADING)
        raise UnknownIndex("No index of this name is served here; GET /info names those that are.")

    def install(self, key: str, localizer: Localizer) -> None:
        """Let a localizer that has just answered its probes answer from now on.

        Raises:
            IndexMismatch: another index is called the same.
        """
        resident, name = self._residents[key], key or localizer.about.index_name
        if any(other is not resident and other.name == name for other in self):
            raise IndexMismatch(f"Two indexes are called {name}. Give one another name, as in --index NAME=DIR.")
        resident.localizer, resident.recall = localizer, 1.0

    def check_any(self) -> None:
        """Raise NotReady if no index can answer."""
        if all(resident.localizer is None or resident.recall < 1.0 for resident in self):
            self.default.ask()

    def check(self) -> None:
        """Say whether every index can answer.

        Raises:
            NotReady: with the state of each.
        """
        unready = next((resident.unready for resident in self if resident.unready is not None), None)
        if unready is not None:
            raise NotReady(f"Not ready: {reason_told(unready)}", reason=unready, indexes=self.states())

    def states(self) -> list[dict[str, str]]:
        return [resident.state() for resident in self]
