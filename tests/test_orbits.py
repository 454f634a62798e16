"""Laws of encoding over an orbit: exact on images never seen, where functions are known; and of mixup."""

import numpy as np
import pytest
import torch
from conftest import SQUARE, augmented
from hypothesis import given
from hypothesis import strategies as st

from latentaug import VAE, LatentAugmenter, load
from latentaug.augs import FAMILIES, OneParameter, flip_lr, gamma, shear_x
from latentaug.augs.views import Views
from latentaug.images import ImageFormat
from latentaug.latent.algebra import find_algebra
from latentaug.learn.coding import OrbitDecoder, decode_with_jacobian, load_weights
from latentaug.learn.geometries import make_view_maps, start_maps
from latentaug.learn.objectives import CrossReconstruction, Reconstruction, Terms
from latentaug.metrics import error_table
from latentaug.models.errors import model_views
from latentaug.models.orbits import counts_of, with_ends

QUICK = {"hidden_channels": (2, 3), "max_iter": 2, "device": "cpu", "random_state": 0}

words = st.lists(st.sampled_from(SQUARE), max_size=4)


@pytest.fixture(scope="module")
def square(digits):
    return LatentAugmenter(SQUARE, VAE(8, **QUICK)).fit(digits[:200])


@given(word=words, seed=st.integers(0, 99))
def test_the_laws_of_the_group_hold_on_every_image(square, word, seed):
    X = np.random.default_rng(seed).random((5, 8, 8)).astype(np.float32)
    moved = augmented(X, word)
    Z = square.encode(X)
    assert np.allclose(square.encode(np.ascontiguousarray(moved)), square.transform_latent(Z, *word), atol=1e-4)
    assert np.abs(Z).max() > 1e-2
    mean, variance = square.autoencoder_.latent_distribution(X)
    assert np.allclose(square.latent_distribution(X)[0], Z, atol=1e-6)
    assert np.allclose(np.diagonal(square.latent_distribution(X)[1], axis1=1, axis2=2), variance)
    assert not np.allclose(mean, Z, atol=1e-3)


@given(seed=st.integers(0, 99), mixup=st.sampled_from([0.0, 0.5]))
def test_training_sees_no_view_that_it_comes_from(square, digits, seed, mixup):
    """Whatever the source, the loss of a target is the same; and what is alone of its kind is not mixed."""
    views = model_views(square, digits[:8], square.compositions_)
    maps = make_view_maps(square.algebra_, square.geometries_, views.compositions, 8, torch.Generator())
    terms = Terms(1.0, 1.0, 1.0, square.format_, torch.device("cpu"), mixup=mixup)
    joint = CrossReconstruction(square.autoencoder_.network_, views, terms, maps, 8, dict.fromkeys(square.orbit_, 1.0))
    row, target = np.random.default_rng(seed).integers(8, size=2)
    losses = []
    with torch.no_grad():
        for source in range(8):
            rows, drawn = np.array([row, 0]), (np.array([source, 0]), np.array([target, (target + 1) % 8]))
            x, y = joint.make(rows, *drawn)
            noise = torch.full((2, joint.noise_dim), 0.5)
            noise[:, :8] = 0
            losses.append(float(joint.error(*_decoded(joint, x, y, drawn, noise))))
    assert np.allclose(losses, losses[0], rtol=1e-4)


def _decoded(joint, x, y, drawn, noise):
    """Latents carried to the targets, and the targets, as an objective compares them."""
    seen = []
    joint.error = lambda z, target, **_: seen.append((z, target)) or torch.zeros(())
    try:
        joint(x, y, *drawn, noise, 1.0)
    finally:
        del joint.error
    return seen[0]


@pytest.mark.slow
def test_gaps_are_none_and_undoing_costs_nothing(square, digits):
    table = error_table(square, digits[200:300])
    assert abs(table.worst_gap("apply")) < 1e-4
    assert abs(table.worst_gap("undo")) < 1e-4


