"""Displays that are diagrams of points and curves, in scikit-learn's Display shape."""

from __future__ import annotations

import numpy as np
from sklearn.decomposition import PCA, FastICA
from sklearn.manifold import TSNE
from sklearn.pipeline import make_pipeline
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted

from latentaug._validation import as_array, check_choice, draw_seed
from latentaug.drawing import ChartDisplay, import_pyplot, in_words, known_views

__all__ = ["PROJECTIONS", "SPACES", "LossDisplay", "ProjectionDisplay"]


def _latent_rows(model, images, composition):
    return model.encode(images, composition)


def _image_rows(model, images, composition):
    return model.format_.layout(model.format_.to_unit(images), flat=True)


def _reconstruction_rows(model, images, composition):
    return _image_rows(model, model.carry(images, composition, composition), composition)


MOST_GROUPS = 24
# From a model and the images of a composition to rows.
SPACES = {"latent": _latent_rows, "image": _image_rows, "reconstruction": _reconstruction_rows}


def _make_ica(n_rows, seed):
    """ICA of the two first whitened principal components; one direction after the other, as both at once may cycle."""
    ica = FastICA(whiten=False, algorithm="deflation", max_iter=1000, tol=1e-3, random_state=seed)
    return make_pipeline(PCA(2, whiten=True, random_state=seed), ica)


# From the number of rows and a seed to a transformer to two dimensions.
PROJECTIONS = {
    "pca": lambda n_rows, seed: PCA(2, random_state=seed),
    "ica": _make_ica,
    "tsne": lambda n_rows, seed: TSNE(2, perplexity=min(30, (n_rows - 1) / 3), random_state=seed),
}


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
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from latentaug.displays import ProjectionDisplay
    >>> display = ProjectionDisplay(np.eye(2), ["original", "flip_lr"]).plot(Figure().subplots())
    >>> [text.get_text() for text in display.ax_.get_legend().get_texts()]
    ['original', 'flip_lr']
    """

    def __init__(self, points, groups, *, title="Projection", axis_names=("", "")):
        self.points = points
        self.groups = groups
        self.title = title
        self.axis_names = axis_names

    @classmethod
    def from_estimator(
        cls, model, X, *, y=None, space="latent", projection="pca", compositions=None, random_state=0, ax=None
    ):
        """Project the views of some images into the plane, and draw them.

        Parameters
        ----------
        model : LatentAugmenter, TransferHead or ConditionalVAE
            Fitted, with functions as augmentations.
        X : array-like of shape (n, H, W), (n, H, W, C) or (n, n_features)
            Images, scaled as in `fit`; each view has n points.
        y : array-like of shape (n,), default=None
            Labels to colour by; coloured by view if None.
        space : {"latent", "image", "reconstruction"}, default="latent"
            What is projected: latents, images, or the model's reconstructions of images.
        projection : {"pca", "ica", "tsne"}, default="pca"
        compositions : list of tuple of str, default=None
            The views; those trained on if None.
        random_state : int, RandomState instance or None, default=0
            Seed of the projection. No global generator is touched.
        ax : matplotlib Axes, default=None
            As in `plot`.

        Returns
        -------
        ProjectionDisplay
        """
        check_choice("space", space, SPACES)
        check_choice("projection", projection, PROJECTIONS)
        views = known_views(model, X, compositions)
        rows = np.concatenate([SPACES[space](model, views.take(slice(None), c), c) for c in views.compositions])
        if min(rows.shape) < 2 or len(rows) < 4:
            raise ValueError(
                f"A projection needs 4 points of 2 dimensions or more. Got {rows.shape[0]} of {rows.shape[1]}."
            )
        if y is None:
            groups = np.repeat([in_words(c) for c in views.compositions], len(views))
        else:
            labels = as_array("y", y)
            check_consistent_length(views.images, labels)
            groups = np.tile(labels, len(views.compositions))
        projector = PROJECTIONS[projection](len(rows), draw_seed(random_state))
        points = projector.fit_transform(rows)
        shares = getattr(projector, "explained_variance_ratio_", None)
        notes = ("", "") if shares is None else [f" ({share:.0%} of the variance)" for share in shares]
        names = [f"{projection.upper()} {k}{note}" for k, note in enumerate(notes, start=1)]
        title = f"{space} space".capitalize() + ("" if y is None else " by label")
        return cls(points, groups, title=title, axis_names=names).plot(ax)

    def _size(self):
        return 6.5, 4.2

    def _draw(self, ax):
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
        columns = 1 + (len(names) > 12)
        ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize="small", ncols=columns)
        ax.set(xlabel=self.axis_names[0], ylabel=self.axis_names[1])
        ax.set_title(self.title, fontsize="medium")


class LossDisplay(ChartDisplay):
    """The loss of a training, pass by pass.

    Parameters
    ----------
    loss_curve : array-like of shape (n_iter,)
        Mean loss of each pass over the training images.
    validation_curve : array-like of shape (n_iter,), default=()
        The same of the images held out, if any were.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from latentaug.displays import LossDisplay
    >>> display = LossDisplay([50.0, 20.0, 14.0]).plot(Figure().subplots())
    """

    def __init__(self, loss_curve, validation_curve=()):
        self.loss_curve = loss_curve
        self.validation_curve = validation_curve

    @classmethod
    def from_estimator(cls, model, *, ax=None):
        """Draw how a model was trained.

        Parameters
        ----------
        model : VAE, ConditionalVAE, TransferHead, or a LatentAugmenter that holds a VAE
            Fitted.
        ax : matplotlib Axes, default=None
            As in `plot`.

        Returns
        -------
        LossDisplay
        """
        check_is_fitted(model)
        parts = [model, getattr(model, "autoencoder_", None), getattr(model, "autoencoders_", {}).get(())]
        trained = next((part for part in parts if hasattr(part, "loss_curve_")), None)
        if trained is None:
            raise TypeError(f"model must have a loss curve, or hold a VAE, which has. Got {type(model).__name__}.")
        return cls(np.array(trained.loss_curve_), np.array(trained.validation_curve_)).plot(ax)

    def _draw(self, ax):
        curves = {"training images": self.loss_curve, "held-out images": self.validation_curve}
        for label, curve in curves.items():
            if len(curve):
                ax.plot(range(1, len(curve) + 1), curve, marker="o", markersize=3, label=label)
        if len(self.validation_curve):
            ax.legend(frameon=False)
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.spines[["top", "right"]].set_visible(False)
        ax.set_xlabel("pass over the training images")
        ax.set_ylabel("squared error summed over pixels,\nplus KL in nats where it is trained")
        ax.set_title("Mean loss of an image", fontsize="medium")
