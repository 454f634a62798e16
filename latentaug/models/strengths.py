"""Distributions over augmentations, drawn image by image, and what they make of posteriors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import OneToOneFeatureMixin
from sklearn.utils import check_random_state, metadata_routing
from sklearn.utils.metaestimators import available_if

from latentaug._checks import (
    RandomState,
    as_numbers,
    check_kind,
    check_latents,
    check_model,
    check_number,
    draw_seed,
    shown,
    unknown_name,
)
from latentaug.augs.steps import Composition, reduced, times
from latentaug.images import check_images
from latentaug.latent.flows import Flow
from latentaug.models.base import Transformer
from latentaug.models.latent_model import LatentTransform

__all__ = ["Mixture", "RandomTransform", "by_image"]


class Mixture(NamedTuple):
    """A mixture of normal distributions of the latents of each image.

    The `weights` (k,) of the components add up to 1; `means` (n_images, k, d); `covariances` (n_images, k, d, d).
    """

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray


class RandomTransform(Transformer):
    """A distribution over augmentations of a fitted `LatentAugmenter`, drawn image by image; what its `random` returns.

    A step of a Pipeline, and an augmenter for `LatentResampler`.

    Parameters
    ----------
    augmenter : LatentAugmenter
        Fitted.
    distributions : dict of str to distribution
        The augmentations, the first acting first. Of each a probability, with which it is applied; or strengths: the
        ends of a uniform distribution, ``(low, high)``, or a distribution of `scipy.stats`, such as ``norm(0, 10)``.
    random_state : int, RandomState instance or None, default=None
        Seed of the draws: an integer draws alike in every call.
    """

    __metadata_request__transform = {"out": metadata_routing.UNUSED}  # noqa: RUF012  (scikit-learn's protocol)

    def __init__(self, augmenter: Any, distributions: Any, random_state: RandomState = None) -> None:
        self.augmenter = augmenter
        self.distributions = distributions
        self.random_state = random_state

    def fit(self, X: Any = None, y: Any = None) -> RandomTransform:
        """Do nothing, whatever is given: the augmenter is fitted."""
        return self

    @property
    def format_(self) -> Any:
        """The augmenter's format of images."""
        return self.augmenter.format_

    @property
    def n_features_in_(self) -> int:
        """Pixels times channels of an image."""
        return self.augmenter.n_features_in_

    def check(self) -> RandomTransform:
        """Itself; refuse what is no distribution."""
        self._check_distributions()
        if not isinstance(self.random_state, np.random.RandomState):  # which a look would move
            draw_seed(self.random_state)
        return self

    def draw(self, n_images: int) -> LatentTransform:
        """A transform of so many images, each by what was drawn for it."""
        return LatentTransform(self.augmenter, reduced((n, tuple(p)) for n, p in self.powers(n_images).items()))

    def powers(self, n_images: int) -> dict[str, np.ndarray]:
        """What is drawn for so many images: of each augmentation its powers, (n_images,)."""
        check_number("n_images", n_images, low=1, integer=True)
        distributions = self._check_distributions()
        rng = check_random_state(draw_seed(self.random_state))
        return {name: _draw(given, n_images, rng) for name, given in distributions.items()}

    def transform(self, X: ArrayLike, out: np.ndarray | None = None) -> np.ndarray:
        """Augmented images, each by what is drawn for it.

        Parameters
        ----------
        X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
            Images, scaled as in `LatentAugmenter.transform`.
        out : ndarray of the shape of `X`, default=None
            What is written into and returned.
        """
        self._check_distributions()
        images = check_images(self.augmenter, X, reset=False)
        return self.draw(len(images)).push(X, out)

    @available_if(lambda self: self.format_.flat)
    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
        """Names of the features given out: those of the rows given in.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names to check against those seen in the augmenter's `fit`.
        """
        return OneToOneFeatureMixin.get_feature_names_out(self, input_features)

    @property
    def feature_names_in_(self) -> np.ndarray:
        """Names of the columns that the augmenter was fitted on, where they had names."""
        return self.augmenter.feature_names_in_

    def transform_latent(self, Z: ArrayLike) -> np.ndarray:
        """Latent rows (n_images, d), each carried over by what is drawn for it."""
        self._check_distributions()
        Z = check_latents(Z, self.augmenter.latent_dim_)
        return self.draw(len(Z)).transform_latent(Z)

    def latent_distribution(self, X: ArrayLike, n_draws: int = 16) -> Mixture:
        """Posteriors of images pushed through the distribution: a mixture of normal distributions.

        Every choice of what has a probability is a component with its own weight, exactly; of strengths, `n_draws` are
        drawn for each choice.

        Parameters
        ----------
        X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
            Images.
        n_draws : int, default=16
            Draws of the strengths, where there are any.
        """
        check_number("n_draws", n_draws, low=1, integer=True)
        compositions, weights = self._components(n_draws)
        parts = [self.augmenter.latent_distribution(X, *composition) for composition in compositions]
        means, covariances = zip(*parts, strict=True)
        return Mixture(weights, np.stack(means, axis=1), np.stack(covariances, axis=1))

    def _components(self, n_draws: int) -> tuple[list[Composition], np.ndarray]:
        distributions = self._check_distributions()
        rng = check_random_state(draw_seed(self.random_state))
        chances = {name: float(p) for name, p in distributions.items() if np.ndim(p) == 0 and not hasattr(p, "rvs")}
        compositions, weights = [], []
        for chosen in product((0, 1), repeat=len(chances)):
            power = dict(zip(chances, chosen, strict=True))
            weight = np.prod([p if power[name] else 1 - p for name, p in chances.items()], initial=1.0)
            n = n_draws if len(chances) < len(distributions) else 1
            for _ in range(n if weight else 0):
                steps = ((name, power[name] if name in power else float(_draw(given, 1, rng)[0]))
                         for name, given in distributions.items())  # fmt: skip
                compositions.append(reduced(steps))
                weights.append(weight / n)
        return compositions, np.array(weights)

    def _check_distributions(self) -> Mapping[str, Any]:
        check_model(self.augmenter)
        check_kind("distributions", self.distributions, Mapping, "a dict of augmentation to distribution")
        for name, given in self.distributions.items():
            if name not in self.augmenter.latent_maps_:
                raise unknown_name("augmentation", name, self.augmenter.latent_maps_, "Fitted on")
            _check_distribution(name, given, isinstance(self.augmenter.latent_maps_[name], Flow))
        return self.distributions

    def __sklearn_clone__(self) -> RandomTransform:
        return RandomTransform(self.augmenter, self.distributions, self.random_state)

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"RandomTransform({', '.join(f'{name}={_say(given)}' for name, given in self.distributions.items())})"


