"""Errors in their units, defects of laws, recursion, and the tables of them."""

import sys

import numpy as np
import pytest
from conftest import IdentityAutoencoder, augmented, image_stacks
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from latentaug import VAE, ConditionalVAE, LatentAugmenter, TransferHead
from latentaug.augs import flip_lr, flip_ud, shear_x
from latentaug.latent.representations import cyclic_table, regular_representation
from latentaug.metrics import (
    UNITS,
    ErrorRow,
    ErrorTable,
    RecursionCurve,
    Scorecard,
    ScoreRow,
    carry_matrix,
    commutator_defect,
    confidence_interval,
    default_classifier,
    equivariance_error,
    error_table,
    in_unit,
    order_defect,
    orthogonality_defect,
    recursion,
    recursion_curve,
    scorecard,
    squared_error,
)
from latentaug.models.tables import text_table

FLIPS = [flip_lr, flip_ud]
SEEDS = st.integers(0, 2**32 - 1).map(np.random.default_rng)


class Halting(LatentAugmenter):
    """Knows only what it can do in one go, and cannot undo it; writes down what it carries."""

    is_invertible = False

    def knows(self, composition):
        return len(composition) < 2

    def carry(self, X, source=(), target=()):
        self.carried_ = [*getattr(self, "carried_", []), (source, target)]
        return super().carry(X, source, target)


@pytest.fixture(scope="module")
def flips(digits):
    return LatentAugmenter(FLIPS, PCA(16), method="staged").fit(digits[:700])


@pytest.fixture(scope="module")
def sheared(digits):
    """A model whose views and maps differ in how well they do."""
    return LatentAugmenter([shear_x, flip_ud], PCA(16), method="staged").fit(digits[:700])


@pytest.fixture(scope="module")
def exact(digits):
    return LatentAugmenter(FLIPS, IdentityAutoencoder(), method="staged").fit(digits[:200])


@pytest.fixture(scope="module")
def halting(digits):
    return Halting(FLIPS, PCA(16), method="staged").fit(digits[:700])


@pytest.fixture(scope="module")
def labels():
    from sklearn.datasets import load_digits

    return load_digits().target[:1000]


@pytest.fixture(scope="module")
def classifier(digits, labels):
    return default_classifier(digits[:700], labels[:700])


@given(X=image_stacks())
def test_the_squared_error_is_summed_over_an_image(X):
    assert np.array_equal(squared_error(X, X), np.zeros(len(X)))
    X_hat = X[::-1]
    expected = ((X.astype(float) - X_hat) ** 2).reshape(len(X), -1).sum(axis=1)
    assert np.allclose(squared_error(X, X_hat), expected)


@given(X=image_stacks())
def test_units_are_sums_means_and_the_paper_s(X):
    error, n_pixels = squared_error(X, X[::-1]), X[0].size
    per_pixel = ((X.astype(float) - X[::-1]) ** 2).reshape(len(X), -1).mean(axis=1)
    expected = {"image": error, "pixel": per_pixel, "paper": 1e4 * per_pixel}
    assert expected.keys() == UNITS.keys()
    for unit, values in expected.items():
        assert np.allclose(in_unit(error, unit, n_pixels), values)


@given(rng=SEEDS, scale=st.floats(0.01, 100))
def test_the_equivariance_error_is_none_where_exact_one_at_the_mean_and_free_of_scale(rng, scale):
    Z, carried = rng.normal(size=(2, 20, 3))
    assert equivariance_error(Z, Z) == 0
    assert equivariance_error(Z, np.broadcast_to(Z.mean(axis=0), Z.shape)) == pytest.approx(1)
    assert equivariance_error(scale * Z, scale * carried) == pytest.approx(equivariance_error(Z, carried))
    assert equivariance_error(np.ones((4, 2)), np.zeros((4, 2))) == np.inf


