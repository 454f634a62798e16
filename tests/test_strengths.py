"""Laws of augmentations with a strength: on pixels, of their exact maps, of what is read off latents, of files."""

import pickle
from itertools import permutations, product

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import IdentityAutoencoder
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import expm
from scipy.stats import entropy, norm
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline

from latentaug import (
    VAE,
    ConditionalVAE,
    InvariantFeatures,
    LatentAugmenter,
    LatentResampler,
    RandomTransform,
    TransferHead,
    load,
)
from latentaug.augs import (
    CATALOGUE,
    FAMILIES,
    OneParameter,
    family_from_kornia,
    family_from_torchvision,
    flip_lr,
    hue,
    rotate,
    rotate_cw,
    shear,
    shear_x,
    shift_x,
)
from latentaug.augs.contract import check_family
from latentaug.augs.pairs import as_declared
from latentaug.augs.strengths import RandomStrengths
from latentaug.augs.views import Views, declare_views
from latentaug.displays import EstimateDisplay, OrbitDisplay, ReconstructionDisplay
from latentaug.images import ImageFormat
from latentaug.latent.algebra import find_algebra
from latentaug.latent.families import sample_step
from latentaug.latent.flows import (
    Flow,
    commuting_part,
    dealt_slots,
    flow_of,
    generator_of,
    make_planes,
    ranked_frequencies,
    shared_frequencies,
    spread_frequencies,
    whole_frequencies,
)
from latentaug.latent.maps import apply, real_logarithm
from latentaug.latent.representations import cyclic_table, regular_representation
from latentaug.latent.strengths import nearest_strengths, path_of, strengths_between
from latentaug.learn.flows import make_flows
from latentaug.learn.geometries import make_view_maps
from latentaug.learn.networks import build, start
from latentaug.learn.objectives import CrossReconstruction, Terms
from latentaug.learn.starting import likeness_by_frequency
from latentaug.metrics import error_table, scorecard

every_family = pytest.mark.parametrize("name", FAMILIES)
RNG = np.random.default_rng(0)


def blobs(n, rng):
    """Smooth images, each of one round spot."""
    places = np.indices((12, 12)) - rng.uniform(3.5, 7.5, (n, 2))[:, :, None, None]
    return np.exp(-(places**2).sum(axis=1) / 6)


SMOOTH = blobs(24, RNG)
COLOURED = 0.2 + 0.5 * SMOOTH[..., None] * RNG.random((24, 1, 1, 3))
TWO, FOUR = cyclic_table(2), np.array([[0, 1, 2, 3], [1, 0, 3, 2], [2, 3, 0, 1], [3, 2, 1, 0]])
TURNS = {"flip_lr": -1, "flip_ud": -1}


def stack(name, dtype=np.float64):
    X = COLOURED if name == "hue" else SMOOTH
    return np.rint(255 * X).astype(dtype) if np.dtype(dtype).kind == "u" else X.astype(dtype)


def as_before(X, t):
    """A user's own family, with a name that pickle finds."""
    return np.clip(X * np.exp(-t).reshape(-1, *(1,) * (X.ndim - 1)), 0, 1).astype(X.dtype)


OWN = OneParameter(as_before, 0, 1, unit="e-folds")


@every_family
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_zero_is_the_identity_and_shape_and_dtype_stay(name, dtype):
    X, family = stack(name, dtype), FAMILIES[name]
    for t in (family.low, family.high / 3, family.high):
        moved = family(X, t)
        assert moved.shape == X.shape
        assert moved.dtype == X.dtype
        assert not np.allclose(moved, X)
    assert np.allclose(family(X, 0), X, atol=1e-6)
    if X.ndim == 3:
        assert np.allclose(family(X[..., None], 0.3 * family.high)[..., 0], family(X, 0.3 * family.high))


@every_family
def test_strengths_add_up_and_each_image_has_its_own(name):
    X, family = stack(name), FAMILIES[name]
    t = np.linspace(family.low, family.high, len(X))
    each = family(X, t)
    assert np.allclose(each, np.concatenate([family(X[k : k + 1], t[k]) for k in range(len(X))]))
    a, b = 0.3 * family.high, 0.2 * family.high
    assert np.abs(family(family(X, a), b) - family(X, a + b)).max() < 0.13
    if family.period is not None:
        assert np.allclose(family(X, family.period), X, atol=1e-6)
    check_family(name, family, X[:8], ImageFormat(X.shape[1:]))


def around(images, angle):
    """What torchvision calls an angle, counter-clockwise."""
    functional = pytest.importorskip("torchvision.transforms.v2.functional")
    return functional.rotate(images, -angle, interpolation=functional.InterpolationMode.BILINEAR)


def brighter(images, t):
    return (images * t.exp()[:, None, None, None]).clamp(0, 1)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_functions_of_other_libraries_are_families(dtype):
    spin = family_from_torchvision(around, -180, 180, 360, unit="degrees")
    lighter = family_from_kornia(brighter, -1, 1, name="lighter")
    with pytest.raises(ValueError, match="name"):
        family_from_kornia(brighter, -1, 1, name="")
    assert (spin.__name__, spin.period, lighter.__name__) == ("around", 360, "lighter")
    scale = 255 if dtype == np.uint8 else 1
    for X, each in product((stack("", dtype), stack("hue", dtype)), ([0, 30, 90, -45] * 6, 30.0)):
        turned = spin(X, each)
        assert turned.dtype == dtype
        assert np.abs(turned / scale - rotate(X, each) / scale)[:, 2:-2, 2:-2].max() < 0.05
        assert np.array_equal(spin(X, 0), X)
        assert np.allclose(lighter(X, 0.2), FAMILIES["brightness"](X, 0.2), atol=1 if scale == 255 else 1e-6)
    check_family("around", spin, stack("", dtype)[:8], ImageFormat((12, 12)))
    assert pickle.loads(pickle.dumps(spin))(stack("", dtype), 30).shape == SMOOTH.shape


def test_fixed_augmentations_are_members_where_they_are():
    assert np.allclose(rotate(SMOOTH, 90), rotate_cw(SMOOTH), atol=1e-6)
    assert np.allclose(shear(SMOOTH, 0.3), shear_x(SMOOTH), atol=1e-6)
    assert np.allclose(shift_x(SMOOTH, 2)[:, :, 2:], SMOOTH[:, :, :-2])
    assert np.allclose(rotate.at(90)(SMOOTH), rotate_cw(SMOOTH), atol=1e-6)
    assert rotate.at(90).__name__ == "rotate(90)"


