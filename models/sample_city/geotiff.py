"""Write a picture of the city as a GeoTIFF; the only file here that knows rasterio."""

from pathlib import Path

import rasterio
from rasterio import Affine

from .georeference import Georeference
from .solids import U8


def write_geotiff(
    path: Path, image: U8, georeference: Georeference, west_m: float, north_m: float, ground_resolution_m: float
) -> None:
    """Write (H, W, 3) uint8, north up, tiled and deflated without loss.

    West_m, north_m: outer corner in city metres.
    """
    height, width = image.shape[:2]
    east, north = georeference.easting_m + west_m, georeference.northing_m + north_m
    profile = {
        "driver": "GTiff",
        "width": width,
        "height": height,
        "count": 3,
        "dtype": "uint8",
        "crs": f"EPSG:{georeference.epsg}",
        "transform": Affine(ground_resolution_m, 0.0, east, 0.0, -ground_resolution_m, north),
        "tiled": True,
        "blockxsize": 256,
        "blockysize": 256,
        "compress": "deflate",
        "predictor": 2,
        "photometric": "RGB",
        "interleave": "pixel",
    }
    with rasterio.open(path, "w", **profile) as target:
        target.write(image.transpose(2, 0, 1))
