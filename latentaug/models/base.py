"""What every estimator is: its callbacks, its seed, all or nothing in `fit`, how it travels, its tags.

Callbacks are an experiment of scikit-learn 1.9, and this is all that latentaug knows of them. Where there are none,
everything here is there and does nothing.
"""

from __future__ import annotations

import inspect
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from difflib import get_close_matches
from functools import cached_property, wraps
from html import escape
from types import TracebackType
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import numpy as np

from latentaug._sources import gathered
from latentaug.learn.coding import plain_torch
from latentaug.learn.processes import agree_on_seed
from latentaug.persistence import packed_state, save, unpacked_state

__all__ = ["Estimator", "Fitting", "Transformer", "all_or_nothing"]

Anyone = TypeVar("Anyone")

if TYPE_CHECKING:  # scikit-learn ships no types, and what derives from nobody knows what has every attribute

    class BaseEstimator:
        def get_params(self, deep: bool = True) -> dict[str, Any]: ...
        def set_params(self: Anyone, **params: Any) -> Anyone: ...
        def _html_repr(self) -> str: ...
        def set_callbacks(self: Anyone, *callbacks: Any) -> Anyone: ...
        def __sklearn_tags__(self) -> Any: ...
        def __getstate__(self) -> dict[str, Any]: ...
        def __setstate__(self, state: Any) -> None: ...

    class TransformerMixin:
        def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> np.ndarray: ...
        def set_output(self: Anyone, *, transform: str | None = None) -> Anyone: ...

    class CallbackSupportMixin:
        def _init_callback_context(self, **task: Any) -> Any: ...

    def with_callbacks(method: Anyone) -> Anyone: ...

else:
    from sklearn.base import BaseEstimator, TransformerMixin

    try:
        from sklearn.callback import CallbackSupportMixin, with_callbacks
    except ImportError:

        class _NoContext:
            """Whatever is told, nothing is done."""

            def subcontext(self, **task):
                return _NoContext()

            def call_on_fit_task_begin(self, **task):
                pass

            def call_on_fit_task_end(self, **task):
                return False

            def propagate_callback_context(self, sub_estimator):
                return nullcontext()

        class CallbackSupportMixin:
            """An estimator without callbacks."""

            def _init_callback_context(self, **task):
                return _NoContext()

        def with_callbacks(method):
            """Leave a method as it is."""
            return method


Self = TypeVar("Self", bound="Estimator")
Given = ParamSpec("Given")
Result = TypeVar("Result")


def all_or_nothing(
    fit: Callable[Concatenate[Self, Given], Result],
) -> Callable[Concatenate[Self, Given], Result]:
    """Decorate a `fit` that is a `Fitting`: where it fails, the estimator is left as it was."""
    managed = with_callbacks(fit)

    @wraps(fit)
    def fit_or_restore(estimator: Self, /, *args: Given.args, **kwargs: Given.kwargs) -> Result:
        before = estimator.__dict__.copy()
        in_order = sum(value is not None for value in (*args, *kwargs.values())) > 1  # labels or views are beside X
        given: Any = [gathered(value, in_order) for value in args]
        named: Any = {name: gathered(value, in_order) for name, value in kwargs.items()}
        try:
            with plain_torch():
                return managed(estimator, *given, **named)
        except BaseException:
            estimator.__dict__.clear()
            estimator.__dict__.update(before)
            raise

    return fit_or_restore


class Fitting:
    """What surrounds a `fit` decorated by `all_or_nothing`: tasks of callbacks, and the seed. A context of its body.

    Parameters
    ----------
    estimator : Estimator
    X : array-like
    y : array-like or None
        Monitors score only where there is a `y`; for one that is None, and ignored, NaN stands in.
    context : callback context of scikit-learn
    """

    def __init__(self, estimator: Any, X: Any, y: Any, context: Any) -> None:
        self.estimator, self.context = estimator, context
        self.data = {"X": X, "y": (lambda: np.full(len(X), np.nan)) if y is None else y}

    def __enter__(self) -> Fitting:
        _warn_of_lost_checkpoints(self.estimator)
        self.context.call_on_fit_task_begin(estimator=self.estimator, **self.data)
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None:
            self.context.call_on_fit_task_end(estimator=self.estimator, reconstruction_attributes={}, **self.data)

    @cached_property
    def seed(self) -> int:
        """The seed of this fit, shared by the processes that train in it."""
        return agree_on_seed(self.estimator)

    @property
    def is_awaited(self) -> bool:
        """Whether a fit that is not one of latentaug's waits for this one: that of a search or a pipeline."""
        parent = getattr(self.estimator, "_parent_callback_ctx", None)
        return parent is not None and getattr(parent, "is_awaited", True)

    @contextmanager
    def of(self, sub_estimator: Any) -> Iterator[None]:
        """The task of fitting a sub-estimator, to which callbacks are handed on."""
        inner = self.context.subcontext(task_name=f"fit-{type(sub_estimator).__name__}")
        inner.is_awaited = self.is_awaited
        with inner.propagate_callback_context(sub_estimator):
            inner.call_on_fit_task_begin(estimator=self.estimator, **self.data)
            yield
            inner.call_on_fit_task_end(estimator=self.estimator, **self.data)

    def pass_task(self) -> Any:
        """The task of a pass over the data, which has begun."""
        task = self.context.subcontext(task_name="pass")
        task.call_on_fit_task_begin(estimator=self.estimator, **self.data)
        return task


