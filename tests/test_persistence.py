"""Whatever route a model travels, it answers with the same bits; and a file that is not a model's is refused."""

import copy
import doctest
import json
import os
import pickle
import warnings
import zipfile
from pathlib import Path

import joblib
import numpy as np
import pytest
import sklearn
import torch
from conftest import IdentityAutoencoder
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from joblib.externals.loky.backend import reduction
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.estimator_checks import check_estimators_pickle

import latentaug
from latentaug import VAE, ConditionalVAE, LatentAugmenter, LatentTransform, TransferHead, load, persistence
from latentaug.augs import CATALOGUE, OneParameter, flip_lr, from_torchvision
from latentaug.images import ImageFormat
from latentaug.latent.algebra import Algebra
from latentaug.latent.families import FamilyLaws
from latentaug.latent.flows import Flow
from latentaug.latent.maps import AffineMap, Moments, ResidualNetwork
from latentaug.latent.representations import cyclic_table
from latentaug.learn import coding as border
from latentaug.learn.resuming import Stream
from latentaug.models.classes import Normal
from latentaug.models.errors import PairRow, PairTable
from latentaug.models.verdict import Verdict
from latentaug.persistence import KINDS, MAX_NESTED, RECORDS, MissingAug, Reader, VersionWarning, Writer

cloudpickle = pytest.importorskip("cloudpickle")
skops = pytest.importorskip("skops.io")


def quick(**parameters):
    return VAE(
        latent_dim=4, hidden_channels=(4, 8), kl_weight=0.01, max_iter=1, random_state=0, device="cpu", **parameters
    )


def negate(X):
    """An augmentation that pickles by name."""
    return (255 if X.dtype.kind in "ui" else 1) - X


BUILD = {
    "VAE": lambda X: quick(image_shape=(8, 8)).fit(X.reshape(len(X), -1)),
    "AdaBelief, refined": lambda X: quick(optimizer="adabelief", refine_steps=1).fit(X),
    "staged, VAE": lambda X: LatentAugmenter([flip_lr, "canny"], quick(), method="staged").fit(X),
    "staged, PCA": lambda X: LatentAugmenter(["flip_lr", "flip_ud"], PCA(8), method="staged").fit(X),
    "frozen pipeline": lambda X: LatentAugmenter(
        ["flip_lr", negate],
        FrozenEstimator(make_pipeline(StandardScaler(), PCA(8)).fit(X.reshape(len(X), -1))),
        method="staged",
    ).fit(X),
    "joint": lambda X: LatentAugmenter(["flip_lr", ("negate", negate)], quick()).fit(X),
    "nonlinear": lambda X: LatentAugmenter(["flip_lr"], PCA(4), method="staged", geometry="nonlinear").fit(X),
    "head": lambda X: TransferHead(
        LatentAugmenter(["flip_lr", "canny"], quick()).fit(X), ["shear_x", "flip_ud"], autoencoder=quick()
    ).fit(X),
    "conditional": lambda X: ConditionalVAE(["flip_lr", "flip_ud"], quick()).fit(X),
    "transform": lambda X: LatentAugmenter(["flip_lr"], quick()).fit(X)["flip_lr"].inverse(),
}
UNFITTED = {
    "VAE": VAE(random_state=np.random.RandomState(3), device=torch.device("cpu"), kl_weight=float("inf")),
    "LatentAugmenter": LatentAugmenter([flip_lr], PCA(3), apply=[]),
    "ConditionalVAE": ConditionalVAE(),
    "TransferHead": TransferHead(LatentAugmenter(), ["canny"], pairing={"flip_lr": "canny"}),
}


@pytest.fixture(scope="module")
def X(digits):  # noqa: N802  (a fixture, called what it gives)
    return digits[:40]


@pytest.fixture(scope="module")
def models(X):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return {name: build(X) for name, build in BUILD.items()}


@pytest.fixture(scope="module")
def augmenter(models):
    return models["staged, PCA"]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.latentaug"


def by_save(model, path):
    model.save(path)
    functions = {"negate": negate} if "negate" in getattr(model, "aug_names_", ()) else None
    return load(path, device="cpu", augs=functions)


def by_joblib(model, path, **parameters):
    joblib.dump(model, path)
    return joblib.load(path, **parameters)


