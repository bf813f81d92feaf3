"""What can go wrong while a sample city is made or written."""

from models.errors import SkyfixError


class SampleCityError(SkyfixError):
    """The sample city cannot do what was asked; the message says what fits."""

    code = "sample_city"