@given(rng=SEEDS, scale=st.floats(0.01, 100))
def test_the_commutator_defect_is_none_of_powers_and_free_of_scale(rng, scale):
    A, B = rng.normal(size=(2, 4, 4))
    assert commutator_defect(A, A @ A) < 1e-12
    assert commutator_defect(scale * A, B) == pytest.approx(commutator_defect(A, B))
    assert commutator_defect(np.zeros((2, 2)), np.eye(2)) == 0
    swap, sign = np.eye(2)[::-1], np.diag([1, -1])
    assert commutator_defect(swap, sign) == pytest.approx(np.sqrt(2))


@given(order=st.integers(2, 9), spare=st.integers(0, 3))
def test_the_order_defect_of_a_permutation_is_none_at_multiples_of_its_order_only(order, spare):
    L = regular_representation(cyclic_table(order), order + spare)[1]
    for exponent in range(1, 2 * order + 1):
        assert (order_defect(L, exponent) == 0) == (exponent % order == 0)
    # Each coordinate that moves makes 2: |P - I|^2 = 2 (d - trace(P)).
    assert order_defect(L, 1) == pytest.approx(np.sqrt(2 * (1 - np.trace(L) / len(L))))


@given(rng=SEEDS, scale=st.floats(0, 10))
def test_the_orthogonality_defect_tells_by_how_much_lengths_change(rng, scale):
    Q = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    assert orthogonality_defect(scale * Q) == pytest.approx(abs(scale**2 - 1), abs=1e-12)


@given(rng=SEEDS, n=st.integers(1, 50), level=st.sampled_from([0.5, 0.95]))
def test_an_interval_holds_the_mean_and_grows_with_the_level(rng, n, level):
    values = rng.exponential(size=n)
    (low, high), (lower, higher) = (confidence_interval(values, share, 200) for share in (level, 0.99))
    assert lower <= low <= values.mean() + 1e-12
    assert values.mean() - 1e-12 <= high <= higher


def test_an_interval_is_that_of_the_mean_s_normal_law_and_shrinks_with_the_root_of_n(global_generators):
    for n in (100, 1600):
        values = np.random.default_rng(n).normal(size=n)
        low, high = confidence_interval(values, random_state=1)
        assert high - low == pytest.approx(2 * 1.96 * values.std() / np.sqrt(n), rel=0.15)
    assert np.ptp(confidence_interval(np.full(30, 0.7))) < 1e-12


def test_columns_are_resampled_together_and_as_if_alone():
    values = np.random.default_rng(0).random((40, 3))
    both = confidence_interval(values)
    assert both.shape == (2, 3)
    for column in range(3):
        assert np.allclose(both[:, column], confidence_interval(values[:, column]))
    assert not np.allclose(both, confidence_interval(values, random_state=1))


@pytest.mark.parametrize(("error", "floor", "gap"), [(3, 2, 0.5), (1, 2, -0.5), (1e-14, 0, 0), (1, 0, np.inf)])
def test_a_gap_is_the_share_above_the_floor(error, floor, gap):
    assert ErrorRow("apply", ("flip_lr",), error, floor).gap == gap


def test_the_table_of_an_exact_model_is_zero():
    X = np.random.default_rng(0).random((40, 3, 3))
    table = error_table(LatentAugmenter(FLIPS, IdentityAutoencoder(), method="staged").fit(X), X)
    assert all(row.error < 1e-9 for row in table)
    assert [row.task for row in table] == ["reconstruct"] + ["apply"] * 4 + ["undo"] * 4


