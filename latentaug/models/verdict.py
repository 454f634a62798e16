"""What a trained autoencoder is worth: one look at some of its own training images, beside principal components."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from latentaug._rows import batches
from latentaug.augs.views import Views
from latentaug.images import spread, squared_error
from latentaug.learn.coding import ImageCoder

__all__ = ["Verdict", "beside_originals", "judge", "warn_of_originals", "warn_where_bad"]

MOST, FEWEST, SURE = 500, 20, 50  # images looked at, and before a model is called worse than PCA
SHARE = 100  # of the images that training drew, one is looked at
MOST_NUMBERS = 2**23  # pixels looked at
PER_COMPONENT = 3  # images that there are more of where principal components of them are told of
IN_USE = 0.01  # variance of the means of a latent coordinate, of which the prior has 1
FALLING = 0.01  # share of the loss, in a pass
WORSE, LITTLE = 1.1, 1e-3  # an error over another, and a share of the variance that is nothing
DEAD = 1e-4  # variance of what is given out, over that of the images
FAR = 0.1  # share of the variance by which a model misses the mean image


@dataclass(frozen=True)
class Verdict:
    """What a fitted `VAE` is worth, on some of the images that it was trained on; prints as one line.

    Attributes
    ----------
    explained : float
        Share of the variance of the pixels that reconstruction explains: 1 less its squared error over that of the
        mean image, of the images of all views together, not refined. At most 1; below 0 the mean image does better.
    explained_by_pca : float
        What as many principal components of the same images explain; NaN where they are too few to tell.
    n_active : int
        Latent coordinates in use: those whose posterior means vary by more than 0.01, or, where no divergence sets the
        scale of latents, by more than a hundredth of the one that varies most.
    latent_dim : int
        Of how many.
    still_falling : bool
        Whether the loss fell by more than 1 % in the last pass.
    variation : float
        Variance of what is given out, as a share of that of the images; 0 where every image becomes the same.
    n_images : int
        Images looked at.

    Examples
    --------
    >>> print(Verdict(0.831, 0.604, 15, 16, True, 0.82, 500))
    explains 83.1 % of the variance (PCA of 16: 60.4 %); 15 of 16 latent coordinates in use; the loss was still falling
    """

    explained: float
    explained_by_pca: float
    n_active: int
    latent_dim: int
    still_falling: bool
    variation: float
    n_images: int

    @property
    def is_worse(self) -> bool:
        """Whether the error is more than 1.1 times that of PCA, or, where that is not known, far above the mean's.

        Components of few images flatter themselves: their error is taken as what it is on images that they are not of.
        """
        if np.isnan(self.explained_by_pca):
            return self.explained < -FAR
        error = (1 - self.explained_by_pca) * self.n_images / (self.n_images - self.latent_dim)
        return 1 - self.explained > WORSE * error + LITTLE

    def __str__(self) -> str:
        known = not np.isnan(self.explained_by_pca)
        beside = f" (PCA of {self.latent_dim}: {percent(self.explained_by_pca)})" if known else ""
        used = f"{self.n_active} of {self.latent_dim} latent coordinates in use"
        falling = "; the loss was still falling" if self.still_falling else ""
        return f"explains {percent(self.explained)} of the variance{beside}; {used}{falling}"


def percent(share: float) -> str:
    """A share as it is printed."""
    return f"{100 * share:.1f} %"


def judge(
    coder: ImageCoder, views: Views, n_drawn: int, loss_curve: Sequence[float], has_scale: bool
) -> Verdict | None:
    """Look at some images of the views trained on; None where too few were drawn to tell, or where all are the same.

    So many are looked at, at most a hundredth of the `n_drawn` that training saw, that it costs next to nothing.
    `has_scale` says whether a divergence gives latents the scale of N(0, I).
    """
    n = _n_looked_at(views, n_drawn)
    if n < FEWEST:
        return None
    few = views.rows(spread(len(views), n))
    numbers = np.arange(len(few))
    which = np.random.default_rng(0).integers(len(views.compositions), size=len(few))
    (images,) = few.mix(numbers, few.settle(numbers, which))
    Z, X = coder.encode(images), views.format_.to_output(images)
    X_hat = np.empty_like(X)
    for rows in batches(len(X), views.format_.n_pixels):
        coder.write(Z[rows], X_hat[rows])
    total = _variance(X)
    if total <= 0:
        return None
    finite = bool(np.isfinite(X_hat).all())
    scale = 1.0 if has_scale else float(Z.var(0).max())
    return Verdict(
        explained=1 - float(squared_error(X, X_hat).mean()) / total if finite else -np.inf,
        explained_by_pca=_explained_by_pca(X, coder.latent_dim),
        n_active=int((Z.var(0) > IN_USE * scale).sum()),
        latent_dim=coder.latent_dim,
        still_falling=len(loss_curve) > 1 and loss_curve[-1] < (1 - FALLING) * loss_curve[-2],
        variation=_variance(X_hat) / total if finite else 0.0,
        n_images=len(X),
    )


def _n_looked_at(views: Views, n_drawn: int) -> int:
    return min(MOST, n_drawn // SHARE, len(views), MOST_NUMBERS // views.format_.n_pixels)


def beside_originals(
    reconstruct: Callable[[np.ndarray], np.ndarray], views: Views, n_drawn: int, latent_dim: int
) -> Verdict | None:
    """Look at some of the originals alone, beside PCA of these; None where they are too few to be sure.

    A model of all views that does better than PCA of all views may still do worse than PCA of upright images.
    """
    n = _n_looked_at(views, n_drawn)
    images = views.take(spread(len(views), n)) if n >= SURE else None
    if images is None or not (total := _variance(X := views.format_.to_output(images))):
        return None
    X_hat = reconstruct(images)
    explained = 1 - float(squared_error(X, X_hat).mean()) / total
    by_pca, variation = _explained_by_pca(X, latent_dim), _variance(X_hat) / total
    return Verdict(explained, by_pca, latent_dim, latent_dim, False, variation, len(X))


def _variance(X: np.ndarray) -> float:
    """Squared error of the mean image, summed over pixels, averaged over images."""
    return float(X.reshape(len(X), -1).var(0, dtype=np.float64).sum())


def _explained_by_pca(X: np.ndarray, n_components: int) -> float:
    """Share of the variance in the first principal components of images; NaN of too few."""
    if len(X) <= PER_COMPONENT * n_components:
        return float("nan")
    rows = X.reshape(len(X), -1).astype(np.float64)
    rows -= rows.mean(0)
    variances = np.linalg.eigvalsh(rows @ rows.T if len(rows) < rows.shape[1] else rows.T @ rows)
    return float(variances[-n_components:].sum() / variances.sum())


class _Fault(NamedTuple):
    """When a verdict is bad, what is said of it, and the cure; of the verdict and the estimator."""

    holds: Callable[[Verdict, Any], bool]
    say: Callable[[Verdict], str]
    cure: Callable[[Verdict, Any], str]


def _gives_up(verdict: Verdict, vae: Any) -> bool:
    """The divergence has won: few latents carry anything, and the mean image was learned."""
    few = 2 * verdict.n_active < verdict.latent_dim and verdict.explained > -FAR
    return vae.kl_weight_ > 0 and few and (verdict.is_worse or not verdict.n_active)


def _longer(vae: Any) -> str:
    return f"train longer, by max_iter (now {vae.n_iter_})"


def _lighter(vae: Any) -> str:
    return f"lower kl_weight (now {vae.kl_weight_:.3g})"


def _slower(verdict: Verdict, vae: Any) -> str:
    return f"lower learning_rate_init (now {vae.learning_rate_init:g})"


FAULTS = {
    "collapsed": _Fault(
        _gives_up,
        lambda v: f"has collapsed: it {v}",
        lambda v, vae: f"{_lighter(vae)}, or {_longer(vae)}" if v.still_falling else _lighter(vae),
    ),
    "dead": _Fault(
        lambda v, _: v.variation < DEAD,
        lambda v: "is dead: every image becomes the same" if np.isfinite(v.explained) else "gives no finite images",
        _slower,
    ),
    "diverged": _Fault(
        lambda v, _: v.explained < -FAR,
        lambda v: f"does worse than the mean image: it {v}",
        _slower,
    ),
    "worse": _Fault(
        lambda v, _: v.is_worse and v.n_images >= SURE,
        lambda v: f"does worse than PCA: it {v}",
        lambda _, vae: f"{_longer(vae)}, or {_lighter(vae)}" if vae.kl_weight_ > 0 else _longer(vae),
    ),
}


def warn_of_originals(verdict: Verdict | None, model: Any) -> None:
    """Warn of a model of many views that tells less of the originals than their principal components; with the cure."""
    if verdict is None or np.isnan(verdict.explained_by_pca) or not verdict.is_worse:
        return
    ours, pca = percent(verdict.explained), percent(verdict.explained_by_pca)
    message = (
        f"{type(model).__name__} does worse than PCA on the original images: it explains {ours} of their variance, PCA "
        f"of {verdict.latent_dim} explains {pca}. Its latents hold every view. To mend it, raise latent_dim, or train "
        f"longer, by max_iter (now {model.autoencoder_.n_iter_})."
    )
    warnings.warn(message, ConvergenceWarning, stacklevel=2)


def warn_where_bad(verdict: Verdict | None, vae: Any) -> None:
    """Warn of a fitted `VAE` that has learned nothing, or less than principal components tell; with the cure."""
    if verdict is None or (verdict.still_falling and verdict.n_images < SURE and np.isfinite(verdict.explained)):
        return  # it has only begun
    fault = next((fault for fault in FAULTS.values() if fault.holds(verdict, vae)), None)
    if fault is not None:
        message = f"{type(vae).__name__} {fault.say(verdict)}. To mend it, {fault.cure(verdict, vae)}."
        warnings.warn(message, ConvergenceWarning, stacklevel=2)
