"""The same seed, the same bits: what every kind of model learns and gives out, as one digest each.

    python -m benchmarks.bits                            prints a line a case
    python -m benchmarks.bits --against ../other         the same from another checkout, and what differs

A change of the package that is meant to move code, and nothing else, leaves every line as it is. Public names only, so
that older versions can be asked too. Two processes are asked where Lightning Fabric is installed. Two minutes.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator

from latentaug import VAE, ConditionalVAE, LatentAugmenter, LatentResampler, TransferHead
from latentaug.metrics import error_table, scorecard

DIGITS = load_digits()
X = (DIGITS.images[:205] * 15).astype(np.uint8)
COLOUR = np.stack([X, X[::-1], X // 2], axis=-1)
QUICK = VAE(4, hidden_channels=(4, 8), kl_weight=1.0, max_iter=2, batch_size=31, device="cpu", random_state=0)
if "network" in QUICK.get_params():  # 0.1.0 had one
    QUICK.set_params(network="paper")


def quick(**parameters: Any) -> VAE:
    """A small VAE."""
    return clone(QUICK).set_params(**parameters)


def joint(*augs: str, latent_dim: int = 8, **parameters: Any) -> LatentAugmenter:
    """An augmenter trained jointly."""
    return LatentAugmenter(list(augs), quick(latent_dim=latent_dim), random_state=0, **parameters)


def staged(*augs: str, autoencoder: Any = QUICK, **parameters: Any) -> LatentAugmenter:
    """An augmenter fitted by the paper's method."""
    return LatentAugmenter(list(augs), autoencoder, method="staged", random_state=0, **parameters)


def streamed(model: Any) -> Any:
    """A model fitted on three parts of a stream."""
    for part in np.array_split(X, 3):
        model = model.partial_fit(part)
    return model


