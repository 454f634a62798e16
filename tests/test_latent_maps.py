"""Laws of maps of rows alone: they are scikit-learn's citizens, find what was planted, and take pairs as they are."""

import copy
import pickle
import warnings

import numpy as np
import pytest
from conftest import every_check
from hypothesis import given
from hypothesis import strategies as st
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.utils import estimator_checks
from test_sklearn import MORE_CHECKS, in_memory_orders

from latentaug import LatentAugmenter, LatentMaps, load
from latentaug.augs.pairs import as_partners, join, pick
from latentaug.latent.maps import AffineMap, Moments, apply
from latentaug.latent.ridge import GCV, Ridge
from latentaug.metrics import pair_residuals, pair_table

seeds = st.integers(0, 2**16)
NOTHING = pytest.mark.filterwarnings("ignore:No views are given")  # as most of scikit-learn's checks do


def turned(Z):
    """Rows under three augmentations of order two, about a point that is not 0."""
    return {("turn",): 2 - Z[:, ::-1], ("negate",): 2 - Z, ("turn", "negate"): Z[:, ::-1]}


class SelfPaired(LatentMaps):
    """Maps that make their own pairs, so that scikit-learn's checks fit some."""

    def _check_views(self, Z, views):
        return super()._check_views(Z, turned(Z) if views is None else views)


VARIANTS = {
    "nothing": LatentMaps(),
    "free": SelfPaired(),
    "least squares, solved": SelfPaired("free", ridge=0.0, undo="solve"),
    "low rank": SelfPaired(rank=1),
    "without intercept": SelfPaired(fit_intercept=False),
    "orthogonal": SelfPaired("orthogonal"),
    "finite order": SelfPaired("finite_order", orders={"turn": 2, "negate": 2}),
    "group": SelfPaired(orders={"turn": 2, "negate": 2}, commute=[("turn", "negate")]),
    "commuting": SelfPaired(orders={"negate": 2}, commute=[("turn", "negate")]),
    "trimmed": SelfPaired(trim=0.1),
}
every_variant = pytest.mark.parametrize("maps", VARIANTS.values(), ids=VARIANTS)


@NOTHING
@pytest.mark.filterwarnings("ignore:.*met no better than shuffled")  # of pairs of noise
@every_check(*(VARIANTS[name] for name in ("nothing", "free", "low rank", "group", "commuting", "trimmed")))
def test_scikit_learn_finds_nothing_to_excuse(estimator, check):
    check(estimator)


@NOTHING
@pytest.mark.filterwarnings("ignore:X (has|does not have valid) feature names")
@pytest.mark.parametrize("variant", ["nothing", "free", "group"])
@pytest.mark.parametrize("name", MORE_CHECKS)
def test_scikit_learn_finds_nothing_in_its_other_checks(variant, name):
    getattr(estimator_checks, name)("LatentMaps", VARIANTS[variant])


def planted(seed, n=200, d=6, noise=0.0):
    """Rows far from 0, and the same moved by an affine map."""
    rng = np.random.default_rng(seed)
    Z = rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + 50 * rng.normal(size=d)
    L, b = np.eye(d) + 0.4 * rng.normal(size=(d, d)) / np.sqrt(d), 20 * rng.normal(size=d)
    return Z, Z @ L + b + noise * rng.normal(size=Z.shape), L, b


@every_variant
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@NOTHING
def test_laws_of_transformers(maps, dtype, tmp_path):
    Z = planted(0, n=60)[0].astype(dtype)
    before, fitted = Z.copy(), clone(maps).fit(Z)
    once = fitted.transform(Z)
    assert once.dtype == dtype
    for order, rows in in_memory_orders(Z, tmp_path).items():
        again = clone(maps).fit(rows).transform(rows)
        assert np.allclose(again, once, rtol=1e-4, atol=1e-3), order
    assert np.array_equal(Z, before)
    assert np.array_equal(clone(fitted).fit(Z).transform(Z), once)
    assert np.array_equal(clone(fitted).fit_transform(Z), once)
    for route in (lambda m: pickle.loads(pickle.dumps(m)), copy.deepcopy):
        assert np.array_equal(route(fitted).transform(Z), once)
    order = np.random.default_rng(0).permutation(len(Z))
    assert np.allclose(fitted.transform(Z[order]), once[order], rtol=1e-4)
    assert np.allclose(np.concatenate([fitted.transform(Z[i : i + 1]) for i in range(9)]), once[:9], rtol=1e-4)
    with config_context(transform_output="pandas"):
        assert list(fitted.transform(Z).columns) == list(fitted.get_feature_names_out())
    out = np.lib.format.open_memmap(tmp_path / "out.npy", "w+", dtype, Z.shape)
    assert fitted.transform(Z, out=out) is out
    assert np.array_equal(out, once)