# What other libraries call our parameters.
SYNONYMS = {
    **dict.fromkeys(("epochs", "n_epochs", "num_epochs", "max_epochs", "n_iter", "iterations", "passes"), "max_iter"),
    **dict.fromkeys(("lr", "rate", "eta", "step_size", "learning_rate_initial", "initial_lr"), "learning_rate_init"),
    **dict.fromkeys(("n_components", "latent_size", "latent_dims", "n_latents", "z_dim", "zdim", "dim"), "latent_dim"),
    **dict.fromkeys(("seed", "random_seed", "rng", "generator"), "random_state"),
    **dict.fromkeys(("channels", "filters", "hidden_dims", "hidden_layer_sizes", "layers"), "hidden_channels"),
    **dict.fromkeys(("beta", "kl", "kld_weight", "kl_coef"), "kl_weight"),
    **dict.fromkeys(("transforms", "augmentations", "transformations", "aug"), "augs"),
    **dict.fromkeys(("vae", "encoder", "network", "estimator", "base_estimator"), "autoencoder"),
    **dict.fromkeys(("gpu", "cuda", "accelerator"), "device"),
    **dict.fromkeys(("input_shape", "shape", "img_size", "image_size", "img_shape"), "image_shape"),
    **dict.fromkeys(("patience", "es_patience"), "n_iter_no_change"),
    **dict.fromkeys(("n_copies", "n_samples"), "n_augments"),
    "n_jobs": "devices",
    "model": "augmenter",
}


def _with_named_parameters(init: Callable[..., None]) -> Callable[..., None]:
    """An `__init__` that says the right name where a parameter has another."""
    known = list(inspect.signature(init).parameters)[1:]

    @wraps(init)
    def checked(self: Any, *args: Any, **kwargs: Any) -> None:
        for name in kwargs:
            if name not in known:
                meant = [SYNONYMS.get(name.lower()), *get_close_matches(name, known, 1)]
                right = next((m for m in meant if m in known), None)
                hint = f"Did you mean {right}?" if right else f"Allowed: {', '.join(known)}."
                raise TypeError(f"{type(self).__name__} has no parameter {name}. {hint}")
        init(self, *args, **kwargs)

    return checked


def _warn_of_lost_checkpoints(estimator: Any) -> None:
    """Warn where a fit writes checkpoints under a seed that no other fit will draw."""
    parameters = estimator.get_params()
    for name in (name for name, value in parameters.items() if name.endswith("checkpoint_dir") and value is not None):
        parts = name.split("__")[:-1]
        seeds = ("__".join([*parts[:k], "random_state"]) for k in range(len(parts) + 1))
        if all(parameters.get(seed) is None for seed in seeds):
            message = (
                "checkpoint_dir without a random_state: every fit draws another seed, and never finds its checkpoint"
            )
            warnings.warn(f"{message}. Allowed: random_state=0.", UserWarning, stacklevel=2)


class Estimator(CallbackSupportMixin, BaseEstimator):
    """Abstract estimator of latentaug."""

    _doc_link_module = "latentaug"  # a notebook shows a link to the page of the class
    _doc_link_template = "https://latentaug.readthedocs.io/en/latest/generated/latentaug.{estimator_name}.html"

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "__init__" in vars(cls):
            cls.__init__ = _with_named_parameters(cls.__init__)  # type: ignore[method-assign]

    def save(self, path: str | os.PathLike) -> None:
        """Write the estimator, fitted or not, to a file that `latentaug.load` reads.

        The file is a zip of JSON and of arrays in the safetensors format. It holds no code, so that reading it runs
        none: functions in `augs` are kept by name, and only those of `latentaug.augs.CATALOGUE` come back by
        themselves. It appears whole or not at all: until it is complete, what `path` held before stays.

        Parameters
        ----------
        path : str or os.PathLike
            Of the file; one that is there is replaced.

        Raises
        ------
        TypeError
            On an estimator that is neither of latentaug nor of scikit-learn, and on other data that the file cannot
            hold. Such models pickle.
        OSError
            Where the file cannot be written.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from latentaug import VAE, load
        >>> X = np.random.default_rng(0).random((32, 8, 8))
        >>> vae = VAE(latent_dim=4, max_iter=1, random_state=0).fit(X)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     vae.save(Path(folder) / "vae.latentaug")
        ...     loaded = load(Path(folder) / "vae.latentaug")
        >>> np.array_equal(loaded.transform(X), vae.transform(X))
        True
        """
        save(self, path)

    def _fitting(self, X: Any, y: Any, max_subtasks: int = 1) -> Fitting:
        return Fitting(self, X, y, self._init_callback_context(max_subtasks=max_subtasks))

    def __getstate__(self) -> dict[str, Any]:
        return packed_state(super().__getstate__())

    def __setstate__(self, state: dict[str, Any]) -> None:
        known = unpacked_state(state)
        given = inspect.signature(type(self).__init__).parameters
        later = {name: p.default for name, p in given.items() if name not in known and p.default is not p.empty}
        super().__setstate__(known | later)  # a parameter that came after the version that wrote the state

    def _html_repr(self) -> str:
        """What a notebook shows: scikit-learn's diagram, and a line on what was learned; before 1.7 without it."""
        verdict = getattr(self, "verdict_", None)
        return super()._html_repr() + (
            "" if verdict is None else f"<p>{type(self).__name__} {escape(str(verdict))}</p>"
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


class Transformer(TransformerMixin, Estimator):
    """Abstract estimator with `transform`, which gives out float32."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
