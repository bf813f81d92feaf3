"""Who allowed what, as far as anyone said: declared by the operator, or read in the publishers' own pages."""

from __future__ import annotations

from dataclasses import dataclass

from models.importing.published import DATASETS, DatasetName
from models.provenance import LedgerEntry

NOT_DECLARED = "not declared"
NONE_STATED = "none stated"


@dataclass(frozen=True, slots=True)
class Declared:
    """What the operator says about the weights; empty means nothing."""

    weights_licence: str = ""
    weights_holder: str = ""
    weights_source: str = ""
    training_data_licence: str = ""
    training_data_source: str = ""


TRANSGEO_CODE = LedgerEntry(
    subject="code",
    licence="MIT",
    holder="TransGeo authors",
    source="https://github.com/Jeff-Zilence/TransGeo2022",
    declared_by="skyfix",
)
SAMPLE4GEO_CODE = LedgerEntry(
    subject="code",
    licence=NONE_STATED,
    holder="Sample4Geo authors",
    source="https://github.com/Skyy93/Sample4Geo",
    declared_by="skyfix",
)


def make_ledger(
    declared: Declared, code: LedgerEntry | None = None, dataset: DatasetName | None = None
) -> tuple[LedgerEntry, ...]:
    """Write down code, weights and training data; what nobody declared is called that.

    Args:
        declared: by the operator; goes before everything else.
        code: that the weights were made with, where the format tells.
        dataset: that they were trained on, where the operator or the shapes tell.
    """
    return (*([code] if code else []), _weights(declared), _training_data(declared, dataset))


def _weights(declared: Declared) -> LedgerEntry:
    return LedgerEntry(
        subject="weights",
        licence=declared.weights_licence or NOT_DECLARED,
        holder=declared.weights_holder,
        source=declared.weights_source,
        declared_by="operator" if declared.weights_licence else "skyfix",
    )


def _training_data(declared: Declared, dataset: DatasetName | None) -> LedgerEntry:
    known = DATASETS[dataset] if dataset else None
    if declared.training_data_licence or known is None:
        return LedgerEntry(
            subject="training data",
            licence=declared.training_data_licence or NOT_DECLARED,
            source=declared.training_data_source or (known.title if known else ""),
            declared_by="operator" if declared.training_data_licence else "skyfix",
        )
    return LedgerEntry(
        subject="training data",
        licence=known.terms.licence,
        holder=known.terms.holder,
        source=declared.training_data_source or known.title,
        declared_by="skyfix",
    )


def licence_line(ledger: tuple[LedgerEntry, ...]) -> str:
    """Sum a ledger up in one line for the manifest."""
    return "; ".join(f"{entry.subject}: {entry.licence}" for entry in ledger)[:400]


def licence_notes(ledger: tuple[LedgerEntry, ...]) -> list[str]:
    """Say what the operator has to settle before this model is put to use."""
    notes = []
    for entry in ledger:
        if entry.licence == NONE_STATED:
            notes.append(
                f"{entry.source} states no licence; whether you may use what comes from it is for you to settle."
            )
        elif entry.licence == NOT_DECLARED:
            option = "--weights-licence" if entry.subject == "weights" else "--training-data-licence"
            notes.append(f"The {entry.subject}' licence is recorded as not declared; {option} declares it.")
    return notes
