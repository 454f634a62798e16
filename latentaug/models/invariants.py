"""The estimator InvariantFeatures: what of the latents no augmentation changes."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import ClassNamePrefixFeaturesOutMixin
from sklearn.utils.validation import check_is_fitted

from latentaug._checks import RandomState, check_kind, check_latents, draw_seed, unknown_name
from latentaug.images import check_images
from latentaug.latent.flows import Flow
from latentaug.models.augmenter import LatentAugmenter
from latentaug.models.base import Transformer, all_or_nothing
from latentaug.models.codec import fitted_model

__all__ = ["InvariantFeatures", "Invariants"]

MOST_TURNS = 8  # of one plane while another turns whole times, in a relative phase


class Invariants:
    """Functions of latent rows that commuting flows and a finite group leave as they are, exactly.

    Parameters
    ----------
    flows : list of Flow
        That commute.
    group : ndarray of shape (N, d, d)
        Of which the flows are turned round, or left.
    """

    def __init__(self, flows: Sequence[Flow], group: np.ndarray) -> None:
        self.flows, self.group, self.d = flows, group, group.shape[1]

    @cached_property
    def _planes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Complex coordinates of planes (d, p), the frequencies (n_flows, p) that turn them, and fixed ones (d, r)."""
        rng = np.random.default_rng(0)
        units = [2 * np.pi / flow.period if flow.period else np.abs(flow.frequencies).max() for flow in self.flows]
        A = sum(rng.uniform(1, 2) * flow.generator / unit for flow, unit in zip(self.flows, units, strict=True))
        values, V = np.linalg.eig(A)
        turning = np.flatnonzero(values.imag > 1e-6)
        left = np.linalg.inv(V)
        frequencies = [
            np.einsum("ki,ij,jk->k", left[turning], flow.generator, V[:, turning]).imag / unit
            for flow, unit in zip(self.flows, units, strict=True)
        ]
        still = V[:, np.abs(values) <= 1e-6]
        spanned = np.hstack([still.real, still.imag])
        fixed = np.linalg.svd(spanned)[0][:, : still.shape[1]] if still.shape[1] else np.zeros((self.d, 0))
        return V[:, turning], np.array(frequencies), fixed

    @cached_property
    def _pairs(self) -> list[tuple[int, int, int, int]]:
        """Planes j and k with p and q for which ``p * phase_j - q * phase_k`` stays as it is."""
        frequencies, found = self._planes[1], []
        for j, k in combinations(range(frequencies.shape[1]), 2):
            a, b = frequencies[:, j], frequencies[:, k]
            pivot = int(np.abs(b).argmax())
            ratio = Fraction(float(a[pivot] / b[pivot])).limit_denominator(MOST_TURNS)
            p, q = ratio.denominator, ratio.numerator
            if 0 < abs(q) <= MOST_TURNS and np.abs(p * a - q * b).max() < 1e-9:
                found.append((j, k, p, q))
        return found

    def _of_flows(self, Z: np.ndarray) -> np.ndarray:
        """Fixed coordinates, lengths in planes, and relative phases; products, where there are no planes."""
        if not self.flows:
            i, j = np.triu_indices(self.d)
            return np.hstack([Z, Z[:, i] * Z[:, j]])
        V, _, fixed = self._planes
        C = Z @ V
        lengths = np.abs(C)
        units = C / np.maximum(lengths, np.finfo(float).tiny)
        phases = [
            np.sqrt(lengths[:, j] * lengths[:, k]) * units[:, j] ** p * np.conj(units[:, k] ** q)
            for j, k, p, q in self._pairs
        ]
        whole = np.stack(phases, axis=1) if phases else np.zeros((len(Z), 0), dtype=complex)
        return np.hstack([Z @ fixed, lengths, whole.real, whole.imag])

    def __call__(self, Z: np.ndarray) -> np.ndarray:
        """Features (n, m) of latent rows: those of the flows, and over the group their means and mean squares."""
        if len(self.group) == 1:
            return self._of_flows(Z)
        orbit = np.stack([self._of_flows(Z @ L) for L in self.group])
        return np.hstack([orbit.mean(axis=0), (orbit**2).mean(axis=0)]) if self.flows else orbit.mean(axis=0)


