"""What a chart or a table draws belongs to the data beside it: places, colours, names and intervals."""

import re
from types import SimpleNamespace

import matplotlib as mpl

mpl.use("Agg")

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from sklearn.decomposition import PCA

from latentaug import VAE, ConditionalVAE, LatentAugmenter, TransferHead
from latentaug.augs import edge_detect, flip_lr, flip_ud, rotate_cw
from latentaug.augs.steps import repeated
from latentaug.displays import (
    SPACES,
    AlgebraDisplay,
    LossDisplay,
    ProjectionDisplay,
    RecursionDisplay,
    TransferMatrixDisplay,
)
from latentaug.metrics import default_classifier, recursion_curve


def axes():
    return Figure().subplots()


def legend_colours(legend):
    """Colour beside each name in a legend."""
    colours = [getattr(handle, "get_facecolor", lambda h=handle: h.get_color())() for handle in legend.legend_handles]
    return {
        text.get_text(): to_rgba(np.ravel(colour)[:3] if np.ndim(colour) else colour)
        for text, colour in zip(legend.get_texts(), colours, strict=True)
    }


@pytest.fixture(scope="module", name="X")
def some_digits(digits):
    return digits[300:340]


# Curves


def curve(steps, error, survival=None, **intervals):
    return SimpleNamespace(steps=steps, error=error, survival=survival, **intervals)


CURVES = {
    "a": curve([2, 5], [7.0, 8.0], [0.9, 0.5], error_interval=[[6.0, 7.5], [9.0, 11.0]]),
    "b": curve([2, 5, 9], [3.0, 2.0, 1.0]),
    "c": curve(
        [5, 9],
        [4.0, 6.0],
        [0.8, 0.7],
        error_interval=[[3.5, 5.0], [4.5, 8.0]],
        survival_interval=[[0.6, 0.5], [0.85, 0.9]],
    ),
}


def expected_curves(quantity, factor):
    """Points, and lower and upper ends of the shades, of every curve that has them."""
    lines, shades = {}, {}
    for label, one in CURVES.items():
        if (values := getattr(one, quantity)) is not None:
            lines[label] = [(step, factor * value) for step, value in zip(one.steps, values, strict=True)]
        if (interval := getattr(one, f"{quantity}_interval", None)) is not None:
            shades[label] = {
                (s, round(factor * end, 6)) for ends in interval for s, end in zip(one.steps, ends, strict=True)
            }
    return lines, shades


@pytest.mark.parametrize(("panel", "quantity", "factor"), [(0, "error", 1), (1, "survival", 100)])
def test_a_curve_its_interval_and_its_name_have_one_colour(panel, quantity, factor):
    display = RecursionDisplay(CURVES, raw_survival=[0.99, 0.98], name="turn").plot(Figure())
    named, ax = legend_colours(display.figure_.legends[0]), display.axes_[panel]
    lines, shades = expected_curves(quantity, factor)
    assert len({named[label] for label in CURVES}) == 3
    lines_drawn = {line.get_label(): line for line in ax.get_lines()}
    raw = lines_drawn.pop("without a model", None)
    assert lines_drawn.keys() == lines.keys()
    for label, line in lines_drawn.items():
        assert np.allclose(line.get_xydata(), lines[label])
        assert to_rgba(line.get_color()) == named[label]
    assert (raw is not None) == (quantity == "survival")
    if raw:
        assert np.allclose(raw.get_xydata(), [(2, 99), (5, 98)])
        assert to_rgba(raw.get_color()) == named["without a model"]
    shades_drawn = {tuple(shade.get_facecolor()[0][:3]): shade.get_paths()[0].vertices for shade in ax.collections}
    assert shades_drawn.keys() == {named[label][:3] for label in shades}
    for label, corners in shades.items():
        assert {(x, round(y, 6)) for x, y in shades_drawn[named[label][:3]]} == corners
    assert ax.get_xlabel() == "times turn, each through images"
    assert {"error": "squared error", "survival": "labels"}[quantity] in ax.get_ylabel()