def test_a_saved_model_answers_with_the_same_bits(tmp_path):
    Z, Z_aug, *_ = planted(0, noise=1.0)
    maps = LatentMaps().fit(Z, views={("a",): Z_aug, ("b",): Z})
    maps.save(tmp_path / "maps")
    loaded = load(tmp_path / "maps")
    assert loaded.transform(Z).tobytes() == maps.transform(Z).tobytes()
    assert loaded.inverse_transform(Z).tobytes() == maps.inverse_transform(Z).tobytes()
    assert repr(loaded.pair_table_) == repr(maps.pair_table_)
    for model in (loaded, maps):
        model.partial_fit(Z, views={("a",): Z_aug, ("b",): Z})
    assert np.array_equal(loaded.latent_maps_["a"].L, maps.latent_maps_["a"].L)


@given(seed=seeds)
def test_a_planted_map_with_an_offset_is_found_and_undone(seed):
    Z, Z_aug, L, b = planted(seed)
    maps = LatentMaps(ridge=0).fit(Z, views={("a",): Z_aug})
    assert np.allclose(maps["a"].matrix_, L, atol=1e-6)
    assert np.allclose(maps["a"].offset_, b, atol=1e-3)
    assert np.allclose(maps.transform(Z), Z_aug)
    assert np.allclose(maps.inverse_transform(Z_aug), Z, atol=1e-5)
    assert np.allclose(maps.compose("a", "a", ("a", -1)).transform(Z), Z_aug, atol=1e-5)
    assert maps.score(Z, views={("a",): Z_aug}) == pytest.approx(1)


def test_without_intercept_and_penalty_the_map_is_that_of_the_augmenter(digits):
    from conftest import IdentityAutoencoder
    from scipy.ndimage import gaussian_filter

    soft = gaussian_filter(digits, (0, 1, 1))
    augmenter = LatentAugmenter(None, IdentityAutoencoder(), method="staged", geometry="free")
    augmenter.fit(digits, views={("soft",): soft})
    rows, soft_rows = digits.reshape(len(digits), -1), soft.reshape(len(digits), -1)
    maps = LatentMaps("free", ridge=0, fit_intercept=False, undo="solve").fit(rows, views={("soft",): soft_rows})
    assert np.allclose(maps.transform(rows), augmenter.transform_latent(rows, "soft"), atol=1e-6)
    assert not maps["soft"].offset_.any()


@pytest.mark.parametrize("n", [40, 100, 500])
def test_held_out_rows_are_met_at_least_as_well_as_by_linear_regression(n):
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(2000, 32)) @ rng.normal(size=(32, 32)) + 30 * rng.normal(size=32)
    Z_aug = Z @ rng.normal(size=(32, 32)) / 6 + 10 * rng.normal(size=32) + 2 * rng.normal(size=Z.shape)
    maps = LatentMaps().fit(Z[:n], views={("a",): Z_aug[:n]})
    assert maps.ridge_["a"] > 0
    theirs = LinearRegression().fit(Z[:n], Z_aug[:n])
    assert maps.score(Z[n:], views={("a",): Z_aug[n:]}) >= theirs.score(Z[n:], Z_aug[n:])
    assert (
        pair_table(maps, Z[n:], {("a",): Z_aug[n:]}).rows[0].r2[0]
        >= 1 - np.square(Z_aug[n:] - theirs.predict(Z[n:])).sum() / np.square(Z_aug[n:] - Z_aug[n:].mean(axis=0)).sum()
    )


