"""A scorecard of three augmentations: every pair in both orders, means over three, the worst of three; by hand."""

from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from latentaug import LatentAugmenter
from latentaug.augs import edge_detect, flip_lr, flip_ud, mini_image, rotate_cw, shear_x
from latentaug.metrics import (
    commutator_defect,
    confidence_interval,
    default_classifier,
    equivariance_error,
    error_table,
    order_defect,
    orthogonality_defect,
    recursion_curve,
    scorecard,
    squared_error,
)

# The worst map, the worst pair and the one map with an order are first, in the middle or last.
TRIPLES = [
    [shear_x, flip_lr, rotate_cw],
    [flip_ud, edge_detect, shear_x],
    [mini_image, rotate_cw, shear_x],
    [rotate_cw, flip_lr, flip_ud],
]
ORDERS = {"flip_lr": 2, "flip_ud": 2, "rotate_cw": 4}


@pytest.fixture(scope="module", params=TRIPLES, ids=lambda augs: "-".join(aug.__name__ for aug in augs))
def measured(request, digits):
    X, names = digits[700:], [aug.__name__ for aug in request.param]
    model = LatentAugmenter(request.param, PCA(12), method="staged", geometry="free").fit(digits[:700])
    (row, nothing, _) = scorecard(model, X).rows
    return X, names, model, row, nothing


def image_of(X, names):
    for aug in names:
        X = globals()[aug](X)
    return X


def test_its_errors_are_means_over_three_augmentations_and_six_pairs(measured):
    X, names, model, row, _ = measured
    singles, pairs = [(name,) for name in names], list(permutations(names, 2))

    def error(images, found):
        return squared_error(images, found).mean()

    applied = {c: error(image_of(X, c), model.compose(*c).transform(X)) for c in (*singles, *pairs)}
    undone = {c: error(X, model.compose(*c).inverse_transform(image_of(X, c))) for c in (*singles, *pairs)}
    floors = {c: error(image_of(X, c), model.reconstruct(image_of(X, c))) for c in applied}
    assert row.values["reconstruct"] == pytest.approx(error(X, model.reconstruct(X)), rel=1e-4)
    assert row.values["apply"] == pytest.approx(np.mean([applied[c] for c in singles]), rel=1e-4)
    assert row.values["compose"] == pytest.approx(np.mean([applied[c] for c in pairs]), rel=1e-4)
    assert row.values["undo"] == pytest.approx(np.mean(list(undone.values())), rel=1e-4)
    assert row.values["gap"] == pytest.approx(max(applied[c] / floors[c] - 1 for c in applied), rel=1e-3)
    assert list(row.table) == list(error_table(model, X, [*names, *pairs]))


def test_its_frame_holds_the_ends_of_its_intervals_around_its_errors(measured):
    X, _, model, row, _ = measured
    record = scorecard(model, X).to_frame().loc[row.label]
    for name, (low, high) in row.intervals.items():
        assert (record[f"{name}_low"], record[name], record[f"{name}_high"]) == (low, row.values[name], high)
        assert low < row.values[name] < high


def test_its_laws_are_the_worst_of_three_maps_and_of_three_pairs(measured):
    X, names, model, row, _ = measured
    L, Z = model.latent_maps_, model.encode(X)
    found = [equivariance_error(model.encode(image_of(X, [name])), Z @ L[name]) for name in names]
    assert row.values["equivariance"] == pytest.approx(np.mean(found), rel=1e-4)
    assert row.values["commutator"] == max(commutator_defect(L[a], L[b]) for a, b in combinations(names, 2))
    assert row.values["image_commutator"] == max(model.algebra_.commutators[pair] for pair in combinations(names, 2))
    assert row.values["order_defect"] == max(order_defect(L[n], ORDERS[n]) for n in names if n in ORDERS)
    assert row.values["orthogonality_defect"] == max(orthogonality_defect(L[name]) for name in names)
    lengths = [np.linalg.svd(L[name], compute_uv=False) for name in names]
    assert row.values["condition_number"] == pytest.approx(max(s[0] / s[-1] for s in lengths))


def test_doing_nothing_costs_what_three_augmentations_change(measured):
    X, names, _, _, nothing = measured
    changed = {c: squared_error(X, image_of(X, c)).mean() for n in (1, 2) for c in permutations(names, n)}
    assert nothing.values["apply"] == pytest.approx(np.mean([changed[c] for c in changed if len(c) == 1]))
    assert nothing.values["compose"] == pytest.approx(np.mean([changed[c] for c in changed if len(c) == 2]))
    assert nothing.values["undo"] == pytest.approx(np.mean(list(changed.values())))


def test_labels_are_followed_through_whole_rounds_of_the_first_that_has_an_order(measured, digits):
    X, names, model, _, _ = measured
    y = np.arange(len(X)) % 3
    classifier = default_classifier(digits[:300], np.arange(300) % 3)
    first = next(name for name in names if name in ORDERS)
    card = scorecard(model, X, y, classifier=classifier, n_steps=3)
    curve = recursion_curve(model, X, first, [4], y=y, classifier=classifier)
    assert card.rows[0].values["label_survival"] == curve.survival[0]


# Of two values, half of the resampled means are in the middle and a quarter at each end.
@pytest.mark.parametrize(("level", "ends"), [(0.4, (5, 5)), (0.6, (0, 10)), (0.99, (0, 10))])
def test_the_ends_of_an_interval_leave_out_half_of_the_rest_each(level, ends):
    assert confidence_interval([0.0, 10.0], level).tolist() == list(ends)


def test_the_ends_of_an_interval_are_as_far_out_as_the_values_are_skewed():
    """Of three values with one large, 8, 12, 6 and 1 of 27 resampled means hold it never, once, twice and thrice."""
    assert confidence_interval([0.0, 0.0, 3.0], 0.3).tolist() == [1, 1]
    assert confidence_interval([0.0, 0.0, 3.0], 0.6).tolist() == [0, 2]
    assert confidence_interval([0.0, 0.0, -3.0], 0.6).tolist() == [-2, 0]
    assert confidence_interval([0.0, 0.0, 3.0], 0.97).tolist() == [0, 3]


@given(st.integers(0, 2**16).map(np.random.default_rng))
def test_the_equivariance_error_is_one_less_the_share_explained(rng):
    Z, carried = rng.normal(size=(30, 4)) * [1, 2, 5, 0.1], rng.normal(size=(30, 4))
    residual = np.mean([np.linalg.norm(a - b) ** 2 for a, b in zip(Z, carried, strict=True)])
    assert equivariance_error(Z, carried) == pytest.approx(residual / np.trace(np.cov(Z.T, bias=True)))


def test_defects_by_hand():
    shear, stretch = np.array([[1.0, 1.0], [0.0, 1.0]]), np.diag([2.0, 1.0])
    assert commutator_defect(shear, stretch) == pytest.approx(1 / np.sqrt(3 * 5))
    assert orthogonality_defect(stretch) == pytest.approx(3 / np.sqrt(2))
    assert orthogonality_defect(shear) == pytest.approx(np.sqrt(3 / 2))
    assert order_defect(shear, 3) == pytest.approx(3 / np.sqrt(2))
