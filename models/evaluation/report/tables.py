"""The tables of a report."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from models.evaluation.metrics import ONE_PERCENT
from models.evaluation.report.wording import metres, percent, setting_words
from models.evaluation.results import ProtocolResult, Shares
from models.evaluation.robustness import Mean, Robustness

TIE_WORDS = {"pessimistic": "against the model", "published": "for the model, as published code counts"}


def table(head: Sequence[str], rows: Sequence[Sequence[str]], caption: str = "") -> str:
    """Lay out cells that are already safe HTML; the first column names the row."""
    top = "".join(f"<th>{cell}</th>" for cell in head)
    body = "".join(f"<tr><th>{row[0]}</th>{''.join(f'<td>{cell}</td>' for cell in row[1:])}</tr>" for row in rows)
    title = f"<caption>{caption}</caption>" if caption else ""
    return f'<div class="wide"><table>{title}<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def recall_table(results: Sequence[ProtocolResult]) -> str:
    """Recall under both rules for ties and all readings of 1 %."""
    extra = [name for name in ("hit_rate", "average_precision") if getattr(results[0], name) is not None]
    titles = {"hit_rate": "hit rate", "average_precision": "AP"}
    head = ["", "ties", "R@1", "R@5", "R@10", *(f"R@1% {escape(name)}" for name in ONE_PERCENT)]
    head += [titles[name] for name in extra]
    rows = []
    for result in results:
        for shares in (result, result.published):
            name = escape(setting_words(result)) if shares is result else ""
            rows.append(
                [name, TIE_WORDS[shares.ties], *_recalls(shares), *(percent(getattr(shares, e)) for e in extra)]
            )
    return table(head, rows, "Recall, %") + _conventions(results[0])


def _recalls(shares: Shares) -> list[str]:
    whole = [percent(v) for v in (shares.recall_at_1, shares.recall_at_5, shares.recall_at_10)]
    return whole + [f"{percent(one.recall)} <small>K = {one.k}</small>" for one in shares.one_percent]


def _conventions(result: ProtocolResult) -> str:
    parts = "; ".join(f"<b>{escape(name)}</b>: {escape(words)}" for name, words in ONE_PERCENT.items())
    return (
        f'<p class="note">R@1% of a gallery of M, by name: {parts}. Protocol {escape(result.protocol)} goes by '
        f"<b>{result.one_percent_convention}</b>.</p>"
    )


def error_table(results: Sequence[ProtocolResult]) -> str:
    """Errors in metres and degrees; empty where nothing of them is known."""
    rows = [_error_row(result) for result in results if result.errors or result.heading_within_15_deg is not None]
    head = ["", "mean", "median", "≤ 5 m", "≤ 10 m", "≤ 25 m", "≤ 50 m", "heading ≤ 15°", "median heading error"]
    return table(head, rows, "Error of the best tile (shares in %)") if rows else ""


def _error_row(result: ProtocolResult) -> list[str]:
    e = result.errors
    lengths = [metres(e.mean_error_m), metres(e.median_error_m)] if e else ["", ""]
    within = (e.recall_at_5m, e.recall_at_10m, e.recall_at_25m, e.recall_at_50m) if e else (None,) * 4
    off = result.median_heading_error_deg
    return [
        escape(setting_words(result)),
        *lengths,
        *(percent(share) for share in within),
        percent(result.heading_within_15_deg),
        "" if off is None else f"{off:.1f}°",
    ]


def robustness_table(robustness: Robustness) -> str:
    """R@1 by corruption and severity, the clean row first."""
    severities = sorted({row.severity for row in robustness.rows if row.severity is not None})
    clean = robustness.clean.recall_at_1
    rows = [["no corruption", *[""] * len(severities), percent(clean), ""]]
    for mean in robustness.means:
        found = {row.severity: row.recall_at_1 for row in robustness.rows if row.corruption == mean.corruption}
        rows.append([escape(mean.corruption), *(percent(found.get(s)) for s in severities), *_ends(mean, clean)])
    rows.append(["<b>mean of all</b>", *[""] * len(severities), *_ends(robustness.overall, clean)])
    head = ["photos spoiled by", *(f"severity {s}" for s in severities), "mean", "of clean"]
    return table(head, rows, f"R@1 under corruption, %: {escape(setting_words(robustness.clean))}")


def _ends(mean: Mean, clean: float) -> tuple[str, str]:
    return percent(mean.recall_at_1), f"{mean.recall_at_1 / clean:.0%}" if clean else ""
