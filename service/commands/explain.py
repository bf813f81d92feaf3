"""`skyfix explain`: one picture of what an answer rests on."""

from __future__ import annotations

import json
from pathlib import Path

import click
from PIL import Image

from models.image import decode_photo
from service.commands.localize import DEFAULT_TOP_K, split_prior
from service.explaining.ground import Looker, Nothing, OrthophotoLooker
from service.explaining.imagery import IndexImagery
from service.explaining.sheet import Explained, draw_sheet
from service.index_localizer import IndexLocalizer
from service.loading import load_localizer
from service.localizer import answered, described
from service.models_held import ModelsHeld
from service.parameters import from_flat
from service.pictures.background import Orthophoto
from service.pictures.ground import Background, PlainGround
from service.pictures.map_picture import check_picture_path, save_picture
from service.query import Answer
from service.responses import localize_response
from service.view import View

SHOWN_PX = 1600


@click.command()
@click.argument("photo", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--index", "index_path", type=click.Path(path_type=Path), required=True, help="Index folder or region.")
@click.option("--bundle", type=click.Path(path_type=Path), help="Model bundle folder; the committed one by default.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Picture. [default: PHOTO.explained.png]")
@click.option(
    "--orthophoto",
    type=click.Path(exists=True, path_type=Path),
    multiple=True,
    help="Imagery to show (repeat for more); else the pictures that the index keeps, else outlines.",
)
@click.option("--fov", "fov_deg", help="Horizontal field of view in degrees; else EXIF, else 70.")
@click.option("--projection", help="perspective or panorama.")
@click.option("--heading", "heading_deg", help="True heading of the photo's centre; searched when left out.")
@click.option("--heading-accuracy", "heading_accuracy_deg", help="Headings within this are tried.")
@click.option("--pitch", "pitch_deg", help="Upward tilt in degrees.")
@click.option("--roll", "roll_deg", help="Clockwise turn of the camera in degrees.")
@click.option("--prior", metavar="LAT,LON,M", help="Rough position and its 95 % radius in metres.")
@click.option("--mode", help="auto, prior or global.")
@click.option("--use-exif-gps", "use_gps_as_prior", is_flag=True, help="Take the photo's own GPS as the prior.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer, with `attention`, as one JSON object.")
def command(
    photo: Path,
    index_path: Path,
    bundle: Path | None,
    out: Path | None,
    orthophoto: tuple[Path, ...],
    prior: str | None,
    use_gps_as_prior: bool,
    as_json: bool,
    **flat: str | None,
) -> None:
    """Draw what the answer about PHOTO rests on: the photo shaded, the best places from above, the map."""
    target = out or photo.with_name(f"{photo.stem}.explained.png")
    check_picture_path(target)
    fields = [(name, text) for name, text in flat.items() if text is not None] + [("include", "attention")]
    fields += split_prior(prior) if prior is not None else []
    fields += [("use_gps_as_prior", "true")] if use_gps_as_prior else []
    query = from_flat(fields).to_query(DEFAULT_TOP_K)
    localizer = load_localizer(index_path, ModelsHeld([bundle] if bundle else []))
    data = photo.read_bytes()
    prepared = localizer.prepare(localizer.decode(data), query)
    answer = answered(localizer, query, View(prepared, *described(localizer, [prepared], attended=True)[0]))
    shown = Image.fromarray(decode_photo(data, long_side_px=SHOWN_PX, shrink=True).pixels)
    what = Explained(photo.name, shown, query, prepared, answer)
    save_picture(draw_sheet(what, *_imagery(localizer, orthophoto, answer)), target)
    if as_json:
        told = localize_response(answer, "local", {}).model_dump(exclude_none=True, exclude={"request_id"})
        click.echo(json.dumps({**told, "picture": str(target)}, allow_nan=False))
    else:
        click.echo(target)


def _imagery(localizer: IndexLocalizer, orthophoto: tuple[Path, ...], answer: Answer) -> tuple[Looker, Background]:
    """Choose what to show of the ground, close by and under the map."""
    gallery = localizer.gallery
    if orthophoto:
        return OrthophotoLooker(orthophoto), Orthophoto(orthophoto)
    if gallery.about.imagery is not None:
        return IndexImagery(gallery), IndexImagery(gallery)
    return Nothing(), PlainGround.of(gallery, [(one.lat, one.lon) for one in answer.candidates])