def test_errors_are_those_of_the_verbs_whatever_the_layout_and_dtype(digits):
    pixels = np.rint(digits * 255).astype(np.uint8)
    augmenter = LatentAugmenter([shear_x, flip_ud], PCA(8), method="staged").fit(pixels)
    rows = {(row.task, row.composition): row for row in error_table(augmenter, pixels)}
    floor = squared_error(pixels / 255, augmenter.reconstruct(pixels)).mean()
    sheared, both = shear_x(pixels), flip_ud(shear_x(pixels))
    applied = squared_error(sheared / 255, augmenter["shear_x"].transform(pixels)).mean()
    undone = squared_error(pixels / 255, augmenter.compose("shear_x", "flip_ud").inverse_transform(both)).mean()
    assert rows["reconstruct", ()].error == pytest.approx(floor)
    assert rows["apply", ("shear_x",)].error == pytest.approx(applied)
    assert rows["apply", ("shear_x",)].floor == pytest.approx(
        squared_error(sheared / 255, augmenter.reconstruct(sheared)).mean()
    )
    assert rows["undo", ("shear_x", "flip_ud")].error == pytest.approx(undone)
    assert rows["undo", ("shear_x", "flip_ud")].floor == pytest.approx(floor)


def test_r2_is_one_less_the_error_over_the_variance_of_the_images_aimed_at(sheared, digits):
    X = np.concatenate([digits, digits[:300], digits])  # more than a batch
    for row in error_table(sheared, X):
        target = augmented(X, [name for name in row.composition if row.task == "apply"])
        assert row.variance == pytest.approx(target.var(0).sum())
        assert row.explained == pytest.approx(1 - row.error / row.variance)
        assert row.explained <= 1
    assert all(np.isnan(row.explained) for row in error_table(sheared, X[:1]))


def test_a_table_as_a_frame_says_what_its_rows_say(sheared, digits):
    table = error_table(sheared, digits[:50])
    frame = table.to_frame()
    assert list(frame.columns) == ["task", "error", "floor", "gap", "r2"]
    for row, (label, record) in zip(table, frame.iterrows(), strict=True):
        assert record.tolist() == [row.task, row.error, row.floor, row.gap, row.explained]
        assert str(row).startswith(label)


def test_principal_components_explain_what_pca_says_also_of_what_they_augment():
    noise = np.random.default_rng(0).random((200, 4, 6)) * np.linspace(0, 0.2, 6)
    X = np.concatenate([noise, flip_lr(noise)]) + 0.4  # so faint that nothing is clipped
    model = LatentAugmenter(["flip_lr"], PCA(12), method="staged").fit(X)
    share = PCA(12).fit(X.reshape(400, -1)).explained_variance_ratio_.sum()
    assert [row.explained for row in error_table(model, X)] == pytest.approx([share] * 3, rel=1e-4)


def test_what_a_model_does_not_know_or_cannot_undo_has_no_row(halting, digits):
    rows = [(row.task, row.composition) for row in error_table(halting, digits[:50])]
    assert rows == [("reconstruct", ()), ("apply", ("flip_lr",)), ("apply", ("flip_ud",))]
    assert np.isnan(error_table(halting, digits[:50]).worst_gap("undo"))


def test_the_table_prints_a_line_a_row():
    rows = (
        ErrorRow("reconstruct", (), 2, 2),
        ErrorRow("apply", ("a", "b"), 3, 2, 4),
        ErrorRow("undo", ("a",), 2.5, 2, 2),
    )
    printed = str(ErrorTable(rows)).splitlines()
    assert len(printed) == 5
    assert printed[0].split()[-4:] == ["error", "floor", "gap", "R2"]
    assert printed[3].split() == ["a", "then", "b", "3.00", "2.00", "+50.0%", "0.250"]
    assert [line.split()[-1] for line in printed[2:]] == ["-", "0.250", "-0.250"]
    assert ErrorTable(rows).worst_gap() == 0.5
    assert ErrorTable(rows).worst_gap("undo") == 0.25


def test_a_table_of_text_has_its_titles_heads_and_a_rule_as_long_as_they_are():
    lines = [["a", "b"], ["", "x"], ["two", "3.0"]]
    assert text_table(lines, ["<4", ">5"], "of", "all", n_heads=2).split("\n") == [
        "of", "all", "a       b", "        x", "---------", "two   3.0",
    ]  # fmt: skip


def test_a_row_of_errors_prints_as_its_line_of_the_table(sheared, digits):
    table = error_table(sheared, digits[:50])
    assert list(map(str, table)) == str(table).splitlines()[2:]