@pytest.mark.parametrize(
    ("given_", "error", "message"),
    [
        ((3, -1, 1), TypeError, "function must be"),
        ((as_before, 1, 2), ValueError, "low and high must have 0 between"),
        ((as_before, 0, 0), ValueError, "low and high must have 0 between"),
        ((as_before, -1, np.inf), TypeError, "high must be a finite number"),
        ((as_before, True, 1), TypeError, "low must be a finite number"),
        ((as_before, -1, 1, 0), ValueError, "period must be above 0"),
        ((as_before, -1, 1, None, 3), TypeError, "unit must be"),
        ((as_before, -1, 1, None, "", "a__b"), ValueError, "The name of an augmentation"),
    ],
)
def test_a_family_that_cannot_be_is_refused(given_, error, message):
    with pytest.raises(error, match=f"^{message}"):
        OneParameter(*given_)


@pytest.mark.parametrize("wrong", ["x", [1.0, 2.0], np.nan, None, np.zeros((24, 1))])
def test_strengths_that_are_no_numbers_are_refused(wrong):
    with pytest.raises((ValueError, TypeError)):
        rotate(SMOOTH, wrong)


def nowhere(X, t):
    return 1 - X


def beside(X, t):
    return X * np.exp(-np.abs(t).mean())


@pytest.mark.parametrize(("function", "message"), [(nowhere, "changes images at strength 0"), (beside, "gives an ima")])
def test_a_family_that_breaks_its_contract_is_named(function, message):
    broken = OneParameter(function, -1, 1, name="broken")
    with pytest.raises(ValueError, match=f"^Augmentation 'broken' {message}"):
        LatentAugmenter([broken], PCA(4), method="staged").fit(SMOOTH)


def test_views_have_strengths_of_their_own_for_every_image():
    views = Views(SMOOTH, {"flip_lr": flip_lr, "rotate": rotate}, ImageFormat((12, 12)),
                  compositions=[(), (("rotate", 30),), ("flip_lr", ("rotate", 30))])  # fmt: skip
    moving, rows, which = RandomStrengths(views), np.arange(24), np.arange(24) % 3
    t = moving.draw(np.random.default_rng(1), which)
    assert (t[which == 0] == 0).all()
    assert len(np.unique(t[which > 0])) == 16
    images = moving.mix(rows, which, t)
    for k in rows:
        image = flip_lr(SMOOTH[k : k + 1]) if which[k] == 2 else SMOOTH[k : k + 1]
        assert np.allclose(images[k], rotate(image, t[k, 0])[0])
    x, y = moving.mix_pairs(rows, which, which, t, t)
    assert np.array_equal(x, images)
    assert np.array_equal(y, images)
    assert np.array_equal(views.take([3], (("rotate", tuple(range(24))),)), rotate(SMOOTH[[3]], 3))


def laws_of(*augs, X=SMOOTH):
    return find_algebra(declare_views(X, list(augs), ImageFormat(X.shape[1:]), {}))


def test_laws_are_read_off_images():
    laws = laws_of("rotate", "flip_lr", "flip_ud")
    family = laws.families["rotate"]
    assert family.signs == TURNS
    assert family.period == 360
    assert family.additivity < 0.05
    assert [t for t in family.members if t is not None] == [0, 180]
    assert laws.frame.families == ["rotate"]
    assert len(laws.frame.elements) == 2
    assert "is turned round by flip_lr, flip_ud" in str(laws)
    assert "rotate and flip_lr: do not commute" in str(laws)
    assert laws_of("rotate", "rotate_cw").families["rotate"].members[1] == 90
    assert laws_of("shear", "flip_lr").families["shear"].signs == {"flip_lr": -1}
    assert laws_of("gamma", "flip_lr").families["gamma"].signs == {"flip_lr": 1}
    found = laws_of(OneParameter(rotate.function, -180, 180, name="spin"))
    assert found.families["spin"].period == pytest.approx(360, rel=1e-3)
    assert laws_of("shift_x").families["shift_x"].period is None
    assert laws_of("rotate", "shift_x").frame.families == ["rotate"]
    assert sample_step(rotate, "rotate") == ("rotate", 108.0)


PLACES = [
    (np.zeros((1, 1), dtype=int), np.ones((1, 1))), (np.zeros((1, 1), dtype=int), np.ones((2, 1))),
    (TWO, np.array([[1, -1]])), (TWO, np.array([[1, 1]])), (TWO, np.array([[1, -1], [1, 1]])),
    (FOUR, np.array([[1, -1, -1, 1]])), (FOUR, np.array([[1, -1, 1, -1], [1, 1, -1, -1]])),
    (cyclic_table(4), np.array([[1, -1, 1, -1]])), (cyclic_table(3), np.ones((1, 3))),
]  # fmt: skip


@pytest.mark.parametrize(("table", "signs"), PLACES)
@pytest.mark.parametrize("latent_dim", [8, 13, 16])
def test_planes_turn_and_a_finite_group_leaves_or_turns_them_round(table, signs, latent_dim):
    planes, rho = make_planes(table, signs, latent_dim), regular_representation(table, latent_dim)
    assert np.allclose(planes.basis.T @ planes.basis, np.eye(latent_dim))
    weights = np.random.default_rng(0).random((len(signs), planes.n_slots))
    flows = [
        Flow(planes.basis, planes.basis.T, w[planes.slots] * turns, np.zeros(latent_dim), -1, 1, None)
        for w, turns in zip(weights, planes.signs, strict=True)
    ]
    for (flow, sign), (other, _) in product(zip(flows, signs, strict=True), repeat=2):
        for s, L in zip(sign, rho, strict=True):
            assert np.allclose(flow.matrix(0.7) @ L, L @ flow.matrix(0.7 * s), atol=1e-12)
        assert np.allclose(flow.matrix(0.3) @ other.matrix(0.5), other.matrix(0.5) @ flow.matrix(0.3), atol=1e-12)


def test_a_latent_space_too_small_for_a_plane_is_refused():
    with pytest.raises(ValueError, match=r"too small for a group of 2 elements beside .* Allowed: latent_dim of 4"):
        make_planes(TWO, np.array([[1, 1]]), 3)


@given(n=st.integers(1, 200))
def test_frequencies_are_as_many_as_planes(n):
    whole = whole_frequencies(n)
    assert len(whole) == len(spread_frequencies(n)) == n
    assert (whole > 0).any()
    assert set(whole) - {0} == set(range(1, whole.max() + 1))


