"""Laws of the representations that joint training chooses by the images."""

import pickle

import numpy as np
import pytest
import torch
from conftest import SQUARE
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from latentaug import VAE, LatentAugmenter, TransferHead, load
from latentaug.augs.pairs import Partners
from latentaug.augs.views import Views
from latentaug.latent import cyclic_table
from latentaug.latent.representations import (
    fit_group_maps,
    irreducible_representations,
    posed_copies,
    ranked_copies,
    regular_representation,
    representation_defect,
    seen_copies,
    standing,
    sum_of,
)
from latentaug.learn.coding import decode_with_jacobian
from latentaug.learn.geometries import fitted_representation
from latentaug.learn.networks import FromPose, ToPose
from latentaug.learn.starting import is_better_posed, posed_code, variances_by_frequency, variances_by_part
from latentaug.models.errors import model_views


def product(a, b):
    """Cayley table of the direct product."""
    return (np.kron(a, np.ones_like(b)) * len(b) + np.kron(np.ones_like(a), b)).astype(int)


def dihedral(n):
    """Cayley table of the symmetries of a polygon, turn ``k`` and turn and mirror ``n + k``."""
    k, s = np.arange(2 * n) % n, np.arange(2 * n) // n
    turned = np.where(s[None] == 0, k[:, None] + k[None], k[None] - k[:, None]) % n
    return turned + n * ((s[:, None] + s[None]) % 2)


# Hamilton's units 1, i, j, k and, four further, minus those.
UNITS = np.array([[0, 1, 2, 3], [1, 4, 3, 6], [2, 7, 4, 1], [3, 2, 5, 4]])
QUATERNIONS = (np.tile(UNITS, (2, 2)) + 4 * np.kron([[0, 1], [1, 0]], np.ones((4, 4), dtype=int))) % 8
TABLES = {
    "trivial": cyclic_table(1),
    "mirror": cyclic_table(2),
    "klein": product(cyclic_table(2), cyclic_table(2)),
    "turns": cyclic_table(4),
    "fifths": cyclic_table(5),
    "square": dihedral(4),
    "triangle": dihedral(3),
    "quaternions": QUATERNIONS,
    "mirror and turns": product(cyclic_table(2), cyclic_table(3)),
}
groups = pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)


@groups
def test_irreducible_representations_obey_the_table(table):
    irreps = irreducible_representations(table)
    assert np.array_equal(irreps[0], np.ones((len(table), 1, 1)))
    for L in irreps:
        assert representation_defect(L, table) < 1e-12
        assert np.allclose(L @ L.transpose(0, 2, 1), np.eye(len(L[0])), atol=1e-12)


@groups
def test_the_regular_representation_is_made_of_all_of_them(table):
    """Their copies in it fill it, and have its character."""
    irreps, n = irreducible_representations(table), len(table)
    least = ranked_copies(irreps, [np.zeros(0)] * len(irreps), n)
    whole = sum_of(irreps, least)
    assert whole.shape == (n, n, n)
    assert np.allclose(np.trace(whole, axis1=1, axis2=2), np.trace(regular_representation(table, n), axis1=1, axis2=2))
    characters = np.stack([np.trace(L, axis1=1, axis2=2) for L in irreps])
    inner = characters @ characters.T / n
    assert np.allclose(inner, np.diag(np.diagonal(inner)), atol=1e-9)  # no two are the same
    assert set(np.diagonal(inner).round(6)) <= {1, 2, 4}


@groups
@given(seed=st.integers(0, 999), more=st.integers(0, 9))
def test_copies_fill_the_latent_space_and_hold_every_element_apart(table, seed, more):
    irreps, d = irreducible_representations(table), len(table) + more
    rng = np.random.default_rng(seed)
    variances = [np.sort(rng.random(d))[::-1] for _ in irreps]
    copies = ranked_copies(irreps, variances, d)
    L = sum_of(irreps, copies)
    least = ranked_copies(irreps, [np.zeros(0)] * len(irreps), len(table))
    assert L.shape == (len(table), d, d)
    assert all(n >= few for n, few in zip(copies, least, strict=True))
    assert representation_defect(L, table) < 1e-12
    assert len(np.unique(L.round(6), axis=0)) == len(table)


