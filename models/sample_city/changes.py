"""What has changed in a city since the other visit: buildings and plants that have gone or been replaced."""

import numpy as np

from .solids import HIGH, LOW, SEED, THING, Solids


def change(solids: Solids, share: float, seed: int) -> Solids:
    """Let a share of all buildings and plants go: half of them leave bare ground, half are replaced.

    What replaces one stands on the same ground in other colours, with other details, half as high to half as high
    again. A thing is changed or not whatever else is; a larger share changes what a smaller one does, and more.
    """
    if share <= 0.0 or not len(solids.kind):
        return solids
    thing = solids.kind[:, THING]
    rng = np.random.default_rng([seed, 79])
    count = int(thing.max()) + 1
    fate, replaced = rng.random(count), rng.random(count) < 0.5
    heights, colours = rng.uniform(0.5, 1.5, count), rng.uniform(0.5, 1.5, (count, 3))
    changed = (fate[thing] < share) & (thing > 0)
    kept = ~changed | replaced[thing]
    other = changed[kept]
    shape, kind, colour = solids.shape[kept], solids.kind[kept], solids.colour[kept]
    which = kind[other, THING]
    for column in (LOW, HIGH):
        shape[other, column] *= heights[which]
    kind[other, SEED] += 8 * which + 24
    colour[other] = np.clip(colour[other] * np.tile(colours[which], 2), 0.03, 0.95)
    return Solids(shape, kind, colour)
