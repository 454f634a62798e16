"""Directions: what is trained carries every image from its source to its target and not the other way round.

The augmentations are not their own inverses, and do not commute.
"""

from collections import Counter
from itertools import product

import numpy as np
import pytest
import torch
from conftest import augmented
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from latentaug import VAE, ConditionalVAE, LatentAugmenter, TransferHead
from latentaug.augs import flip_lr, flip_ud, rotate_cw, shear_x
from latentaug.augs.views import Views
from latentaug.images import ImageFormat
from latentaug.learn.geometries import FixedMap, FreeMap, ViewMaps
from latentaug.learn.networks import build
from latentaug.learn.objectives import CrossReconstruction, Terms
from latentaug.metrics import error_table, squared_error

SMALL = {"latent_dim": 8, "hidden_channels": (8, 16), "kl_weight": 0.01, "batch_size": 32, "device": "cpu"}
TINY = {"latent_dim": 8, "hidden_channels": (2,), "max_iter": 20, "batch_size": 1000, "device": "cpu"}

seeds = st.integers(0, 2**16)


def crossings(A, B, learned, compositions, pairs):
    """What joint training carries latents by, of maps named a and b, from view to view of each pair."""

    def module(L):
        L = torch.from_numpy(L).float()
        if not learned:
            return FixedMap(L)
        free = FreeMap(len(L))
        free.weight.data.copy_(L)
        return free

    view_maps = ViewMaps({"a": module(A), "b": module(B)}, compositions, len(A))
    source, target = (torch.tensor([compositions.index(c) for c in ends]) for ends in zip(*pairs, strict=True))
    images = Views(np.zeros((1, 2, 2)), {}, ImageFormat((2, 2)))
    terms = Terms(1.0, 1.0, 1.0, images.format_, torch.device("cpu"))
    objective = CrossReconstruction(build((2, 2, 1), len(A), [1]), images, terms, view_maps, 1)
    return objective.crossings(source, target).detach().numpy()


@pytest.fixture
def drawn(monkeypatch):
    """Call after a training: source and target view of every image that it made, in pairs where it makes pairs."""
    seen = {"mix": [], "mix_pairs": []}

    def record(verb):
        made = getattr(Views, verb)

        def recorded(self, rows, *ends):
            seen[verb] += zip(ends[0].tolist(), ends[-1].tolist(), strict=True)
            return made(self, rows, *ends)

        monkeypatch.setattr(Views, verb, recorded)

    for verb in seen:
        record(verb)
    return lambda: seen["mix_pairs"] or seen["mix"]


@pytest.mark.parametrize("learned", [False, True])
@given(seed=seeds, d=st.integers(2, 6))
def test_a_crossing_undoes_its_source_and_does_its_target(learned, seed, d):
    A, B = np.eye(d) + 0.4 * np.random.default_rng(seed).uniform(-1, 1, size=(2, d, d)) / np.sqrt(d)
    views = {(): np.eye(d), ("a",): A, ("b",): B, ("a", "b"): A @ B, ("b", "a"): B @ A}
    pairs = list(product(views, repeat=2))
    found = crossings(A, B, learned, list(views), pairs)
    for (source, target), L in zip(pairs, found, strict=True):
        assert np.allclose(L, np.linalg.solve(views[source], views[target]), atol=1e-4)


FLIPS = [(), ("flip_lr",), ("flip_ud",), ("flip_lr", "flip_ud")]
DRAWS = {
    "one group": (LatentAugmenter([flip_lr, flip_ud], VAE(**TINY)), FLIPS),
    "a group and another": (LatentAugmenter([flip_lr, shear_x, flip_ud], VAE(**TINY)), FLIPS),
    "no group": (LatentAugmenter([shear_x, rotate_cw], VAE(**TINY), geometry="free"), [()]),
    "staged": (LatentAugmenter([flip_lr, shear_x], VAE(**TINY), method="staged"), "same"),
    "traditional": (ConditionalVAE([rotate_cw, flip_lr], VAE(**TINY)), "same"),
    "invariant": (ConditionalVAE([rotate_cw, flip_lr], VAE(**TINY), conditioning="invariant"), "any"),
    "head": (
        TransferHead(LatentAugmenter(["flip_lr", "flip_ud"], PCA(8), method="staged"), ["shear_x", "rotate_cw"],
                     autoencoder=VAE(**TINY)), "same",
    ),
}  # fmt: skip