def test_without_pandas_frames_are_refused_in_one_line_that_names_it(flips, digits, monkeypatch):
    records = (
        carry_matrix(flips, digits[:9]),
        recursion_curve(flips, digits[:9], "flip_lr", [2]),
        scorecard(flips, digits),
    )
    monkeypatch.setitem(sys.modules, "pandas", None)
    for record in records:
        with pytest.raises(ImportError, match=r"^to_frame needs pandas, .*: pip install latentaug\[frames\]$"):
            record.to_frame()


def test_any_view_to_any_is_what_the_table_says_of_the_original(sheared, digits):
    matrix = carry_matrix(sheared, digits)
    assert list(matrix.views) == sheared.compositions_
    rows = {(row.task, row.composition): row for row in error_table(sheared, digits)}
    for k, view in enumerate(matrix.views):
        assert matrix.errors[0, k] == rows["apply" if view else "reconstruct", view].error
        assert matrix.floors[k] == rows["apply" if view else "reconstruct", view].floor
        assert view == () or matrix.errors[k, 0] == rows["undo", view].error
    assert matrix.gaps == pytest.approx(matrix.errors / matrix.floors - 1)
    across = sheared.carry(shear_x(digits), ("shear_x",), ("flip_ud",))
    few = carry_matrix(sheared, digits, ["shear_x", ("flip_ud",)])
    assert few.errors[0, 1] == pytest.approx(squared_error(flip_ud(digits), across).mean())
    assert few.errors[0, 1] == matrix.to_frame().loc["shear_x", "flip_ud"]


def test_a_view_that_cannot_be_left_prints_as_a_dash(halting, digits):
    matrix = carry_matrix(halting, digits[:50])
    assert np.isnan(matrix.errors).tolist() == [[False, False, False], [True, False, True], [True, True, False]]
    assert np.isnan(matrix.gaps).tolist() == np.isnan(matrix.errors).tolist()
    assert str(matrix).splitlines()[-1].split()[2:] == ["-", "-", f"{matrix.errors[2, 2]:.2f}"]


def test_recursion_is_that_of_the_verb_and_labels_those_that_the_classifier_finds(flips, digits, labels, classifier):
    X, y = digits[700:], labels[700:]
    curve = recursion_curve(flips, X, "flip_ud", [6, 2], y=y, classifier=classifier)
    steps = flips.recurse(X, "flip_ud", 6)
    assert curve.steps.tolist() == [2, 6]
    for k, images in enumerate((steps[:, 1], steps[:, 5])):
        assert curve.error[k] == pytest.approx(squared_error(X, images).mean(), rel=1e-4)
        assert curve.survival[k] == np.mean(classifier.predict(images.reshape(len(X), -1)) == y)
    assert curve.raw_survival.tolist() == [classifier.score(X.reshape(len(X), -1), y)] * 2
    assert (curve.error_interval[0] < curve.error).all()
    assert (curve.survival <= curve.survival_interval[1]).all()
    assert np.array_equal(curve.to_frame()["survival"], curve.survival)
    assert len(str(curve).splitlines()) == 3 + 2


def test_recursion_through_an_exact_model_loses_nothing(exact, digits, classifier):
    curve = recursion_curve(exact, digits[:50], "flip_lr", classifier=classifier)
    assert curve.steps.tolist() == [2, 4, 10, 20]
    assert curve.error.max() < 1e-9
    assert curve.survival.tolist() == curve.raw_survival.tolist() == [1] * 4
    assert curve.half_life is None


def test_without_an_order_recursion_is_measured_against_images_augmented_as_often(digits, labels, classifier):
    model = LatentAugmenter([shear_x], PCA(16), method="staged").fit(digits)
    curve = recursion_curve(model, digits, "shear_x", [1, 3], y=labels, classifier=classifier)
    sheared = [shear_x(digits), shear_x(shear_x(shear_x(digits)))]
    outputs = model.recurse(digits, "shear_x", 3)[:, [0, 2]]
    for k, target in enumerate(sheared):
        assert curve.error[k] == pytest.approx(squared_error(target, outputs[:, k]).mean(), rel=1e-4)
        assert curve.raw_survival[k] == classifier.score(target.reshape(len(digits), -1), labels)