@given(n=st.integers(2, 20), seed=st.integers(0, 99))
def test_planes_turn_by_the_frequencies_in_which_images_vary_most(n, seed):
    rng = np.random.default_rng(seed)
    variances = [np.sort(rng.random(40))[::-1] for _ in range(5)]
    found = ranked_frequencies(variances, n)
    planes = [variances[0].reshape(-1, 2).mean(axis=1), *variances[1:]]
    kept = [v[: int((found == k).sum())] for k, v in enumerate(planes)]
    assert len(found) == n
    assert np.isclose(sum(v.sum() for v in kept), np.sort(np.concatenate(planes))[-n:].sum())


def test_little_that_turns_turns_still():
    assert ranked_frequencies([np.full(20, 9.0), np.array([0.1]), np.array([0.2])], 4).tolist() == [0, 0, 0, 2]
    assert ranked_frequencies([np.array([9.0, 7.0, 3.0]), np.array([5.0, 1.0])], 3).tolist() == [0, 1, 0]
    assert ranked_frequencies([np.array([9.0, 9.0]), np.array([5.0, 4.0])], 2, together=2).tolist() == [1, 0]


@pytest.mark.parametrize(("names", "moving"), [
    (["rotate"], [2 / 3]), (["shear"], [2 / 3]), (["rotate", "flip_lr"], [2 / 3]), (["rotate", "gamma"], [2 / 3, 1]),
    (["gamma", "contrast"], [1, 1]), (["rotate", "shift_x"], [2 / 3, 1]),
])  # fmt: skip
def test_of_several_families_lines_are_in_all_draws_and_circles_in_two_of_three(names, moving):
    views = Views(SMOOTH, {name: CATALOGUE.get(name) or FAMILIES[name] for name in names}, ImageFormat((12, 12)))
    drawn = RandomStrengths(views.of(find_algebra(views).compositions()))
    which = drawn.draw_views(np.random.default_rng(0), len(drawn.has), 20_000)
    assert np.allclose(drawn.has[which].mean(axis=0), moving, atol=0.02)
    for k in np.unique(which):  # of what moves alike, all views alike
        alike = np.flatnonzero((drawn.has == drawn.has[k]).all(axis=1))
        assert (which == k).mean() == pytest.approx(np.isin(which, alike).mean() / len(alike), abs=0.02)
    assert drawn.draw_views(np.random.default_rng(0), 1, 9).max() == 0


@pytest.mark.parametrize(("names", "share"), [(["rotate"], 0.1), (["gamma"], 0.1), (["rotate", "gamma"], 0)])
def test_a_tenth_of_draws_stay_at_their_strengths_and_none_of_several_families(names, share):
    algebra = laws_of(*names)
    views = Views(SMOOTH, {n: FAMILIES[n] for n in names}, ImageFormat((12, 12)), compositions=algebra.compositions())
    maps = make_view_maps(algebra, {}, views.compositions, 6, torch.Generator())
    terms = Terms(1.0, 0.0, 1.0, views.format_, torch.device("cpu"))
    joint = CrossReconstruction(build((12, 12, 1), 6, [2, 3]), views, terms, maps, len(views.compositions))
    *_, s, t = joint.draw(np.random.default_rng(0), 20_000)
    moved = s.any(axis=1) & t.any(axis=1)
    stays = (s == t).all(axis=1)[moved].mean()
    assert (stays == 0) == (share == 0)
    assert stays <= 4 * share


def test_the_ends_of_a_line_are_drawn_more_often_and_all_of_a_circle_alike():
    augs = {"rotate": rotate, "shear": shear}
    views = Views(SMOOTH, augs, ImageFormat((12, 12)), compositions=[(), (("rotate", 1), ("shear", 1))])
    moving = RandomStrengths(views)
    t = moving.draw(np.random.default_rng(0), np.ones(4000, dtype=int))
    places = (t - moving.low) / (moving.high - moving.low)
    ends = ((places < 0.1) | (places > 0.9)).mean(axis=0)
    assert abs(ends[0] - 0.2) < 0.03
    assert abs(ends[1] - 0.41) < 0.03


def test_families_that_share_planes_turn_them_together_and_against_each_other():
    X = blobs(100, np.random.default_rng(0))
    views = Views(X, {name: FAMILIES[name] for name in ("rotate", "brightness")}, ImageFormat((12, 12)))
    laws = find_algebra(views)
    assert laws.frame.families == ["rotate", "brightness"]
    first, second = (flow.frequencies for flow in make_flows(laws, 64, views).exact().values())
    assert (first >= 0).all()
    assert first.max() * 360 / (2 * np.pi) <= 8  # what sixteen strengths tell
    both = first * second
    assert min((both > 0).mean(), (both < 0).mean()) >= 0.1
    alone = make_flows(laws_of("brightness"), 64).exact()["brightness"].frequencies
    assert (alone > 0).all()


@given(n=st.integers(1, 200), spectra=st.lists(st.lists(st.floats(0, 1), min_size=2, max_size=9), max_size=5))
def test_every_family_has_slots_of_its_own_and_more_where_it_needs_more(n, spectra):
    spectra = {str(k): np.array(weights) for k, weights in enumerate(spectra)}
    dealt = dealt_slots(n, spectra)
    assert list(dealt) == list(spectra)
    assert all(len(own) for own in dealt.values())
    if spectra and n >= len(spectra):
        assert sorted(np.concatenate(list(dealt.values()))) == list(range(n))
        needs = [np.exp(entropy(weights[1:])) if weights[1:].any() else 1 for weights in spectra.values()]
        sizes = [len(own) for own in dealt.values()]
        assert all(sizes[i] >= sizes[j] for i, j in permutations(range(len(needs)), 2) if needs[i] > needs[j] + 1e-9)
    for spectrum, own in zip(spectra.values(), dealt.values(), strict=True):
        found = shared_frequencies(spectrum, len(own))
        assert len(found) == len(own)
        assert found.any()
        assert found.max() < len(spectrum)


def test_likeness_of_what_turns_has_its_frequencies_however_few_strengths_are_given():
    strength = np.array([0, 2.0, 0.5, 1.0])  # of frequencies 0 to 3
    planes = torch.from_numpy(RNG.normal(size=(4000, 4, 2)) @ np.array([1, 1j])) * torch.from_numpy(strength)
    every, few = RNG.uniform(-np.pi, np.pi, (3, 4000)), np.full((4, 4000), np.pi / 3 * np.array([[0], [-1], [2], [3]]))
    every[0] = 0
    for turns in (every, few):
        turned = [planes * torch.from_numpy(np.exp(1j * turn[:, None] * np.arange(4))) for turn in turns]
        scores = torch.view_as_real(torch.stack(turned)).flatten(2)
        scores[1, ::3] = torch.nan
        found = likeness_by_frequency(scores, turns, 16)
        assert len(found) == (16 if turns is every else 4)
        assert np.allclose(found[:4] / found.sum(), strength**2 / (strength**2).sum(), atol=0.03)


