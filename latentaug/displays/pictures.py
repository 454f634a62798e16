"""Displays made of images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from latentaug._checks import check_choice, check_model, check_number
from latentaug.displays.drawing import (
    ImageDisplay,
    ImageGrid,
    as_unit,
    in_words,
    known_views,
    named_models,
    stack_in_unit,
    tried_views,
)
from latentaug.images import squared_error

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

__all__ = ["TASKS", "CatalogueDisplay", "InterpolationDisplay", "ReconstructionDisplay", "SampleDisplay"]


class Task(NamedTuple):
    """What is asked of a model: a title, and from a composition to the views that it is given and should give."""

    title: str
    route: Callable[[tuple], tuple[tuple, tuple]]


TASKS = {
    "apply": Task("Augmented through latent space", lambda composition: ((), composition)),
    "undo": Task("Undone through latent space", lambda composition: (composition, ())),
}


@dataclass(eq=False, repr=False)
class ReconstructionDisplay(ImageDisplay):
    """What models make of compositions, under what the images themselves become; Figs. 3, 4, 6, 8, 9, 15-17.

    Each composition has the images given (once, where they stay the same), those wanted, and a row for each model with
    its error: squared, summed over the pixels of an image in [0, 1], mean over the images shown.

    Parameters
    ----------
    views : dict of tuple of str to ndarray of shape (n_images, H, W) or (n_images, H, W, C)
        Images of each composition, made as pixels, ``()`` the original; integers 0..255 or floats in [0, 1].
    outputs : dict of str to dict of tuple of str to ndarray
        For each model, by its label, what it makes for each composition.
    task : {"apply", "undo"}, default="apply"
        Whether the composition is applied to the original, or undone.

    Examples
    --------
    >>> X = np.random.default_rng(0).random((4, 8, 8))
    >>> views = {(): X, ("flip_lr",): X[:, :, ::-1]}
    >>> display = ReconstructionDisplay(views, {"do nothing": {("flip_lr",): X}}).plot()
    >>> [label.get_text() for label in display.ax_.get_yticklabels()]
    ['original', 'flip_lr', 'do nothing\\nerror 12.84']
    """

    views: Mapping[Any, np.ndarray]
    outputs: Mapping[str, Mapping[Any, np.ndarray]]
    _: KW_ONLY
    task: str = "apply"

    @classmethod
    def from_estimator(
        cls, model: Any, X: ArrayLike, compositions: Sequence[str | tuple] | None = None, *, task: str = "apply",
        views: Mapping[Any, ArrayLike] | None = None, n_images: int = 8, ax: Axes | None = None,
        cmap: str | Colormap = "gray",
    ) -> ReconstructionDisplay:  # fmt: skip
        """Carry images through latent space, and draw.

        Parameters
        ----------
        model : LatentAugmenter, TransferHead, ConditionalVAE or dict of str to such a model
            Fitted. Several are compared by their labels; all on the same augmentations.
        X : array-like of shape (n, H, W), (n, H, W, C) or (n, n_features)
            Images, scaled as in `fit`; the first `n_images` are shown.
        compositions : list of tuple of str, default=None
            Those to show; all that the (first) model was trained on, and that every model knows, if None.
        task : {"apply", "undo"}, default="apply"
            Whether the composition is applied to the original, or undone.
        views : dict of tuple of str to array-like, default=None
            What `X` is under compositions that no function makes, as in `fit`; only images that have all are shown.
        n_images, ax, cmap
            Images to show, a column each, and as in `plot`.
        """
        check_choice("task", task, TASKS)
        check_number("n_images", n_images, low=1, integer=True)
        models = named_models(model, "latent")
        each = [known_views(m, X, compositions, n_images, views) for m in models.values()]
        wanted = each[0].compositions
        if compositions is None:
            wanted = [c for c in wanted if c and all(c in known.compositions for known in each)]
        pixels = {c: each[0].take(slice(None), c) for c in [(), *wanted]}
        routes = {c: TASKS[task].route(c) for c in wanted}
        outputs = {
            label: {c: m.format_.to_unit(m.carry(pixels[route[0]], *route)) for c, route in routes.items()}
            for label, m in models.items()
        }
        shown = {c: each[0].format_.to_unit(images) for c, images in pixels.items()}
        return cls(shown, outputs, task=task).plot(ax, cmap=cmap)

    def _grid(self) -> ImageGrid:
        check_choice("task", self.task, TASKS)
        routes = {c: TASKS[self.task].route(c) for output in self.outputs.values() for c in output}
        if not routes:
            raise ValueError("There is no composition to show. Allowed: what a model knows and functions make.")
        givens = {given for given, _ in routes.values()}
        groups = [[self._pixels(*givens)]] if len(givens) == 1 else []
        for c, (given, wanted) in routes.items():
            shown = [wanted] if len(givens) == 1 else dict.fromkeys((given, wanted))
            outputs = [self._output(label, c, wanted) for label in self.outputs if c in self.outputs[label]]
            groups.append([*map(self._pixels, shown), *outputs])
        note = "error: squared, summed over pixels, mean of the images shown"
        return ImageGrid(groups, title=TASKS[self.task].title, note=note)

    def _pixels(self, composition: tuple) -> tuple[str, np.ndarray]:
        if composition not in self.views:
            raise ValueError(f"views must hold the images of {composition!r}. Got: {', '.join(map(repr, self.views))}.")
        return in_words(composition), self.views[composition]

    def _output(self, label: str, composition: tuple, wanted: tuple) -> tuple[str, np.ndarray]:
        images = self.outputs[label][composition]
        error = squared_error(as_unit(self._pixels(wanted)[1]), as_unit(images)).mean()
        return f"{in_words(label)}\nerror {error:.2f}", images


@dataclass(eq=False, repr=False)
class CatalogueDisplay(ImageDisplay):
    """What augmentations do to images; Fig. 12.

    Parameters
    ----------
    views : dict of str to ndarray of shape (n_images, H, W) or (n_images, H, W, C)
        A row of images for each name; integers 0..255 or floats in [0, 1].

    Examples
    --------
    >>> X = np.random.default_rng(0).random((4, 8, 8))
    >>> list(CatalogueDisplay.from_augs(X, ["flip_lr"]).views)
    ['original', 'flip_lr']
    """

    views: Mapping[str, np.ndarray]

    @classmethod
    def from_augs(
        cls, X: ArrayLike, augs: Sequence[Any] | None = None, n_images: int = 6, *,
        image_shape: tuple[int, ...] | None = None, ax: Axes | None = None, cmap: str | Colormap = "gray",
    ) -> CatalogueDisplay:  # fmt: skip
        """Augment a few images, and draw them.

        Parameters
        ----------
        X : array-like of shape (n, H, W), (n, H, W, C) or (n, n_features)
            Images: integers 0..255, floats in [0, 1] or on a range of their own. The first `n_images` are shown.
        augs : list of callable, (str, callable) or str, default=None
            As in `LatentAugmenter`; all in `latentaug.augs.CATALOGUE` that keep the shape of the images if None.
        n_images, image_shape, ax, cmap
            Images to show, a column each; ``(H, W)`` or ``(H, W, C)`` of a flat row; and as in `plot`.
        """
        views = tried_views(X, augs, n_images, image_shape)
        rows = {in_words(c): views.take(slice(None), c) for c in [(), *((name,) for name in views.augs)]}
        return cls({name: views.format_.to_unit(row) for name, row in rows.items()}).plot(ax, cmap=cmap)

    def _grid(self) -> ImageGrid:
        first, *others = self.views.items()
        return ImageGrid([[first], others] if others else [[first]], title="Augmentations of images")


@dataclass(eq=False, repr=False)
class SampleDisplay(ImageDisplay):
    """Images that a model makes of draws in its latent space; Fig. 13.

    Parameters
    ----------
    images : ndarray of shape (n_images, H, W) or (n_images, H, W, C)
        Integers 0..255 or floats in [0, 1].
    title : str, default="Samples"
    n_columns : int, default=8
        Images in a row.

    Examples
    --------
    >>> display = SampleDisplay(np.zeros((11, 8, 8))).plot()
    """

    images: np.ndarray
    _: KW_ONLY
    title: str = "Samples"
    n_columns: int = 8

    @classmethod
    def from_estimator(
        cls, model: Any, n_samples: int = 32, *, apply: str | Sequence[Any] = (), source: str = "prior",
        random_state: int | np.random.RandomState | None = None, n_columns: int = 8, ax: Axes | None = None,
        cmap: str | Colormap = "gray",
    ) -> SampleDisplay:  # fmt: skip
        """Sample a model, and draw the samples.

        Parameters
        ----------
        model, n_samples, apply, source, random_state
            A fitted model and what its `sample` takes.
        n_columns, ax, cmap
            Images in a row, and as in `plot`.
        """
        check_model(model)
        images = model.sample(n_samples, apply=apply, random_state=random_state, source=source)
        title = f"Samples of the {source}" + (f": {in_words(apply, 60)}" if apply else "")
        return cls(stack_in_unit(model, images), title=title, n_columns=n_columns).plot(ax, cmap=cmap)

    def _grid(self) -> ImageGrid:
        check_number("n_columns", self.n_columns, low=1, integer=True)
        starts = range(0, len(self.images), self.n_columns)
        return ImageGrid([[("", self.images[start : start + self.n_columns]) for start in starts]], title=self.title)


@dataclass(eq=False, repr=False)
class InterpolationDisplay(ImageDisplay):
    """Images on straight lines in latent space, between the real images at their ends; Fig. 14.

    Parameters
    ----------
    A, B : ndarray of shape (n_images, H, W) or (n_images, H, W, C)
        The real images; integers 0..255 or floats in [0, 1].
    lines : ndarray of shape (n_images, n_steps, H, W) or (n_images, n_steps, H, W, C)
        Images on the lines, both ends included.

    Examples
    --------
    >>> A, B = np.zeros((2, 8, 8)), np.ones((2, 8, 8))
    >>> display = InterpolationDisplay(A, B, np.linspace(A, B, 5, axis=1)).plot()
    """

    A: np.ndarray
    B: np.ndarray
    lines: np.ndarray

    @classmethod
    def from_estimator(
        cls, model: Any, A: ArrayLike, B: ArrayLike, n_steps: int = 8, *, ax: Axes | None = None,
        cmap: str | Colormap = "gray",
    ) -> InterpolationDisplay:  # fmt: skip
        """Interpolate between images, and draw the lines.

        Parameters
        ----------
        model, A, B, n_steps
            A fitted model and what its `interpolate` takes; a row for each pair.
        ax, cmap
            As in `plot`.
        """
        check_model(model)
        first, last = (model.format_.to_unit(known_views(model, ends, [()]).images) for ends in (A, B))
        lines = stack_in_unit(model, model.interpolate(A, B, n_steps), 2)
        return cls(first, last, lines).plot(ax, cmap=cmap)

    def _grid(self) -> ImageGrid:
        rows = [("", np.stack([a, *line, b])) for a, line, b in zip(self.A, self.lines, self.B, strict=True)]
        n_steps = len(self.lines[0])
        shares = [f"{100 * k / (n_steps - 1):.0f} %" for k in range(n_steps)]
        return ImageGrid([rows], ["real", *shares, "real"], (1, n_steps + 1), title="Interpolation in latent space")
