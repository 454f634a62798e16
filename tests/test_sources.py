"""Laws of datasets, loaders and pictures as input: what an array gives, they give, to the bit; or a plain error."""

import re

import numpy as np
import pytest
import torch
from conftest import IdentityAutoencoder
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from torch.utils.data import BatchSampler, DataLoader, Dataset, IterableDataset, RandomSampler, TensorDataset

from latentaug import VAE, ConditionalVAE, LatentAugmenter, LatentResampler, TransferHead
from latentaug.augs import flip_lr, flip_ud

Image = pytest.importorskip("PIL.Image")
GREY = (load_digits().images[:40] * 15).astype(np.uint8)
LABELS = load_digits().target[:40] % 2
COLOUR = np.random.default_rng(0).integers(0, 256, (40, 9, 8, 3), np.uint8)
ARRAYS = {"grey": GREY, "colour": COLOUR}
QUICK = VAE(latent_dim=4, hidden_channels=(2, 3), max_iter=1, device="cpu", random_state=0)

every_array = pytest.mark.parametrize("X", ARRAYS.values(), ids=ARRAYS)


class Listed(Dataset):
    """A map-style data set of whatever a list holds."""

    def __init__(self, items):
        self.items = list(items)

    def __len__(self):
        return len(self.items)

    def __getitem__(self, k):
        return self.items[k]


class Streamed(IterableDataset):
    """The same, one after the other."""

    def __init__(self, items):
        self.items = list(items)

    def __iter__(self):
        return iter(self.items)


def tensors(X):
    """Images as torch lays them out, (n, C, H, W); one channel where they are grey."""
    return torch.from_numpy(np.ascontiguousarray(X[:, None] if X.ndim == 3 else np.moveaxis(X, -1, 1)))


def pictures(X):
    return [Image.fromarray(image) for image in X]


# Ways to bring the same images.
WAYS = {
    "a list of pictures": pictures,
    "a TensorDataset": lambda X: TensorDataset(tensors(X)),
    "tensors with labels": lambda X: TensorDataset(tensors(X), torch.arange(len(X))),
    "grey or last": lambda X: Listed(torch.from_numpy(X)),
    "arrays": lambda X: Listed(X),
    "pictures in a Dataset": lambda X: Listed(pictures(X)),
    "pictures with labels": lambda X: Listed([(picture, 3) for picture in pictures(X)]),
    "a stream": lambda X: Streamed(tensors(X)),
    "a loader": lambda X: DataLoader(TensorDataset(tensors(X)), batch_size=16),
    "a loader with labels": lambda X: DataLoader(TensorDataset(tensors(X), torch.arange(len(X))), batch_size=7),
    "a loader of arrays": lambda X: DataLoader(Listed(X), batch_size=16),
    "a loader of a stream": lambda X: DataLoader(Streamed(tensors(X)), batch_size=16),
}
every_way = pytest.mark.parametrize("way", WAYS)


def bring(way, X):
    return WAYS[way](X)


@every_way
@every_array
def test_what_an_array_gives_a_data_set_gives_to_the_bit(way, X):
    fitted, again = clone(QUICK).fit(X), clone(QUICK).fit(bring(way, X))
    assert again.format_ == fitted.format_
    np.testing.assert_array_equal(again.transform(bring(way, X)), fitted.transform(X), strict=True)
    assert again.score(bring(way, X)) == fitted.score(X)


ESTIMATORS = {
    "VAE": QUICK,
    "staged": LatentAugmenter([flip_lr, flip_ud], PCA(4), method="staged"),
    "joint": LatentAugmenter([flip_lr, flip_ud], QUICK),
    "conditional": ConditionalVAE([flip_lr], QUICK),
    "transfer": TransferHead(LatentAugmenter([flip_lr], PCA(4), method="staged"), [flip_ud], autoencoder=QUICK),
    "resampler": LatentResampler(LatentAugmenter([flip_lr], PCA(4), method="staged"), random_state=0),
}
# Verbs that take images, and give something of each.
VERBS = {
    "transform": lambda model, X: model.transform(X),
    "encode": lambda model, X: model.encode(X),
    "recurse": lambda model, X: model.recurse(X, "flip_lr", 2),
    "interpolate": lambda model, X: model.interpolate(X, X, 3),
    "score": lambda model, X: model.score(X),
    "transform of a composition": lambda model, X: model["flip_lr"].transform(X),
}