def by_skops(model, path):
    skops.dump(model, path)
    untrusted = skops.get_untrusted_types(file=path)
    assert all(name.startswith(("latentaug.", f"{__name__}.negate")) for name in untrusted)
    return skops.load(path, trusted=untrusted)


PICKLES = {
    "pickle": lambda model, path: pickle.loads(pickle.dumps(model)),
    "cloudpickle": lambda model, path: pickle.loads(cloudpickle.dumps(model)),
    "processes of joblib": lambda model, path: pickle.loads(reduction.dumps(model)),
    "deepcopy": lambda model, path: copy.deepcopy(model),
    "joblib": by_joblib,
    "joblib, memory-mapped": lambda model, path: by_joblib(model, path, mmap_mode="r"),
    "skops": by_skops,
}
ROUTES = {**PICKLES, "save": by_save, "save twice": lambda model, path: by_save(by_save(model, path), path)}


def answers(model, X):
    """All that a model says of images and of latents."""
    given = [model.transform(X)]
    if isinstance(model, VAE):
        return [*given, model.inverse_transform(given[0]), model.score_samples(X)]
    given += [model.inverse_transform(X)] if model.is_invertible else []
    augmenter = getattr(model, "augmenter", model) if isinstance(model, LatentTransform) else model
    Z = augmenter.encode(X)
    given += [augmenter.decode(Z), *(augmenter.transform_latent(Z, name) for name in augmenter.aug_names_)]
    given += [*augmenter.latent_boxes_.values(), np.array(list(augmenter.condition_numbers_.values()))]
    return [*given, np.array(augmenter.score(X))]


def assert_same(one, other, X):
    for a, b in zip(answers(one, X), answers(other, X), strict=True):
        assert a.dtype == b.dtype
        assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("name", BUILD)
def test_every_route_gives_the_same_bits(route, name, models, X, path, global_generators):
    assert_same(ROUTES[route](models[name], path), models[name], X)


@pytest.mark.parametrize("route", PICKLES)
def test_every_pickle_works_inside_a_pipeline(route, models, X, path):
    pipeline = make_pipeline(models["transform"], models["head"], models["AdaBelief, refined"])
    assert np.array_equal(ROUTES[route](pipeline, path).transform(X), pipeline.transform(X))


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("name", UNFITTED)
def test_unfitted_models_travel_too(route, name, path):
    model, there = UNFITTED[name], ROUTES[route](UNFITTED[name], path)
    assert list(vars(there)) == list(vars(model))
    if name == "VAE":
        assert there.kl_weight == float("inf")
        assert there.random_state.tomaxint() == copy.deepcopy(model.random_state).tomaxint()


def test_scikit_learn_checks_pickles():
    check_estimators_pickle("VAE", quick())
    check_estimators_pickle("LatentAugmenter", LatentAugmenter(["flip_lr"], PCA(1), method="staged"))


@pytest.mark.parametrize("name", BUILD)
def test_a_saved_load_is_the_same_file(name, models, path):
    models[name].save(path)
    first = path.read_bytes()
    load(path, device="cpu").save(path)
    assert path.read_bytes() == first


@pytest.mark.parametrize("route", ROUTES)
def test_what_is_shared_stays_shared(route, models, X, path):
    head = ROUTES[route](models["head"], path)
    assert head.augmenter_ is head.augmenter
    if "joblib," not in route and route != "joblib":  # joblib itself stores arrays one by one
        assert head.latent_maps_["shear_x"] is head.augmenter.latent_maps_["flip_lr"]


def test_a_loaded_array_is_its_owners(augmenter, path):
    augmenter.save(path)
    loaded = load(path)
    flip = loaded.latent_maps_["flip_lr"]
    flip[0] = 0
    assert not np.array_equal(flip, load(path).latent_maps_["flip_lr"])


def test_equal_arrays_are_stored_once_and_loaded_apart():
    writer, array = Writer(), np.arange(6.0)
    node = writer.write([array, array.copy(), array, array.reshape(2, 3)])
    assert len(writer.arrays) == 2
    reader = Reader(writer.arrays, "cpu", {})
    reader.read_all(writer.objects)
    first, equal, same, shaped = reader.read(node)
    first[0] = 7
    assert same is first
    assert [equal[0], shaped.shape, shaped[0, 0], array[0]] == [0, (2, 3), 0, 0]