def test_families_known_by_images_leave_planes_of_others_at_rest():
    angles, hues = RNG.uniform(-180, 180, 24), RNG.uniform(-0.5, 0.5, 24)
    spin = OneParameter(None, -180, 180, 360, name="spin")
    tint = OneParameter(None, -0.5, 0.5, 1, name="tint")
    paired = {(("spin", tuple(angles)),): rotate(COLOURED, angles), (("tint", tuple(hues)),): hue(COLOURED, hues)}
    declared = as_declared(None, [("spin", "tint")], ["spin", "tint"])
    views = Views(COLOURED, {"spin": spin, "tint": tint}, ImageFormat((12, 12, 3)), paired=paired, declared=declared)
    laws = find_algebra(views)
    assert laws.frame.families == ["spin", "tint"]
    flows = make_flows(laws, 20, views).exact()
    turned = np.array([flows[name].frequencies != 0 for name in ("spin", "tint")])
    assert not turned.all(axis=0).any()
    assert turned.any(axis=1).all()


def test_a_family_known_by_images_turns_few_planes_by_low_frequencies():
    """However fast the images are said to change: what so few planes cannot tell apart would be noise."""
    rng = np.random.default_rng(0)
    X, angles = rng.random((60, 12, 12)), rng.uniform(-180, 180, 60)
    paired = {(("spin", tuple(angles)),): rotate(X, angles)}
    spin = OneParameter(None, -180, 180, 360, name="spin")
    views = Views(X, {"spin": spin}, ImageFormat((12, 12)), paired=paired)
    for d in (8, 16, 32):
        frequencies = make_flows(find_algebra(views), d, views).exact()["spin"].frequencies * 360 / (2 * np.pi)
        assert 0 < frequencies.max() <= whole_frequencies(d // 2).max()


@given(s=st.floats(-500, 500), t=st.floats(-500, 500), seed=st.integers(0, 9))
def test_a_flow_is_a_group_and_keeps_its_law_in_float64(s, t, seed):
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(7, 7))
    flow = flow_of(A - A.T, np.eye(7), np.eye(7), -1, 1, None)
    assert np.abs(flow.matrix(s) @ flow.matrix(t) - flow.matrix(s + t)).max() < 1e-10
    assert np.abs(flow.matrix(t) @ flow.matrix(-t) - np.eye(7)).max() < 1e-12
    assert np.allclose(flow.matrix(0.3), expm(0.3 * (A - A.T)))
    assert np.allclose(flow.generator, A - A.T)
    assert np.allclose(generator_of(flow.matrix(0.1), 0.1), A - A.T)
    Z, each = rng.normal(size=(3, 7)), np.array([s, t, 0])
    assert np.allclose(flow.carry(Z, each), np.stack([z @ flow.matrix(u) for z, u in zip(Z, each, strict=True)]))
    B = commuting_part(rng.normal(size=(7, 7)), A - A.T)
    assert np.allclose(B @ flow.generator, flow.generator @ B)


def test_modules_are_their_exact_flows_one_after_another():
    maps = make_flows(laws_of("rotate", "flip_lr", "shift_x"), 9)
    with torch.no_grad():
        maps.maps[1].skew.normal_(0, 0.3, generator=torch.Generator().manual_seed(0))
        z, t = (
            torch.randn(5, 9, generator=torch.Generator().manual_seed(1)),
            torch.tensor([[30.0, 2.0]] * 4 + [[0.0, 0]]),
        )
        carried = maps(z, t)
    flows = maps.exact()
    exact = flows["shift_x"].carry(flows["rotate"].carry(z.double().numpy(), t[:, 0]), t[:, 1])
    assert np.allclose(carried, exact, atol=1e-5)
    assert np.allclose(maps.undo(carried, t).detach(), z, atol=1e-5)
    assert np.allclose(carried[4], z[4], atol=1e-5)


@pytest.fixture(scope="module")
def turns():
    """Rotation and mirror on principal components."""
    return LatentAugmenter(["rotate", "flip_lr"], PCA(16), method="staged", random_state=0).fit(SMOOTH)


@pytest.mark.parametrize("augs", [("rotate", "flip_lr", "flip_ud"), ("shear", "flip_lr"), ("rotate", "shift_x"),
                                  ("rotate_cw", "rotate"), ("gamma", "rotate"), ("shear", "shift_x")])  # fmt: skip
@pytest.mark.parametrize("method", ["staged", "joint"])
def test_maps_are_exact_by_construction(augs, method):
    autoencoder = PCA(12) if method == "staged" else VAE(12, max_iter=1)
    model = LatentAugmenter(augs, autoencoder, method=method, random_state=0).fit(SMOOTH)
    signs = {name: laws.signs for name, laws in model.algebra_.families.items()}
    for name, laws in model.algebra_.families.items():
        assert model.geometries_[name] == "one_parameter"
        L, (s, t) = model.latent_maps_[name].matrix, (0.3 * laws.high, 0.5 * laws.low)
        assert np.abs(L(s) @ L(t) - L(s + t)).max() < 1e-12
        assert np.abs(L(t) @ L(-t) - np.eye(12)).max() < 1e-12
        if laws.period is not None:
            assert np.allclose(L(laws.period), np.eye(12), atol=1e-10)
        if method == "joint":
            assert np.allclose(L(s).T @ L(s), np.eye(12), atol=1e-6)
        for g, sign in signs[name].items():
            F = model.latent_maps_[g]
            assert sign
            assert np.allclose(L(s) @ F, F @ L(sign * s), atol=1e-6)
    for a, b in product(model.algebra_.frame.families, repeat=2):
        A, B = model.latent_maps_[a].sample, model.latent_maps_[b].sample
        assert np.allclose(A @ B, B @ A, atol=1e-10)
    if "rotate_cw" in augs:
        assert np.allclose(model.latent_maps_["rotate_cw"], model.latent_maps_["rotate"].matrix(90), atol=1e-6)


def test_staged_maps_of_all_pixels_turn_hue_exactly():
    X = np.random.default_rng(0).random((80, 1, 1, 3))
    model = LatentAugmenter(["hue"], PCA(3), method="staged", random_state=0).fit(X)
    grey = np.full((1, 1, 1, 3), 0.5)
    red = grey + 0.05 * np.array([1, -0.5, -0.5])
    third = model.compose(hue=1 / 3).transform(red)
    assert np.abs(third - np.roll(red, 1, -1)).max() < 0.02
    assert np.abs(model.compose(hue=1.0).transform(red) - red).max() < 1e-5


