"""Every model of the paper, trained once and kept.

python -m examples.paper.models --budget quick                  train what is not there yet
python -m examples.paper.models --budget medium --jobs 2        two at a time, a thread each
python -m examples.paper.models --budget medium --only flips    those with a word in their names
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

import joblib
import numpy as np
from sklearn.frozen import FrozenEstimator

from examples.paper.settings import APPENDIX_C, BUDGETS, LATENT_DIM, OUTPUT, PAIRS, READ_AS, READINGS, Budget
from latentaug import VAE, ConditionalVAE, LatentAugmenter, TransferHead
from latentaug.datasets import load_avatars, load_digits_sample, load_fashion_mnist, load_mnist

METHODS = {
    "staged": {"method": "staged", "geometry": "free"},
    "joint": {"symmetrize": False},
}
AS_WRITTEN = ("staged", "traditional")


def name_as_written(method: str, reading: str, passes: int) -> str:
    """What a model of the paper's settings is kept under."""
    return f"as-written-{method}-{READINGS[reading]:g}-{passes}"


class Study:
    """The data of one budget, and its models by name; one that is not kept is trained where it is asked for."""

    def __init__(self, budget: Budget):
        self.budget = budget

    @cached_property
    def data(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Images and labels, to train and to test on; faces have none."""
        n_train, n_test = self.budget.n_train, self.budget.n_test
        if self.budget.images == "faces":
            X = load_avatars(n_train + n_test, size=32).images
            return {"train": (X[:n_train], np.empty(0)), "test": (X[n_train:], np.empty(0))}
        if self.budget.images == "clothes":
            return {part: load_fashion_mnist(part, download=False) for part in ("train", "test")}
        if n_train is None or n_test is None:
            return {part: load_mnist(part) for part in ("train", "test")}
        X, y = load_digits_sample()
        return {"train": (X[:n_train], y[:n_train]), "test": (X[-n_test:], y[-n_test:])}

    def _vae(self, **settings: Any) -> VAE:
        usual = {"network": "paper", "kl_weight": 1.0, "max_iter": self.budget.passes}
        return VAE(**{**usual, **self.budget.vae, **settings})

    def augmenter(self, pair: str, method: str, seed: int = 0) -> LatentAugmenter:
        """LAVAE of a pair of augmentations, by the paper's method or by joint training."""
        settings = {**METHODS[method], "random_state": seed}
        if method == "staged":
            settings["solver"] = self.budget.solver
        return self._fitted(f"{pair}-{method}-{seed}", lambda: LatentAugmenter(PAIRS[pair], self._vae(), **settings))

    def conditional(self, conditioning: str, seed: int = 0) -> ConditionalVAE:
        """The baselines of Table I."""
        return self._fitted(
            f"flips-cvae-{conditioning}-{seed}",
            lambda: ConditionalVAE(PAIRS["flips"], self._vae(), conditioning=conditioning, random_state=seed),
        )

    def as_written(self, method: str, reading: str, passes: int) -> Any:
        """LAVAE, "staged", or the traditional CVAE by the settings of Appendix C, under a reading of its loss."""
        name = name_as_written(method, reading, passes)
        folder = OUTPUT / self.budget.name / "checkpoints" / name
        settings = APPENDIX_C | {"kl_weight": READINGS[reading], "max_iter": passes, "checkpoint_dir": folder}
        vae, shared = VAE(LATENT_DIM, network="paper", **settings), {"random_state": 0}
        if method == "staged":
            settings = METHODS["staged"] | {"solver": "adabelief"}
            return self._fitted(name, lambda: LatentAugmenter(PAIRS["flips"], vae, **settings, **shared))
        return self._fitted(name, lambda: ConditionalVAE(PAIRS["flips"], vae, conditioning=method, **shared))

    def closed_form(self, reading: str, passes: int) -> LatentAugmenter:
        """The autoencoder of the same LAVAE, its maps by least squares."""
        autoencoder = FrozenEstimator(self.as_written("staged", reading, passes).autoencoder_)
        settings = METHODS["staged"] | {"autoencoder": autoencoder, "random_state": 0}
        name = f"as-written-closed-{READINGS[reading]:g}-{passes}"
        return self._fitted(name, lambda: LatentAugmenter(PAIRS["flips"], **settings))

    def nonlinear(self) -> LatentAugmenter:
        """The paper's aside: nonlinear maps on the latents of a trained encoder."""
        return self._fitted(
            "flips-nonlinear-0",
            lambda: LatentAugmenter(PAIRS["flips"], self._vae(), method="staged", geometry="nonlinear", random_state=0),
        )

    def combined(self) -> LatentAugmenter:
        """The paper's other aside, the first two stages trained together: joint training of free maps."""
        return self._fitted(
            "flips-combined-0",
            lambda: LatentAugmenter(PAIRS["flips"], self._vae(), geometry="free", random_state=0),
        )

    def head(self, source: str, target: str, method: str) -> TransferHead:
        """A new decoder for the target pair on the latent maps of the source pair."""
        augmenter = self.augmenter(source, method)
        return self._fitted(
            f"{source}-to-{target}-{method}",
            lambda: TransferHead(augmenter, PAIRS[target], undo=False, random_state=0),
        )

    def absolute(self, passes: int) -> LatentAugmenter:
        """Flips, the default kind of network, more channels, a small divergence: how low can the error go?"""
        vae = self._vae(network="conv", hidden_channels=(32, 64), kl_weight=0.01, max_iter=passes, mixup=0.0)
        return self._fitted(
            f"absolute-{passes}",
            lambda: LatentAugmenter(PAIRS["flips"], vae, symmetrize=False, random_state=0),
        )

    def averaged(self, passes: int, refine_steps: int = 0) -> LatentAugmenter:
        """The same, latents the mean over all four views of an image, or fitted to all four by some more steps."""
        model = self.absolute(passes)
        model.orbit_ = model.algebra_.elements
        model.autoencoder_.set_params(refine_steps=refine_steps)
        return model

    def every(self) -> dict[str, Callable[[], Any]]:
        """All models by name, those that others build on first."""
        found: dict[str, Callable[[], Any]] = {}
        for seed in self.budget.seeds:
            for method in METHODS:
                found[f"flips-{method}-{seed}"] = partial(self.augmenter, "flips", method, seed)
            for conditioning in ("traditional", "invariant"):
                found[f"flips-cvae-{conditioning}-{seed}"] = partial(self.conditional, conditioning, seed)
        for method in METHODS:
            for source in PAIRS:
                found.setdefault(f"{source}-{method}-0", partial(self.augmenter, source, method))
                for target in (pair for pair in PAIRS if pair != source):
                    found[f"{source}-to-{target}-{method}"] = partial(self.head, source, target, method)
        found |= {"flips-nonlinear-0": self.nonlinear, "flips-combined-0": self.combined}
        each, *whole = self.budget.as_written or (0,)
        found |= {
            f"as-written-{method}-{reading}-{passes}": partial(self.as_written, method, reading, passes)
            for reading in READINGS
            for method, most in zip(AS_WRITTEN, whole, strict=False)
            for passes in (each, *([most] if reading == READ_AS else []))
        }
        found |= {f"absolute-{passes}": partial(self.absolute, passes) for passes in self.budget.absolute}
        return found

    def _fitted(self, name: str, make: Callable[[], Any]) -> Any:
        """A model trained on the training digits, or kept."""
        return self.kept(f"models/{name}", lambda: make().fit(self.data["train"][0]))

    def kept(self, name: str, make: Callable[[], Any]) -> Any:
        """What was made under a name before; else made now and written, whole or not at all."""
        path = OUTPUT / self.budget.name / f"{name}.joblib"
        if not path.exists():
            start = time.perf_counter()
            made = make()
            path.parent.mkdir(parents=True, exist_ok=True)
            joblib.dump(made, path.with_suffix(".part"))
            path.with_suffix(".part").rename(path)
            seconds = time.perf_counter() - start
            path.with_suffix(".seconds").write_text(f"{seconds:,.0f}")
            print(f"{name}: made in {seconds:.0f} s", flush=True)
        return joblib.load(path)

    def seconds(self, model: str) -> str:
        """How long a model took to train, where that is known."""
        path = OUTPUT / self.budget.name / "models" / f"{model}.seconds"
        return path.read_text() if path.exists() else ""


def study_of(budget: str) -> Study:
    return Study(BUDGETS[budget])


def train(budget: str, name: str) -> None:
    study_of(budget).every()[name]()


def train_all(budget: str, jobs: int = 1, only: str = "") -> None:
    """Train every model of a budget; those that others build on come first, so that no two train the same."""
    names = [name for name in study_of(budget).every() if only in name]
    heads = [name for name in names if "-to-" in name]
    with joblib.parallel_config("loky", n_jobs=jobs, inner_max_num_threads=1):
        for batch in ([name for name in names if name not in heads], heads):
            joblib.Parallel()(joblib.delayed(train)(budget, name) for name in batch)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--budget", choices=BUDGETS, default="quick")
    parser.add_argument("--jobs", type=int, default=1, help="models trained at a time, a thread each")
    parser.add_argument("--only", default="", metavar="WORD", help="in the names of the models")
    options = parser.parse_args()
    train_all(options.budget, options.jobs, options.only)
