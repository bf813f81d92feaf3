"""What kind of place a city is: how open, how built, how green, in which colours."""

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from .palettes import Palette


class Kind(StrEnum):
    """From dense to open."""

    OLD_TOWN = "old town"
    CITY = "city"
    SUBURB = "suburb"
    COUNTRY = "country"


KIND_SHARES = {Kind.OLD_TOWN: 0.17, Kind.CITY: 0.23, Kind.SUBURB: 0.36, Kind.COUNTRY: 0.24}
# weights of centre, slabs, houses, terraces, industry, farmland, woodland
DISTRICTS = {
    Kind.OLD_TOWN: (1.2, 0.1, 0.05, 0.5, 0.05, 0.0, 0.0),
    Kind.CITY: (0.8, 0.7, 0.7, 0.6, 0.4, 0.0, 0.05),
    Kind.SUBURB: (0.05, 0.12, 2.6, 0.25, 0.12, 0.1, 0.25),
    Kind.COUNTRY: (0.0, 0.0, 0.7, 0.05, 0.04, 1.2, 0.8),
}
STREET_SCALE = {
    Kind.OLD_TOWN: (0.6, 1.0), Kind.CITY: (0.85, 1.25), Kind.SUBURB: (0.9, 1.45), Kind.COUNTRY: (0.8, 1.2)
}  # fmt: skip
GREEN = {Kind.OLD_TOWN: (0.1, 1.0), Kind.CITY: (0.3, 1.5), Kind.SUBURB: (0.6, 2.6), Kind.COUNTRY: (0.5, 1.8)}


@dataclass(frozen=True, eq=False)
class Character:
    """One city's habits; the defaults are a plain city.

    Attributes:
        districts: weights of the entries of districts.BLOCK_AREA, in order.
        block_scale, street_scale, storey_scale, house_scale, setback_scale, gap_scale, tree_scale: factors.
        verge_m: grass between kerb and footway in streets of houses; 0 leaves it to chance.
        footways: have streets of houses any? siding: share of houses clad with boards.
        green: factor on the number of plants. crown_base: factor on the height where crowns begin.
        fences: share of gardens with a fence. poles: wooden poles instead of lamp posts.
        conifers: share of trees that are conifers instead. left_hand: traffic keeps to the left.
        hills: height of the far skyline over the horizon, as a slope. wear: patches in the asphalt, [0, 1].
    """

    kind: Kind = Kind.CITY
    districts: tuple[float, ...] = DISTRICTS[Kind.CITY]
    block_scale: float = 1.0
    street_scale: float = 1.0
    storey_scale: float = 1.0
    house_scale: float = 1.0
    setback_scale: float = 1.0
    gap_scale: float = 1.0
    verge_m: float = 0.0
    footways: bool = True
    siding: float = 0.0
    green: float = 1.0
    tree_scale: float = 1.0
    crown_base: float = 1.0
    conifers: float = 0.0
    fences: float = 0.0
    poles: bool = False
    left_hand: bool = False
    hills: float = 0.03
    wear: float = 0.3
    palette: Palette = field(default_factory=Palette)

    @property
    def is_open(self) -> bool:
        """Is there more land than building?"""
        return self.kind in (Kind.SUBURB, Kind.COUNTRY)

    @classmethod
    def draw(cls, rng: np.random.Generator, kind: Kind | None = None) -> "Character":
        """Draw the character of a city, of any kind unless one is given."""
        drawn = list(Kind)[rng.choice(len(Kind), p=[KIND_SHARES[k] for k in Kind])]
        kind = kind or drawn
        open_plan = kind in (Kind.SUBURB, Kind.COUNTRY)
        spread = rng.uniform(1.0, 2.3) if open_plan else rng.uniform(0.8, 1.3)
        return cls(
            kind=kind,
            districts=tuple(float(w) for w in np.array(DISTRICTS[kind]) * np.exp(rng.normal(0.0, 0.5, 7))),
            block_scale=float(rng.uniform(0.7, 1.2) if kind == Kind.OLD_TOWN else rng.uniform(0.9, 1.2) * spread**0.6),
            street_scale=float(rng.uniform(*STREET_SCALE[kind])),
            storey_scale=float(rng.uniform(0.55, 1.3) if not open_plan else rng.uniform(0.5, 0.9)),
            house_scale=float(rng.uniform(0.9, 1.5)),
            setback_scale=float(rng.uniform(0.8, 1.0) * spread),
            gap_scale=float(rng.uniform(0.6, 1.0) * spread),
            verge_m=float(rng.uniform(0.8, 3.2)) if rng.random() < (0.6 if open_plan else 0.25) else 0.0,
            footways=bool(rng.random() < (0.7 if open_plan else 1.0)),
            siding=float(rng.uniform(0.0, 0.9)) if rng.random() < 0.5 else 0.0,
            green=float(rng.uniform(*GREEN[kind])),
            tree_scale=float(rng.uniform(0.8, 1.75)),
            crown_base=float(rng.uniform(0.3, 1.0)),
            fences=float(rng.uniform(0.0, 0.9)) if rng.random() < 0.6 else 0.0,
            poles=bool(rng.random() < (0.55 if open_plan else 0.05)),
            conifers=float(rng.beta(0.6, 2.4)),
            left_hand=bool(rng.random() < 0.4),
            hills=float(rng.exponential(0.03)),
            wear=float(rng.uniform(0.0, 1.0)),
            palette=Palette.draw(rng),
        )