def shares(views, hubs):
    """The share of each pair of views: a fifth the same view, two fifths from a hub and two fifths to one."""
    n = len(views)
    if hubs == "same":
        return np.eye(n) / n
    if hubs == "any":
        return np.ones((n, n)) / n**2
    is_hub = np.array([view in hubs for view in views]) / len(hubs)
    return 0.2 * np.eye(n) / n + 0.4 * np.outer(is_hub, np.ones(n)) / n + 0.4 * np.outer(np.ones(n), is_hub) / n


@pytest.mark.filterwarnings("ignore:VAE does worse than PCA")
@pytest.mark.parametrize("name", DRAWS)
def test_views_are_drawn_in_their_shares(digits, drawn, name, monkeypatch):
    monkeypatch.setattr("latentaug.learn.objectives.start_path", lambda objective, seed: None)  # which draws, too
    monkeypatch.setattr("latentaug.models.vae.judge", lambda *args: None)
    model, hubs = DRAWS[name]
    model = model.set_params(random_state=0).fit(digits)
    n_views = len(model.compositions_)
    counts = Counter(drawn())
    found = np.array([[counts[s, t] for t in range(n_views)] for s in range(n_views)]) / counts.total()
    assert counts.total() == 20_000
    expected = shares(model.compositions_, hubs)
    assert (np.abs(found - expected) <= 4 * np.sqrt(expected / counts.total())).all()


JOINT = {
    "exact": ([rotate_cw], "auto"),
    "learned": ([shear_x, rotate_cw], "free"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", JOINT)
def test_joint_training_goes_the_way_that_the_verbs_go(digits, name):
    augs, geometry = JOINT[name]
    vae = VAE(**SMALL, max_iter=20)
    model = LatentAugmenter(augs, vae, geometry=geometry, random_state=0).fit(digits[:800])
    table = error_table(model, digits[800:], model.compositions_)
    assert table.worst_gap("apply") < 0.2
    assert table.worst_gap("undo") < 0.2
    mean_image = squared_error(digits, np.broadcast_to(digits.mean(axis=0), digits.shape)).mean()
    assert all(row.error < 0.8 * mean_image for row in table)


@pytest.mark.slow
def test_a_head_makes_the_composition_that_it_was_trained_on(digits):
    turns = LatentAugmenter([rotate_cw, flip_lr], PCA(16), method="staged").fit(digits[:800])
    settings = VAE(hidden_channels=(8, 16), max_iter=20, batch_size=32, device="cpu")
    head = TransferHead(turns, [rotate_cw, flip_lr], autoencoder=settings, undo=False, random_state=0)
    head.fit(digits[:800])
    X = digits[800:]
    made = head.compose("rotate_cw", "flip_lr").transform(X)
    right, wrong = (squared_error(made, y).mean() for y in (flip_lr(rotate_cw(X)), rotate_cw(flip_lr(X))))
    assert right < wrong / 3


@pytest.mark.parametrize("undo", [False, True])
def test_the_reconstruction_weight_scales_the_loss_of_a_head(digits, undo):
    X = digits[:400]
    flips = LatentAugmenter(["flip_lr", "flip_ud"], PCA(8), method="staged").fit(X)
    losses = []
    for weight in (1.0, 3.0):
        still = VAE(hidden_channels=(2,), max_iter=1, learning_rate_init=1e-12, reconstruction_weight=weight)
        head = TransferHead(flips, ["shear_x", "canny"], autoencoder=still, undo=undo, random_state=0).fit(X)
        losses.append(head.autoencoder_.loss_curve_[0])
    errors = [squared_error(augmented(X, c), head.compose(*c).transform(X)).mean() for c in head.compositions_]
    assert losses[1] == pytest.approx(3 * losses[0], rel=1e-5)
    assert losses[0] == pytest.approx(np.mean(errors), rel=0.05)
