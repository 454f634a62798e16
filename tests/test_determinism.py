"""The same bits: under one seed, in eight threads at once, whatever the global state; and the precisions."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.base import clone

import latentaug
from latentaug import VAE, ConditionalVAE, LatentAugmenter, TransferHead
from latentaug.learn.coding import find_device
from latentaug.learn.objectives import PRECISIONS

QUICK = VAE(latent_dim=4, hidden_channels=(4, 8), kl_weight=0.01, max_iter=3, random_state=0)
MODELS = {
    "VAE": QUICK,
    "joint": LatentAugmenter(["flip_lr", "canny"], QUICK, random_state=0),
    "staged": LatentAugmenter(["flip_lr"], QUICK, method="staged", random_state=0),
    "nonlinear": LatentAugmenter(["flip_lr"], QUICK, method="staged", geometry="nonlinear", random_state=0),
    "ConditionalVAE": ConditionalVAE(["flip_lr"], QUICK, random_state=0),
    "TransferHead": TransferHead(LatentAugmenter(["flip_lr"], QUICK, random_state=0), ["flip_ud"], random_state=0),
}
every_model = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)


@pytest.fixture(scope="module")
def few(digits):
    return digits[:100]


@pytest.mark.parametrize(("own", "alike"), [(5, True), (None, False)])
def test_an_autoencoder_keeps_the_seed_that_it_has(own, alike, few):
    vae = clone(QUICK).set_params(random_state=own, max_iter=1)
    models = [LatentAugmenter(["flip_lr"], vae, method="staged", random_state=seed).fit(few) for seed in (0, 1)]
    one, other = (model.encode(few) for model in models)
    assert np.array_equal(one, other) == alike


@every_model
def test_eight_threads_give_the_bits_of_one(model, few):
    fitted = clone(model).fit(few)
    batches = [few[k : k + 30] for k in range(8)]
    serial = [fitted.transform(batch) for batch in batches]
    together = threading.Barrier(8)

    def transform(batch):
        together.wait()
        return [fitted.transform(batch) for _ in range(5)]

    with ThreadPoolExecutor(8) as pool:
        for expected, results in zip(serial, pool.map(transform, batches), strict=True):
            assert all(np.array_equal(result, expected) for result in results)


@every_model
@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_same_seed_gives_the_same_bits_in_every_precision(model, precision, few, global_generators):
    names = [name for name in model.get_params() if name.split("__")[-1] == "precision"]
    first, again = (clone(model).set_params(**dict.fromkeys(names, precision)).fit(few) for _ in range(2))
    result = first.transform(few)
    assert result.dtype == np.float32
    assert np.isfinite(result).all()
    assert np.array_equal(again.transform(few), result)


def test_bfloat16_is_another_arithmetic_and_learns(few):
    losses = {precision: clone(QUICK).set_params(precision=precision).fit(few).loss_curve_ for precision in PRECISIONS}
    assert losses["32"] != losses["bf16-mixed"]
    np.testing.assert_allclose(losses["32"], losses["bf16-mixed"], rtol=0.02)


def test_weights_stay_in_float32_in_every_precision(few):
    vae = clone(QUICK).set_params(precision="bf16-mixed").fit(few)
    assert {weight.dtype for weight in vae.network_.state_dict().values()} == {torch.float32}


@pytest.mark.parametrize("precision", ["16", "bf16", 32, None])
def test_an_unknown_precision_is_refused_in_one_line(precision, few):
    with pytest.raises(ValueError, match=r"Unknown precision .*Allowed: 32, bf16-mixed"):
        clone(QUICK).set_params(precision=precision).fit(few)


@pytest.mark.parametrize("usable", [True, False])
def test_auto_is_cuda_where_it_is_usable(usable, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: usable)
    assert find_device("auto").type == ("cuda" if usable else "cpu")


def test_no_global_state_of_torch_is_set(few):
    before = torch.get_num_threads(), torch.get_default_dtype(), torch.are_deterministic_algorithms_enabled()
    clone(QUICK).fit(few).transform(few)
    assert before == (torch.get_num_threads(), torch.get_default_dtype(), torch.are_deterministic_algorithms_enabled())
    source = "".join(path.read_text() for path in Path(latentaug.__file__).parent.glob("*.py"))
    for call in ("set_num_threads", "manual_seed_all", "torch.manual_seed(", "np.random.seed", "set_default_dtype"):
        assert call not in source