def test_composing_by_name_by_step_by_image_and_by_power_is_one(turns):
    X = SMOOTH[:5]
    one = turns.compose(("rotate", 30.0), "flip_lr").transform(X)
    assert np.array_equal(one, turns.compose(turns["rotate", 30], "flip_lr").transform(X))
    assert np.array_equal(one, turns.compose(rotate=30, flip_lr=1).transform(X))
    assert np.allclose(one, turns.compose(turns["rotate", 60] ** 0.5, "flip_lr").transform(X))
    assert np.allclose(one, turns.compose("flip_lr", ("rotate", -30)).transform(X), atol=1e-5)
    assert turns.compose(("rotate", 30), ("rotate", -30)).steps == ()
    each = np.array([0, 10, 20, 30, 40])
    apart = [turns.compose(rotate=float(t)).transform(X[k : k + 1]) for k, t in enumerate(each)]
    together = turns.compose(rotate=each)
    assert np.allclose(together.transform(X), np.concatenate(apart), atol=1e-6)
    assert np.allclose(together.inverse().transform_latent(together.transform_latent(turns.encode(X))), turns.encode(X))
    assert np.allclose(
        turns.compose(flip_lr=[0, 1, 0, 1, 1]).transform(X)[1:2], turns.compose("flip_lr").transform(X[1:2]), atol=1e-6
    )
    assert repr(together) == "LatentTransform(rotate^(5 strengths))"
    assert pickle.loads(pickle.dumps(together)).transform(X).tobytes() == together.transform(X).tobytes()
    with pytest.raises(ValueError, match=r"^The powers of rotate must be one number, or one an image: 4\. Got 5"):
        together.transform(SMOOTH[:4])
    with pytest.raises(ValueError, match=r"^The powers of rotate must be one number, or as many as there are images"):
        turns.compose(("rotate", [1, 2]), ("rotate", [1, 2, 3]))
    with pytest.raises(ValueError, match=r"^Unknown augmentation 'rotat'"):
        turns.compose(rotat=30)


def test_shares_of_a_time_are_powers_of_a_logarithm():
    rng = np.random.default_rng(0)
    A, Z = 0.4 * rng.normal(size=(5, 5)), rng.normal(size=(4, 5))
    L = expm(A)
    assert np.allclose(real_logarithm(L), A)
    assert np.allclose(apply(Z, L, 0.5), Z @ expm(0.5 * A))
    each = (0.5, -1.0, 2.0, 0.0)
    assert np.allclose(apply(Z, L, each), np.stack([z @ expm(t * A) for z, t in zip(Z, each, strict=True)]))
    jordan = np.array([[1.0, 1.0], [0.0, 1.0]])
    assert np.allclose(apply(np.eye(2), jordan, 0.5), [[1, 0.5], [0, 1]])
    for barred in (-np.eye(2), np.array([[0, 1], [1, 0.0]]), np.diag([1.0, 0.0])):
        with pytest.raises(ValueError, match="has no real logarithm"):
            real_logarithm(barred)


def test_paired_maps_have_shares(digits):
    X = digits[:200]
    model = LatentAugmenter(["older"], PCA(8), method="staged", random_state=0).fit(X, views={"older": X**1.2})
    half = model["older"] ** 0.5
    assert np.allclose((half**2).matrix_, model["older"].matrix_, atol=1e-6)
    assert np.allclose(half.compose(half).transform(X), model["older"].transform(X), atol=1e-5)
    Z, path = model.encode(X), path_of(model.latent_maps_["older"])
    found = strengths_between(path, Z, half.transform_latent(Z), np.ones(8))
    assert np.median(np.abs(found.strength - 0.5)) < 1e-3
    assert model.estimate(X, X, "older").strength == pytest.approx(0, abs=1e-3)


def test_strengths_are_read_off_latents(turns):
    rng = np.random.default_rng(2)
    t = rng.uniform(-170, 170, len(SMOOTH))
    Z = turns.encode(SMOOTH)
    path = path_of(turns.latent_maps_["rotate"])
    found = strengths_between(path, Z, path.carry(Z, t), np.ones(16))
    assert np.abs((found.strength - t + 180) % 360 - 180).max() < 1e-6
    assert (found.residual < 1e-6).all()
    found = turns.estimate(SMOOTH, rotate(SMOOTH, t), "rotate")
    assert np.median(np.abs((found.strength - t + 180) % 360 - 180)) < 15
    assert found.error.shape == t.shape
    assert (found.error > 0).all()
    back = nearest_strengths(path, path.carry(Z, t), Z)
    assert np.median(((path.carry(path.carry(Z, t), back) - Z) ** 2).sum(1)) < 0.1 * Z.var(0).sum()
    for wrong in ("spin", 3, "flip_lr"):
        with pytest.raises(ValueError, match=r"Unknown augmentation|no real logarithm"):
            turns.estimate(SMOOTH, SMOOTH, wrong)
    with pytest.raises(ValueError, match="A and B must hold as many images"):
        turns.estimate(SMOOTH, SMOOTH[:3], "rotate")


def test_one_pose_is_the_same_for_all_that_an_image_can_be_turned_to(turns):
    Z = turns.encode(SMOOTH)
    poses = [turns.canonical_latent(turns.transform_latent(Z, ("rotate", t)))[0] for t in (0.0, 50.0, -120.0)]
    assert np.median(np.abs(poses[0] - poses[1]).max(axis=1)) < 0.05
    assert np.median(np.abs(poses[0] - poses[2]).max(axis=1)) < 0.05
    images, strengths = turns.canonical(SMOOTH, return_strengths=True)
    assert images.shape == SMOOTH.shape
    assert list(strengths) == ["rotate"]
    assert np.allclose(images, turns.compose(rotate=strengths["rotate"]).transform(SMOOTH), atol=1e-5)
    assert turns.canonical(SMOOTH.reshape(24, -1)).shape == (24, 144)
    with pytest.raises(ValueError, match="Unknown augmentation with a strength 'flip_lr'"):
        turns.canonical(SMOOTH, "flip_lr")