def test_a_tuple_holds_so_many_others_and_no_more():
    def travelled(n_others):
        (writer := Writer()).write(((),) * n_others)
        return Reader(writer.arrays, "cpu", {}).read_all(writer.objects)

    assert travelled(MAX_NESTED - 1) == ((),) * (MAX_NESTED - 1)
    with pytest.raises(ValueError, match=f"^a tuple holds more than {MAX_NESTED} others$"):
        travelled(MAX_NESTED)


def test_shared_weights_are_stored_once(models, path):
    models["conditional"].save(path)
    weights = [border.weights_of(vae.network_) for vae in models["conditional"].autoencoders_.values()]
    assert len(weights) == 4
    assert path.stat().st_size < len(pickle.dumps(weights))


def test_the_file_is_a_zip_of_json_and_safetensors(models, path):
    models["staged, VAE"].save(path)
    with zipfile.ZipFile(path) as file:
        assert file.testzip() is None
        assert file.namelist() == ["meta.json", "arrays.safetensors"]
        assert {member.compress_type for member in file.infolist()} == {zipfile.ZIP_STORED}
        meta = json.loads(file.read("meta.json"))
    assert meta["format"] == 1
    assert meta["versions"]["latentaug"] == latentaug.__version__
    assert meta["versions"]["scikit-learn"] == sklearn.__version__
    assert {kind for kind, _ in meta["objects"]} <= set(KINDS)


# Functions


def local_function():
    def shade(X):
        return X // 2 if X.dtype.kind in "ui" else X / 2

    return shade


NAMELESS = {
    "lambda": lambda: lambda X: negate(X),
    "local": local_function,
    "adapter": lambda: from_torchvision(lambda images: images.flip(-1), "mirror"),
}


@pytest.fixture(scope="module", params=NAMELESS)
def nameless(request, X):
    return LatentAugmenter([NAMELESS[request.param](), "flip_ud"], PCA(6), method="staged", random_state=0).fit(X)


@pytest.mark.parametrize("route", ["deepcopy", "cloudpickle", "processes of joblib"])
def test_a_function_without_a_name_is_copied(route, nameless, X, path):
    there = ROUTES[route](nameless, path)
    assert_same(there, nameless, X)
    assert_same(clone(there).fit(X), nameless, X)


def test_without_its_function_a_model_transforms_and_says_what_it_misses(nameless, X, path):
    name = nameless.aug_names_[0]
    for route in ("save", "save twice", "pickle", "deepcopy"):
        loaded = ROUTES[route](by_save(nameless, path), path)
        assert np.array_equal(loaded.transform(X), nameless.transform(X))
        for use in (clone(loaded).fit, loaded.fit, loaded.score):
            with pytest.raises(ValueError, match=rf"'{name}' .* not saved with the model. Attach it by load"):
                use(X)
        assert isinstance(loaded.augs[0], MissingAug)
        assert "MissingAug" in repr(loaded)
    given = nameless.augs[0]
    whole = load(path, augs={name: given})
    assert_same(whole, nameless, X)
    assert_same(clone(whole).fit(X), nameless, X)


def test_only_functions_of_the_catalogue_come_back(path):
    augs = [("shade", local_function()), ["tint", negate], "flip_lr", len, *CATALOGUE.values()]
    loaded = by_save(LatentAugmenter(augs), path).augs
    assert loaded[4:] == list(CATALOGUE.values())
    assert [loaded[0][0], loaded[1][0], loaded[2]] == ["shade", "tint", "flip_lr"]
    assert [type(loaded[0][1]), type(loaded[1][1]), type(loaded[3])] == [MissingAug] * 3
    assert loaded[1][1].qualname == f"{__name__}:negate"
    (borrowed,) = by_save(LatentAugmenter([("flip_ud", negate)]), path.with_name("borrowed")).augs
    assert type(borrowed[1]) is MissingAug
    attached = load(path, augs={"tint": negate, "len": max}).augs
    assert attached[1] == ("tint", negate)
    assert attached[3] == ("len", max)


def test_functions_are_checked(augmenter, path):
    augmenter.save(path)
    with pytest.raises(ValueError, match=r"^Unknown augmentation 'flip_lr'. Saved with a function: none."):
        load(path, augs={"flip_lr": flip_lr})
    with pytest.raises(TypeError, match="augs must be a dict of name to function"):
        load(path, augs=[flip_lr])
    with pytest.raises(TypeError, match=r"augs\['a'\] must be a function. Got 'flip_lr'"):
        load(path, augs={"a": "flip_lr"})


