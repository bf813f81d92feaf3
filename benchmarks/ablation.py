"""Compare training runs that differ in one thing and share their seeds, on places of a city never trained on.

    python benchmarks/ablation.py runs --compare nopos:base --compare stage2:more

Runs are folders NAME-SEED of `skyfix train` on sample cities, of networks for panoramas. Each is measured on 1,100
panoramas of city 2001 with known heading, against as many tiles; a tie counts against the model. The interval is a
bootstrap over the photos of the paired difference, averaged over the seeds that both names have.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from models.evaluation.benchmark import CityBenchmark
from models.evaluation.metrics import ranks
from models.evaluation.photographs import Setting
from models.exporting.run import load_run
from models.training.encoder import TorchEncoder

CITY, PLACES, EXTENT_M = 2001, 1100, 1000.0
AT = (1, 5, 10, PLACES // 20)
RESAMPLES = 10_000
Ranks = dict[str, dict[int, NDArray[np.int64]]]


def measure(runs: Path) -> Ranks:
    """Rank every photo for every run: name -> seed -> (PLACES,) zero-based ranks."""
    city, found = CityBenchmark.render(CITY, PLACES, EXTENT_M), defaultdict[str, dict[int, NDArray[np.int64]]](dict)
    for folder in sorted(path.parent for path in runs.glob("*-*/checkpoint.pt")):
        name, _, seed = folder.name.rpartition("-")
        config, network, _ = load_run(folder)
        scores = city.compare(TorchEncoder(config, network), Setting(360.0, "known"))
        found[name][int(seed)] = ranks(scores.similarity, np.arange(PLACES))
    return dict(found)


def difference(ranked: Ranks, first: str, second: str, k: int) -> tuple[float, float, float]:
    """Mean paired difference in recall at k, percent, and the ends of its 95 % interval."""
    seeds = ranked[first].keys() & ranked[second].keys()
    gain = np.mean([(ranked[first][s] < k) * 100.0 - (ranked[second][s] < k) * 100.0 for s in sorted(seeds)], axis=0)
    rng = np.random.default_rng(0)
    means = [gain[rng.integers(PLACES, size=PLACES)].mean() for _ in range(RESAMPLES)]
    low, high = np.percentile(means, [2.5, 97.5])
    return float(gain.mean()), float(low), float(high)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--compare", action="append", default=[], metavar="NAME:NAME")
    given = parser.parse_args()
    torch.set_num_threads(1)
    ranked = measure(given.runs)
    for name, seeds in ranked.items():
        recalls = [np.mean([(r < k).mean() * 100 for r in seeds.values()]) for k in AT]
        medians = np.mean([np.median(r) for r in seeds.values()])
        each = ", ".join(f"{(seeds[s] < AT[-1]).mean() * 100:.1f}" for s in sorted(seeds))
        print(name, *(f"R@{k} {value:.2f}" for k, value in zip(AT, recalls, strict=True)), end=" ")
        print(f"median rank {medians:.0f}; R@{AT[-1]} of seeds {sorted(seeds)}: {each}")
    for pair in given.compare:
        first, _, second = pair.partition(":")
        for k in AT[2:]:
            mean, low, high = difference(ranked, first, second, k)
            print(f"{first} - {second}, R@{k}: {mean:+.2f} ({low:+.2f} to {high:+.2f})")


if __name__ == "__main__":
    main()
