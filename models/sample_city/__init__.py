"""A procedural city, seen from above and from the street."""

from .aerial import AerialView, project_to_ortho, render_orthophoto, render_tile
from .appearance import Appearance
from .city import GENERATION, City
from .dataset import write_sample_city
from .errors import SampleCityError
from .georeference import Georeference
from .panorama import project_to_panorama, render_panorama
from .photo import project_to_photo, render_photo
from .places import Places, draw_places
from .sheet import contact_sheet
from .weather import Season

__all__ = [
    "GENERATION",
    "AerialView",
    "Appearance",
    "City",
    "Georeference",
    "Places",
    "SampleCityError",
    "Season",
    "contact_sheet",
    "draw_places",
    "project_to_ortho",
    "project_to_panorama",
    "project_to_photo",
    "render_orthophoto",
    "render_panorama",
    "render_photo",
    "render_tile",
    "write_sample_city",
]