def test_recursion_in_batches_is_recursion(flips, digits, labels, classifier, monkeypatch):
    options = {"y": labels[:100], "classifier": classifier}
    whole = recursion_curve(flips, digits[:100], "flip_lr", **options)
    monkeypatch.setattr(recursion, "BATCH", 33)
    assert np.allclose(recursion_curve(flips, digits[:100], "flip_lr", **options).to_frame(), whole.to_frame())


def test_without_a_classifier_there_are_no_labels(flips, digits):
    curve = recursion_curve(flips, digits[:50], "flip_lr", [2])
    assert curve.survival is curve.survival_interval is curve.raw_survival is curve.half_life is None
    assert list(curve.to_frame()) == ["error", "error_low", "error_high"]


@pytest.mark.parametrize(("survival", "half_life"), [([0.9, 0.45, 0.4], 6), ([0.9, 0.5, 0.5], None)])
def test_half_life_is_where_half_of_the_raw_labels_are_gone(survival, half_life):
    intervals = np.zeros((2, 3))
    curve = RecursionCurve(
        "a", np.array([2, 4, 6]), intervals[0], intervals, np.array(survival), intervals, np.full(3, 0.9)
    )
    assert curve.half_life == half_life


def test_the_default_classifier_knows_digits_in_any_dtype_and_layout(digits, labels, classifier):
    rows = digits[700:].reshape(300, -1)
    assert classifier.score(rows, labels[700:]) > 0.93
    pixels = np.rint(digits[:700] * 255).astype(np.uint8).reshape(700, -1)
    same = default_classifier(pixels, labels[:700]).predict(rows) == classifier.predict(rows)
    assert same.mean() > 0.99
    assert default_classifier(rows[:2], [0, 1]).predict(rows[:2]).shape == (2,)


def test_the_scorecard_of_an_exact_model_is_zero(exact, digits, classifier):
    card = scorecard(exact, digits[200:300], classifier=classifier)
    row = card.to_frame().loc["LatentAugmenter"]
    assert row["condition_number"] == pytest.approx(1)
    assert row["label_survival"] == 1
    assert row[["r2_reconstruct", "r2_apply"]].tolist() == pytest.approx([1, 1])
    zero = row.drop([name for name in row.index if name.startswith(("condition", "label", "r2"))])
    assert not zero.isna().any()
    assert (zero.abs() < 1e-9).all()


def test_doing_nothing_costs_what_the_augmentations_change(flips, digits, labels, classifier):
    X = digits[700:]
    row = scorecard(flips, X, labels[700:], classifier=classifier).to_frame().loc["do nothing"]
    single = [squared_error(X, flip(X)) for flip in FLIPS]
    both = squared_error(X, flip_ud(flip_lr(X)))
    assert row["reconstruct"] == 0
    assert row["apply"] == pytest.approx(np.mean(single))
    assert row["compose"] == pytest.approx(both.mean())
    assert row["undo"] == pytest.approx(np.mean([*single, both, both]))
    assert row["label_survival"] == classifier.score(X.reshape(len(X), -1), labels[700:])
    assert row[["commutator", "order_defect", "condition_number", "equivariance"]].isna().all()


def test_the_row_of_pca_is_exact_on_flips(digits):
    free = LatentAugmenter(FLIPS, PCA(12), method="staged", geometry="free").fit(np.flip(digits[:300], axis=0))
    card = scorecard({"mine": free}, digits[700:], X_train=digits[:700])
    row = card.to_frame().loc["PCA(12)"]
    assert [row.label for row in card] == ["mine", "do nothing", "PCA(12)"]
    assert [row.label for row in scorecard(free, digits[700:])][2:] == ["PCA(12) of X"]
    assert [row.label for row in scorecard(free, digits[700:712])][2:] == []
    assert abs(row["gap"]) < 1e-3
    assert row["equivariance"] < 1e-9
    assert row["order_defect"] < 1e-9