CASES: dict[str, Callable[[], Any]] = {
    "VAE": lambda: quick().fit(X),
    "VAE, floats": lambda: quick().fit(X / 255),
    "VAE, colour": lambda: quick().fit(COLOUR),
    "VAE, adabelief": lambda: quick(optimizer="adabelief", epsilon=1e-12).fit(X),
    "VAE, constant rate and weight": lambda: quick(learning_rate="constant", kl_warmup=0, kl_weight=2.0).fit(X),
    "VAE, bf16": lambda: quick(precision="bf16-mixed").fit(X),
    "VAE, early stopping": lambda: quick(early_stopping=True, n_iter_no_change=1, tol=9.0, max_iter=9).fit(X),
    "VAE, warm start": lambda: quick(warm_start=True).fit(X).fit(X),
    "VAE, stream": lambda: streamed(quick()),
    "VAE, refined": lambda: quick().fit(X).set_params(refine_steps=2),
    "joint, flips": lambda: joint("flip_lr", "flip_ud").fit(X),
    "joint, D4": lambda: joint("rotate_cw", "flip_lr").fit(X),
    "joint, flip and canny": lambda: joint("flip_lr", "canny").fit(X),
    "joint, shear and turn": lambda: joint("shear_x", "rotate_cw", geometry="free").fit(X),
    "joint, orthogonal": lambda: joint("shear_x", "canny", geometry="orthogonal").fit(X),
    "joint, finite order": lambda: joint("rotate_cw", geometry="finite_order").fit(X),
    "joint, colour": lambda: joint("flip_lr", "shear_x").fit(COLOUR),
    "joint, pairs": lambda: LatentAugmenter(["older"], QUICK, random_state=0).fit(X, views={("older",): X // 2}),
    "joint, stream": lambda: streamed(joint("flip_lr", "shear_x")),
    "staged, flips": lambda: staged("flip_lr", "flip_ud").fit(X),
    "staged, flip and canny": lambda: staged("flip_lr", "canny").fit(X),
    "staged, free": lambda: staged("flip_lr", "flip_ud", geometry="free").fit(X),
    "staged, orthogonal": lambda: staged("flip_lr", "shear_x", geometry="orthogonal").fit(X),
    "staged, finite order": lambda: staged("rotate_cw", geometry="finite_order").fit(X),
    "staged, nonlinear": lambda: staged("shear_x", geometry="nonlinear").fit(X),
    "staged, adabelief": lambda: staged("flip_lr", geometry="free", solver="adabelief").fit(X),
    "staged, PCA and D4": lambda: staged("rotate_cw", "flip_lr", autoencoder=PCA(16, random_state=0)).fit(X),
    "staged, stream": lambda: streamed(staged("flip_lr", autoencoder=FrozenEstimator(quick().fit(X)))),
    "head": lambda: TransferHead(joint("flip_lr", "flip_ud"), ["shear_x", "canny"], random_state=0).fit(X),
    "head, no undo": lambda: TransferHead(joint("flip_lr"), ["canny"], undo=False, random_state=0).fit(X),
    "conditional, traditional": lambda: ConditionalVAE(["flip_lr", "shear_x"], QUICK, random_state=0).fit(X),
    "conditional, invariant": lambda: ConditionalVAE(
        ["rotate_cw"], QUICK, conditioning="invariant", random_state=0
    ).fit(X),
    "resampler": lambda: LatentResampler(joint("flip_lr", "canny"), 2, random_state=0).fit(X, DIGITS.target[:205]),
}


def outputs(model: Any) -> Iterator[Any]:
    """All that a fitted model tells: arrays, and texts of tables."""
    if isinstance(model, LatentResampler):
        yield from model.fit_resample(X, DIGITS.target[:205])
        return
    images = COLOUR if model.image_shape_ == COLOUR.shape[1:] else X
    if isinstance(model, VAE):
        yield from (model.transform(images), model.sample(5, random_state=0), np.array(model.loss_curve_))
        yield from (np.array(model.validation_curve_), model.score_samples(images), *model.latent_distribution(images))
        return
    yield from (model.transform(images), model.reconstruct(images), model.encode(images))
    yield from (model.interpolate(images[:3], images[3:6], 3), model.sample(5, random_state=0))
    yield from (L for L in model.latent_maps_.values() if isinstance(L, np.ndarray))
    yield from model.latent_boxes_.values()
    yield repr(getattr(model, "geometries_", ""))
    if model.is_invertible:
        yield model.inverse_transform(images)
    if None not in (model.augs or [None]) and "older" not in model.augs:
        yield np.array([(row.error, row.floor) for row in error_table(model, images[:50])])
        rows = (row.values for row in scorecard(model, images[:50]) if not row.label.startswith("PCA"))
        yield from (np.array([row[k] for k in sorted(row) if not k.startswith("r2")]) for row in rows)
        yield model.recurse(images[:4], model.aug_names_[0], 1)


def digest(values: Iterator[Any]) -> str:
    """Of arrays and texts, in their order."""
    found = hashlib.sha256()
    for value in values:
        found.update(value.encode() if isinstance(value, str) else np.ascontiguousarray(value).tobytes())
    return found.hexdigest()[:16]


def together() -> dict[str, str]:
    """Digests of what two processes learn together, by the script of the tests."""
    cases = ("VAE", "joint", "staged", "ConditionalVAE", "TransferHead")
    with tempfile.TemporaryDirectory() as folder:
        script = [str(Path.cwd() / "tests" / "two_processes.py"), folder, "auto", *cases]
        torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--no-python", sys.executable]
        subprocess.run([*torchrun, *script], check=True, capture_output=True, env={**os.environ, "PYTHONPATH": "."})
        found = np.load(Path(folder) / "rank0.npz")
        return {
            f"two processes, {case}": digest(found[name] for name in sorted(found) if name.startswith(f"{case}/"))
            for case in cases
        }


def told() -> dict[str, str]:
    """The digest of every case."""
    found = {}
    for name, fit in CASES.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found[name] = digest(outputs(fit()))
        print(f"{found[name]}  {name}", flush=True)
    for name, value in together().items():
        found[name] = value
        print(f"{value}  {name}", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", type=Path, help="another checkout, or a file with what it printed")
    against = parser.parse_args().against
    found = told()
    if against is not None:
        if against.is_dir():
            script = str(Path(__file__).resolve())
            code = "import sys, runpy; sys.path[0] = '.'; sys.argv = ['bits']; "
            code += f"runpy.run_path({script!r}, run_name='__main__')"
            text = subprocess.run(
                [sys.executable, "-c", code], cwd=against, check=True, capture_output=True, text=True
            ).stdout
        else:
            text = against.read_text()
        other = {name: value for value, _, name in (line.partition("  ") for line in text.splitlines())}
        differ = [name for name in found if other.get(name) != found[name]]
        print(f"{len(found) - len(differ)} of {len(found)} the same." + "".join(f"\ndiffers: {n}" for n in differ))
        sys.exit(bool(differ))


if __name__ == "__main__":
    main()