def test_the_curves_are_each_model_s_own(d4, coarse_d4, X):
    judge = default_classifier(X, np.arange(len(X)) % 4)
    models = {"good": d4, "coarse": coarse_d4}
    display = RecursionDisplay.from_estimator(models, X, "flip_lr", [2, 4], classifier=judge, figure=Figure())
    for label, one in models.items():
        expected = recursion_curve(one, X, "flip_lr", [2, 4], classifier=judge)
        assert np.allclose(display.curves[label].error, expected.error)
        assert np.allclose(display.curves[label].survival, expected.survival)
    assert np.array_equal(display.raw_survival, expected.raw_survival)
    assert "flip_lr" in display.axes_[0].get_xlabel()


@given(st.integers(1, 40), st.booleans())
def test_a_loss_stands_above_its_pass_the_first_being_one(n, held_out):
    loss = 50 * 0.9 ** np.arange(n)
    expected = {"training images": loss} | ({"held-out images": loss[::-1] + 1} if held_out else {})
    ax = LossDisplay(*expected.values()).plot(axes()).ax_
    lines = {line.get_label(): line.get_xydata() for line in ax.get_lines()}
    assert lines.keys() == expected.keys()
    for label, values in expected.items():
        assert np.allclose(lines[label], np.column_stack([np.arange(1, n + 1), values]))
    if held_out:
        colours = {line.get_label(): to_rgba(line.get_color()) for line in ax.get_lines()}
        assert legend_colours(ax.get_legend()) == colours


QUICK = VAE(
    latent_dim=4, hidden_channels=(2,), reconstruction_loss="l1", max_iter=3, random_state=0, early_stopping=True
)
TRAINED = {
    "VAE": (lambda X: QUICK.fit(X), lambda model: model),
    "augmenter": (lambda X: LatentAugmenter(["flip_lr"], QUICK).fit(X), lambda model: model.autoencoder_),
    "conditional": (lambda X: ConditionalVAE(["flip_lr"], QUICK).fit(X), lambda model: model.autoencoders_[()]),
    "head": (
        lambda X: TransferHead(
            LatentAugmenter(["flip_lr"], PCA(4), method="staged"), ["flip_ud"], autoencoder=QUICK
        ).fit(X),
        lambda model: model.autoencoder_,
    ),
}


@pytest.mark.parametrize("kind", TRAINED)
@pytest.mark.filterwarnings("ignore:The held-out loss was still falling")
def test_a_loss_is_that_of_the_autoencoder_inside(kind, X):
    fit, inside = TRAINED[kind]
    fitted = fit(X)
    display, trained = LossDisplay.from_estimator(fitted, ax=axes()), inside(fitted)
    assert len(set(trained.loss_curve_)) == 3
    assert np.array_equal(display.loss_curve, trained.loss_curve_)
    assert np.array_equal(display.validation_curve, trained.validation_curve_)
    assert len(display.ax_.get_lines()) == 1 + bool(len(trained.validation_curve_))
    assert display.ax_.get_ylabel().startswith("absolute error summed over pixels")


# Points

GROUPS = {
    "views": ["original", "flip_lr", "a then b"],
    "labels": [3, 0, 7],
    "many": [f"view {k}" for k in range(14)],
}