@given(seed=seeds, identity=st.booleans(), penalty=st.sampled_from([0.0, 1e-3, 1.0, 30.0]))
def test_a_penalty_is_that_of_ridge_and_its_score_what_leaving_out_costs(seed, identity, penalty):
    Z, Z_aug, *_ = planted(seed, n=30, noise=1.0)
    moments = Moments.of({(): Z, ("a",): Z_aug}).about(np.stack([Z.mean(0), Z_aug.mean(0)]))
    ridge = Ridge(moments)
    A, B, T = Z - Z.mean(axis=0), Z_aug - Z_aug.mean(axis=0), np.eye(6) if identity else np.zeros((6, 6))
    k = penalty * np.square(A).sum() / 6
    expected = T + np.linalg.solve(A.T @ A + k * np.eye(6), A.T @ (B - A @ T))
    assert np.allclose(ridge.fit(penalty, identity), expected, atol=1e-6)
    residuals = B - A @ expected
    left = 30 - 1 - np.trace(np.linalg.solve(A.T @ A + k * np.eye(6), A.T @ A))
    by_hand = 30 * np.square(residuals).sum() / left**2
    assert Ridge(moments).score(penalty, identity) == pytest.approx(by_hand, rel=1e-6)
    assert ridge.choose(GCV, identity)[1] == identity


@given(seed=seeds)
def test_of_few_noisy_pairs_a_penalty_helps(seed):
    Z, Z_aug, *_ = planted(seed, n=400, d=24, noise=8.0)
    few = {("a",): Z_aug[:40]}
    chosen, least = (LatentMaps(ridge=r).fit(Z[:40], views=few) for r in (GCV, 0.0))
    rest = {("a",): Z_aug[40:]}
    assert chosen.score(Z[40:], views=rest) > least.score(Z[40:], views=rest)


@given(seed=seeds, rank=st.integers(1, 5))
def test_a_change_of_low_rank_has_that_rank_and_is_found(seed, rank):
    rng = np.random.default_rng(seed)
    Z = rng.normal(size=(100, 12))
    L = np.eye(12) + rng.normal(size=(12, rank)) @ rng.normal(size=(rank, 12))
    maps = LatentMaps(rank=rank, ridge=0).fit(Z, views={("a",): Z @ L})
    assert np.allclose(maps["a"].matrix_, L)
    assert np.linalg.matrix_rank(maps["a"].matrix_ - np.eye(12), tol=1e-6) == rank


@given(seed=seeds, noise=st.sampled_from([0.0, 0.3]), order=st.integers(2, 4))
def test_declared_laws_hold_about_a_point_that_is_not_zero(seed, noise, order):
    rng = np.random.default_rng(seed)
    cycles = {2: [1, 0, 3, 2, 5, 4, 7, 6], 3: [1, 2, 0, 4, 5, 3, 6, 7], 4: [1, 2, 3, 0, 5, 6, 7, 4]}
    P = np.eye(8)[cycles[order]]
    centre = 30 * rng.normal(size=8)
    Z = rng.normal(size=(150, 8)) @ (np.eye(8) + 0.3 * rng.normal(size=(8, 8)) / 8**0.5) * 3 + 4 * rng.normal(size=8)

    def view(k):
        return Z @ np.linalg.matrix_power(P, k) + centre + noise * rng.normal(size=Z.shape)

    for given_views in ((1,), range(1, order)):
        views = {(("turn", k) if k > 1 else "turn",): view(k) for k in given_views}
        maps = LatentMaps(orders={"turn": order}).fit(view(0), views=views)
        assert maps.geometries_ == {"turn": "group" if len(given_views) == order - 1 else "finite_order"}
        assert np.allclose(maps.compose(("turn", order)).transform(Z), Z, atol=1e-6)
        assert np.allclose(maps.compose("turn", ("turn", -1)).transform(Z), Z, atol=1e-6)
        assert maps.score(Z + centre, views={("turn",): Z @ P + centre}) > (0.98 if noise else 1 - 1e-6)


def test_commuting_maps_commute():
    Z = planted(3)[0]
    maps = clone(VARIANTS["commuting"]).fit(Z, views={c: V + 0.1 * np.sin(9 * V) for c, V in turned(Z).items()})
    assert maps.geometries_ == {"turn": "commuting", "negate": "group"}
    assert np.allclose(maps.compose("turn", "negate").transform(Z), maps.compose("negate", "turn").transform(Z))


# Pairs as they are


