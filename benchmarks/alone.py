"""One side of a comparison in a process of its own, as a user's script would run it.

    python -m benchmarks.alone SIDE FOLDER    prints the seconds that SIDE takes on the images in FOLDER

`benchmarks.speed` writes the folder, and calls this for each side in turn. What is imported, loaded or built is not
timed, nor the first few images. Memory is new in such a process, which is where allocators differ; but pythae is given
networks that latentaug builds, so that its process keeps freed memory, too.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

import latentaug
from benchmarks.pairing import timed
from benchmarks.sides import BATCH, PAPER, bare_pass, own_network, plain_network, pythae_training
from latentaug import VAE, LatentAugmenter
from latentaug.learn.objectives import PRECISIONS

__all__ = ["FITS", "PYTHAE", "USES", "seconds_alone", "write_folder"]

CPU = torch.device("cpu")
FEW = 640

Side = Callable[[Path, np.ndarray], Callable[[], object]]


def fit(precision: str) -> Side:
    """A pass of `VAE.fit`."""
    settings = {**PAPER, "max_iter": 1, "batch_size": BATCH, "learning_rate": "constant", "random_state": 0}
    vae = VAE(**settings, precision=precision, device="cpu")
    return lambda folder, X: lambda: vae.fit(X)


def loaded(folder: Path, X: np.ndarray) -> Callable[[], object]:
    """`transform` of a model that was saved."""
    flip = latentaug.load(folder / "flips.latentaug", device="cpu")["flip_lr"]
    return lambda: flip.transform(X)


def loaded_bare(folder: Path, X: np.ndarray) -> Callable[[], object]:
    """The same network and map by torch alone, the images kept."""
    network, L = torch.load(folder / "network.pt", weights_only=False)

    def flipped(rows: slice) -> torch.Tensor:
        return network.decoder(network.encoder(torch.from_numpy(X[rows]).float().div_(255).unsqueeze(1))[0] @ L)

    return bare_pass(flipped, len(X), kept=True)


FITS: dict[str, Side] = {f"latentaug, {precision}": fit(precision) for precision in PRECISIONS}
PYTHAE: dict[str, Side] = {
    "pythae, torch's layers": lambda folder, X: pythae_training(plain_network(CPU), X),
    "pythae, our modules": lambda folder, X: pythae_training(own_network(CPU), X),
}
USES: dict[str, Side] = {"latentaug": loaded, "bare, the images kept": loaded_bare}
SIDES = FITS | PYTHAE | USES


def write_folder(folder: Path, X: np.ndarray) -> None:
    """Images, and a model of them, saved by latentaug and by torch."""
    augmenter = LatentAugmenter(["flip_lr", "flip_ud"], VAE(**PAPER, max_iter=1, device="cpu"), random_state=0).fit(
        X[:FEW]
    )
    augmenter.save(folder / "flips.latentaug")
    L = torch.from_numpy(augmenter.compose("flip_lr").matrix_).float()
    torch.save((augmenter.autoencoder_.network_, L), folder / "network.pt")
    np.save(folder / "images.npy", X)


def seconds_alone(side: str, folder: Path) -> float:
    """Run a side in a process of its own; the seconds that it tells."""
    command = [sys.executable, "-m", "benchmarks.alone", side, str(folder)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("side", choices=SIDES)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    X, side = np.load(arguments.folder / "images.npy"), SIDES[arguments.side]
    side(arguments.folder, X[:FEW])()
    print(timed(side(arguments.folder, X)))


if __name__ == "__main__":
    main()
