"""Write what cameras write: JPEG with the field of view in its metadata and no position."""

import math
from pathlib import Path

from PIL import Image
from PIL.ExifTags import IFD, Base

from .solids import U8

XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:GPano="http://ns.google.com/photos/1.0/panorama/"
 GPano:ProjectionType="equirectangular"
 GPano:UsePanoramaViewer="True" GPano:FullPanoWidthPixels="{width}" GPano:FullPanoHeightPixels="{height}"
 GPano:CroppedAreaImageWidthPixels="{width}" GPano:CroppedAreaImageHeightPixels="{height}"
 GPano:CroppedAreaLeftPixels="0" GPano:CroppedAreaTopPixels="0"/></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>"""


def focal_length_35mm(fov_deg: float) -> float:
    """Focal length in mm that gives a horizontal field of view on film 36 mm wide."""
    return 18.0 / math.tan(math.radians(fov_deg) / 2.0)


def write_photo(path: Path, image: U8, fov_deg: float, quality: int) -> None:
    """Write a photo whose Exif focal length in 35 mm terms, a whole number as in real cameras, says fov_deg."""
    exif = _made_here()
    exif.get_ifd(IFD.Exif)[Base.FocalLengthIn35mmFilm] = round(focal_length_35mm(fov_deg))
    Image.fromarray(image).save(path, "JPEG", quality=quality, exif=exif)


def write_panorama(path: Path, image: U8, quality: int) -> None:
    """Write a full panorama that says so in its XMP (GPano ProjectionType equirectangular)."""
    height, width = image.shape[:2]
    xmp = XMP.format(width=width, height=height).encode()
    Image.fromarray(image).save(path, "JPEG", quality=quality, exif=_made_here(), xmp=xmp)


def _made_here() -> Image.Exif:
    exif = Image.Exif()
    exif[Base.Make], exif[Base.Model], exif[Base.Orientation] = "Skyfix", "Sample City", 1
    return exif
