"""What a path is called in metrics and logs: its route, of routes with a part that varies only the fixed beginning."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def label_of(template: str) -> str:
    """Give the label of a route, such as /page for /page/{path:path}."""
    return template.partition("/{")[0] or template


class RouteLabels:
    """Finds the label of a path among few routes."""

    def __init__(self, templates: Iterable[str]) -> None:
        templates = list(templates)
        self._exact: Mapping[str, str] = {template: template for template in templates if "{" not in template}
        self._begun = sorted((label_of(template) for template in templates if "{" in template), key=len, reverse=True)

    def find(self, path: str) -> str | None:
        if path in self._exact:
            return path
        return next((label for label in self._begun if path.startswith(f"{label}/")), None)
