"""A script that fits every model in the table and writes down what it is: by one process, or by several together.

python tests/two_processes.py FOLDER DEVICES CASE [CASE ...]
"""

import pickle
import sys
import warnings
from pathlib import Path

import numpy as np
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

from latentaug import VAE, ConditionalVAE, LatentAugmenter, TransferHead
from latentaug.learn.resuming import Checkpoint

X = (load_digits().images[:205] * 15).astype(np.uint8)
QUICK = VAE(4, mixup=0.0, hidden_channels=(4, 8), max_iter=2, batch_size=31, device="cpu", random_state=0)


FLIP = LatentAugmenter(["flip_lr"], QUICK, random_state=0)


def quick(**parameters):
    return clone(QUICK).set_params(**parameters)


class Normalised(torch.nn.Module):
    """With batch norm and dropout."""

    def __init__(self, image_shape, latent_dim):
        super().__init__()
        n, nn = int(np.prod(image_shape)), torch.nn
        self.encoder = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(n), nn.Dropout(0.1), nn.Linear(n, latent_dim))
        self.decoder = nn.Sequential(nn.Linear(latent_dim, n), nn.Sigmoid())


# A model and the number of images it is fitted on: the last batch of 205 is an odd one, and that of 63 has one image.
CASES = {
    "VAE": (QUICK, 205),
    "tiny last batch": (quick(), 63),
    "batch of one": (quick(batch_size=1, max_iter=1), 20),
    "adabelief": (quick(optimizer="adabelief"), 205),
    "early stopping": (quick(early_stopping=True, n_iter_no_change=1, tol=9.0, max_iter=9), 205),
    "joint": (LatentAugmenter(["flip_lr", "canny"], QUICK, random_state=0), 205),
    "families": (LatentAugmenter(["rotate", "flip_lr"], quick(latent_dim=8), random_state=0), 205),
    "staged": (LatentAugmenter(["flip_lr"], QUICK, method="staged", random_state=0), 205),
    "by gradient": (LatentAugmenter(["shear_x"], QUICK, method="staged", geometry="nonlinear", random_state=0), 99),
    "ConditionalVAE": (ConditionalVAE(["flip_lr"], QUICK, random_state=0), 205),
    "TransferHead": (
        TransferHead(LatentAugmenter(["flip_lr"], QUICK, random_state=0), ["canny"], undo=False, random_state=0),
        205,
    ),
    "own network": (quick(network=Normalised, hidden_channels=None), 63),
    "own network, one image each": (quick(network=Normalised, hidden_channels=None, batch_size=2, max_iter=1), 9),
    "no seed": (LatentAugmenter(["canny"], quick(random_state=None), random_state=None), 99),
}


def networks_of(model):
    """The VAEs inside a fitted model."""
    parts = {**vars(model), **getattr(model, "autoencoders_", {})}
    found = [part for name, part in parts.items() if isinstance(part, VAE) and hasattr(part, "network_")]
    return [model] if isinstance(model, VAE) else found


def told(model):
    """All that a fitted model has learned, as arrays by name."""
    arrays = {}
    for k, vae in enumerate(networks_of(model)):
        arrays |= {f"{k}.{name}": weight.numpy() for name, weight in vae.network_.state_dict().items()}
        arrays |= {f"{k}.loss": np.array(vae.loss_curve_), f"{k}.held_out": np.array(vae.validation_curve_)}
        arrays[f"{k}.seed"] = np.array(-1 if vae.random_state is None else vae.random_state)
    maps = getattr(model, "latent_maps_", {})
    at_strengths = {name: getattr(L, "sample", L) for name, L in maps.items()}
    return arrays | {f"map.{name}": L for name, L in at_strengths.items() if isinstance(L, np.ndarray)}


def fit(case, devices):
    model, n_images = CASES[case]
    names = [name for name in model.get_params() if name.split("__")[-1] == "devices"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = clone(model).set_params(**dict.fromkeys(names, devices)).fit(X[:n_images])
    return told(pickle.loads(pickle.dumps(fitted)))


def resumed(folder, devices):
    """Whether a training that broke off after a checkpoint goes on to the same bits."""
    vae = quick(devices=devices, max_iter=3)
    whole, write = told(clone(vae).fit(X)), Checkpoint.write

    def write_and_break(self, *state):
        write(self, *state)
        raise RuntimeError("A power cut.")

    Checkpoint.write = write_and_break
    try:
        clone(vae).set_params(checkpoint_dir=folder).fit(X)
    except RuntimeError:
        Checkpoint.write = write
    again = told(clone(vae).set_params(checkpoint_dir=folder).fit(X))
    return Checkpoint.write is write and all(np.array_equal(again[name], array) for name, array in whole.items())


def errors(folder, devices):
    """What goes wrong goes wrong in every process, in one line."""
    (folder / "no folder").touch()
    for wrong in ({"devices": 3}, {"checkpoint_dir": folder / "no folder"}, {"learning_rate_init": 1e30}):
        try:
            quick(devices=devices).set_params(**wrong).fit(X)
        except ValueError as error:
            yield str(error)


def main(folder, devices, cases):
    devices = devices if devices == "auto" else int(devices)
    results = {f"{case}/{name}": array for case in cases for name, array in fit(case, devices).items()}
    rank = torch.distributed.get_rank()
    np.savez(
        folder / f"rank{rank}.npz", errors=list(errors(folder, devices)), resumed=resumed(folder, devices), **results
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