def test_an_orbit_takes_functions_the_joint_method_and_few_images(digits, monkeypatch, tmp_path):
    X = digits[:64]
    assert len(LatentAugmenter(SQUARE, VAE(8, **QUICK)).fit(X).orbit_) == 8
    assert LatentAugmenter(SQUARE, VAE(8, **QUICK), symmetrize=False).fit(X).orbit_ == []
    assert LatentAugmenter(SQUARE, VAE(8, **QUICK), method="staged").fit(X).orbit_ == []
    assert LatentAugmenter([shear_x], VAE(8, **QUICK)).fit(X).orbit_ == []
    mixed = LatentAugmenter([shear_x, flip_lr], VAE(8, **QUICK)).fit(X)
    assert mixed.orbit_ == [(), ("flip_lr",)]
    pairs = LatentAugmenter(["turned"], VAE(8, **QUICK)).fit(X, views={("turned",): X[:, ::-1]})
    assert pairs.orbit_ == []
    assert LatentAugmenter(SQUARE, VAE(8, **QUICK)).partial_fit(X).orbit_ == []
    monkeypatch.setattr("latentaug.models.augmenter.MANY", 64)
    assert LatentAugmenter(SQUARE, VAE(8, **QUICK)).fit(X).orbit_ == []
    always = LatentAugmenter(SQUARE, VAE(8, **QUICK), symmetrize=True).fit(X)
    assert len(always.orbit_) == 8
    always.save(tmp_path / "model")
    loaded = load(tmp_path / "model")
    assert loaded.orbit_ == always.orbit_
    assert np.array_equal(loaded.encode(X), always.encode(X))


@pytest.fixture(scope="module")
def line(digits):
    return LatentAugmenter(["gamma", "flip_lr"], VAE(8, **QUICK), random_state=0).fit(digits[:100])


def test_images_are_encoded_at_the_ends_of_a_line_that_adds_up(line, digits, tmp_path):
    """Each is carried back, and counts by how much is seen there; the laws of a finite group hold all the same."""
    X = digits[:20]
    ends = [(), (("gamma", -1),), ("gamma",)]
    assert line.orbit_ == [*ends[:1], ("flip_lr",), ends[1], ("flip_lr", ends[1][0]), ends[2], ("flip_lr", "gamma")]
    counts = counts_of(line.orbit_, line.algebra_)
    assert counts.mean() == pytest.approx(1)
    shown = [gamma(digits[:100], t).var(axis=0).sum() for t in (0.0, -1.0, 1.0)]
    assert np.allclose(counts[::2] / counts[0], (np.array(shown) / shown[0]) ** 4, rtol=0.05)
    alone, by_hand = line.autoencoder_.transform, np.zeros((20, 8))
    for element, count in zip(line.orbit_, counts, strict=True):
        t = dict([element[-1]] if element and not isinstance(element[-1], str) else []).get("gamma", "gamma" in element)
        mirrored = X[:, :, ::-1] if "flip_lr" in element else X
        Z = alone(gamma(np.ascontiguousarray(mirrored), float(t)).reshape(20, -1))
        by_hand += count / 6 * Z @ np.linalg.inv(line.compose(*element).matrix_)
    assert np.allclose(line.encode(X), by_hand, atol=1e-5)
    mirrored = line.encode(np.ascontiguousarray(X[:, :, ::-1]))
    assert np.allclose(mirrored, line.transform_latent(line.encode(X), "flip_lr"), atol=1e-4)
    line.save(tmp_path / "model")
    assert np.array_equal(load(tmp_path / "model").encode(X), line.encode(X))