def by_image(powers: Iterable[tuple[str, np.ndarray]], n_images: int) -> list[Composition]:
    """Powers, one an image, as the composition of each image."""
    named = list(powers)
    return [reduced((name, times(float(power[k]), 1)) for name, power in named) for k in range(n_images)]


def _say(given: Any) -> str:
    return f"{given.dist.name}{given.args}" if hasattr(given, "dist") else repr(given)


def _check_distribution(name: str, given: Any, has_strength: bool) -> None:
    """Refuse what is neither a probability nor a distribution, and a probability of what has a strength."""
    if hasattr(given, "rvs") and not isinstance(given, type):
        return
    if np.ndim(given) == 0 and not has_strength:
        check_number(f"The probability of {name}", given, low=0, below=np.nextafter(1, 2))
        return
    allowed = "(low, high) or a distribution of scipy.stats"
    if not isinstance(given, (tuple, list)) or len(given) != 2:
        raise TypeError(f"The strength of {name} must be {allowed}. Got {shown(given)}.")
    low, high = as_numbers(f"The strength of {name}", given, dtype=np.float64, ensure_2d=False)
    if low > high:
        raise ValueError(f"The strength of {name} must be {allowed}. Got {shown(given)}, turned round.")


def _draw(given: Any, n: int, rng: np.random.RandomState) -> np.ndarray:
    """Powers (n,), drawn."""
    if hasattr(given, "rvs"):
        return np.asarray(given.rvs(size=n, random_state=rng), dtype=np.float64)
    if np.ndim(given):
        low, high = given
        return rng.uniform(low, high, size=n)
    return (rng.random_sample(n) < given).astype(np.float64)
