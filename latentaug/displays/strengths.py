"""Displays of augmentations with a strength: the orbit of an image, and strengths read off images."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.decomposition import PCA
from sklearn.utils import check_consistent_length, check_random_state

from latentaug._checks import RandomState, check_model, check_number, draw_seed, unknown_name
from latentaug.augs.views import Views
from latentaug.displays.drawing import ChartDisplay, known_views

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["EstimateDisplay", "OrbitDisplay"]


def _family_of(model: Any, name: Any) -> Any:
    """The laws of an augmentation with a strength."""
    check_model(model)
    families = model.algebra_.families
    if not isinstance(name, str) or name not in families:
        raise unknown_name("augmentation with a strength", name, families, "Fitted on")
    return families[name]


def _at_strengths(views: Views, name: str, strengths: np.ndarray) -> np.ndarray:
    """Images, each at its own strength, made as pixels."""
    return views.take(slice(None), ((name, tuple(map(float, strengths))),))


@dataclass(eq=False, repr=False)
class OrbitDisplay(ChartDisplay):
    """The latents of one image at many strengths, in the plane: carried by the map, and encoded from pixels.

    Parameters
    ----------
    carried, encoded : ndarray of shape (n_strengths, 2)
    strengths : array-like of shape (n_strengths,)
    name : str, default="augmentation"

    Examples
    --------
    >>> t = np.linspace(0, 6, 9)
    >>> circle = np.column_stack([np.cos(t), np.sin(t)])
    >>> display = OrbitDisplay(circle, circle + 0.1, t, name="rotate").plot()
    >>> [text.get_text() for text in display.ax_.get_legend().get_texts()]
    ['carried by the latent map', 'encoded from pixels']
    """

    carried: np.ndarray
    encoded: np.ndarray
    strengths: ArrayLike
    _: KW_ONLY
    name: str = "augmentation"

    @classmethod
    def from_estimator(
        cls, model: Any, X: ArrayLike, name: str, *, n_strengths: int = 49, ax: Axes | None = None
    ) -> OrbitDisplay:
        """Carry the latents of the first image, encode it at every strength, and draw both.

        Parameters
        ----------
        model : LatentAugmenter
            Fitted, with functions as augmentations.
        X : array-like of shape (n, H, W), (n, H, W, C) or (n, n_features)
            Images, scaled as in `fit`.
        name : str
            An augmentation with a strength.
        n_strengths, ax
            From the least to the greatest trained on, and as in `plot`.
        """
        check_number("n_strengths", n_strengths, low=2, integer=True)
        laws = _family_of(model, name)
        t = np.linspace(laws.low, laws.high, n_strengths)
        one = known_views(model, X, [()]).rows(np.zeros(n_strengths, dtype=int))
        encoded = model.encode(_at_strengths(one, name, t)).astype(np.float64)
        Z = np.repeat(model.encode(one.images[:1]).astype(np.float64), n_strengths, axis=0)
        carried = model.transform_latent(Z, (name, tuple(map(float, t))))
        plane = PCA(min(2, Z.shape[1])).fit(carried)
        points = [np.column_stack([plane.transform(rows), np.zeros(n_strengths)])[:, :2] for rows in (carried, encoded)]
        return cls(points[0], points[1], t, name=name).plot(ax)

    def _draw(self, ax: Any) -> None:
        check_consistent_length(self.carried, self.encoded, self.strengths)
        ax.plot(*np.asarray(self.carried).T, color="0.6", linewidth=1, label="carried by the latent map", zorder=1)
        dots = ax.scatter(*np.asarray(self.encoded).T, c=self.strengths, s=18, cmap="twilight_shifted", zorder=2)
        dots.set_label("encoded from pixels")
        ax.figure.colorbar(dots, ax=ax, label=f"strength of {self.name}")
        ax.legend(frameon=False, fontsize="small")
        ax.set(xlabel="PCA 1", ylabel="PCA 2")
        ax.set_title("The orbit of one image in latent space", fontsize="medium")


@dataclass(eq=False, repr=False)
class EstimateDisplay(ChartDisplay):
    """Strengths read off pairs of images, over the true ones.

    Parameters
    ----------
    true, estimated : ndarray of shape (n_images,)
    name : str, default="augmentation"

    Examples
    --------
    >>> display = EstimateDisplay(np.arange(3.0), np.array([0.1, 1.0, 1.9]), name="shear").plot()
    >>> display.ax_.get_title()
    'shear: median error 0.1'
    """

    true: np.ndarray
    estimated: np.ndarray
    _: KW_ONLY
    name: str = "augmentation"
    period: float | None = None

    @classmethod
    def from_estimator(
        cls, model: Any, X: ArrayLike, name: str, *, random_state: RandomState = 0, ax: Axes | None = None
    ) -> EstimateDisplay:
        """Bring images to strengths drawn at random, estimate them, and draw.

        Parameters
        ----------
        model, X, name
            As in `OrbitDisplay.from_estimator`, of all images.
        random_state : int, RandomState instance or None, default=0
            Seed of the strengths.
        ax
            As in `plot`.
        """
        laws, views = _family_of(model, name), known_views(model, X, [()])
        rng = check_random_state(draw_seed(random_state))
        true = rng.uniform(laws.low, laws.high, len(views))
        found = model.estimate(views.images, _at_strengths(views, name, true), name).strength
        return cls(true, found, name=name, period=laws.period).plot(ax)

    def _draw(self, ax: Any) -> None:
        true, found = np.asarray(self.true), np.asarray(self.estimated)
        check_consistent_length(true, found)
        apart = np.abs(found - true)
        if self.period is not None:
            apart = np.minimum(apart % self.period, self.period - apart % self.period)
        ax.axline((0, 0), slope=1, color="0.7", linewidth=1)
        ax.scatter(true, found, s=12, alpha=0.6, linewidths=0)
        ax.set(xlabel="true strength", ylabel="estimated strength")
        ax.set_title(f"{self.name}: median error {np.median(apart):.2g}", fontsize="medium")