def missing_ways(Z_aug, present):
    """The same pairs, some missing, in every way to say so."""
    rows = np.flatnonzero(present)
    return {
        "NaN": np.where(present[:, None], Z_aug, np.nan),
        "masked": np.ma.masked_array(Z_aug, np.repeat(~present[:, None], Z_aug.shape[1], axis=1)),
        "None": [row if there else None for row, there in zip(Z_aug, present, strict=True)],
        "rows": (rows, Z_aug[rows]),
        "truths of all": (present, Z_aug),
        "truths of some": (present, Z_aug[rows]),
        "in another order": (rows[::-1], Z_aug[rows][::-1]),
    }


@given(seed=seeds, share=st.sampled_from([0.2, 0.6]))
def test_what_is_missing_is_left_out_however_it_is_said(seed, share):
    Z, Z_aug, *_ = planted(seed, n=80, noise=0.5)
    present = np.random.default_rng(seed).random(80) < share
    present[:8] = True
    wanted = LatentMaps(validation_fraction=0).fit(Z[present], views={("a",): Z_aug[present]})
    for way, given_view in missing_ways(Z_aug, present).items():
        found = LatentMaps(validation_fraction=0).fit(Z, views={("a",): given_view})
        assert np.allclose(found["a"].matrix_, wanted["a"].matrix_, atol=1e-6), way
        assert np.allclose(found["a"].offset_, wanted["a"].offset_, atol=1e-4), way


@given(seed=seeds)
def test_several_partners_of_a_row_all_count(seed):
    Z, Z_aug, *_ = planted(seed, n=60, noise=0.5)
    rows = np.random.default_rng(seed).integers(0, 60, 100)
    found = LatentMaps(validation_fraction=0, ridge=0).fit(Z, views={("a",): (rows, Z_aug[rows])})
    wanted = LinearRegression().fit(Z[rows], Z_aug[rows])
    assert np.allclose(found["a"].matrix_, wanted.coef_.T, atol=1e-5)


@given(seed=seeds)
def test_rows_are_joined_where_each_has_a_partner(seed):
    rng = np.random.default_rng(seed)
    X = np.arange(30)[:, None] * 1.0
    lists = [rng.permutation(30)[:20] for _ in range(2)]
    parts = [
        as_partners("A", X, 30),
        *(as_partners("A", (rows, 100 * (k + 1) + X[rows]), 30) for k, rows in enumerate(lists)),
    ]
    picked, rows = join(parts)
    assert set(rows) == set(lists[0]) & set(lists[1])
    every = np.arange(len(rows))
    for k, p in enumerate(picked):
        assert np.array_equal(pick(p, every)[:, 0], 100 * k + rows)


def test_a_stream_of_parts_gives_the_maps_of_all_at_once():
    Z, Z_aug, *_ = planted(1, n=300, noise=1.0)
    whole, parts = LatentMaps().fit(Z, views={("a",): Z_aug}), LatentMaps()
    for rows in np.array_split(np.arange(300), 7):
        parts.partial_fit(Z[rows], views={("a",): Z_aug[rows]})
    assert parts.ridge_ == whole.ridge_
    assert np.allclose(parts["a"].matrix_, whole["a"].matrix_, atol=1e-8)
    with pytest.raises(ValueError, match=r"^views must be those of the first part, original, a. Got original, b;"):
        parts.partial_fit(Z, views={("b",): Z_aug})


@pytest.mark.filterwarnings("ignore:a. its pairs are met no better")  # by the plain one
def test_wrong_pairs_are_trimmed():
    Z, Z_aug, L, _ = planted(2, n=400, noise=0.1)
    wrong = Z_aug.copy()
    wrong[::10] = 400 * np.random.default_rng(0).normal(size=(40, 6))
    plain, trimmed = (LatentMaps(trim=t).fit(Z, views={("a",): wrong}) for t in (0.0, 0.15))
    far, near = (np.abs(maps["a"].matrix_ - L).max() for maps in (plain, trimmed))
    assert near < far / 5
    (residuals,) = pair_residuals(trimmed, Z, {("a",): wrong}).values()
    assert residuals.shape == (400,)
    assert set(np.argsort(residuals)[-40:]) == set(range(0, 400, 10))