@groups
@given(seed=st.integers(0, 99))
def test_parts_that_no_image_tells_apart_are_left_out(table, seed):
    irreps, rng = irreducible_representations(table), np.random.default_rng(seed)
    variances = [rng.random(3) for _ in irreps]
    whole = seen_copies(irreps, variances, np.ones(len(table), dtype=bool))
    assert whole == [1] * len(irreps)
    seen = np.append(True, rng.random(len(table) - 1) < 0.7)
    copies = seen_copies(irreps, variances, seen)
    taken = [L for L, n in zip(irreps, copies, strict=True) if n]
    if taken:
        rows = np.hstack([L[seen].reshape(seen.sum(), -1) for L in taken])
        ranks = [np.linalg.matrix_rank(L.reshape(len(L), -1)) for L in taken]
        assert np.linalg.matrix_rank(rows) == sum(ranks)  # what is seen says what is not
        assert len(np.unique(sum_of(irreps, copies).round(6), axis=0)) == len(table)


def test_what_two_changes_do_together_is_what_each_does_where_they_are_not_seen_together():
    table = np.array([[0, 1, 2, 3], [1, 0, 3, 2], [2, 3, 0, 1], [3, 2, 1, 0]])
    irreps = irreducible_representations(table)
    together = next(k for k, L in enumerate(irreps) if L[1, 0, 0] == L[2, 0, 0] == -1)
    variances = [np.array([1.0 - 0.9 * (k == together)]) for k in range(4)]
    copies = seen_copies(irreps, variances, np.array([True, True, True, False]))
    assert copies == [int(k != together) for k in range(4)]


def test_more_copies_go_where_images_vary():
    irreps = irreducible_representations(cyclic_table(2))
    assert ranked_copies(irreps, [np.array([9.0, 3.0, 1.0]), np.array([8.0, 2.0])], 4) == [2, 2]
    assert ranked_copies(irreps, [np.array([9.0, 3.0, 1.0]), np.array([8.0, 0.5])], 4) == [3, 1]
    assert ranked_copies(irreps, [np.array([9.0]), np.array([8.0])], 4) == [3, 1]  # none has a variance: trivial


@groups
@given(seed=st.integers(0, 999))
def test_variances_are_those_of_what_the_images_are_made_of(table, seed):
    """Images drawn in a representation vary as the copies in it do, and not elsewhere."""
    rng, irreps = np.random.default_rng(seed), irreducible_representations(table)
    copies = rng.integers(0, 3, size=len(irreps))
    copies[rng.integers(len(irreps))] += 1
    L = sum_of(irreps, copies)
    orbit = torch.from_numpy(rng.normal(size=(4000, L.shape[1])) @ L)
    found = variances_by_part(orbit, table, irreps)
    for n, k, variances in zip(copies, map(len, (L[0] for L in irreps)), found, strict=True):
        assert np.allclose(variances[:n], 1, atol=0.2)
        assert np.allclose(variances[n:], 0, atol=1e-9)
        assert len(variances) == L.shape[1] // k


@pytest.mark.parametrize("augs", [["flip_lr", "flip_ud"], SQUARE], ids=["klein", "square"])
def test_joint_training_takes_the_maps_that_the_images_ask_for(digits, augs):
    vae = VAE(20, hidden_channels=(2, 3), max_iter=1, device="cpu", random_state=0)
    X = digits[:200]
    symmetric = (X + X[:, :, ::-1]) / 2  # mirrored, they are the same
    symmetric[0] = X[0]
    kept = {
        name: np.trace(LatentAugmenter(augs, vae, representation=chosen).fit(images).latent_maps_["flip_lr"])
        for name, images, chosen in (
            ("digits", X, "auto"), ("symmetric", symmetric, "auto"), ("regular", symmetric, "regular"),
        )
    }  # fmt: skip
    assert kept["symmetric"] > kept["digits"]
    assert kept["regular"] == 20 % len(LatentAugmenter(augs, vae).fit(X[:20]).algebra_.elements)