def test_what_is_trained_on_at_the_ends_of_a_line_is_what_is_encoded(line, digits):
    views = model_views(line, digits[:20], line.compositions_)
    maps, n_hubs = start_maps(line.algebra_, line.geometries_, views.compositions, 8, 0)
    load_weights(maps, line.stream_)
    orbit = dict(zip(line.orbit_, counts_of(line.orbit_, line.algebra_), strict=True))
    terms = Terms(1.0, 1.0, 1.0, line.format_, torch.device("cpu"))
    joint = CrossReconstruction(line.autoencoder_.network_, views, terms, maps, n_hubs, orbit)
    rows = np.arange(20)
    drawn = joint.settle(rows, *joint.draw(np.random.default_rng(0), 20))
    x, y, s, t = joint.make(rows, *drawn)
    seen, noise = [], torch.zeros(20, joint.noise_dim)
    noise[:10, 8:], noise[10:, 8:] = -9.0, 9.0  # the first are encoded alone
    joint.bound = lambda posterior, *_, **__: seen.append(posterior[0])
    with torch.no_grad():
        joint(x, y, s, t, *drawn[:2], noise, 1.0)
    assert np.allclose(seen[0][:10], line.autoencoder_.transform(x[:10, 0].reshape(10, -1)), atol=1e-5)
    assert np.allclose(seen[0][10:], line.encode(x[10:, 0]), atol=1e-5)
    assert not np.allclose(seen[0][:10], line.encode(x[:10, 0]), atol=1e-3)
    alone = CrossReconstruction(line.autoencoder_.network_, views, terms, maps, n_hubs)
    (*_, s, t), (*_, begin, end) = (drawn_by.draw(np.random.default_rng(1), 5000) for drawn_by in (joint, alone))
    assert not (s == t)[s != 0].any()
    assert np.abs(t - s)[t != 0].mean() > 1.2 * np.abs(end - begin)[end != 0].mean()
    assert set(np.unique(t == 0)) == {True, False}


@pytest.mark.parametrize("name", [*FAMILIES, "fade"])
def test_only_lines_that_add_up_are_encoded_at_their_ends(name):
    def fade(X, t):
        return X * np.exp(-t).reshape(-1, *[1] * (X.ndim - 1)).astype(X.dtype)

    family = OneParameter(fade, 0, 1) if name == "fade" else FAMILIES[name]
    X = np.random.default_rng(0).random((30, 8, 8, 3) if name == "hue" else (30, 8, 8))
    algebra = find_algebra(Views(X, {name: family}, ImageFormat(X.shape[1:])))
    adds_up = family.period is None and algebra.families[name].additivity < 1e-6
    assert adds_up == (name in ("gamma", "fade"))
    orbit = with_ends([], algebra)
    assert [dict([step] if not isinstance(step, str) else [(step, 1)]) for c in orbit for step in c] == (
        [{name: end} for end in (family.low, family.high) if end] if adds_up else []
    )
    if name == "fade":
        assert counts_of(orbit, algebra)[1] / counts_of(orbit, algebra)[0] == pytest.approx(np.exp(-8), rel=1e-3)


@pytest.mark.parametrize(("given", "kind"), [("never", ValueError), (1, TypeError), (None, TypeError)])
def test_symmetrize_is_a_choice(digits, given, kind):
    with pytest.raises(kind, match="symmetrize"):
        LatentAugmenter(SQUARE, VAE(8, **QUICK), symmetrize=given).fit(digits[:20])


def test_the_staged_method_does_not_symmetrize(digits):
    with pytest.raises(ValueError, match="method='joint'"):
        LatentAugmenter(SQUARE, VAE(8, **QUICK), method="staged", symmetrize=True).fit(digits[:20])


