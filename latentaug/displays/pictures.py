"""Displays made of images, in scikit-learn's Display shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from sklearn.base import BaseEstimator

from latentaug._checks import check_choice, check_model, check_number
from latentaug.augs.catalogue import CATALOGUE
from latentaug.augs.steps import Composition
from latentaug.augs.views import declare_views
from latentaug.displays.drawing import ImageDisplay, ImageGrid, as_unit, in_words, known_views, named_models
from latentaug.images import check_images, squared_error

__all__ = ["TASKS", "CatalogueDisplay", "InterpolationDisplay", "ReconstructionDisplay", "SampleDisplay"]


class Task(NamedTuple):
    """What is asked of a model: a title, and from a composition to the views that it is given and should give."""

    title: str
    route: Callable[[Composition], tuple[Composition, Composition]]


TASKS = {
    "apply": Task("Augmented through latent space", lambda composition: ((), composition)),
    "undo": Task("Undone through latent space", lambda composition: (composition, ())),
}


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
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from latentaug.displays import ReconstructionDisplay
    >>> X = np.random.default_rng(0).random((4, 8, 8))
    >>> views = {(): X, ("flip_lr",): X[:, :, ::-1]}
    >>> outputs = {"do nothing": {("flip_lr",): X}}
    >>> display = ReconstructionDisplay(views, outputs).plot(Figure().subplots())
    >>> [label.get_text() for label in display.ax_.get_yticklabels()]
    ['original', 'flip_lr', 'do nothing\\nerror 12.84']
    """

    def __init__(self, views, outputs, *, task="apply"):
        self.views = views
        self.outputs = outputs
        self.task = task

    @classmethod
    def from_estimator(cls, model, X, compositions=None, *, task="apply", n_images=8, ax=None, cmap="gray"):
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
        n_images : int, default=8
            Images to show, a column each.
        ax, cmap
            As in `plot`.

        Returns
        -------
        ReconstructionDisplay
        """
        check_choice("task", task, TASKS)
        check_number("n_images", n_images, low=1, integer=True)
        models = named_models(model, "latent")
        each = [known_views(m, X, compositions, n_images) for m in models.values()]
        shown = each[0].compositions
        if compositions is None:
            shown = [c for c in shown if c and all(c in views.compositions for views in each)]
        pixels = {c: each[0].take(slice(None), c) for c in [(), *shown]}
        outputs: dict[str, dict] = {}
        for label, m in models.items():
            routes = {c: TASKS[task].route(c) for c in shown}
            outputs[label] = {c: m.format_.to_unit(m.carry(pixels[route[0]], *route)) for c, route in routes.items()}
        views = {c: each[0].format_.to_unit(images) for c, images in pixels.items()}
        return cls(views, outputs, task=task).plot(ax, cmap=cmap)

    def _grid(self):
        check_choice("task", self.task, TASKS)
        compositions = dict.fromkeys(c for output in self.outputs.values() for c in output)
        routes = {c: TASKS[self.task].route(c) for c in compositions}
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

    def _pixels(self, composition):
        if composition not in self.views:
            raise ValueError(f"views must hold the images of {composition!r}. Got: {', '.join(map(repr, self.views))}.")
        return in_words(composition), self.views[composition]

    def _output(self, label, composition, wanted):
        images = self.outputs[label][composition]
        error = squared_error(as_unit(self._pixels(wanted)[1]), as_unit(images)).mean()
        return f"{in_words(label)}\nerror {error:.2f}", images


class CatalogueDisplay(ImageDisplay):
    """What augmentations do to images; Fig. 12.

    Parameters
    ----------
    views : dict of str to ndarray of shape (n_images, H, W) or (n_images, H, W, C)
        A row of images for each name; integers 0..255 or floats in [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from latentaug.displays import CatalogueDisplay
    >>> X = np.random.default_rng(0).random((4, 8, 8))
    >>> display = CatalogueDisplay.from_augs(X, ["flip_lr"], ax=Figure().subplots())
    >>> list(display.views)
    ['original', 'flip_lr']
    """

    def __init__(self, views):
        self.views = views

    @classmethod
    def from_augs(cls, X, augs=None, n_images=6, *, image_shape=None, ax=None, cmap="gray"):
        """Augment a few images, and draw them.

        Parameters
        ----------
        X : array-like of shape (n, H, W), (n, H, W, C) or (n, n_features)
            Images: integers 0..255, floats in [0, 1] or on a range of their own. The first `n_images` are shown.
        augs : list of callable, (str, callable) or str, default=None
            As in `LatentAugmenter`; all in `latentaug.augs.CATALOGUE` that keep the shape of the images if None.
        n_images : int, default=6
            Images to show, a column each.
        image_shape : tuple of int, default=None
            ``(H, W)`` or ``(H, W, C)`` of a flat row.
        ax, cmap
            As in `plot`.

        Returns
        -------
        CatalogueDisplay
        """
        check_number("n_images", n_images, low=1, integer=True)
        holder = BaseEstimator()  # of the format of the images
        images = check_images(holder, X, reset=True, image_shape=image_shape)[:n_images]
        if augs is None:
            augs = [aug for aug in CATALOGUE.values() if aug(images).shape == images.shape]
        views = declare_views(images, augs, holder.format_, {})
        rows = {in_words(c): views.take(slice(None), c) for c in [(), *((name,) for name in views.augs)]}
        return cls({name: holder.format_.to_unit(row) for name, row in rows.items()}).plot(ax, cmap=cmap)

    def _grid(self):
        first, *others = self.views.items()
        return ImageGrid([[first], others] if others else [[first]], title="Augmentations of images")


class SampleDisplay(ImageDisplay):
    """Images that a model makes of draws in its latent space; Fig. 13.

    Parameters
    ----------
    images : ndarray of shape (n_images, H, W) or (n_images, H, W, C)
        Integers 0..255 or floats in [0, 1].
    title : str, default="Samples"
    n_columns : int, default=8

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from latentaug.displays import SampleDisplay
    >>> display = SampleDisplay(np.zeros((11, 8, 8))).plot(Figure().subplots())
    """

    def __init__(self, images, *, title="Samples", n_columns=8):
        self.images = images
        self.title = title
        self.n_columns = n_columns

    @classmethod
    def from_estimator(
        cls, model, n_samples=32, *, apply=(), source="prior", random_state=None, n_columns=8, ax=None, cmap="gray"
    ):
        """Sample a model, and draw the samples.

        Parameters
        ----------
        model : LatentAugmenter, TransferHead or ConditionalVAE
            Fitted.
        n_samples : int, default=32
            Number of images.
        apply, source, random_state
            As in the model's `sample`.
        n_columns : int, default=8
            Images in a row.
        ax, cmap
            As in `plot`.

        Returns
        -------
        SampleDisplay
        """
        check_model(model)
        images = model.sample(n_samples, apply=apply, random_state=random_state, source=source)
        images = model.format_.to_unit(model.format_.layout(images, flat=False))
        composition = (apply,) if isinstance(apply, str) else tuple(apply)
        title = f"Samples of the {source}" + (f": {in_words(composition, 60)}" if composition else "")
        return cls(images, title=title, n_columns=n_columns).plot(ax, cmap=cmap)

    def _grid(self):
        check_number("n_columns", self.n_columns, low=1, integer=True)
        starts = range(0, len(self.images), self.n_columns)
        return ImageGrid([[("", self.images[start : start + self.n_columns]) for start in starts]], title=self.title)


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
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from latentaug.displays import InterpolationDisplay
    >>> A, B = np.zeros((2, 8, 8)), np.ones((2, 8, 8))
    >>> lines = np.linspace(A, B, 5, axis=1)
    >>> display = InterpolationDisplay(A, B, lines).plot(Figure().subplots())
    """

    def __init__(self, A, B, lines):
        self.A = A
        self.B = B
        self.lines = lines

    @classmethod
    def from_estimator(cls, model, A, B, n_steps=8, *, ax=None, cmap="gray"):
        """Interpolate between images, and draw the lines.

        Parameters
        ----------
        model : LatentAugmenter, TransferHead or ConditionalVAE
            Fitted.
        A, B : array-like of shape (n, H, W), (n, H, W, C) or (n, n_features)
            Images, scaled as in `fit`, as many in both; a row for each pair.
        n_steps : int, default=8
            Images on a line, both ends included.
        ax, cmap
            As in `plot`.

        Returns
        -------
        InterpolationDisplay
        """
        check_model(model)
        lines = model.interpolate(A, B, n_steps)
        lines = model.format_.to_unit(lines.reshape(len(lines), n_steps, *model.format_.image_shape))
        A, B = (model.format_.to_unit(check_images(model, images, reset=False)) for images in (A, B))
        return cls(A, B, lines).plot(ax, cmap=cmap)

    def _grid(self):
        rows = [("", np.stack([a, *line, b])) for a, line, b in zip(self.A, self.lines, self.B, strict=True)]
        n_steps = len(self.lines[0])
        shares = [f"{100 * k / (n_steps - 1):.0f} %" for k in range(n_steps)]
        return ImageGrid([rows], ["real", *shares, "real"], (1, n_steps + 1), title="Interpolation in latent space")
