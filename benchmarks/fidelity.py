"""Do the latent maps do what the augmentations do? The claims of the README, measured.

    python -m benchmarks.fidelity            60,000 digits, 1.2 million draws a model: 20 passes, 5 over each of 4 views
    python -m benchmarks.fidelity --quick    the sample of 5,000 digits, 4 passes: does it run, not how well
    python -m benchmarks.fidelity --only flips d4

Each line of the report is a claim, what was measured, and whether it holds. Errors are squared, summed over the
pixels, averaged over the test images; a gap is the share by which an error exceeds the model's own floor.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.base import clone
from sklearn.decomposition import PCA

from benchmarks.sides import PAPER
from latentaug import VAE, LatentAugmenter
from latentaug.datasets import load_digits_sample, load_mnist
from latentaug.metrics import ErrorTable, error_table

AUTOENCODER = VAE(**PAPER, max_iter=20)


@dataclass
class Setting:
    """What every run shares."""

    train: np.ndarray
    test: np.ndarray
    seed: int
    autoencoder: VAE

    def fit(self, augs: list[str], **options) -> tuple[LatentAugmenter, ErrorTable]:
        """Fit a model, print its table, give both."""
        start = time.perf_counter()
        autoencoder = options.pop("autoencoder", self.autoencoder)
        model = LatentAugmenter(augs, autoencoder, random_state=self.seed, **options).fit(self.train)
        settings = ", ".join(f"{k}={v}" for k, v in {"method": model.method, "geometry": model.geometry}.items())
        print(f"\n{', '.join(augs)}: {settings}, {type(model.autoencoder_).__name__}, "
              f"fitted in {time.perf_counter() - start:.0f} s")  # fmt: skip
        print(f"maps: {model.geometries_}; condition numbers: "
              + ", ".join(f"{name} {k:.2f}" for name, k in model.condition_numbers_.items()))  # fmt: skip
        table = error_table(model, self.test)
        print(table, flush=True)
        return model, table


@dataclass
class Report:
    """Claims, each with what was measured."""

    failed: int = 0

    def __call__(self, claim: str, measured: float, bound: float, unit: str = "") -> None:
        holds = measured <= bound
        self.failed += not holds
        shown = (f"{v:.2%}" if unit == "%" else f"{v:.3g}" for v in (measured, bound))
        print(f"{'holds' if holds else 'FAILS':<6} {claim}: {' <= '.join(shown)}", flush=True)


def worst_over_original(table: ErrorTable) -> float:
    """Largest error of anything applied or undone over the floor of the original images, as a gap."""
    rows = list(table)
    return max(row.error for row in rows) / rows[0].error - 1


def select(table: ErrorTable, task: str) -> dict[tuple[str, ...], float]:
    return {row.composition: row.error for row in table if row.task == task}


def flips(setting: Setting, report: Report) -> None:
    """The line that must simply work, with no argument but the augmentations and a seed."""
    _, table = setting.fit(["flip_lr", "flip_ud"])
    report("flips, joint: floor", next(iter(table)).error, 10.0)
    report("flips, joint: every error over the floor", worst_over_original(table), 0.015, "%")


def d4(setting: Setting, report: Report) -> None:
    model, table = setting.fit(["rotate_cw", "flip_lr"])
    assert len(model.algebra_.elements) == 8
    report("rotate_cw, flip_lr, joint: all of D4 over the floor", worst_over_original(table), 0.015, "%")


def staged(setting: Setting, report: Report) -> None:
    """The paper's method, with the divergence's weight constant as in the paper."""
    constant = clone(setting.autoencoder).set_params(kl_warmup=0)
    _, table = setting.fit(["flip_lr", "flip_ud"], autoencoder=constant, method="staged", geometry="free")
    gaps = {row.composition: row.gap for row in table if row.task == "apply"}
    print(f"staged, free: composition {gaps['flip_lr', 'flip_ud']:.1%} over the floor; the paper, Table I: 19.4%")
    _, table = setting.fit(["flip_lr", "flip_ud"], autoencoder=constant, method="staged", geometry="group")
    gaps = {row.composition: row.gap for row in table if row.task == "apply"}
    report("staged, group: composition over its floor", max(gap for c, gap in gaps.items() if len(c) == 2), 0.12, "%")
    report("staged, group: inverses, in floors", max(select(table, "undo").values()) / next(iter(table)).error, 1.4)


def rising(setting: Setting, report: Report) -> None:
    """The staged method under the default, rising weight, as the joint runs; printed without a claim."""
    for geometry in ("free", "group"):
        setting.fit(["flip_lr", "flip_ud"], method="staged", geometry=geometry)


def _beats_staged(augs: list[str], setting: Setting, report: Report) -> None:
    """Joint against staged, in total over the views and for each inverse."""
    _, joint = setting.fit(augs)
    _, paper = setting.fit(augs, method="staged", geometry="free")
    label = f"{', '.join(augs)}, joint against staged"
    views = [(augs[0],), (augs[1],), tuple(augs)]
    totals = [next(iter(t)).error + sum(select(t, "apply")[c] for c in views) for t in (joint, paper)]
    report(f"{label}: total over four views", *totals)
    for c in views:
        report(f"{label}: undo {' then '.join(c)}", *(select(t, "undo")[c] for t in (joint, paper)))


def shear(setting: Setting, report: Report) -> None:
    _beats_staged(["shear_x", "canny"], setting, report)


def mini(setting: Setting, report: Report) -> None:
    _beats_staged(["mini_image", "edge_detect"], setting, report)


def three(setting: Setting, report: Report) -> None:
    model, table = setting.fit(["flip_lr", "flip_ud", "canny"])
    applied = {row.composition: row.gap for row in table if row.task == "apply"}
    undone = {row.composition: row.gap for row in table if row.task == "undo"}
    flips_only = [gap for gaps in (applied, undone) for c, gap in gaps.items() if "canny" not in c]
    report("three augs, joint: flips over their floors", max(flips_only), 0.015, "%")
    report("three augs, joint: Canny and any flip over its floor",
           max(gap for c, gap in applied.items() if "canny" in c), 0.05, "%")  # fmt: skip
    L = model.latent_maps_
    commutator = max(np.abs(L["canny"] @ L[f] - L[f] @ L["canny"]).max() for f in ("flip_lr", "flip_ud"))
    report("three augs, joint: commutator of Canny and the flips", commutator, 1e-12)


def pca(setting: Setting, report: Report) -> None:
    _, table = setting.fit(["flip_lr", "flip_ud"], autoencoder=PCA(16), method="staged")
    report("PCA(16), staged: every gap", worst_over_original(table), 0.0005, "%")


RUNS: dict[str, Callable[[Setting, Report], None]] = {
    f.__name__: f for f in (flips, d4, shear, mini, staged, rising, three, pca)
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a small sample and few passes")
    parser.add_argument("--only", nargs="+", choices=RUNS, default=list(RUNS), metavar="RUN", help=", ".join(RUNS))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.quick:
        X, _ = load_digits_sample()
        setting = Setting(X[:4000], X[4000:], options.seed, clone(AUTOENCODER).set_params(max_iter=4))
    else:
        setting = Setting(load_mnist("train")[0], load_mnist("test")[0], options.seed, AUTOENCODER)
    print(f"{len(setting.train)} images to train on, {len(setting.test)} to test")
    report = Report()
    for name in options.only:
        RUNS[name](setting, report)
    print(f"\n{report.failed} claims fail")
    return bool(report.failed) and not options.quick


if __name__ == "__main__":
    sys.exit(main())
