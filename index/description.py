"""What an index says of itself, in lines for people."""

from __future__ import annotations

from index.manifest import IndexManifest


def describe(manifest: IndexManifest) -> dict[str, str]:
    """Give the lines that `skyfix index info` prints."""
    west, south, east, north = manifest.bounds
    stride = f", every {manifest.stride_m:g} m" if manifest.stride_m else ""
    cells = f", {manifest.cells.count} cells a tile, every {manifest.cells.spacing_m:g} m" if manifest.cells else ""
    return {
        "tiles": f"{manifest.count} of {manifest.footprint_m:g} m{stride}; {manifest.quarantined} left out",
        "bounds": f"{west:.6f} {south:.6f} {east:.6f} {north:.6f} (west south east north)",
        "imagery": f"{manifest.source}, {manifest.ground_resolution_m:.3g} m per pixel",
        "attribution": manifest.attribution or "(none given)",
        "licence": manifest.licence or "(none given)",
        "model": f"{manifest.model_title}: {manifest.model_label}",
        "embedding": f"{manifest.embedding.columns} x {manifest.embedding.channels} {manifest.dtype}{cells}",
        "search": _search(manifest),
        "created": manifest.created,
    }


def _search(manifest: IndexManifest) -> str:
    profile = manifest.profile
    if profile is None:
        return "exact: all rows are compared"
    if profile.effort is None:
        return f"{profile.kind}; so few rows that all are compared"
    effort = profile.effort
    return (
        f"{profile.kind}: {effort.probes} lists a query, {effort.short_list} cells compared exactly; "
        f"{effort.recall:.1%} of places found when it was measured"
    )