def test_a_distribution_is_drawn_image_by_image(turns):
    drawn = turns.random(rotate=(-30, 30), flip_lr=0.5, random_state=0)
    steps = dict(drawn.draw(1000).steps)
    assert -30 <= min(steps["rotate"]) < -25
    assert 25 < max(steps["rotate"]) <= 30
    assert set(steps["flip_lr"]) == {0, 1}
    assert 0.4 < np.mean(steps["flip_lr"]) < 0.6
    X = drawn.transform(SMOOTH)
    assert np.array_equal(X, drawn.transform(SMOOTH))
    assert X.shape == SMOOTH.shape
    assert np.array_equal(X, drawn.draw(24).transform(SMOOTH))
    other = turns.random(rotate=norm(0, 20), random_state=1)
    assert not np.array_equal(X, other.transform(SMOOTH))
    assert np.array_equal(clone(drawn).transform(SMOOTH), X)
    assert np.allclose(
        drawn.transform_latent(turns.encode(SMOOTH)), drawn.draw(24).transform_latent(turns.encode(SMOOTH))
    )
    named = LatentAugmenter(["flip_lr"], PCA(2), method="staged", image_shape=(12, 12)).fit(
        pd.DataFrame(SMOOTH.reshape(24, -1)).rename(columns=str)
    )
    assert named.random(flip_lr=0.5).get_feature_names_out().tolist() == list(map(str, range(144)))
    assert make_pipeline(drawn, PCA(2)).fit_transform(SMOOTH.reshape(24, -1)).shape == (24, 2)
    assert repr(drawn) == "RandomTransform(rotate=(-30, 30), flip_lr=0.5)"
    assert drawn.check() is drawn
    assert drawn.fit(X) is drawn
    assert not hasattr(drawn, "inverse_transform")
    assert drawn.n_features_in_ == 144
    assert drawn.format_ is turns.format_


@pytest.mark.parametrize(
    "wrong",
    [
        {"rotate": 0.5},
        {"rotate": (30, -30)},
        {"rotate": (1, 2, 3)},
        {"flip_lr": 1.5},
        {"flip_lr": "x"},
        {"spin": 1},
    ],
)
def test_what_is_no_distribution_is_refused(turns, wrong):
    with pytest.raises((ValueError, TypeError)):
        turns.random(**wrong)


@pytest.mark.slow
def test_posteriors_pushed_through_a_distribution_are_a_mixture(digits):
    model = LatentAugmenter(["rotate", "flip_lr"], VAE(8, max_iter=1), random_state=0).fit(digits[:100])
    mixture = model.random(flip_lr=0.25, random_state=0).latent_distribution(digits[:3])
    assert mixture.weights.tolist() == [0.75, 0.25]
    for k, names in enumerate([(), ("flip_lr",)]):
        mean, covariance = model.latent_distribution(digits[:3], *names)
        assert np.allclose(mixture.means[:, k], mean)
        assert np.allclose(mixture.covariances[:, k], covariance)
    mixture = model.random(rotate=(-30, 30), flip_lr=0.5, random_state=0).latent_distribution(digits[:3], n_draws=5)
    assert mixture.means.shape == (3, 10, 8)
    assert mixture.weights.sum() == pytest.approx(1)


def test_resamplers_take_distributions_and_families(turns):
    y = np.arange(24) % 3
    X, labels = LatentResampler(turns, 2, random_state=0).fit_resample(SMOOTH, y)
    assert len(X) == len(labels) == 72
    sampler = LatentResampler(turns.random(rotate=(-30, 30), flip_lr=0.5), 2, {"rotate": [0, 1, 2], "flip_lr": [1]},
                              random_state=0)  # fmt: skip
    X, labels = sampler.fit_resample(SMOOTH, y)
    assert np.array_equal(labels, np.concatenate([y, np.repeat(y, 2)]))
    assert all(step != "flip_lr" for c, label in zip(sampler.applied_, labels, strict=True) if label != 1 for step in c)
    assert any(step == "flip_lr" for c in sampler.applied_ for step in c)
    assert all(c for c in sampler.applied_[24:])


@pytest.mark.parametrize("augs", [("rotate",), ("rotate", "flip_lr"), ("rotate", "rotate_cw", "flip_ud"),
                                  ("shear", "flip_lr"), ("flip_lr", "flip_ud")])  # fmt: skip
def test_invariant_features_are_the_same_along_the_orbit(augs):
    model = LatentAugmenter(augs, PCA(12), method="staged", random_state=0).fit(SMOOTH)
    features, rng = InvariantFeatures(model).fit(SMOOTH), np.random.default_rng(3)
    Z = model.encode(SMOOTH)
    before = features.transform_latent(Z)
    assert (before.std(axis=0) > 1e-6).sum() >= 5
    for _ in range(5):
        steps = [(name, float(rng.uniform(-90, 90)) if name in model.algebra_.families else int(rng.integers(4)))
                 for name in rng.permutation(augs).tolist()]  # fmt: skip
        assert np.abs(features.transform_latent(model.transform_latent(Z, *steps)) - before).max() < 1e-6
    assert np.allclose(features.transform(SMOOTH), before, atol=1e-5)
    assert len(features.get_feature_names_out()) == before.shape[1]


def test_what_leaves_nothing_as_it_is_is_refused(digits):
    X = digits[:100]
    free = LatentAugmenter(["flip_lr", "canny"], PCA(8), method="staged", random_state=0).fit(X)
    with pytest.raises(ValueError, match="canny has a learned map"):
        InvariantFeatures(free).fit(X)
    assert InvariantFeatures(free, ["flip_lr"]).fit(X).transform(X).shape[0] == 100
    both = LatentAugmenter(["rotate", "shift_x"], PCA(8), method="staged", random_state=0).fit(SMOOTH)
    with pytest.raises(ValueError, match="shift_x has no law with the others"):
        InvariantFeatures(both).fit(SMOOTH)
    for names in ([], ["spin"], "rotate", [3]):
        with pytest.raises((ValueError, TypeError)):
            InvariantFeatures(both, names).fit(SMOOTH)


@pytest.mark.parametrize("aug", [*FAMILIES, OWN], ids=str)
@pytest.mark.parametrize("method", ["staged", pytest.param("joint", marks=pytest.mark.slow)])
def test_families_travel(aug, method, tmp_path):
    X = COLOURED if aug == "hue" else SMOOTH
    name = aug if isinstance(aug, str) else "as_before"
    autoencoder = PCA(6) if method == "staged" else VAE(6, max_iter=1, hidden_channels=(4, 8))
    model = LatentAugmenter([aug], autoencoder, method=method, random_state=0).fit(X)
    strength = (name, 0.3 * model.algebra_.families[name].high)
    images = model.compose(strength).transform(X)
    model.save(tmp_path / "model")
    loaded = load(tmp_path / "model", augs={} if isinstance(aug, str) else {name: as_before})
    for other in (loaded, pickle.loads(pickle.dumps(model)), clone(model).fit(X)):
        assert np.array_equal(other.compose(strength).transform(X), images)
        assert other.algebra_.families[name].period == model.algebra_.families[name].period
    assert loaded.score(X) == model.score(X)
    assert str(loaded.algebra_) == str(model.algebra_)
    if method == "joint":
        streamed = clone(model)
        for part in np.array_split(X, 2):
            streamed.partial_fit(part)
        assert streamed.compose(strength).transform(X).shape == X.shape