# Devices and versions


@pytest.fixture
def without_cuda(monkeypatch):
    """A machine on which CUDA is not usable."""
    usable = border.find_device

    def find_device(device):
        if "cuda" in str(device):
            raise ValueError("device 'cuda' is not usable here. Allowed: auto, cpu, cuda, mps.")
        return usable("cpu" if device == "auto" else device)

    monkeypatch.setattr(border, "find_device", find_device)


@pytest.mark.parametrize("device", ["cuda", torch.device("cuda", 1)])
def test_a_model_of_a_gpu_comes_to_a_cpu(device, models, X, path, without_cuda):
    model = copy.deepcopy(models["conditional"])
    for vae in model.autoencoders_.values():
        vae.device = device
    dumped = pickle.dumps(model)
    assert b"torch" not in dumped
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        loaded = pickle.loads(dumped)
    assert [str(warning.message).endswith("The CPU is used instead.") for warning in caught] == [True]
    assert np.array_equal(loaded.transform(X), models["conditional"].transform(X))
    model.save(path)
    assert np.array_equal(load(path).transform(X), models["conditional"].transform(X))
    with pytest.raises(ValueError, match="is not usable here"):
        load(path, device="cuda")


def test_load_sets_the_device(models, path):
    models["joint"].save(path)
    for device, wanted in {"cpu": "cpu", torch.device("cpu"): "cpu", "auto": "auto"}.items():
        loaded = load(path, device=device)
        assert {loaded.autoencoder.device, loaded.autoencoder_.device} == {wanted}
    assert loaded.autoencoder_.device_ == border.find_device("auto")


def test_another_version_warns_once(models, path, X, monkeypatch):
    monkeypatch.setattr(latentaug, "__version__", "0.0.9")
    monkeypatch.setattr(persistence, "__version__", "0.0.9")
    models["staged, VAE"].save(path)
    dumped = pickle.dumps(models["staged, VAE"])
    monkeypatch.undo()
    with pytest.warns(VersionWarning, match=r"saved by latentaug 0.0.9. This is") as caught:
        loaded = load(path, device="cpu")
    assert len(caught) == 1
    assert_same(loaded, models["staged, VAE"], X)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        assert_same(pickle.loads(dumped), models["staged, VAE"], X)
    assert [warning.category for warning in caught] == [VersionWarning]
    state = VAE().__getstate__()
    del state["_latentaug_version"]
    with pytest.warns(VersionWarning, match="before 0.1"):
        VAE().__setstate__(state)


# What a file holds

SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text())
DTYPES = ["?", "u1", "i8", "f2", "f4", "f8", "c16", "<U3", "S2", ">f4"]
ARRAYS = hnp.arrays(st.sampled_from(DTYPES), hnp.array_shapes(min_dims=0, min_side=0, max_side=3)).map(np.asarray)
VALUES = st.recursive(
    st.one_of(SCALARS, ARRAYS, ARRAYS.map(np.transpose), ARRAYS.filter(np.size).map(lambda a: a.flat[0])),
    lambda values: st.one_of(
        st.lists(values),
        st.lists(values).map(tuple),
        st.dictionaries(st.one_of(SCALARS, st.tuples(SCALARS, st.tuples(SCALARS))), values, max_size=3),
    ),
    max_leaves=5,
)


def through_a_table(value):
    writer = Writer()
    node = writer.write([value])
    objects = json.loads(json.dumps(writer.objects, allow_nan=False))
    reader = Reader(writer.arrays, "cpu", {})
    reader.read_all(objects)
    return reader.read(json.loads(json.dumps(node)))[0]


@given(VALUES)
def test_plain_data_comes_back_to_the_bit(value):
    assert pickle.dumps(copy.deepcopy(through_a_table(value))) == pickle.dumps(copy.deepcopy(value))