class InvariantFeatures(ClassNamePrefixFeaturesOutMixin, Transformer):
    """Features of images that augmentations do not change: what of the latents is left as it is, exactly.

    Of augmentations with a strength: coordinates that do not turn, lengths in the planes that do, and relative phases
    of planes whose frequencies have a whole ratio. Of a finite group: sums over its orbits. A latent row and all that
    the maps make of it have the same features; those of an image and its augmented one differ by what the encoder is
    from exact.

    Parameters
    ----------
    augmenter : LatentAugmenter
        A fitted one is used as it is; an unfitted one is cloned and fitted.
    names : list of str, default=None
        The augmentations not to tell apart; all if None. Their maps are exact, and those with a strength commute.
    random_state : int, RandomState instance or None, default=None
        Seed of an unfitted augmenter without one.

    Attributes
    ----------
    augmenter_ : LatentAugmenter
        Fitted.
    n_features_in_ : int

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from latentaug import InvariantFeatures, LatentAugmenter
    >>> X = load_digits().images[:300] / 16
    >>> turns = LatentAugmenter(["rotate"], PCA(12), method="staged").fit(X)
    >>> features = InvariantFeatures(turns).fit(X)
    >>> Z = turns.encode(X)
    >>> turned = turns.transform_latent(Z, ("rotate", 25.0))
    >>> bool(abs(features.transform_latent(turned) - features.transform_latent(Z)).max() < 1e-6)
    True
    """

    augmenter_: LatentAugmenter
    n_features_in_: int

    def __init__(self, augmenter: Any, names: Any = None, random_state: RandomState = None) -> None:
        self.augmenter = augmenter
        self.names = names
        self.random_state = random_state

    @all_or_nothing
    def fit(self, X: ArrayLike, y: Any = None) -> InvariantFeatures:
        """Find what is left as it is; fit the augmenter, where it is unfitted.

        Parameters
        ----------
        X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
            Images, as the augmenter takes them.
        y : None
            Ignored.

        Raises
        ------
        ValueError, TypeError
            Where a map is learned, and so leaves nothing exactly; and where strengths do not commute.
        """
        model = getattr(self.augmenter, "estimator", self.augmenter)
        check_kind("augmenter", model, LatentAugmenter, "a LatentAugmenter")
        with self._fitting(X, y) as fitting:
            self.augmenter_ = fitted_model(self.augmenter, X, draw_seed(self.random_state), fitting.of)
            check_images(self.augmenter_, X, reset=False)
            self._check_names()
            self.n_features_in_ = self.augmenter_.n_features_in_
        return self

    def _check_names(self) -> list[str]:
        model = self.augmenter_
        check_kind("names", self.names, (list, tuple, type(None)), "a list of names or None")
        names = model.aug_names_ if self.names is None else list(self.names)
        if not names:
            raise ValueError("names must hold an augmentation. Got none.")
        for name in names:
            if not isinstance(name, str) or name not in model.latent_maps_:
                raise unknown_name("augmentation", name, model.aug_names_, "Fitted on")
        families, exact = model.algebra_.families, model.algebra_.frame.families
        learned = [name for name in names if name not in families and model.geometries_[name] != "group"]
        grown = [name for name in names if name in families and model.latent_maps_[name].growths.any()]
        moving = [name for name in names if name in families]
        apart = [name for name in moving if name not in exact and len(names) > 1]
        for some, why in ((learned, "has a learned map"), (grown, "grows"), (apart, "has no law with the others")):
            if some:
                raise ValueError(f"{some[0]} {why}, and leaves nothing as it is. Allowed: names without it.")
        return names

    @property
    def _invariants(self) -> Invariants:
        model, names = self.augmenter_, self._check_names()
        laws, identity = model.algebra_, np.eye(self.augmenter_.latent_dim_)
        numbers = laws.subgroup(name for name in names if name in laws.generators)
        elements = [laws.elements[number] for number in numbers]
        group = [model.transform_latent(identity, *element) if element else identity for element in elements]
        return Invariants([model.latent_maps_[name] for name in names if name in laws.families], np.stack(group))

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Features of images.

        Parameters
        ----------
        X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
            Images, scaled as the augmenter's training data.

        Returns
        -------
        ndarray of shape (n_images, m)
            As float32.
        """
        check_is_fitted(self)
        return self._invariants(self.augmenter_.encode(X).astype(np.float64)).astype(np.float32)

    def transform_latent(self, Z: ArrayLike) -> np.ndarray:
        """Features (n_images, m) of latent rows (n_images, d), as float64."""
        check_is_fitted(self)
        return self._invariants(check_latents(Z, self.augmenter_.latent_dim_).astype(np.float64))

    @property
    def feature_names_in_(self) -> np.ndarray:
        """Names of the columns that the augmenter was fitted on, where they had names."""
        model: Any = self.augmenter_
        return model.feature_names_in_

    @property
    def _n_features_out(self) -> int:
        return self.transform_latent(np.zeros((1, self.augmenter_.latent_dim_))).shape[1]
