"""Errors in their units, and the table of them."""

import numpy as np
import pytest
from conftest import IdentityAutoencoder, image_stacks
from hypothesis import given
from sklearn.decomposition import PCA

from latentaug import LatentAugmenter
from latentaug.augs import flip_lr, flip_ud
from latentaug.metrics import ErrorRow, ErrorTable, error_table, squared_error


@given(X=image_stacks())
def test_the_squared_error_is_summed_over_an_image(X):
    assert np.array_equal(squared_error(X, X), np.zeros(len(X)))
    X_hat = X[::-1]
    expected = ((X.astype(float) - X_hat) ** 2).reshape(len(X), -1).sum(axis=1)
    assert np.allclose(squared_error(X, X_hat), expected)


@pytest.mark.parametrize(("error", "floor", "gap"), [(3, 2, 0.5), (1, 2, -0.5), (0, 0, 0), (1, 0, np.inf)])
def test_a_gap_is_the_share_above_the_floor(error, floor, gap):
    assert ErrorRow("apply", ("flip_lr",), error, floor).gap == gap


def test_the_table_of_an_exact_model_is_zero():
    X = np.random.default_rng(0).random((40, 3, 3))
    table = error_table(LatentAugmenter([flip_lr, flip_ud], IdentityAutoencoder(), method="staged").fit(X), X)
    assert all(row.error < 1e-9 for row in table)
    assert [row.task for row in table] == ["reconstruct"] + ["apply"] * 4 + ["undo"] * 4


def test_errors_are_those_of_the_verbs_whatever_the_layout_and_dtype(digits):
    pixels = np.rint(digits * 255).astype(np.uint8)
    augmenter = LatentAugmenter([flip_lr, flip_ud], PCA(8), method="staged").fit(pixels)
    rows = {(row.task, row.composition): row for row in error_table(augmenter, pixels)}
    unit = pixels / 255
    floor = squared_error(unit, augmenter.reconstruct(pixels)).mean()
    applied = squared_error(flip_lr(unit), augmenter["flip_lr"].transform(pixels)).mean()
    both = flip_ud(flip_lr(pixels))
    undone = squared_error(unit, augmenter.compose("flip_lr", "flip_ud").inverse_transform(both)).mean()
    assert rows["reconstruct", ()].error == pytest.approx(floor)
    assert rows["apply", ("flip_lr",)].error == pytest.approx(applied)
    assert rows["undo", ("flip_lr", "flip_ud")].error == pytest.approx(undone)
    assert rows["undo", ("flip_lr", "flip_ud")].floor == pytest.approx(floor)


def test_the_table_prints_a_line_a_row():
    rows = ErrorRow("reconstruct", (), 2, 2), ErrorRow("apply", ("a", "b"), 3, 2), ErrorRow("undo", ("a",), 2.5, 2)
    printed = str(ErrorTable(rows)).splitlines()
    assert len(printed) == 5
    assert printed[3].split() == ["a", "then", "b", "3.00", "2.00", "+50.0%"]
    assert ErrorTable(rows).worst_gap() == 0.5
    assert ErrorTable(rows).worst_gap("undo") == 0.25
