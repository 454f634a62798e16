"""Large arrays row by row: batches by size, and memory maps whose pages are given back without losing anything."""

import math
import mmap
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentaug import VAE, _rows
from latentaug._rows import BATCH_PIXELS, batches, batches_of, is_mapped, release, slices, take
from latentaug.augs.views import Views
from latentaug.images import ImageFormat

VIEWS = {
    "all": lambda X: X,
    "some rows": lambda X: X[5:9],
    "rows backwards": lambda X: X[::-2],
    "columns": lambda X: X[:, 1:, ::3],
    "a plain array": np.asarray,
    "flat rows": lambda X: X.reshape(len(X), -1),
    "no rows": lambda X: X[:0],
}
every_view = pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(1, 256, (300, 40, 40)).astype(np.uint8)


def save(folder, images):
    np.save(folder / "images.npy", images)
    return folder / "images.npy"


@every_view
@pytest.mark.parametrize("fortran", [False, True])
def test_what_was_written_to_a_new_file_is_there_after_release(tmp_path, images, view, fortran):
    path = tmp_path / "images.npy"
    written = np.lib.format.open_memmap(path, "w+", np.uint8, images.shape, fortran_order=fortran)
    for start in range(0, len(images), 50):
        written[start : start + 50] = images[start : start + 50]
        release(written[start : start + 50])
    release(view(written))
    assert np.array_equal(written, images)
    assert np.array_equal(np.load(path), images)


@every_view
@pytest.mark.parametrize("mode", ["r+", "c"])
def test_what_was_changed_is_there_after_release(tmp_path, images, view, mode):
    path = save(tmp_path, images)
    changed = np.load(path, mmap_mode=mode)
    view(changed)[...] = 0
    release(view(changed))
    release(changed)
    expected = images.copy()
    view(expected)[...] = 0
    assert np.array_equal(changed, expected)
    assert np.array_equal(np.load(path), images if mode == "c" else expected)


@every_view
def test_what_was_read_can_be_read_again(tmp_path, images, view):
    mapped = np.load(save(tmp_path, images), mmap_mode="r")
    for _ in range(2):
        assert np.array_equal(view(mapped), view(images))
        release(view(mapped))


def test_maps_without_a_file_and_arrays_in_memory_are_left_alone():
    nameless = np.frombuffer(mmap.mmap(-1, 2**16), np.uint8)
    assert not is_mapped(nameless)
    for array in (nameless, np.zeros((3, 4)), np.zeros(0), np.zeros(3)[::-1]):
        array[...] = 7
        release(array)
        assert (array == 7).all()


@pytest.mark.parametrize("mode", ["r", "r+", "w+", "c"])
@every_view
def test_a_view_of_a_shared_file_is_known(tmp_path, images, mode, view):
    array = np.memmap(save(tmp_path, images), np.uint8, mode, shape=images.shape)
    assert is_mapped(view(array)) == (mode != "c")
    assert not is_mapped(np.array(array))


needs_status = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")