@pytest.mark.parametrize("way", ["pictures with labels", "a loader with labels"])
@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_estimator_takes_what_torch_has(name, way):
    if name == "resampler":
        plain, given = (clone(ESTIMATORS[name]).fit_resample(X, LABELS) for X in (GREY, bring(way, GREY)))
        for expected, found in zip(plain, given, strict=True):
            np.testing.assert_array_equal(found, expected, strict=True)
        return
    fitted, again = (clone(ESTIMATORS[name]).set_params().fit(X) for X in (GREY, bring(way, GREY)))
    np.testing.assert_array_equal(again.transform(bring(way, GREY)), fitted.transform(GREY), strict=True)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("way", ["a TensorDataset", "a loader"])
def test_every_verb_takes_what_torch_has_and_gives_stacks(verb, way):
    model = LatentAugmenter([flip_lr], IdentityAutoencoder(), method="staged").fit(COLOUR)
    np.testing.assert_array_equal(VERBS[verb](model, bring(way, COLOUR)), VERBS[verb](model, COLOUR), strict=True)


@pytest.mark.parametrize("way", ["a TensorDataset", "a loader", "a list of pictures"])
def test_pairs_come_as_data_sets_too(way):
    plain, given = (
        LatentAugmenter(autoencoder=PCA(4), method="staged").fit(X, views={("flip",): F})
        for X, F in ((GREY, GREY[:, :, ::-1]), (bring(way, GREY), bring(way, GREY[:, :, ::-1].copy())))
    )
    np.testing.assert_array_equal(given.latent_maps_["flip"], plain.latent_maps_["flip"])


def test_rows_stay_rows():
    rows = GREY.reshape(40, -1)
    fitted = clone(QUICK).set_params(image_shape=(8, 8)).fit(rows)
    for given in (TensorDataset(torch.from_numpy(rows)), DataLoader(TensorDataset(torch.from_numpy(rows)), 8)):
        again = clone(fitted).fit(given)
        assert again.format_ == fitted.format_
        np.testing.assert_array_equal(again.transform(given), fitted.transform(rows), strict=True)


# Loaders in which no image is found again.
SHUFFLED = {
    "shuffled": lambda data: DataLoader(data, batch_size=8, shuffle=True),
    "its own sampler": lambda data: DataLoader(data, batch_size=8, sampler=RandomSampler(data)),
    "its own batches": lambda data: DataLoader(data, batch_sampler=BatchSampler(RandomSampler(data), 8, False)),
    "a list of batches": lambda data: DataLoader(data, batch_sampler=[[3, 1], [2]]),
    "the last left out": lambda data: DataLoader(data, batch_size=7, drop_last=True),
}


@pytest.mark.parametrize("kind", SHUFFLED)
def test_the_order_matters_only_where_images_are_found_again(kind):
    loader = SHUFFLED[kind](TensorDataset(tensors(GREY)))
    model = clone(QUICK).fit(loader).partial_fit(loader)
    staged = LatentAugmenter(["flip"], PCA(2), method="staged")
    resampler = ESTIMATORS["resampler"]
    message = r"^X, a DataLoader, shuffles or leaves out images, .* Allowed: its dataset itself, or DataLoader"
    for wrong in (
        lambda: model.transform(loader),
        lambda: model.score(loader),
        lambda: staged.fit(loader, views={("flip",): GREY}),
        lambda: clone(resampler).fit(loader, LABELS),
    ):
        with pytest.raises(ValueError, match=message):
            wrong()