@pytest.mark.parametrize("case", GROUPS)
def test_a_point_has_the_colour_of_its_group(case):
    names = GROUPS[case]
    groups = np.array(names * 5)
    points = np.random.default_rng(0).random((len(groups), 2))
    display = ProjectionDisplay(points, groups, title="Somewhere", axis_names=("x", "y")).plot(axes())
    named, scatter = legend_colours(display.ax_.get_legend()), display.ax_.collections[0]
    assert len(set(named.values())) == len(names)
    group_of = dict(zip(map(tuple, points.tolist()), groups.tolist(), strict=True))
    placed = [tuple(point) for point in scatter.get_offsets().tolist()]
    assert sorted(placed) == sorted(group_of)
    for point, colour in zip(placed, scatter.get_facecolor(), strict=True):
        assert tuple(colour[:3]) == named[str(group_of[point])][:3]
    assert list(named) == [str(name) for name in (sorted(names) if case == "labels" else names)]
    assert (display.ax_.get_title(), display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("Somewhere", "x", "y")


ROWS_IN = {
    "latent": lambda model, images: model.encode(images),
    "image": lambda model, images: images.reshape(len(images), -1),
    "reconstruction": lambda model, images: model.reconstruct(images).reshape(len(images), -1),
}


@pytest.mark.parametrize("labelled", [False, True])
@pytest.mark.parametrize("space", SPACES)
def test_the_points_of_a_group_are_those_of_its_images(space, labelled, d4, X):
    views = {"original": X, "flip_lr": flip_lr(X)}
    y = (np.arange(len(X)) * 7) % 3 if labelled else None
    display = ProjectionDisplay.from_estimator(d4, X, y=y, space=space, compositions=[(), ("flip_lr",)], ax=axes())
    rows = np.concatenate([ROWS_IN[space](d4, images) for images in views.values()])
    groups = np.tile(y, 2) if labelled else np.repeat(list(views), len(X))
    pca = PCA(2).fit(rows)
    projected = pca.transform(rows)
    projected *= np.sign((projected * display.points).sum(axis=0))
    for group in np.unique(groups):
        points = display.points[np.asarray(display.groups) == group]
        assert np.allclose(points, projected[groups == group], atol=1e-3)
    assert display.ax_.get_title() == f"{space.capitalize()} space" + (" by label" if labelled else "")
    shares = [f"PCA {k} ({share:.0%} of the variance)" for k, share in enumerate(pca.explained_variance_ratio_, 1)]
    assert [display.ax_.get_xlabel(), display.ax_.get_ylabel()] == shares


# Tables


def cell_colours(ax):
    image = ax.images[0]
    assert (image.origin, image.get_extent()) == ("upper", [-0.5, ax.get_xlim()[1], ax.get_ylim()[0], -0.5])
    array = np.ma.asarray(image.get_array())
    return array if array.ndim == 3 else image.to_rgba(array)


def labels_of(axis):
    """The label at every place of an axis."""
    return [
        (round(place), label.get_text())
        for place, label in zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=True)
    ]


def test_a_cell_stands_in_its_row_and_column_light_where_it_is_low():
    matrix = np.array([[1.0, 40.0, 22.0], [np.nan, 90.0, 13.0]])
    ax = TransferMatrixDisplay(
        matrix, ["s", "t"], ["u", "v", "w"], title="Costs", unit="% of all",
        reference=[2, 50, 13], reference_label="par",
    ).plot(axes()).ax_  # fmt: skip
    assert labels_of(ax.yaxis) == [(0, "s"), (1, "t")]
    assert labels_of(ax.xaxis) == [(0, "u"), (1, "v"), (2, "w")]
    texts = {text.get_position(): text.get_text() for text in ax.texts}
    assert {(j, i): "\N{EN DASH}" if np.isnan(v) else f"{v:.2f}" for (i, j), v in np.ndenumerate(matrix)} == texts
    assert {text.get_position() for text in ax.texts if text.get_weight() == "bold"} == {(0, 0), (1, 0)}
    light = cell_colours(ax)[..., :3].sum(axis=-1)
    known = ~np.isnan(matrix)
    assert np.array_equal(np.argsort(matrix[known]), np.argsort(-light[known]))
    frames = [patch.get_bbox() for patch in ax.patches if isinstance(patch, Rectangle)]
    middles = {(round((box.x0 + box.x1) / 2, 6), round((box.y0 + box.y1) / 2, 6)) for box in frames}
    assert middles == {(0, 0), (1, 0)}
    assert ax.get_title() == "Costs\n% of all"
    assert ax.get_xlabel() == "to\nframed and bold: below par"
    assert ax.get_ylabel() == "from"