def test_pairs_that_are_shuffled_are_warned_about():
    Z, Z_aug, *_ = planted(4, n=400)
    with pytest.warns(
        UserWarning, match=r"^a: its pairs are met no better than shuffled ones .*; are they in order\?$"
    ):
        LatentMaps().fit(Z, views={("a",): np.random.default_rng(0).permutation(Z_aug)})
    with pytest.warns(UserWarning, match=r"^No views are given: there is nothing to learn"):
        LatentMaps().fit(Z)


def test_laws_that_pairs_do_not_obey_are_warned_about():
    Z = planted(4, n=400)[0]
    views = {("a",): 999 - Z[:, ::-1], ("b",): 2 - Z, ("a", "b"): Z[:, ::-1] - 997}
    with pytest.warns(UserWarning, match=r"are they in order, and do the laws declared hold\?$"):
        LatentMaps(orders={"a": 2, "b": 2}, commute=[("a", "b")]).fit(Z, views=views)


# Undoing


def test_what_undoes_better_on_held_out_pairs_is_kept():
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(600, 8)) * np.logspace(0, -2, 8)
    L = np.linalg.qr(rng.normal(size=(8, 8)))[0]
    clean, noisy = Z @ L, Z @ L + 0.2 * rng.normal(size=Z.shape)
    for seen, way in ((clean, "solve"), (noisy, "regression")):
        maps = LatentMaps(ridge=0.0).fit(Z[:400], views={("a",): seen[:400]})
        errors = {}
        for undo in ("solve", "regression"):
            asked = LatentMaps(ridge=0.0, undo=undo).fit(Z[:400], views={("a",): seen[:400]})
            errors[undo] = np.square(asked.inverse_transform(seen[400:]) - Z[400:]).sum()
            assert asked.undone_by_ == {"a": undo}
        if way == "regression":
            assert maps.undone_by_ == {"a": "regression"}
            assert errors["regression"] < errors["solve"]
        assert np.square(maps.inverse_transform(seen[400:]) - Z[400:]).sum() <= 1.001 * min(errors.values()) + 1e-9


def test_laws_are_undone_by_solving():
    Z = planted(5)[0]
    maps = clone(VARIANTS["group"]).fit(Z)
    assert set(maps.undone_by_.values()) == {"solve"}
    assert np.allclose(maps.inverse_transform(maps.transform(Z)), Z)


def test_an_affine_map_is_applied_and_undone_by_itself():
    rng = np.random.default_rng(0)
    Z, L, b = rng.normal(size=(5, 3)), np.eye(3) + 0.1 * rng.normal(size=(3, 3)), rng.normal(size=3)
    once = AffineMap(L, b)
    assert np.allclose(apply(Z, once, 2), (Z @ L + b) @ L + b)
    assert np.allclose(apply(apply(Z, once, 3), once, -3), Z)
    assert np.allclose(apply(Z, AffineMap(L, b, back=AffineMap(np.eye(3), -b)), -2), Z - 2 * b)


# Tables


@given(seed=seeds)
def test_the_table_tells_r2_skill_and_cosine(seed):
    Z, Z_aug, *_ = planted(seed, noise=2.0)
    maps = LatentMaps(undo="solve").fit(Z, views={("a",): Z_aug})
    applied, undone = pair_table(maps, Z, {("a",): Z_aug})
    made = maps.transform(Z)
    error = np.square(Z_aug - made).sum()
    assert applied.r2[0] == pytest.approx(1 - error / np.square(Z_aug - Z_aug.mean(axis=0)).sum())
    assert applied.skill[0] == pytest.approx(1 - error / np.square(Z_aug - Z).sum())
    norms = np.linalg.norm(made, axis=1) * np.linalg.norm(Z_aug, axis=1)
    assert applied.cosine[0] == pytest.approx(((made * Z_aug).sum(axis=1) / norms).mean())
    assert (undone.task, undone.n_pairs, applied.composition) == ("undo", len(Z), ("a",))
    for value, low, high in (applied.r2, applied.skill, applied.cosine, undone.r2):
        assert low < value < high


