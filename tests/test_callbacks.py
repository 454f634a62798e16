"""Who looks on while an estimator is fitted: scikit-learn's callbacks, a logger, and whoever presses Ctrl-C."""

import logging
import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from latentaug import VAE, ConditionalVAE, LatentAugmenter, TransferHead

callback = pytest.importorskip("sklearn.callback")

QUICK = VAE(latent_dim=3, hidden_channels=(2, 3), kl_weight=0.01, max_iter=4, image_shape=(8, 8), random_state=0)
MODELS = {
    "VAE": lambda vae: vae,
    "joint": lambda vae: LatentAugmenter(["flip_lr"], vae, random_state=0),
    "staged": lambda vae: LatentAugmenter(["flip_lr"], vae, method="staged", random_state=0),
    "ConditionalVAE": lambda vae: ConditionalVAE(["flip_lr"], vae, random_state=0),
    "TransferHead": lambda vae: TransferHead(MODELS["joint"](clone(QUICK)), ["flip_ud"], autoencoder=vae),
}
SURROUNDINGS = {
    "alone": lambda model: model,
    "pipeline": lambda model: make_pipeline(model, StandardScaler()),
    "search": lambda model: GridSearchCV(
        make_pipeline(model, LogisticRegression()), {"logisticregression__C": [1.0]}, cv=2, error_score="raise"
    ),
}
every_model = pytest.mark.parametrize("model", MODELS)
everywhere = pytest.mark.parametrize("surroundings", SURROUNDINGS)


@pytest.fixture
def few(digits):
    from sklearn.datasets import load_digits

    return digits[:60].reshape(60, -1), load_digits().target[:60]


class Recorder:
    """Remember every task, and stop training after some passes."""

    def __init__(self, n_passes=None):
        self.n_passes, self.open, self.ended, self.shown, self.set_up = n_passes, [], [], [], 0

    def setup(self, estimator, context):
        self.set_up += 1

    def teardown(self, estimator, context):
        self.set_up -= 1

    def on_fit_task_begin(self, estimator, context, *, X=None, fitted_estimator=None):
        self.open.append(context)

    def on_fit_task_end(self, estimator, context, *, X=None, fitted_estimator=None):
        assert self.open.pop() is context
        codes = None if fitted_estimator is None else fitted_estimator.transform(X)
        self.ended.append((context.task_name, codes))
        self.shown.append(fitted_estimator)
        return context.task_name == "pass" and context.task_id + 1 == self.n_passes


@everywhere
@every_model
def test_tasks_end_as_they_began_and_a_callback_stops_training(model, surroundings, few):
    recorder = Recorder(n_passes=2)
    estimator = SURROUNDINGS[surroundings](MODELS[model](clone(QUICK).set_callbacks(recorder)))
    estimator.fit(*few)
    names = [name for name, _ in recorder.ended]
    n_fits = 3 if surroundings == "search" else 1
    assert names == ["pass", "pass", "fit"] * n_fits
    assert recorder.open == []
    assert recorder.set_up == 0


def test_each_pass_shows_the_estimator_as_it_would_be_if_it_stopped_there(few):
    X, _ = few
    recorder = Recorder()
    vae = clone(QUICK).set_params(learning_rate="constant", kl_warmup=0).set_callbacks(recorder).fit(X)
    *passes, last = [codes for _, codes in recorder.ended]
    assert len(passes) == 4
    assert np.array_equal(last, vae.transform(X))
    assert np.array_equal(passes[3], last)
    for shown, codes in zip(recorder.shown, passes, strict=False):
        assert np.array_equal(shown.transform(X), codes)
    assert not np.array_equal(passes[0], passes[1])
    stopped = clone(QUICK).set_params(learning_rate="constant", kl_warmup=0).set_callbacks(Recorder(2)).fit(X)
    assert stopped.n_iter_ == 2
    assert np.array_equal(stopped.transform(X), passes[1])


@everywhere
@every_model
def test_a_progress_bar_reaches_the_passes(model, surroundings, few, capsys, monkeypatch):
    pytest.importorskip("rich")
    monkeypatch.setenv("COLUMNS", "250")
    bar = callback.ProgressBar(max_propagation_depth=None)
    SURROUNDINGS[surroundings](MODELS[model](clone(QUICK))).set_callbacks(bar).fit(*few)
    shown = capsys.readouterr().out
    assert "VAE - fit" in shown
    assert "100%" in shown


@everywhere
@pytest.mark.parametrize("model", ["VAE", "joint"])
def test_a_monitor_scores_every_pass(model, surroundings, few):
    X, y = few
    # scikit-learn 1.9.1 has a bug that makes scoring=None fail with every estimator
    monitor = callback.ScoringMonitor(scoring={"score": lambda estimator, X, y: estimator.score(X)})
    estimator = SURROUNDINGS[surroundings](MODELS[model](clone(QUICK).set_callbacks(monitor)))
    estimator.fit(X, y if surroundings == "search" else None)
    scores = [row["score"] for row in monitor.get_logs().data if row["task_name"] == "pass"]
    assert len(scores) == 4 * (3 if surroundings == "search" else 1)
    assert np.isfinite(scores).all()
    assert scores[0] < scores[3]


def test_callbacks_do_not_change_what_is_learned(few):
    X, _ = few
    plain, watched = clone(QUICK).fit(X), clone(QUICK).set_callbacks(Recorder()).fit(X)
    assert np.array_equal(plain.transform(X), watched.transform(X))


def test_without_callbacks_in_scikit_learn_nothing_is_missed():
    # Pipelines and searches of a scikit-learn that has callbacks need them: only latentaug is imported without.
    code = """
import sys, numpy as np, sklearn.pipeline, sklearn.model_selection
sys.modules["sklearn.callback"] = None
from latentaug import VAE, LatentAugmenter
X = np.random.default_rng(0).random((20, 8, 8))
vae = VAE(latent_dim=2, hidden_channels=(2,), max_iter=2)
assert LatentAugmenter(["flip_lr"], vae).fit(X).transform(X).shape == X.shape
assert not hasattr(vae, "set_callbacks")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


class Interrupt:
    """Press Ctrl-C in the third pass."""

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        if context.task_name == "pass" and context.task_id == 2:
            raise KeyboardInterrupt

    def on_fit_task_end(self, estimator, context):
        pass


@every_model
def test_ctrl_c_keeps_a_model_that_is_fitted_alone(model, few):
    estimator = MODELS[model](clone(QUICK).set_callbacks(Interrupt()))
    with pytest.warns(ConvergenceWarning, match="interrupted after 2 of 4 passes"):
        estimator.fit(few[0])
    assert np.isfinite(estimator.transform(few[0])).all()


@pytest.mark.parametrize("surroundings", ["pipeline", "search"])
@every_model
def test_ctrl_c_ends_a_search_and_a_pipeline(model, surroundings, few):
    estimator = SURROUNDINGS[surroundings](MODELS[model](clone(QUICK).set_callbacks(Interrupt())))
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(*few)


def test_a_logger_hears_of_every_pass(few, caplog, capfd):
    with caplog.at_level(logging.INFO, logger="latentaug"):
        clone(QUICK).fit(few[0])
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [f"Pass {k} of 4" for k in range(1, 5)]
    assert capfd.readouterr() == ("", "")
