"""Displays: each draws what it stores, on the axes given, in words that can be read."""

import inspect
import re
import sys
from itertools import combinations
from types import SimpleNamespace

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from conftest import image_stacks
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError

from latentaug import VAE, ConditionalVAE, LatentAugmenter, TransferHead
from latentaug.augs import CATALOGUE, flip_lr
from latentaug.displays import (
    PROJECTIONS,
    TASKS,
    VALUES,
    AlgebraDisplay,
    CatalogueDisplay,
    InterpolationDisplay,
    LossDisplay,
    ProjectionDisplay,
    ReconstructionDisplay,
    RecursionDisplay,
    SampleDisplay,
    TrajectoryDisplay,
    TransferMatrixDisplay,
)
from latentaug.metrics.recursion import default_classifier
from latentaug.models.errors import error_table

D4 = ["rotate_cw", "flip_lr"]


def recursion(model, X, **where):
    judge = default_classifier(X, np.arange(len(X)) % 10)
    return RecursionDisplay.from_estimator({"one": model, "two": model}, X, "flip_lr", classifier=judge, **where)


# From a model, images and where to draw to a display; by how they take the last, as `ax` or as `figure`.
ON_AXES = {
    "catalogue": lambda model, X, **where: CatalogueDisplay.from_augs(X, **where),
    "sample": lambda model, X, **where: SampleDisplay.from_estimator(model, 11, random_state=0, **where),
    "interpolation": lambda model, X, **where: InterpolationDisplay.from_estimator(model, X[:3], X[3:6], **where),
    "models": lambda model, X, **where: ReconstructionDisplay.from_estimator({"A": model, "B": model}, X[:3], **where),
    "loss": lambda model, X, **where: LossDisplay.from_estimator(vae(), **where),
    "algebra": lambda model, X, **where: AlgebraDisplay.from_estimator(model, **where),
    "labels": lambda model, X, **where: ProjectionDisplay.from_estimator(model, X, y=np.arange(len(X)) % 12, **where),
}
ON_AXES |= {
    task: lambda model, X, task=task, **where: ReconstructionDisplay.from_estimator(model, X, task=task, **where)
    for task in TASKS
}
ON_AXES |= {
    values: lambda model, X, values=values, **where: TransferMatrixDisplay.from_estimator(
        model, X, values=values, **where
    )
    for values in VALUES
}
ON_AXES |= {
    name: lambda model, X, name=name, **where: ProjectionDisplay.from_estimator(model, X[:4], projection=name, **where)
    for name in PROJECTIONS
}
ON_FIGURES = {
    "trajectory": lambda model, X, **where: TrajectoryDisplay.from_estimator(model, X[:3], "flip_lr", 9, **where),
    "recursion": recursion,
}
EVERY = ON_AXES | ON_FIGURES


@pytest.fixture
def model(d4):
    return d4


@pytest.fixture(scope="module", name="X")
def some_digits(digits):
    return digits[300:340]


_TRAINED = []


def vae():
    """A VAE, trained once for all tests."""
    if not _TRAINED:
        images = np.random.default_rng(0).random((32, 8, 8))
        _TRAINED.append(VAE(latent_dim=2, hidden_channels=(2,), max_iter=3, random_state=0).fit(images))
    return _TRAINED[0]


@pytest.fixture(autouse=True)
def no_figures_left():
    plt.close("all")
    yield
    plt.close("all")