def test_intervals_hold_the_value_nineteen_times_of_twenty():
    rng, inside = np.random.default_rng(0), []
    L, noise = rng.normal(size=(4, 4)), 2.0
    maps = LatentMaps(ridge=0).fit(rows := rng.normal(size=(5000, 4)), views={("a",): rows @ L})
    variance = np.square(L).sum()
    for _ in range(200):
        Z = rng.normal(size=(200, 4))
        row = pair_table(maps, Z, {("a",): Z @ L + noise * rng.normal(size=Z.shape)}).rows[0]
        inside.append(row.r2[1] <= 1 - 4 * noise**2 / (variance + 4 * noise**2) <= row.r2[2])
    assert 0.9 < np.mean(inside) < 0.99


def test_the_table_prints_and_becomes_a_frame():
    pytest.importorskip("pandas")
    Z, Z_aug, *_ = planted(0, noise=1.0)
    table = LatentMaps().fit(Z, views={("a",): Z_aug}).pair_table_
    assert repr(table).splitlines()[2].startswith("a ")
    frame = table.to_frame()
    assert list(frame.index) == ["a", "undo a"]
    assert frame.loc["a", "r2"] == table.rows[0].r2[0]


WRONG = {
    "unknown geometry": (lambda: LatentMaps("nonlinear"), "Unknown geometry 'nonlinear'"),
    "unknown undo": (lambda: LatentMaps(undo="guess"), "Unknown undo 'guess'"),
    "an order of nothing": (lambda: LatentMaps(orders={"b": 2}), "Unknown augmentation 'b'"),
    "a rank of nothing": (lambda: LatentMaps(rank=0), "rank must be an integer of at least 1"),
    "applying nothing": (lambda: LatentMaps(apply="b"), "Unknown augmentation 'b'. Fitted on: a"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_parameters_are_named(wrong):
    make, message = WRONG[wrong]
    Z = planted(0)[0]
    with pytest.raises(ValueError, match=message):
        make().fit(Z, views={("a",): Z})


def test_wrong_views_are_named():
    Z = planted(0)[0]
    hurt = Z.copy()
    hurt[3, 2] = np.nan
    for view, message in {
        "half": (hurt, r"^View \('a',\): a partner is missing as a whole, or not at all. Row 3 is NaN in part.$"),
        "short": (Z[1:], r"has 199 images beside 200 of X; .*Where some are missing: "),
        "narrow": (Z[:, 1:], r"must have 6 columns, as X has. Got 5"),
        "none": ([None] * 200, "holds no partner at all"),
        "far": (([0, 200], Z[:2]), r"rows must be the numbers of images, 0..199"),
    }.values():
        with pytest.raises(ValueError, match=message):
            LatentMaps().fit(Z, views={("a",): view})
    with pytest.raises(ValueError, match="b has no pair: views must hold it alone, or after another"):
        LatentMaps().fit(Z, views={("b", "a"): Z})
    with pytest.raises(ValueError, match="must name what was applied, and undo nothing"):
        LatentMaps().fit(Z, views={(("a", -1),): Z})
    with pytest.raises(NotFittedError):
        LatentMaps().transform(Z)


def test_a_name_known_after_another_only_is_learned_there():
    Z, _, L, _ = planted(6)
    maps = LatentMaps(ridge=0).fit(Z, views={("a",): Z[:, ::-1], ("a", "b"): Z[:, ::-1] @ L})
    assert np.allclose(maps["b"].matrix_, L, atol=1e-6)


def test_warnings_are_of_latentaug_alone():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for n in (1, 2, 3, 9):
            Z = planted(0, n=n)[0]
            maps = LatentMaps().fit(Z, views=turned(Z))
            assert np.isfinite(maps.transform(Z)).all()
            assert np.isfinite(maps.inverse_transform(Z)).all()


def test_shares_of_a_time_of_maps_with_an_intercept():
    rng = np.random.default_rng(0)
    L = AffineMap(np.eye(3) + 0.1 * rng.normal(size=(3, 3)), np.arange(3.0))
    Z = rng.normal(size=(5, 3))
    assert np.allclose(apply(apply(Z, L, 0.5), L, 0.5), L(Z))
    assert np.allclose(apply(apply(Z, L, 0.3), L, -0.3), Z)
    shift = AffineMap(np.eye(3), np.arange(3.0))
    assert np.allclose(apply(Z, shift, 0.25), Z + np.arange(3.0) / 4)
    with pytest.raises(ValueError, match="regression of its own has whole powers only"):
        apply(Z, AffineMap(L.L, L.b, shift), 0.5)