@pytest.mark.parametrize("augs", [["flip_lr"], SQUARE], ids=["mirror", "square"])
def test_views_with_gaps_ask_for_nearly_the_same(digits, augs):
    """Moments of pairs need no row that has all views."""
    model = LatentAugmenter(augs, PCA(4), method="staged").fit(digits[:100])
    algebra, rng = model.algebra_, np.random.default_rng(0)
    made = model_views(model, digits)
    arrays = {c: made.take(slice(None), c) for c in algebra.elements[1:]}
    rows = {c: np.flatnonzero(rng.random(len(digits)) < 0.4) for c in arrays}
    gaps = {c: Partners(arrays[c][rows[c]], rows[c]) for c in arrays}
    given = [Views(digits, dict.fromkeys(augs), model.format_, paired=paired) for paired in (arrays, gaps)]
    L, whole, less = (fitted_representation(algebra, algebra.cayley_table, views, 32)[0] for views in (made, *given))
    assert np.array_equal(L, whole)
    assert all(abs(np.trace(one) - np.trace(other)) <= 4 for one, other in zip(L, less, strict=True))
    assert not np.array_equal(L, regular_representation(algebra.cayley_table, 32))


@pytest.mark.parametrize("order", [3, 6])
def test_the_laws_of_turns_hold_to_rounding_and_go_on(order):
    """Also where cosines are no float32 numbers, and from one part of a stream to the next."""
    X = np.random.default_rng(0).random((60, order, 1)).astype(np.float32) ** 2
    vae = VAE(order + 3, hidden_channels=(2, 3), max_iter=1, device="cpu", random_state=0)
    model = LatentAugmenter([("shift", lambda X: np.roll(X, 1, axis=1))], vae, symmetrize=False).partial_fit(X)
    L = model.latent_maps_["shift"]
    for _ in range(2):
        assert np.allclose(np.linalg.matrix_power(L, order), np.eye(order + 3), atol=1e-13)
        assert np.array_equal(model.partial_fit(X).latent_maps_["shift"], L)


def test_a_representation_is_named(digits):
    with pytest.raises(ValueError, match="representation"):
        LatentAugmenter(["flip_lr"], VAE(4), representation="irregular").fit(digits[:20])


others = pytest.mark.parametrize("table", list(TABLES.values())[1:], ids=list(TABLES)[1:])


@others
@given(more=st.integers(1, 9))
def test_a_pose_holds_every_element_apart_and_leaves_a_content(table, more):
    irreps, d = irreducible_representations(table), len(table) + more
    copies = posed_copies(irreps, d)
    L = sum_of(irreps, copies)
    assert L.shape == (len(table), d, d)
    assert representation_defect(L, table) < 1e-12
    k = d - copies[0]
    assert np.array_equal(L[:, : d - k], np.broadcast_to(np.eye(d)[: d - k], (len(table), d - k, d)))
    poses = standing(L[:, d - k :, d - k :])
    assert poses.shape == (len(table), k)
    assert np.allclose(np.square(poses).sum(axis=1), k)
    apart = np.linalg.norm(poses[:, None] - poses, axis=2) + 9 * np.eye(len(table))
    assert apart.min() > 0.3
    assert np.allclose(poses[0] @ L[:, d - k :, d - k :], poses)  # where the first stands, carried


def posed_images(table, n, m, rng, pose=0.0):
    """Images (N, n, pixels) under each element: contents, which it moves among the pixels, and a mark that shows it."""
    N = len(table)
    content = torch.from_numpy(rng.normal(size=(n, m)) * np.linspace(2, 1, m)).float()
    mark = torch.full((3,), 1.5)
    orbit = []
    for g in range(N):
        x = torch.zeros(n, N, m + 3)
        x[:, g, :m], x[:, g, m:] = content, pose * mark
        orbit.append(x.flatten(1))
    return orbit


