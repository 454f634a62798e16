"""Refined encoding: what damped Gauss-Newton steps after the encoder's guess do to the floor, and what they cost.

python -m examples.paper.refinement --budget quick
"""

from __future__ import annotations

import time

from examples.paper.models import Study
from examples.paper.sheets import Sheet, main, table
from latentaug.metrics import squared_error

N_DIGITS = 1000
STEPS = {"its image": (0, 2, 4, 8), "its orbit": (0, 1, 2, 4)}


def make(study: Study) -> Sheet:
    """Floor, error of a flip and milliseconds an image after some steps, of an image or of its orbit; a joint model."""
    X = study.data["test"][0][:N_DIGITS]
    model, unit, rows = study.augmenter("flips", "joint"), X / 255, []
    flipped = unit[:, :, ::-1]
    for fitted_to, steps in STEPS.items():
        model.orbit_ = model.algebra_.elements if fitted_to == "its orbit" else []
        for k in steps:
            model.autoencoder_.set_params(refine_steps=k)
            start = time.perf_counter()
            floor = squared_error(model.reconstruct(X), unit).mean()
            seconds = time.perf_counter() - start
            flip = squared_error(model["flip_lr"].transform(X), flipped).mean()
            gap = flip / squared_error(model.reconstruct(X[:, :, ::-1]), flipped).mean() - 1
            rows.append([fitted_to, k, floor, flip, gap, 1e3 * seconds / len(X)])
    first = rows[0][2]
    shown = [
        [to, k, f"{floor:.2f}", f"{floor / first - 1:+.1%}", f"{flip:.2f}", f"{gap:+.1%}", f"{ms:.2f}"]
        for to, k, floor, flip, gap, ms in rows
    ]
    head = ["latents fitted to", "steps", "floor", "change", "flip_lr", "over its floor", "ms an image"]
    return Sheet(
        "Refined encoding",
        f"{table(head, shown)}\n\nSquared error summed over pixels, {len(X):,} test digits. An orbit is an image under "
        "all compositions of the flips, each carried back; without steps its latents are the mean of the encoder's. "
        "Milliseconds to encode and decode one image, on the machine that wrote this; compare them with each other.",
    )


if __name__ == "__main__":
    main(make)
