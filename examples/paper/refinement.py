"""Refined encoding: what damped Gauss-Newton steps after the encoder's guess do to the floor, and what they cost.

python -m examples.paper.refinement --budget quick
"""

from __future__ import annotations

import time

from examples.paper.models import Study
from examples.paper.sheets import Sheet, main, table
from latentaug.metrics import squared_error

N_DIGITS = 1000


def make(study: Study) -> Sheet:
    """Floor, error of a flip and milliseconds an image with 0, 2, 4 and 8 steps, the same joint model."""
    X = study.data["test"][0][:N_DIGITS]
    model, unit, rows = study.augmenter("flips", "joint"), X / 255, []
    for k in (0, 2, 4, 8):
        model.autoencoder_.set_params(refine_steps=k)
        start = time.perf_counter()
        floor = squared_error(model.reconstruct(X), unit).mean()
        seconds = time.perf_counter() - start
        flip = squared_error(model["flip_lr"].transform(X), unit[:, :, ::-1]).mean()
        rows.append([k, floor, f"{floor / (rows[0][1] if rows else floor) - 1:+.1%}", flip, 1e3 * seconds / len(X)])
    shown = [[k, f"{floor:.2f}", change, f"{flip:.2f}", f"{ms:.2f}"] for k, floor, change, flip, ms in rows]
    head = ["refine_steps", "floor", "change", "flip_lr", "ms an image"]
    return Sheet(
        "Refined encoding",
        f"{table(head, shown)}\n\nSquared error summed over pixels, {len(X):,} test digits. Milliseconds to encode and "
        "decode one image, on the machine that wrote this; compare them with each other.",
    )


if __name__ == "__main__":
    main(make)
