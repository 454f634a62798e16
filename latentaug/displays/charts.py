"""Displays that are diagrams of points and curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.decomposition import PCA, FastICA
from sklearn.manifold import TSNE
from sklearn.pipeline import make_pipeline
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted

from latentaug._checks import as_array, check_choice, check_flag, draw_seed
from latentaug.displays.drawing import (
    ChartDisplay,
    ImageGrid,
    find_colours,
    import_pyplot,
    in_words,
    known_views,
    named_models,
    stack_in_unit,
    start_panels,
)
from latentaug.metrics.recursion import recursion_curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure, SubFigure

__all__ = ["PROJECTIONS", "SPACES", "LossDisplay", "ProjectionDisplay", "RecursionDisplay", "TrajectoryDisplay"]

MOST_GROUPS = 24  # whose colours can be told apart
MOST_IMAGES = 4  # whose paths can


def _image_rows(model: Any, images: np.ndarray, view: tuple) -> np.ndarray:
    return model.format_.layout(model.format_.to_unit(images), flat=True)


# From a model and the images of a view to rows.
SPACES = {
    "latent": lambda model, images, view: model.encode(images, view),
    "image": _image_rows,
    "reconstruction": lambda model, images, view: _image_rows(model, model.carry(images, view, view), view),
}


def _make_ica(n_rows: int, seed: int) -> Any:
    """ICA of the two first whitened principal components; one direction after the other, as both at once may cycle."""
    ica = FastICA(whiten=False, algorithm="deflation", max_iter=1000, tol=1e-3, random_state=seed)
    return make_pipeline(PCA(2, whiten=True, random_state=seed), ica)


# From the number of rows and a seed to a transformer to two dimensions.
PROJECTIONS = {
    "pca": lambda n_rows, seed: PCA(2, random_state=seed),
    "ica": _make_ica,
    "tsne": lambda n_rows, seed: TSNE(2, perplexity=min(30, (n_rows - 1) / 3), random_state=seed),
}


def _name_axes(name: str, projector: Any) -> tuple[str, ...]:
    """Names of the axes of a plane, with their share of the variance where the projector knows it."""
    shares = getattr(projector, "explained_variance_ratio_", None)
    notes = ["", ""] if shares is None else [f" ({share:.0%} of the variance)" for share in shares]
    return tuple(f"{name} {k}{note}" for k, note in enumerate(notes, start=1))


@dataclass(eq=False, repr=False)
class ProjectionDisplay(ChartDisplay):
    """Latents or images of several views in the plane, coloured by group; Figs. 10, 19-22.

    Parameters
    ----------
    points : ndarray of shape (n_points, 2)
    groups : array-like of shape (n_points,)
        The group of each point: its view, or its label.
    title : str, default="Projection"
    axis_names : tuple of str, default=("", "")

    Examples
    --------
    >>> display = ProjectionDisplay(np.eye(2), ["original", "flip_lr"]).plot()
    >>> [text.get_text() for text in display.ax_.get_legend().get_texts()]
    ['original', 'flip_lr']
    """

    points: np.ndarray
    groups: ArrayLike
    _: KW_ONLY
    title: str = "Projection"
    axis_names: Sequence[str] = ("", "")

    @classmethod
    def from_estimator(
        cls, model: Any, X: ArrayLike, *, y: ArrayLike | None = None, space: str = "latent", projection: str = "pca",
        compositions: Sequence[str | tuple] | None = None, views: Mapping[Any, ArrayLike] | None = None,
        random_state: int | np.random.RandomState | None = 0, ax: Axes | None = None,
    ) -> ProjectionDisplay:  # fmt: skip
        """Project the views of some images into the plane, and draw them.

        Parameters
        ----------
        model, X
            As in `ReconstructionDisplay.from_estimator`, of one model; each view has n points.
        y : array-like of shape (n,), default=None
            Labels to colour by; coloured by view if None.
        space : {"latent", "image", "reconstruction"}, default="latent"
            What is projected: latents, images, or the model's reconstructions of images.
        projection : {"pca", "ica", "tsne"}, default="pca"
        compositions : list of tuple of str, default=None
            The views; those trained on if None.
        views : dict of tuple of str to array-like, default=None
            What `X` is under compositions that no function makes, as in `fit`; only images that have all are drawn.
        random_state, ax
            Seed of the projection, and as in `plot`. No global generator is touched.
        """
        check_choice("space", space, SPACES)
        check_choice("projection", projection, PROJECTIONS)
        data = known_views(model, X, compositions, views=views)
        rows = np.concatenate([SPACES[space](model, data.take(slice(None), c), c) for c in data.compositions])
        if min(rows.shape) < 2 or len(rows) < 4:
            n, d = rows.shape
            raise ValueError(f"A projection needs 4 points of 2 dimensions or more. Got {n} of {d}.")
        groups = np.repeat([in_words(c) for c in data.compositions], len(data))
        if y is not None:
            labels = as_array("y", y)
            check_consistent_length(data.images, labels)
            groups = np.tile(labels, len(data.compositions))
        projector = PROJECTIONS[projection](len(rows), draw_seed(random_state))
        points = projector.fit_transform(rows)
        title = f"{space} space".capitalize() + ("" if y is None else " by label")
        return cls(points, groups, title=title, axis_names=_name_axes(projection.upper(), projector)).plot(ax)

    def _size(self) -> tuple[float, float]:
        return 6.5, 4.2

    def _draw(self, ax: Any) -> None:
        points, groups = np.asarray(self.points), np.asarray(self.groups)
        check_consistent_length(points, groups)
        names = list(dict.fromkeys(groups.tolist() if groups.dtype.kind in "USO" else np.unique(groups).tolist()))
        if len(names) > MOST_GROUPS:
            raise ValueError(f"At most {MOST_GROUPS} groups can be told apart by colour. Got {len(names)}.")
        palette = import_pyplot().get_cmap(*("tab10",) if len(names) <= 10 else ("turbo", len(names)))
        number = np.array([names.index(group) for group in groups.tolist()])
        order = np.random.default_rng(0).permutation(len(points))  # no group hides another
        size = np.clip(12000 / len(points), 6, 25)
        ax.scatter(*points[order].T, s=size, color=palette(number[order]), alpha=0.7, linewidths=0, rasterized=True)
        for k, name in enumerate(names):
            ax.scatter([], [], s=25, color=palette(k), label=str(name))
        beside = {"loc": "center left", "bbox_to_anchor": (1, 0.5), "ncols": 1 + (len(names) > 12)}
        ax.legend(**beside, frameon=False, fontsize="small")
        ax.set(xlabel=self.axis_names[0], ylabel=self.axis_names[1])
        ax.set_title(self.title, fontsize="medium")


@dataclass(eq=False, repr=False)
class LossDisplay(ChartDisplay):
    """The loss of a training, pass by pass.

    Parameters
    ----------
    loss_curve : array-like of shape (n_iter,)
        Mean loss of each pass over the training images.
    validation_curve : array-like of shape (n_iter,), default=()
        The same of the images held out, if any were.
    unit : str, default="squared error"
        Of the reconstruction, which is summed over pixels.

    Examples
    --------
    >>> display = LossDisplay([50.0, 20.0, 14.0]).plot()
    """

    loss_curve: Sequence[float] | np.ndarray
    validation_curve: Sequence[float] | np.ndarray = ()
    _: KW_ONLY
    unit: str = "squared error"

    @classmethod
    def from_estimator(cls, model: Any, *, ax: Axes | None = None) -> LossDisplay:
        """Draw how a model was trained.

        Parameters
        ----------
        model, ax
            A fitted VAE, ConditionalVAE, TransferHead or LatentAugmenter that holds a VAE, and as in `plot`.
        """
        check_is_fitted(model)
        parts = [model, getattr(model, "autoencoder_", None), getattr(model, "autoencoders_", {}).get(())]
        trained = next((part for part in parts if hasattr(part, "loss_curve_")), None)
        if trained is None:
            raise TypeError(f"model must have a loss curve, or hold a VAE, which has. Got {type(model).__name__}.")
        curves = np.array(trained.loss_curve_), np.array(trained.validation_curve_)
        return cls(*curves, unit=trained.loss_unit_).plot(ax)

    def _draw(self, ax: Any) -> None:
        curves = {"training images": self.loss_curve, "held-out images": self.validation_curve}
        for label, curve in curves.items():
            if len(curve):
                ax.plot(range(1, len(curve) + 1), curve, marker="o", markersize=3, label=label)
        if len(self.validation_curve):
            ax.legend(frameon=False)
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.spines[["top", "right"]].set_visible(False)
        ax.set_xlabel("pass over the training images")
        ax.set_ylabel(f"{self.unit} summed over pixels,\nplus KL in nats where it is trained")
        ax.set_title("Mean loss of an image", fontsize="medium")


@dataclass(eq=False, repr=False)
class TrajectoryDisplay:
    """Recursion of a few images: their latent paths in the plane, beside what is decoded on the way; Fig. 5.

    Parameters
    ----------
    paths : ndarray of shape (n_images, n_steps + 1, 2)
        Latents in the plane: of the original, then after each step.
    images : ndarray of shape (n_images, n_steps + 1, H, W) or (n_images, n_steps + 1, H, W, C)
        The original, then what was decoded at each step; integers 0..255 or floats in [0, 1].
    name : str, default="augmentation"
        What was applied.
    axis_names : tuple of str, default=("", "")

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> display = TrajectoryDisplay(rng.random((1, 21, 2)), rng.random((1, 21, 8, 8)), name="flip_lr").plot()
    >>> [label.get_text() for label in display.axes_[1].get_xticklabels()]
    ['0', '3', '6', '9', '12', '15', '18', '20']
    """

    paths: np.ndarray
    images: np.ndarray
    _: KW_ONLY
    name: str = "augmentation"
    axis_names: Sequence[str] = ("", "")

    @classmethod
    def from_estimator(
        cls, model: Any, X: ArrayLike, name: str, n_steps: int = 20, *, figure: Figure | SubFigure | None = None,
        cmap: str | Colormap = "gray",
    ) -> TrajectoryDisplay:  # fmt: skip
        """Apply one augmentation again and again, each time through images, and draw the way.

        Parameters
        ----------
        model, X, name, n_steps
            A fitted model and what its `recurse` takes, of one to four images.
        figure, cmap
            As in `plot`.
        """
        originals = known_views(model, X, [()]).images
        if len(originals) > MOST_IMAGES:
            raise ValueError(f"X must hold 1 to {MOST_IMAGES} images. Got {len(originals)}.")
        decoded, latents = model.recurse(originals, name, n_steps, return_latents=True)
        unit = model.format_.to_unit(originals)
        images = np.concatenate([unit[:, None], stack_in_unit(model, decoded, 2)], axis=1)
        rows = latents.reshape(-1, latents.shape[-1])
        rows = rows if rows.shape[1] > 1 else np.column_stack([rows, np.zeros(len(rows))])
        pca = PCA(2).fit(rows)
        paths = pca.transform(rows).reshape(*latents.shape[:2], 2)
        return cls(paths, images, name=name, axis_names=_name_axes("PCA", pca)).plot(figure, cmap=cmap)

    def plot(self, figure: Figure | SubFigure | None = None, *, cmap: str | Colormap = "gray") -> TrajectoryDisplay:
        """Draw the paths and the images, the two `axes_` of `figure_`.

        Parameters
        ----------
        figure : matplotlib Figure or SubFigure, default=None
            Where to draw; a new figure if None.
        cmap : str or Colormap, default="gray"
            As in `SampleDisplay.plot`.
        """
        colours, grid = find_colours(cmap), self._grid()
        width, height = grid.size()
        self.figure_, self.axes_ = start_panels(figure, (4.4 + width, max(3.8, height)), (4.4, width))
        self._draw_paths(self.axes_[0])
        grid.draw(self.axes_[1], colours)
        return self

    def _grid(self) -> ImageGrid:
        last = len(self.paths[0]) - 1
        steps = [*range(0, last, -(-last // 7)), last]
        rows = [(label, np.asarray(images)[steps]) for label, images in zip(self._labels(), self.images, strict=True)]
        return ImageGrid([rows], [f"{step}" for step in steps], (1,), title=f"images after so many times {self.name}")

    def _labels(self) -> list[str]:
        return [f"{k}" for k in range(1, len(self.paths) + 1)] if len(self.paths) > 1 else [""]

    def _draw_paths(self, ax: Any) -> None:
        from matplotlib.ticker import MaxNLocator

        for label, path in zip(self._labels(), self.paths, strict=True):
            ax.plot(*np.transpose(path), color="0.8", linewidth=1, zorder=1)
            points = ax.scatter(*np.transpose(path), c=range(len(path)), cmap="viridis", s=18, zorder=2)
            ax.annotate(label, path[0], xytext=(6, 6), textcoords="offset points", color="tab:red")
        for end, marker, step in (("start", "o", 0), ("end", "s", -1)):
            x, y = np.asarray(self.paths)[:, step].T
            ax.scatter(x, y, s=90, marker=marker, facecolors="none", edgecolors="tab:red", zorder=3, label=end)
        bar = ax.figure.colorbar(points, ax=ax, ticks=MaxNLocator(integer=True))
        bar.ax.set_title("step", fontsize="small")
        ax.legend(frameon=False, fontsize="small")
        ax.set(xlabel=self.axis_names[0], ylabel=self.axis_names[1])
        ax.set_title("latent paths", fontsize="medium")


@dataclass(eq=False, repr=False)
class RecursionDisplay:
    """Error, and labels that survive, against how often one augmentation was applied, each time through images.

    Parameters
    ----------
    curves : dict of str to RecursionCurve
        For each model, by its label, an object with arrays `steps`, `error` (squared, summed over the pixels of an
        image, mean over the images) and `survival` (share of the labels recognised; or None). Its
        `error_interval` and `survival_interval`, of shape (2, n), are shaded where it has them.
    raw_survival : float or array-like, default=None
        Share recognised in images that passed through no model; a dashed line. An array has a value for each
        step of the first curve.
    name : str, default="augmentation"
        What was applied.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> curve = SimpleNamespace(steps=[2, 20, 40], error=[7.2, 7.3, 7.3], survival=[0.94, 0.95, 0.95])
    >>> len(RecursionDisplay({"joint": curve}, raw_survival=0.955).plot().axes_)
    2
    """

    curves: Mapping[str, Any]
    _: KW_ONLY
    raw_survival: ArrayLike | None = None
    name: str = "augmentation"

    @classmethod
    def from_estimator(
        cls, model: Any, X: ArrayLike, name: str, steps: Sequence[int] | None = None, *, y: ArrayLike | None = None,
        classifier: Any = None, log_x: bool = False, figure: Figure | SubFigure | None = None,
    ) -> RecursionDisplay:  # fmt: skip
        """Apply one augmentation again and again, and draw what is left.

        Parameters
        ----------
        model, X, name, steps, y, classifier
            As in `latentaug.metrics.recursion_curve`; or a dict of several models, compared by their labels.
        log_x, figure
            As in `plot`.
        """
        models = named_models(model, type(model).__name__)
        curves = {label: recursion_curve(m, X, name, steps, y=y, classifier=classifier) for label, m in models.items()}
        first = next(iter(curves.values()))
        return cls(curves, raw_survival=first.raw_survival, name=name).plot(figure, log_x=log_x)

    def plot(self, figure: Figure | SubFigure | None = None, *, log_x: bool = False) -> RecursionDisplay:
        """Draw the errors, and the labels if any curve has them: the `axes_` of `figure_`.

        Parameters
        ----------
        figure : matplotlib Figure or SubFigure, default=None
            Where to draw; a new figure if None.
        log_x : bool, default=False
            Whether the numbers of steps stand on a logarithmic axis, which has no place for step 0.
        """
        check_flag("log_x", log_x)
        if not self.curves:
            raise ValueError("curves must hold at least one curve. Got none.")
        n_panels = 1 + any(curve.survival is not None for curve in self.curves.values())
        self.figure_, self.axes_ = start_panels(figure, (4.2 * n_panels, 3.6), [1] * n_panels, sharex=True)
        self._draw_curves(self.axes_[0], "error", 1)
        self.axes_[0].set(ylabel="squared error, summed over pixels", ylim=(0, None))
        for ax in self.axes_[1:]:
            self._draw_curves(ax, "survival", 100)
            if self.raw_survival is not None:
                steps = next(iter(self.curves.values())).steps
                raw = np.broadcast_to(100 * np.asarray(self.raw_survival), len(steps))
                ax.plot(steps, raw, "--", color="0.4", linewidth=1, label="without a model")
            ax.set(ylabel="labels recognised in %", ylim=(0, 102))
        for ax in self.axes_:
            ax.set_xlabel(f"times {self.name}, each through images")
            ax.spines[["top", "right"]].set_visible(False)
        _scale_steps(self.axes_[0], log_x)
        self._explain()
        return self

    def _explain(self) -> None:
        """Draw one legend of all panels, where there is more than one line."""
        lines = {line.get_label(): line for ax in self.axes_ for line in ax.get_lines()}
        if len(lines) > 1:
            columns = min(3, len(lines))
            self.figure_.legend(lines.values(), lines, loc="outside lower center", frameon=False, ncols=columns)

    def _draw_curves(self, ax: Any, quantity: str, factor: float) -> None:
        for label, curve in self.curves.items():
            values, interval = (getattr(curve, quantity + end, None) for end in ("", "_interval"))
            colour = f"C{list(self.curves).index(label)}"
            if values is not None:
                ax.plot(curve.steps, factor * np.asarray(values), "o-", color=colour, markersize=3, label=label)
            if interval is not None:
                ax.fill_between(curve.steps, *factor * np.asarray(interval), color=colour, alpha=0.15, linewidth=0)


def _scale_steps(ax: Any, log_x: bool) -> None:
    """Number the steps of axes, and of those that share theirs, in whole numbers."""
    from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, ScalarFormatter

    if log_x:
        ax.set_xscale("log", nonpositive="mask")
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)) if log_x else MaxNLocator(integer=True))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(ScalarFormatter())
