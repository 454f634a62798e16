"""What is drawn of images belongs to the data beside it: each stands in its row, under its title, in its order."""

from itertools import groupby

import matplotlib as mpl

mpl.use("Agg")

import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.decomposition import PCA

from latentaug.augs import CATALOGUE, flip_lr, rotate_cw
from latentaug.displays import (
    CatalogueDisplay,
    InterpolationDisplay,
    ReconstructionDisplay,
    SampleDisplay,
    TrajectoryDisplay,
)

WHITE = 255


def axes():
    return Figure().subplots()


def shaded(*levels):
    """Small images of one shade each, none of them square."""
    return np.array(levels, dtype=np.uint8).reshape(-1, 1, 1).repeat(3, axis=1).repeat(4, axis=2)


def shades_of(ax):
    """The shades of a grid (H, W), 0 to 255."""
    return np.rint(255 * np.asarray(ax.images[0].get_array())[..., 0]).astype(int)


def drawn(ax):
    """Label and shades of each row of images of one shade, from left to right."""
    rows = shades_of(ax)[np.rint(ax.get_yticks()).astype(int)]
    labels = [" ".join(label.get_text().split()) for label in ax.get_yticklabels()]
    shades = ([shade for shade, _ in groupby(row.tolist()) if shade != WHITE] for row in rows)
    return list(zip(labels, shades, strict=True))


def under_titles(ax):
    """Title and shades of each column that has one, from the top."""
    canvas, rows = shades_of(ax), np.rint(ax.get_yticks()).astype(int)
    columns = zip(ax.get_xticklabels(), np.rint(ax.get_xticks()).astype(int), strict=True)
    return [(label.get_text(), canvas[rows, x].tolist()) for label, x in columns]


@pytest.fixture(scope="module", name="X")
def some_digits(digits):
    return digits[300:340]


# Grids of images


@pytest.mark.parametrize(("n", "n_columns"), [(1, 8), (7, 3), (8, 4), (5, 1), (3, 8)])
def test_samples_are_read_line_by_line(n, n_columns):
    display = SampleDisplay(shaded(*range(n)), n_columns=n_columns, title="Some").plot(axes())
    lines = [list(range(n))[start : start + n_columns] for start in range(0, n, n_columns)]
    assert drawn(display.ax_) == [("", line) for line in lines]
    assert display.ax_.get_title() == "Some"


@pytest.mark.parametrize("source", ["prior", "box"])
@pytest.mark.parametrize("apply", [(), "flip_lr", ("rotate_cw", "flip_lr")])
def test_samples_are_those_of_the_model_and_the_title_says_which(apply, source, d4):
    request = {"apply": apply, "source": source, "random_state": 3}
    display = SampleDisplay.from_estimator(d4, 5, **request, n_columns=2, ax=axes())
    assert np.array_equal(display.images, d4.sample(5, **request))
    assert len(drawn(display.ax_)) == 3
    said = {(): "", "flip_lr": ": flip_lr", ("rotate_cw", "flip_lr"): ": rotate_cw then flip_lr"}[apply]
    assert " ".join(display.ax_.get_title().split()) == f"Samples of the {source}{said}"


def test_a_catalogue_has_each_name_beside_its_images(X):
    views = {"original": shaded(1, 2), "a": shaded(3, 4), "b": shaded(5, 6)}
    assert drawn(CatalogueDisplay(views).plot(axes()).ax_) == [("original", [1, 2]), ("a", [3, 4]), ("b", [5, 6])]
    display = CatalogueDisplay.from_augs(X, n_images=3, ax=axes())
    assert list(display.views) == ["original", *CATALOGUE]
    for name, images in display.views.items():
        assert np.allclose(images, X[:3] if name == "original" else CATALOGUE[name](X[:3])), name


def test_an_interpolation_runs_from_a_to_b_between_the_real_ones():
    lines = np.stack([shaded(10, 11, 12), shaded(20, 21, 22)])
    ax = InterpolationDisplay(shaded(1, 2), shaded(3, 4), lines).plot(axes()).ax_
    assert [row for _, row in drawn(ax)] == [[1, 10, 11, 12, 3], [2, 20, 21, 22, 4]]
    expected = {"real": [1, 2], "0 %": [10, 20], "50 %": [11, 21], "100 %": [12, 22]}
    assert under_titles(ax) == [*expected.items(), ("real", [3, 4])]
    gaps = np.diff(ax.get_xticks())
    assert gaps[0] == gaps[-1] > gaps[1] == gaps[2]


def test_under_each_share_stands_that_mixture_of_the_latents(d4, X):
    A, B = X[:2], X[5:7]
    display = InterpolationDisplay.from_estimator(d4, A, B, 5, ax=axes())
    assert np.allclose([display.A, display.B], [A, B])
    shares = [int(title.split()[0]) / 100 for title, _ in under_titles(display.ax_)[1:-1]]
    Z_a, Z_b = d4.encode(A), d4.encode(B)
    for k, share in enumerate(shares):
        assert np.allclose(display.lines[:, k], d4.decode((1 - share) * Z_a + share * Z_b), atol=1e-5)