def test_a_card_says_what_the_table_and_the_functions_say(sheared, digits):
    X, augs = digits[700:], [shear_x, flip_ud]
    card = scorecard(sheared, X)
    values, table = card.rows[0].values, card.details["LatentAugmenter"]
    pairs = [("shear_x", "flip_ud"), ("flip_ud", "shear_x")]
    assert list(table) == list(error_table(sheared, X, ["shear_x", "flip_ud", *pairs]))
    applied = {row.composition: row.error for row in table if row.task == "apply"}
    assert values["reconstruct"] == pytest.approx(next(iter(table)).error)
    assert values["apply"] == pytest.approx(np.mean([applied["shear_x",], applied["flip_ud",]]))
    assert values["compose"] == pytest.approx(np.mean([applied[pair] for pair in pairs]))
    assert values["undo"] == pytest.approx(np.mean([row.error for row in table if row.task == "undo"]))
    assert values["gap"] == table.worst_gap("apply")
    assert values["r2_reconstruct"] == next(iter(table)).explained
    assert values["r2_apply"] == pytest.approx(
        np.mean([1 - applied[(aug.__name__,)] / aug(X).var(0).sum() for aug in augs])
    )
    Z, maps = sheared.encode(X), sheared.latent_maps_
    found = [equivariance_error(sheared.encode(aug(X)), Z @ maps[aug.__name__]) for aug in augs]
    assert values["equivariance"] == pytest.approx(np.mean(found))
    assert values["commutator"] == commutator_defect(maps["shear_x"], maps["flip_ud"])
    assert values["order_defect"] == order_defect(maps["flip_ud"], 2)
    assert values["orthogonality_defect"] == max(map(orthogonality_defect, maps.values()))
    assert values["condition_number"] == max(sheared.condition_numbers_.values())
    for name, (low, high) in card.rows[0].intervals.items():
        assert low < values[name] < high


def test_labels_are_looked_at_after_whole_rounds_of_the_first_augmentation_that_has_an_order(
    sheared, digits, labels, classifier
):
    X, y = digits[700:], labels[700:]
    card = scorecard(sheared, X, y, classifier=classifier, n_steps=5)
    curve = recursion_curve(sheared, X, "flip_ud", [4, 6], y=y, classifier=classifier)
    assert curve.error[0] < curve.error[1]
    assert card.to_frame()["label_survival"].tolist()[:2] == [curve.survival[1], curve.raw_survival[1]]


def test_augmentations_known_by_pairs_only_are_left_out(digits):
    X, mirrored = digits[:200], {"mirror": flip_lr(digits[:200])}
    both = LatentAugmenter([flip_ud, "mirror"], PCA(8), method="staged").fit(X, views=mirrored)
    pairs = LatentAugmenter(["mirror"], PCA(8), method="staged").fit(X, views=mirrored)
    card = scorecard({"both": both}, X, X_train=X)
    assert {row.composition for row in card.details["PCA(8)"]} == {(), ("flip_ud",)}
    assert {row.composition for row in card.details["both"]} == {(), ("flip_ud",)}
    assert [len(table.rows) for table in scorecard(pairs, X, X_train=X).details.values()] == [1, 1, 1]


def test_a_card_makes_every_pass_once(halting, digits):
    halting.carried_ = []
    scorecard(halting, digits[:50])
    flipped = [("flip_lr",), ("flip_ud",)]
    assert sorted(halting.carried_) == sorted([((), ()), *((c, c) for c in flipped), *(((), c) for c in flipped)])