@given(seed=st.integers(0, 99), share=st.floats(0.1, 0.99))
def test_mixup_takes_a_share_of_others_drawn_alike(mixing, seed, share):
    rng = np.random.default_rng(seed)
    mixing.terms = Terms(1.0, 1.0, 1.0, mixing.terms.format_, mixing.terms.device, mixup=share)
    alike = rng.integers(3, size=16)
    x = torch.from_numpy(alike[:, None, None, None] * 10.0 + rng.random((16, 1, 2, 2)))
    chance = torch.from_numpy(rng.uniform(-2, 2, size=16))
    mixed, twice = mixing.mixed(chance, alike, x, 2 * x)
    assert torch.allclose(twice, 2 * mixed)
    assert (torch.floor(mixed / 10) == torch.from_numpy(alike)[:, None, None, None]).all()
    assert ((mixed - x).abs() <= share * (x.max() - x.min())).all()
    changed = (mixed != x).flatten(1).any(1).sum()
    kinds = len(np.unique(alike))
    assert changed == len(x) - (kinds if kinds > 1 else 0)  # all but one of a kind


@pytest.fixture(scope="module")
def mixing(digits):
    vae = VAE(4, **QUICK).fit(digits[:64])
    terms = Terms(1.0, 1.0, 1.0, vae.format_, torch.device("cpu"), mixup=0.5)
    return Reconstruction(vae.network_, Views(digits[:64], {}, vae.format_), terms)


def test_mixup_is_for_few_images_and_not_for_the_network_of_the_paper(digits):
    plain, mixed, auto = (VAE(4, **QUICK, mixup=share).fit(digits[:64]) for share in (0.0, 0.5, "auto"))
    assert not np.array_equal(plain.transform(digits[:4]), mixed.transform(digits[:4]))
    assert not np.array_equal(plain.transform(digits[:4]), auto.transform(digits[:4]))
    paper, same = (VAE(4, **QUICK, network="paper", mixup=share).fit(digits[:64]) for share in ("auto", 0.0))
    assert np.array_equal(paper.transform(digits[:4]), same.transform(digits[:4]))


def test_a_network_without_variances_has_no_divergence(digits):
    class Plain(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 4))
            self.decoder = torch.nn.Sequential(torch.nn.Linear(4, 64), torch.nn.Unflatten(1, (1, 8, 8)))

    assert VAE(4, network=Plain(), max_iter=1, kl_weight=3.0).fit(digits[:64]).kl_weight_ == 0.0


def test_held_out_images_are_not_mixed(mixing, digits):
    x, noise = digits[:8], torch.zeros(8, mixing.noise_dim)
    noise[:, -1] = 3.0
    mixing.eval()
    held_out = mixing(x, np.zeros(8, int), noise, 1.0)[1]
    noise[:, -1] = -3.0
    assert torch.equal(held_out, mixing(x, np.zeros(8, int), noise, 1.0)[1])
    mixing.train()
    assert not torch.allclose(held_out, mixing(x, np.zeros(8, int), -noise, 1.0)[1])


@pytest.mark.slow
def test_refined_latents_are_of_the_whole_orbit_and_obey_its_laws(digits):
    model = LatentAugmenter(SQUARE, VAE(8, device="cpu", max_iter=10, random_state=0)).fit(digits[:200])
    X = digits[200:230]
    plain = error_table(model, X)
    model.autoencoder_.set_params(refine_steps=4)
    refined = error_table(model, X)
    assert refined.worst_gap("apply") < 0.01
    assert refined.worst_gap("undo") < 0.01
    assert np.mean([row.error for row in refined]) < 0.95 * np.mean([row.error for row in plain])


def test_derivatives_over_an_orbit_are_those_of_torch(square):
    decoder = square.autoencoder_.network_.decoder
    maps = torch.from_numpy(np.stack([square.compose(*c).matrix_ for c in square.orbit_])).float()
    over, z = OrbitDecoder(decoder, maps), torch.randn(3, 8, generator=torch.Generator().manual_seed(0))
    images, J = decode_with_jacobian(over, z)
    assert torch.allclose(images, over(z), atol=1e-6)
    assert images.shape == (3, len(maps), 8, 8)
    for i in range(8):
        step = 1e-2 * torch.eye(8)[i]
        assert torch.allclose(J[i], (over(z + step) - over(z - step)) / 2e-2, atol=2e-3)