PAIR_ROW = PairRow("undo", ("a",), 3, (0.5, 0.4, 0.6), -1.0, -2.0, (0.9, 0.8, 1.0), (0.7, 0.6, 0.8))
RECORDED = {
    "ImageFormat": ImageFormat((2, 3), value_range=(-1.0, 1.0)),
    "Algebra": Algebra({"a": 2, "b": None}, {("a", "b"): 0.5}, {"a": 1}, [(), ("a",)], cyclic_table(2)),
    "Moments": Moments.of({(): np.eye(3), ("a", "b"): np.ones((3, 3))}),
    "Stream": Stream(3, 2, 7, {"0.step": np.float32(7) * np.ones(()), "0.exp_avg": np.ones((2, 3), dtype=np.float32)}),
    "ResidualNetwork": ResidualNetwork(np.eye(2), np.ones((2, 3)), np.ones(3), np.ones((3, 2)), np.ones(2)),
    "Flow": Flow(np.eye(3), np.eye(3), np.ones(1), np.zeros(3), -1.0, 2.0, None),
    "FamilyLaws": FamilyLaws(-1.0, 1.0, 2.0, "turns", False, True, 0.25, {"a": -1}, [0.0, None], [0.5]),
    "Verdict": Verdict(0.8, 0.6, 3, 4, True, 0.9, 500),
    "Normal": Normal(np.ones(2), np.eye(2)),
    "OneParameter": OneParameter(None, -1.0, 1.0, 2.0, "turns", "spin"),
    "AffineMap": AffineMap(np.eye(2), np.ones(2)),
    "PairRow": PAIR_ROW,
    "PairTable": PairTable((PAIR_ROW,)),
}


@pytest.mark.parametrize(
    "travel",
    [
        through_a_table,
        lambda record: pickle.loads(pickle.dumps(record)),
        lambda record: skops.loads((dumped := skops.dumps(record)), trusted=skops.get_untrusted_types(data=dumped)),
    ],
    ids=["save", "pickle", "skops"],
)
@pytest.mark.parametrize("name", RECORDS)
def test_every_record_comes_back(name, travel):
    before, after = RECORDED[name], travel(RECORDED[name])
    assert type(after) is type(before)
    for field, value in vars(before).items():
        assert type(getattr(after, field)) is type(value)
        np.testing.assert_equal(getattr(after, field), value)


def test_orders_of_memory_and_objects_come_back():
    turned = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    names = np.array([["a", None], [1, np.float32(2)]], dtype=object, order="F")
    assert through_a_table(turned).flags.f_contiguous
    assert np.array_equal(through_a_table(turned), turned)
    assert np.array_equal(through_a_table(turned[:, ::2]), turned[:, ::2])
    assert through_a_table(names).tolist() == names.tolist()
    assert type(through_a_table(names)[1, 1]) is np.float32
    lists = np.fromiter([[1, 2], [3, 4]], dtype=object)
    assert through_a_table(lists).tolist() == lists.tolist()


class Sub(VAE):
    """A user's own estimator."""


def itself():
    values = []
    values.append(values)
    return values


REFUSED = {
    "user's estimator": lambda: LatentAugmenter(["flip_lr"], IdentityAutoencoder()),
    "subclass": lambda: Sub(),
    "function elsewhere": lambda: LatentAugmenter(["flip_lr"], FunctionTransformer(np.log1p)),
    "module": lambda: VAE(verbose=os),
    "itself": lambda: VAE(hidden_channels=itself()),
    "dates": lambda: VAE(verbose=np.zeros(1, "M8[s]")),
    "records": lambda: VAE(verbose=np.zeros(1, "f4,f4")),
    "generator": lambda: VAE(random_state=np.random.default_rng(0)),
    "foreign generator": lambda: VAE(random_state=np.random.RandomState(np.random.PCG64(0))),
    "tensor": lambda: VAE(verbose=torch.zeros(1)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_file_cannot_hold_is_refused_and_leaves_the_old_file(name, path):
    path.write_bytes(b"old")
    with pytest.raises(TypeError, match=r"^save\(\) holds ") as raised:
        REFUSED[name]().save(path)
    assert "\n" not in str(raised.value)
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("wrong", [3, None, "", ".", "a\0b"])
def test_what_names_no_file_is_refused_in_one_line(wrong, augmenter):
    for call in (augmenter.save, load):
        with pytest.raises((TypeError, ValueError), match=r"^path must .*Got .*\.$"):
            call(wrong)


GUIDE = Path(latentaug.__file__).parent.parent / "docs" / "persistence.rst"


@pytest.mark.skipif(not GUIDE.exists(), reason="needs the repository, not a wheel")
def test_the_examples_of_the_guide_run():
    assert doctest.testfile(str(GUIDE), module_relative=False).failed == 0
