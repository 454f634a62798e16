"""What surrounds a fit: scikit-learn's callbacks, and the state to go back to where it fails.

Callbacks are an experiment of scikit-learn 1.9, and this is all that latentaug knows of them. Where there are none,
everything here is there and does nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import wraps
from typing import Any

import numpy as np

from latentaug.settings import TrainingLog, Watch

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:

    class _NoContext:
        is_awaited: bool

        def subcontext(self, **task: Any) -> _NoContext:
            return _NoContext()

        def call_on_fit_task_begin(self, **task: Any) -> None:
            pass

        def call_on_fit_task_end(self, **task: Any) -> bool:
            return False

        def propagate_callback_context(self, sub_estimator: Any) -> Any:
            return nullcontext()

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """An estimator without callbacks."""

        def _init_callback_context(self, **task: Any) -> _NoContext:
            return _NoContext()

    def with_callbacks(method: Callable) -> Callable:
        """Leave a method as it is."""
        return method


__all__ = ["CallbackSupportMixin", "FitTasks", "PassTasks", "all_or_nothing"]


def all_or_nothing(fit: Callable) -> Callable:
    """Decorate a `fit` that makes `FitTasks`: where it fails, the estimator is left as it was."""
    managed = with_callbacks(fit)

    @wraps(fit)
    def fit_or_restore(estimator: Any, *args: Any, **kwargs: Any) -> Any:
        before = dict(vars(estimator))
        try:
            return managed(estimator, *args, **kwargs)
        except BaseException:
            vars(estimator).clear()
            vars(estimator).update(before)
            raise

    return fit_or_restore


def _is_awaited(estimator: Any) -> bool:
    """Whether a fit that is not one of latentaug's waits for this one: that of a search or a pipeline."""
    parent = getattr(estimator, "_parent_callback_ctx", None)
    return parent is not None and getattr(parent, "is_awaited", True)


class FitTasks:
    """The tasks of a `fit` decorated by `all_or_nothing`: the whole, and what is trained inside it.

    Parameters
    ----------
    estimator : estimator with `CallbackSupportMixin`
    X : array-like
    y : array-like or None
        Monitors score only where there is a `y`; for one that is None, and ignored, NaN stands in.
    max_subtasks : int, optional
    """

    def __init__(self, estimator: Any, X: Any, y: Any, max_subtasks: int | None = None) -> None:
        self.estimator = estimator
        self.data = {"X": X, "y": (lambda: np.full(len(X), np.nan)) if y is None else y}
        self.context = estimator._init_callback_context(max_subtasks=max_subtasks)
        self.context.call_on_fit_task_begin(estimator=estimator, **self.data)

    @contextmanager
    def of(self, sub_estimator: Any) -> Iterator[None]:
        """The task of fitting a sub-estimator, to which callbacks are handed on."""
        inner = self.context.subcontext(task_name=f"fit-{type(sub_estimator).__name__}")
        inner.is_awaited = _is_awaited(self.estimator)
        with inner.propagate_callback_context(sub_estimator):
            inner.call_on_fit_task_begin(estimator=self.estimator, **self.data)
            yield
            inner.call_on_fit_task_end(estimator=self.estimator, **self.data)

    def end(self) -> None:
        """The estimator is fitted."""
        self.context.call_on_fit_task_end(estimator=self.estimator, reconstruction_attributes={}, **self.data)


class PassTasks(Watch):
    """Passes over the data as tasks of a `fit`, each with the estimator as it would be if training stopped there.

    Parameters
    ----------
    tasks : FitTasks
    fitted : callable
        From the log so far to the fitted attributes.
    """

    def __init__(self, tasks: FitTasks, fitted: Callable[[TrainingLog], dict[str, Any]]) -> None:
        self.tasks, self.fitted = tasks, fitted
        self.is_awaited = _is_awaited(tasks.estimator)

    def begin_pass(self) -> None:
        self._pass = self.tasks.context.subcontext(task_name="pass")
        self._pass.call_on_fit_task_begin(estimator=self.tasks.estimator, **self.tasks.data)

    def end_pass(self, log: TrainingLog) -> bool:
        return self._pass.call_on_fit_task_end(
            estimator=self.tasks.estimator, reconstruction_attributes=lambda: self.fitted(log), **self.tasks.data
        )