def tick_labels(axis):
    low, high = sorted(axis.get_view_interval())
    ticks = [tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
    labels = [label for tick in ticks for label in (tick.label1, tick.label2)]
    return [label for label in labels if label.get_visible() and label.get_text()]


def assert_legible(figure):
    """Labels beside ticks do not overlap, and no word sticks out of the figure."""
    figure.canvas.draw()
    for axis in (axis for ax in figure.axes if ax.axison for axis in (ax.xaxis, ax.yaxis)):
        boxes = [label.get_window_extent() for label in tick_labels(axis)]
        assert not any(a.overlaps(b) for a, b in combinations(boxes, 2)), axis
    drawn, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert min(drawn.x0, drawn.y0, width - drawn.x1, height - drawn.y1) > -0.01, drawn


@pytest.mark.usefixtures("global_generators")
@pytest.mark.parametrize("case", EVERY)
def test_a_display_stores_what_it_was_made_of_and_can_be_read(case, model, X):
    display = EVERY[case](model, X)
    assert plt.get_fignums() == [display.figure_.number]
    panels = [display.ax_] if case in ON_AXES else list(display.axes_)
    assert set(panels) <= set(display.figure_.axes)
    stored = {name: getattr(display, name) for name in inspect.signature(type(display)).parameters}
    again = type(display)(**stored)
    assert vars(again).keys() == stored.keys()
    assert all(getattr(again, name) is value for name, value in stored.items())
    assert_legible(display.figure_)


@pytest.mark.parametrize("case", ON_AXES)
def test_a_display_of_one_panel_draws_on_the_axes_given(case, model, X):
    figure = Figure()
    axes = figure.subplots(1, 2)
    display = ON_AXES[case](model, X, ax=axes[1])
    assert display.ax_ is axes[1]
    assert display.figure_ is figure
    assert not axes[0].has_data()
    assert plt.get_fignums() == []


@pytest.mark.parametrize("case", ON_FIGURES)
@pytest.mark.parametrize("start", [lambda: Figure(), lambda: Figure().subfigures(1, 2)[1]], ids=["figure", "subfigure"])
def test_a_display_of_two_panels_draws_on_the_figure_given(case, start, model, X):
    figure = start()
    display = ON_FIGURES[case](model, X, figure=figure)
    assert display.figure_ is figure
    assert len(display.axes_) == 2
    assert set(display.axes_) <= set(figure.axes)
    assert plt.get_fignums() == []


def rotations_of_a_cube():
    """Cayley table and elements of the symmetric group of four letters, from a cycle and a swap."""
    moves, elements, compositions = {"rotate_cw": (1, 2, 3, 0), "flip_lr": (1, 0, 2, 3)}, [(0, 1, 2, 3)], [()]
    for element, composition in zip(elements, compositions, strict=False):
        for name, move in moves.items():
            product = tuple(move[i] for i in element)
            if product not in elements:
                elements.append(product)
                compositions.append((*composition, name))
    return [[elements.index(tuple(b[i] for i in a)) for b in elements] for a in elements], compositions


VIEWS = [("rotate_cw",) * k + ("flip_lr", "mini_image")[:j] for k in range(4) for j in range(3)]
LARGE = {
    "24 elements": AlgebraDisplay(*rotations_of_a_cube(), {"rotate_cw": 4, "flip_lr": 2, "shear_x": None}),
    "twelve views": TransferMatrixDisplay(np.eye(12), VIEWS, VIEWS, reference=0.5),
    "one cell": TransferMatrixDisplay(
        [[1.0]],
        ["a"],
        ["a"],
        title="A title that is wider than one cell",
        reference=2,
        reference_label="the error of a model that was trained on the target itself",
    ),
    "24 groups": ProjectionDisplay(np.random.default_rng(0).random((24, 2)), [f"view number {k}" for k in range(24)]),
    "no number": TransferMatrixDisplay([[np.nan, np.nan]], ["a"], ["b", "c"]),
    "infinite": TransferMatrixDisplay([[np.inf, -1e-9]], ["a"], ["b", "c"], decimals=1),
    "one image": ReconstructionDisplay(
        {(): np.eye(3)[None]}, {"a model of a long name, with more": {(): np.eye(3)[None]}}
    ),
    "one row of pixels": SampleDisplay(np.random.default_rng(0).random((5, 1, 64))),
    "wide images": CatalogueDisplay({name: np.zeros((2, 4, 60, 3)) for name in CATALOGUE}),
    "one step": TrajectoryDisplay(np.zeros((1, 2, 2)), np.zeros((1, 2, 4, 4))),
    "nothing survives": RecursionDisplay({"a": SimpleNamespace(steps=[0, 1000], error=[0, 1], survival=None)}),
}


@pytest.mark.parametrize("case", LARGE)
def test_words_can_be_read_at_the_extremes(case):
    display = LARGE[case].plot()
    assert display is LARGE[case]
    assert_legible(display.figure_)


@given(X=image_stacks(min_side=3), colours=st.sampled_from(["gray", "gray_r"]))
def test_every_image_stands_at_its_tick(X, colours):
    mirrored = flip_lr(X)
    columns = [X, X, mirrored, mirrored]
    display = InterpolationDisplay(X, mirrored, np.stack([X, mirrored], axis=1)).plot(Figure().subplots(), cmap=colours)
    canvas, (height, width) = np.asarray(display.ax_.images[0].get_array()), X.shape[1:3]
    for i, y in enumerate(display.ax_.get_yticks()):
        for images, x in zip(columns, display.ax_.get_xticks(), strict=True):
            top, left = round(y - height / 2 + 0.5), round(x - width / 2 + 0.5)
            expected = images[i] / 255 if X.dtype.kind == "u" else images[i]
            if X.shape[3:] != (3,):
                expected = np.reshape(1 - expected if colours == "gray_r" else expected, (height, width, 1))
            atol = 1e-6 if X.shape[3:] == (3,) else 1 / 255  # shades of grey come from a table of 256
            assert np.allclose(canvas[top : top + height, left : left + width], expected, atol=atol)
    assert canvas.shape[0] == round(display.ax_.get_yticks()[-1] + (height + 1) / 2)
    assert display.ax_.get_yticks()[0] == (height - 1) / 2


def test_truth_is_drawn_white():
    ax = SampleDisplay(np.array([[[True, False]]])).plot(Figure().subplots()).ax_
    assert np.asarray(ax.images[0].get_array())[0, :, 0].tolist() == [1, 0]


LAYOUTS = {
    "sample": lambda model, X: SampleDisplay.from_estimator(model, 5, random_state=0).images,
    "interpolation": lambda model, X: InterpolationDisplay.from_estimator(model, X[:2], X[2:4]).lines,
    "trajectory": lambda model, X: TrajectoryDisplay.from_estimator(model, X[:2], "flip_lr", 3).images,
    "apply": lambda model, X: ReconstructionDisplay.from_estimator(model, X).outputs["latent"]["flip_lr",],
    "image space": lambda model, X: ProjectionDisplay.from_estimator(model, X, space="reconstruction").points,
}


@pytest.mark.parametrize("case", LAYOUTS)
@pytest.mark.parametrize(("dtype", "colour"), [(np.uint8, (3,)), (np.float64, ())])
def test_flat_rows_are_drawn_as_the_stack_is(case, dtype, colour):
    stack = np.random.default_rng(0).integers(0, 256, (30, 4, 6, *colour)).astype(np.uint8)
    stack = stack if dtype is np.uint8 else stack / 255
    settings = {"method": "staged", "image_shape": stack.shape[1:], "random_state": 0}
    drawn = []
    for images in (stack, stack.reshape(30, -1)):
        model = LatentAugmenter(["flip_lr"], PCA(8, random_state=0), **settings).fit(images)
        drawn.append(LAYOUTS[case](model, images))
        plt.close("all")
    assert np.allclose(drawn[0], drawn[1], atol=1e-5)
    assert drawn[0].ndim == 2 or drawn[0].shape[-len(stack.shape[1:]) :] == stack.shape[1:]


def test_flat_rows_of_a_catalogue_need_their_shape(X):
    stack, rows = CatalogueDisplay.from_augs(X), CatalogueDisplay.from_augs(X.reshape(len(X), -1), image_shape=(8, 8))
    assert list(stack.views) == ["original", *CATALOGUE]
    assert all(np.array_equal(stack.views[name], rows.views[name]) for name in stack.views)
    assert list(CatalogueDisplay.from_augs(X[:, :5]).views) == [
        "original",
        *(set_of_shape := [name for name, aug in CATALOGUE.items() if aug(X[:, :5]).shape == X[:, :5].shape]),
    ]
    assert 0 < len(set_of_shape) < len(CATALOGUE)


@pytest.mark.parametrize("task", TASKS)
def test_the_errors_beside_the_rows_are_those_of_the_error_table(task, model, X):
    compositions = [("flip_lr",), ("rotate_cw", "flip_lr")]
    display = ReconstructionDisplay.from_estimator({"A": model, "B": model}, X, compositions, task=task, n_images=5)
    rows = {row.composition: row for row in error_table(model, X[:5], compositions) if row.task == task}
    labels = [label.get_text() for label in display.ax_.get_yticklabels()]
    expected = [f"{name}\nerror {rows[c].error:.2f}" for c in compositions for name in "AB"]
    assert [label for label in labels if "error" in label] == expected
    views = {"apply": ["original", "flip_lr", "rotate_cw\nthen flip_lr"]}
    views["undo"] = ["flip_lr", "original", "rotate_cw then flip_lr", "original"]
    assert [" ".join(label.split()) for label in labels if "error" not in label] == [
        " ".join(label.split()) for label in views[task]
    ]


def test_repetitions_are_counted_in_a_label(model, X):
    display = ReconstructionDisplay.from_estimator(model, X, [("rotate_cw", "rotate_cw", "flip_lr"), ()], n_images=2)
    labels = [" ".join(label.get_text().split()) for label in display.ax_.get_yticklabels()]
    assert labels[1] == "rotate_cw^2 then flip_lr"
    assert labels[0] == labels[3] == "original"


def test_a_model_is_compared_on_what_every_model_knows(X):
    models = {
        names: LatentAugmenter(names.split(), PCA(8), method="staged", geometry="free").fit(X)
        for names in ("flip_lr", "flip_lr flip_ud")
    }
    assert list(ReconstructionDisplay.from_estimator(models, X).outputs["flip_lr flip_ud"]) == [("flip_lr",)]


def test_a_matrix_shows_no_difference_where_it_prints_none():
    ax = TransferMatrixDisplay([[24.151, 24.149], [24.15, 24.152]], ["a", "b"], ["a", "b"]).plot().ax_
    assert len({text.get_text() for text in ax.texts}) == 1
    assert len(np.unique(ax.images[0].to_rgba(ax.images[0].get_array()).reshape(-1, 4), axis=0)) == 1
    almost = TransferMatrixDisplay([[24.15, 24.16]], ["a"], ["a", "b"]).plot().ax_
    assert [text.get_color() for text in almost.texts] == ["k", "k"]


def test_numbers_on_dark_cells_are_white():
    ax = TransferMatrixDisplay([[0.0, 100.0]], ["a"], ["a", "b"]).plot().ax_
    assert [text.get_color() for text in ax.texts] == ["k", "w"]


@pytest.mark.parametrize("n_points", [500, 1000, 2000])
@pytest.mark.parametrize("draw", ["standard_normal", "random", "standard_exponential"])
def test_independent_components_come_without_a_warning(n_points, draw):
    rows = getattr(np.random.default_rng(0), draw)((n_points, 16))
    rows[:, 0] = 0  # as a pixel at the corner, which confuses the whitening of FastICA
    points = PROJECTIONS["ica"](n_points, 0).fit_transform(rows)
    assert np.allclose(np.cov(points.T), np.eye(2), atol=0.01)


@pytest.mark.parametrize("projection", PROJECTIONS)
@pytest.mark.parametrize("n_images", [1, 9])
def test_a_projection_takes_few_points_and_follows_its_seed(projection, n_images, model, digits):
    first, again = (
        ProjectionDisplay.from_estimator(model, digits[:n_images], projection=projection, random_state=3).points
        for _ in range(2)
    )
    assert first.shape == (8 * n_images, 2)
    assert np.isfinite(first).all()
    assert np.array_equal(first, again)


def test_an_algebra_writes_the_product_into_each_cell(model):
    display = AlgebraDisplay.from_estimator(model)
    names = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert len(set(names)) == 8
    assert names[:3] == ["id", "rc", "fl"]
    cells = {text.get_position(): text.get_text() for text in display.ax_.texts}
    algebra = model.algebra_
    for i, j in np.ndindex(8, 8):
        product = algebra.element(algebra.elements[i] + algebra.elements[j])
        assert cells[j, i] == names[product]
    assert display.ax_.get_xlabel() == "rc: rotate_cw, order 4\nfl: flip_lr, order 2"


def test_augmentations_of_the_same_initials_get_letters_of_their_own():
    display = AlgebraDisplay([[0, 1], [1, 0]], [(), ("turn_up",)], {"turn_up": 2, "twist_up": None}).plot()
    assert [label.get_text() for label in display.ax_.get_xticklabels()] == ["id", "a"]
    assert display.ax_.get_xlabel() == "a: turn_up, order 2\nb: twist_up, no finite order"


def test_an_algebra_without_a_group_says_so(X):
    model = LatentAugmenter(["shear_x", "canny"], PCA(4), method="staged").fit(X)
    (text,) = AlgebraDisplay.from_estimator(model).ax_.texts
    assert text.get_text().startswith("No augmentation generates a finite group")
    assert "canny, no finite order" in text.get_text()


def test_a_recursion_shows_labels_in_percent_where_there_are_any():
    curves = {
        "with labels": SimpleNamespace(steps=[2, 20], error=[7.0, 8.0], survival=[0.9, 0.5]),
        "without": SimpleNamespace(steps=[2, 20], error=[7.0, 30.0], survival=None),
    }
    display = RecursionDisplay(curves, raw_survival=0.95, name="flip_lr").plot(log_x=True)
    assert [ax.get_xscale() for ax in display.axes_] == ["log", "log"]
    errors, labels = (ax.get_lines() for ax in display.axes_)
    assert [list(line.get_ydata()) for line in errors] == [[7, 8], [7, 30]]
    assert [list(line.get_ydata()) for line in labels] == [[90, 50], [95, 95]]
    assert labels[1].get_linestyle() == "--"
    assert display.axes_[1].get_ylim() == (0, 102)
    assert_legible(display.figure_)
    assert {"2", "5", "10", "20"} <= {label.get_text() for label in tick_labels(display.axes_[1].xaxis)}
    (legend,) = display.figure_.legends
    assert [text.get_text() for text in legend.get_texts()] == ["with labels", "without", "without a model"]
    del curves["with labels"]
    assert len(RecursionDisplay(curves).plot().axes_) == 1


QUICK = VAE(latent_dim=4, hidden_channels=(2,), max_iter=1, random_state=0)
KINDS = {
    "augmenter": lambda X: LatentAugmenter(["flip_lr", "flip_ud"], QUICK, method="staged").fit(X),
    "nonlinear": lambda X: LatentAugmenter(["flip_lr", "flip_ud"], PCA(4), method="staged", geometry="nonlinear").fit(
        X
    ),
    "conditional": lambda X: ConditionalVAE(["flip_lr", "flip_ud"], QUICK).fit(X),
    "head": lambda X: TransferHead(
        LatentAugmenter(D4, PCA(4), method="staged", geometry="free"), ["flip_lr", "flip_ud"], autoencoder=QUICK
    ).fit(X),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_model_is_drawn(kind, X):
    model = KINDS[kind](X)
    for case in ["apply", "pca", "sample", "interpolation", "algebra", "trajectory"]:
        assert EVERY[case](model, X).figure_.axes
    if model.is_invertible:
        assert list(EVERY["undo"](model, X).outputs["latent"]) == model.compositions_[1:]
    else:
        assert np.isnan(EVERY["gap"](model, X).matrix).any()
        with pytest.raises(ValueError, match="nonlinear"):
            EVERY["undo"](model, X)


WRONG = {
    "no model": (lambda m, X: AlgebraDisplay.from_estimator(PCA(2).fit(X[:, 0])), TypeError, "latent maps.* Got PCA"),
    "unfitted": (lambda m, X: SampleDisplay.from_estimator(LatentAugmenter(D4)), NotFittedError, "not fitted"),
    "no loss": (lambda m, X: LossDisplay.from_estimator(m), TypeError, "loss curve.* Got LatentAugmenter"),
    "axes": (lambda m, X: AlgebraDisplay.from_estimator(m, ax=Figure()), TypeError, "Axes. Got Figure"),
    "figure": (
        lambda m, X: TrajectoryDisplay.from_estimator(m, X[:1], "flip_lr", figure=3),
        TypeError,
        "Figure.* Got int",
    ),
    "task": (
        lambda m, X: ReconstructionDisplay.from_estimator(m, X, task="do"),
        ValueError,
        "task 'do'. Allowed: apply",
    ),
    "n_images": (lambda m, X: ReconstructionDisplay.from_estimator(m, X, n_images=0), ValueError, "n_images.* Got 0"),
    "name": (lambda m, X: ReconstructionDisplay.from_estimator(m, X, ["flip_ud"]), ValueError, "'flip_ud'.* rotate_cw"),
    "composition": (lambda m, X: ReconstructionDisplay.from_estimator(m, X, [3]), TypeError, "composition.* Got 3"),
    "no composition": (lambda m, X: ReconstructionDisplay({}, {}).plot(), ValueError, "no composition to show"),
    "no view": (lambda m, X: ReconstructionDisplay({}, {"a": {("b",): X}}).plot(), ValueError, "views must hold"),
    "shape": (lambda m, X: ReconstructionDisplay.from_estimator(m, X[:, 1:]), ValueError, r"\(8, 8\). Got \(7, 8\)"),
    "shapes": (lambda m, X: CatalogueDisplay({"a": X, "b": X[:, 1:]}).plot(), ValueError, "of one shape"),
    "no images": (lambda m, X: SampleDisplay(np.zeros(3)).plot(), ValueError, r"\(n, H, W\)"),
    "augmentation": (lambda m, X: CatalogueDisplay.from_augs(X, ["turn"]), ValueError, "'turn'"),
    "columns": (lambda m, X: SampleDisplay(X, n_columns=0).plot(), ValueError, "n_columns.* Got 0"),
    "ends": (lambda m, X: InterpolationDisplay.from_estimator(m, X[:2], X[:3]), ValueError, "as many images"),
    "five paths": (lambda m, X: TrajectoryDisplay.from_estimator(m, X[:5], "flip_lr"), ValueError, "1 to 4.* Got 5"),
    "n_steps": (lambda m, X: TrajectoryDisplay.from_estimator(m, X[:1], "flip_lr", 0), ValueError, "n_steps.* Got 0"),
    "no curves": (lambda m, X: RecursionDisplay({}).plot(), ValueError, "at least one curve"),
    "values": (lambda m, X: TransferMatrixDisplay.from_estimator(m, X, values="x"), ValueError, "values 'x'"),
    "matrix": (lambda m, X: TransferMatrixDisplay([[1]], ["a", "b"], ["c"]).plot(), ValueError, r"Got shape \(1, 1\)"),
    "reference": (
        lambda m, X: TransferMatrixDisplay([[1, 2]], ["a"], ["b", "c"], reference=[1, 2, 3]).plot(),
        ValueError,
        r"broadcast.* Got shape \(3,\)",
    ),
    "space": (lambda m, X: ProjectionDisplay.from_estimator(m, X, space="x"), ValueError, "space 'x'. Allowed: latent"),
    "projection": (lambda m, X: ProjectionDisplay.from_estimator(m, X, projection="x"), ValueError, "projection 'x'"),
    "labels": (lambda m, X: ProjectionDisplay.from_estimator(m, X, y=[1]), ValueError, "inconsistent"),
    "groups": (lambda m, X: ProjectionDisplay.from_estimator(m, X, y=np.arange(40)), ValueError, "24 groups.* Got 40"),
    "one point": (lambda m, X: ProjectionDisplay.from_estimator(m, X[:1], compositions=[()]), ValueError, "4 points"),
    "table": (
        lambda m, X: AlgebraDisplay([[0]], [(), ("a",)], {"a": 2}).plot(),
        ValueError,
        r"\(2, 2\).* Got \(1, 1\)",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_bad_input_is_refused_in_one_line(case, model, X):
    call, error, message = WRONG[case]
    with pytest.raises(error, match=message) as raised:
        call(model, X)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("case", LARGE)
def test_without_matplotlib_a_line_says_what_to_install(case, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=re.escape("pip install latentaug[plots]")) as raised:
        LARGE[case].plot()
    assert "\n" not in str(raised.value)
