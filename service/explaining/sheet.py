"""One picture that explains one answer: the photo, what it contributed, the best places from above, the map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from models.geo import distance_m
from service.explaining.attention import Attention
from service.explaining.ground import Looker
from service.explaining.panels import Facing, candidate_panel, explained_photo, fitted
from service.pictures.ground import Background
from service.pictures.layers import CORRECTED, RAW, Ellipses, Layer, Markers
from service.pictures.lettering import lettering, shortened
from service.pictures.map_picture import draw_map
from service.pictures.surround import INK, PAPER, SOFT
from service.prepared import Prepared
from service.query import Answer, Candidate, Prior, Query

WIDTH, PAD, GAP = 1600, 20, 14
PHOTO_BOX = ((WIDTH - 2 * PAD - GAP) // 2, 580)
SHOWN = 5
SIDE = (WIDTH - 2 * PAD - (SHOWN - 1) * GAP) // SHOWN
MAP_SIZE = (WIDTH - 2 * PAD, 640)
TITLE, TEXT, SMALL = 26, 18, 15
PRIOR = "#63635d"


@dataclass(frozen=True, slots=True)
class Explained:
    """A photo and all that was found about it."""

    name: str
    photo: Image.Image
    """Upright."""
    query: Query
    prepared: Prepared
    answer: Answer


def draw_sheet(what: Explained, looker: Looker, background: Background) -> Image.Image:
    """Draw everything, 1600 px wide and as high as it needs.

    Raises:
        SourceError: the imagery under the map cannot be read.
    """
    answer, found = what.answer, what.answer.attention
    parts = [_words(said, size, colour) for said, size, colour in _head(what)]
    plain = fitted(what.photo, PHOTO_BOX)
    right = (
        _captioned(explained_photo(plain, found), *_photo_words(found, answer), least_px=PHOTO_BOX[0])
        if found is not None
        else None
    )
    parts += [
        _space(6),
        _beside(
            [
                _captioned(plain, "The photo", _camera_words(what.prepared), least_px=PHOTO_BOX[0]),
                *([right] if right else []),
            ]
        ),
    ]
    shown = answer.candidates[:SHOWN]
    if shown:
        panels = []
        for place, one in enumerate(shown):
            rests_on = found if place == 0 else None
            panel = candidate_panel(one, _facing(one, what, rests_on), looker, SIDE, rests_on)
            panels.append(_captioned(panel, *_candidate_words(one, what)))
        parts += [_space(12), _words(_row_words(what, found), TEXT, INK), _beside(panels)]
    layers = _layers(answer, what.prepared.prior)
    if layers:
        parts += [_space(12), draw_map(layers, background, MAP_SIZE)]
    parts += [_words(f"{notice.code}: {notice.detail}", SMALL, SOFT) for notice in answer.notices]
    return _stacked(parts)


def _head(what: Explained) -> list[tuple[str, int, str]]:
    answer, known = what.answer, what.answer.reckoning
    best = answer.candidates[0] if answer.candidates else None
    status = answer.status or ("ranked by similarity" if best else "nothing compared")
    lines = [(f"{what.name}: {status.replace('_', ' ')}", TITLE, INK)]
    if best is None:
        return [*lines, ("The prior lies outside the index: no tile reaches into its circle.", TEXT, INK)]
    said = f"{best.lat:.6f}, {best.lon:.6f}"
    if best.heading_deg is not None:
        said += f", heading {best.heading_deg:.0f}°"
    if known is not None:
        said += (
            f".  Within {known.radius_m_68:.0f} m with 68 %, {known.radius_m_95:.0f} m with 95 %.  Within 25 m with "
            f"{_percent(known.confidence)}, outside the index with {_percent(known.probability_outside_index)}."
        )
    scanned = f"{answer.tiles_scanned} tiles of {answer.index} compared by {answer.model}."
    return [*lines, (said, TEXT, INK), (scanned, SMALL, SOFT)]


def _camera_words(prepared: Prepared) -> str:
    kind = "panorama" if prepared.projection == "panorama" else "photo"
    return f"{prepared.size_px[0]} x {prepared.size_px[1]} pixels, {kind} of {prepared.fov_deg:.0f}°"


def _percent(share: float, digits: int = 0) -> str:
    return f"{100 * share:.{digits}f} %"


def _photo_words(found: Attention, answer: Answer) -> tuple[str, str]:
    columns, unseen = found.columns, "What did not come into the network is dark too."
    if columns is None:
        return "Where the network looked: bright is much, dark is little", unseen
    return (
        f"What speaks for place 1: cosines from {columns.at_large:.2f}, as with any place, or less (dark) to "
        f"{columns.cosines.max():.2f}",
        f"The mean of all directions is the similarity, {answer.candidates[0].similarity:.2f}. {unseen}",
    )


def _row_words(what: Explained, found: Attention | None) -> str:
    known = what.answer.candidates[0].heading_deg is not None or what.query.camera.heading_deg is not None
    said = "The best places from above, " + ("turned so that the photo looks up" if known else "north up")
    if found is None or found.tile is None:
        return said
    return said + (
        "; the first is shaded as the photo is" if found.columns else "; the first: where the network looked"
    )


def _facing(candidate: Candidate, what: Explained, found: Attention | None) -> Facing:
    """Look from the candidate; where its columns are shown, from where they stand and as they stand."""
    if found is not None and found.columns is not None:
        columns = found.columns
        return Facing(columns.lat, columns.lon, columns.heading_deg, what.prepared.fov_deg, True)
    given = what.query.camera.heading_deg
    heading = candidate.heading_deg if candidate.heading_deg is not None else given
    return Facing(candidate.lat, candidate.lon, heading or 0.0, what.prepared.fov_deg, heading is not None)


def _candidate_words(candidate: Candidate, what: Explained) -> tuple[str, str]:
    share = "" if candidate.probability is None else f"   {_percent(candidate.probability, 1)}"
    first = what.answer.candidates[0]
    if candidate.distance_to_prior_m is not None:
        away = f"{candidate.distance_to_prior_m:.0f} m from the prior"
    elif candidate is first:
        away = candidate.tile.id
    else:
        away = f"{float(distance_m(candidate.lat, candidate.lon, first.lat, first.lon)):.0f} m from place 1"
    heading = "" if candidate.heading_deg is None else f", heading {candidate.heading_deg:.0f}°"
    return f"{candidate.rank}{share}   similarity {candidate.similarity:.2f}", away + heading


def _layers(answer: Answer, prior: Prior | None) -> list[Layer]:
    """The prior's circle, the first place's ellipse, and all candidates by rank, the first on top."""
    layers: list[Layer] = []
    if prior is not None:
        layers.append(Ellipses.circles("Prior, 95 %", PRIOR, [(prior.lat, prior.lon)], [prior.radius_m]))
    if answer.candidates and answer.reckoning is not None:
        best = answer.candidates[0]
        covariance = answer.reckoning.covariance_enu_m2
        layers.append(Ellipses("Place 1, 95 %", CORRECTED, [(best.lat, best.lon)], [covariance]))
    others = answer.candidates[1:]
    if others:
        ranks = [str(one.rank) for one in others]
        layers.append(Markers("Other places, by rank", RAW, [(one.lat, one.lon) for one in others][::-1], ranks[::-1]))
    if answer.candidates:
        layers.append(Markers("Place 1", CORRECTED, [(answer.candidates[0].lat, answer.candidates[0].lon)], ["1"]))
    if layers and not answer.candidates and prior is not None:
        layers.append(Markers("Prior", PRIOR, [(prior.lat, prior.lon)], ["?"]))
    return layers


def _words(text: str, size: int, colour: str) -> Image.Image:
    said, font = lettering(shortened(text, size, WIDTH - 2 * PAD), size)
    line = Image.new("RGB", (WIDTH - 2 * PAD, round(size * 1.6)), PAPER)
    ImageDraw.Draw(line).text((0, line.height / 2), said, fill=colour, font=font, anchor="lm")
    return line


def _captioned(picture: Image.Image, *lines: str, least_px: int = 0) -> Image.Image:
    """Write lines below a picture, in a slot that is at least so wide."""
    width = max(picture.width, least_px)
    whole = Image.new("RGB", (width, picture.height + 24 * len(lines) + 4), PAPER)
    whole.paste(picture, (0, 0))
    for number, text in enumerate(lines):
        size = TEXT if len(lines) > 1 and number == 0 else SMALL
        said, font = lettering(shortened(text, size, width), size)
        at = (0, picture.height + 24 * number + 15)
        ImageDraw.Draw(whole).text(at, said, fill=INK if size == TEXT else SOFT, font=font, anchor="lm")
    return whole


def _space(height: int) -> Image.Image:
    return Image.new("RGB", (1, height), PAPER)


def _beside(pictures: Sequence[Image.Image]) -> Image.Image:
    row = Image.new("RGB", (WIDTH - 2 * PAD, max(one.height for one in pictures)), PAPER)
    x = 0
    for one in pictures:
        row.paste(one, (x, 0))
        x += one.width + GAP
    return row


def _stacked(parts: Sequence[Image.Image]) -> Image.Image:
    whole = Image.new("RGB", (WIDTH, sum(part.height for part in parts) + 2 * PAD), PAPER)
    y = PAD
    for part in parts:
        whole.paste(part, (PAD, y))
        y += part.height
    return whole