@pytest.mark.parametrize("unit", UNITS)
def test_a_card_in_another_unit_changes_its_errors_only(flips, digits, classifier, unit):
    card = scorecard(flips, digits[:100], classifier=classifier)
    frame, other = card.to_frame(), card.in_unit(unit).to_frame()
    errors = [name for name in frame if name.startswith(("reconstruct", "apply", "compose", "undo"))]
    assert np.allclose(other[errors], in_unit(frame[errors].to_numpy(), unit, 64))
    assert other.drop(columns=errors).equals(frame.drop(columns=errors))
    assert UNITS[unit].heading in str(card.in_unit(unit))
    assert card.in_unit(unit).in_unit("image").to_frame().equals(frame)


@pytest.mark.parametrize("unit", UNITS)
def test_five_models_print_within_120_columns(unit):
    table, errors = ErrorTable(()), ("reconstruct", "apply", "compose", "undo")
    laws = dict.fromkeys(("equivariance", "commutator", "image_commutator"), 1.234)
    laws |= {
        "r2_reconstruct": 0.831,
        "r2_apply": -0.123,
        "gap": 10.3,
        "order_defect": 23.4,
        "orthogonality_defect": 1e3,
        "condition_number": 2e6,
    }
    values = dict.fromkeys(errors, 109.52) | laws | {"label_survival": 0.581}
    intervals = {name: np.array([106.1, 112.3]) for name in errors}
    rows = [ScoreRow(f"{k} joint, exact representation", values, intervals, table) for k in range(5)]
    rows.append(ScoreRow("a", {"reconstruct": 0.5, "gap": np.inf}, {"reconstruct": np.array([0.4, 0.6])}, table))
    lines = str(Scorecard(tuple(rows), 10_000, 784, 20, unit)).splitlines()
    assert max(map(len, lines)) <= 120
    assert len({len(line) for line in lines[2:]}) == 1
    assert lines[5].startswith("0 joint")
    assert lines[-1].split()[2:] == ["-"] * 5 + ["inf"] + ["-"] * 7


@pytest.mark.slow
def test_every_kind_of_model_has_its_row(digits, labels, classifier):
    quick = VAE(latent_dim=8, hidden_channels=(4, 8), max_iter=1, kl_weight=0.01, random_state=0)
    joint = LatentAugmenter(FLIPS, quick, random_state=0).fit(digits[:200])
    models = {
        "joint": joint,
        "conditional": ConditionalVAE(FLIPS, quick, random_state=0).fit(digits[:200]),
        "head": TransferHead(joint, [shear_x, flip_ud], autoencoder=quick, random_state=0).fit(digits[:200]),
        "nonlinear": LatentAugmenter(FLIPS, quick, method="staged", geometry="nonlinear", random_state=0).fit(
            digits[:200]
        ),
        "VAE": quick.fit(digits[:200]),
    }
    card = scorecard(models, digits[700:], labels[700:], X_train=digits[:200], classifier=classifier, n_steps=3)
    missing = card.to_frame().isna()
    assert list(missing.index) == [*models, "do nothing", "PCA(8)"]
    assert not missing.loc[["joint", "PCA(8)"]].any(axis=None)
    assert not missing.loc["head"].drop("order_defect").any()
    assert missing.loc["VAE"].tolist() == ["reconstruct" not in name for name in missing]
    maps = ["commutator", "order_defect", "orthogonality_defect", "condition_number"]
    assert missing.loc["conditional"][missing.loc["conditional"]].index.tolist() == maps
    assert missing.loc["nonlinear", ["undo", *maps]].all()
    assert max(map(len, str(card).splitlines())) <= 120
    curve = recursion_curve(joint, digits[700:], "flip_lr", [4], y=labels[700:], classifier=classifier)
    assert card.rows[0].values["label_survival"] == curve.survival[0]


def test_without_augmentations_pca_only_reconstructs(digits):
    vae = VAE(latent_dim=4, hidden_channels=(4,), max_iter=1, random_state=0).fit(digits[:100])
    row = scorecard(vae, digits[700:], X_train=digits[:700]).to_frame().loc["PCA(4)"]
    pca, rows = PCA(4).fit(digits[:700].reshape(700, -1)), digits[700:].reshape(300, -1)
    expected = np.clip(pca.inverse_transform(pca.transform(rows)), 0, 1)
    assert row["reconstruct"] == pytest.approx(squared_error(rows, expected).mean(), rel=1e-4)
    assert row["r2_reconstruct"] == pytest.approx(1 - row["reconstruct"] / rows.var(0).sum())
    assert row.drop([name for name in row.index if "reconstruct" in name]).isna().all()