@others
@given(seed=st.integers(0, 99))
def test_a_linear_path_a_pose_reads_both_and_draws_any(table, seed):
    """Of images that are a content in a pose, it reads the pose, and draws the content upright."""
    rng, m = np.random.default_rng(seed), 5
    orbit = posed_images(table, 60, m, rng, pose=9.0)
    irreps = irreducible_representations(table)
    copies = posed_copies(irreps, m + sum(len(L[0]) for L in irreps))
    poses = torch.from_numpy(standing(sum_of(irreps, [0, *copies[1:]]))).float()
    k = poses.shape[1]
    code = posed_code(orbit, poses, m + k)
    down, up = ToPose(poses), FromPose(poses)
    for g, x in enumerate(orbit):
        z = down(x @ code.encode + code.shift)
        assert (z[:, m:] - poses[g]).abs().max() < 0.4
        there = torch.cat([z[:, :m], poses[torch.full((len(z),), 0)]], 1)
        made = up(there) @ code.decode + code.mean
        assert (made - orbit[0]).square().sum() < 0.02 * (orbit[0] - orbit[0].mean(0)).square().sum()
    assert torch.allclose(z[:, :m].square().mean(0), torch.ones(m), atol=0.05)


@pytest.mark.parametrize("name", ["mirror", "klein", "turns"])
def test_a_pose_is_taken_where_it_shows_and_pays(name):
    table, rng, m = TABLES[name], np.random.default_rng(0), 8
    irreps = irreducible_representations(table)
    copies = posed_copies(irreps, m + 2)
    parts = sum_of(irreps, ranked_copies(irreps, [np.zeros(0)] * len(irreps), m + 2))
    posed = sum_of(irreps, copies)
    poses = torch.from_numpy(standing(sum_of(irreps, [0, *copies[1:]])))
    for pose, expected in ((9.0, True), (0.0, False)):  # with no mark, no pose is told
        orbit = torch.stack(posed_images(table, 300, 2 * m, rng, pose)).double()
        assert is_better_posed(orbit, parts, posed, poses) is expected
    orbit[0, 0] = torch.nan
    assert not is_better_posed(orbit, parts, posed, poses)


def upright(digits):
    """Digits with a bright bar along a part of one side, which tells their pose."""
    X = digits / digits.max() / 2
    X[:, :2, :5] = 1.0
    return X


@pytest.mark.parametrize("augs", [["flip_lr", "flip_ud"], SQUARE], ids=["klein", "square"])
def test_images_that_show_their_pose_are_a_content_and_a_pose(digits, augs, tmp_path):
    """The laws hold, the content is invariant, and files, copies, heads and refinement know of it."""
    X = upright(digits[:300]).astype(np.float32)
    vae = VAE(16, hidden_channels=(2, 3), max_iter=2, device="cpu")
    model = LatentAugmenter(augs, vae, random_state=0).fit(X)
    assert model.autoencoder_.network_.poses is not None
    Z = model.encode(X[:9])
    assert sum(np.isclose(np.diagonal(L), 1).sum() >= 14 for L in model.latent_maps_.values()) == len(augs)
    again = pickle.loads(pickle.dumps(model))
    model.save(tmp_path / "posed.latentaug")
    loaded = load(tmp_path / "posed.latentaug")
    for other in (again, loaded):
        assert np.array_equal(other.encode(X[:9]), Z)
        assert np.array_equal(other.transform(X[:9]), model.transform(X[:9]))
    decoder = model.autoencoder_.network_.decoder
    z = torch.from_numpy(Z)
    J = decode_with_jacobian(decoder, z)[1]
    step = torch.zeros_like(z)
    for k in (0, 15):
        step.zero_()[:, k] = 1e-2
        slope = (decoder(z + step) - decoder(z - step)).detach() / 2e-2
        assert (slope - J[k]).abs().max() < 0.02 * max(1.0, float(J[k].detach().abs().max()))
    targets = ["rotate_cw", "shear_x", "mini_image", "canny"]
    head = TransferHead(model, targets[: len(augs)], autoencoder=vae, random_state=0).fit(X)
    assert head.autoencoder_.network_.poses is not None
    goes_on = LatentAugmenter(augs, vae, random_state=0, representation="posed").partial_fit(X)
    network = goes_on.autoencoder_.network_
    assert network.poses is not None
    goes_on.partial_fit(X)
    assert np.array_equal(goes_on.autoencoder_.network_.poses, network.poses)


