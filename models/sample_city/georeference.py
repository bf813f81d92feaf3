"""Where the city lies on Earth: its metres are grid metres of a UTM zone."""

from dataclasses import dataclass
from functools import cached_property

from pyproj import Geod, Transformer

from .errors import SampleCityError


@dataclass(frozen=True)
class Georeference:
    """South-west corner of the city (x = y = 0) in a UTM zone.

    Attributes:
        epsg: 32601..32660 (north) or 32701..32760 (south).
        easting_m, northing_m: grid coordinates of the corner.
    """

    epsg: int
    easting_m: float
    northing_m: float

    @classmethod
    def at(cls, lat: float, lon: float) -> "Georeference":
        """Put the south-west corner on a WGS84 position; raises SampleCityError outside the UTM latitudes."""
        if not (-80.0 <= lat <= 84.0 and -180.0 <= lon <= 180.0):
            raise SampleCityError(f"lat {lat}, lon {lon} has no UTM zone; lat must be in [-80, 84], lon in [-180, 180]")
        zone = min(int((lon + 180.0) // 6.0), 59) + 1
        epsg = (32600 if lat >= 0.0 else 32700) + zone
        easting, northing = Transformer.from_crs(4326, epsg, always_xy=True).transform(lon, lat)
        return cls(epsg, round(easting), round(northing))

    @cached_property
    def _to_wgs84(self) -> Transformer:
        return Transformer.from_crs(self.epsg, 4326, always_xy=True)

    def city_to_wgs84(self, x_m: float, y_m: float) -> tuple[float, float]:
        """City metres to (lat, lon) in degrees."""
        lon, lat = self._to_wgs84.transform(self.easting_m + x_m, self.northing_m + y_m)
        return float(lat), float(lon)

    def wgs84_to_city(self, lat: float, lon: float) -> tuple[float, float]:
        """(lat, lon) in degrees to city metres (x, y)."""
        easting, northing = self._to_wgs84.transform(lon, lat, direction="INVERSE")
        return float(easting) - self.easting_m, float(northing) - self.northing_m

    def convergence_deg(self, x_m: float, y_m: float) -> float:
        """Azimuth of grid north, clockwise from true north: heading from true north = grid heading + convergence."""
        lat0, lon0 = self.city_to_wgs84(x_m, y_m - 50.0)
        lat1, lon1 = self.city_to_wgs84(x_m, y_m + 50.0)
        azimuth, _, _ = Geod(ellps="WGS84").inv(lon0, lat0, lon1, lat1)
        return float(azimuth)