def test_measuring_draws_from_no_global_generator(flips, digits, classifier, global_generators):
    card = scorecard(flips, digits[:60], X_train=digits[:200], classifier=classifier)
    again = scorecard(flips, digits[:60], X_train=digits[:200], classifier=classifier)
    assert card.to_frame().equals(again.to_frame())


def _fails(flips, digits, labels, classifier):
    X, flat = digits[:20], PCA(4).fit(digits[:20].reshape(20, -1))
    pairs = LatentAugmenter(["mirror"], PCA(4), method="staged").fit(X, views={"mirror": flip_lr(X)})
    return {
        "Unknown unit 'mse'. Allowed: image, pixel, paper.": lambda: in_unit(1.0, "mse", 64),
        "n_pixels must be an integer of at least 1.": lambda: in_unit(1.0, "pixel", 0),
        "Unknown unit 'PAPER'.": lambda: scorecard(flips, X).in_unit("PAPER"),
        "at least one fitted model": lambda: scorecard({}, X),
        "models must be of LatentAugmenter": lambda: scorecard({"a": flips, "b": flat}, X),
        "fitted on images of shape": lambda: scorecard({"a": flips, "b": pairs}, np.zeros((3, 9, 9))),
        "n_steps must be an integer of at least 1": lambda: scorecard(flips, X, n_steps=0),
        "Labels y need a fitted classifier": lambda: scorecard(flips, X, labels[:20]),
        "The row 'do nothing' is the scorecard's own": lambda: scorecard({"do nothing": flips}, X),
        "one label an image, 20. Got shape (19,)": lambda: recursion_curve(
            flips, X, "flip_lr", y=labels[:19], classifier=classifier
        ),
        "multiples of 2, the order of flip_lr. Got 3.": lambda: recursion_curve(flips, X, "flip_lr", [2, 3]),
        "steps must be an integer of at least 1": lambda: recursion_curve(flips, X, "flip_lr", [0]),
        "steps must hold at least one": lambda: recursion_curve(flips, X, "flip_lr", []),
        "Unknown augmentation 'mirror'. Fitted on: flip_lr, flip_ud.": lambda: recursion_curve(flips, X, "mirror"),
        "Got 'mirror', known by pairs only.": lambda: recursion_curve(pairs, X, "mirror"),
        "Unknown augmentation 'turn'.": lambda: carry_matrix(flips, X, [(), ("turn",)]),
        "Unknown augmentation 'spin'.": lambda: error_table(flips, X, ["spin"]),
        "model must have latent maps, as a LatentAugmenter has. Got PCA": lambda: error_table(flat, X),
        "LatentAugmenter has. Got <class": lambda: carry_matrix(LatentAugmenter, X),
        "not fitted yet": lambda: recursion_curve(LatentAugmenter(FLIPS), X, "flip_lr"),
        "level must be a number above 0 and below 1": lambda: confidence_interval([1.0], 1),
        "n_resamples must be an integer": lambda: confidence_interval([1.0], n_resamples=0),
        "Got (0,).": lambda: confidence_interval([]),
        "order must be an integer": lambda: order_defect(np.eye(2), 0),
        "L must be a matrix of shape (d, d). Got (2, 3).": lambda: orthogonality_defect(np.ones((2, 3))),
        "B must be a matrix": lambda: commutator_defect(np.eye(2), np.ones(2)),
    }


def test_bad_input_is_refused_in_one_line(flips, digits, labels, classifier):
    for words, call in _fails(flips, digits, labels, classifier).items():
        with pytest.raises((ValueError, TypeError)) as raised:
            call()
        assert words in str(raised.value)
        assert "\n" not in str(raised.value)