def test_global_generators_stay_as_they_were(global_generators):
    clone(QUICK).fit(DataLoader(TensorDataset(tensors(GREY)), batch_size=8, shuffle=True))


def fails(*_):
    raise OSError("the disk\nis gone")


MIXED = [*pictures(GREY[:2]), Image.new("L", (5, 7))]
# What does not give images, and what is said of it.
WRONG = {
    "numbers": (Listed([1, 2]), "^X, a Listed, does not give images: an item must be an image, .*; it is 1"),
    "dicts": (Listed([{"image": GREY[0]}]), "it is a dict"),
    "strings": (Listed(["1.png"]), "it is '1.png'"),
    "nothing": (Listed([]), "it is empty"),
    "no length": (type("Endless", (Dataset,), {})(), "^X, a Endless, does not give images: "),
    "what fails": (type("Broken", (Listed,), {"__getitem__": fails})([1]), "the disk is gone"),
    "two shapes": (Listed([GREY[0], GREY[0, :5]]), r"must have one shape and dtype, and have \(8, 8\) of uint8, \(5"),
    "two dtypes": (Listed([GREY[0], GREY[0] / 255]), r"must have one shape and dtype, .*uint8, \(8, 8\) of float64"),
    "videos": (Listed(np.zeros((2, 3, 3, 8, 8))), "an image has 1 to 3 axes"),
    "a batch of dicts": (DataLoader(Listed([{"a": 1}])), "does not give images: an item must be an image"),
    "pictures in a loader": (DataLoader(Listed(pictures(GREY))), "^X, a DataLoader, does not give images: "),
    "pictures of two sizes": (MIXED, r"^Pictures must have one size and one mode. Got L \(8, 8\), L \(5, 7\)"),
    "pictures of two modes": ([Image.new("L", (8, 8)), Image.new("RGB", (8, 8))], "one mode. Got L .*, RGB"),
    "pictures and arrays": ([Image.new("L", (8, 8)), GREY[0]], "one size and one mode. Got L .*, ndarray"),
    "no batches": (DataLoader(Listed(GREY), batch_size=None), r"^X, a DataLoader, has no batch_size, .* Allowed: its"),
    "palettes": ([Image.new("P", (8, 8))], r"^Pictures must have a mode of 1, L, RGB. Got P. Convert each"),
    "palettes in a Dataset": (Listed([Image.new("P", (8, 8))]), "Got P. Convert each: p.convert"),
    "layers": ([Image.new("RGBA", (8, 8))], "Got RGBA. Convert each"),
}


@pytest.mark.parametrize("kind", WRONG)
@pytest.mark.parametrize("verb", ["fit", "transform"])
def test_what_gives_no_images_is_one_plain_line(kind, verb):
    given, message = WRONG[kind]
    model = LatentAugmenter([flip_lr], PCA(4), method="staged").fit(GREY)
    with pytest.raises((ValueError, TypeError), match=message) as caught:
        getattr(model, verb)(given)
    assert "\n" not in str(caught.value)


def test_scales_and_layouts_are_told_as_for_arrays():
    model = clone(QUICK).fit(TensorDataset(tensors(COLOUR).float() / 255))
    with pytest.raises(ValueError, match="another scale than the training data"):
        model.transform(TensorDataset(tensors(COLOUR).float()))
    with pytest.raises(ValueError, match=re.escape("was fitted on images of shape (9, 8, 3). Got (8, 8)")):
        model.transform(TensorDataset(tensors(GREY)))
    deep = TensorDataset(torch.rand(10, 16, 8, 12))
    assert clone(QUICK).fit(deep).image_shape_ == (8, 12, 16)
    assert clone(QUICK).fit(Listed(np.random.default_rng(0).random((10, 8, 12, 16)))).image_shape_ == (8, 12, 16)