def resident():
    """Megabytes of files that the process holds in memory."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines["RssFile"].split()[0]) / 1024


@pytest.fixture
def large(tmp_path):
    """64 MB in a file, of which nothing is in the memory of the process."""
    mapped = np.lib.format.open_memmap(tmp_path / "images.npy", "w+", np.uint8, (64, 2**10, 2**10))
    mapped[:] = 1
    release(mapped)
    return mapped


@needs_status
@pytest.mark.parametrize("write", [False, True])
def test_memory_is_given_back(large, write):
    before = resident()
    for k in np.random.default_rng(0).permutation(64):
        large[k] = large[k] + write
        release(large[k])
        assert resident() - before < 8
    large.sum()
    assert resident() - before > 32
    release(large)
    assert resident() - before < 8


@needs_status
def test_views_give_the_memory_of_every_batch_back(large):
    before, views = resident(), Views(large, {}, ImageFormat(large.shape[1:]))
    for images in views.batches((), batch_size=2):
        assert images.any()
        assert resident() - before < 8
    views.take(slice(None)).sum()
    assert resident() - before > 32
    views.release()
    assert resident() - before < 8


@given(n=st.integers(1, 1000), n_pixels=st.integers(1, 2 * BATCH_PIXELS))
def test_a_batch_has_an_image_or_more_and_is_bounded_in_pixels(n, n_pixels):
    rows = list(batches(n, n_pixels))
    assert [k for part in rows for k in range(n)[part]] == list(range(n))
    assert all(1 <= part.stop - part.start <= max(1, BATCH_PIXELS // n_pixels) for part in rows)


def test_batches_and_slices_are_the_whole_in_order(tmp_path, images, monkeypatch):
    monkeypatch.setattr(_rows, "BATCH_PIXELS", 7 * 1600)
    monkeypatch.setattr(_rows, "SLICE_BYTES", 11 * 1600)
    mapped = np.load(save(tmp_path, images), mmap_mode="r")
    assert [part is images for part in slices(images)] == [True]
    assert len(list(slices(mapped))) == math.ceil(300 / 11)
    assert np.array_equal(np.concatenate(list(slices(mapped))), images)
    assert all(np.array_equal(batch, images[rows]) for rows, batch in batches_of(mapped))
    assert len(list(batches_of(mapped))) == math.ceil(300 / 7)


@pytest.mark.parametrize("rows", [slice(7, 90, 3), np.arange(300)[::-1], np.array([5, 5, 299, 0]), np.array([], int)])
def test_rows_taken_are_those_of_the_array(tmp_path, images, monkeypatch, rows):
    monkeypatch.setattr(_rows, "FAR_ROWS", 7)
    mapped = np.load(save(tmp_path, images), mmap_mode="r")
    assert np.array_equal(take(mapped, rows), images[rows])
    assert np.array_equal(take(images, rows), images[rows])


WRONG = {
    "NaN": lambda X: X * np.where(np.arange(len(X)) == 250, np.nan, 1)[:, None, None],
    "infinity": lambda X: X + np.where(np.arange(len(X)) == 299, np.inf, 0)[:, None, None],
    "above 255": lambda X: X.astype(np.int32) + 100,
    "below 0": lambda X: X.astype(np.int16) - 200,
    "complex": lambda X: X + 1j,
    "another size": lambda X: X[:, 1:],
    "no images": lambda X: X[:0, :, :0],
}


@pytest.mark.parametrize("spoil", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("flat", [False, True])
def test_a_wrong_memory_map_is_refused_as_a_wrong_array_is(tmp_path, images, monkeypatch, spoil, flat):
    monkeypatch.setattr(_rows, "SLICE_BYTES", 50_000)
    layout = (lambda X: X.reshape(len(X), math.prod(X.shape[1:]))) if flat else (lambda X: X)
    vae = VAE(2, hidden_channels=(2,), max_iter=1, device="cpu").fit(layout(images))
    wrong = layout(spoil(images))
    path = save(tmp_path, wrong)
    mapped = np.memmap(path, wrong.dtype, "r", shape=wrong.shape) if not wrong.size else np.load(path, mmap_mode="r")
    with pytest.raises((ValueError, TypeError)) as in_memory:
        vae.transform(wrong)
    with pytest.raises(type(in_memory.value)) as from_file:
        vae.transform(mapped)
    assert str(from_file.value) == str(in_memory.value)


@pytest.mark.parametrize("flat", [False, True])
def test_the_range_of_a_memory_map_is_that_of_the_array(tmp_path, images, monkeypatch, flat):
    monkeypatch.setattr(_rows, "SLICE_BYTES", 50_000)
    X = images / 50 - 1
    X = X.reshape(len(X), -1) if flat else X
    few = {"hidden_channels": (2,), "max_iter": 1, "device": "cpu", "random_state": 0}
    fitted, mapped = (VAE(2, **few).fit(array) for array in (X, np.load(save(tmp_path, X), mmap_mode="r")))
    assert mapped.format_ == fitted.format_
    assert np.array_equal(mapped.transform(X), fitted.transform(X))


FAULTS = """
import resource, sys
import numpy as np, latentaug

vae, X = latentaug.load(sys.argv[1], device="cpu"), np.zeros((2560, 28, 28), np.uint8)
for _ in range(3):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    vae.transform(X)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators have ways of their own")
def test_a_batch_uses_the_memory_of_the_one_before(tmp_path):
    vae = VAE(max_iter=1, random_state=0).fit(np.zeros((64, 28, 28), np.uint8))
    vae.save(tmp_path / "vae.latentaug")
    command = [sys.executable, "-c", FAULTS, str(tmp_path / "vae.latentaug")]
    faults = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert faults < 1000  # pages handed out anew, in ten batches; some thousands a batch where memory is given back