@pytest.mark.parametrize("values", ["error", "gap"])
def test_a_matrix_goes_from_the_row_to_the_column(values, X):
    rough = LatentAugmenter(["edge_detect"], PCA(4), method="staged", random_state=0).fit(X)
    display = TransferMatrixDisplay.from_estimator(rough, X, values=values, ax=axes())
    floors = [((images - rough.reconstruct(images)) ** 2).sum((1, 2)).mean() for images in (X, edge_detect(X))]
    there = ((edge_detect(X) - rough["edge_detect"].transform(X)) ** 2).sum((1, 2)).mean()
    back = ((X - rough["edge_detect"].inverse_transform(edge_detect(X))) ** 2).sum((1, 2)).mean()
    errors = np.array([[floors[0], there], [back, floors[1]]])
    expected = errors if values == "error" else 100 * (errors / floors - 1)
    assert np.allclose(display.matrix, expected, rtol=1e-4, atol=1e-4)
    assert labels_of(display.ax_.yaxis) == labels_of(display.ax_.xaxis) == [(0, "original"), (1, "edge_detect")]
    title, unit = display.ax_.get_title().split("\n")
    assert (title.split()[0], unit.split()[0]) == {"error": ("Error", "squared,"), "gap": ("Gap", "%")}[values]


def shifts(n):
    """Cayley table and elements of the cyclic group of order n."""
    return np.add.outer(np.arange(n), np.arange(n)) % n, [("turn",) * k for k in range(n)]


@pytest.mark.parametrize("n", [2, 5, 13])
def test_a_product_has_the_colour_and_the_name_of_its_element(n):
    table, elements = shifts(n)
    if n == 5:  # that rows and columns are told apart takes a table that is of no commutative group
        table = np.random.default_rng(0).permuted(table, axis=1)
    ax = AlgebraDisplay(table, elements, {"turn": n}).plot(axes()).ax_
    colours, texts = cell_colours(ax), {text.get_position(): text.get_text() for text in ax.texts}
    of_element = {}
    for (i, j), k in np.ndenumerate(table):
        of_element.setdefault(k, (tuple(colours[i, j]), texts[j, i]))
        assert of_element[k] == (tuple(colours[i, j]), texts[j, i])
    assert len({colour for colour, _ in of_element.values()}) == n
    names = ["id", "t", *(f"t{k}".translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")) for k in range(2, n))]
    if n == 13:
        assert [text for _, text in labels_of(ax.yaxis)] == [f"{name} = {k}" for k, name in enumerate(names)]
        names = [f"{k}" for k in range(n)]
    else:
        assert [text for _, text in labels_of(ax.yaxis)] == names
    assert [text for _, text in labels_of(ax.xaxis)] == names
    assert {k: re.sub(r"\s", "", name) for k, (_, name) in of_element.items()} == dict(enumerate(names))


def test_the_algebra_drawn_is_that_of_the_images(d4):
    """The product of two elements, the row first, does the same to an image without symmetry."""
    display = AlgebraDisplay.from_estimator(d4, ax=axes())
    functions = {"rotate_cw": rotate_cw, "flip_lr": flip_lr, "flip_ud": flip_ud}
    image = np.random.default_rng(0).random((1, 5, 5))

    def does(composition):
        images = image
        for name in repeated(composition):
            images = functions[name](images)
        return images

    for i, j in np.ndindex(8, 8):
        product = display.elements[display.cayley_table[i, j]]
        assert np.array_equal(does(product), does(display.elements[i] + display.elements[j]))
    assert np.array_equal(image, does(("rotate_cw",) * display.orders["rotate_cw"]))
