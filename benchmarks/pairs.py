"""Changes that are known by pairs of images alone: glasses and beards on faces, letters made bold and italic.

    pip install latentaug[datasets]
    python -m benchmarks.pairs                    3,000 pairs of faces, and 4,212 of characters in four faces of a font
    python -m benchmarks.pairs --only glyphs
    python -m benchmarks.pairs --quick            does it run

Every change is given as arrays, once with both changes together among the views, and once without: then "both" is a
composition that no image was seen of. Measured on faces and characters that were not seen, all by the defaults but for
`latent_dim`: R2, of what is made about the mean of the true images, beside doing nothing and beside the floor, what
the model makes of the true images themselves; and squared error, summed over pixels, over that of doing nothing.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from benchmarks.pairing import table
from latentaug import VAE, LatentAugmenter
from latentaug.datasets import load_avatars, load_glyphs
from latentaug.metrics import squared_error

HEADS = ("", "R2", "of doing nothing", "of the floor", "squared error", "of doing nothing", "of the floor")
View = tuple[str, ...]


class Pairs(NamedTuple):
    """Images, and what they are under each change and under both."""

    images: np.ndarray
    views: Mapping[View, np.ndarray]
    latent_dim: int

    def of(self, rows: slice) -> Pairs:
        """Some of them."""
        return Pairs(self.images[rows], {view: X[rows] for view, X in self.views.items()}, self.latent_dim)


def faces(n: int = 3500) -> Pairs:
    """Cartoon faces without glasses and beard, 48x48x3, and the same ones with them."""
    found = load_avatars(n, size=48, paired=["glasses", "beard"])
    return Pairs(found.images, found.views, 48)


def glyphs(n: int | None = None) -> Pairs:
    """Characters of a regular font, 32x32, and the same ones bold and italic."""
    found = load_glyphs(size=32)
    return Pairs(found.images[:n], {view: X[:n] for view, X in found.views.items()}, 96)


SETS: dict[str, Callable[..., Pairs]] = {"faces": faces, "glyphs": glyphs}
QUICK = {"faces": 60, "glyphs": 300}


def fit(pairs: Pairs, both: bool, passes: int | str, seed: int) -> LatentAugmenter:
    """Learn the changes; with both together among what is given, or without."""
    views = {view: X for view, X in pairs.views.items() if both or len(view) == 1}
    names = [view[0] for view in views if len(view) == 1]
    vae = VAE(pairs.latent_dim, max_iter=passes)
    augmenter = LatentAugmenter(names, vae, orders=dict.fromkeys(names, 2), commute=[tuple(names)], random_state=seed)
    return augmenter.fit(pairs.images, views=views)


def measures(augmenter: LatentAugmenter, unseen: Pairs) -> Iterator[tuple[str, float, float, float, float]]:
    """Of each change, applied and undone: variance, error, that of doing nothing, the floor."""
    for view, X in unseen.views.items():
        ways = (("", (), view, unseen.images, X), ("undo ", view, (), X, unseen.images))
        for verb, source, target, start, end in ways:
            true, nothing = (images / np.float32(255) for images in (end, start))
            made, same = augmenter.carry(start, source, target), augmenter.reconstruct(end)
            variance = float(np.square(true - true.mean(axis=0)).sum() / len(true))
            found = (float(squared_error(true, images).mean()) for images in (made, nothing, same))
            yield (verb + " and ".join(view), variance, *found)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few images, one pass")
    parser.add_argument("--only", nargs="+", choices=SETS, default=[*SETS])
    parser.add_argument("--passes", type=int, help="over all images; by default their number tells")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    holds, passes = True, 1 if options.quick else options.passes or "auto"
    for name in options.only:
        pairs = SETS[name](QUICK[name]) if options.quick else SETS[name]()
        n = len(pairs.images) // 7
        rows: list[tuple[Any, ...]] = []
        for both in (True, False):
            start = time.perf_counter()
            augmenter = fit(pairs.of(slice(n, None)), both, passes, options.seed)
            print(f"{name}: fitted in {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
            for label, variance, error, nothing, floor in measures(augmenter, pairs.of(slice(n))):
                shares = (1 - e / variance for e in (error, nothing, floor))
                said = (f"{error:.1f}", f"{error / nothing:.2f}", f"{error / floor:.2f}")
                rows.append(
                    (f"{label}, {'both seen' if both else 'both not seen'}", *(f"{r:.3f}" for r in shares), *said)
                )
                print(*rows[-1], sep=" | ", file=sys.stderr, flush=True)
                halved = name == "glyphs" and both and label in ("bold", "undo bold")
                holds &= error < (nothing / 2 if halved else nothing)
        print(f"\n{name}: {len(pairs.images) - n:,} to learn from, {n} unseen\n\n{table(rows, HEADS)}", flush=True)
    return 0 if holds or options.quick else 1


if __name__ == "__main__":
    sys.exit(main())