def test_images_with_a_strength_each_and_no_function(digits):
    X = digits[:150]
    spin = OneParameter(None, -180, 180, 360, "degrees", "spin")
    views = {(("spin", t),): rotate(X, t) for t in (-120.0, -60.0, 60.0, 120.0, 180.0)}
    model = LatentAugmenter([spin], PCA(16), method="staged", random_state=0).fit(X, views=views)
    known = LatentAugmenter(["rotate"], PCA(16), method="staged", random_state=0).fit(X)
    error = [np.square(m.compose((n, 60.0)).transform(X) - rotate(X, 60)).sum((1, 2)).mean()
             for m, n in ((model, "spin"), (known, "rotate"))]  # fmt: skip
    assert error[0] < 1.5 * error[1]
    each = np.linspace(-150, 150, 150)
    views = {(("spin", tuple(each)),): rotate(X, each)}
    joint = LatentAugmenter([spin], VAE(8, max_iter=1), random_state=0).fit(X, views=views)
    assert joint.compose(spin=each).transform(X).shape == X.shape
    with pytest.raises(ValueError, match="spin has no function"):
        clone(model).fit(X)


def test_some_strengths_of_a_circle_tell_all_where_an_encoder_is_linear():
    noise = np.random.default_rng(0).random((300, 4, 8))  # an even number turns round with half a period
    around = OneParameter(None, -2, 2, 8, name="around")
    views = {(("around", t),): np.roll(noise, t, axis=2) for t in (-2, -1, 1, 2)}
    model = LatentAugmenter([around], IdentityAutoencoder(), method="staged").fit(noise, views=views)
    for t in range(8):
        assert np.allclose(model.compose(around=t).transform(noise), np.roll(noise, t, axis=2), atol=2e-3)


def test_a_half_turn_keeps_its_planes():
    for signs in ([-1.0] * 4, [-1.0, 1, -1], [1.0, -1, 1]):
        step = np.diag(signs)
        kept = step if signs.count(-1) % 2 == 0 else np.eye(len(signs))  # one alone is in no plane
        assert np.allclose(expm(0.5 * generator_of(step, 0.5)), kept)


def test_views_with_a_strength_for_every_image_are_looked_up_once(monkeypatch):
    strengths = RNG.uniform(-90, 90, (2, 24))
    paired = {(("spin", tuple(t)),): rotate(SMOOTH, t) for t in strengths.tolist()}
    spin = OneParameter(None, -90, 90, 360, name="spin")
    views = Views(SMOOTH, {"spin": spin}, ImageFormat((12, 12)), paired=paired, compositions=[(), *paired])
    moving, rows, which = RandomStrengths(views), np.arange(24), np.arange(24) % 3
    images, t = moving.mix(rows, which, np.zeros((24, 1))), moving.strengths(rows, which, np.zeros((24, 1)))[:, 0]
    assert np.array_equal(t, np.where(which == 0, 0, strengths[which - 1, rows]))
    assert np.allclose(images, rotate(SMOOTH, t))
    monkeypatch.setattr(Views, "_given", None)
    assert np.array_equal(moving.mix(rows, which, np.zeros((24, 1))), images)


def test_tables_measure_families_at_a_strength(turns):
    table = error_table(turns, SMOOTH)
    assert {row.task for row in table} == {"reconstruct", "apply", "undo"}
    assert any(row.composition == (("rotate", 108),) for row in table)
    with pytest.raises(ValueError, match="Pixels have whole powers of flip_lr only"):
        error_table(turns, SMOOTH, [(("flip_lr", 2.5),)])
    card = scorecard(turns, SMOOTH)
    values = card.rows[0].values
    assert values["strength_gap"] >= max(row.gap for row in error_table(turns, SMOOTH, [("rotate", 90)])) - 1e-9
    assert values["estimate"] < 0.1
    assert values["additivity"] == turns.algebra_.families["rotate"].additivity
    assert "gap by" in repr(card)
    assert "estimate" in card.to_frame().columns
    assert np.isfinite(turns.condition_numbers_["rotate"])


def test_displays_of_strengths(turns):
    orbit = OrbitDisplay.from_estimator(turns, SMOOTH, "rotate", n_strengths=9)
    assert np.allclose(orbit.carried[0], orbit.carried[-1], atol=1e-6)
    assert len(orbit.ax_.collections[0].get_offsets()) == 9
    assert np.allclose(orbit.ax_.lines[0].get_xydata(), orbit.carried)
    estimate = EstimateDisplay.from_estimator(turns, SMOOTH, "rotate")
    assert np.median(np.abs((estimate.estimated - estimate.true + 180) % 360 - 180)) < 15
    assert np.allclose(estimate.ax_.collections[0].get_offsets(), np.c_[estimate.true, estimate.estimated])
    strip = ReconstructionDisplay.from_estimator(turns, SMOOTH, [(("rotate", t),) for t in (-60.0, 45.5)], n_images=3)
    assert any("rotate^45.5" in label.get_text() for label in strip.ax_.get_yticklabels())
    for display, wrong in product((OrbitDisplay, EstimateDisplay), ("flip_lr", 3)):
        with pytest.raises(ValueError, match="Unknown augmentation with a strength"):
            display.from_estimator(turns, SMOOTH, wrong)


def test_models_without_strengths_refuse_them(turns):
    with pytest.raises(ValueError, match="TransferHead takes augmentations without a strength"):
        TransferHead(turns, ["canny", "flip_ud"]).fit(SMOOTH)
    with pytest.raises(ValueError, match="ConditionalVAE takes augmentations without a strength"):
        ConditionalVAE(["rotate"]).fit(SMOOTH)


def test_exact_autoencoders_undo_a_family_exactly():
    model = LatentAugmenter(["rotate"], IdentityAutoencoder(), method="staged", random_state=0).fit(SMOOTH[:, :4, :4])
    X = SMOOTH[:5, :4, :4]
    turned = model.compose(rotate=77.0).transform(X)
    assert isinstance(model.random(rotate=(0, 1)), RandomTransform)
    assert turned.shape == X.shape