VIEWS = {(): shaded(1, 2), ("a",): shaded(3, 4), ("a", "b"): shaded(5, 6)}
OUTPUTS = {
    "one": {("a",): shaded(13, 14), ("a", "b"): shaded(15, 16)},
    "two": {("a",): shaded(23, 24)},
}
ROWS = {
    "apply": [("original", [1, 2]), ("a", [3, 4]), ("one", [13, 14]), ("two", [23, 24]), ("a then b", [5, 6]),
              ("one", [15, 16])],
    "undo": [("a", [3, 4]), ("original", [1, 2]), ("one", [13, 14]), ("two", [23, 24]), ("a then b", [5, 6]),
             ("original", [1, 2]), ("one", [15, 16])],
}  # fmt: skip
WANTED = {"apply": [3, 3, 5], "undo": [1, 1, 1]}


@pytest.mark.parametrize("task", ROWS)
def test_outputs_stand_under_what_was_wanted_with_their_errors(task):
    ax = ReconstructionDisplay(VIEWS, OUTPUTS, task=task).plot(axes()).ax_
    rows = drawn(ax)
    assert [(label.split(" error")[0], shades) for label, shades in rows] == ROWS[task]
    made = [(label, shades) for label, shades in rows if "error" in label]
    for (label, shades), wanted in zip(made, WANTED[task], strict=True):
        assert label.endswith(f"error {12 * ((shades[0] - wanted) / 255) ** 2:.2f}")
    assert ax.get_title().startswith({"apply": "Augmented", "undo": "Undone"}[task])
    gaps = np.diff(ax.get_yticks())
    starts = {"apply": [0, 3], "undo": [3]}[task]
    assert [k for k, gap in enumerate(gaps) if gap > gaps.min()] == starts


COMPOSITIONS = [("flip_lr",), ("rotate_cw", "flip_lr")]
PIXELS = {(): lambda X: X, ("flip_lr",): flip_lr, ("rotate_cw", "flip_lr"): lambda X: flip_lr(rotate_cw(X))}


@pytest.mark.parametrize("task", ROWS)
def test_each_model_s_own_images_stand_under_its_name(task, d4, coarse_d4, X):
    models = {"good": d4, "coarse": coarse_d4}
    display = ReconstructionDisplay.from_estimator(models, X, COMPOSITIONS, task=task, n_images=3, ax=axes())
    for composition, function in PIXELS.items():
        assert np.allclose(display.views[composition], function(X[:3]))
    for label, one in models.items():
        for composition in COMPOSITIONS:
            transform = one.compose(*composition)
            given = X[:3] if task == "apply" else PIXELS[composition](X[:3])
            made = transform.transform(given) if task == "apply" else transform.inverse_transform(given)
            assert np.allclose(display.outputs[label][composition], made, atol=1e-6)


@pytest.mark.parametrize("n_channels", [2, 4])
def test_two_channels_are_drawn_as_their_mean_and_a_fourth_is_left_out(n_channels):
    image = np.arange(1, 1 + n_channels) / 10 * np.ones((1, 3, 4, n_channels))
    canvas = np.asarray(SampleDisplay(image).plot(axes()).ax_.images[0].get_array())
    expected = np.full(3, 0.15) if n_channels == 2 else [0.1, 0.2, 0.3]
    assert np.allclose(canvas, expected, atol=1 / 255)


# Paths


def steps_of(scatter):
    """Where the points of a scatter stand, and the colours they come in, as the numbers these were made of."""
    return scatter.get_offsets().tolist(), np.asarray(scatter.get_array()).tolist()


def test_paths_and_images_go_from_the_original_step_by_step():
    paths = np.random.default_rng(0).random((2, 16, 2))
    images = np.stack([shaded(*range(16)), shaded(*range(100, 116))])
    display = TrajectoryDisplay(paths, images, name="turn", axis_names=("first", "second")).plot(Figure())
    ways, grid = display.axes_
    assert [line.get_xydata().tolist() for line in ways.get_lines()] == paths.tolist()
    *points, start, end = ways.collections
    assert [steps_of(scatter) for scatter in points] == [(path.tolist(), list(range(16))) for path in paths]
    assert start.get_offsets().tolist() == paths[:, 0].tolist()
    assert end.get_offsets().tolist() == paths[:, -1].tolist()
    assert [start.get_label(), end.get_label()] == ["start", "end"]
    assert [text.get_text() for text in ways.get_legend().get_texts()] == ["start", "end"]
    assert [(text.get_text(), text.xy) for text in ways.texts] == [("1", tuple(paths[0, 0])), ("2", tuple(paths[1, 0]))]
    assert (ways.get_xlabel(), ways.get_ylabel()) == ("first", "second")
    shown = [int(title) for title, _ in under_titles(grid)]
    assert (shown[0], shown[-1]) == (0, 15)
    assert under_titles(grid) == [(f"{step}", [step, 100 + step]) for step in shown]
    assert [label for label, _ in drawn(grid)] == ["1", "2"]
    assert grid.get_title() == "images after so many times turn"


def test_a_path_is_that_of_its_image_and_the_axes_say_their_share(d4, X):
    display = TrajectoryDisplay.from_estimator(d4, X[:3], "rotate_cw", 6, figure=Figure())
    images, latents = d4.recurse(X[:3], "rotate_cw", 6, return_latents=True)
    flat = PCA(2).fit(latents.reshape(-1, 16))
    for path, codes in zip(display.paths, latents, strict=True):
        assert np.allclose(np.abs(path), np.abs(flat.transform(codes)), atol=1e-3)
    assert np.allclose(display.images, np.concatenate([X[:3, None], images], axis=1))
    shares = [f"PCA {k} ({share:.0%} of the variance)" for k, share in enumerate(flat.explained_variance_ratio_, 1)]
    assert [display.axes_[0].get_xlabel(), display.axes_[0].get_ylabel()] == shares