def test_many_images_take_copies_of_the_regular_representation_or_a_pose(digits, monkeypatch):
    monkeypatch.setattr("latentaug.models.augmenter.FITTED", 100)
    vae = VAE(16, hidden_channels=(2, 3), max_iter=1, device="cpu")
    for images, expected in ((digits[:200], 0), (upright(digits[:200]), 14)):
        L = LatentAugmenter(["flip_lr", "flip_ud"], vae, random_state=0).fit(images).latent_maps_["flip_lr"]
        assert np.trace(L) == expected


def test_a_pose_needs_every_view(digits):
    X = digits[:60]
    views = {("turn",): (np.arange(40), X[:40, :, ::-1])}
    model = LatentAugmenter(["turn"], VAE(8, max_iter=1), orders={"turn": 2}, representation="posed")
    with pytest.raises(ValueError, match="needs each image in all views"):
        model.fit(X, views=views)


def test_a_pose_needs_more_images_than_coordinates(digits):
    model = LatentAugmenter(["flip_lr"], VAE(8, max_iter=1), representation="posed")
    with pytest.raises(ValueError, match=r"more images than latent_dim=8\. Got 8"):
        model.fit(digits[:8])


def test_a_pose_needs_a_linear_path(digits):
    for settings in ({"autoencoder": VAE(8, network="paper")}, {"autoencoder": PCA(4), "method": "staged"}):
        with pytest.raises(ValueError, match="representation='posed' takes a linear path a pose"):
            LatentAugmenter(["flip_lr"], representation="posed", **settings).fit(digits[:40])


@given(seed=st.integers(0, 99), k=st.integers(1, 6), is_circle=st.booleans())
def test_a_wave_has_the_variance_of_its_frequency(seed, k, is_circle):
    rng, n = np.random.default_rng(seed), 16
    a, b = rng.normal(size=(2, 500, 1))
    t = (np.arange(n)[:, None, None] + (0 if is_circle else 0.5)) * (2 * np.pi if is_circle else np.pi) / n
    path = np.cos(k * t) * a * [1.0, 0] + (np.sin(k * t) * b * [0, 1.0] if is_circle else 0)
    found = variances_by_frequency(torch.from_numpy(path), is_circle)
    assert int(np.argmax([v.max() for v in found])) == k
    assert all(v.max() < 1e-9 for j, v in enumerate(found) if j != k)


@pytest.mark.parametrize("noise", [0, 1e-17, 1e-9])
def test_latents_that_do_not_vary_somewhere_have_maps_of_a_group_all_the_same(noise):
    table, rng = np.array([[0, 1, 2, 3], [1, 0, 3, 2], [2, 3, 0, 1], [3, 2, 1, 0]]), np.random.default_rng(0)
    rho = regular_representation(table, 64)
    Z = rng.normal(size=(40, 64)) @ np.diag([1.0] * 16 + [0] * 48)
    orbit = np.stack([Z @ L for L in rho]) + noise * rng.normal(size=(4, 40, 64))
    found = fit_group_maps(orbit, table)
    assert representation_defect(found, table) < 1e-9
    for moved, L in zip(orbit, found, strict=True):
        assert np.allclose(orbit[0] @ L, moved, atol=1e-6)