@pytest.mark.slow
def test_encoders_are_averaged_around_a_circle(digits, tmp_path):
    X, vae = digits[:100], VAE(8, hidden_channels=(2, 3), max_iter=1, device="cpu")
    augs = ["rotate", "brightness"]
    model = LatentAugmenter(augs, vae, random_state=0).fit(X)
    assert [c for c in model.orbit_ if c] == [(("rotate", 45.0 * k),) for k in range(1, 8)]
    alone = LatentAugmenter(augs, vae, random_state=0, symmetrize=False).fit(X)
    assert alone.orbit_ == []
    assert np.array_equal(alone.latent_maps_["rotate"].matrix(30), model.latent_maps_["rotate"].matrix(30))
    Z, Z_turned = (model.encode(images) for images in (X, rotate(X, 90.0)))
    carried, by_itself = (m.compose(rotate=90.0).transform_latent(m.encode(X)) for m in (model, alone))
    apart, apart_alone = np.square(carried - Z_turned).sum(), np.square(by_itself - alone.encode(rotate(X, 90.0))).sum()
    assert apart < 0.2 * apart_alone
    model.save(tmp_path / "model")
    assert np.array_equal(load(tmp_path / "model").encode(X), Z)
    flips = LatentAugmenter(["rotate", "flip_lr"], vae, random_state=0).fit(X)
    assert len(flips.orbit_) == 16
    several = LatentAugmenter(["rotate", "hue"], vae, random_state=0).fit(COLOURED)
    assert len(several.orbit_) == 16


@given(name=st.sampled_from(["brightness", "contrast", "gamma", "scale", "shear", "shift_x"]), seed=st.integers(0, 99))
def test_each_strength_of_a_line_counts_alike(name, seed):
    """The weight of an error times how much images vary there is the same, and weights are 1 in the mean of draws."""
    views = Views(SMOOTH, {name: FAMILIES[name]}, ImageFormat((12, 12)), compositions=[(), ((name, 1),)])
    moving, rng = RandomStrengths(views), np.random.default_rng(seed)
    grid = np.linspace(moving.low[0], moving.high[0], 9)
    variances = np.array([FAMILIES[name](SMOOTH, t).var(axis=0).sum() for t in grid])
    told = moving.weights(grid[:, None]) * variances
    assert np.allclose(told, told[0], rtol=1e-3)
    drawn = moving.weights(moving.draw(rng, np.ones(20_000, dtype=int)))
    assert abs(drawn.mean() - 1) < 0.02


def test_errors_are_weighed_by_the_strength_that_they_are_at():
    algebra = laws_of("brightness")
    views = Views(
        SMOOTH, {"brightness": FAMILIES["brightness"]}, ImageFormat((12, 12)), compositions=algebra.compositions()
    )
    maps = make_view_maps(algebra, {}, views.compositions, 6, torch.Generator())
    terms = Terms(1.0, 0.0, 1.0, views.format_, torch.device("cpu"))
    network = build((12, 12, 1), 6, [2, 3])
    start(network, torch.Generator().manual_seed(0))
    joint = CrossReconstruction(network, views, terms, maps, 1)
    rows, zero, losses = np.arange(2), np.zeros((2, 1)), []
    for share in (0.0, 1.0, 3.0):
        joint.moving.weights = lambda t, share=share: np.array([1.0, share])
        drawn = np.zeros(2, dtype=int), np.zeros(2, dtype=int), zero, zero
        with torch.no_grad():
            losses.append(float(joint(*joint.make(rows, *drawn), *drawn, torch.zeros(2, joint.noise_dim), 1.0)[0]))
    assert np.isclose(losses[2] - losses[0], 3 * (losses[1] - losses[0]))
    assert losses[1] > losses[0] > 0


def test_where_strengths_do_not_add_up_most_crossings_begin_or_end_at_the_originals():
    views = Views(SMOOTH, {"shear": shear}, ImageFormat((12, 12)), compositions=[(), (("shear", 1),)])
    moving, rng = RandomStrengths(views), np.random.default_rng(0)
    s, t = rng.uniform(0.1, 0.4, (2, 20_000, 2))
    begin, end = moving.by_originals(rng, s, t, np.array([True, False]))
    begins, ends = (begin[:, 0] == 0).mean(), (end[:, 0] == 0).mean()
    assert abs(begins - 0.525) < 0.02
    assert abs(ends - 0.225) < 0.02
    assert not ((begin[:, 0] == 0) & (end[:, 0] == 0)).any()
    for drawn, moved in ((s, begin), (t, end)):
        assert np.array_equal(drawn[:, 1], moved[:, 1])
        assert ((moved[:, 0] == drawn[:, 0]) | (moved[:, 0] == 0)).all()


@pytest.mark.parametrize(("name", "adds_up"), [("brightness", False), ("contrast", False), ("gamma", True)])
def test_joint_training_goes_by_the_originals_only_where_strengths_do_not_add_up(name, adds_up):
    bright = np.sqrt(SMOOTH)
    algebra = laws_of(name, X=bright)
    assert (algebra.families[name].additivity < 0.1) == adds_up
    views = Views(bright, {name: FAMILIES[name]}, ImageFormat((12, 12)), compositions=algebra.compositions())
    maps = make_view_maps(algebra, {}, views.compositions, 6, torch.Generator())
    terms = Terms(1.0, 0.0, 1.0, views.format_, torch.device("cpu"))
    joint = CrossReconstruction(build((12, 12, 1), 6, [2, 3]), views, terms, maps, len(views.compositions))
    source, target, s, t = joint.draw(np.random.default_rng(0), 20_000)
    both = joint.moving.has[source] & joint.moving.has[target] & (s != t)
    at_zero = ((s == 0) | (t == 0))[both].mean()
    assert (at_zero == 0) if adds_up else (at_zero > 0.5)


def test_all_around_a_circle_counts_alike():
    views = Views(SMOOTH, {"rotate": rotate}, ImageFormat((12, 12)), compositions=[(), (("rotate", 1),)])
    moving = RandomStrengths(views)
    assert np.array_equal(moving.weights(np.linspace(-180, 180, 7)[:, None]), np.ones(7))


def test_joint_training_obeys_any_strength(digits):
    rotation = LatentAugmenter(["rotate"], VAE(16, max_iter=12), random_state=0).fit(digits[:800])
    X = digits[800:]
    floor = np.square(rotation.reconstruct(X) - X).sum((1, 2)).mean()
    for t in (37.0, -100.0, 171.0):
        Y = rotate(X, t)
        bound = np.square(rotation.reconstruct(Y) - Y).sum((1, 2)).mean()
        assert np.square(rotation.compose(rotate=t).transform(X) - Y).sum((1, 2)).mean() < 1.2 * bound
        assert np.square(rotation.compose(rotate=t).inverse_transform(Y) - X).sum((1, 2)).mean() < 1.3 * floor
